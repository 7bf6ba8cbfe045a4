"""Exercise 712: stars from a review, judged by mean error and quadratic kappa on reviews that nobody has seen.

Both metrics are compared with scikit-learn's on ratings picked at grading time. What the model reaches is measured
here, from its answers, and set against the baseline: one prediction for all reviews.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    better_by_mean,
    check,
    confusion,
    expect,
    expect_close,
    expect_whole_list,
    fail,
    misjudged,
    numeric,
    show,
    show_history,
    tensor,
    tr,
)
from grader.datasets import dataset
from grader.errors import CallFailed, SubmissionFault
from grader.language import decimal, grouped

if TYPE_CHECKING:
    from grader.run import Run

STARS = list(range(1, 11))
BY_HAND = ("metrics",)  # "write both metrics yourself"
BELOW = 0.85  # of the baseline's error: counting words is enough


@dataclass(frozen=True)
class Goal:
    """What a small model that reads words in their order reaches, and one that counts them does not."""

    error: float  # of the baseline's error
    kappa: float


GOALS = {"sample": Goal(error=0.6, kappa=0.75), "full": Goal(error=0.7, kappa=0.6)}

# Standard errors by which a model that did not learn from the test reviews in ./data is never better at them. Those of
# the sample are always the same, and a little harder than most: honest models of eight kinds were between -2 and 0.5.
UNLIKELY = {"sample": 3.25, "full": 4.5}

DISTANCE = tr("The weight of a mistake is the square of the distance in stars, whichever ratings occur.")
READ = tr("Does the model see a few words at a time, in their order? Train it until the test error stops falling.")


# ------------------------------------------------------------------------------------------------- the metrics


@check(points=1, hint=tr("Take the absolute value of each difference, then the mean."))
def mean_error_is_right(run: Run) -> None:
    """`mean_error` is the mean absolute difference of ratings and predictions."""
    for _ in range(3):
        ratings, _ = _drawn(run.rng)
        predictions = run.rng.uniform(1, 10, len(ratings))
        what = tr("`mean_error` of {n} ratings", n=len(ratings))
        found = _number(_asked(run, "mean_error", ratings, predictions), what)
        expect_close(found, np.abs(ratings - predictions).mean(), what, atol=1e-5)


@check(
    points=3,
    hint=tr("Both sums have the same weights: that of the confusion matrix, and that of what chance gives."),
)
def quadratic_kappa_is_right(run: Run) -> None:
    """`quadratic_kappa` gives what scikit-learn gives."""
    for _ in range(4):
        _expect_kappa(run, *_drawn(run.rng))


@check(points=1, needs=quadratic_kappa_is_right, hint=DISTANCE)
def ratings_that_do_not_occur_keep_their_place(run: Run) -> None:
    """`quadratic_kappa` is right where some of the ten ratings do not occur."""
    for count in (2, 3, 5):
        some = np.sort(run.rng.choice(STARS, count, replace=False))
        some[[0, -1]] = (1, 10)  # so that there is a gap between them
        ratings = run.rng.choice(some, 60)
        predictions = np.where(run.rng.random(60) < 0.5, ratings, run.rng.choice(some, 60))
        _expect_kappa(run, ratings, predictions)
    ratings, _ = _drawn(run.rng)
    _expect_kappa(run, ratings, np.full_like(ratings, run.rng.integers(1, 11)))


@check(
    points=1,
    needs=quadratic_kappa_is_right,
    hint=tr("Put the numbers into the formula: nothing has to be cut off."),
)
def quadratic_kappa_is_right_at_the_ends(run: Run) -> None:
    """`quadratic_kappa` is 1 for perfect predictions, negative for turned ones, and NaN where it is 0/0."""
    ratings, _ = _drawn(run.rng)
    _expect_kappa(run, ratings, ratings)
    _expect_kappa(run, ratings, 11 - ratings)
    alike = np.full(20, run.rng.integers(1, 11))
    found = _number(_asked(run, "quadratic_kappa", alike, alike), "`quadratic_kappa`", finite=False)
    expect(
        bool(np.isnan(found)),
        tr(
            "`quadratic_kappa` is {found} where all ratings and predictions are {stars}, not NaN.",
            found=f"{found:.4g}",
            stars=alike[0],
        ),
        tr("What chance gives is 0 there, so that nothing can be said."),
    )


@check(points=2, hint=tr("Which number has as many of the ratings above it as below it?"))
def baseline_is_the_best_constant(run: Run) -> str:
    """`baseline` is the number with the smallest mean error on the training reviews."""
    baseline = _number(run.value("baseline"), "`baseline`")
    ratings = run.once(_training_ratings)
    error, least = (float(np.abs(ratings - one).mean()) for one in (baseline, np.median(ratings)))
    hint = ""
    if abs(baseline - ratings.mean()) < 0.01:
        hint = tr("The mean has the smallest squared error; the smallest absolute error has another number.")
    elif baseline == np.bincount(ratings).argmax():
        hint = tr("The most frequent rating is right most often, but where it is wrong, it may be far off.")
    off = decimal(f"{error:.4f}")
    expect(
        error <= least + 1e-6,
        tr(
            "With {baseline} one is {off} stars off on the training reviews; with another number less.",
            baseline=f"{baseline:.4g}",
            off=off,
        ),
        hint,
    )
    return tr("{off} stars off on the training reviews", off=off)


def _training_ratings(run: Run) -> np.ndarray:
    ratings: np.ndarray = dataset("drugs").training(run.data).ratings  # type: ignore[attr-defined]
    return ratings


def _drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ratings and predictions that agree more or less; each of the ten occurs in both."""
    while True:
        count = int(rng.integers(100, 200))
        ratings, anything = (rng.choice(STARS, count, p=rng.dirichlet(np.full(10, 3.0))) for _ in range(2))
        near = np.clip(ratings + rng.integers(-4, 4, count), 1, 10)
        predictions = np.where(rng.random(count) < 0.6, near, anything)
        if len(np.unique(ratings)) == len(np.unique(predictions)) == 10:
            return ratings, predictions


