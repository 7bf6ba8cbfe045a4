"""Exercise 102: XOR cannot be solved without a hidden layer; with one it can, and with four so can the spiral.

Models are judged by what they compute, never by their class. From the answers of a linear model the grader
works out its weights; of a network it takes the weights and computes the answers itself, which have to be the
model's own. Accuracy is then that of the weights, on points picked at grading time: whatever else a model
does (features made by hand, a formula, a look-up) cannot help it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from grader.checks import check, closed_answer, expect, expect_accuracy, expect_closed, fail, ngettext, tr
from grader.language import decimal

if TYPE_CHECKING:
    from grader.run import Run

FRESH = 3000  # points that an accuracy is judged on: its standard error is then below half a per cent

# ---------------------------------------------------------------------- the data sets, as in the notebook


@dataclass(frozen=True)
class Points:
    """Points of a data set, and their classes, 0 or 1."""

    xs: np.ndarray
    labels: np.ndarray


def circle(rng: np.random.Generator, n: int) -> Points:
    labels = rng.integers(2, size=n)
    radius = np.where(labels == 1, 2.5 * rng.random(n), 3.5 + 1.5 * rng.random(n))
    angle = 2 * np.pi * rng.random(n)
    return _noisy(rng, radius, angle, labels)


def exclusive_or(rng: np.random.Generator, n: int) -> Points:
    xs = 10 * rng.random((n, 2)) - 5
    labels = (xs[:, 0] > 0) ^ (xs[:, 1] > 0)
    return Points((xs + 0.3 * np.sign(xs)).astype(np.float32), labels.astype(np.int64))


def gaussian(rng: np.random.Generator, n: int) -> Points:
    labels = rng.integers(2, size=n)
    xs = (4 * labels - 2)[:, None] + rng.normal(size=(n, 2))
    return Points(xs.astype(np.float32), labels)


def spiral(rng: np.random.Generator, n: int) -> Points:
    labels = rng.integers(2, size=n)
    along = rng.random(n)
    return _noisy(rng, 5 * along, np.pi * (3.5 * along + labels), labels)


def _noisy(rng: np.random.Generator, radius: np.ndarray, angle: np.ndarray, labels: np.ndarray) -> Points:
    xs = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1) + 0.1 * rng.normal(size=(len(radius), 2))
    return Points(xs.astype(np.float32), labels)


# The four points of the notebook, with y = +1 for class 1 and -1 for class 0.
FOUR_POINTS = np.array([[-1.0, -2.0], [-3.0, 2.0], [3.0, -4.0], [5.0, 4.0]])
FOUR_SIGNS = np.array([-1.0, 1.0, 1.0, -1.0])


def with_one(xs: np.ndarray) -> np.ndarray:
    """(x1, x2) as (x1, x2, 1), the factors of (w1, w2, b)."""
    return np.column_stack([xs, np.ones(len(xs))]).astype(np.float64)


# ---------------------------------------------------------------------- the proof


@check(points=2, hint=tr("Put your numbers into the sum, point by point: it has to come to (0, 0, 0)."))
def certificate_proves_the_impossibility(run: Run) -> None:
    """`certificate` proves that no linear model is right on all four points.

    Gordan's theorem: there are weights λ ≥ 0, not all zero, with Σ λᵢ yᵢ (xᵢ, 1) = 0 exactly when no (w, b) has
    yᵢ (w·xᵢ + b) > 0 for every i. Any positive multiple will do.
    """
    weights = run.array("certificate").ravel()
    one_for_each = tr("`certificate` holds {n} numbers; there is one for each of the four points.", n=len(weights))
    expect(len(weights) == 4, one_for_each)
    expect(np.isfinite(weights).all(), tr("`certificate` holds NaN or infinite numbers."))
    largest = np.abs(weights).max()
    expect(
        largest > 0,
        tr("`certificate` is all zeros, which proves nothing."),
        tr("At least one weight has to be positive."),
    )
    expect(
        (weights >= 0).all(),
        tr("`certificate` holds a negative number."),
        tr("If every y f(x) is positive, so is their weighted sum: but only where no weight is negative."),
    )
    weights = weights / largest
    total = (weights * FOUR_SIGNS) @ with_one(FOUR_POINTS)
    shown = ", ".join(f"{x:.3g}" for x in total)
    # Fractions rounded to three decimals still say what is meant; other weights are far off.
    expect(
        np.abs(total).max() <= 1e-2,
        tr(
            "The weighted sum of y·(x1, x2, 1) is ({sum}), not (0, 0, 0) (with the largest weight scaled to 1).",
            sum=shown,
        ),
    )


MORE_CAN_BE_HAD = tr("More can be had: train a linear model until its loss settles, and count.")
BEST_POSSIBLE = closed_answer(
    "102-best-possible",
    "b9493e419c7858e00eab1c61bbc4a459",
    {
        "84951ed8b3e40344dd1848c8b511335e": tr("That is what your certificate rules out."),
        "1ce00ad11d068a5d3586a23d15caf34b": MORE_CAN_BE_HAD,
        "9f35edb417a2ac5e667a674b61cafdea": MORE_CAN_BE_HAD,
        "776e165261ae0c3c33777d4e54825307": tr("Write how many points, not which share of them."),
    },
)


@check(points=1, hint=tr("Count the points that the best linear model puts in their class."))
def best_possible_is_right(run: Run) -> None:
    """`best_possible` is the number of points on which a linear model can be right."""
    expect_closed(run.value("best_possible"), BEST_POSSIBLE, "`best_possible`")


# ---------------------------------------------------------------------- linear models

Activation = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Linear:
    """A linear model as its answers show it: (w1, w2, b)."""

    weights: np.ndarray
    through: Activation  # what stands behind f(x): nothing, or a sigmoid or a tanh

    def logits(self, xs: np.ndarray) -> np.ndarray:
        return with_one(xs) @ self.weights


def identity(z: np.ndarray) -> np.ndarray:
    return z


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * z))


def answers_of(run: Run, name: str, xs: np.ndarray) -> np.ndarray:
    """What a model answers, one row for each point: one number, or two (a logit for each class)."""
    answers = run.predict(name, xs)
    answers = answers.reshape(len(xs), -1)
    expect(
        answers.shape[1] in (1, 2),
        tr("`{name}` answers {n} numbers for one point.", name=name, n=answers.shape[1]),
        tr("It has to answer one logit for each point: shape (n, 1)."),
    )
    expect(
        bool((np.abs(answers) < 1e30).all()),  # false for NaN too
        tr("`{name}` answers NaN, or infinite or absurdly large numbers.", name=name),
        tr("Has its training blown up?"),
    )
    return answers


def linear_readings(answers: np.ndarray) -> Iterator[tuple[Activation, np.ndarray]]:
    """The ways to read f(x) from the answers: as they are, or before a last sigmoid, tanh or softmax."""
    if answers.shape[1] == 2:
        yield identity, answers[:, 1] - answers[:, 0]
        low, high = answers.min(), answers.max()
        if low >= 0 and high <= 1 and np.allclose(answers.sum(axis=1), 1, atol=1e-2):
            yield sigmoid, answers[:, 1]
        return
    yield identity, answers[:, 0]
    if answers.min() >= 0 and answers.max() <= 1:
        yield sigmoid, answers[:, 0]
    elif answers.min() >= -1 and answers.max() <= 1:
        yield np.tanh, answers[:, 0]


def linear_fit(through: Activation, xs: np.ndarray, values: np.ndarray) -> Linear | None:
    """The linear model that gives these values through that function, if there is one.

    That the values belong to a linear function is the same as f(a) + f(b) = f(a + b) + f(0) for all a and b.
    """
    if through is identity:
        usable, before = np.ones(len(xs), dtype=bool), values
    else:
        share = values if through is sigmoid else (values + 1) / 2
        usable = (share > 1e-3) & (share < 1 - 1e-3)  # further out, float32 keeps little of the logit
        kept = np.where(usable, share, 0.5)
        before = np.log(kept / (1 - kept)) * (1.0 if through is sigmoid else 0.5)
    if usable.sum() < 20:
        return None
    weights = np.linalg.lstsq(with_one(xs[usable]), before[usable], rcond=None)[0]
    error = np.abs(through(with_one(xs) @ weights) - values).max()
    spread = values.max() - values.min()
    return Linear(weights, through) if error <= 5e-3 * spread + 1e-6 * np.abs(values).max() else None


def linear_model(run: Run, name: str) -> Linear:
    """The linear model that stands behind a name, from its answers to points picked now."""
    n = 300
    # From close by, where a last sigmoid is not saturated, to far out, where a bend would show.
    reach = np.exp(run.rng.uniform(np.log(0.02), np.log(12), size=(2, n, 1)))
    a, b = (reach * run.rng.uniform(-1, 1, size=(2, n, 2))).astype(np.float32)
    xs = np.concatenate([a, b, a + b, np.zeros((1, 2)), FOUR_POINTS]).astype(np.float32)
    answers = answers_of(run, name, xs)
    for through, values in linear_readings(answers):
        model = linear_fit(through, xs, values)
        if model is not None:
            return model
    distinct = len(np.unique(answers))
    expect(
        distinct > 4,
        tr("`{name}` answers {n} different values only: a class, not f(x).", name=name, n=distinct),
        tr("Let it answer its logit w1·x1 + w2·x2 + b; the class follows from the sign."),
    )
    f = answers[:, -1] - (answers[:, 0] if answers.shape[1] == 2 else 0)
    left, right = f[:n] + f[n : 2 * n], f[2 * n : 3 * n] + f[3 * n]
    worst = int(np.abs(left - right).argmax())
    (a1, a2), (b1, b2) = a[worst], b[worst]
    fail(
        tr(
            "`{name}` is not linear: for a = ({a}) and b = ({b}), "
            "f(a) + f(b) is {left}, but f(a + b) + f(0) is {right}.",
            name=name,
            a=f"{a1:.2f}, {a2:.2f}",
            b=f"{b1:.2f}, {b2:.2f}",
            left=f"{left[worst]:.4g}",
            right=f"{right[worst]:.4g}",
        ),
        tr("A linear model has no hidden layer and no features made by hand: one layer from two inputs to the output."),
    )
    raise AssertionError  # not reached: fail() raises


def linear_xor_model(run: Run) -> Linear:
    return linear_model(run, "linear_xor")


def linear_gauss_model(run: Run) -> Linear:
    return linear_model(run, "linear_gauss")


def cross_entropy(logits: np.ndarray, signs: np.ndarray) -> float:
    return float(np.logaddexp(0, -signs * logits).mean())


def least_cross_entropy(rows: np.ndarray, signs: np.ndarray) -> float:
    """The lowest cross-entropy of any linear model, by Newton's method (the loss is convex)."""
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        p = sigmoid(rows @ weights)
        gradient = rows.T @ (p - (signs + 1) / 2)
        weights = weights - np.linalg.solve((rows * (p * (1 - p))[:, None]).T @ rows, gradient)
    return cross_entropy(rows @ weights, signs)


