"""What stands, in a test outside, for the notebook's own functions, classes and objects.

Plain data comes over as it is. All else is a stand-in that asks the notebook's process: calling it is a question, and
so is each attribute, item and operator. What a test has to say stays here: where an object that nobody asked for is
compared with data, or computed with, it is unequal, and the notebook is not asked.
"""

from __future__ import annotations

import ast
import operator
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from grader.claims import told as told_plain
from grader.errors import CheckFailed, SubmissionFault
from grader.kernel import exact
from grader.language import tr
from grader.text import plain

MAX_ITEMS = 20_000  # that a test may have of an iterator of the notebook's

# Libraries whose classes an object may say to be made of, so that `isinstance` finds it so.
_LIBRARIES = (
    *("torch", "numpy", "pandas", "collections", "abc", "enum", "dataclasses", "matplotlib", "sklearn", "typing"),
)


class Ended(BaseException):
    """Ends a test where the notebook leaves nothing to judge: no `except Exception` of the test's may catch it."""


class Asks(Protocol):
    """Who asks the notebook: :class:`grader.foreign.asking.Asking`."""

    expected: frozenset[str]
    word: bool

    def call(self, value: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any: ...

    def apply(self, function: str, *args: Any, what: str) -> Any: ...

    def data(self, value: Any) -> Any: ...

    def fail(self, fault: SubmissionFault) -> None: ...


_OBJECTS = ("object", "callable")
_OF_ARRAYS = frozenset(
    (
        *("mean", "std", "var", "sum", "min", "max", "all", "any", "argmax", "argmin", "item", "tolist", "numpy"),
        *("shape", "ndim", "size", "dtype", "T", "numel", "values", "columns", "iloc", "loc"),
    )
)


def info(value: Any) -> Info:
    """What is known of a stand-in."""
    return object.__getattribute__(value, "_info")  # type: ignore[no-any-return]


class Info:
    """What is known of an object of the notebook's.

    Attributes
    ----------
    what
        It in the student's words: ``f(…)``, ``tree.left``.
    classes
        Names of its class and of those that this is made of, or of these for a class; claimed.
    owner
        Name of the class that it is an attribute of; "" if none.
    """

    __slots__ = ("asking", "classes", "kind", "number", "owner", "what")

    def __init__(self, asking: Asks, number: int, kind: str, classes: Sequence[str], what: str) -> None:
        self.asking, self.number, self.kind, self.classes, self.what = asking, number, kind, classes, what
        self.owner = ""

    @property
    def class_name(self) -> str:
        return self.classes[0].rpartition(".")[2] if self.classes else "object"


def guard(value: Any, other: Any) -> None:
    """Nobody's object is asked about what a test compares it with, but those that the test is about."""
    about = info(value)
    if isinstance(other, Standin):
        return
    if about.class_name in about.asking.expected:
        about.asking.word = True
        return
    _refuse(about)


def _refuse(about: Info) -> None:
    about.asking.fail(
        CheckFailed(
            tr(
                "`{what}` gives an object of type {kind}, and the test needs data that it can look at itself.",
                what=plain(about.what, 60),
                kind=plain(about.class_name, 60),
            ),
            tr("Give back a number, a text, a list or an array."),
        )
    )


def could_be_anything(value: Any) -> bool:
    """Whether it is an object of a class that the test is not about: what it says of itself is the notebook's word."""
    if not isinstance(value, Standin):
        return False
    about = info(value)
    return about.kind in _OBJECTS and about.class_name not in about.asking.expected


def found_in(module: str, qualified: str) -> Any:
    """What a module that is imported here has by this name; None where there is nothing."""
    try:
        return operator.attrgetter(qualified)(sys.modules[module])
    except (KeyError, AttributeError):
        return None


class Standin:
    """Stands for an object of the notebook's."""

    __slots__ = ("_info",)

    def __init__(self, about: Info) -> None:
        object.__setattr__(self, "_info", about)

    @property
    def __class__(self) -> Any:
        return _class_of(info(self))

    @__class__.setter
    def __class__(self, _: Any) -> None:
        raise TypeError("the class of an object of the notebook's cannot be changed")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__array") or name in ("_info", "__torch_function__", "__dataframe__", "_typ"):
            raise AttributeError(name)
        about = info(self)
        if name in _OF_ARRAYS and about.kind in _OBJECTS and not about.asking.expected and _is_of_the_notebook(about):
            _refuse(about)  # where a test is about no class, an object that is asked for its mean is to be an array
        found = about.asking.apply("getattr", self, name, what=f"{about.what}.{name}")
        if isinstance(found, Standin) and about.kind in _OBJECTS:
            info(found).owner = about.class_name
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        about = info(self)
        about.asking.apply("setattr", self, name, value, what=f"{about.what}.{name}")

    def __delattr__(self, name: str) -> None:
        about = info(self)
        about.asking.apply("delattr", self, name, what=f"{about.what}.{name}")

    def __hash__(self) -> int:
        return hash(("stand-in", info(self).number))

    def __eq__(self, other: object) -> bool:
        return _equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not _equal(self, other)

    def __dir__(self) -> list[str]:
        return list(_of_kind(self, "dir", list))

    def __iter__(self) -> Iterator[Any]:
        about = info(self)
        iterator = about.asking.apply("iter", self, what=about.what)
        if not isinstance(iterator, Standin):
            return iter(iterator)
        return _items(iterator, about)

    def __next__(self) -> Any:
        about = info(self)
        return about.asking.apply("next", self, what=f"next({about.what})")

    def __contains__(self, item: Any) -> bool:
        about = info(self)
        guard(self, item)
        return about.asking.apply("contains", self, item, what=about.what) is True

    def __getitem__(self, key: Any) -> Any:
        about = info(self)
        return about.asking.apply("getitem", self, key, what=f"{about.what}[…]")

    def __setitem__(self, key: Any, value: Any) -> None:
        about = info(self)
        about.asking.apply("setitem", self, key, value, what=f"{about.what}[…]")

    def __delitem__(self, key: Any) -> None:
        about = info(self)
        about.asking.apply("delitem", self, key, what=f"{about.what}[…]")

    def __format__(self, spec: str) -> str:
        about = info(self)
        found = about.asking.apply("format", self, spec, what=about.what)
        return found if type(found) is str else ""

    def __round__(self, digits: int | None = None) -> Any:
        about = info(self)
        return about.asking.apply("round", self, *([] if digits is None else [digits]), what=f"round({about.what})")

    def __enter__(self) -> Any:
        about = info(self)
        return about.asking.apply("enter", self, what=about.what)

    def __exit__(self, *_: object) -> None:
        about = info(self)
        about.asking.apply("leave", self, what=about.what)


def _items(iterator: Any, about: Info) -> Iterator[Any]:
    for _ in range(MAX_ITEMS):
        try:
            item = about.asking.apply("next", iterator, what=about.what)
        except StopIteration:
            return
        yield item
    about.asking.fail(
        CheckFailed(
            tr("`{what}` does not come to an end.", what=plain(about.what, 60)),
            tr("Look for a loop that does not end."),
        )
    )


def _equal(one: Standin, other: object) -> bool:
    about = info(one)
    if isinstance(other, Standin):
        if info(other).number == about.number:
            return True
        about.asking.word = True
        return about.asking.apply("eq", one, other, what=about.what) is True
    if any(name.startswith("builtins.") and name not in _NO_DATA for name in about.classes):
        data = about.asking.data(one)
        return bool(data is not None and data == other)
    return False


_NO_DATA = ("builtins.object", "builtins.type", "builtins.function", "builtins.module")


def _of_kind(value: Any, function: str, kind: type) -> Any:
    """What a function makes of a stand-in that always gives the same kind of data."""
    about = info(value)
    found = about.asking.apply(function, value, what=f"{function}({about.what})")
    if type(found) is not kind:
        raise TypeError(f"{function}() of it is no {kind.__name__}")
    return found


def _converting(function: str, kind: type) -> Any:
    return lambda self: _of_kind(self, function, kind)


def _showing(function: str) -> Any:
    def show(self: Any) -> Any:
        about, text = info(self), _of_kind(self, function, str)
        if about.kind == "object" and about.class_name not in about.asking.expected and _reads_as_data(text):
            _refuse(about)  # it says of itself what a number, a text or a list would show
        return text

    return show


def _reads_as_data(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _operating(function: str, swapped: bool = False) -> Any:
    def operate(self: Any, other: Any) -> Any:
        about = info(self)
        guard(self, other)
        pair = (other, self) if swapped else (self, other)
        return about.asking.apply(function, *pair, what=about.what)

    return operate


def _alone(function: str) -> Any:
    return lambda self: info(self).asking.apply(function, self, what=info(self).what)


_kind: type
for _name in ("str", "repr"):
    setattr(Standin, f"__{_name}__", _showing(_name))
for _name, _kind in (("bool", bool), ("len", int), ("int", int), ("float", float)):
    setattr(Standin, f"__{_name}__", _converting(_name, _kind))
for _name, _kind in (("index", int), ("complex", complex), ("bytes", bytes)):
    setattr(Standin, f"__{_name}__", _converting(_name, _kind))
for _name in ("neg", "pos", "abs", "invert", "reversed"):
    setattr(Standin, f"__{_name}__", _alone(_name))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Standin, f"__{_name}__", _operating(_name))
for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
):
    _function = f"{_name}_" if _name in ("and", "or") else _name
    setattr(Standin, f"__{_name}__", _operating(_function))
    setattr(Standin, f"__r{_name}__", _operating(_function, swapped=True))
    setattr(Standin, f"__i{_name}__", _operating(f"i{_name}"))


