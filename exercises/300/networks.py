"""Networks that are asked about, and what the functions ought to give for them, in double precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from grader.checks import ngettext

Layer = tuple[np.ndarray, np.ndarray]  # weights (outputs, inputs), biases (outputs,); or the slopes for them


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * z))


def activations(layers: Sequence[Layer], xs: np.ndarray) -> list[np.ndarray]:
    """The inputs, and what each layer answers."""
    found = [xs]
    for weights, biases in layers:
        found.append(sigmoid(found[-1] @ weights.T + biases))
    return found


def flat(layers: Sequence[Layer]) -> np.ndarray:
    """All the numbers in one row."""
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def moved(layers: Sequence[Layer], by: Sequence[Layer], rate: float) -> list[Layer]:
    return [(w - rate * dw, b - rate * db) for (w, b), (dw, db) in zip(layers, by, strict=True)]


@dataclass(frozen=True)
class Task:
    """A network, inputs and targets."""

    layers: list[Layer]
    xs: np.ndarray  # (N, inputs)
    targets: np.ndarray  # (N, outputs)

    @property
    def parts(self) -> tuple[list[Layer], np.ndarray, np.ndarray]:
        return self.layers, self.xs, self.targets

    @property
    def sizes(self) -> list[int]:
        return [self.xs.shape[1], *(len(biases) for _, biases in self.layers)]

    @property
    def told(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        n = len(self.xs)
        return ngettext("a network {sizes} and {n} sample", "a network {sizes} and {n} samples", n, sizes=sizes)

    def outputs(self) -> np.ndarray:
        return activations(self.layers, self.xs)[-1]

    def loss(self) -> float:
        """The mean squared error."""
        return float(np.mean((self.outputs() - self.targets) ** 2))

    def of(self, layers: list[Layer]) -> Task:
        """The same task for other layers."""
        return replace(self, layers=layers)

    def downhill(self, rate: float) -> Task:
        """The same task after a step of gradient descent."""
        return self.of(moved(self.layers, self.slopes(), rate))

    def slopes(self, mistake: str = "") -> list[Layer]:
        """Gradient of the loss, layer by layer, by the chain rule; or what a mistake makes of it."""
        answers = activations(self.layers, self.xs)
        backwards: list[Layer] = []
        error = 2 * (answers[-1] - self.targets) / self.targets.size
        for (weights, _), before, after in zip(self.layers[::-1], answers[-2::-1], answers[:0:-1], strict=True):
            own = after * (1 - after)
            if backwards and mistake in ("hidden", "twice"):
                own = {"hidden": np.ones_like(after), "twice": sigmoid(after) * (1 - sigmoid(after))}[mistake]
            sums = error * own
            backwards.append((sums.T @ before, sums.sum(axis=0)))
            error = (error if mistake == "whole" else sums) @ weights
        return backwards[::-1]


def task(rng: np.random.Generator, sizes: Sequence[int], n: int, scale: float = 1.0) -> Task:
    """A task for a network of these sizes, with n samples; `scale` is how large its weights are.

    All numbers are float32's, so that none is rounded in whatever form it is sent.
    """

    def single(numbers: np.ndarray) -> np.ndarray:
        return numbers.astype(np.float32).astype(np.float64)

    def normal(*shape: int) -> np.ndarray:
        return single(scale * rng.normal(size=shape))

    layers = [(normal(after, before), normal(after)) for before, after in pairwise(sizes)]
    targets = rng.uniform(0.05, 0.95, size=(n, sizes[-1]))
    return Task(layers, single(rng.normal(size=(n, sizes[0]))), single(targets))


def tasks(rng: np.random.Generator) -> list[Task]:
    """Networks of one to four layers, for one sample and for several; sizes differ, so that none fits another."""
    picked = []
    for depth, samples in [(1, 1), (1, 8), (2, 1), (2, 9), (3, 11), (4, 10)]:
        sizes = rng.choice(np.arange(2, 8), size=depth + 1, replace=False)
        picked.append(task(rng, [int(size) for size in sizes], samples))
    width = int(rng.integers(2, 6))  # where every table is square, only its numbers tell a transpose
    picked.append(task(rng, [width] * 4, width))
    picked.append(task(rng, [1, int(rng.integers(2, 6)), 1], int(rng.integers(2, 9))))
    return picked
