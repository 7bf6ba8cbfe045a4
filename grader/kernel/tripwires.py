"""Tripwires in the notebook's process, put up while a question is asked that forbids something.

They hang where everybody passes who does what is forbidden, whatever name it is called by and in whichever thread:

- PyTorch's operations are replaced in its dispatcher, for all threads, devices, scripted functions and its own C++;
- each node of a graph of autograd's asks Python for the stack at its birth (its "anomaly mode"), and is told no;
- the functions of Python's libraries get another code object, which every alias of them runs;
- other processes are stopped meanwhile and none can be started. A fork has the same tripwires.

Nothing of it is touched by what is allowed, which costs no time therefore. Each raises :class:`Tripped` where it is
touched, and notes what was called and in which line of the notebook. It is the notebook's own process all the same: who
takes its inside apart can take the tripwires down. What a PyTorch does not offer is left out.
"""

from __future__ import annotations

import functools
import linecache
import os
import re
import signal
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

Note = Callable[[str], None]

# Composite operations are replaced for each kind of tensor; all others at one place that every call passes.
_BACKENDS = ("CPU", "CUDA", "MPS")
_EVERYWHERE = "BackendSelect"
_FORWARD_MODE = "ADInplaceOrView"
_NAMESPACES = ("aten", "quantized")
# How another program is started. A fork has our tripwires.
_STARTS = frozenset(
    ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "_winapi.CreateProcess")
)
PROCESS = "process"


class Tripped(RuntimeError):
    """What is called here is forbidden."""


@contextmanager
def tripwires(forbidden: list[dict[str, Any]]) -> Iterator[list[dict[str, str]]]:
    """Tripwires for these entries of :mod:`grader.forbidden`; what was touched, filled as it happens."""
    found: list[dict[str, str]] = []

    def noting(word: str) -> Note:
        def note(what: str) -> None:
            found.append({"word": word, "what": what, "line": _line_of_notebook()})
            raise Tripped(f"{what} is not to be used here")

        return note

    with ExitStack() as stack:
        modules = [(name, noting(one["word"])) for one in forbidden for name in one["modules"]]
        stack.enter_context(_alone(noting(PROCESS)))
        stack.enter_context(_functions([*modules, ("multiprocessing.util:spawnv_passfds", noting(PROCESS))]))
        for one in forbidden:
            if one["operations"]:
                stack.enter_context(_operations(tuple(one["operations"]), noting(one["word"])))
            if one["graphs"]:
                stack.enter_context(_graphs(noting(one["word"])))
        stack.enter_context(_nothing_compiled())
        yield found


def _line_of_notebook() -> str:
    """The line of the notebook from which this is called."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<ipython") or "ipykernel_" in name:
            return linecache.getline(name, frame.f_lineno).strip()[:200]
        frame = frame.f_back
    return ""


# ---------------------------------------------------------------------- torch


@functools.cache
def _matching(patterns: tuple[str, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Operations whose names match: namespace, name with overload, and where each is to be replaced."""
    import torch

    wanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for full in torch._C._dispatch_get_all_op_names():
        namespace, name = full.split("::", 1)
        if namespace in _NAMESPACES and wanted.fullmatch(name.partition(".")[0]):
            if torch._C._dispatch_has_kernel_for_dispatch_key(full, "CompositeImplicitAutograd"):
                found.append((namespace, name, _BACKENDS))
            else:
                found.append((namespace, name, (_EVERYWHERE, _FORWARD_MODE)))
    return found


@contextmanager
def _operations(patterns: tuple[str, ...], note: Note) -> Iterator[None]:
    """Replace PyTorch's operations."""
    import torch

    libraries: dict[tuple[str, str], Any] = {}
    devices = {"CPU", "CUDA" if torch.cuda.is_available() else "", "MPS" if torch.backends.mps.is_available() else ""}
    try:
        for namespace, name, keys in _matching(patterns):
            told = f"torch.{name.partition('.')[0].strip('_')}"
            for key in keys:
                if key in _BACKENDS and key not in devices:
                    continue
                if (namespace, key) not in libraries:
                    libraries[namespace, key] = torch._C._dispatch_library("IMPL", namespace, key, "", 0)
                with suppress(RuntimeError):  # somebody replaced it before
                    libraries[namespace, key].impl(name, key, functools.partial(_refuse, note, told))
        yield
    finally:
        for library in libraries.values():
            library.reset()