@check(points=1)
def linear_xor_is_linear(run: Run) -> None:
    """`linear_xor` is a linear model: f(a) + f(b) = f(a + b) + f(0)."""
    run.once(linear_xor_model)


@check(points=2, needs=linear_xor_is_linear, hint=tr("Train it on the four points, with more steps or a larger rate."))
def linear_xor_is_trained(run: Run) -> str:
    """`linear_xor` is trained: on the four points its loss is as low as a linear model's can be.

    The four points are in general position, so the least loss has one solution, which no constant reaches.
    Cross-entropy is what the notebook teaches; whoever minimised the squared error trained it just as well.
    """
    model = run.once(linear_xor_model)
    rows = with_one(FOUR_POINTS)
    logits = model.logits(FOUR_POINTS)
    loss, least = cross_entropy(logits, FOUR_SIGNS), least_cross_entropy(rows, FOUR_SIGNS)
    shown, best = decimal(f"{loss:.3f}"), decimal(f"{least:.3f}")
    if loss <= least + 0.01:
        return tr("cross-entropy {loss} on the four points, at best {best}", loss=shown, best=best)
    least_square = ((rows @ np.linalg.lstsq(rows, FOUR_SIGNS, rcond=None)[0] - FOUR_SIGNS) ** 2).mean()
    found = model.through(logits)
    if any(
        ((found - target) ** 2).mean() <= 1.02 * least_square * target.var() / FOUR_SIGNS.var()
        for target in (FOUR_SIGNS, (FOUR_SIGNS + 1) / 2)
    ):
        return tr("least squares on the four points")
    fail(
        tr(
            "`linear_xor` is not trained to the end: cross-entropy {loss} on the four points, at best {best}.",
            loss=shown,
            best=best,
        )
    )
    raise AssertionError  # not reached: fail() raises