def _asked(run: Run, name: str, *arrays: np.ndarray) -> Any:
    """What the function gives for these arrays; for tensors, if it only knows those."""
    try:
        return run.call(name, *arrays, forbid=BY_HAND)
    except CallFailed as failed:
        try:
            return run.call(name, *map(tensor, arrays), forbid=BY_HAND)
        except CallFailed:
            raise failed from None


def _number(value: Any, what: str, finite: bool = True) -> float:
    found = numeric(value, what)
    expect(found.size == 1, tr("{what} holds {n} numbers, not one.", what=what, n=grouped(found.size)))
    expect(not finite or bool(np.isfinite(found).all()), tr("{what} is NaN or infinite.", what=what))
    return float(found.ravel()[0])


def _kappa(ratings: np.ndarray, predictions: np.ndarray, weights: str | None = "quadratic") -> float:
    from sklearn.metrics import cohen_kappa_score  # here: it takes a second, which `grade --help` need not wait for

    return float(cohen_kappa_score(ratings, predictions, labels=STARS, weights=weights))


def _expect_kappa(run: Run, ratings: np.ndarray, predictions: np.ndarray) -> None:
    what = tr("`quadratic_kappa` of {n} ratings {occurring}", n=len(ratings), occurring=np.unique(ratings).tolist())
    found = _number(_asked(run, "quadratic_kappa", ratings, predictions), what)
    hint = ""
    if abs(found - _kappa(ratings, predictions, None)) < 1e-5:
        hint = tr("That is the kappa with no weights: square the distance.")
    if abs(found - _kappa(ratings, predictions, "linear")) < 1e-5:
        hint = tr("That is the kappa with linear weights: square the distance.")
    expected = _kappa(ratings, predictions)
    expect_close(found, expected, what, atol=1e-5, hint="" if abs(found - expected) < 1e-5 else hint)


# --------------------------------------------------------------------------------------------------- the model


@check(points=1, hint=tr("Ask the model for all texts, and give back the whole list."))
def predict_gives_ratings(run: Run) -> None:
    """`predict(texts)` gives a rating for each text, and the same one whatever the other texts are.

    A little may change: who cuts off the padding that a batch has in common may sum up in another order.
    """
    texts = run.visible("drugs").texts
    texts = [texts[i] for i in run.rng.permutation(len(texts))[:60]]
    stars = _stars(run, texts)
    alike = float(np.ptp(stars)) == 0
    expect(not alike, tr("`predict(texts)` gives all texts the same rating."), tr("Ask the model for each of them."))
    others = _stars(run, [_in_other_words(run.rng, text, texts) for text in texts])
    expect(
        float((np.abs(others - stars) > 0.01).mean()) > 0.3,
        tr("`predict(texts)` gives a text the same rating when all its words are others of the same length."),
        tr("Ask the model, which reads the words."),
    )
    for other in (_stars(run, texts[::-1])[::-1], np.concatenate([_stars(run, texts[:7]), stars[7:]])):
        expect(
            float((np.abs(other - stars) > 0.1).mean()) <= 0.1,
            tr("`predict(texts)` gives a text another rating when other texts stand beside it."),
            tr("Each rating hangs on its own text only: no mean over the list, nothing random, `model.eval()` first."),
        )
    expect_whole_list(run, "predict", texts, apart=0.1)