def _refuse(note: Note, told: str, *_: Any, **__: Any) -> None:
    note(told)


_held = [False]  # whether anomaly mode is ours at the moment


def hold_anomaly_mode() -> None:
    """Before the notebook runs: let nobody but us switch autograd's anomaly mode while we need it."""
    import torch

    switch = torch.set_anomaly_enabled

    @functools.wraps(switch)
    def set_anomaly_enabled(*args: Any, **options: Any) -> None:
        if not _held[0]:
            switch(*args, **options)

    torch.set_anomaly_enabled = torch._C.set_anomaly_enabled = set_anomaly_enabled


@contextmanager
def _graphs(note: Note) -> Iterator[None]:
    """Let no node of a graph of autograd's come to life."""
    import torch
    import torch.fx.traceback as asked

    original, before = asked.format_stack, _nodes_so_far()
    was = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()

    def refuse(*_: Any) -> None:
        note("autograd")

    torch.set_anomaly_enabled(True, False)
    asked.format_stack, _held[0] = refuse, True
    try:
        yield
    finally:
        untouched = asked.format_stack is refuse and torch.is_anomaly_enabled() and _nodes_so_far() == before
        asked.format_stack, _held[0] = original, False
        torch.set_anomaly_enabled(*was)
        if not untouched:
            with suppress(Tripped):
                note("autograd")


def _nodes_so_far() -> int:
    """How many nodes graphs have had in this thread."""
    import torch

    return int(getattr(torch._C._autograd, "_get_sequence_nr", int)())


