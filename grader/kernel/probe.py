"""The grader's voice inside the notebook's kernel.

It runs before the first cell, when the package itself may be out of reach, so it imports nothing of the grader.
It answers requests on a line of its own (:mod:`grader.kernel.line`), past IPython: input transformers, AST
transformers, hooks and names that the notebook redefines are not involved. Whatever it sends is still only a claim,
since the notebook shares its process; nothing here decides anything. The grader's side of the format is
:mod:`grader.kernel.wire`.

Everything it uses is bound as a default or a global of its own namespace at installation, so that a notebook
which names a variable `list`, or patches `print`, does not trip it by accident.
"""

from __future__ import annotations

import sys

# Not from the notebook's folder, should a file there be named torch.py.
_path, sys.path[:] = sys.path[:], [path for path in sys.path if path]

import asyncio  # noqa: E402
import builtins  # noqa: E402
import collections.abc  # noqa: E402
import contextlib  # noqa: E402
import decimal  # noqa: E402
import functools  # noqa: E402
import gc  # noqa: E402
import numbers  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import traceback  # noqa: E402
import types  # noqa: E402
import weakref  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from json import loads  # noqa: E402
from time import monotonic  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: E402

sys.path[:] = _path

# Own copies of the built-in functions: a notebook that patches them patches others than these.
globals().update({name: value for name, value in vars(builtins).items() if not name.startswith("_")})

MAX_DEPTH = 10
MAX_ITEMS = 100_000
MAX_TEXT = 1_000_000
MAX_BYTES = 12_000_000


class Unusable(Exception):
    """The value cannot be sent; the text says why."""


class Missing(Exception):
    """The name is not defined."""


class Placeholder(Exception):
    """The name still has the starter's three dots."""


class Absent(types.ModuleType):
    """Stands for a package that is not here, and for all that comes from it.

    It can be called, looked into and entered: a training that only tells it how it went goes on. What it would have to
    know to answer, it does not know, and raises what its import did.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(f"{type(self).__name__} has no {name}")
        return absent(self.__name__)

    def __setattr__(self, name: str, value: Any) -> None:
        """Nothing is kept."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        return absent(self.__name__)

    def __getitem__(self, _: Any) -> Any:
        return absent(self.__name__)

    def __setitem__(self, *_: Any) -> None:
        """Nothing is kept."""

    def __enter__(self) -> Any:
        return absent(self.__name__)

    def __exit__(self, *_: Any) -> None:
        """What was raised goes on."""

    def __repr__(self) -> str:
        return f"<{self.__name__} is not installed here>"


def unknown(self: Any, *_: Any, **__: Any) -> Any:
    raise ModuleNotFoundError(f"No module named '{self.__name__}'")


def refuse(value: Any) -> None:
    """Raise the import's error for what stands for a package, or comes from it."""
    if issubclass(type(value), Absent):
        unknown(value)


