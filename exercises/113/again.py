"""Trainings as the notebook's own, asked for again: what it claims of them has to be near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grader.checks import Run, expect, tr

from .trainings import Training, as_share, trained

MOST_TRAINING = 6000  # digits that the notebook trains on, where there are as many
MOST_VALIDATION = 2000  # digits that it validates on
ACCURACY_APART = 0.04  # how far seeds, devices and precisions bring trainings apart at the most


def as_in_the_notebook(run: Run) -> tuple[list[int], list[Training]]:
    """Two trainings with what the notebook trains on, as often as it does, and the seeds, two of the five, of each."""
    train, val = run.training("mnist")[:MOST_TRAINING], run.visible("mnist")[:MOST_VALIDATION]
    epochs = run.value("EPOCHS") if run.has("EPOCHS") else None
    often = epochs if isinstance(epochs, int) and 1 <= epochs <= 20 else 5
    seeds = [int(seed) for seed in run.rng.choice(5, size=2, replace=False)]
    found = [trained(run, train, val, seed, often) for seed in seeds]
    return seeds, [replace(one, accuracy=as_share(one.accuracy)) for one in found]


def expect_of_trainings(run: Run, accuracies: Sequence[float], message: str) -> None:
    """Fail unless these can be accuracies of the notebook's own `train`.

    They are near those of two trainings asked for here, and each is a number of images out of all, as far as it is
    written out.
    """
    near = [one.accuracy for one in run.once(as_in_the_notebook)[1]]
    low, high = min(near) - ACCURACY_APART, max(near) + ACCURACY_APART
    n = min(MOST_VALIDATION, len(run.visible("mnist")))
    for share in accuracies:
        now = tr("Asked now, `train` ends at {accuracy:.1%}.", accuracy=near[0])
        expect(low <= share <= high, message, now)
        digits = min(12, len(repr(float(share)).partition(".")[2]))
        expect(
            any(_is_share_of(share, m, digits) for m in (n, len(run.visible("mnist")))),
            tr("{accuracy:.2%} is no share of {n} images.", accuracy=share, n=n),
            tr("Keep what `train` returns, without rounding it."),
        )


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
