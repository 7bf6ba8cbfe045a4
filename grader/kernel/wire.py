"""Values as data: the grader's side of what crosses between it and a notebook's kernel.

A value is a JSON node and raw buffers for its arrays. What a kernel sends is a claim: it is parsed
strictly, within limits, and gives plain Python values and NumPy arrays, or :class:`~grader.errors.BadClaim`.
Nothing is unpickled, imported or evaluated. The kernel's side is :mod:`grader.kernel.probe`.

=========================  ==========================================
node                       value
=========================  ==========================================
``["z"]``                  None
``["b", true]``            bool
``["i", "-12"]``           int, in decimal
``["f", "0x1.8p+1"]``      float, in hexadecimal
``["s", "text"]``          str
``["l", […]]``             list
``["t", […]]``             tuple
``["d", [[k, v], …]]``     dict
``["a", "<f4", […], 0]``   array: dtype, shape, number of its buffer
``["o", "Tokenizer"]``     any other object: the name of its type
=========================  ==========================================
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.errors import BadClaim
from grader.language import tr
from grader.text import plain

MAX_DEPTH = 12
MAX_NODES = 200_000
MAX_TEXT = 2_000_000
MAX_BYTES = 12_000_000
MAX_NUMBERS = 4_000_000  # in all arrays: small ones become eight bytes each, once they are compared
MAX_AXES = 16
# An array without a single number may still have rows: whoever takes it apart makes an object of each.
MAX_EMPTY_ROWS = 100_000
# Of a dictionary's keys so many may have one hash: each is compared with all the others of its hash. Whole numbers of
# more than 64 bits can be made to have any hash, in sets of the checks' own as well; few are ever honest.
MAX_ALIKE = 20
MAX_LONG = 200

DTYPES = {
    d: np.dtype(d) for d in ("|b1", "|i1", "|u1", *(f"<{k}{n}" for k in "iu" for n in (2, 4, 8)), "<f2", "<f4", "<f8")
}
_INT = re.compile(r"-?[0-9]{1,4000}")
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan")

Node = list[Any]
Buffer = bytes | memoryview


@dataclass(frozen=True)
class Opaque:
    """A value that is neither plain data nor an array: only the name of its type is known."""

    type_name: str

    def told(self) -> str:
        """What it is, in a few words for the student."""
        match self.type_name:
            case "ellipsis":
                return tr("still `...`")
            case "function":
                return tr("a function")
            case "type":
                return tr("a class")
        return tr("an object of type {kind}", kind=plain(self.type_name, 60))


@dataclass(frozen=True)
class TensorArgument:
    """An argument that arrives as a torch tensor on the notebook's device."""

    array: np.ndarray


@dataclass(frozen=True)
class ModuleArgument:
    """An argument that arrives as a freshly initialised module: its kind, its arguments, its named ones."""

    kind: str
    args: tuple[Any, ...]
    options: dict[str, Any]

    def plain(self) -> Node:
        """The module as lists, dictionaries and numbers."""
        return [self.kind, [_plain_part(one) for one in self.args], self.options]


def tensor(array: Any, dtype: str | None = None) -> TensorArgument:
    """An argument for ``run.call`` that arrives as a torch tensor: ``tensor(x)``, ``tensor(ids, "int64")``."""
    return TensorArgument(np.asarray(array, dtype=dtype))


def module(layers: Sequence[Any]) -> ModuleArgument:
    """An argument for ``run.call`` that arrives as a module of PyTorch's.

    Parameters
    ----------
    layers
        A layer: the name of a class of ``torch.nn``, then its arguments; a dict at the end holds named ones:
        ``("Linear", 4, 2, {"bias": False})``. Or a list of layers: an ``nn.Sequential`` of them. Layers may be made
        of layers: ``("Sequential", [layer, …])``, ``("ModuleList", [layer, …])``, ``("ModuleDict", {name: layer})``,
        and ``("Network", {name: layer})``, a class of its own whose attributes they are; there
        ``("Parameter", shape)`` and ``("Buffer", shape)`` are tensors of zeros.

    Notes
    -----
    Options of every layer: ``"frozen"``, True or the names of parameters (``["0.weight"]``), which are not to be
    trained; ``"dtype"``, such as ``"float16"``; ``"tied"``, ``{"head.weight": "words.weight"}``: the first is the
    second. A buffer with ``"persistent": False`` stands in no ``state_dict``.
    """
    return _module(layers) if layers and isinstance(layers[0], str) else _module(("Sequential", layers))


_MADE_OF_PARTS = ("Sequential", "ModuleList", "ModuleDict", "Network")


def _module(described: Sequence[Any]) -> ModuleArgument:
    name, *args = described
    # What holds the parts of a module may be a dict too, and is always there.
    options = args.pop() if len(args) > (name in _MADE_OF_PARTS) and isinstance(args[-1], dict) else {}
    return ModuleArgument(str(name), tuple(_part(name, one) for one in args), options)


def _part(name: str, argument: Any) -> Any:
    if name not in _MADE_OF_PARTS:
        return argument
    if isinstance(argument, dict):
        return {key: _module(one) for key, one in argument.items()}
    return [_module(one) for one in argument]


def _plain_part(argument: Any) -> Any:
    match argument:
        case ModuleArgument():
            return argument.plain()
        case list():
            return [_plain_part(one) for one in argument]
        case dict():
            return {key: _plain_part(one) for key, one in argument.items()}
    return argument