@check(points=1)
def linear_gauss_is_linear(run: Run) -> None:
    """`linear_gauss` is a linear model: f(a) + f(b) = f(a + b) + f(0)."""
    run.once(linear_gauss_model)


@check(
    points=2,
    needs=linear_gauss_is_linear,
    hint=tr("Train it on points of `gaussian`, and mind that a positive logit means class 1."),
)
def linear_gauss_is_accurate(run: Run) -> str:
    """`linear_gauss` is right on more than 95 % of fresh points."""
    fresh = gaussian(run.rng, FRESH)
    model = run.once(linear_gauss_model)
    return judge(model.logits(fresh.xs), fresh, 0.95, half=model.through is identity)


def judge(logits: np.ndarray, fresh: Points, above: float, half: bool) -> str:
    """Accuracy of logits, cut at 0; at 1/2 as well where targets of 0 and 1 may have been fitted directly."""
    cuts = [0.0, 0.5] if half else [0.0]
    classes = max(((logits > cut).astype(int) for cut in cuts), key=lambda c: int((c == fresh.labels).sum()))
    return expect_accuracy(classes, fresh.labels, above=above)


# ---------------------------------------------------------------------- networks

_erf = np.vectorize(math.erf, otypes=[np.float64])


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0)


def softplus(z: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, z)


