"""Exercise 711: a confusion matrix and what is read off it, by hand, as functions, and of a sentiment model.

The functions are compared with scikit-learn's on predictions picked at grading time. Those that take a confusion
matrix get the right one, so that a mistake in `confusion_matrix` costs them nothing. The model is asked what it
thinks of the test reviews: what the notebook reports has to be that.
"""

from __future__ import annotations

import numpy as np

from grader.checks import (
    Run,
    called,
    check,
    expect,
    expect_answer,
    expect_close,
    expect_finite,
    expect_number,
    expect_shape,
    expect_whole_list,
    hint_for,
    some_visible,
    tr,
)

from . import review_model as model
from .functions import (
    NOTHING,
    ORDER,
    expect_counts,
    expect_each,
    expect_matrix,
    expect_one,
    expect_reviews_counted,
    in_percent,
    number_of,
)
from .samples import Samples, counted, degenerate, drawn, some_drawn

FIVE_LOGITS = np.array([-3.5601218, 3.7728593, -4.592485, -8.700286, 9.175387])
FIVE_LABELS = np.array([1, 1, 0, 0, 1])

CHANCE = tr("p_e is not simply 1/2: it follows from how often each class stands among labels and predictions.")
NOT_ACCURACY = tr("That is the accuracy: take away what chance would give.")
BY_TABLE = tr("Told in other words, these reviews are unknown to it: train a model that reads them.")


# ------------------------------------------------------------------------------------------------ five reviews


@check(points=1, hint=tr("A review is called positive where its logit is above 0."))
def five_predictions_are_right(run: Run) -> None:
    """`five_predictions` says 1 or 0 for each of the five reviews, as the logits do."""
    found = run.array("five_predictions").ravel()
    message = tr("`five_predictions` holds {n:,} numbers, not one for each of the five reviews.", n=len(found))
    expect(len(found) == 5, message)
    right = int((found == (FIVE_LOGITS > 0)).sum())
    message = tr("Only {right} of the five numbers in `five_predictions` say what the model says.", right=right)
    expect(right == 5, message)


@check(points=1, hint=ORDER)
def five_matrix_is_right(run: Run) -> None:
    """`five_matrix` is the confusion matrix of the five reviews."""
    expect_answer(run, "five_matrix", value=run.array("five_matrix"))


@check(points=1, hint=tr("How many of the five predictions are right?"))
def five_accuracy_is_right(run: Run) -> None:
    """`five_accuracy` is the share of the five reviews that the model gets right."""
    _expect_share(run, "five_accuracy")


@check(points=1, hint=tr("How many reviews does the model call positive? How many of these are?"))
def five_precision_is_right(run: Run) -> None:
    """`five_precision` is the precision of the positive class."""
    _expect_share(run, "five_precision")


@check(points=1, hint=tr("How many reviews are positive? How many of these does the model find?"))
def five_recall_is_right(run: Run) -> None:
    """`five_recall` is the recall of the positive class."""
    _expect_share(run, "five_recall")


@check(points=1, hint=CHANCE)
def five_kappa_is_right(run: Run) -> None:
    """`five_kappa` is Cohen's kappa of the five reviews."""
    _expect_share(run, "five_kappa")


def _expect_share(run: Run, name: str) -> None:
    """The closed answer, given to two decimals or more."""
    expect_answer(run, name, value=round(expect_number(run.value(name), f"`{name}`"), 2))


@check(points=1, hint=tr("Which is the lowest logit of a positive review, which the highest of a negative one?"))
def five_threshold_is_right(run: Run) -> None:
    """`five_threshold` is a threshold with which all five reviews are right."""
    threshold = expect_number(run.value("five_threshold"), "`five_threshold`")
    wrong = int(((threshold < FIVE_LOGITS) != FIVE_LABELS).sum())
    message = tr(
        "With the threshold {at:.4g} the model is wrong on {wrong} of the five reviews.", at=threshold, wrong=wrong
    )
    expect(wrong == 0, message)


# --------------------------------------------------------------------------------------------------- functions


@check(points=1, hint=ORDER)
def two_classes_are_counted(run: Run) -> None:
    """`confusion_matrix` counts as scikit-learn does, for two classes."""
    for _ in range(3):
        expect_matrix(run, drawn(run.rng, 2))


