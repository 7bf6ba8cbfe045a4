"""The notebook's functions, asked about samples picked at grading time and compared with scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import (
    Run,
    arrays,
    ask,
    called,
    expect,
    expect_call,
    expect_finite,
    expect_number,
    expect_shape,
    numeric,
    tensors,
    tr,
)

from .samples import Samples

ASKED: dict[str, Any] = {"forms": (arrays, tensors), "forbid": ("metrics",)}  # "write the metrics yourself"

ORDER = tr("A row is a true class, a column a predicted one, both in the order 0, 1: see the table above the cell.")
SHARE = tr("Give it as a share from 0 to 1, not in percent.")
COUNTS = tr("Count the reviews, don't divide yet.")
ROWS = tr("Rows are true classes, columns are predicted ones: yours is the transpose.")
ONE_EACH = tr("Give one number for each class, also when there are only two: shape (classes,).")
NOTHING = tr("Where 0 would be divided by 0, give 0: no NaN, no error.")
SWAPPED = {"precision": ("recall", tr("That is the recall.")), "recall": ("precision", tr("That is the precision."))}


def expect_matrix(run: Run, samples: Samples) -> None:
    """Fail unless `confusion_matrix` counts these samples as scikit-learn does."""
    n, classes, right = len(samples.labels), samples.classes, samples.matrix
    what = tr("`confusion_matrix` of {n} samples, {classes} classes", n=n, classes=classes)

    def counts(found: Any) -> np.ndarray:
        return expect_counts(numeric(found, what), right, "`confusion_matrix`")

    expect_call(run, "confusion_matrix", samples, right, usual={ROWS: right.T}, what=what, read=counts, **ASKED)


def expect_counts(found: np.ndarray, right: np.ndarray, what: str) -> np.ndarray:
    """Fail with a word of its own where a matrix was divided: by all samples, or in each row or column."""
    if found.shape != right.shape or not np.isfinite(found).all():
        return found
    for axis, message in (
        (None, tr("{what} gives shares of all samples, not counts.", what=what)),
        (1, tr("{what} gives shares of each row, not counts.", what=what)),
        (0, tr("{what} gives shares of each column, not counts.", what=what)),
    ):
        sums = np.atleast_1d(found.sum(axis=axis))
        there = sums[sums != 0]
        divided = len(there) > 0 and bool((np.abs(there - 1) <= 0.02).all())  # rounded ones as well
        expect(not divided, message, COUNTS)
    return found


def expect_reviews_counted(found: np.ndarray, right: np.ndarray) -> None:
    """Fail unless a matrix counts as many reviews of either class as the right one does."""
    expect(
        abs(found.sum() - right.sum()) < 0.5,
        tr(
            "`test_matrix` counts {found:,.6g} reviews; `test_texts` has {right:,}.",
            found=found.sum(),
            right=right.sum(),
        ),
        tr("Take the test reviews, all of them, and counts rather than shares."),
    )
    rows, labels = found.sum(axis=1), right.sum(axis=1)
    expect(
        np.array_equal(rows, labels),
        tr(
            "The rows of `test_matrix` sum to {found}; there are {right} negative and positive reviews.",
            found=rows.tolist(),
            right=labels.tolist(),
        ),
        ROWS if np.array_equal(found.sum(axis=0), labels) else ORDER,
    )


def number_of(run: Run, name: str, samples: Samples) -> float:
    """The one number that a function has for the samples' confusion matrix; it may be NaN."""
    return expect_number(ask(run, name, samples.matrix, **ASKED), called(name, samples.matrix), finite=False)


def expect_one(run: Run, name: str, samples: Samples, right: float) -> None:
    """Fail unless a function has this one number for the samples' confusion matrix."""

    def number(found: Any) -> float:
        return expect_number(found, called(name, samples.matrix))

    expect_call(run, name, [samples.matrix], right, usual=in_percent(right), read=number, atol=1e-5, **ASKED)


def expect_each(run: Run, name: str, samples: Samples) -> None:
    """Fail unless a function has the numbers that scikit-learn has, one for each class."""
    right, what = samples.each(name), called(name, samples.matrix)
    other, that = SWAPPED.get(name, ("", ""))
    usual = [(that, samples.each(other))] if other else []

    def numbers(found: Any) -> np.ndarray:
        array = numeric(found, what)
        array = expect_shape(array.ravel() if array.size == len(right) else array, right.shape, what, ONE_EACH)
        expect_finite(array, what, NOTHING)
        return array

    usual += in_percent(right)
    expect_call(run, name, [samples.matrix], right, usual=usual, read=numbers, atol=1e-5, **ASKED)


def in_percent(right: Any) -> list[tuple[str, Any]]:
    """A usual mistake and its hint: a hundred times what is right, rounded perhaps."""
    return [(SHARE, np.round(100 * np.asarray(right), digits)) for digits in (9, 1, 0)]
