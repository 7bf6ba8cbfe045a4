"""Trainings as the notebook's own, asked for again: what it claims of them has to be near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grader.checks import Run, expect, tr

from .trainings import Training, as_share, trained

MOST_TRAINING = 6000  # digits that the notebook trains on, where there are as many
MOST_VALIDATION = 2000  # digits that it validates on
ACCURACY_APART = 0.04  # how far seeds, devices and precisions bring trainings apart, mostly
SAME_SEED = 0.02  # how far the same seed brings trainings apart: another device, or images in another precision
SEEDS = 5  # 0 to 4: with each the notebook trains once


def as_in_the_notebook(run: Run) -> tuple[list[int], list[Training]]:
    """Two trainings as the notebook's, and the seeds, two of the five, of each."""
    seeds = [int(seed) for seed in run.rng.choice(SEEDS, size=2, replace=False)]
    return seeds, [of_seed(run, seed) for seed in seeds]


def of_seed(run: Run, seed: int) -> Training:
    """A training with what the notebook trains on, as often as it does, and this seed."""

    def again() -> Training:
        train, val = run.training("mnist")[:MOST_TRAINING], run.visible("mnist")[:MOST_VALIDATION]
        epochs = run.value("EPOCHS") if run.has("EPOCHS") else None
        often = epochs if isinstance(epochs, int) and 1 <= epochs <= 20 else 5
        one = trained(run, train, val, seed, often)
        return replace(one, accuracy=as_share(one.accuracy))

    return run.once_for(("seed", seed), again)


def expect_of_trainings(run: Run, accuracies: Sequence[float], message: str, by_seed: bool = False) -> None:
    """Fail unless these can be accuracies of the notebook's own `train`.

    They are near those of two trainings asked for here, and each is a number of images out of all, as far as it is
    written out. Where a learning rate is large, a single seed may end far below the others: what is not near is asked
    for with its own seed, which is its place if they come by seed, and any of the five else.
    """
    near = [one.accuracy for one in run.once(as_in_the_notebook)[1]]
    low, high = min(near) - ACCURACY_APART, max(near) + ACCURACY_APART
    n = min(MOST_VALIDATION, len(run.visible("mnist")))
    for place, share in enumerate(accuracies):
        now = tr("Asked now, `train` ends at {accuracy:.1%}.", accuracy=near[0])
        seeds = [place] if by_seed else range(SEEDS)
        expect(low <= share <= high or any(is_of_seed(run, seed, share) for seed in seeds), message, now)
        digits = min(12, len(repr(float(share)).partition(".")[2]))
        expect(
            any(_is_share_of(share, m, digits) for m in (n, len(run.visible("mnist")))),
            tr("{accuracy:.2%} is no share of {n} images.", accuracy=share, n=n),
            tr("Keep what `train` returns, without rounding it."),
        )


def is_of_seed(run: Run, seed: int, share: float) -> bool:
    """Whether a training with this seed ends at this accuracy."""
    return abs(of_seed(run, seed).accuracy - share) <= SAME_SEED


def _is_share_of(share: float, n: int, digits: int) -> bool:
    """Whether so many of n images make this share, rounded to so many decimals."""
    return abs(share - round(share * n) / n) <= max(1e-6, 0.5 * 10.0**-digits if digits <= 3 else 0.0)


def expect_plausible(run: Run, epoch: float) -> None:
    """Fail if an epoch of the notebook's takes thirty times less or more than in the same trainings asked for here."""
    likely = [one.seconds.mean() for one in run.once(as_in_the_notebook)[1]]
    expect(
        min(likely) / 30 <= epoch <= 30 * max(likely),
        tr(
            "An epoch on cpu takes {seconds:.4g} s in `table`; from the trainings asked for now, {likely:.3g} s.",
            seconds=epoch,
            likely=np.mean(likely),
        ),
        tr("Are these seconds, of an epoch of your own machine?"),
    )
