"""What the notebook's sentiment model says of reviews, and what it knew of them before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grader.checks import Run, better_by_count, better_by_rank, expect, number_each, tr

# Standard errors by which a model that did not learn from the test reviews in ./data is never better at them: honest
# ones were between -1.5 and 1.7 on the sample, where these reviews are always the same, and one that saw each of them
# once was at 8.
UNLIKELY = 4.5
FOUND = 0.99  # share of the negative reviews that the careful model has to find
LOGITS_ARE_NAN = tr("Look at the loss while you train, and at what a text gives that has no known word.")


def logits_of(run: Run, texts: Sequence[str]) -> np.ndarray:
    """`logits(texts)`: a number for each text, float64 (N,)."""
    return number_each(run, "logits", texts, not_finite=LOGITS_ARE_NAN)


def answers_of(run: Run, texts: Sequence[str]) -> np.ndarray:
    """`predict(texts)`: 0 or 1 for each text, int64 (N,)."""
    found = number_each(run, "predict", texts, not_finite=LOGITS_ARE_NAN)
    expect(np.isin(found, (0, 1)).all(), tr("`predict(texts)` holds other numbers than 0 and 1."))
    return found.astype(np.int64)


def visible_logits(run: Run) -> np.ndarray:
    return logits_of(run, run.visible("reviews").texts)


def visible_answers(run: Run) -> np.ndarray:
    return answers_of(run, run.visible("reviews").texts)


def near_zero(run: Run) -> int:
    """How many logits of the test reviews may tip over when their texts come in other batches."""
    logits = run.once(visible_logits)
    return int((np.abs(logits) <= 1e-3 * np.ptp(logits)).sum())


def expect_test_reviews_unknown(run: Run) -> None:
    """Fail if the model does better on the test reviews in ./data than on others of the same kind."""
    visible, alike = run.visible("reviews"), run.alike("reviews")
    logits = run.once(visible_logits), logits_of(run, alike.texts)
    margins = [(2 * reviews.labels - 1) * one for reviews, one in zip((visible, alike), logits, strict=True)]
    answers = run.once(visible_answers), answers_of(run, alike.texts)
    right = [one == reviews.labels for reviews, one in zip((visible, alike), answers, strict=True)]
    losses, wrong = [np.logaddexp(0, -one).mean() for one in margins], [1 - one.mean() for one in right]
    expect(
        better_by_rank(margins[0], margins[1]) < UNLIKELY and better_by_count(right[0], right[1]) < UNLIKELY,
        tr(
            "On the test reviews in ./data the model's loss is {seen:.3f} and {seen_wrong:.1%} of its answers are "
            "wrong; on others of the same kind {unseen:.3f} and {unseen_wrong:.1%}.",
            seen=losses[0],
            seen_wrong=wrong[0],
            unseen=losses[1],
            unseen_wrong=wrong[1],
        ),
        tr("It knows the test reviews, so that they judge nothing: train on the training reviews only."),
    )


class Sorted(NamedTuple):
    """How a threshold sorts the test reviews, as shares of the negative and of the positive ones."""

    found: float
    wanted: float
    passed: float
    could_pass: float


def sorted_by(run: Run, threshold: float) -> Sorted:
    """How many negative test reviews this threshold finds, and how many positive ones it lets pass."""
    logits, labels = run.once(visible_logits), run.visible("reviews").labels
    negative, positive = np.sort(logits[labels == 0]), logits[labels == 1]
    least = int(np.ceil(FOUND * len(negative)))
    # The threshold may be one of the logits themselves, which another batch or device gives a little differently.
    close = 1e-3 * float(np.ptp(logits))
    return Sorted(
        found=float((negative <= threshold + close).mean()),
        wanted=(least - 1) / len(negative),
        passed=float((positive > threshold - close).mean()),
        could_pass=float((positive > negative[least - 1]).mean()),
    )