@contextmanager
def _nothing_compiled() -> Iterator[None]:
    """Let functions that were compiled run as they were written."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    import torch

    with torch.compiler.set_stance("force_eager"):
        yield


# ---------------------------------------------------------------------- Python's libraries


class _Trap:
    """A constant in the code of a function that is not to be called."""

    def __init__(self, spring: Callable[[], None]) -> None:
        self.spring = spring


@functools.cache
def _trap_code(cells: int) -> types.CodeType:
    """Code for a function with this many variables of an enclosing one, which calls the constant "trap"."""
    names = [f"v{n}" for n in range(cells)]
    inner = f" def trap(*args, **options):\n  'trap'.spring()\n  [{', '.join(names)}]\n return trap"
    space: dict[str, Any] = {}
    exec(compile(f"def outer({', '.join(names)}):\n{inner}", "<grader>", "exec"), space)
    code: types.CodeType = space["outer"](*names).__code__
    return code


class _Trapped:
    """The functions of a module or a package, or one function or class, whose code is another for a while."""

    def __init__(self, entry: str) -> None:
        self._package, _, self._member = entry.partition(":")
        self._note: Note = lambda _: None
        self._codes: dict[int, tuple[types.FunctionType, types.CodeType, types.CodeType]] = {}
        self._seen: dict[str, Any] = {}

    def put_up(self, note: Note, imported: list[str]) -> None:
        """Put a trap into whatever is meant of these modules."""
        self._note = note
        self._look(imported)
        for function, _, trap in self._codes.values():
            function.__code__ = trap

    def take_down(self) -> None:
        """Give every function its own code again."""
        for function, own, _ in self._codes.values():
            function.__code__ = own

    def _look(self, imported: list[str]) -> None:
        package, member = self._package, self._member
        if member:
            if package in sys.modules and not _half_imported(package):
                value = functools.reduce(_part, member.split("."), sys.modules[package])
                self._prepare(value, f"{package}.{member}")
            return
        for name in imported:
            module = sys.modules.get(name)
            if not f"{name}.".startswith(f"{package}.") or self._seen.get(name) is module or _half_imported(name):
                continue
            self._seen[name] = module
            for called, value in list(getattr(module, "__dict__", {}).items()):
                home = getattr(value, "__module__", None) if isinstance(value, (types.FunctionType, type)) else None
                if isinstance(home, str) and f"{home}.".startswith(f"{package}."):
                    self._prepare(value, f"{package}.{called}")

    def _prepare(self, value: Any, told: str) -> None:
        if isinstance(value, type):
            for name, method in list(vars(value).items()):
                if not name.startswith("__") or name in ("__init__", "__call__"):
                    method = _function_in(method)
                    if isinstance(method, types.FunctionType):
                        self._prepare(method, told)
            return
        value = _function_in(value)
        while isinstance(value, types.FunctionType) and id(value) not in self._codes:
            code = _trap_code(len(value.__code__.co_freevars))
            constants = tuple(_Trap(lambda: self._note(told)) if one == "trap" else one for one in code.co_consts)
            trap = code.replace(co_consts=constants, co_name=value.__name__)
            self._codes[id(value)] = value, value.__code__, trap
            value = getattr(value, "__wrapped__", None)


def _half_imported(name: str) -> bool:
    return bool(getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False))


def _part(value: Any, name: str) -> Any:
    return getattr(value, name, None)


def _function_in(value: Any) -> Any:
    """The function behind a method, a property or a NumPy function."""
    for attribute in ("__func__", "fget", "_implementation"):
        inner = getattr(value, attribute, None) if not isinstance(value, types.FunctionType) else None
        if isinstance(inner, types.FunctionType):
            return inner
    return value


_traps = functools.cache(_Trapped)


@contextmanager
def _functions(modules: list[tuple[str, Note]]) -> Iterator[None]:
    """Replace the code of what is defined in these modules, also in those that are imported meanwhile."""
    machinery: Any = sys.modules["_frozen_importlib"]
    load = machinery._find_and_load

    packages = tuple(entry.partition(":")[0] for entry, _ in modules)

    def look() -> None:
        imported = [name for name in list(sys.modules) if name.startswith(packages)]
        for entry, note in modules:
            _traps(entry).put_up(note, imported)

    def load_and_look(*args: Any) -> Any:
        module = load(*args)
        look()
        return module

    try:
        look()
        machinery._find_and_load = load_and_look
        yield
    finally:
        machinery._find_and_load = load
        for entry, _ in modules:
            _traps(entry).take_down()


# ---------------------------------------------------------------------- other processes

_watching: list[Note] = []


@functools.cache
def _watch_starts() -> None:
    """Hear from now on when a program is started: Python has no way to hear of it for a while."""

    def heard(event: str, _: Any) -> None:
        if _watching and event in _STARTS:
            _watching[-1](event)

    sys.addaudithook(heard)


@contextmanager
def _alone(note: Note) -> Iterator[None]:
    """Stop the notebook's other processes, and let it start none."""
    _watch_starts()
    stopped = _stop_others()
    _watching.append(note)
    try:
        yield
    finally:
        _watching.remove(note)
        _go_on(stopped)


def _stop_others() -> list[Any] | None:
    """Stop them; those to be continued, or None for all that are in this namespace."""
    if os.getpid() == 1:  # first process of a namespace of its own
        with suppress(OSError):
            os.kill(-1, signal.SIGSTOP)
        return None
    try:
        import psutil
    except ImportError:
        return []
    with suppress(psutil.Error, OSError):
        children = psutil.Process().children(recursive=True)
        for child in children:
            with suppress(psutil.Error):
                child.suspend()
        return list(children)
    return []


def _go_on(stopped: list[Any] | None) -> None:
    if stopped is None:
        with suppress(OSError):
            os.kill(-1, signal.SIGCONT)
        return
    for child in stopped:
        with suppress(Exception):  # it is gone
            child.resume()
