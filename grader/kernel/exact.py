"""Values with their exact types, as JSON nodes and raw buffers: one code for both ends of the line.

Tests that were written for other graders ask for `type(x)`, `x.dtype`, sets and data frames: here each arrives as what
it was. The grader's end parses what comes strictly, within limits; a name never chooses what is made beyond the closed
lists below. What is no plain data is somebody else's to say (`other`): the kernel's end keeps it and sends its number
(:mod:`grader.kernel.objects`), the grader's end makes a stand-in of that (:mod:`grader.foreign.standins`).

It imports nothing of the grader's: in the kernel the package may be out of reach.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import keyword
import math
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
MAX_DIGITS = 4_000

Node = list[Any]


class Unusable(Exception):
    """The value cannot be sent; the text says why."""


class Malformed(Exception):
    """What came is no value, or more than may come."""


_ARRAYS = {
    d: np.dtype(d)
    for d in (
        *("|b1", "|i1", "|u1", *(f"<{k}{n}" for k in "iu" for n in (2, 4, 8)), "<f2", "<f4", "<f8", "<c8", "<c16"),
        *(f"<{k}8[{unit}]" for k in "mM" for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns")),
    )
}
_TEXTS = re.compile(r"<U[0-9]{1,6}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,1000}(?:\.[0-9]{0,1000})?(?:E[+-]?[0-9]{1,4})?|Infinity|NaN)")
_INT = re.compile(r"-?[0-9]{1,4000}")
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan")
_TENSORS = (
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
_MAPPINGS = {"dict": dict, "OrderedDict": collections.OrderedDict, "Counter": collections.Counter}


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
        if kind is decimal.Decimal and _DECIMAL.fullmatch(str(value)):
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
        if isinstance(value, np.dtype) and (value.str in _ARRAYS or value.kind == "O"):
            return ["dtype", value.str]
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            if kind in (torch.Tensor, torch.nn.Parameter):
                return self.tensor(value, kind is torch.nn.Parameter, depth)
            if kind is torch.Size:
                return ["Size", [self.integer(int(one)) for one in value]]
            if kind is torch.dtype and str(value).removeprefix("torch.") in _TENSORS:
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
        if dtype not in _TENSORS:
            return self.other(value, self, depth)
        plain = plain.float() if dtype == "bfloat16" else plain
        return ["tensor", dtype, self.array(plain.numpy(), depth), bool(value.requires_grad), parameter]

    def array(self, value: Any, depth: int) -> Node:
        dtype = value.dtype.newbyteorder("<") if value.dtype.kind not in "OV" else value.dtype
        if dtype.kind in "OU":
            items = [self.encode(item, depth + 1) for item in value.ravel().tolist()]
            return ["objects", dtype.str, list(value.shape), items]
        if dtype.str not in _ARRAYS:
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


class Decoder:
    """Nodes as values, strictly.

    Parameters
    ----------
    other
        The value of a node that is no plain data; None where it is none either.
    """

    def __init__(self, buffers: Sequence[Any], other: Callable[[Node, Decoder, int], Any]) -> None:
        if sum(len(buffer) for buffer in buffers) > MAX_BYTES:
            raise Malformed
        self.buffers = buffers
        self.other = other
        self.nodes = self.text = self.bytes = self.numbers = self.long = 0

    def decode(self, node: Any, depth: int = 0) -> Any:
        """The value of a node.

        Raises
        ------
        Malformed
        """
        self.nodes += 1
        if type(node) is not list or not node or depth > MAX_DEPTH + 8 or self.nodes > 2 * MAX_ITEMS:
            raise Malformed
        try:
            return self.value(node, depth)
        except (ValueError, TypeError, OverflowError, ArithmeticError, KeyError, IndexError, AttributeError):
            raise Malformed from None  # what a library says of data that nobody honest sends

    def value(self, node: Node, depth: int) -> Any:
        match node:
            case ["z"]:
                return None
            case ["..."]:
                return ...
            case ["!"]:
                return NotImplemented
            case ["b", bool(value)]:
                return value
            case ["i", str(text)] if _INT.fullmatch(text):
                return self.whole(self.take(text))
            case ["f", str(text)]:
                return self.real(text)
            case ["c", str(real), str(imaginary)]:
                return complex(self.real(real), self.real(imaginary))
            case ["s", str(text)]:
                return self.take(text)
            case ["list", list(items)]:
                return [self.decode(item, depth + 1) for item in items]
            case ["tuple", list(items)]:
                return tuple(self.decode(item, depth + 1) for item in items)
            case ["set" | "frozenset" as kind, list(items)]:
                found = [self.decode(item, depth + 1) for item in items]
                self.unlike(found)
                return set(found) if kind == "set" else frozenset(found)
            case ["deque", list(items), length]:
                most = self.decode(length)
                return collections.deque((self.decode(item, depth + 1) for item in items), most)
            case ["dict" | "OrderedDict" | "Counter" as kind, list(pairs)]:
                return _MAPPINGS[kind](self.mapping(pairs, depth))
            case ["defaultdict", str(name), list(pairs)]:
                factory = CLASSES.get(name) if name in ("builtins.int", "builtins.list", "builtins.float") else None
                factory = {"builtins.dict": dict, "builtins.set": set, "builtins.str": str}.get(name, factory)
                return collections.defaultdict(factory, self.mapping(pairs, depth))
            case ["bytes" | "bytearray" as kind, int(number)]:
                return (bytes if kind == "bytes" else bytearray)(self.raw(number))
            case ["range", start, stop, step]:
                return self.range(start, stop, step)
            case ["slice", start, stop, step]:
                return slice(*(self.decode(one, depth + 1) for one in (start, stop, step)))
            case ["date" | "datetime" | "time" as kind, str(text)] if len(text) < 40:
                return getattr(datetime, kind).fromisoformat(text)
            case ["timedelta", int(days), int(seconds), int(microseconds)]:
                return datetime.timedelta(days, seconds, microseconds)
            case ["Decimal", str(text)] if _DECIMAL.fullmatch(text):
                return decimal.Decimal(self.take(text))
            case ["Fraction", upper, lower]:
                return fractions.Fraction(self.integer(upper), self.integer(lower))
            case ["class", str(name)]:
                return CLASSES[name]
            case ["namedtuple", str(name), list(fields), list(items)] if len(fields) == len(items) <= 200:
                values = [self.decode(item, depth + 1) for item in items]
                return made_namedtuple(self.take(name)[:100], [self.take(one)[:100] for one in fields])(*values)
        return self.library(node, depth)

    def library(self, node: Node, depth: int) -> Any:
        match node:
            case ["a", str(dtype), list(shape), int(number)] if dtype in _ARRAYS:
                return self.array(_ARRAYS[dtype], shape, number)
            case ["objects", str(dtype), list(shape), list(items)] if dtype == "|O" or _TEXTS.fullmatch(dtype):
                return self.objects(dtype, shape, items, depth)
            case ["scalar", array]:
                found = self.decode(array, depth + 1)
                if not isinstance(found, np.ndarray) or found.shape != ():
                    raise Malformed
                return found[()]
            case ["dtype", str(dtype)] if dtype == "|O" or dtype in _ARRAYS:
                return np.dtype(dtype)
            case ["tensor", str(dtype), array, bool(grad), bool(parameter)] if dtype in _TENSORS:
                return self.tensor(dtype, self.decode(array, depth + 1), grad, parameter)
            case ["Size", list(items)]:
                return _library("torch").Size([self.integer(one) for one in items])
            case ["torch.dtype", str(dtype)] if dtype in _TENSORS:
                return getattr(_library("torch"), dtype)
            case [str(kind), *_] if kind in _TABLES:
                return self.table(node, _library("pandas"), depth + 1)
        return self.other(node, self, depth)

    def table(self, node: Node, pandas: Any, depth: int) -> Any:
        match node:
            case ["DataFrame", list(columns), names, index]:
                rows = self.decode(index, depth)
                series = [pandas.Series(self.column(one, pandas, depth), index=rows) for one in columns]
                table = pandas.DataFrame(dict(enumerate(series)), index=rows)
                table.columns = self.decode(names, depth)
                return table
            case ["Series", column, index, name]:
                values = self.column(column, pandas, depth)
                return pandas.Series(values, index=self.decode(index, depth), name=self.decode(name, depth))
            case ["RangeIndex", start, stop, step, name]:
                return pandas.RangeIndex(self.range(start, stop, step), name=self.decode(name, depth))
            case ["MultiIndex", list(items), names]:
                values = [self.decode(one, depth) for one in items]
                self.unlike(values)
                return pandas.MultiIndex.from_tuples(values, names=self.decode(names, depth))
            case ["DatetimeIndex", array, str(freq), name]:
                known = freq if freq in ("D", "B", "h", "W", "W-SUN", "ME", "MS", "YE", "min", "s") else None
                return pandas.DatetimeIndex(self.decode(array, depth), freq=known, name=self.decode(name, depth))
            case ["Index", column, name]:
                return pandas.Index(self.column(column, pandas, depth), name=self.decode(name, depth))
            case ["NaT"]:
                return pandas.NaT
            case ["NA"]:
                return pandas.NA
            case ["Timestamp", str(text)] if len(text) < 60:
                return pandas.Timestamp(text)
            case ["Timedelta", str(text)] if len(text) < 60:
                return pandas.Timedelta(text)
        raise Malformed

    def column(self, node: Any, pandas: Any, depth: int) -> Any:
        match node:
            case ["category", categories, codes, bool(ordered)]:
                values = self.decode(categories, depth)
                return pandas.Categorical.from_codes(self.decode(codes, depth), values, ordered=ordered)
            case ["extension", str(dtype), list(items)] if dtype in _EXTENSIONS:
                return pandas.array([self.decode(one, depth) for one in items], dtype=dtype)
        return self.decode(node, depth)

    def real(self, text: str) -> float:
        if not _HEX.fullmatch(text):
            raise Malformed
        return float.fromhex(text)

    def integer(self, node: Any) -> int:
        found: Any = self.decode(node, 0)
        if type(found) is not int:
            raise Malformed
        return found

    def range(self, *bounds: Node) -> range:
        found = range(*map(self.integer, bounds))
        if len(found) > MAX_NUMBERS:  # a test may go through it
            raise Malformed
        return found

    def whole(self, text: str) -> int:
        value = int(text)
        self.long += value.bit_length() > 64
        if self.long > MAX_LONG:
            raise Malformed
        return value

    def unlike(self, keys: list[Any]) -> None:
        """Refuse keys that can hardly be told apart, each of which is compared with all the others."""
        if any(count > MAX_ALIKE for count in collections.Counter(map(hash, keys)).values()):
            raise Malformed

    def mapping(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
            raise Malformed
        keys = [self.decode(key, depth + 1) for key, _ in pairs]
        self.unlike(keys)
        return {key: self.decode(value, depth + 1) for key, (_, value) in zip(keys, pairs, strict=True)}

    def raw(self, number: int) -> Any:
        if not 0 <= number < len(self.buffers):
            raise Malformed
        self.bytes += len(self.buffers[number])
        if self.bytes > MAX_BYTES:
            raise Malformed
        return self.buffers[number]

    def sizes(self, shape: list[Any]) -> int:
        """How many numbers an array of this shape has, if that is one."""
        if len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
            raise Malformed
        count: int = math.prod(shape)
        self.numbers += count
        if self.numbers > MAX_NUMBERS or (not count and math.prod(n or 1 for n in shape) > MAX_EMPTY_ROWS):
            raise Malformed
        return count

    def array(self, dtype: np.dtype[Any], shape: list[Any], number: int) -> np.ndarray:
        raw = self.raw(number)
        if self.sizes(shape) * dtype.itemsize != len(raw):
            raise Malformed
        return np.frombuffer(raw, dtype).reshape(shape).copy()

    def objects(self, dtype: str, shape: list[Any], items: list[Any], depth: int) -> np.ndarray:
        values = [self.decode(item, depth + 1) for item in items]
        if self.sizes(shape) != len(values) or (dtype != "|O" and not all(type(one) is str for one in values)):
            raise Malformed
        if dtype != "|O" and len(values) * int(dtype[2:]) > MAX_TEXT:
            raise Malformed
        array = np.empty(len(values), np.dtype(dtype))
        for n, one in enumerate(values):
            array[n] = one
        return array.reshape(shape)

    def tensor(self, dtype: str, array: Any, grad: bool, parameter: bool) -> Any:
        if type(array) is not np.ndarray:
            raise Malformed
        torch = _library("torch")
        made = torch.from_numpy(array).to(getattr(torch, dtype))
        if parameter:
            return torch.nn.Parameter(made, requires_grad=grad and (made.is_floating_point() or made.is_complex()))
        return made.requires_grad_() if grad and (made.is_floating_point() or made.is_complex()) else made

    def take(self, text: str) -> str:
        self.text += len(text)
        if self.text > MAX_TEXT:
            raise Malformed
        return text


_TABLES = frozenset(
    ("DataFrame", "Series", "RangeIndex", "MultiIndex", "DatetimeIndex", "Index", "NaT", "NA", "Timestamp", "Timedelta")
)
_EXTENSIONS = frozenset(
    (
        *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"),
        *("boolean", "string", "str"),
    )
)


def _library(name: str) -> Any:
    """One of the libraries whose values cross: imported when the first of them comes."""
    if name not in sys.modules:
        __import__(name)
    return sys.modules[name]