def elu(z: np.ndarray) -> np.ndarray:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def selu(z: np.ndarray) -> np.ndarray:
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


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
        return h @ output.weight.T + output.bias

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


# ---------------------------------------------------------------------- an activation function that nobody has listed

KNOTS = 400


def any_activation(chain: Chain, xs: np.ndarray, answers: np.ndarray) -> Network | None:
    """The network with one hidden layer and whatever function of one number behind it gives these answers.

    The answer is a sum of that function's values at the sums of the units, each times a known weight: the function,
    as a line through knots, follows by least squares from two thirds of the points, and the others have to agree. What
    is no such sum (a formula for the class, more layers, a table) does not agree, whatever the function.
    """
    hidden, output = chain.layers
    z = xs.astype(np.float64) @ hidden.weight.T + hidden.bias  # (points, units)
    if not np.isfinite(z).all() or np.ptp(z) == 0:
        return None
    knots = np.unique(np.quantile(z, np.linspace(0, 1, KNOTS)))
    place = np.clip(np.searchsorted(knots, z) - 1, 0, len(knots) - 2)
    share = (z - knots[place]) / (knots[place + 1] - knots[place])
    for values in logits_read(answers):
        if values.shape[1] != len(output.weight):
            continue
        usable = np.isfinite(values).all(axis=1)
        if usable.sum() < len(xs) / 2:
            continue
        learn = usable & (np.arange(len(xs)) % 3 > 0)
        rows = []
        for weight in output.weight:
            row = np.zeros((len(xs), len(knots)))
            for unit, factor in enumerate(weight):
                np.add.at(row, (np.arange(len(xs)), place[:, unit]), factor * (1 - share[:, unit]))
                np.add.at(row, (np.arange(len(xs)), place[:, unit] + 1), factor * share[:, unit])
            rows.append(row)
        table = np.concatenate([row[learn] for row in rows])
        wanted = (values - output.bias)[learn].T.ravel()
        scale = max(float(np.abs(values[usable]).max()), 1e-12)
        # Least squares, with a touch of a pull to 0 for knots that no point tells of.
        square = table.T @ table
        square[np.diag_indices(len(knots))] += 1e-9 * np.trace(square)
        heights = np.linalg.solve(square, table.T @ wanted)
        found = np.stack([row @ heights for row in rows], axis=1) + output.bias
        error = np.abs(found - values)[usable & ~learn].max(axis=1) / scale
        if np.quantile(error, 0.97) <= 0.02:
            return Network(chain, (partial(np.interp, xp=knots, fp=heights),), values is answers)
    return None