class CallableStandin(Standin):
    """Stands for a function of the notebook's, or another object that can be called."""

    __slots__ = ()

    def __call__(self, /, *args: Any, **options: Any) -> Any:
        about = info(self)
        found = about.asking.call(self, args, options)
        if about.owner and about.owner not in about.asking.expected and not isinstance(found, Standin | None):
            about.asking.word = True  # `result.equals(expected)` of an object that could be anything
        return found


class ClassStandin(CallableStandin):
    """Stands for a class of the notebook's."""

    __slots__ = ()

    def __instancecheck__(self, value: Any) -> bool:
        about = info(self)
        return about.asking.apply("isinstance", value, self, what=about.what) is True

    def __subclasscheck__(self, value: Any) -> bool:
        about = info(self)
        return about.asking.apply("issubclass", value, self, what=about.what) is True


def standin(about: Info, data: Any) -> Any:
    """The stand-in of an object; `data` is what it holds, where its class is made of one of data."""
    if about.kind == "class":
        return ClassStandin(about)
    if about.kind in ("function", "callable"):
        return CallableStandin(about)
    if type(data) in (int, float, str, tuple, frozenset):
        return _with_data(about, data)
    if type(data) in (list, dict, set) and _is_of_the_notebook(about):
        return _with_data(about, data)
    arrays = (np.ndarray, getattr(sys.modules.get("torch"), "Tensor", np.ndarray))
    if type(data) in arrays and _is_their_own(about):
        return data  # `y.mean()` is the mean of its numbers, not what its class says
    return Standin(about)


