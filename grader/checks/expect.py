"""Comparisons that explain themselves: each fails with what was found instead.

All of them take values as a kernel claims them (see :mod:`grader.kernel.wire`): any may be of the wrong
kind, and then they say so. They compare on the grader's side and on plain numbers only, so that no object
of the notebook's has a say in the outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from grader.claims import numeric, refuse_placeholder, shape_told, told, whole_number
from grader.errors import CheckFailed, ExerciseError, PartlyPassed, WrongKind
from grader.figures import Accuracy, show
from grader.language import grouped, mark, tr
from grader.text import number, percent, plain

if TYPE_CHECKING:
    from grader.run import Run


def fail(message: str, hint: str = "") -> NoReturn:
    """Fail the check with what is wrong, and what to do about it."""
    raise CheckFailed(message, hint)


def partial(share: float, message: str, hint: str = "") -> NoReturn:
    """Give a share of the check's points, from 0 to less than 1, with what is missing, and what to do about it."""
    if not 0 <= share < 1:
        raise ValueError(f"partial() wants a share from 0 to less than 1, not {share}")
    raise PartlyPassed(float(share), message, hint)


def expect(condition: bool | np.bool_, message: str, hint: str = "") -> None:
    """Fail with `message` unless the condition, computed by the check, holds."""
    if not isinstance(condition, bool | np.bool_):
        raise TypeError(f"expect() wants a condition that the check computed, not a {type(condition).__name__}")
    if not condition:
        raise CheckFailed(message, hint)


def expect_shape(value: Any, shape: Sequence[int | None], what: str, hint: str = "") -> np.ndarray:
    """Fail unless the value has this shape; `None` in it matches any length. Returns the array."""
    array = numeric(value, what)
    fits = array.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        shapes = {"found": shape_told(array.shape), "right": shape_told(shape)}
        raise CheckFailed(tr("{what} has shape {found}, not {right}.", what=what, **shapes), hint)
    return array


