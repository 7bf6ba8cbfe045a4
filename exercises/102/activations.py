"""Activation functions that a network may have between its layers, and functions that may stand behind its output."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from grader.checks import softmax

Activation = Callable[[np.ndarray], np.ndarray]


def identity(z: np.ndarray) -> np.ndarray:
    return z


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * z))


_erf = np.vectorize(math.erf, otypes=[np.float64])


def relu(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(z, 0))


def softplus(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0, z))


def elu(z: np.ndarray) -> np.ndarray:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def selu(z: np.ndarray) -> np.ndarray:
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))


def leaky(slope: float | np.ndarray) -> Activation:
    return lambda z: np.where(z > 0, z, slope * z)


USUAL: list[Activation] = [relu, np.tanh, sigmoid, leaky(0.01), identity]
ACTIVATIONS: list[Activation] = [
    *USUAL,
    elu,
    selu,
    lambda z: 0.5 * z * (1 + _erf(z / math.sqrt(2))),  # GELU, and within the tolerance its tanh form
    lambda z: z * sigmoid(z),  # SiLU
    softplus,
    lambda z: z * np.tanh(softplus(z)),  # Mish
    lambda z: np.clip(z, -1, 1),  # Hardtanh
    lambda z: np.clip(z, 0, 6),  # ReLU6
    lambda z: np.clip(z / 6 + 0.5, 0, 1),  # Hardsigmoid
    lambda z: z * np.clip(z / 6 + 0.5, 0, 1),  # Hardswish
    lambda z: z / (1 + np.abs(z)),  # Softsign
    lambda z: -softplus(-z),  # LogSigmoid
    lambda z: z - np.tanh(z),  # Tanhshrink
    lambda z: np.sign(z) * relu(np.abs(z) - 0.5),  # Softshrink
    lambda z: np.where(np.abs(z) > 0.5, z, 0),  # Hardshrink
    lambda z: (z > 0).astype(float),  # the perceptron's step
    np.sign,
    np.sin,
    np.cos,
    np.abs,
    np.square,
    lambda z: np.exp(-np.square(z)),
    softmax,
    *(leaky(slope) for slope in (0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 11 / 48)),  # last: RReLU in eval()
]
# Families with a parameter that its author may have set otherwise: (function of z and the parameter, lowest, highest).
FAMILIES: list[tuple[Callable[[np.ndarray, float], np.ndarray], float, float]] = [
    (lambda z, p: np.where(z > 0, z, p * z), 1e-3, 1.5),
    (lambda z, p: np.where(z > 0, z, p * np.expm1(np.minimum(z, 0))), 0.05, 4),  # ELU
    (lambda z, p: np.where(z > 0, z, p * np.expm1(np.minimum(z, 0) / p)), 0.05, 4),  # CELU
    (lambda z, p: np.logaddexp(0, p * z) / p, 0.1, 20),  # softplus
    (lambda z, p: sigmoid(p * z), 0.1, 20),
    (lambda z, p: np.tanh(p * z), 0.1, 10),
    (lambda z, p: 1.7159 * np.tanh(p * z), 0.1, 10),
    (lambda z, p: z * sigmoid(p * z), 0.1, 10),  # swish
    (lambda z, p: np.clip(z, -p, p), 0.1, 8),
    (lambda z, p: np.clip(z, 0, p), 0.1, 12),
    (lambda z, p: np.sign(z) * relu(np.abs(z) - p), 0.05, 3),
    (lambda z, p: np.where(z > 0, z, 0) ** p, 1.2, 4),
    (lambda z, p: np.sign(z) * np.abs(z) ** p, 0.3, 4),
    (lambda z, p: np.sin(p * z), 0.2, 8),
]
# What several layers may have, each its own: few enough to try all combinations.
IN_MIXTURES: list[Activation] = [
    *(relu, np.tanh, sigmoid, identity, elu, selu, softplus, np.sin, np.abs, leaky(0.01), leaky(0.1), leaky(0.2)),
    lambda z: 0.5 * z * (1 + np.tanh(0.7978845608 * (z + 0.044715 * z**3))),  # GELU
    lambda z: z * sigmoid(z),
    lambda z: z * np.tanh(softplus(z)),
    lambda z: np.clip(z, -1, 1),
    lambda z: np.clip(z, 0, 6),
    lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    lambda z: z / (1 + np.abs(z)),
    lambda z: 1.7159 * np.tanh(2 / 3 * z),
]
# What may stand behind the output: a logit, a probability, …
ENDS: list[Activation] = [identity, sigmoid, np.tanh, relu]
ENDS_OF_TWO: list[Activation] = [identity, softmax, lambda z: np.log(softmax(z) + 1e-300), sigmoid]
