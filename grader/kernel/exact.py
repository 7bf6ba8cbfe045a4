"""Values with their exact types, as JSON nodes and raw buffers: one code for both ends of the line.

Tests that were written for other graders ask for `type(x)`, `x.dtype`, sets and data frames: here each arrives as what
it was. The grader's end parses what comes strictly, within limits (:mod:`grader.kernel.exact_decoder`); a name never
chooses what is made beyond the closed lists below. What is no plain data is somebody else's to say (`other`): the
kernel's end keeps it and sends its number (:mod:`grader.kernel.objects`), the grader's end makes a stand-in of that
(:mod:`grader.foreign.standins`).

It imports nothing of the grader's: in the kernel the package may be out of reach.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import keyword
import re
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

# Own copies of the built-in functions: a notebook that patches them patches others than these.
globals().update({name: value for name, value in vars(builtins).items() if not name.startswith("_")})

MAX_DEPTH = 24
MAX_ITEMS = 200_000
MAX_TEXT = 2_000_000
MAX_BYTES = 12_000_000
MAX_NUMBERS = 4_000_000  # in all arrays: an honest one of small numbers may become larger, once it is compared
MAX_AXES = 16
MAX_EMPTY_ROWS = 100_000  # of an array without a number
MAX_ALIKE = 20  # keys of one hash: each is compared with all the others
MAX_LONG = 200  # whole numbers of more than 64 bits can be made to have any hash

Node = list[Any]


class Unusable(Exception):
    """The value cannot be sent; the text says why."""


class Malformed(Exception):
    """What came is no value, or more than may come."""


ARRAYS = {
    d: np.dtype(d)
    for d in (
        *("|b1", "|i1", "|u1", *(f"<{k}{n}" for k in "iu" for n in (2, 4, 8)), "<f2", "<f4", "<f8", "<c8", "<c16"),
        *(f"<{k}8[{unit}]" for k in "mM" for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns")),
    )
}
DECIMAL = re.compile(r"-?(?:[0-9]{1,1000}(?:\.[0-9]{0,1000})?(?:E[+-]?[0-9]{1,4})?|Infinity|NaN)")
TENSORS = (
    *("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"),
    *("complex64", "complex128"),
)
# Classes and types of numbers that cross as themselves.
_BUILTIN: tuple[Any, ...] = (
    *(bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, object),
    *(type, type(None), type(...), type(NotImplemented)),
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.GeneratorType, types.ModuleType),
    *(one for one in vars(builtins).values() if isinstance(one, type) and issubclass(one, BaseException)),
)
_OTHERS: tuple[Any, ...] = (
    *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque),
    *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction),
    *(np.ndarray, np.dtype, np.bool_, *(np.dtype(c).type for c in "bBhHiIlLqQefdgFDG"), np.str_, np.bytes_),
    *(np.linalg.LinAlgError, np.exceptions.AxisError),
)
CLASSES: dict[str, Any] = {f"builtins.{one.__name__}": one for one in _BUILTIN} | {
    f"{one.__module__}.{one.__name__}": one for one in _OTHERS
}
_NAMES = {id(one): name for name, one in CLASSES.items()}


def class_name(kind: type) -> str:
    """Module and name of a class, as it says itself."""
    return f"{kind.__module__}.{kind.__qualname__}"[:200]


def _is_namedtuple(value: Any, kind: type) -> bool:
    fields = kind.__dict__.get("_fields")
    return (
        issubclass(kind, tuple)
        and kind.__bases__ == (tuple,)
        and type(fields) is tuple
        and kind.__eq__ is tuple.__eq__
        and len(fields) == tuple.__len__(value)
        and all(type(one) is str and one.isidentifier() and not keyword.iskeyword(one) for one in fields)
    )


def made_namedtuple(name: str, fields: Sequence[str], _known: dict[Any, Any] = {}) -> Any:  # noqa: B006 - a cache
    """The class of named tuples of this name and these fields: one and the same each time."""
    key = name, tuple(fields)
    if key not in _known:
        _known[key] = collections.namedtuple(name, fields)
    return _known[key]


class Encoder:
    """Values as nodes.

    Parameters
    ----------
    other
        The node of what is no plain data; raises :class:`Unusable` where there is none.
    """

    def __init__(self, other: Callable[[Any, Encoder, int], Node]) -> None:
        self.buffers: list[bytes] = []
        self.other = other
        self.items = 0
        self.room = MAX_BYTES
        self.text = MAX_TEXT

    def encode(self, value: Any, depth: int = 0) -> Node:
        """The node of a value."""
        self.items += 1
        if self.items > MAX_ITEMS:
            raise Unusable(f"it has more than {MAX_ITEMS:,} items")
        if depth > MAX_DEPTH:
            raise Unusable(f"it is nested more than {MAX_DEPTH} deep")
        kind = type(value)
        if value is None:
            return ["z"]
        if value is ...:
            return ["..."]
        if value is NotImplemented:
            return ["!"]
        if kind is bool:
            return ["b", value]
        if kind is int:
            return self.integer(value)
        if kind is float:
            return ["f", float.hex(value)]
        if kind is complex:
            return ["c", value.real.hex(), value.imag.hex()]
        if kind is str:
            return ["s", self.take(value)]
        if kind in (list, tuple, set, frozenset):
            return [kind.__name__, [self.encode(item, depth + 1) for item in value]]
        if kind is collections.deque:
            return ["deque", [self.encode(item, depth + 1) for item in value], self.encode(value.maxlen)]
        if kind in (dict, collections.OrderedDict, collections.Counter):
            return [kind.__name__, self.pairs(value.items(), depth)]
        if kind is collections.defaultdict:
            factory = _NAMES.get(id(value.default_factory), "")
            return ["defaultdict", factory, self.pairs(value.items(), depth)]
        if kind in (bytes, bytearray):
            return [kind.__name__, self.raw(bytes(value))]
        if kind is range:
            return ["range", *(self.integer(one) for one in (value.start, value.stop, value.step))]
        if kind is slice:
            return ["slice", *(self.encode(one, depth + 1) for one in (value.start, value.stop, value.step))]
        if kind in (datetime.date, datetime.datetime, datetime.time) and getattr(value, "tzinfo", None) is None:
            return [kind.__name__, value.isoformat()]
        if kind is datetime.timedelta:
            return ["timedelta", value.days, value.seconds, value.microseconds]
        if kind is decimal.Decimal and DECIMAL.fullmatch(str(value)):
            return ["Decimal", self.take(str(value))]
        if kind is fractions.Fraction:
            return ["Fraction", self.integer(value.numerator), self.integer(value.denominator)]
        if isinstance(value, type):
            return ["class", _NAMES[id(value)]] if id(value) in _NAMES else self.other(value, self, depth)
        return self.library(value, kind, depth)

    def library(self, value: Any, kind: type, depth: int) -> Node:
        """The node of an array, a tensor or a table."""
        if kind is np.ndarray:
            return self.array(value, depth)
        if issubclass(kind, np.generic) and id(kind) in _NAMES:
            return ["scalar", self.array(np.asarray(value), depth)]
        if isinstance(value, np.dtype) and (value.str in ARRAYS or value.kind == "O"):
            return ["dtype", value.str]
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            if kind in (torch.Tensor, torch.nn.Parameter):
                return self.tensor(value, kind is torch.nn.Parameter, depth)
            if kind is torch.Size:
                return ["Size", [self.integer(int(one)) for one in value]]
            if kind is torch.dtype and str(value).removeprefix("torch.") in TENSORS:
                return ["torch.dtype", str(value).removeprefix("torch.")]
        if _is_namedtuple(value, kind):
            fields = list(kind._fields)  # type: ignore[attr-defined]
            return ["namedtuple", kind.__name__[:100], fields, [self.encode(one, depth + 1) for one in value]]
        pandas: Any = sys.modules.get("pandas")
        if pandas is not None and hasattr(pandas, "DataFrame"):
            node = self.table(value, kind, pandas, depth)
            if node is not None:
                return node
        return self.other(value, self, depth)

    def table(self, value: Any, kind: type, pandas: Any, depth: int) -> Node | None:
        if kind is pandas.DataFrame:
            columns = [self.column(value.iloc[:, n], pandas, depth) for n in range(value.shape[1])]
            return ["DataFrame", columns, self.encode(value.columns, depth + 1), self.encode(value.index, depth + 1)]
        if kind is pandas.Series:
            index = self.encode(value.index, depth + 1)
            return ["Series", self.column(value, pandas, depth), index, self.encode(value.name, depth + 1)]
        if kind is pandas.RangeIndex:
            bounds = [self.integer(int(one)) for one in (value.start, value.stop, value.step)]
            return ["RangeIndex", *bounds, self.encode(value.name, depth + 1)]
        if kind is pandas.MultiIndex:
            names = self.encode(list(value.names), depth + 1)
            return ["MultiIndex", [self.encode(one, depth + 1) for one in value.tolist()], names]
        if kind is pandas.DatetimeIndex and value.tz is None:
            freq = value.freqstr if value.freq is not None else ""
            return ["DatetimeIndex", self.array(value.to_numpy(), depth), freq, self.encode(value.name, depth + 1)]
        if kind in (pandas.Index, pandas.CategoricalIndex):
            return ["Index", self.column(value.to_series(), pandas, depth), self.encode(value.name, depth + 1)]
        if value is pandas.NaT or value is pandas.NA:
            return ["NaT" if value is pandas.NaT else "NA"]
        if kind is pandas.Timestamp and value.tzinfo is None:
            return ["Timestamp", value.isoformat()]
        if kind is pandas.Timedelta:
            return ["Timedelta", value.isoformat()]
        return None

    def column(self, series: Any, pandas: Any, depth: int) -> Node:
        """Values of a column, an array of NumPy's or with a dtype of pandas's own."""
        dtype = series.dtype
        if isinstance(dtype, np.dtype):
            return self.array(series.to_numpy(), depth + 1)
        if isinstance(dtype, pandas.CategoricalDtype):
            codes = self.array(np.asarray(series.cat.codes, np.int64), depth)
            return ["category", self.encode(dtype.categories, depth + 1), codes, bool(dtype.ordered)]
        return ["extension", str(dtype)[:60], [self.encode(one, depth + 1) for one in series.tolist()]]

    def pairs(self, items: Iterable[tuple[Any, Any]], depth: int) -> list[list[Node]]:
        return [[self.encode(key, depth + 1), self.encode(value, depth + 1)] for key, value in items]

    def integer(self, value: int) -> Node:
        if value.bit_length() > 10_000:
            raise Unusable("it is a number of thousands of digits")
        return ["i", self.take(str(value))]

    def tensor(self, value: Any, parameter: bool, depth: int) -> Node:
        torch: Any = sys.modules["torch"]
        plain = value.detach()
        if plain.layout is not torch.strided or plain.is_quantized:
            plain = plain.to_dense() if plain.layout is not torch.strided else plain.dequantize()
        if plain.numel() * plain.element_size() > self.room:
            raise Unusable(f"it has {plain.numel():,} elements, too many to look at")
        plain = plain.cpu().resolve_conj().resolve_neg()
        dtype = str(plain.dtype).removeprefix("torch.")
        if dtype not in TENSORS:
            return self.other(value, self, depth)
        plain = plain.float() if dtype == "bfloat16" else plain
        return ["tensor", dtype, self.array(plain.numpy(), depth), bool(value.requires_grad), parameter]

    def array(self, value: Any, depth: int) -> Node:
        dtype = value.dtype.newbyteorder("<") if value.dtype.kind not in "OV" else value.dtype
        if dtype.kind in "OU":
            items = [self.encode(item, depth + 1) for item in value.ravel().tolist()]
            return ["objects", dtype.str, list(value.shape), items]
        if dtype.str not in ARRAYS:
            if dtype.kind == "f" and dtype.itemsize > 8:
                return self.array(value.astype(np.float64), depth)
            raise Unusable(f"it is an array of {str(value.dtype)[:60]}")
        if value.nbytes > self.room:
            raise Unusable(f"it has {value.size:,} elements, too many to look at")
        self.room -= value.nbytes
        raw = np.ascontiguousarray(value.astype(dtype, copy=False))
        self.buffers.append(raw.tobytes())
        return ["a", dtype.str, list(value.shape), len(self.buffers) - 1]

    def raw(self, data: bytes) -> int:
        if len(data) > self.room:
            raise Unusable(f"it has {len(data):,} elements, too many to look at")
        self.room -= len(data)
        self.buffers.append(data)
        return len(self.buffers) - 1

    def take(self, text: str) -> str:
        self.text -= len(text)
        if self.text < 0:
            raise Unusable("its texts are too long")
        return text.encode("utf-8", "replace").decode("utf-8")
