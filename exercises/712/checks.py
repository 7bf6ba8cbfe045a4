"""Exercise 712: stars from a review, judged by mean error and quadratic kappa on reviews that nobody has seen.

Both metrics are compared with scikit-learn's on ratings picked at grading time. What the model reaches is measured
here, from its answers, and set against the baseline: one prediction for all reviews.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.checks import (
    Run,
    check,
    confusion,
    expect,
    expect_each_by_itself,
    expect_number,
    expect_whole_list,
    hint_for,
    misjudged,
    show,
    show_any_history,
    some_visible,
    tr,
)

from . import stars as model
from .metrics import expect_kappa, expect_mean_error, follows, number_of
from .ratings import STARS, drawn, gappy, kappa
from .stars import cut_off, mean_off, rounded

BELOW = 0.85  # of the baseline's error: counting words is enough


@dataclass(frozen=True)
class Goal:
    """What a small model that reads words in their order reaches, and one that counts them does not."""

    error: float  # of the baseline's error
    kappa: float


GOALS = {"sample": Goal(error=0.6, kappa=0.75), "full": Goal(error=0.7, kappa=0.6)}
LABELS = [str(star) for star in STARS]

DISTANCE = tr("The weight of a mistake is the square of the distance in stars, whichever ratings occur.")
READ = tr("Does the model see a few words at a time, in their order? Train it until the test error stops falling.")
MEAN = tr("The mean has the smallest squared error; the smallest absolute error has another number.")
MODE = tr("The most frequent rating is right most often, but where it is wrong, it may be far off.")


# ------------------------------------------------------------------------------------------------- the metrics


@check(points=1, hint=tr("Take the absolute value of each difference, then the mean."))
def mean_error_is_right(run: Run) -> None:
    """`mean_error` is the mean absolute difference of ratings and predictions."""
    for _ in range(3):
        ratings, _ = drawn(run.rng)
        expect_mean_error(run, ratings, run.rng.uniform(1, 10, len(ratings)))


@check(
    points=3,
    hint=tr("Both sums have the same weights: that of the confusion matrix, and that of what chance gives."),
)
def quadratic_kappa_is_right(run: Run) -> None:
    """`quadratic_kappa` gives what scikit-learn gives."""
    for _ in range(4):
        expect_kappa(run, *drawn(run.rng))


@check(points=1, needs=quadratic_kappa_is_right, hint=DISTANCE)
def ratings_that_do_not_occur_keep_their_place(run: Run) -> None:
    """`quadratic_kappa` is right where some of the ten ratings do not occur."""
    for occurring in (2, 3, 5):
        expect_kappa(run, *gappy(run.rng, occurring))
    ratings, _ = drawn(run.rng)
    expect_kappa(run, ratings, np.full_like(ratings, run.rng.integers(1, 11)))


@check(
    points=1,
    needs=quadratic_kappa_is_right,
    hint=tr("Put the numbers into the formula: nothing has to be cut off."),
)
def quadratic_kappa_is_right_at_the_ends(run: Run) -> None:
    """`quadratic_kappa` is 1 for perfect predictions, negative for turned ones, and NaN where it is 0/0."""
    ratings, _ = drawn(run.rng)
    expect_kappa(run, ratings, ratings)
    expect_kappa(run, ratings, 11 - ratings)
    alike = np.full(20, run.rng.integers(1, 11))
    found = number_of(run, "quadratic_kappa", alike, alike)
    expect(
        np.isnan(found),
        tr(
            "`quadratic_kappa` is {found:.4g} where all ratings and predictions are {stars}, not NaN.",
            found=found,
            stars=alike[0],
        ),
        tr("What chance gives is 0 there, so that nothing can be said."),
    )


@check(points=2, hint=tr("Which number has as many of the ratings above it as below it?"))
def baseline_is_the_best_constant(run: Run) -> str:
    """`baseline` is the number with the smallest mean error on the training reviews."""
    baseline = expect_number(run.value("baseline"), "`baseline`")
    ratings = run.training("drugs").ratings
    off = mean_off(baseline, ratings)
    expect(
        off <= mean_off(float(np.median(ratings)), ratings) + 1e-6,
        tr(
            "With {baseline:.4g} one is {off:.4f} stars off on the training reviews; with another number less.",
            baseline=baseline,
            off=off,
        ),
        hint_for(baseline, {MEAN: ratings.mean(), MODE: np.bincount(ratings).argmax()}, atol=0.01),
    )
    return tr("{off:.4f} stars off on the training reviews", off=off)


# --------------------------------------------------------------------------------------------------- the model


@check(points=1, hint=tr("Ask the model for all texts, and give back the whole list."))
def predict_gives_ratings(run: Run) -> None:
    """`predict(texts)` gives a rating for each text, and the same one whatever the other texts are.

    A little may change: who cuts off the padding that a batch has in common may sum up in another order.
    """
    texts = some_visible(run, "drugs", 60)
    stars = model.stars_of(run, texts)
    message = tr("`predict(texts)` gives all texts the same rating.")
    expect(np.ptp(stars) > 0, message, tr("Ask the model for each of them."))
    others = model.stars_of(run, [model.in_other_words(run.rng, text, texts) for text in texts])
    expect(
        (np.abs(others - stars) > 0.01).mean() > 0.3,
        tr("`predict(texts)` gives a text the same rating when all its words are others of the same length."),
        tr("Ask the model, which reads the words."),
    )
    expect_each_by_itself(
        lambda some: model.stars_of(run, some),
        texts,
        tr("`predict(texts)` gives a text another rating when other texts stand beside it."),
        tr("Each rating hangs on its own text only: no mean over the list, nothing random, `model.eval()` first."),
        apart=0.1,
    )
    expect_whole_list(run, "predict", texts, apart=0.1)


@check(points=1, needs=predict_gives_ratings, hint=tr("Cut off what the model overdoes: `.clamp(1, 10)`."))
def ratings_go_from_1_to_10(run: Run) -> None:
    """No rating that `predict(texts)` gives is below 1 or above 10."""
    stars = run.once(model.visible_stars)
    low, high = stars.min(), stars.max()
    message = tr("`predict(texts)` holds ratings from {low:.4g} to {high:.4g}.", low=low, high=high)
    expect(low > 1 - 1e-3 and high < 10 + 1e-3, message)


@check(
    points=2,
    needs=predict_gives_ratings,
    hint=tr("Does every batch end in `loss.backward()` and `optimizer.step()`?"),
)
def error_is_below_the_baseline(run: Run) -> str:
    """The mean error on reviews that the notebook has never seen is at most 85 % of the baseline's."""
    show_any_history(run)  # who comes from exercise 110 may keep one
    return model.expect_share_of_baseline(run, BELOW)