def expect_list(value: Any, what: str, hint: str = "", n: int | None = None) -> np.ndarray:
    """Fail unless the value is a list of numbers, n of them if that is told: each may be a tensor of shape (1,).

    Returns them, float64 (N,).
    """
    array = numeric(value, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return expect_shape(array, (n,), what, hint)


def expect_finite(array: np.ndarray, what: str, hint: str = "") -> None:
    """Fail if one of these numbers is NaN or infinite."""
    if not np.isfinite(array).all():
        raise CheckFailed(tr("{what} holds NaN or infinite numbers.", what=what), hint)


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
    expect_finite(array, what, hint)
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


def expect_count(value: Any, expected: int, what: str, hint: str = "") -> int:
    """Fail unless the value is this whole number; what is told names the question, so it does not name the answer."""
    found = whole_number(value, what)
    if found != expected:
        raise CheckFailed(tr("{what} is {found}.", what=what, found=plain(str(found))), hint)
    return found


def expect_number(value: Any, what: str, hint: str = "", *, finite: bool = True) -> float:
    """Fail unless the value is one real number: 440, 440.0, ``tensor(440)`` and ``[440]`` all are 440. Returns it.

    Parameters
    ----------
    finite
        Whether NaN and infinities fail as well.
    """
    array = numeric(value, what)
    if array.size != 1:
        raise WrongKind(tr("{what} is {found}, not one number.", what=what, found=told(value)), hint)
    if finite and not np.isfinite(array).all():
        raise CheckFailed(tr("{what} is NaN or infinite.", what=what), hint)
    return float(array.ravel()[0])


def expect_text(value: Any, what: str, hint: str = "") -> str:
    """Fail unless the value is a text. Returns it, as it is."""
    refuse_placeholder(value, what)
    if type(value) is not str:
        raise WrongKind(tr("{what} is {found}, not a text.", what=what, found=told(value)), hint)
    return value


def expect_keys(value: Any, keys: Iterable[str], what: str, hint: str = "") -> dict[Any, Any]:
    """Fail unless the value is a dictionary that has these keys, of which none is still `...`. Returns it.

    Parameters
    ----------
    what
        The name of the dictionary, as it stands in the notebook and without marks around it: ``"shapes"``.
    """
    refuse_placeholder(value, f"`{what}`")
    if type(value) is not dict:
        raise WrongKind(tr("{what} is {found}, not a dictionary.", what=f"`{what}`", found=told(value)), hint)
    for key in keys:
        its = f'`{what}["{key}"]`'
        if key not in value:
            raise CheckFailed(tr("{what} is missing.", what=its), hint)
        refuse_placeholder(value[key], its)
    return value


def expect_several(value: Any, n: int, what: str, hint: str = "", *, named: bool = True) -> list[Any]:
    """Fail unless the value is n things, in a list, a tuple, the rows of an array or the values of a dictionary.

    However they are nested at the end: (a, (b, c)) is three things as well as (a, b, c). Returns them.

    Parameters
    ----------
    named
        Whether a dictionary will do, in its own order.
    """
    refuse_placeholder(value, what)
    flat = _parts(value, named)
    if 0 < len(flat) < n:
        flat[-1:] = _parts(flat[-1], named)
    if len(flat) != n:
        raise WrongKind(tr("{what} is {found}, not {n} things.", what=what, found=told(value), n=n), hint)
    return flat


_MOST_PARTS = 100


def _parts(value: Any, named: bool) -> list[Any]:
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim and len(value) <= _MOST_PARTS else []
    if type(value) is dict:
        return list(value.values()) if named else []
    return list(value) if type(value) in (list, tuple) else []


def expect_equal(value: Any, right: Any, what: str, hint: str = "") -> None:
    """Fail unless the value is this one: a text, a truth value, or lists of texts and numbers, a tuple like a list.

    Whole numbers and floats are alike where they are equal; True is no 1. Numbers that were computed are compared by
    :func:`expect_close`, counts by :func:`expect_count`.
    """
    refuse_placeholder(value, what)
    if not _same(value, right):
        raise CheckFailed(tr("{what} is {found}, which is not right.", what=what, found=_shown(value)), hint)


def _shown(value: Any) -> str:
    return repr(plain(value, 120)) if type(value) is str else told(value)


def _same(value: Any, right: Any) -> bool:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(right, list | tuple):
        fits = type(value) in (list, tuple) and len(value) == len(right)
        return fits and all(_same(one, other) for one, other in zip(value, right, strict=True))
    if isinstance(right, dict):
        fits = type(value) is dict and value.keys() == right.keys()
        return fits and all(_same(value[key], right[key]) for key in right)
    if isinstance(right, bool) or type(value) is bool:
        return isinstance(right, bool) and type(value) is bool and value == right
    if isinstance(right, int | float):
        return type(value) in (int, float) and value == right
    return type(value) is type(right) and bool(value == right)


_VALUE_OF_THE_NAME = object()


def expect_answer(
    run: Run, name: str, hint: str = "", *, value: Any = _VALUE_OF_THE_NAME, what: str = "", digits: int | None = None
) -> None:
    """Fail unless what the notebook calls `name` is the closed answer of that name; a usual wrong one has its hint.

    Parameters
    ----------
    name
        Of an answer in `answers.toml`, and of the notebook's value.
    value
        What to judge instead of that value.
    what
        What to call it; the name, if nothing is said.
    digits
        To how many decimals a number is rounded first.
    """
    what = what or f"`{name}`"
    if value is _VALUE_OF_THE_NAME:
        value = run.value(name)
    array = numeric(value, what)
    if type(value) is bool or (isinstance(value, np.ndarray) and value.dtype.kind == "b"):
        raise WrongKind(tr("{what} is {found}, not a number.", what=what, found=told(value)))
    expect_finite(array, what, hint)
    if array.size > 10_000:
        raise CheckFailed(tr("{what} is {found}.", what=what, found=told(array)), hint)
    answer = run.answer(name)
    compared = array if digits is None else array.round(digits)
    # One number is that number, however many axes it has, unless the answer is a table of one.
    if array.size == 1 and (array.ndim <= 1 or not answer.matches(compared)):
        array, compared = array.reshape(()), compared.reshape(())
    if not answer.matches(compared):
        instead = told(value if type(value) is int else array)
        raise CheckFailed(
            tr("{what} is {found}, which is not right.", what=what, found=instead), answer.hint(compared) or hint
        )


def expect_word(run: Run, name: str, hint: str = "") -> None:
    """Fail unless what the notebook calls `name` is a word that begins as the closed answer of that name says.

    One word, not several, in small letters or large ones; however it ends.
    """
    found = expect_text(run.value(name), f"`{name}`")
    if not run.answer(name).begins(found.strip().lower()):
        raise CheckFailed(tr("{what} is {found}, which is not right.", what=f"`{name}`", found=_shown(found)), hint)


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