class InTurn(list[Any]):
    """What a function of the notebook's gives for a while: it does the work that it is given as its first argument, a
    function without arguments, and answers these values one after the other, the last one again and again."""


def encode(value: Any, buffers: list[bytes]) -> Node:
    """The node of a value that a check sends; its arrays are appended to `buffers`."""
    match value:
        case None:
            return ["z"]
        case bool():
            return ["b", value]
        case np.generic():
            return encode(value.item(), buffers)
        case int():
            return ["i", str(value)]
        case float():
            return ["f", value.hex()]
        case str():
            return ["s", value]
        case list():
            return ["l", [encode(item, buffers) for item in value]]
        case tuple():
            return ["t", [encode(item, buffers) for item in value]]
        case dict():
            return ["d", [[encode(k, buffers), encode(v, buffers)] for k, v in value.items()]]
        case np.ndarray() if value.dtype.newbyteorder("<").str in DTYPES:
            raw = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
            buffers.append(raw.tobytes())
            return ["a", raw.dtype.str, list(value.shape), len(buffers) - 1]
        case TensorArgument():
            return ["T", encode(value.array, buffers)]
        case ModuleArgument():
            return ["M", value.plain()]
    raise TypeError(f"a check cannot send a {type(value).__name__} to the notebook")


def decode(node: Any, buffers: Sequence[Buffer]) -> Any:
    """The value that a kernel claims.

    Raises
    ------
    BadClaim
        The node is malformed, nested too deep, or has too many parts; or an array's dtype, shape and
        payload do not agree.
    """
    return _Decoder(buffers).decode(node, 0)


class _Decoder:
    def __init__(self, buffers: Sequence[Buffer]) -> None:
        if sum(len(buffer) for buffer in buffers) > MAX_BYTES:
            raise _too_large()
        self.buffers = buffers
        self.nodes = 0
        self.text = 0
        self.bytes = 0
        self.numbers = 0
        self.long = 0

    def decode(self, node: Any, depth: int) -> Any:
        self.nodes += 1
        if type(node) is not list or not node or depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise _malformed()
        match node:
            case ["z"]:
                return None
            case ["b", bool(value)]:
                return value
            case ["i", str(text)] if _INT.fullmatch(text):
                return self.whole(self.take(text))
            case ["f", str(text)] if _HEX.fullmatch(text):
                try:
                    return float.fromhex(text)
                except OverflowError:
                    raise _malformed() from None
            case ["s", str(text)]:
                return self.take(text)
            case ["l", list(items)]:
                return [self.decode(item, depth + 1) for item in items]
            case ["t", list(items)]:
                return tuple(self.decode(item, depth + 1) for item in items)
            case ["d", list(pairs)]:
                return self.mapping(pairs, depth + 1)
            case ["a", str(dtype), list(shape), int(number)] if dtype in DTYPES:
                return self.array(DTYPES[dtype], shape, number)
            case ["o", str(name)] if len(name) <= 200:
                return Opaque(plain(self.take(name), 100))
        raise _malformed()

    def whole(self, text: str) -> int:
        value = int(text)
        self.long += value.bit_length() > 64
        if self.long > MAX_LONG:
            raise BadClaim(tr("The value holds many whole numbers that are too large to compute with."))
        return value

    def mapping(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        alike: Counter[int] = Counter()
        found = {}
        for pair in pairs:
            key, value = self.pair(pair, depth)
            alike[hash(key)] += 1
            if alike[hash(key)] > MAX_ALIKE:
                raise BadClaim(tr("A dictionary has keys that can hardly be told apart."))
            found[key] = value
        return found

    def pair(self, pair: Any, depth: int) -> tuple[Any, Any]:
        if type(pair) is not list or len(pair) != 2:
            raise _malformed()
        key = self.decode(pair[0], depth)
        if type(key) not in (str, int, float, bool, type(None)) and not (
            type(key) is tuple and all(type(part) in (str, int, float, bool) for part in key)
        ):
            raise BadClaim(tr("A dictionary has keys that are neither text nor numbers."))
        return key, self.decode(pair[1], depth)

    def array(self, dtype: np.dtype[Any], shape: list[Any], number: int) -> np.ndarray:
        sizes = [n for n in shape if type(n) is int and 0 <= n <= MAX_BYTES]
        if (
            len(sizes) != len(shape)
            or len(shape) > MAX_AXES
            or not (type(number) is int and 0 <= number < len(self.buffers))
        ):
            raise _malformed()
        raw = self.buffers[number]
        if math.prod(sizes) * dtype.itemsize != len(raw):
            raise BadClaim(tr("The shape of an array does not agree with its contents."))
        # Many nodes may name the same buffer, and an empty array may have axes of any length.
        self.bytes += len(raw)
        self.numbers += math.prod(sizes)
        if (
            self.bytes > MAX_BYTES
            or self.numbers > MAX_NUMBERS
            or (not raw and math.prod(n or 1 for n in sizes) > MAX_EMPTY_ROWS)
        ):
            raise _too_large()
        return np.frombuffer(raw, dtype).reshape(sizes).copy()

    def take(self, text: str) -> str:
        self.text += len(text)
        if self.text > MAX_TEXT:
            raise BadClaim(tr("The value's texts are too long to look at."))
        return text


def _malformed() -> BadClaim:
    return BadClaim(
        tr("The notebook's kernel sent a value that cannot be read."), tr("Restart the kernel and run it again.")
    )


def _too_large() -> BadClaim:
    return BadClaim(tr("The value is too large to look at."))