@check(points=3, needs=predict_gives_ratings, hint=READ)
def error_is_far_below_the_baseline(run: Run) -> str:
    """The mean error on these reviews is at most 60 % of the baseline's (70 % if they are real ones)."""
    reviews, stars = run.heldout("drugs"), cut_off(run.once(model.heldout_stars))
    off, title = np.abs(stars - reviews.ratings), tr("Reviews whose stars are farthest off")
    given, predicted = reviews.ratings - 1, rounded(stars) - 1
    show(misjudged(predicted, given, LABELS, texts=reviews.texts, off=off, title=title))
    return model.expect_share_of_baseline(run, GOALS[run.data].error)


@check(points=3, needs=predict_gives_ratings, hint=READ)
def kappa_is_high(run: Run) -> str:
    """The quadratic kappa on these reviews is at least 0.75 (0.6 if they are real ones)."""
    given, stars = run.heldout("drugs").ratings, rounded(run.once(model.heldout_stars))
    show(confusion(stars - 1, given - 1, LABELS, tr("Stars given, and stars predicted")))
    found, least = kappa(given, stars), GOALS[run.data].kappa
    message = tr("The quadratic kappa is {kappa:.3f}; it has to be at least {least:g}.", kappa=found, least=least)
    expect(found >= least, message)
    return tr("quadratic kappa {kappa:.3f}", kappa=found)


@check(
    points=1,
    needs=predict_gives_ratings,
    hint=tr("Take `predict(test_texts)` of the model as it is in the end."),
)
def test_error_is_the_models(run: Run) -> None:
    """`test_error` is the mean error of the model on the test reviews, which it has not learned from."""
    claimed = expect_number(run.value("test_error"), "`test_error`")
    given, stars = run.visible("drugs").ratings, run.once(model.visible_stars)
    # Of the ratings as they are, cut off or rounded: each is a fair reading, and two decimals will do.
    readings = (cut_off(stars), stars, rounded(stars))
    errors = [mean_off(one, given) for one in readings]
    expect(
        min(abs(claimed - error) for error in errors) <= 0.01 or follows(run, "mean_error", claimed, given, readings),
        tr(
            "`test_error` is {claimed:.4g}; asked again, the model is {error:.4g} stars off.",
            claimed=claimed,
            error=errors[0],
        ),
    )
    model.expect_test_reviews_unknown(run)


@check(
    points=1,
    needs=predict_gives_ratings,
    hint=tr("It is your `quadratic_kappa` of the rounded ratings."),
)
def test_kappa_is_the_models(run: Run) -> None:
    """`test_kappa` is the quadratic kappa of the model on the test reviews."""
    claimed = expect_number(run.value("test_kappa"), "`test_kappa`")
    given, stars = run.visible("drugs").ratings, rounded(run.once(model.visible_stars))
    found = kappa(given, stars)
    expect(
        abs(claimed - found) <= 0.01 or follows(run, "quadratic_kappa", claimed, given, [stars]),
        tr(
            "`test_kappa` is {claimed:.4g}; asked again, the model has {kappa:.4g}.",
            claimed=claimed,
            kappa=found,
        ),
    )