def _in_other_words(rng: np.random.Generator, text: str, others: list[str]) -> str:
    """A text of the same length, whose words are words of the same lengths out of other texts."""
    words: dict[int, list[str]] = {}
    for word in re.findall(r"[a-z]+", " ".join(others).lower()):
        words.setdefault(len(word), []).append(word)

    def another(found: re.Match[str]) -> str:
        choice = words.get(len(found[0]), [found[0]])
        return choice[int(rng.integers(len(choice)))]

    return re.sub(r"[A-Za-z]+", another, text)


@check(points=1, needs=predict_gives_ratings, hint=tr("Cut off what the model overdoes: `.clamp(1, 10)`."))
def ratings_go_from_1_to_10(run: Run) -> None:
    """No rating that `predict(texts)` gives is below 1 or above 10."""
    stars = run.once(_visible_stars)
    low, high = float(stars.min()), float(stars.max())
    inside = low > 1 - 1e-3 and high < 10 + 1e-3
    expect(
        inside,
        tr("`predict(texts)` holds ratings from {low} to {high}.", low=f"{low:.4g}", high=f"{high:.4g}"),
    )


@check(
    points=2,
    needs=predict_gives_ratings,
    hint=tr("Does every batch end in `loss.backward()` and `optimizer.step()`?"),
)
def error_is_below_the_baseline(run: Run) -> str:
    """The mean error on reviews that the notebook has never seen is at most 85 % of the baseline's."""
    with suppress(SubmissionFault):  # nobody asks for one here, but who comes from exercise 110 may keep it
        show_history(run.value("history"))
    return _expect_error(run, BELOW)


@check(points=3, needs=predict_gives_ratings, hint=READ)
def error_is_far_below_the_baseline(run: Run) -> str:
    """The mean error on these reviews is at most 60 % of the baseline's (70 % if they are real ones)."""
    reviews, stars = run.heldout("drugs"), np.clip(run.once(_heldout_stars), 1, 10)
    show(
        misjudged(
            _rounded(stars) - 1,
            reviews.ratings - 1,
            [str(star) for star in STARS],
            texts=reviews.texts,
            off=np.abs(stars - reviews.ratings),
            title=tr("Reviews whose stars are farthest off"),
        )
    )
    return _expect_error(run, GOALS[run.data].error)


@check(points=3, needs=predict_gives_ratings, hint=READ)
def kappa_is_high(run: Run) -> str:
    """The quadratic kappa on these reviews is at least 0.75 (0.6 if they are real ones)."""
    given, stars = run.heldout("drugs").ratings, _rounded(run.once(_heldout_stars))
    show(confusion(stars - 1, given - 1, [str(star) for star in STARS], tr("Stars given, and stars predicted")))
    kappa, least = _kappa(given, stars), GOALS[run.data].kappa
    reached = decimal(f"{kappa:.3f}")
    expect(
        kappa >= least,
        tr("The quadratic kappa is {kappa}; it has to be at least {least}.", kappa=reached, least=decimal(str(least))),
    )
    return tr("quadratic kappa {kappa}", kappa=reached)


@check(
    points=1,
    needs=predict_gives_ratings,
    hint=tr("Take `predict(test_texts)` of the model as it is in the end."),
)
def test_error_is_the_models(run: Run) -> None:
    """`test_error` is the mean error of the model on the test reviews, which it has not learned from."""
    claimed = _number(run.value("test_error"), "`test_error`")
    visible, stars = run.visible("drugs"), run.once(_visible_stars)
    ratings = visible.ratings
    exact = float(np.abs(ratings - np.clip(stars, 1, 10)).mean())
    # Of the ratings as they are, cut off or rounded: each is a fair reading, and two decimals will do.
    readings = (np.clip(stars, 1, 10), stars, _rounded(stars))
    expect(
        min(abs(claimed - np.abs(ratings - one).mean()) for one in readings) <= 0.01
        or _follows(run, "mean_error", claimed, ratings, readings),
        tr(
            "`test_error` is {claimed}; asked again, the model is {exact} stars off.",
            claimed=f"{claimed:.4g}",
            exact=f"{exact:.4g}",
        ),
    )
    alike = run.alike("drugs")
    errors = [
        np.abs(reviews.ratings - np.clip(one, 1, 10))
        for reviews, one in ((visible, stars), (alike, _stars(run, alike.texts)))
    ]
    expect(
        better_by_mean(-errors[0], -errors[1]) < UNLIKELY[run.data],
        tr(
            "The model is {seen} stars off on the test reviews in ./data, and {unseen} on others.",
            seen=decimal(f"{errors[0].mean():.3f}"),
            unseen=decimal(f"{errors[1].mean():.3f}"),
        ),
        tr("It knows the test reviews, so that they judge nothing: train on the training reviews only."),
    )


