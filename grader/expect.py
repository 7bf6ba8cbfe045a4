"""Comparisons that explain themselves: each fails with what was found instead.

All of them take values as a kernel claims them (see :mod:`grader.kernel.wire`): any may be of the wrong
kind, and then they say so. They compare on the grader's side and on plain numbers only, so that no object
of the notebook's has a say in the outcome.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.answers import ClosedAnswer
from grader.errors import AnswerMissing, CheckFailed, ExerciseError, WrongKind
from grader.figures import Accuracy, show
from grader.kernel.wire import Opaque
from grader.language import grouped, mark, ngettext, tr
from grader.text import number, percent, plain


def fail(message: str, hint: str = "") -> None:
    """Fail the check with what is wrong, and what to do about it."""
    raise CheckFailed(message, hint)


def expect(condition: bool | np.bool_, message: str, hint: str = "") -> None:
    """Fail with `message` unless the condition, computed by the check, holds."""
    if not isinstance(condition, bool | np.bool_):
        raise TypeError(f"expect() wants a condition that the check computed, not a {type(condition).__name__}")
    if not condition:
        raise CheckFailed(message, hint)


def told(value: Any, limit: int = 120) -> str:
    """What a value is, in a few words for its author."""
    match value:
        case Opaque():
            return value.told()
        case np.ndarray():
            if math.prod(n or 1 for n in value.shape) <= 8:  # an empty array may have a long axis
                return plain(str(value.tolist()), limit)
            return tr("an array of shape {shape}", shape=shape_told(value.shape))
        case str():
            return tr("the text {text}", text=repr(plain(value, limit)))
        case bool() | None:
            return str(value)
        case int() | float():
            return number(value) if isinstance(value, float) else plain(str(value), limit)
        case list() | tuple() | dict():
            kind = type(value).__name__
            small = len(value) <= 8 and all(type(item) in (int, float, bool) for item in value)
            if small:
                return plain(str(value), limit)
            return ngettext("a {kind} of {n} item", "a {kind} of {n} items", len(value), kind=kind)
        case _:
            return tr("a {kind}", kind=type(value).__name__)


def shape_told(shape: Sequence[int | None]) -> str:
    """A shape as students write it: ``(N, 10)``, where N stands for any length."""
    inner = ", ".join("N" if n is None else str(n) for n in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def still_dots(what: str) -> AnswerMissing:
    """What to say of a name that still has the starter's three dots."""
    return AnswerMissing(
        tr("{what} is still `...`.", what=what), tr("Replace the three dots by your answer and run the cell again.")
    )


def refuse_placeholder(value: Any, what: str) -> None:
    """Fail if the value is still the starter's three dots, or what a function gives before it is written."""
    if isinstance(value, Opaque) and value.type_name == "ellipsis":
        raise still_dots(what)
    if value is None:
        raise AnswerMissing(
            tr("{what} is None.", what=what), tr("If it comes from a function, the function has to `return` it.")
        )


def numeric(value: Any, what: str) -> np.ndarray:
    """The value as an array of float64.

    Raises
    ------
    AnswerMissing, WrongKind
        It is `...` or None; it is no number, or no regular table of numbers.
    """
    refuse_placeholder(value, what)
    if isinstance(value, np.ndarray):
        _table_shape(value, what)
        return value.astype(np.float64)
    # Its shape first, and without an array for each row: a claim may have rows by the hundred thousand.
    array = np.empty(_table_shape(value, what), np.float64)
    _fill(array, value)
    return array