def _is_their_own(about: Info) -> bool:
    """Whether the class of an object is one of the notebook's that the test is not about; none of a library's."""
    module, _, qualified = about.classes[0].rpartition(".") if about.classes else ("", "", "")
    of_a_library = module.partition(".")[0] in _LIBRARIES and found_in(module, qualified) is not None
    return about.class_name not in about.asking.expected and not of_a_library


def _is_of_the_notebook(about: Info) -> bool:
    """Whether the notebook defines its class, and the test is not about that."""
    return about.class_name not in about.asking.expected and about.classes[:1] == [f"__main__.{about.class_name}"]


def _with_data(about: Info, data: Any) -> Any:
    """Data in a class of the notebook's: compared by its data, whatever its operators would say."""
    base: type = type(data)

    def attribute(self: Any, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return about.asking.apply("getattr", Standin(about), name, what=f"{about.what}.{name}")

    def missing(self: Any, key: Any) -> Any:
        return about.asking.apply("getitem", Standin(about), key, what=f"{about.what}[…]")

    own = {"__getattr__": attribute, "grader_number": about.number}
    own |= {"__missing__": missing} if base is dict else {}
    made = type(about.class_name or base.__name__, (base,), own)
    return made(data)


def _class_of(about: Info) -> type:
    """A class that `isinstance` can look at: made of the libraries' classes that the object says its own is made of."""
    usual = {"class": type, "function": types.FunctionType, "module": types.ModuleType}
    if about.kind in usual:
        return usual[about.kind]
    for name in about.classes:
        module, _, qualified = name.rpartition(".")
        found = exact.CLASSES.get(name)
        if found is None and module.partition(".")[0] in _LIBRARIES:
            found = found_in(module, qualified)
        if isinstance(found, type) and found is not object:
            try:
                return type(about.class_name, (found,), {})
            except TypeError:
                continue
    return CallableStandin if about.kind == "callable" else Standin


def told(value: Any, limit: int = 120) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Standin):
        about = info(value)
        if about.kind in ("function", "class"):
            return tr("a function") if about.kind == "function" else tr("a class")
        return tr("an object of type {kind}", kind=plain(about.class_name, 60))
    if type(value) in (int, float, str, bool, type(None), list, tuple, dict) and _size(value) <= 8:
        return plain(repr(value), limit)
    if isinstance(value, (int, float, str, bool, type(None), list, tuple, dict, np.ndarray)):
        return told_plain(value, limit)
    return plain(" ".join(repr(value)[:2000].split()), limit)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple, dict)) else 0