# What nobody can answer for a package that is not here.
for _name in (
    *("bool", "len", "iter", "int", "float", "complex", "index", "contains", "array", "array_ufunc", "fspath"),
    *(
        "instancecheck",
        "subclasscheck",
        "mro_entries",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "neg",
        "pos",
        "abs",
        "round",
    ),
    *(side + one for side in ("", "r", "i") for one in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")),
    *(side + one for side in ("", "r", "i") for one in ("and", "or", "xor", "matmul", "lshift", "rshift")),
    *("invert", "bytes", "reversed", "await", "aiter", "delitem"),
):
    setattr(Absent, f"__{_name}__", unknown)
Absent.__hash__ = object.__hash__  # type: ignore[method-assign]


@functools.cache
def kind_of_absent(package: str) -> type[Absent]:
    """Its type has the package in its name, since that is what libraries complain about."""
    return type(f"{package}_not_installed", (Absent,), {})


def absent(package: str) -> Absent:
    return kind_of_absent(package)(package)


@contextlib.contextmanager
def standing_for(packages: list[str]) -> Iterator[None]:
    """Let packages that are not here be imported for now."""
    added = {name: absent(name) for name in packages if name not in sys.modules}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            sys.modules.pop(name, None)


class Changed(Exception):
    """A function changed what it was given."""


class Encoder:
    """Plain data as JSON nodes; arrays as raw buffers beside them."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self.items = 0
        self.room = MAX_BYTES
        self.text = MAX_TEXT

    def encode(self, value: Any, depth: int = 0) -> list[Any]:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise Unusable(f"it has more than {MAX_ITEMS:,} items")
        kind = type(value)
        if value is None:
            return ["z"]
        if issubclass(kind, Absent):
            unknown(value)
        if kind is bool:
            return ["b", value]
        if issubclass(kind, np.generic):
            return self.array(np.asarray(value), str(value.dtype), value)
        if issubclass(kind, int):
            return self.integer(int.__add__(value, 0))
        if issubclass(kind, float):
            return ["f", float.hex(value)]
        if issubclass(kind, str):
            return ["s", self.take(str.__str__(value))]
        if issubclass(kind, torch.Tensor):
            return self.tensor(value)
        if issubclass(kind, np.ndarray):
            return self.array(value, str(value.dtype), value)
        if depth >= MAX_DEPTH:
            raise Unusable(f"it is nested more than {MAX_DEPTH} deep")
        if issubclass(kind, tuple):
            return ["t", [self.encode(item, depth + 1) for item in tuple.__iter__(value)]]
        if issubclass(kind, list):
            return ["l", [self.encode(item, depth + 1) for item in list.__iter__(value)]]
        if issubclass(kind, dict) or isinstance(value, collections.abc.Mapping):
            pairs = [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()]
            return ["d", pairs]
        if issubclass(kind, (range, collections.deque, type({}.keys()), type({}.values()))):
            return ["l", [self.encode(item, depth + 1) for item in value]]
        if issubclass(kind, (set, frozenset)):
            return ["l", [self.encode(item, depth + 1) for item in sorted(value)]]
        if isinstance(value, numbers.Integral):
            return self.integer(int(value))
        if isinstance(value, numbers.Real) or issubclass(kind, decimal.Decimal):
            return ["f", float(value).hex()]
        if issubclass(kind, complex) and value.imag == 0:
            return ["f", float(value.real).hex()]
        if hasattr(kind, "__array__"):
            array = np.asarray(value)
            return self.array(array, str(array.dtype), value)
        return ["o", self.take(kind.__name__[:200])]

    def integer(self, value: int) -> list[Any]:
        if value.bit_length() > 10_000:
            raise Unusable("it is a number of thousands of digits")
        return ["i", self.take(str(value))]

    def tensor(self, value: Any) -> list[Any]:
        dtype = str(value.dtype).removeprefix("torch.")
        plain = value.detach()
        if plain.is_sparse or plain.layout is not torch.strided:
            plain = plain.to_dense()
        if plain.numel() * plain.element_size() > self.room:
            raise Unusable(f"it has {plain.numel():,} elements, too many to look at")
        plain = plain.cpu().resolve_conj().resolve_neg()
        if plain.dtype is torch.bfloat16 or plain.is_quantized:
            plain = plain.dequantize().float() if plain.is_quantized else plain.float()
        return self.array(plain.numpy(), dtype, value)

    def array(self, value: Any, dtype: str, original: Any) -> list[Any]:
        value = np.asarray(value)
        if value.dtype.kind == "O" or value.dtype.kind in "US":
            return self.encode(value.tolist(), 1)
        if value.dtype.kind == "c" and not value.imag.any():
            value = value.real  # what an eigenvalue or a root gives as 2+0j is 2
        if value.dtype.kind not in "biuf":
            return ["o", self.take(f"{type(original).__name__} of {dtype}"[:200])]
        if value.dtype.itemsize > 8:
            value = value.astype(np.float64)
        if value.nbytes > self.room:
            raise Unusable(f"it has {value.size:,} elements, too many to look at")
        self.room -= value.nbytes
        raw = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False))
        self.buffers.append(raw.tobytes())
        return ["a", raw.dtype.str, list(value.shape), len(self.buffers) - 1]

    def take(self, text: str) -> str:
        self.text -= len(text)
        if self.text < 0:
            raise Unusable("its texts are too long")
        return text.encode("utf-8", "replace").decode("utf-8")


def decode(node: list[Any], buffers: list[Any], device: Any) -> Any:
    """What a check sends: plain data, arrays, tensors and small modules."""
    kind, rest = node[0], node[1:]
    if kind == "z":
        return None
    if kind in ("b", "s"):
        return rest[0]
    if kind == "i":
        return int(rest[0])
    if kind == "f":
        return float.fromhex(rest[0])
    if kind == "l":
        return [decode(item, buffers, device) for item in rest[0]]
    if kind == "t":
        return tuple(decode(item, buffers, device) for item in rest[0])
    if kind == "d":
        return {decode(k, buffers, device): decode(v, buffers, device) for k, v in rest[0]}
    if kind == "a":
        return np.frombuffer(bytearray(buffers[rest[2]]), rest[0]).reshape(rest[1])
    if kind == "T":
        return torch.from_numpy(decode(rest[0], buffers, device)).to(device)
    if kind == "M":
        return placed(layer(*rest[0]), device)
    raise ValueError(kind)


class Network(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A module that is no `nn.Sequential`: its parts are attributes of it, as in a class of the student's own."""

    def __init__(self, parts: dict[str, Any]) -> None:
        super().__init__()
        for name, part in parts.items():
            if isinstance(part, (torch.nn.Module, torch.nn.Parameter)):
                setattr(self, name, part)
            else:
                self.register_buffer(name, *part)


def layer(name: str, args: list[Any], options: dict[str, Any]) -> Any:
    """A module, parameter or buffer from its description; see :func:`grader.kernel.wire.module`."""
    options = dict(options)
    frozen, dtype, tied = options.pop("frozen", False), options.pop("dtype", None), options.pop("tied", {})
    if name in ("Parameter", "Buffer"):
        values = torch.zeros(args[0], dtype=getattr(torch, dtype or "float32"))
        if name == "Buffer":
            return values, options.get("persistent", True)
        return torch.nn.Parameter(values, requires_grad=values.is_floating_point() and not frozen)
    if name == "Sequential":
        made = torch.nn.Sequential(*(layer(*part) for part in args[0]))
    elif name == "ModuleList":
        made = torch.nn.ModuleList(layer(*part) for part in args[0])
    elif name in ("ModuleDict", "Network"):
        kind = Network if name == "Network" else torch.nn.ModuleDict
        made = kind({key: layer(*part) for key, part in args[0].items()})
    else:
        made = getattr(torch.nn, name)(*args, **options)
    if dtype:
        made = made.to(getattr(torch, dtype))
    for path, other in tied.items():
        stem, _, leaf = path.rpartition(".")
        first, _, original = other.rpartition(".")
        setattr(made.get_submodule(stem), leaf, getattr(made.get_submodule(first), original))
    for parameter in made.parameters() if frozen is True else [made.get_parameter(path) for path in frozen or ()]:
        parameter.requires_grad_(False)
    return made


def placed(made: Any, device: Any) -> Any:
    """A module on the notebook's device, unless that has no numbers of such a type (MPS knows no float64)."""
    if str(device) == "cpu" and all(one.is_cpu for one in (*made.parameters(), *made.buffers())):
        return made
    try:
        return made.to(device)
    except TypeError:
        return made


def lookup(namespace: dict[str, Any], name: str) -> Any:
    first, *attributes = name.split(".")
    if first not in namespace:
        raise Missing(first)
    value = namespace[first]
    if value is ...:
        raise Placeholder(first)
    for attribute in attributes:
        value = getattr(value, attribute)
    refuse(value)
    return value


def function_of(value: Any) -> Any:
    """What to call: the value itself, or its `predict` or `forward`."""
    if callable(value):
        return value
    for name in ("predict", "forward"):
        if callable(getattr(value, name, None)):
            return getattr(value, name)
    raise Unusable(f"it is a {type(value).__name__}, which cannot be called")


def placement(value: Any, fallback: Any) -> tuple[Any, Any]:
    """Device and floating dtype of a model's own parameters; the notebook's device and float32 without them."""
    try:
        for parameter in value.parameters():
            if parameter.is_floating_point():
                return parameter.device, parameter.dtype
    except (AttributeError, TypeError):
        pass
    return fallback, torch.float32


def layouts(inputs: Any, device: Any, dtype: Any, fallback: Any) -> list[Any]:
    """The ways in which a student's model may want the same inputs, the likeliest first."""
    if not isinstance(inputs, np.ndarray):
        return [lambda: inputs]
    shapes = [inputs.shape]
    if inputs.ndim > 2:
        shapes.append((len(inputs), int(np.prod(inputs.shape[1:]))))
        if inputs.shape[1] == 1:
            shapes.append((len(inputs), *inputs.shape[2:]))
    devices = [device, *(d for d in (fallback, torch.device("cpu")) if d != device)]

    def as_tensor(shape: Any, device: Any, dtype: Any) -> Any:
        whole = inputs.dtype.kind != "f"
        return lambda: torch.from_numpy(inputs.reshape(shape).copy()).to(device, None if whole else dtype)

    def as_array(shape: Any) -> Any:
        return lambda: inputs.reshape(shape).copy()

    dtypes = [dtype] if inputs.dtype.kind != "f" else [dtype, *({torch.float32, torch.float64} - {dtype})]
    tensors = [as_tensor(shape, d, t) for t in dtypes for d in devices for shape in shapes]
    return tensors + [as_array(shape) for shape in shapes]


def length_of(output: Any) -> int | None:
    try:
        return int(output.shape[0]) if hasattr(output, "shape") else len(output)
    except Exception:
        return None


def is_batch(output: tuple[Any, ...], length: int) -> bool:
    """Whether a tuple holds one answer for each input, and not an output and a state that happen to be as many."""
    return len(output) == length and len({getattr(one, "shape", None) for one in output}) == 1


def predict(value: Any, inputs: Any, fallback: Any, layout: int | None) -> tuple[Any, int, int]:
    """Answer of a model or function to one batch, which layout of the inputs it took, and of how many things it is.

    A recurrent model returns (output, state): then the output is its answer, the first of two things.
    """
    function = function_of(value)
    device, dtype = placement(value, fallback)
    ways = layouts(inputs, device, dtype, fallback)
    modes = []
    if issubclass(type(value), torch.nn.Module):
        modes = [(module, module.training) for module in value.modules()]
        value.eval()
    first: BaseException | None = None
    odd = None
    try:
        with torch.no_grad():
            for number, way in enumerate(ways):
                if layout is not None and number != layout:
                    continue
                try:
                    output = function(way())
                except Exception as error:
                    first = first or error
                    continue
                things = 1
                if type(output) is tuple and output and not is_batch(output, len(inputs)):
                    output, things = output[0], len(output)
                if length_of(output) == len(inputs):
                    return output, number, things
                odd = odd or (output, number, things)
    finally:
        for module, training in modes:
            module.training = training
    if odd is not None:
        return odd
    assert first is not None
    raise first


# ---------------------------------------------------------------------- what training adjusts

MOST_REACHED = 20_000  # objects


def names_in(code: types.CodeType) -> set[str]:
    """All names that a function's code mentions, and the functions in it."""
    inner = [names_in(one) for one in code.co_consts if isinstance(one, types.CodeType)]
    return set(code.co_names).union(*inner)


def parts_of(value: Any) -> list[Any]:
    """What an object hangs on: what a function closes over or names, what an object keeps and its methods name."""
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, types.FunctionType):
        named = [value.__globals__[name] for name in names_in(value.__code__) if name in value.__globals__]
        cells = [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
        return [*named, *cells, value.__defaults__, value.__kwdefaults__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, (type, types.ModuleType)):
        return []
    of_class = [one for kind in type(value).__mro__ if kind.__module__ == "__main__" for one in vars(kind).values()]
    return [*getattr(value, "__dict__", {}).values(), *of_class]


def weights(value: Any) -> tuple[list[Any], bool]:
    """Tensors that training adjusts, wherever a model keeps them; where there are none, its plain numbers, and False.

    A model may be a function around a network, or keep its layers in a list that no module knows of.
    """
    adjusted: dict[int, Any] = {}
    others: dict[int, Any] = {}
    queue, seen = collections.deque([value]), set[int]()
    while queue and len(seen) < MOST_REACHED:
        one = queue.popleft()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, torch.Tensor):
            kept = (one.requires_grad and one.is_leaf) or isinstance(one, torch.nn.Parameter)
            if one.is_floating_point():
                (adjusted if kept else others)[id(one)] = one
        elif isinstance(one, np.ndarray):
            if one.dtype.kind == "f":
                others[id(one)] = one
        elif not isinstance(one, (str, bytes, int, float, complex, type(None))):
            try:
                if isinstance(one, torch.nn.Module):
                    adjusted.update((id(p), p) for p in one.parameters())
                queue.extend(parts_of(one))
            except Exception:  # an object that does not like to be looked at
                continue
    return (list(adjusted.values()), True) if adjusted else (list(others.values()), False)


