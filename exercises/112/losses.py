"""Validation losses picked for `best_epoch` and `stop_epoch`, and what is right for them."""

from __future__ import annotations

import numpy as np

# ---------------------------------------------------------------------- what is right, and what is usual


def lowest(losses: list[float]) -> int:
    return losses.index(min(losses)) + 1


def last_lowest(losses: list[float]) -> int:
    return len(losses) - losses[::-1].index(min(losses))


def turning(losses: list[float]) -> int:
    """The first epoch after which the loss does not fall."""
    return next((n for n in range(1, len(losses)) if losses[n] >= losses[n - 1]), len(losses))


def patient(losses: list[float], patience: int) -> int:
    """The epoch after which patience has run out, or the last."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best == patience:
            return epoch + 1
    return len(losses)


# ---------------------------------------------------------------------- what is asked


def for_best_epoch(rng: np.random.Generator) -> list[list[float]]:
    picked = [curve(rng, int(epochs)) for epochs in rng.integers(4, 13, size=12)]
    falling = sorted((round(float(loss), 3) for loss in rng.uniform(size=6)), reverse=True)
    twice = [0.9, 0.5, 0.3, 0.6, 0.3, 0.3, 0.8]
    longer = sorted(large(rng, 90), reverse=True)  # than the notebook's own training
    return [*picked, falling, falling[::-1], twice, [0.7], [2.5, 2.5], fine(rng), large(rng, 5), longer]


def for_stop_epoch(rng: np.random.Generator) -> list[tuple[list[float], int]]:
    """Losses, and with how much patience."""
    picked = [(curve(rng, int(epochs)), int(rng.integers(1, 6))) for epochs in rng.integers(4, 16, size=20)]
    level = float(np.round(rng.uniform(0.2, 0.8), 2))
    falling_but_not_below = [round(level + more, 2) for more in (0.1, 0, 0.2, 0.1, 0.05, -0.1)]
    return [
        *picked,
        ([level] * 6, 3),  # what equals the lowest is no new lowest
        (falling_but_not_below, 3),
        ([0.9, 0.8, 0.9, 0.7, 0.8, 0.6, 0.7, 0.5], 2),  # never two in a row
        ([0.5, 0.4, 0.6], 1),
        ([0.5, 0.6, 0.7], 2),
        ([level], 1),
        (sorted(fine(rng), reverse=True), 3),  # what is lower, be it by little, is a new lowest
        (sorted(large(rng, 6), reverse=True), 2),
        (sorted(large(rng, 90), reverse=True), 3),  # longer than the notebook's own training
    ]


def curve(rng: np.random.Generator, epochs: int) -> list[float]:
    """A validation loss that falls, turns and rises, with ups and downs, in steps of 0.01: some values come twice."""
    turn = rng.integers(1, epochs + 1)
    ideal = 1 + 2 * np.abs(np.arange(epochs) - turn) / epochs
    return [round(float(loss), 2) for loss in ideal + rng.normal(scale=0.15, size=epochs)]


def fine(rng: np.random.Generator) -> list[float]:
    """Losses that differ in the fifth decimal only."""
    start = rng.uniform(0.2, 0.8)
    return [round(float(start + 1e-5 * step), 5) for step in rng.permutation(9)]


def large(rng: np.random.Generator, epochs: int) -> list[float]:
    """Losses far above those of a classifier, such as a regression has: no number is larger than every loss."""
    return [round(float(loss), 1) for loss in 1000 * (1 + rng.permutation(epochs)) + rng.uniform(0, 500, epochs)]
