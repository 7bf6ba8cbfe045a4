"""Networks of three layers, computed layer by layer, and inputs that tell right ones from wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


def relu(z: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.maximum(z, 0)
    return clipped


@dataclass(frozen=True)
class Network:
    """Weights and biases of three layers, W1, b1, … as the functions get them."""

    parameters: tuple[np.ndarray, ...]

    @property
    def sizes(self) -> str:
        """Of its layers: "2-3-3-1"."""
        return "-".join(str(size) for size in (self.parameters[0].shape[1], *map(len, self.parameters[1::2])))

    def layer(self, number: int, values: np.ndarray) -> np.ndarray:
        """The layer of this number, 1 to 3, on values of shape (n, inputs) or (inputs,)."""
        weight, bias = self.parameters[2 * number - 2 : 2 * number]
        z: np.ndarray = values @ weight.T + bias
        return z if number == 3 else relu(z)

    def forward(self, values: np.ndarray) -> list[np.ndarray]:
        layers = []
        for number in (1, 2, 3):
            values = self.layer(number, values)
            layers.append(values)
        return layers


def network(rng: np.random.Generator, sizes: Sequence[int]) -> Network:
    arrays = []
    for m, n in pairwise(sizes):
        arrays += [rng.normal(size=(n, m)), rng.normal(size=n)]
    return Network(tuple(a.round(2) for a in arrays))


def telling(rng: np.random.Generator, sizes: Sequence[int], n: int | None, scale: float) -> tuple[Network, np.ndarray]:
    """A network and its input (n: a batch) in which each ReLU clips some units and not others, and y < 0 occurs."""
    while True:
        net = network(rng, sizes)
        x = rng.normal(scale=scale, size=sizes[0] if n is None else (n, sizes[0])).round(2)
        h1, h2, y = net.forward(x)
        some_clipped = all((h == 0).any() and (h > 0).any() for h in (h1, h2))
        if some_clipped and (y < -0.1).any():
            return net, x


NOTEBOOK = Network(
    (
        np.array([[0.11, 0.12], [0.21, 0.22], [0.31, 0.32]]),
        np.array([0.1, -0.3, 0.3]),
        np.array([[0.5, -0.4, 0.3], [-0.6, 0.7, -0.2], [0.8, 0.1, -0.9]]),
        np.array([0.05, 0.1, -0.3]),
        np.array([[1.2, -0.7, 0.4]]),
        np.array([-0.5]),
    )
)