@contextlib.contextmanager
def silenced(tensors: list[Any]) -> Iterator[None]:
    """All these tensors and arrays zero, for a while."""

    def put(into: Any, what: Any) -> None:
        if isinstance(into, np.ndarray):
            into[...] = what
            return
        with torch.inference_mode(into.is_inference()), torch.no_grad():
            into.copy_(what) if isinstance(what, torch.Tensor) else into.zero_()

    kept = [one.copy() if isinstance(one, np.ndarray) else one.detach().clone() for one in tensors]
    try:
        for one in tensors:
            put(one, 0)
        yield
    finally:
        for one, values in zip(tensors, kept, strict=True):
            put(one, values)


@contextlib.contextmanager
def reading_nothing(of_others: bool) -> Iterator[None]:
    """What every LSTM gives is zero for a while, or what it gives for another row: whoever asks it learns nothing.

    A model may keep its LSTM wherever it likes, so that the class is changed and not the module. A call with one step,
    or with the same at every step, and no state, or one of zeros, has read nothing yet, and stays as it is.
    """
    last: dict[int, Any] = {}

    def begins(args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        states = args[1] if len(args) > 1 else options.get("hx")
        # Where everything is zero already, zeros tell nothing of who begins.
        return states is None or (of_others and not any(bool(one.any()) for one in states))

    def others(module: Any, given: Any) -> Any:
        output, (state, memory) = given
        first = getattr(module, "batch_first", False)
        if isinstance(output, torch.nn.utils.rnn.PackedSequence):
            steps, lengths = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
            sorted_already = output.sorted_indices is None
            steps = steps.roll(1, 0) if len(steps) > 1 else torch.zeros_like(steps)
            output = torch.nn.utils.rnn.pack_padded_sequence(steps, lengths, True, sorted_already)
        elif output.dim() == 3 and output.shape[0 if first else 1] > 1:
            output = output.roll(1, 0 if first else 1)
        else:  # one row at a time: as many steps as there are of the one before
            steps = output if first or output.dim() == 2 else output.transpose(0, 1)
            steps = steps if steps.dim() == 3 else steps.unsqueeze(0)
            before, last[id(module)] = last.get(id(module)), (steps, state, memory)
            if before is None or before[0].shape[2] != steps.shape[2]:
                return nothing(given)
            length = steps.shape[1]
            repeated = before[0].repeat(1, -(-length // max(before[0].shape[1], 1)), 1)[:, :length]
            return repeated.reshape(output.shape), (before[1].reshape(state.shape), before[2].reshape(memory.shape))
        return output, tuple(one.roll(1, -2) if one.shape[-2] > 1 else one for one in (state, memory))

    def nothing(given: Any) -> Any:
        output, states = given
        if isinstance(output, torch.nn.utils.rnn.PackedSequence):
            return output._replace(data=torch.zeros_like(output.data)), tuple(map(torch.zeros_like, states))
        return torch.zeros_like(output), tuple(map(torch.zeros_like, states))

    def all_the_same(module: Any, steps: Any) -> bool:
        if isinstance(steps, torch.nn.utils.rnn.PackedSequence):
            return len(steps.batch_sizes) == 1
        steps = steps.transpose(0, 1) if module.batch_first and steps.dim() == 3 else steps
        return bool((steps == steps[:1]).all())

    layer, cell = torch.nn.LSTM.forward, torch.nn.LSTMCell.forward

    def layers(module: Any, *args: Any, **options: Any) -> Any:
        given = layer(module, *args, **options)
        if begins(args, options) and all_the_same(module, args[0] if args else options["input"]):
            return given
        return others(module, given) if of_others else nothing(given)

    def cells(module: Any, *args: Any, **options: Any) -> Any:
        given = cell(module, *args, **options)
        if begins(args, options):
            return given
        return tuple(one.roll(1, 0) if of_others and one.dim() == 2 else torch.zeros_like(one) for one in given)

    torch.nn.LSTM.forward, torch.nn.LSTMCell.forward = layers, cells
    try:
        yield
    finally:
        torch.nn.LSTM.forward, torch.nn.LSTMCell.forward = layer, cell


def without(what: str, value: Any) -> contextlib.AbstractContextManager[None]:
    """A model as it is but for something that its answers ought to hang on."""
    if what == "weights":
        return silenced(weights(value)[0])
    if what in ("states", "own states"):
        return reading_nothing(of_others=what == "own states")
    return contextlib.nullcontext()


STEPS: list[int] = []  # that each optimiser has taken, in the order of their first ones
_known: dict[int, tuple[Any, int]] = {}


def count_step(optimizer: Any, *_: Any) -> None:
    """Count a step of an optimiser's: it may be gone when somebody asks."""
    reference, place = _known.get(id(optimizer), (None, 0))
    if reference is None or reference() is not optimizer:
        place = len(STEPS)
        _known[id(optimizer)] = (weakref.ref(optimizer), place)
        STEPS.append(0)
    STEPS[place] += 1


def trained(namespace: dict[str, Any]) -> dict[str, Any]:
    """How the notebook trained: steps of its optimisers, its loaders that are still there, whole numbers by a name."""
    loaders = []
    for one in gc.get_objects():
        if type(one) is torch.utils.data.DataLoader:
            try:
                loaders.append((one.batch_size or 0, len(one), len(one.dataset)))
            except Exception:  # a set without a length
                continue
    numbers = {value for value in list(namespace.values()) if type(value) is int and 0 < value < 1_000_000}
    return {"steps": STEPS[-1000:], "loaders": loaders[:1000], "numbers": sorted(numbers)[:10_000]}


def call(value: Any, content: dict[str, Any], buffers: list[Any], fallback: Any) -> Any:
    """Result of calling a value; what is written for the CPU alone gets its arguments there."""
    device = placement(value, fallback)[0]
    if not callable(value):
        raise Unusable(f"it is a {type(value).__name__}, which cannot be called")
    places = [device] if device.type == "cpu" or hasattr(value, "parameters") else [device, torch.device("cpu")]
    for place in places:
        args = decode(content["args"], buffers, place)
        options = decode(content["options"], buffers, place)
        try:
            result = value(*args, **options)
        except (RuntimeError, TypeError) as error:
            if place is places[-1] or "device" not in str(error):
                raise
            continue
        if content.get("unchanged"):
            expect_unchanged(content, buffers, place, args, options)
        return result
    return None


def expect_unchanged(content: dict[str, Any], buffers: list[Any], place: Any, args: Any, options: Any) -> None:
    before = decode(content["args"], buffers, place), decode(content["options"], buffers, place)
    one, other = Encoder(), Encoder()
    same = one.encode(list(before)) == other.encode([args, options])
    if not same or one.buffers != other.buffers:
        raise Changed


@contextlib.contextmanager
def given(namespace: dict[str, Any], content: dict[str, Any], buffers: list[Any], device: Any) -> Iterator[None]:
    """Other functions of the notebook's that answer, for a while, as the grader says; all else as they would."""
    own = {}
    for name, turns, node in content.get("given", ()):
        own[name] = lookup(namespace, name)
        answers = decode(node, buffers, device)
        namespace[name] = in_turn(answers) if turns else stand_in(answers, own[name])
    try:
        yield
    finally:
        namespace.update(own)


def in_turn(answers: list[Any]) -> Any:
    def answer(work: Any, *args: Any, **options: Any) -> Any:
        work()
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return answer


def stand_in(pairs: list[Any], own: Any) -> Any:
    def answer(first: Any, *args: Any, **options: Any) -> Any:
        found = [right for argument, right in pairs if type(argument) is type(first) and argument == first]
        if found:
            return list(found[0]) if isinstance(found[0], list) else found[0]
        return own(first, *args, **options)

    return answer


def parameters(value: Any, with_values: bool) -> dict[str, Any]:
    try:
        named = list(value.named_parameters())
    except (AttributeError, TypeError):
        raise Unusable(f"it is a {type(value).__name__}, not an nn.Module") from None
    return {name: (p if with_values else list(p.shape)) for name, p in named}


@contextlib.contextmanager
def without_stacks() -> Iterator[None]:
    """Let torch not note whence its generators on devices are seeded: it would tell if CUDA did not start, later.

    They are seeded when such a device is first used, as ever; three stacks as text take longer than all seeding.
    """
    named: list[Any] = [getattr(torch, name, None) for name in ("cuda", "mtia", "xpu")]
    noting = [module for module in named if hasattr(module, "traceback")]
    try:
        for module in noting:
            module.traceback = types.SimpleNamespace(format_stack=list)
        yield
    finally:
        for module in noting:
            module.traceback = traceback


def seed_all(seed: int) -> None:
    """Seed every generator."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    with without_stacks():
        torch.manual_seed(seed)


def setup(seed: int, device: str) -> dict[str, Any]:
    """Seed every generator, decide what devices the notebook sees, and tell what is here."""
    if device != "mps" and device != "auto" and hasattr(torch.backends, "mps"):
        torch.backends.mps.is_available = functools.cache(lambda: False)  # torch._dynamo wants its `__wrapped__`
    cuda = device not in ("cpu", "mps") and torch.cuda.is_available()
    mps = device in ("auto", "mps") and hasattr(torch.backends, "mps") and torch.backends.mps.is_available()
    # `cuda:1` is made the only visible GPU by the environment, so it is cuda:0 in here.
    actual = "cuda" if cuda else "mps" if mps else "cpu"
    os.environ["GRADER_DEVICE"] = actual
    seed_all(seed)
    register_optimizer_step_post_hook(count_step)
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": np.__version__}
    for name in ("torchvision", "ipykernel", "IPython"):
        module = sys.modules.get(name)
        if module is not None:
            versions[name.lower()] = str(getattr(module, "__version__", "?"))
    return {"device": actual, "versions": versions, "pid": os.getpid()}


def run_before(shell: Any, source: str) -> None:
    """Run code before each cell, but those that are one magic from their first line on."""
    code = compile(source, "<before>", "exec")

    def run(info: Any) -> None:
        if not info.raw_cell.startswith("%%"):
            exec(code, shell.user_ns)

    shell.events.register("pre_run_cell", run)


def told(error: BaseException) -> dict[str, Any]:
    """An exception of the notebook's as text: its type, its message and the line of the notebook."""
    try:
        text = str(error)[:2000]
    except BaseException:
        text = ""
    line = None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<ipython") or "ipykernel_" in frame.filename:  # cells, not libraries
            line = (frame.line or "")[:200]
    clean = [one.encode("utf-8", "replace").decode() for one in (type(error).__name__[:100], text, line or "")]
    return {"type": clean[0], "text": clean[1], "line": clean[2]}


def leave() -> None:
    """What `exit()` and `quit()` do."""
    raise SystemExit


_AHEAD_S, _AHEAD_BYTES = 0.1, 1_000_000
Answer = tuple[dict[str, Any], list[bytes]]
Asked = Callable[[dict[str, Any], list[Any]], Answer]


def answering(namespace: dict[str, Any], tripwires: Any, objects: Any) -> Asked:
    """A function that answers requests about the names of a notebook, whatever happens meanwhile.

    `tripwires` is that of :mod:`grader.kernel.tripwires`, for questions that forbid something; `objects` is
    `answering` of :mod:`grader.kernel.objects`, for those of tests that were written for other graders.
    """
    state = {"device": torch.device("cpu")}
    step, *others = objects(namespace, lookup, told, refuse)

    def find(content: dict[str, Any], buffers: list[Any]) -> Any:
        do = content["do"]
        if do == "setup":
            facts = setup(content["seed"], content["device"])
            if content.get("file"):
                namespace["__file__"] = os.path.join(os.getcwd(), content["file"])  # noqa: PTH109, PTH118
            if content.get("before"):
                run_before(namespace["get_ipython"](), content["before"])
            state["device"] = torch.device(facts["device"])
            return facts
        if do == "has":
            return [name in namespace and namespace[name] is not ... for name in content["names"]]
        if do == "trained":
            return trained(namespace)
        value = lookup(namespace, content["name"])
        if do == "weights":
            tensors, adjusted = weights(value)
            return [list(one.shape) for one in tensors], adjusted
        if do == "value":
            return value
        if do == "parameters":
            return parameters(value, content["values"])
        if do == "call":
            with given(namespace, content, buffers, state["device"]):
                return call(value, content, buffers, state["device"])
        if do == "predict":
            inputs = decode(content["inputs"], buffers, state["device"])
            with without(content.get("without", ""), value):
                return predict(value, inputs, state["device"], content["layout"])
        raise ValueError(do)

    def answer(content: dict[str, Any], buffers: list[Any]) -> Answer:
        if not content.get("forbid"):
            return found(content, buffers)
        try:
            with tripwires(content["forbid"]) as touched:
                answered = found(content, buffers)  # encoding included: what it holds may compute only now
        except KeyboardInterrupt:
            return {"error": "interrupted", "type": "KeyboardInterrupt", "text": "", "line": ""}, []
        return ({"error": "forbidden", **touched[0]}, []) if touched else answered

    def found(content: dict[str, Any], buffers: list[Any]) -> Answer:
        encoder = Encoder()
        try:
            with standing_for(content.get("absent", [])):
                if content["do"] == "step":
                    return step(content, buffers)  # type: ignore[no-any-return]
                return {"ok": encoder.encode(find(content, buffers))}, encoder.buffers
        except Missing as missing:
            return {"error": "missing", **told(missing)}, []
        except Placeholder as placeholder:
            return {"error": "placeholder", **told(placeholder)}, []
        except Changed as changed:
            return {"error": "changed", **told(changed)}, []
        except (Unusable, *others) as unusable:
            return {"error": "unusable", **told(unusable)}, []
        except KeyboardInterrupt:
            return {"error": "interrupted", "type": "KeyboardInterrupt", "text": "", "line": ""}, []
        except BaseException as error:
            return {"error": "raised", **told(error)}, []

    def with_others(content: dict[str, Any], buffers: list[Any]) -> Answer:
        """The answer; and to what comes along, as long as that takes no time to speak of and no room."""
        if "ahead" not in content:
            return answer(content, buffers)
        begun = monotonic()
        others = content.pop("ahead")
        end = len(buffers) - sum(number for _, number in others)
        reply, sent = answer(content, buffers[:end])
        answers: list[Any] = []
        sent = list(sent)
        for other, number in others:
            late = monotonic() - begun > _AHEAD_S or sum(map(len, sent)) > _AHEAD_BYTES
            if late or (answers[-1][0] if answers else reply).get("error") == "interrupted":
                break
            said, its_buffers = answer(other, buffers[end : end + number])
            end += number
            answers.append([said, len(its_buffers)])
            sent += its_buffers
        return {**reply, "ahead": answers}, sent

    return with_others


def install(shell: Any, line: Any, tripwires: Any, objects: Any) -> None:
    """Answer from now on what is asked on the line, between cells."""
    kernel, loop = shell.kernel, asyncio.get_event_loop()
    answer = answering(shell.user_ns, tripwires, objects)

    def handle() -> None:
        try:
            content, buffers = line.receive()
            kernel.pre_handler_hook()  # an interrupt is an exception while the notebook's functions run
            try:
                reply = answer(loads(content), buffers)
            finally:
                kernel.post_handler_hook()
            line.send(*reply)
        except ConnectionError:
            loop.remove_reader(line)
        except KeyboardInterrupt:  # it came a moment too late: whoever sent it will kill this process
            pass
        except BaseException:  # what it takes to answer has been replaced: nobody need wait for what will not come
            line.close()

    loop.add_reader(line, handle)
    shell.absent = absent
    # IPython's exit() ends the kernel a moment later, in the midst of whatever then runs: here it ends its cell.
    shell.ask_exit = leave