def _table_shape(value: Any, what: str) -> tuple[int, ...]:
    """The shape of a number, an array or a regular table; fails where it is none of these."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise WrongKind(tr("{what} holds {dtype} values, not real numbers.", what=what, dtype=value.dtype))
        return tuple(value.shape)
    if type(value) in (int, float, bool):
        if abs(value) > 1e308 and type(value) is int:  # Python's whole numbers know no bounds, floats do
            raise WrongKind(tr("{what} holds a number that is too large to compute with.", what=what))
        return ()
    if type(value) in (list, tuple):
        row: tuple[int, ...] | None = None
        for item in value:
            found = _table_shape(item, what)
            if row not in (None, found):
                raise WrongKind(tr("{what} is no table: its rows have different lengths.", what=what))
            row = found
        return (len(value), *(row or ()))
    refuse_placeholder(value, what)
    raise WrongKind(tr("{what} is {found}, not a number or an array of numbers.", what=what, found=told(value)))


def _fill(array: np.ndarray, value: Any) -> None:
    """Write a table into an array of its shape."""
    if isinstance(value, list | tuple) and array.ndim > 1:
        for row, item in zip(array, value, strict=True):
            _fill(row, item)
    elif isinstance(value, list | tuple):
        array[:] = [item.item() if isinstance(item, np.ndarray) else item for item in value]
    else:
        array[...] = value


def expect_shape(value: Any, shape: Sequence[int | None], what: str, hint: str = "") -> np.ndarray:
    """Fail unless the value has this shape; `None` in it matches any length. Returns the array."""
    array = numeric(value, what)
    fits = array.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        shapes = {"found": shape_told(array.shape), "right": shape_told(shape)}
        raise CheckFailed(tr("{what} has shape {found}, not {right}.", what=what, **shapes), hint)
    return array


_KINDS = {"float": "f", "int": "iu", "bool": "b"}


def expect_dtype(value: Any, kind: str, what: str, hint: str = "") -> None:
    """Fail unless the value holds numbers of this kind: ``"float"``, ``"int"`` or ``"bool"``."""
    refuse_placeholder(value, what)
    if type(value) in (list, tuple):
        numeric(value, what)  # a table with rows of different lengths has no kind
    found = np.asarray(value).dtype if type(value) in (bool, int, float, list, tuple) else getattr(value, "dtype", None)
    if found is None:
        raise CheckFailed(tr("{what} holds {found}, not {kind} values.", what=what, found=told(value), kind=kind), hint)
    if found.kind not in _KINDS[kind]:
        raise CheckFailed(tr("{what} holds {dtype}, not {kind} values.", what=what, dtype=found, kind=kind), hint)


def expect_close(
    value: Any,
    expected: Any,
    what: str,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    hint: str = "",
) -> np.ndarray:
    """Fail unless every number is within ``atol + rtol * |expected|``, in the same shape. Returns the array.

    Whoever is told the question is not told the answer, or a table of both passes next time.
    """
    right = np.asarray(expected, dtype=np.float64)
    if not np.isfinite(right).all():
        # Where it was computed from what the notebook gave, that is what is wrong; else the check is.
        raise FloatingPointError(f"the expected value of {what} is not finite")
    array = expect_shape(value, right.shape, what, hint)
    if not np.isfinite(array).all():
        raise CheckFailed(tr("{what} holds NaN or infinite numbers.", what=what), hint)
    with np.errstate(over="ignore"):
        off = np.abs(array - right) > atol + rtol * np.abs(right)
    if off.any():
        raise CheckFailed(_difference(what, array, off), hint)
    return array


def _difference(what: str, array: np.ndarray, off: np.ndarray) -> str:
    """The first number that is off, where it is, and how many others are; never the right one."""
    place = tuple(int(i) for i in np.argwhere(off)[0])
    found = {"what": what, "found": number(float(array[place]))}
    several = {"place": list(place), "differ": grouped(int(off.sum())), "of": grouped(off.size)}
    if not place:
        return tr("{what} is {found}.", **found)
    if off.size == 1:
        return tr("{what} is {found} at {place}.", **found, **several)
    return tr("{what} is {found} at {place} ({differ} of {of} numbers differ).", **found, **several)


def whole_number(value: Any, what: str) -> int:
    """The value as an int: 18, 18.0, ``tensor(18)`` and ``[18]`` all are 18.

    Raises
    ------
    AnswerMissing, WrongKind
        It is missing, no number, a truth value, not finite, or not whole.
    """
    refuse_placeholder(value, what)
    if type(value) is int:
        return value
    array = numeric(value, what)
    truth = type(value) is bool or (isinstance(value, np.ndarray) and value.dtype.kind == "b")
    if array.size != 1 or truth:
        raise WrongKind(tr("{what} is {found}, not one whole number.", what=what, found=told(value)))
    found = float(array.ravel()[0])
    if not np.isfinite(found) or found != round(found):
        raise WrongKind(tr("{what} is {found}, which is no whole number.", what=what, found=number(found)))
    return int(found)


def expect_count(value: Any, expected: int, what: str, hint: str = "") -> int:
    """Fail unless the value is this whole number; what is told names the question, so it does not name the answer."""
    found = whole_number(value, what)
    if found != expected:
        raise CheckFailed(tr("{what} is {found}.", what=what, found=plain(str(found))), hint)
    return found


def expect_answer(value: Any, answer: ClosedAnswer, what: str, hint: str = "") -> None:
    """Fail unless the value is the closed answer; a usual wrong answer brings its own hint."""
    array = numeric(value, what)
    if type(value) is bool or (isinstance(value, np.ndarray) and value.dtype.kind == "b"):
        raise WrongKind(tr("{what} is {found}, not a number.", what=what, found=told(value)))
    if not np.isfinite(array).all():
        raise CheckFailed(tr("{what} holds NaN or infinite numbers.", what=what), hint)
    if array.size == 1 and array.ndim <= 1:
        array = array.reshape(())
    if array.size > 10_000:
        raise CheckFailed(tr("{what} is {found}.", what=what, found=told(array)), hint)
    if not answer.matches(array):
        instead = told(value if type(value) is int else array)
        raise CheckFailed(
            tr("{what} is {found}, which is not right.", what=what, found=instead), answer.hint(array) or hint
        )


def wilson_interval(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % confidence interval of a share of hits.

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def expect_accuracy(
    predicted: Any,
    labels: np.ndarray,
    above: float | None = None,
    at_least: float | None = None,
    what: str = mark("accuracy"),
    hint: str = "",
) -> str:
    """Fail unless enough predictions equal their labels. Returns the sentence to show beside a passed check.

    Shows the accuracy with its interval, whether it is enough or not.

    Parameters
    ----------
    predicted
        Whole numbers of shape (N,), one class for each sample.
    labels
        The right classes, shape (N,).
    above, at_least
        The share to be exceeded, or to be reached: one of the two.
    """
    if (above is None) == (at_least is None):
        raise ExerciseError("expect_accuracy wants either `above` or `at_least`.")
    array = expect_shape(predicted, labels.shape, tr("The list of predicted classes"))
    if not np.isfinite(array).all():
        raise CheckFailed(tr("Some predictions are NaN or infinite."), hint)
    hits, n = int((array == labels).sum()), len(labels)
    low, high = wilson_interval(hits, n)
    bound = above if above is not None else at_least or 0.0
    what = tr(what)
    show(Accuracy(title=what, hits=hits, n=n, low=low, high=high, threshold=bound, strict=above is not None))
    accuracy = tr(
        "{share} of {n} (95 % interval {low} to {high})",
        share=percent(hits / n, 2),
        n=grouped(n),
        low=percent(low),
        high=percent(high),
    )
    fields = {"what": what, "accuracy": accuracy, "bound": percent(bound, 0)}
    if above is not None and not hits / n > above:
        raise CheckFailed(tr("The {what} is {accuracy}; it has to be above {bound}.", **fields), hint)
    if at_least is not None and not hits / n >= at_least:
        raise CheckFailed(tr("The {what} is {accuracy}; it has to be at least {bound}.", **fields), hint)
    return tr("{what} {accuracy}", **fields)
