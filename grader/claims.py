"""What a notebook claims, told in words and taken as numbers: nothing here compares it with what is right.

Claims are values as a kernel gives them (see :mod:`grader.kernel.wire`), each may be of the wrong kind, and then a
:class:`~grader.errors.SubmissionFault` says so to the student.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.errors import AnswerMissing, WrongKind
from grader.kernel.wire import Opaque
from grader.language import ngettext, tr
from grader.text import number, plain


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
            items = [*value, *value.values()] if type(value) is dict else value
            if len(value) <= 8 and all(type(item) in (int, float, bool) for item in items):
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