def _follows(
    run: Run, name: str, claimed: float, ratings: np.ndarray, readings: Sequence[np.ndarray], close: float = 0.01
) -> bool:
    """Whether a number is what the notebook's own metric gives for the model, right or wrong as this may be.

    What is wrong with the metric is told by its own check, and costs its own points only. One that does not hang on
    the predictions measures nothing.
    """
    try:
        given = [_number(_asked(run, name, ratings, one), f"`{name}`", finite=False) for one in readings]
        turned = [_number(_asked(run, name, ratings, 11 - one), f"`{name}`", finite=False) for one in readings]
    except SubmissionFault:
        return False
    return any(
        abs(claimed - one) <= close * max(1.0, abs(one)) and abs(one - other) > 1e-6
        for one, other in zip(given, turned, strict=True)
    )


@check(
    points=1,
    needs=predict_gives_ratings,
    hint=tr("It is your `quadratic_kappa` of the rounded ratings."),
)
def test_kappa_is_the_models(run: Run) -> None:
    """`test_kappa` is the quadratic kappa of the model on the test reviews."""
    claimed = _number(run.value("test_kappa"), "`test_kappa`")
    ratings, stars = run.visible("drugs").ratings, _rounded(run.once(_visible_stars))
    measured = _kappa(ratings, stars)
    expect(
        abs(claimed - measured) <= 0.01 or _follows(run, "quadratic_kappa", claimed, ratings, [stars]),
        tr(
            "`test_kappa` is {claimed}; asked again, the model has {measured}.",
            claimed=f"{claimed:.4g}",
            measured=f"{measured:.4g}",
        ),
    )


def _expect_error(run: Run, share: float) -> str:
    ratings = run.heldout("drugs").ratings
    error = float(np.abs(ratings - np.clip(run.once(_heldout_stars), 1, 10)).mean())
    alone = float(np.abs(ratings - np.median(run.once(_training_ratings))).mean())
    measured = {
        "error": decimal(f"{error:.3f}"),
        "alone": decimal(f"{alone:.3f}"),
        "share": f"{100 * (error / alone):.0f}",
    }
    expect(
        error <= share * alone,
        tr(
            "On {n} unseen reviews the model is {error} stars off, the baseline {alone}: {share}% of it.",
            n=grouped(len(ratings)),
            **measured,
        ),
    )
    return tr("{error} stars off, the baseline {alone}: {share}% of it", **measured)


def _stars(run: Run, texts: list[str]) -> np.ndarray:
    """`predict(texts)`: a rating for each text."""
    found = run.predict("predict", texts)
    expect(
        found.size == len(texts),
        tr("`predict(texts)` of {n} texts has shape {shape}.", n=grouped(len(texts)), shape=found.shape),
    )
    stars = found.reshape(len(texts))
    wrong = np.flatnonzero(~np.isfinite(stars))
    if len(wrong) == len(texts):
        fail(
            tr("`predict(texts)` gives NaN or an infinite number for every text."),
            tr("The model's weights may be NaN: watch the loss while you train; a smaller learning rate may help."),
        )
    expect(
        len(wrong) == 0,
        tr(
            "`predict(texts)` gives NaN or an infinite number for {wrong} of {n} texts, such as {text}.",
            wrong=grouped(len(wrong)),
            n=grouped(len(texts)),
            text=repr(texts[wrong[0]][:60]) if len(wrong) else "",
        ),
        tr("Ask your functions for this text, one after the other: is something divided by 0 there?"),
    )
    return stars


def _rounded(stars: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(stars, 1, 10)).astype(np.int64)


def _visible_stars(run: Run) -> np.ndarray:
    return _stars(run, run.visible("drugs").texts)


def _heldout_stars(run: Run) -> np.ndarray:
    return _stars(run, run.heldout("drugs").texts)
