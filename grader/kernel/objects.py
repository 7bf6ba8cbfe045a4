"""The notebook's own objects, for tests outside that use them: kept here by number, and asked one step at a time.

What is plain data goes over as it is (:mod:`grader.kernel.exact`). A function, a class, a module or any other object
stays, gets a number, and is called, looked into and computed with here; what comes of it goes the same way. All of it
is the notebook's word: the tests themselves, and what they compare with, are not here. It runs in the notebook's
process, like :mod:`grader.kernel.probe`, and decides nothing.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import operator
import random
import sys
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from grader.kernel import exact
from grader.kernel.exact_decoder import Decoder

# Own copies of the built-in functions: a notebook that patches them patches others than these.
OWN = dict(vars(builtins))
globals().update({name: value for name, value in OWN.items() if not name.startswith("_")})

MAX_HELD = 50_000
MAX_PRINTED = 200_000
MAX_CLASSES = 40

Answer = tuple[dict[str, Any], list[bytes]]

# What may be done with an object, by name; arguments as these functions have them.
APPLY: dict[str, Callable[..., Any]] = {
    name: getattr(operator, name)
    for name in (
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"),
        *("lshift", "rshift", "iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul", "iand"),
        *("ior", "ixor", "ilshift", "irshift", "neg", "pos", "invert", "abs", "index"),
        *("lt", "le", "gt", "ge", "eq", "ne", "getitem", "setitem", "delitem", "contains", "is_"),
    )
} | {
    one.__name__: one
    for one in (
        *(len, iter, next, str, repr, bool, int, float, complex, hash, round, format, divmod, reversed, bytes),
        *(isinstance, issubclass, getattr, setattr, delattr, dir, type, vars, sorted, list, callable),
    )
}
APPLY["enter"] = lambda value: type(value).__enter__(value)
APPLY["leave"] = lambda value: type(value).__exit__(value, None, None, None)
APPLY["import"] = __import__


class Printed(io.StringIO):
    """What is printed, as far as there is room."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) <= MAX_PRINTED:
            super().write(text)
        return len(text)


class Held:
    """Objects of the notebook's, by number; the same one has the same number."""

    def __init__(
        self,
        namespace: dict[str, Any],
        lookup: Callable[[dict[str, Any], str], Any],
        refuse: Callable[[Any], None],
    ) -> None:
        self.namespace = namespace
        self._lookup = lookup
        self._refuse = refuse
        self._bases = {**_BASES, **_tensors()}
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def encoder(self) -> exact.Encoder:
        return exact.Encoder(self.node)

    def node(self, value: Any, encoder: exact.Encoder, depth: int) -> exact.Node:
        """What is said of an object that stays here: what it is, whence its class comes, its data if it has some."""
        self._refuse(value)
        number = self._numbers.get(id(value))
        if number is None:
            if len(self._objects) >= MAX_HELD:
                raise exact.Unusable(f"it has more than {MAX_HELD:,} items")
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        kind = type(value)
        of = value if isinstance(value, type) else kind
        classes = [encoder.take(_named(one)) for one in type.mro(of)[:MAX_CLASSES]]
        if isinstance(value, type) and issubclass(value, BaseException):
            parents = [encoder.encode(one, depth + 1) for one in value.__bases__]
            return ["h", number, "exception", classes, ["list", parents]]
        for ours, what in (
            (type, "class"),
            (types.FunctionType, "function"),
            (types.ModuleType, "module"),
        ):
            if isinstance(value, ours):
                name = getattr(value, "__name__", "")
                return ["h", number, what, classes, ["s", encoder.take(str(name)[:100])]]
        what = "callable" if callable(value) else "object"
        return ["h", number, what, classes, encoder.encode(self.data(value), depth + 1)]

    def data(self, value: Any) -> Any:
        """The data of an object whose class is made of a class of data; None for others."""
        for kind, read in self._bases.items():
            if kind in type.mro(type(value)):
                with contextlib.suppress(Exception):
                    return read(value)
        return None

    def read(self, node: exact.Node, decoder: Decoder, depth: int) -> Any:
        """What the grader means by a node that is no plain data."""
        match node:
            case ["N", str(name)]:
                return self._lookup(self.namespace, name)
            case ["h", int(number)]:
                return self._objects[number]
            case ["G", str(module), str(name)]:
                __import__(module)
                return operator.attrgetter(name)(sys.modules[module]) if name else sys.modules[module]
            case ["L", str(source), str(name), captured]:
                scope = types.SimpleNamespace(**dict(decoder.decode(captured, depth + 1)))
                return self.function(source, name, vars(scope))
        raise exact.Malformed

    def function(self, source: str, name: str, captured: dict[str, Any]) -> Any:
        """A function of a test's, which the notebook's functions are to call."""
        scope = {**self.namespace, **captured, "__builtins__": dict(OWN)}
        if name:
            exec(compile(source, "<test>", "exec", dont_inherit=True), scope)
            return scope[name]
        return eval(compile(source, "<test>", "eval", dont_inherit=True), scope)


