"""Exercise 102 takes whatever activation function a network has, and nothing that is no such network."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from grader.exercise import load
from tests.conftest import ROOT

_ = load(ROOT / "exercises" / "102").checks
activations, networks, unlisted = (
    import_module(f"_checks_102.{name}") for name in ("activations", "networks", "unlisted")
)
Activation = Callable[[np.ndarray], np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


ALLOWED: dict[str, Activation] = {
    "leaky 0.4": lambda z: np.where(z > 0, z, 0.4 * z),
    "leaky 0.013": lambda z: np.where(z > 0, z, 0.013 * z),
    "ELU 0.5": lambda z: np.where(z > 0, z, 0.5 * np.expm1(np.minimum(z, 0))),
    "CELU 2": lambda z: np.where(z > 0, z, 2 * np.expm1(np.minimum(z, 0) / 2)),
    "scaled tanh": lambda z: 1.7159 * np.tanh(2 * z / 3),
    "steep sigmoid": lambda z: sigmoid(5 * z),
    "softplus 3": lambda z: np.logaddexp(0, 3 * z) / 3,
    "cubic": lambda z: z**3 / 10,
    "squared ReLU": lambda z: np.maximum(z, 0) ** 2,
    "swish 1.7": lambda z: z * sigmoid(1.7 * z),
    "arctan": np.arctan,
    "a bump": lambda z: np.exp(-(z**2)),
    "sine of its own": lambda z: z + np.sin(3 * z),
    "two bends": lambda z: np.clip(z, -0.7, 1.3) + 0.1 * z,
}


def network(rng: np.random.Generator, sizes: list[int]) -> dict[str, np.ndarray]:
    parameters = {}
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        parameters[f"{2 * number}.weight"] = rng.normal(size=(outputs, inputs))
        parameters[f"{2 * number}.bias"] = rng.normal(size=outputs)
    return parameters


def answers(parameters: dict[str, np.ndarray], xs: np.ndarray, *activations: Activation) -> np.ndarray:
    arrays = list(parameters.values())
    h = xs.astype(np.float64)
    for number, activation in enumerate([*activations, lambda z: z]):
        h = activation(h @ arrays[2 * number].T + arrays[2 * number + 1])
    return h.astype(np.float32).astype(np.float64)


def points(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(-8, 8, size=(n, 2)).astype(np.float32)


def any_activation(parameters: dict[str, np.ndarray], xs: np.ndarray, found: np.ndarray) -> Any:
    chain = next(networks.chains(parameters, 1, range(2, 5)))
    return unlisted.any_activation(chain, xs, found)


@pytest.mark.parametrize("name", ALLOWED)
def test_one_hidden_layer_with_any_activation(name: str) -> None:
    rng = np.random.default_rng(len(name))
    parameters, xs = network(rng, [2, 4, 1]), points(rng, 4000)
    read = any_activation(parameters, xs, answers(parameters, xs, ALLOWED[name]))
    assert read is not None
    fresh = points(rng, 1000)
    right = answers(parameters, fresh, ALLOWED[name])[:, 0]
    assert np.mean(np.sign(read.logits(fresh)) == np.sign(right)) > 0.98


@pytest.mark.parametrize(
    "rule",
    [
        lambda xs: 5 * np.sign(xs[:, 0] * xs[:, 1]),
        lambda xs: xs[:, 0] * xs[:, 1],
        lambda xs: np.hypot(xs[:, 0], xs[:, 1]) - 3,
        lambda xs: np.sin(xs[:, 0]) * np.cos(xs[:, 1]),
        lambda xs: np.maximum(xs[:, 0], xs[:, 1]),
    ],
    ids=["rule", "product", "radius", "waves", "maximum"],
)
def test_what_is_no_such_network_has_no_activation(rule: Callable[[np.ndarray], np.ndarray]) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        parameters, xs = network(rng, [2, 4, 1]), points(rng, 4000)
        assert any_activation(parameters, xs, rule(xs.astype(float))[:, None]) is None


def test_a_second_hidden_layer_is_no_activation() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        parameters, xs = network(rng, [2, 4, 4, 1]), points(rng, 4000)
        found = answers(parameters, xs, np.tanh, np.tanh)
        hidden = {name: array for name, array in parameters.items() if not name.startswith("2.")}
        assert any_activation(hidden, xs, found) is None


@pytest.mark.parametrize("name", ["leaky 0.4", "ELU 0.5", "CELU 2", "scaled tanh", "steep sigmoid", "softplus 3"])
def test_four_layers_with_a_parameter_of_ones_own(name: str) -> None:
    rng = np.random.default_rng(1)
    parameters, xs = network(rng, [2, 5, 6, 5, 4, 1]), points(rng, 300)
    found = answers(parameters, xs, *[ALLOWED[name]] * 4)
    assert networks.read_network(parameters, 4, range(2, 9), xs, found) is not None


@pytest.mark.parametrize("seed", range(3))
def test_four_layers_with_a_mixture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters, xs = network(rng, [2, 5, 6, 5, 4, 1]), points(rng, 300)
    chosen = [activations.IN_MIXTURES[int(n)] for n in rng.choice([0, 1, 2, 4, 9, 12, 13], size=4)]
    read = networks.read_network(parameters, 4, range(2, 9), xs, answers(parameters, xs, *chosen))
    assert read is not None
    assert networks.read_network(parameters, 4, range(2, 9), xs, np.sign(xs[:, :1] * xs[:, 1:])) is None
