"""The four data sets, drawn as the notebook draws them; its four points; and what a model answers to points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.checks import Run, expect, tr


@dataclass(frozen=True)
class Points:
    """Points of a data set, float32 (N, 2), and their classes, 0 or 1, int64 (N,)."""

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
        (np.abs(answers) < 1e30).all(),  # false for NaN too
        tr("`{name}` answers NaN, or infinite or absurdly large numbers.", name=name),
        tr("Has its training blown up?"),
    )
    return answers
