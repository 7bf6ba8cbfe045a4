"""A test's questions to a notebook: what is sent, and what is made of what comes back.

Plain data crosses with its exact type (:mod:`grader.kernel.exact`), all else as a stand-in or by its number. What comes
is a claim: read strictly, and a fault of the notebook's where it cannot be read.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from grader.errors import BadClaim, ExerciseError, NameMissing, SubmissionFault
from grader.foreign.standins import Ended, Info, Standin, could_be_anything, found_in, info, standin
from grader.kernel import exact
from grader.kernel.exact_decoder import Decoder
from grader.kernel.objects import MAX_CLASSES, MAX_HELD, put_randomness, randomness
from grader.language import tr
from grader.refusals import fault_of
from grader.run import Run
from grader.text import plain

# What takes something out of an object, asks what it is, or changes it, and does not compute.
_HANDING_OUT = (
    *("iter", "next", "getitem", "type", "isinstance", "issubclass", "import", "enter", "leave"),
    *("setattr", "delattr", "setitem", "delitem"),
)
_KINDS = ("object", "callable", "function", "class", "module")


class Undefined(NameError):
    """The notebook does not define a name; a test may expect that."""

    fault: SubmissionFault


class Asking:
    """A test's questions to a notebook.

    Attributes
    ----------
    expected
        Names of classes whose objects the test may compute with: those that it names, and those of the reference.
    fault
        What the notebook did that the test cannot be judged for; it fails whatever the test makes of it.
    lent
        What the notebook's names are to be while it is asked, where the test has set some that its functions read.
    questions
        How many were asked.
    word
        Whether something rests on the notebook's word: an object was asked about data that only the test has.
    """

    def __init__(self, run: Run, expected: frozenset[str], functions: Callable[[Any], exact.Node | None]) -> None:
        self.run, self.expected, self._functions = run, expected, functions
        self.fault: SubmissionFault | None = None
        self.questions = 0
        self.word = False
        self.lent: Callable[[], dict[str, Any]] = dict
        self.seeded: set[str] = set()  # generators that were seeded here: the notebook's draws from the same
        self._names: dict[int, tuple[Any, str, Any]] = {}
        self._exceptions: dict[int, type[BaseException]] = {}

    # ------------------------------------------------------------------ questions

    def named(self, name: str) -> Any:
        """Value of a name of the notebook's."""
        value = self.ask("value", name, ["N", name])
        if type(value) not in _IMMUTABLE and not isinstance(value, Standin):
            self._names[id(value)] = value, name, _seen(value)
        return value

    def name_of(self, value: Any) -> str | None:
        """The name that a value came by, if it still is as it was: a call gets the notebook's own, not a copy."""
        kept = self._names.get(id(value))
        return kept[1] if kept is not None and kept[0] is value and _seen(value) == kept[2] else None

    def call(self, value: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        about = info(value)
        return self.ask("call", about.what, ["h", about.number], args, options)

    def apply(self, function: str, *args: Any, what: str) -> Any:
        """What one of the functions of :data:`grader.kernel.objects.APPLY` makes of these."""
        found = self.ask("apply", what, ["z"], args, function=function)
        if function not in _HANDING_OUT and not isinstance(found, Standin) and could_be_anything(args[0]):
            self.word = True
        return found

    def data(self, value: Any) -> Any:
        """The data of an object whose class is made of a class of data."""
        return self.ask("data", info(value).what, ["z"], [value])

    def ask(
        self,
        op: str,
        what: str,
        of: exact.Node,
        args: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        options = dict(options or {})
        lent = self.lent() if op != "value" else {}
        encoder = _Sender(self)
        try:
            request = {
                "op": op,
                "of": of,
                "args": encoder.encode(list(args)),
                "options": encoder.encode(options),
                **more,
            }
            if lent:
                request["lent"] = encoder.encode(lent)
            if self.seeded:
                request["random"] = encoder.encode(randomness(self.seeded))
        except exact.Unusable as unusable:
            raise ExerciseError(f"The test gives `{what}` something that cannot be sent: {unusable}.") from None
        self.questions += 1

        def read(content: dict[str, Any], buffers: Sequence[Any]) -> Any:
            return self._read(content, buffers, what, [*args, *options.values(), *lent.values()])

        try:
            return self.run.step(request, what, encoder.buffers, read)
        except SubmissionFault as fault:
            if isinstance(fault, NameMissing) and op == "value":
                undefined = Undefined(f"name '{what}' is not defined")
                undefined.fault = fault
                raise undefined from None
            self.fail(fault)
            raise

    def fail(self, fault: SubmissionFault) -> None:
        """Note that the notebook leaves nothing to judge, and end the test."""
        self.fault = self.fault or fault
        raise Ended from None

    # ------------------------------------------------------------------ what comes back

    def _read(self, content: dict[str, Any], buffers: Sequence[Any], what: str, given: list[Any]) -> Any:
        try:
            decoder = Decoder(buffers, lambda node, decoder, depth: self._made(node, decoder, depth, what))
            changed = content.get("changed", [])
            if type(changed) is not list or len(changed) > len(given):
                raise exact.Malformed
            for pair in changed:
                match pair:
                    case [int(number), node] if 0 <= number < len(given):
                        overwrite(given[number], decoder.decode(node))
                    case _:
                        raise exact.Malformed
            printed = content.get("printed", "")
            if type(printed) is not str or len(printed) > exact.MAX_TEXT:
                raise exact.Malformed
            sys.stdout.write(printed)
            if self.seeded and "random" in content:
                put_randomness(_states(decoder.decode(content["random"]), self.seeded))
            if "ok" not in content:
                raise self._raised(content, decoder, what)
            match content["ok"]:
                case ["=", int(number)] if 0 <= number < len(given):
                    return given[number]
            return decoder.decode(content["ok"])
        except (exact.Malformed, KeyError, ValueError) as error:
            if getattr(error, "grader_content", None) is not None:
                raise
            raise BadClaim(
                tr("{what} gives a value that cannot be read.", what=f"`{plain(what, 60)}`"),
                tr("It may be too large, nested too deep, or not what it says."),
            ) from None

    def _raised(self, content: dict[str, Any], decoder: Decoder, what: str) -> BaseException:
        """The exception that the notebook says was raised there: of a class of Python's, or of a made-up one."""
        kind = decoder.decode(content.get("class"))
        if not isinstance(kind, type) or not issubclass(kind, Exception):
            # SystemExit, KeyboardInterrupt: what the notebook's code ends itself with is no answer.
            self.fail(fault_of(content, what, f"`{plain(what, 60)}`"))
        text = plain(content.get("text"), 2000, lines=True)
        args = decoder.decode(content.get("args", ["list", []]))
        given = tuple(args) if type(args) is list else (text,)
        try:
            made: Any = kind(*given)  # of Python's own, or made up here: no code of the notebook's
        except Exception:
            made = Exception(text)
        of = content.get("of")
        made.grader_of = None if of is None else decoder.decode(of)
        made.grader_content = {key: content.get(key) for key in ("error", "type", "text", "line")}
        made.grader_what = what
        return made  # type: ignore[no-any-return]

    def _made(self, node: exact.Node, decoder: Decoder, depth: int, what: str) -> Any:
        """A stand-in for what is no plain data."""
        match node:
            case ["h", int(number), str(kind), list(classes), rest] if 0 <= number < MAX_HELD:
                if len(classes) > MAX_CLASSES or not all(type(one) is str and len(one) <= 200 for one in classes):
                    raise exact.Malformed
                names = [plain(decoder.take(one), 200) for one in classes]
                extra = decoder.decode(rest, depth + 1)
                if kind == "exception":
                    return self._exception(number, names, extra)
                if kind not in _KINDS:
                    raise exact.Malformed
                about = Info(self, number, kind, names, what)
                if kind in ("function", "class") and type(extra) is str:
                    about.what = plain(extra, 60) or what
                return standin(about, extra if kind in ("object", "callable") else None)
        raise exact.Malformed

    def _exception(self, number: int, names: list[str], parents: Any) -> type[BaseException]:
        if number not in self._exceptions:
            if type(parents) is not list or not names:
                raise exact.Malformed
            bases = tuple(one for one in parents if isinstance(one, type) and issubclass(one, BaseException))
            try:
                module, _, name = names[0].rpartition(".")
                more = {"grader_number": number, "__module__": module, "__getattr__": _of_exception}
                made = type(name or "Error", bases or (Exception,), more)
            except TypeError:
                raise exact.Malformed from None
            self._exceptions[number] = made
        return self._exceptions[number]

    # ------------------------------------------------------------------ what is sent

    def sent(self, value: Any, encoder: exact.Encoder, depth: int) -> exact.Node:
        if isinstance(value, Standin):
            return ["h", info(value).number]
        number = getattr(value, "grader_number", None)
        if type(number) is int:
            return ["h", number]
        if isinstance(value, types.ModuleType):
            return ["G", value.__name__, ""]
        node = self._functions(value)
        if node is not None:
            source, name, captured = node
            return ["L", source, name, encoder.encode(captured, depth + 1)]
        module, qualified = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if module is None and hasattr(value, "__objclass__"):  # `str.upper`
            module = value.__objclass__.__module__
        if isinstance(value, np.ufunc):
            module, qualified = "numpy", value.__name__
        if isinstance(module, str) and isinstance(qualified, str) and found_in(module, qualified) is value:
            return ["G", module, qualified]
        raise exact.Unusable(f"an object of type {type(value).__name__}")


def _states(claimed: Any, names: Collection[str]) -> dict[str, Any]:
    """Of the generators' states that the notebook claims, those that it was asked for."""
    if type(claimed) is not dict:
        raise exact.Malformed
    return {name: claimed[name] for name in names if name in claimed}


def _of_exception(error: Any, name: str) -> Any:
    """What else an exception of the notebook's knows."""
    of = error.__dict__.get("grader_of")
    if of is None or name.startswith(("_", "grader_")):
        raise AttributeError(name)
    return getattr(of, name)


_IMMUTABLE = (type(None), bool, int, float, complex, str, bytes, frozenset, range)


def _seen(value: Any) -> Any:
    """What a value looks like, to see whether a test has changed it."""
    encoder = exact.Encoder(lambda one, *_: ["o", id(one)])
    try:
        return encoder.encode(value), encoder.buffers
    except exact.Unusable:
        return None


class _Sender(exact.Encoder):
    """Values on their way to the notebook: what came from there goes back by its name."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(asking.sent)
        self._asking = asking

    def encode(self, value: Any, depth: int = 0) -> exact.Node:
        name = None if type(value) in _IMMUTABLE else self._asking.name_of(value)
        return super().encode(value, depth) if name is None else ["N", name]


def overwrite(value: Any, new: Any) -> None:
    """Make an argument what a call has made of it: the same object with other contents."""
    torch: Any = sys.modules.get("torch")
    pandas: Any = sys.modules.get("pandas")
    if type(value) is not type(new):
        return
    if isinstance(value, (list, bytearray)):
        if isinstance(value, list) and len(value) == len(new):
            new = [_kept(one, other) for one, other in zip(value, new, strict=True)]
        value[:] = new
    elif isinstance(value, dict):
        kept = {key: _kept(value[key], one) if key in value else one for key, one in new.items()}
        value.clear()
        value.update(kept)
    elif isinstance(value, set):
        value.clear()
        value.update(new)
    elif isinstance(value, tuple):
        for one, other in zip(value, new, strict=False):
            overwrite(one, other)
    elif isinstance(value, np.ndarray):
        if value.shape != new.shape:
            value.resize(new.shape, refcheck=False)
        value[...] = new
    elif torch is not None and isinstance(value, torch.Tensor):
        value.data = new.data
    elif pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)):
        value._mgr = new._mgr  # all there is in a table


def _kept(value: Any, new: Any) -> Any:
    """The object that was there, with its new contents, where it may have changed in place."""
    if isinstance(value, (list, dict, set, np.ndarray)) and type(value) is type(new):
        overwrite(value, new)
        return value
    return new


def seeding(asking: Asking, function: Any) -> Any:
    """The function itself; where it seeds a generator, from then on the notebook's process draws from the same."""
    torch: Any = sys.modules.get("torch")
    known = {"random": random.seed, "numpy": np.random.seed, "torch": getattr(torch, "manual_seed", None)}
    asking.seeded |= {name for name, one in known.items() if one is not None and (function is one or function == one)}
    return function
