"""Networks put together again from their parameters, so that they give the model's own answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from .activations import (
    ACTIVATIONS,
    ENDS,
    ENDS_OF_TWO,
    FAMILIES,
    IN_MIXTURES,
    USUAL,
    Activation,
    identity,
    leaky,
    relu,
)


@dataclass(frozen=True)
class Layer:
    weight: np.ndarray  # (outputs, inputs)
    bias: np.ndarray  # (outputs,)


@dataclass(frozen=True)
class Chain:
    """Layers that fit together, from the two coordinates to the output, and the parameters left over."""

    layers: tuple[Layer, ...]
    rest: tuple[np.ndarray, ...]

    def before_output(self, xs: np.ndarray, activations: Sequence[Activation]) -> np.ndarray:
        h = xs.astype(np.float64)
        *hidden, output = self.layers
        for layer, activation in zip(hidden, activations, strict=True):
            h = activation(h @ layer.weight.T + layer.bias)
        return np.asarray(h @ output.weight.T + output.bias)

    def mixtures(self, xs: np.ndarray, answers: np.ndarray, most: int = 60) -> list[tuple[Activation, ...]]:
        """Of all mixtures of activation functions, one for each hidden layer, those that come closest at a few points.

        All are computed at once: the values have the shape (mixtures so far, points, units).
        """
        some = slice(8)
        h = xs[some].astype(np.float64)[None]
        with np.errstate(all="ignore"):
            for layer in self.layers[:-1]:
                z = h @ layer.weight.T + layer.bias
                h = np.concatenate([activation(z) for activation in IN_MIXTURES])
            before = h @ self.layers[-1].weight.T + self.layers[-1].bias
            ends = ENDS[:3] if before.shape[-1] == 1 else ENDS[:1]
            errors = np.min([np.abs(end(before) - answers[some]).max(axis=(1, 2)) for end in ends], axis=0)
        best = np.argsort(np.nan_to_num(errors, nan=np.inf, posinf=np.inf))[:most]
        # The last layer's choice varies slowest: a digit of the number for each layer.
        base, depth = len(IN_MIXTURES), len(self.layers) - 1
        return [tuple(IN_MIXTURES[int(one) // base**layer % base] for layer in range(depth)) for one in best]

    def of_families(self, xs: np.ndarray, answers: np.ndarray) -> Iterator[tuple[Activation, ...]]:
        """The best member of each family of activation functions, the same in every hidden layer."""
        depth, some = len(self.layers) - 1, slice(60)

        def error(function: Callable[[np.ndarray, float], np.ndarray], parameter: float) -> float:
            with np.errstate(all="ignore"):
                before = self.before_output(xs[some], (lambda z: function(z, parameter),) * depth)
                return min(mismatch(before, answers[some])[0], 1e9)

        for function, low, high in FAMILIES:
            grid = np.geomspace(low, high, 40)
            errors = [error(function, float(parameter)) for parameter in grid]
            best = int(np.argmin(errors))
            bounds = grid[max(best - 1, 0)], grid[min(best + 1, 39)]
            fine = minimize_scalar(
                lambda p, f=function: error(f, float(p)), bounds=bounds, method="bounded", options={"xatol": 1e-6}
            ).x
            yield (lambda z, f=function, p=float(fine): f(z, p),) * depth

    def uniform(self) -> list[tuple[Activation, ...]]:
        """The same activation function in every hidden layer; what is left over may be PReLU's slopes."""
        depth = len(self.layers) - 1
        slopes = self.rest * depth if len(self.rest) == 1 else self.rest
        fits = len(slopes) == depth and all(
            slope.size in (1, len(layer.bias)) for slope, layer in zip(slopes, self.layers, strict=False)
        )
        learned = [tuple(leaky(slope) for slope in slopes)] if fits else []
        return [*((activation,) * depth for activation in ACTIVATIONS), *learned]

    def mixed(self) -> Iterator[tuple[Activation, ...]]:
        """Any usual activation function in any hidden layer, or none."""
        return itertools.product(USUAL, repeat=len(self.layers) - 1)


@dataclass(frozen=True)
class Network:
    """A network that was put together again from its parameters, and gives the model's own answers."""

    chain: Chain
    activations: tuple[Activation, ...]
    raw: bool  # nothing but a bend at 0 stands behind its output

    def logits(self, xs: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # absurd weights are no reason to warn: they classify badly
            z = self.chain.before_output(xs, self.activations)
        return z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]