@check(points=1, hint=tr("Go through the samples one by one: the label picks the row, the prediction the column."))
def many_classes_are_counted(run: Run) -> None:
    """`confusion_matrix` counts as scikit-learn does, for more than two classes."""
    for classes in (3, int(run.rng.integers(4, 7)), 10):
        expect_matrix(run, drawn(run.rng, classes))


@check(points=1, hint=tr("Begin with zeros of shape (classes, classes), and do not look for the classes in the data."))
def missing_classes_are_counted(run: Run) -> None:
    """`confusion_matrix` has a row and a column for classes that do not occur."""
    labels, predictions, _ = drawn(run.rng, 3)
    above, around = Samples(labels, predictions, 5), Samples(labels + 1, predictions + 1, 4)
    for samples in (*degenerate(run.rng), above, around):
        expect_matrix(run, samples)


@check(points=1, hint=tr("The right ones stand on the diagonal; divide by the number of all samples."))
def accuracy_is_right(run: Run) -> None:
    """`accuracy` gives what scikit-learn gives."""
    for samples in (*some_drawn(run.rng), *degenerate(run.rng)):
        expect_one(run, "accuracy", samples, samples.accuracy)


@check(
    points=1, hint=tr("Divide each number on the diagonal by its column's sum: all that was predicted as this class.")
)
def precision_is_right(run: Run) -> None:
    """`precision` gives what scikit-learn gives for each class."""
    for samples in some_drawn(run.rng):
        expect_each(run, "precision", samples)


@check(points=1, hint=tr("Divide each number on the diagonal by its row's sum: all that is of this class."))
def recall_is_right(run: Run) -> None:
    """`recall` gives what scikit-learn gives for each class."""
    for samples in some_drawn(run.rng):
        expect_each(run, "recall", samples)


@check(points=1, hint=tr("The harmonic mean of precision and recall is 2PR / (P + R), for each class."))
def f1_is_right(run: Run) -> None:
    """`f1` gives what scikit-learn gives for each class."""
    for samples in some_drawn(run.rng):
        expect_each(run, "f1", samples)


@check(points=1, needs=[precision_is_right, recall_is_right, f1_is_right], hint=NOTHING)
def nothing_by_nothing_is_zero(run: Run) -> None:
    """`precision`, `recall` and `f1` give 0 for a class that is never predicted, or does not occur."""
    for samples in degenerate(run.rng):
        for name in ("precision", "recall", "f1"):
            expect_each(run, name, samples)


@check(points=2, hint=tr("p_e is the sum over all classes of (share of the labels) · (share of the predictions)."))
def kappa_is_right(run: Run) -> None:
    """`kappa` gives what scikit-learn gives, for two classes and for more."""
    for samples in some_drawn(run.rng):
        expect_one(run, "kappa", samples, samples.kappa)


@check(
    points=1, needs=kappa_is_right, hint=tr("Look at the formula: nothing has to be cut off, and no class left out.")
)
def kappa_is_right_at_the_ends(run: Run) -> None:
    """`kappa` is right for perfect predictions, for wrong ones, and for a class that is never predicted."""
    labels, _, classes = drawn(run.rng, int(run.rng.integers(3, 6)))
    binary, _, _ = drawn(run.rng, 2)
    perfect, wrong = Samples(labels, labels, classes), Samples(labels, (labels + 1) % classes, classes)
    for samples in (perfect, wrong, Samples(binary, 1 - binary, 2), *degenerate(run.rng)):
        if not samples.all_alike:
            expect_one(run, "kappa", samples, samples.kappa)


@check(points=1, needs=kappa_is_right, hint=tr('If p_e is 1, return `float("nan")`: 0/0 says nothing, good or bad.'))
def kappa_of_one_class_is_nan(run: Run) -> None:
    """`kappa` is NaN where all labels and all predictions are one and the same class."""
    for samples in degenerate(run.rng):
        if samples.all_alike:
            found, what = number_of(run, "kappa", samples), called("kappa", samples.matrix)
            expect(np.isnan(found), tr("{what} is {found:.4g}, not NaN.", what=what, found=found))


# --------------------------------------------------------------------------------------------------- the model