def logits_read(answers: np.ndarray) -> Iterator[np.ndarray]:
    """The answers as they are, and what stands before a last sigmoid or tanh; NaN where too little is left of it."""
    yield answers
    for low, scale in ((0, 1.0), (-1, 0.5)):
        share = (answers - low) / (1 - low)
        if share.min() >= 0 and share.max() <= 1:
            kept = (share > 1e-3) & (share < 1 - 1e-3)
            with np.errstate(all="ignore"):
                yield np.where(kept, scale * np.log(share / (1 - share)), np.nan)


def units(parameters: dict[str, np.ndarray], name: str) -> list[int] | None:
    """Units of the hidden layers, as far as the shapes tell: in the order of definition."""
    weights = [array for key, array in parameters.items() if array.ndim == 2 and key.endswith("weight")]
    weights = weights or [array for array in parameters.values() if array.ndim == 2 and min(array.shape) > 1]
    inputs = 2
    outputs: list[int] = []
    for array in weights:
        if not outputs and inputs not in array.shape:
            fail(
                tr("The first layer of `{name}` takes {n} inputs, not 2.", name=name, n=array.shape[1]),
                tr("The two coordinates go in as they are, without features made by hand."),
            )
        if inputs not in array.shape:
            return None
        inputs = array.shape[0] if array.shape[1] == inputs else array.shape[1]
        outputs.append(inputs)
    # Bare weights may end in one of one output, left out above because biases look the same.
    return outputs[:-1] if outputs and outputs[-1] <= 2 else outputs


@dataclass(frozen=True)
class Task:
    """A data set and the networks that are to solve it."""

    name: str
    data: Callable[[np.random.Generator, int], Points]
    depth: int
    width: range

    @property
    def bounds(self) -> dict[str, int]:
        """The least and the most units of a hidden layer, as fields of a text."""
        return {"least": self.width.start, "most": self.width.stop - 1}

    def network(self, run: Run) -> Network:
        """The network behind the name; fails where the model is no such network."""
        parameters = run.parameters(self.name)
        expect(
            bool(parameters),
            tr("`{name}` has no parameters, so it is no network.", name=self.name),
            ngettext(
                "Asked is an nn.Module with one hidden layer of {least} to {most} units.",
                "Asked is an nn.Module with four hidden layers of {least} to {most} units.",
                self.depth,
                **self.bounds,
            ),
        )
        expect(
            all(np.isfinite(array).all() for array in parameters.values()),
            tr("`{name}` has weights that are NaN or infinite.", name=self.name),
            tr("Its training has blown up: a smaller learning rate may help."),
        )
        # Where the data lie and somewhat beyond, so that no model can tell the one from the other.
        xs = np.concatenate([self.data(run.rng, 150).xs, run.rng.uniform(-8, 8, size=(150, 2))])
        xs = run.rng.permutation(xs.astype(np.float32))
        answers = answers_of(run, self.name, xs)
        network = read_network(parameters, self.depth, self.width, xs, answers)
        if network is None and self.depth == 1:
            network = self.with_any_activation(run, parameters)
        if network is None:
            self.explain(parameters)
        assert network is not None
        straight = [str(i + 1) for i, one in enumerate(network.activations) if one is identity]
        expect(
            not straight,
            tr(
                "`{name}` has no activation function after hidden layer {layers}.",
                name=self.name,
                layers=", ".join(straight),
            ),
            tr("Two linear layers with nothing between them are one linear layer: put an activation there."),
        )
        return network

    def with_any_activation(self, run: Run, parameters: dict[str, np.ndarray]) -> Network | None:
        """The network with an activation function that is not among the known ones, from its answers to more points."""
        xs = np.concatenate([self.data(run.rng, 2000).xs, run.rng.uniform(-8, 8, size=(2000, 2))])
        xs = run.rng.permutation(xs.astype(np.float32))
        answers = answers_of(run, self.name, xs)
        for chain in itertools.islice(chains(parameters, self.depth, self.width), 6):
            network = any_activation(chain, xs, answers)
            if network is not None:
                return network
        return None

    def explain(self, parameters: dict[str, np.ndarray]) -> None:
        """Fail with the reason why the model is not the network that was asked for."""
        hidden = units(parameters, self.name)
        asked = ngettext(
            "Asked are one hidden layer of {least} to {most} units.",
            "Asked are four hidden layers of {least} to {most} units.",
            self.depth,
            **self.bounds,
        )
        if hidden is not None:
            expect(
                len(hidden) == self.depth,
                ngettext(
                    "`{name}` has {n} hidden layer, not {asked}.",
                    "`{name}` has {n} hidden layers, not {asked}.",
                    len(hidden),
                    name=self.name,
                    asked=self.depth,
                ),
                asked,
            )
            expect(
                all(n in self.width for n in hidden),
                ngettext(
                    "Units in the hidden layer of `{name}`: {units}.",
                    "Units in the hidden layers of `{name}`: {units}.",
                    len(hidden),
                    name=self.name,
                    units=", ".join(map(str, hidden)),
                ),
                asked,
            )
        fail(
            ngettext(
                "`{name}` does not answer what a network with its weights and one hidden layer of {least} to {most} "
                "units answers.",
                "`{name}` does not answer what a network with its weights and four hidden layers of {least} to {most} "
                "units answers.",
                self.depth,
                name=self.name,
                **self.bounds,
            ),
            tr(
                "Use linear layers with an activation function between them and nothing else: no features made by "
                "hand, no scaling, no normalisation, and a logit as the answer."
            ),
        )


