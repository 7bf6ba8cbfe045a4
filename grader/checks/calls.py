"""Calling a function of the notebook's, whatever it computes with, and judging what it gives.

A student may write `softmax(logits)` for tensors, for NumPy's arrays or for lists: a check that asks with one of them
only fails two right ones of three. So a question is asked in several *forms*, one after the other, until one of them
does not raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks.expect import expect_close, expect_count
from grader.claims import numeric, refuse_placeholder
from grader.errors import CallFailed, SubmissionFault
from grader.kernel.wire import tensor
from grader.language import tr

if TYPE_CHECKING:
    from grader.run import Run

Form = Callable[[np.ndarray], Any]
Usual = Mapping[str, Any] | Iterable[tuple[str, Any]]


def arrays(array: np.ndarray) -> Any:
    """A form of arguments: arrays arrive as NumPy's."""
    return array


def lists(array: np.ndarray) -> Any:
    """A form of arguments: arrays arrive as lists, one of no axis as a number."""
    return array.tolist()


def tensors(array: np.ndarray) -> Any:
    """A form of arguments: arrays arrive as torch tensors, in their own dtype."""
    return tensor(array)


def tensors32(array: np.ndarray) -> Any:
    """A form of arguments: arrays arrive as torch tensors, floats as `float32`."""
    return tensor(array, "float32") if array.dtype.kind == "f" else tensor(array)


FORMS: tuple[Form, ...] = (arrays, tensors32, lists)


def formed(value: Any, form: Form) -> Any:
    """Arguments in a form: every array in them, however lists, tuples and dictionaries hold it."""
    if isinstance(value, np.ndarray):
        return form(value)
    if type(value) in (list, tuple):
        return type(value)(formed(one, form) for one in value)
    if type(value) is dict:
        return {key: formed(one, form) for key, one in value.items()}
    return value


def ask(run: Run, name: str, *args: Any, forms: Sequence[Form] = FORMS, **options: Any) -> Any:
    """What a function gives, asked in one form after the other until it does not raise.

    Parameters
    ----------
    *args
        Plain data and NumPy arrays, these also within lists, tuples and dictionaries.
    forms
        In which forms the arrays come, the likeliest first; without any array it is asked once.
    **options
        As for :meth:`grader.run.Run.call`: `forbid`, `unchanged`, `seconds`, and the function's own.

    Raises
    ------
    CallFailed
        It raises in every form: what it raised in the first.
    NameMissing, WrongKind, CheckFailed, BadClaim, TooSlow, KernelGone
    """
    first: CallFailed | None = None
    for form in forms if _has_array(args) else forms[:1]:
        try:
            with np.errstate(over="ignore"):
                return run.call(name, *(formed(one, form) for one in args), **options)
        except CallFailed as fault:
            first = first or fault
    assert first is not None, "there is a form"
    raise first


def _has_array(value: Any) -> bool:
    if type(value) in (list, tuple, dict):
        return any(map(_has_array, value.values() if type(value) is dict else value))
    return isinstance(value, np.ndarray)


def called(name: str, *args: Any, **options: Any) -> str:
    """A call as a student would type it, between marks: `` `memory(1000, "int8")` ``."""
    shown = [*map(_shown, args), *(f"{key}={_shown(value)}" for key, value in options.items())]
    return f"`{name}({', '.join(shown)})`"


_MOST_SHOWN = 400


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    usual = type(value) is str and not {'"', "\\"} & {*value} and value.isprintable()
    shown = f'"{value}"' if usual else repr(value)  # spaces stay as they are: they may be what is asked about
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[: _MOST_SHOWN - 1]}…"


def hint_for(found: Any, usual: Usual, otherwise: str = "", rtol: float = 1e-4, atol: float = 1e-6) -> str:
    """The hint of the usual mistake whose wrong answer this is; `otherwise` if it is none of them.

    Parameters
    ----------
    found
        A claim of any kind.
    usual
        Hint → the wrong answer that it belongs to; pairs of them where a hint belongs to several.
    rtol, atol
        As for :func:`~grader.checks.expect.expect_close`.
    """
    try:
        array = numeric(found, "")
    except SubmissionFault:
        return otherwise
    for hint, wrong in usual.items() if isinstance(usual, Mapping) else usual:
        other = np.asarray(wrong, dtype=np.float64)
        if array.shape == other.shape and np.allclose(array, other, rtol, atol, equal_nan=True):
            return hint
    return otherwise


def expect_call(
    run: Run,
    name: str,
    args: Sequence[Any],
    right: Any,
    hint: str = "",
    *,
    usual: Usual = (),
    what: str = "",
    forms: Sequence[Form] = FORMS,
    read: Callable[[Any], Any] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    **options: Any,
) -> Any:
    """Fail unless a function gives the right answer to these arguments. Returns what it gives.

    Parameters
    ----------
    right
        A whole number, which has to be met exactly, as the usual wrong ones have; else numbers of any shape, as for
        :func:`~grader.checks.expect.expect_close`.
    hint
        Where it is wrong in no usual way.
    usual
        Usual mistakes: hint → the wrong answer that it belongs to (see :func:`hint_for`).
    what
        How messages name the call; as one types it, if nothing is said.
    read
        What is to be compared of what the function gives.
    **options
        As for :meth:`grader.run.Run.call`.

    Raises
    ------
    SubmissionFault
        It is wrong, or cannot be asked.
    """
    if not isinstance(args, list | tuple):
        raise TypeError(f"expect_call wants a list of arguments, [x], not a {type(args).__name__}")
    if not what:
        what = called(name, *args, **{key: one for key, one in options.items() if key not in _NO_OPTIONS})
    found = ask(run, name, *args, forms=forms, **options)
    refuse_placeholder(found, what)
    compared = found if read is None else read(found)
    exact = type(right) is int

    def expect(told: str) -> None:
        if exact:
            expect_count(compared, right, what, told)
        else:
            expect_close(compared, right, what, rtol, atol, told)

    try:
        expect(hint)
    except SubmissionFault:  # only then it is worth to look which of the usual mistakes this is
        expect(hint_for(compared, usual, hint, *((0, 0) if exact else (rtol, atol))))
    return found


# What `Run.call` takes for itself, and does not hand on.
_NO_OPTIONS = ("forbid", "given", "seconds", "unchanged")


def module_told(described: Any) -> str:
    """A module (see :func:`grader.kernel.wire.module`) as one writes it in PyTorch, more or less."""
    if isinstance(described, list):
        return ", ".join(module_told(one) for one in described) or "Sequential()"
    name, *args = described
    parted = name in _MADE_OF_PARTS
    options = dict(args.pop()) if len(args) > parted and isinstance(args[-1], dict) else {}
    tied, frozen = options.pop("tied", {}), options.pop("frozen", False)
    match args[0] if parted else None:
        case dict() as parts:
            inner = [f"{key}={module_told(one)}" for key, one in parts.items()]
        case list() as parts:
            inner = [module_told(one) for one in parts]
        case _:
            inner = [str(one) for one in args]
    inner += [f"{option}={value}" for option, value in [*options.items(), *tied.items()]]
    told = f"{name}({', '.join(inner)})"
    if frozen is True:
        return tr("a frozen {layer}", layer=told)
    return tr("{layer} with a frozen {name}", layer=told, name=", ".join(frozen)) if frozen else told


_MADE_OF_PARTS = ("Network", "Sequential", "ModuleList", "ModuleDict")
