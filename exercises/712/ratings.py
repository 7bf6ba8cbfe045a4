"""Ratings and predictions picked at grading time, and the kappa that scikit-learn has for them."""

from __future__ import annotations

from typing import Literal

import numpy as np

STARS = list(range(1, 11))
Ratings = tuple[np.ndarray, np.ndarray]  # those given, and those predicted: whole numbers from 1 to 10, shape (N,)


def kappa(
    given: np.ndarray, predicted: np.ndarray, weights: Literal["linear", "quadratic"] | None = "quadratic"
) -> float:
    """Cohen's kappa of the ten ratings, with the distance in stars as the weight, or its square, or neither."""
    from sklearn.metrics import cohen_kappa_score  # here: it takes a second, which `grade --help` need not wait for

    return float(cohen_kappa_score(given, predicted, labels=STARS, weights=weights))


def drawn(rng: np.random.Generator) -> Ratings:
    """Ratings and predictions that agree more or less; each of the ten occurs in both."""
    while True:
        count = int(rng.integers(100, 200))
        ratings, anything = (rng.choice(STARS, count, p=rng.dirichlet(np.full(10, 3.0))) for _ in range(2))
        near = np.clip(ratings + rng.integers(-4, 4, count), 1, 10)
        predictions = np.where(rng.random(count) < 0.6, near, anything)
        if len(np.unique(ratings)) == len(np.unique(predictions)) == 10:
            return ratings, predictions


def gappy(rng: np.random.Generator, occurring: int) -> Ratings:
    """Ratings and predictions of which only some of the ten occur, 1 and 10 among them."""
    some = np.sort(rng.choice(STARS, occurring, replace=False))
    some[[0, -1]] = (1, 10)  # so that there is a gap between them
    ratings = rng.choice(some, 60)
    return ratings, np.where(rng.random(60) < 0.5, ratings, rng.choice(some, 60))