_BASES: dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: lambda value: float.__add__(value, 0.0),
    str: str.__str__,
    tuple: lambda value: tuple(tuple.__iter__(value)),
    list: lambda value: list(list.__iter__(value)),
    dict: lambda value: {key: dict.__getitem__(value, key) for key in dict.__iter__(value)},
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    np.ndarray: lambda value: np.array(np.ndarray.view(value, np.ndarray)),
}


_flags = type.__dict__["__flags__"].__get__
_MADE_BY_A_STATEMENT = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_NOTEBOOK = "__main__"


def _named(kind: type) -> str:
    """Module and name of a class; of one that bears the name of another, that it is the notebook's."""
    name = exact.class_name(kind)
    if _flags(kind) & _MADE_BY_A_STATEMENT:
        with contextlib.suppress(Exception):
            if operator.attrgetter(kind.__qualname__)(sys.modules[kind.__module__]) is not kind:
                return f"{_NOTEBOOK}.{name.rpartition('.')[2]}"
    return name


def _tensors() -> dict[type, Callable[[Any], Any]]:
    """How to read tensors of a class of the notebook's: by torch's own means, whatever that class says of it."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}
    plain, undisturbed, tensor = torch._C.TensorBase.as_subclass, torch._C.DisableTorchFunctionSubclass, torch.Tensor

    def read(value: Any) -> Any:
        with undisturbed():
            return plain(value, tensor)

    return {tensor: read}


def randomness(of: Collection[str]) -> dict[str, Any]:
    """Where those of the generators are that everybody draws from."""
    torch: Any = sys.modules.get("torch")
    known: dict[str, Callable[[], Any]] = {"random": random.getstate, "numpy": np.random.get_state}
    known |= {"torch": torch.get_rng_state} if torch is not None else {}
    return {name: state() for name, state in known.items() if name in of}


def put_randomness(state: dict[str, Any]) -> None:
    """Set the generators to where others were."""
    if "random" in state:
        random.setstate(state["random"])
    if "numpy" in state:
        np.random.set_state(state["numpy"])
    torch: Any = sys.modules.get("torch")
    if torch is not None and "torch" in state:
        torch.set_rng_state(state["torch"])


def answering(
    namespace: dict[str, Any],
    lookup: Callable[[dict[str, Any], str], Any],
    told: Callable[[BaseException], dict[str, Any]],
    refuse: Callable[[Any], None],
) -> tuple[Callable[[dict[str, Any], list[Any]], Answer], type[Exception]]:
    """A function that answers what tests outside ask, and what it raises of a value that cannot be sent.

    Parameters
    ----------
    lookup, told, refuse
        The probe's: the value of a name, an exception in words, and what raises for what stands for a package.
    """
    held = Held(namespace, lookup, refuse)

    def done(content: dict[str, Any], of: Any, args: list[Any], options: dict[str, Any]) -> Any:
        match content["op"]:
            case "value":
                return of
            case "call":
                return of(*args, **options)
            case "apply":
                return APPLY[content["function"]](*args)
            case "data":
                return held.data(args[0])
            case "test":
                return whole(content["imports"], content["source"], namespace)
            case "bind":
                return bind(content["imports"], namespace)
        raise ValueError(content["op"])

    def answer(content: dict[str, Any], buffers: list[Any]) -> Answer:
        decoder = Decoder(buffers, held.read)
        of = decoder.decode(content["of"])
        args, options = decoder.decode(content["args"]), decoder.decode(content["options"])
        lent = decoder.decode(content["lent"]) if "lent" in content else {}
        drawn = decoder.decode(content["random"]) if "random" in content else {}
        put_randomness(drawn)
        given = (*args, *options.values(), *lent.values())
        before = [frozen(held, one) for one in given]
        printed = Printed()
        reply: dict[str, Any] = {}
        encoder = held.encoder()
        try:
            with contextlib.redirect_stdout(printed), lending(lent, namespace):
                value = done(content, of, args, options)
                same = [n for n, one in enumerate(args) if one is value and type(one) in _MUTABLE]
                reply["ok"] = ["=", same[0]] if same else encoder.encode(value)
        except (KeyboardInterrupt, exact.Unusable):
            raise
        except BaseException as error:
            reply = {"error": "raised", **told(error)}
            encoder = held.encoder()
            reply["class"] = encoder.encode(type(error))
            try:
                reply["args"] = encoder.encode(list(error.args))
            except exact.Unusable:
                reply["args"] = ["list", []]
            reply["of"] = held.node(error, encoder, 0)
        reply["changed"] = [
            [n, encoder.encode(one)]
            for n, one in enumerate(given)
            if before[n] is not None and frozen(held, one) != before[n]
        ]
        reply["printed"] = encoder.take(printed.getvalue())
        if drawn:
            reply["random"] = encoder.encode(randomness(drawn))
        return reply, encoder.buffers

    return answer, exact.Unusable


_MUTABLE = (list, dict, set, bytearray, np.ndarray)


@contextlib.contextmanager
def lending(lent: dict[str, Any], namespace: dict[str, Any]) -> Iterator[None]:
    """Have these names mean this, and afterwards what they meant before."""
    before = {name: namespace[name] for name in lent if name in namespace}
    namespace.update(lent)
    try:
        yield
    finally:
        for name in lent.keys() - before.keys():
            namespace.pop(name, None)
        namespace.update(before)


def frozen(held: Held, value: Any) -> Any:
    """What an argument looks like, to see whether a call changes it; None for what is not looked at."""
    torch, pandas = sys.modules.get("torch"), sys.modules.get("pandas")
    kinds = (getattr(torch, "Tensor", list), getattr(pandas, "DataFrame", list), getattr(pandas, "Series", list))
    if type(value) not in (*_MUTABLE, tuple, *kinds):
        return None
    encoder = held.encoder()
    return encoder.encode(value), encoder.buffers


def bind(imports: list[str], namespace: dict[str, Any]) -> bool:
    """Import here what a test imports that is run elsewhere, as a cell would: for good."""
    scope: dict[str, Any] = {}
    for line in imports:
        exec(compile(line, "<imports>", "exec", dont_inherit=True), scope)
    namespace.update({name: value for name, value in scope.items() if name != "__builtins__"})
    return True


def whole(imports: list[str], source: str, namespace: dict[str, Any]) -> bool:
    """Run a test here, from its first line to its last, with built-in functions as they were; raises what it raises.

    Its names are the notebook's own, so that it may put others in their place; afterwards they are as before.
    """
    before = dict(namespace)
    try:
        namespace["__builtins__"] = dict(OWN)
        for line in imports:
            exec(compile(line, "<imports>", "exec", dont_inherit=True), namespace)
        exec(compile(source, "<test>", "exec", dont_inherit=True), namespace)
    finally:
        namespace.clear()
        namespace.update(before)
    return True