XOR = Task("xor_model", exclusive_or, depth=1, width=range(2, 5))
CIRCLE = Task("circle_model", circle, depth=1, width=range(2, 5))
SPIRAL = Task("spiral_model", spiral, depth=4, width=range(2, 9))


@check(points=1)
def xor_model_has_one_hidden_layer(run: Run) -> None:
    """`xor_model` has one hidden layer of 2 to 4 units."""
    run.once(XOR.network)


@check(
    points=2,
    needs=xor_model_has_one_hidden_layer,
    hint=tr("Small networks get stuck: add a unit, or train from several starts and keep the best."),
)
def xor_model_is_accurate(run: Run) -> str:
    """`xor_model` is right on more than 92 % of fresh points of the exclusive or."""
    return accuracy(run, XOR, above=0.92)


@check(points=1)
def circle_model_has_one_hidden_layer(run: Run) -> None:
    """`circle_model` has one hidden layer of 2 to 4 units."""
    run.once(CIRCLE.network)


@check(
    points=2,
    needs=circle_model_has_one_hidden_layer,
    hint=tr("Every unit draws one line: how many does it take to enclose a disc? Then train long enough."),
)
def circle_model_is_accurate(run: Run) -> str:
    """`circle_model` is right on more than 92 % of fresh points of the circle."""
    return accuracy(run, CIRCLE, above=0.92)


@check(points=2)
def spiral_model_has_four_hidden_layers(run: Run) -> None:
    """`spiral_model` has four hidden layers of 2 to 8 units."""
    run.once(SPIRAL.network)


@check(
    points=3,
    needs=spiral_model_has_four_hidden_layers,
    hint=tr("Look at its accuracy on the training points: is it low too? More steps, another rate, another start."),
)
def spiral_model_is_accurate(run: Run) -> str:
    """`spiral_model` is right on more than 90 % of fresh points of the spiral."""
    return accuracy(run, SPIRAL, above=0.90)


def accuracy(run: Run, task: Task, above: float) -> str:
    network = run.once(task.network)
    fresh = task.data(run.rng, FRESH)
    return judge(network.logits(fresh.xs), fresh, above, half=network.raw)