def chains(parameters: dict[str, np.ndarray], depth: int, width: range) -> Iterator[Chain]:
    """Every way to put the parameters together to `depth` hidden layers of `width` units.

    Parameters come in the order in which a module defines them, which need not be the order in which it uses
    them; and weights may be written (outputs, inputs), as in nn.Linear, or the other way round.
    """

    def extend(turned: bool, inputs: int, layers: tuple[Layer, ...], used: frozenset[str]) -> Iterator[Chain]:
        if len(layers) == depth + 1:
            rest = tuple(array.ravel() for name, array in parameters.items() if name not in used)
            yield Chain(layers, rest)
            return
        last = len(layers) == depth
        for name, array in parameters.items():
            if name in used or array.ndim not in ((1, 2) if last else (2,)):
                continue
            weight = array[None] if array.ndim == 1 else array.T if turned else array
            outputs = len(weight)
            if weight.shape[1] != inputs or outputs not in ((1, 2) if last else width):
                continue
            for bias in biases(parameters, name, outputs, used):
                vector = np.zeros(outputs) if bias is None else parameters[bias].ravel()
                grown = (*layers, Layer(weight, vector))
                yield from extend(turned, outputs, grown, used | {name, bias or name})

    for turned in (False, True):
        yield from extend(turned, 2, (), frozenset())


def biases(parameters: dict[str, np.ndarray], weight: str, outputs: int, used: frozenset[str]) -> list[str | None]:
    """Names of the parameters that may be the biases to a weight; None for a layer without."""
    stem, dot, leaf = weight.rpartition(".")
    if leaf == "weight":  # a layer of PyTorch's own
        partner = f"{stem}{dot}bias"
        if partner not in parameters:
            return [None]
        return [partner] if parameters[partner].size == outputs else []
    vectors: dict[tuple[int, ...], list[str | None]] = {}
    for name, array in parameters.items():
        if name not in used and name != weight and array.size == max(array.shape, default=1) == outputs:
            vectors.setdefault(array.shape, []).append(name)
    # Biases are defined in the order of their layers; one more of each shape, since a weight may look the same.
    return [*itertools.chain.from_iterable(names[:2] for names in vectors.values()), None]


def mismatch(before: np.ndarray, answers: np.ndarray) -> tuple[float, bool]:
    """How far recomputed answers are from the model's, relative to the largest; and whether they are raw."""
    if before.shape != answers.shape:
        return math.inf, False
    ends = ENDS if answers.shape[1] == 1 else ENDS_OF_TWO
    scale = max(float(np.abs(answers).max()), 1e-12)
    errors = [float(np.nan_to_num(np.abs(end(before) - answers).max(), nan=math.inf)) / scale for end in ends]
    best = int(np.argmin(errors))
    return errors[best], ends[best] in (identity, relu)


def tolerance(parameters: dict[str, np.ndarray]) -> float:
    """How far, relative to the largest answer, rounding may take the model from the grader's float64."""
    with np.errstate(over="ignore"):
        values = np.concatenate([array.ravel() for array in parameters.values()]).astype(np.float32)
        float16 = (values.astype(np.float16) == values).all()
    bfloat16 = not (values.view(np.uint32) & 0xFFFF).any()
    return 5e-2 if float16 or bfloat16 else 2e-3


def read_network(
    parameters: dict[str, np.ndarray], depth: int, width: range, xs: np.ndarray, answers: np.ndarray
) -> Network | None:
    """The network of this depth and width that has these parameters and gives these answers, if there is one."""
    if len(parameters) > 30:  # no such network, and too many ways to try
        return None
    found = list(itertools.islice(chains(parameters, depth, width), 4000))
    found.sort(key=lambda chain: len(chain.rest))  # stable: then in the order of definition
    enough = tolerance(parameters)

    def search(chain: Chain, choices: Iterable[tuple[Activation, ...]]) -> Network | None:
        """The choice of activation functions that comes closest, if it is close enough."""
        tried = []
        for activations in choices:
            for some in (slice(30), slice(None)):  # most choices are far off, and a few points show it
                with np.errstate(all="ignore"):
                    error, raw = mismatch(chain.before_output(xs[some], activations), answers[some])
                if error > enough:
                    break
            else:
                tried.append((error, Network(chain, activations, raw)))
        return min(tried, key=lambda one: one[0])[1] if tried else None

    tries = itertools.chain(
        ((chain, chain.uniform()) for chain in found[:120]),
        ((chain, chain.mixed()) for chain in found[:4]),
    )
    network = next((network for chain, choices in tries if (network := search(chain, choices))), None)
    if network is not None or not found:
        return network
    more: Iterator[tuple[Chain, Iterable[tuple[Activation, ...]]]] = (
        (chain, itertools.chain(chain.of_families(xs, answers), chain.mixtures(xs, answers) if depth > 1 else ()))
        for chain in found[:3]
    )
    return next((network for chain, choices in more if (network := search(chain, choices))), None)
