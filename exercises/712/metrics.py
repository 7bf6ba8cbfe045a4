"""The notebook's two metrics, asked about ratings picked at grading time and compared with scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.checks import Run, SubmissionFault, arrays, ask, expect_call, expect_number, tensors, tr

from .ratings import kappa

ASKED: dict[str, Any] = {"forms": (arrays, tensors), "forbid": ("metrics",)}  # "write both metrics yourself"

NO_WEIGHTS = tr("That is the kappa with no weights: square the distance.")
LINEAR = tr("That is the kappa with linear weights: square the distance.")


def number_of(run: Run, name: str, given: np.ndarray, predicted: np.ndarray) -> float:
    """The number that a metric has for these ratings; it may be NaN."""
    return expect_number(ask(run, name, given, predicted, **ASKED), f"`{name}`", finite=False)


def expect_metric(
    run: Run,
    name: str,
    given: np.ndarray,
    predicted: np.ndarray,
    right: float,
    what: str,
    usual: dict[str, float] | None = None,
) -> None:
    """Fail unless a metric of the notebook's has the right number for these ratings."""

    def number(found: Any) -> float:
        return expect_number(found, what)

    expect_call(run, name, [given, predicted], right, usual=usual or {}, what=what, read=number, atol=1e-5, **ASKED)


def expect_mean_error(run: Run, given: np.ndarray, predicted: np.ndarray) -> None:
    """Fail unless `mean_error` is right."""
    what = tr("`mean_error` of {n} ratings", n=len(given))
    expect_metric(run, "mean_error", given, predicted, np.abs(given - predicted).mean(), what)


def expect_kappa(run: Run, given: np.ndarray, predicted: np.ndarray) -> None:
    """Fail unless `quadratic_kappa` is right."""
    what = tr("`quadratic_kappa` of {n} ratings {occurring}", n=len(given), occurring=np.unique(given).tolist())
    usual = {NO_WEIGHTS: kappa(given, predicted, None), LINEAR: kappa(given, predicted, "linear")}
    expect_metric(run, "quadratic_kappa", given, predicted, kappa(given, predicted), what, usual)


def follows(
    run: Run, name: str, claimed: float, given: np.ndarray, readings: Sequence[np.ndarray], close: float = 0.01
) -> bool:
    """Whether a number is what the notebook's own metric gives for the model, right or wrong as this may be.

    What is wrong with the metric is told by its own check, and costs its own points only. One that does not hang on
    the predictions measures nothing.

    Parameters
    ----------
    readings
        What the model predicts, in each of the ways in which that may be read.
    """
    try:
        numbers = [number_of(run, name, given, one) for one in readings]
        turned = [number_of(run, name, given, 11 - one) for one in readings]
    except SubmissionFault:
        return False
    return any(
        abs(claimed - one) <= close * max(1.0, abs(one)) and abs(one - other) > 1e-6
        for one, other in zip(numbers, turned, strict=True)
    )
