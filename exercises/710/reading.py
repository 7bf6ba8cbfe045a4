"""What `predict` says of reviews, how that goes with `model`, and what is shown and told of it."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np

from grader.checks import (
    Run,
    SubmissionFault,
    confusion,
    expect,
    expect_accuracy,
    misjudged,
    number_each,
    show,
    show_any_history,
    tr,
)

from .encoding import rows_of
from .network import scores_of

GOAL = 0.95  # what document 004 says is within reach of better methods
RETOLD, MAY_LOSE = 2500, 2  # reviews in other words, and by how many points an honest model may be worse at them
ASKED_AGAIN, AT_ONCE = 1000, 250  # reviews for which `model` is asked how sure it is


def judged(run: Run, texts: list[str]) -> np.ndarray:
    """`predict(texts)` as 0 and 1, int64 (N,). Probabilities of "positive" are taken, too."""
    one_each = tr("Give one answer for each text; of two outputs take the larger one's place: `.argmax(dim=1)`.")
    found = number_each(run, "predict", texts, one_each)
    expect(
        found.min() >= 0 and found.max() <= 1,
        tr(
            "`predict(texts)` holds numbers from {low:.3g} to {high:.3g}, not 0 and 1.",
            low=found.min(),
            high=found.max(),
        ),
        tr("Turn the logits into answers: 1 where a logit is above 0, else 0."),
    )
    return (found >= 0.5).astype(np.int64)


def heldout_answers(run: Run) -> np.ndarray:
    """Answers to all reviews that only the grader has; they come shuffled."""
    return judged(run, run.heldout("reviews").texts)


def share_right(run: Run) -> float:
    """Of the answers to these."""
    return float((run.once(heldout_answers) == run.heldout("reviews").labels).mean())


def agreement(answers: np.ndarray, scores: np.ndarray) -> float:
    """Share of the answers that are what the scores say, with the threshold and the labels that fit best."""
    # Never a threshold at the edge: one that all scores exceed would agree with a constant answer.
    usual = 0.5 if scores.min() >= 0 and scores.max() <= 1 else 0.0
    thresholds = (usual, *np.quantile(scores, np.linspace(0.1, 0.9, 81)))
    same = [float(((scores > threshold) == answers).mean()) for threshold in thresholds]
    return max(*same, *(1 - one for one in same))


# ---------------------------------------------------------------------- what is shown


def show_answers(run: Run) -> None:
    """Show how often which class was taken for which, some reviews that were misjudged, and curves if there are any."""
    answers, reviews = run.once(heldout_answers), run.heldout("reviews")
    classes = [tr("negative"), tr("positive")]
    show(confusion(answers, reviews.labels, classes, tr("How the reviews were judged")))
    show(
        misjudged(
            answers,
            reviews.labels,
            classes,
            texts=reviews.texts,
            sure=sureness(run, reviews.texts, answers),
            title=tr("Reviews that the model misjudged"),
        )
    )
    show_any_history(run)  # nobody asks for one here, but who comes from exercise 110 may keep it


def sureness(run: Run, texts: list[str], answers: np.ndarray) -> np.ndarray:
    """The probability that `model` gives to each of these answers, NaN where it is not known.

    The first reviews are asked about, whether they were judged rightly or not: to ask about the others alone would
    tell the notebook their labels. The model may give logits or probabilities, and its labels may be turned: only
    where it finds what `predict` says is it taken at its word.
    """
    sure = np.full(len(texts), np.nan)
    with suppress(SubmissionFault):  # checks of their own judge `encode` and `model`
        some = texts[:ASKED_AGAIN]
        parts = [some[start : start + AT_ONCE] for start in range(0, len(some), AT_ONCE)]
        scores = np.concatenate([scores_of(run, rows_of(run, part)) for part in parts])
        are_shares = scores.min() >= 0 and scores.max() <= 1
        positive = scores if are_shares else (1 + np.tanh(scores / 2)) / 2
        said = np.where(answers[: len(scores)] == 1, positive, 1 - positive)
        sure[: len(scores)] = np.where(said >= 0.5, said, np.nan)
    return sure


# ---------------------------------------------------------------------- what is reached


def expect_right(run: Run, at_least: float, hint: str = "") -> str:
    """Fail unless so many unseen reviews are judged rightly, real ones in other words too. Returns a sentence."""
    labels = run.heldout("reviews").labels
    reached = expect_accuracy(run.once(heldout_answers), labels, at_least=at_least, hint=hint)
    if run.data == "full":  # those of the sample were made for this grading: nobody can have looked them up
        run.once(expect_reading)
    return reached


def expect_reading(run: Run) -> str:
    """Fail unless the model reads: reviews in other words nearly as well as the public ones. Returns a sentence."""
    reviews, answers = run.heldout("reviews"), run.once(heldout_answers)
    as_told = reviews.reworded(run.rng_for("reworded reviews"))  # untranslated
    written = float((answers[:RETOLD] == reviews.labels[:RETOLD]).mean())
    return expect_accuracy(
        judged(run, as_told.texts[:RETOLD]),
        reviews.labels[:RETOLD],
        at_least=math.floor(100 * written - MAY_LOSE) / 100,
        what=tr("accuracy on some of the same reviews, told in other words"),
        hint=tr("Train a network that reads reviews; one that knows texts by heart knows only these."),
    )


def how_far(run: Run, reached: str) -> str:
    """What was reached, and how far it is to the 95 % of document 004."""
    if run.data == "sample":
        return tr(
            "{reached}; these were generated sentences, real reviews are harder: a simple LSTM reaches about 87 %",
            reached=reached,
        )
    if share_right(run) >= GOAL:
        return tr(
            "{reached}; and that is the 95 % which the course names as the goal of advanced methods", reached=reached
        )
    return tr(
        "{reached}; {points:.1f} points below 95 %: that takes a network which has read far more than 25,000 reviews, "
        "such as a pretrained transformer",
        reached=reached,
        points=100 * (GOAL - share_right(run)),
    )
