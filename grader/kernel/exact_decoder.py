"""The other way of :mod:`grader.kernel.exact`: nodes and buffers as values, strictly, within limits.

It imports nothing of the grader's but that module: in the kernel the package may be out of reach.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grader.kernel.exact import (
    ARRAYS,
    CLASSES,
    DECIMAL,
    MAX_ALIKE,
    MAX_AXES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_EMPTY_ROWS,
    MAX_ITEMS,
    MAX_LONG,
    MAX_NUMBERS,
    MAX_TEXT,
    TENSORS,
    Malformed,
    Node,
    made_namedtuple,
)

# Own copies of the built-in functions: a notebook that patches them patches others than these.
globals().update({name: value for name, value in vars(builtins).items() if not name.startswith("_")})

_TEXTS = re.compile(r"<U[0-9]{1,6}")
_INT = re.compile(r"-?[0-9]{1,4000}")
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan")
_MAPPINGS = {"dict": dict, "OrderedDict": collections.OrderedDict, "Counter": collections.Counter}


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
            case ["Decimal", str(text)] if DECIMAL.fullmatch(text):
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
            case ["a", str(dtype), list(shape), int(number)] if dtype in ARRAYS:
                return self.array(ARRAYS[dtype], shape, number)
            case ["objects", str(dtype), list(shape), list(items)] if dtype == "|O" or _TEXTS.fullmatch(dtype):
                return self.objects(dtype, shape, items, depth)
            case ["scalar", array]:
                found = self.decode(array, depth + 1)
                if not isinstance(found, np.ndarray) or found.shape != ():
                    raise Malformed
                return found[()]
            case ["dtype", str(dtype)] if dtype == "|O" or dtype in ARRAYS:
                return np.dtype(dtype)
            case ["tensor", str(dtype), array, bool(grad), bool(parameter)] if dtype in TENSORS:
                return self.tensor(dtype, self.decode(array, depth + 1), grad, parameter)
            case ["Size", list(items)]:
                return _library("torch").Size([self.integer(one) for one in items])
            case ["torch.dtype", str(dtype)] if dtype in TENSORS:
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