@check(points=1, hint=tr("Compare the logits with 0: positive where they are above it."))
def predict_follows_the_logits(run: Run) -> None:
    """`predict(texts)` is 1 where `logits(texts)` is above 0, and 0 elsewhere.

    A few answers may differ: a logit near 0 may tip over when texts come in other batches.
    """
    answers, logits = run.once(model.visible_answers), run.once(model.visible_logits)
    alike = float((answers == (logits > 0)).mean())
    message = tr("`predict` says what the logits say for only {alike:.0%} of the test reviews.", alike=alike)
    expect(alike >= 0.99, message)
    message = tr("`predict` gives all test reviews the same answer.")
    expect(0 < answers.mean() < 1, message, tr("Was the model trained?"))
    expect_whole_list(run, "predict", some_visible(run, "reviews", 60), apart=0.5)


@check(
    points=2, needs=predict_follows_the_logits, hint=tr("Count all of `test_texts`, and what `predict` says of them.")
)
def test_matrix_is_the_models(run: Run) -> None:
    """`test_matrix` is the confusion matrix of the model on the test reviews."""
    found = expect_shape(run.value("test_matrix"), (2, 2), "`test_matrix`")
    right = Samples(run.visible("reviews").labels, run.once(model.visible_answers), 2).matrix
    expect_finite(found, "`test_matrix`")
    expect_counts(found, right, "`test_matrix`")
    expect_reviews_counted(found, right)
    # A logit that is nearly 0 may tip over when its text comes in another batch: a review changes its column then.
    matrices = {"found": found.tolist(), "right": right.tolist()}
    expect(
        np.abs(found - right).max() <= model.near_zero(run),
        tr("`test_matrix` is {found}; asked again, the model gives {right}.", **matrices),
        tr("Count again with the model as it is at the end of the notebook."),
    )


@check(points=1, needs=test_matrix_is_the_models, hint=tr("It is your `kappa` of your `test_matrix`."))
def test_kappa_is_right(run: Run) -> None:
    """`test_kappa` is Cohen's kappa of `test_matrix`."""
    samples = counted(run.array("test_matrix").round().astype(np.int64))
    found = expect_number(run.value("test_kappa"), "`test_kappa`")
    hint = hint_for(found, [*in_percent(samples.kappa), (NOT_ACCURACY, samples.accuracy)], atol=1e-3)
    expect_close(found, samples.kappa, "`test_kappa`", atol=6e-3, hint=hint)  # two decimals will do


@check(
    points=1, needs=predict_follows_the_logits, hint=tr("Train on all training reviews, until the loss has settled.")
)
def kappa_of_unseen_reviews_reaches_60_percent(run: Run) -> str:
    """The model's kappa is at least 0.6 on reviews that the notebook has never seen.

    IMDb's test reviews are public, so that they are told in other words: a table of them is of no use. And the model
    must not have learned from the test reviews in ./data: it is as good at these as at others of the same kind.
    """
    written = run.heldout("reviews")
    retold = written.reworded(run.rng_for("reworded reviews"))  # untranslated
    kappa, published = (Samples(one.labels, model.answers_of(run, one.texts), 2).kappa for one in (retold, written))
    measured = {"kappa": kappa, "published": published, "n": len(written)}
    expect(
        kappa >= 0.6,
        tr("The model's kappa is {kappa:.3f} on {n:,} reviews that it has never seen.", **measured),
        BY_TABLE if published >= 0.6 else "",
    )
    model.expect_test_reviews_unknown(run)
    return tr(
        "kappa {kappa:.3f} on {n:,} reviews told in other words, {published:.3f} on the same as they were written",
        **measured,
    )


@check(
    points=2,
    needs=kappa_of_unseen_reviews_reaches_60_percent,
    hint=tr("Sort the logits of the negative test reviews: where do 99 % of them lie below you?"),
)
def careful_threshold_is_right(run: Run) -> str:
    """`careful_threshold` finds 99 % of the negative test reviews and lets pass as many positive ones as possible."""
    share = model.sorted_by(run, expect_number(run.value("careful_threshold"), "`careful_threshold`"))
    found, passed, could = share.found, share.passed, share.could_pass
    expect(
        found >= share.wanted,
        tr("With `careful_threshold` only {found:.1%} of the negative test reviews are found.", found=found),
        tr("The higher the threshold, the fewer negative reviews pass as positive."),
    )
    expect(
        passed >= could - 0.03,
        tr(
            "With `careful_threshold` {passed:.1%} of the positive test reviews pass, though {could:.1%} could.",
            passed=passed,
            could=could,
        ),
        tr("A lower threshold finds enough negative reviews, too."),
    )
    return tr(
        "{found:.1%} of the negative ones found, {passed:.1%} of the positive ones passed", found=found, passed=passed
    )
