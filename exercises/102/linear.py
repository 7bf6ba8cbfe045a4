"""Linear models: what stands behind a model's answers, and how well the four points can be fitted at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from grader.checks import Run, expect, fail, tr

from .activations import Activation, identity, sigmoid
from .points import FOUR_POINTS, FOUR_SIGNS, answers_of, with_one

ROWS = with_one(FOUR_POINTS)


@dataclass(frozen=True)
class Linear:
    """A linear model as its answers show it: (w1, w2, b)."""

    weights: np.ndarray
    through: Activation  # what stands behind f(x): nothing, or a sigmoid or a tanh

    def logits(self, xs: np.ndarray) -> np.ndarray:
        return np.asarray(with_one(xs) @ self.weights)

    def is_least_squares(self) -> bool:
        """Whether it was fitted to the four points by the squared error, with targets of ±1 or of 0 and 1."""
        least = ((ROWS @ np.linalg.lstsq(ROWS, FOUR_SIGNS, rcond=None)[0] - FOUR_SIGNS) ** 2).mean()
        found = self.through(self.logits(FOUR_POINTS))
        return any(
            ((found - target) ** 2).mean() <= 1.02 * least * target.var() / FOUR_SIGNS.var()
            for target in (FOUR_SIGNS, (FOUR_SIGNS + 1) / 2)
        )


def cross_entropy(logits: np.ndarray) -> float:
    """On the four points."""
    return float(np.logaddexp(0, -FOUR_SIGNS * logits).mean())


def least_cross_entropy() -> float:
    """The lowest cross-entropy of any linear model on the four points, by Newton's method (the loss is convex)."""
    weights = np.zeros(ROWS.shape[1])
    for _ in range(30):
        p = sigmoid(ROWS @ weights)
        gradient = ROWS.T @ (p - (FOUR_SIGNS + 1) / 2)
        weights = weights - np.linalg.solve((ROWS * (p * (1 - p))[:, None]).T @ ROWS, gradient)
    return cross_entropy(ROWS @ weights)


def linear_model(run: Run, name: str) -> Linear:
    """The linear model that stands behind a name, from its answers to points picked now; fails if there is none."""
    n = 300
    # From close by, where a last sigmoid is not saturated, to far out, where a bend would show.
    reach = np.exp(run.rng.uniform(np.log(0.02), np.log(12), size=(2, n, 1)))
    a, b = (reach * run.rng.uniform(-1, 1, size=(2, n, 2))).astype(np.float32)
    xs = np.concatenate([a, b, a + b, np.zeros((1, 2)), FOUR_POINTS]).astype(np.float32)
    answers = answers_of(run, name, xs)
    fits = (_fit(through, xs, values) for through, values in _readings(answers))
    model = next((one for one in fits if one is not None), None)
    if model is None:
        _explain(name, a, b, answers)
    return model


def _explain(name: str, a: np.ndarray, b: np.ndarray, answers: np.ndarray) -> NoReturn:
    """Fail with the reason why no linear model gives these answers to a, b, a + b, 0, …"""
    distinct = len(np.unique(answers))
    expect(
        distinct > 4,
        tr("`{name}` answers {n} different values only: a class, not f(x).", name=name, n=distinct),
        tr("Let it answer its logit w1·x1 + w2·x2 + b; the class follows from the sign."),
    )
    n = len(a)
    f = answers[:, -1] - (answers[:, 0] if answers.shape[1] == 2 else 0)
    left, right = f[:n] + f[n : 2 * n], f[2 * n : 3 * n] + f[3 * n]
    worst = int(np.abs(left - right).argmax())
    fail(
        tr(
            "`{name}` is not linear: for a = ({a:.2f}) and b = ({b:.2f}), "
            "f(a) + f(b) is {left:.4g}, but f(a + b) + f(0) is {right:.4g}.",
            name=name,
            a=a[worst].tolist(),
            b=b[worst].tolist(),
            left=left[worst],
            right=right[worst],
        ),
        tr("A linear model has no hidden layer and no features made by hand: one layer from two inputs to the output."),
    )


def _readings(answers: np.ndarray) -> Iterator[tuple[Activation, np.ndarray]]:
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


def _fit(through: Activation, xs: np.ndarray, values: np.ndarray) -> Linear | None:
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
