"""One notebook's kernel, from its start to its end: run the cells, answer the checks, leave nothing behind.

The kernel is talked to from an event loop in a thread of its own, and watched by another
(:class:`~grader.kernel.watchdog.Watchdog`); everything public here is called from ordinary code.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Mapping, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import nbformat
from jupyter_client.connect import write_connection_file

from grader.budget import Budget
from grader.errors import KernelStartError, UsageError
from grader.kernel import sandbox, wire
from grader.kernel.client import BoundedClient
from grader.kernel.environment import clean_environment
from grader.kernel.execution import CellOutcome, NotebookRunner
from grader.kernel.line import Line
from grader.kernel.patience import Patience
from grader.kernel.process import KernelProcess
from grader.kernel.signs import Signs
from grader.kernel.watchdog import Watchdog
from grader.language import tr
from grader.limits import tight
from grader.packages import ANY, Packages
from grader.scratch import remove, scratch_folder
from grader.text import plain, swells

if TYPE_CHECKING:
    from grader.kernel.warm import Warm

T = TypeVar("T")

STARTUP_S = 120.0
_LOOK_EVERY_S = 1.0
# From the moment when nothing is heard of a process any more until its end is known.
_DYING_S = 1.0
# From the signal that kills it to its end.
_DEAD_S = 15.0
# An answer as it comes: JSON on top of its arrays; and what its JSON may take once it is parsed.
_ANSWER_BYTES = wire.MAX_BYTES + 8_000_000
_ANSWER_PARSED = 24_000_000


@dataclass(frozen=True)
class Settings:
    """How a notebook is run.

    Attributes
    ----------
    device
        What the notebook may see: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    seed
        Set for ``random``, NumPy and torch before the first cell.
    sandbox
        ``auto``: with every layer that this system offers; ``strict``: not without one; ``off``: with none.
    warm
        The process to fork kernels from; without one each imports everything itself.
    private
        Folders that the notebook may not read, wherever they lie.
    file
        What the notebook finds as `__file__`, where its format is one of Python's; "" for none.
    packages
        What the exercise says of packages.
    before
        What is run before each cell, as a line of Python; "" for nothing.
    large
        Whether a fork of the warm process is to have imported all that notebooks import, or what nearly all of them do
        (:func:`grader.kernel.usual.usual`).
    """

    device: str = "auto"
    seed: int = 0
    sandbox: sandbox.Mode = "auto"
    warm: Warm | None = None
    private: tuple[Path, ...] = ()
    file: str = ""
    packages: Packages = ANY
    before: str = ""
    large: bool = True


@dataclass(frozen=True)
class Answer:
    """What the kernel sent in answer to one request: still to be decoded, still only a claim."""

    content: dict[str, Any]
    buffers: Sequence[wire.Buffer] = ()


# By its own doing; by somebody else's; or nobody can tell.
Ending = Literal["itself", "outside", "unknown"]


@dataclass
class Facts:
    """What the kernel said of itself before any of the notebook's code ran."""

    device: str = "cpu"
    versions: dict[str, str] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)


class KernelSession:
    """A kernel in a scratch folder.

    Use as a context manager; on leaving, the kernel and all that it started are dead.

    Raises
    ------
    KernelStartError
        No kernel came up.
    UsageError
        The device asked for is not there.
    """

    def __init__(self, scratch: Path, settings: Settings, budget: Budget) -> None:
        self.scratch = scratch
        self.settings = settings
        self.budget = budget
        self.facts = Facts()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kernel-loop", daemon=True)
        within = settings.warm.folder if settings.warm is not None else None
        self._runtime = scratch_folder(within)
        self._jail = sandbox.build_jail(
            scratch,
            self._runtime,
            budget,
            settings.device,
            settings.sandbox,
            settings.private,
            settings.packages,
        )
        self._process = KernelProcess(self._jail, self._runtime / "log", settings.warm, settings.large)
        self._watchdog = Watchdog(self._process, budget, scratch, self._jail.sockets)
        self._client: BoundedClient | None = None
        self._line: Line | None = None
        self._ended = self._hung_up = False

    # ------------------------------------------------------------------ life

    def __enter__(self) -> KernelSession:
        self._thread.start()
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the kernel, at once and with everything that it started."""
        if self._ended:
            return
        self._ended = True
        self._watchdog.close()
        self._process.destroy()
        self._jail.exchange.close()
        if self._line is not None:
            self._line.close()
        with suppress(subprocess.TimeoutExpired):
            if self._process.process is not None:
                self._process.process.wait(_DEAD_S)
        with suppress(Exception):
            self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()
        if self._watchdog.group is not None:
            self._watchdog.group.remove()
        remove(self._runtime)

    @property
    def alive(self) -> bool:
        """Whether the kernel's process is still there, and can be asked."""
        return not (self._ended or self._hung_up) and self._process.alive

    @property
    def peak_memory(self) -> int:
        """Most bytes that the kernel and its children were seen to hold."""
        return self._watchdog.peak_memory

    def _do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(_contained(coroutine), self._loop)
        # A signal that comes between two steps wakes nobody who waits without end: what it asks for is looked at soon.
        while not wait([future], _LOOK_EVERY_S).done:
            pass
        return future.result()

    def _start(self) -> None:
        environment = clean_environment(self.scratch, self.settings.device)
        try:
            connection_file, connection = self._connection()
            unbound = self._bound() if self.settings.sandbox != "off" else ""
            with self._doors() as doors:
                self._process.start(connection_file, environment, self.scratch, doors)
            self._line = self._jail.exchange.answer(STARTUP_S, _ANSWER_BYTES, lambda: self.alive)
            self._line.receive()  # it is ready
            self._client = self._do(self._connect(connection))
            layers = self._jail.told().layers  # written before any of the notebook's code ran
            self._process.settle(contained=layers.get("namespaces") == "")
            if self._watchdog.group is not None:
                self._watchdog.group.add(self._process.pids())
            if self.settings.sandbox != "off":
                layers[sandbox.GROUP] = unbound
            sandbox.insist(layers, self.settings.sandbox)
            self.facts = self._set_up()
            self.facts.layers = sandbox.held(layers)
            # Where cells have little time, what does not answer must not take that of all other questions.
            most = max(self.budget.seconds(self.facts.device)[1], 4 * self.budget.answer_s)
            self._patience = Patience(self.budget.answer_s, most)
        except (RuntimeError, OSError) as error:
            reason = self._process.last_words() or plain(str(error)) or tr("it did not call")
            raise KernelStartError(
                tr("The notebook's kernel did not start ({reason}).", reason=reason),
                tight() or tr("Run `grade doctor`; `python -m ipykernel --version` must work in the same environment."),
            ) from error

    def _connection(self) -> tuple[Path, Mapping[str, Any]]:
        """Where the kernel's sockets are to be: a file that says so, and what it says."""
        path, key = self._jail.sockets / "kernel.json", secrets.token_hex(32).encode()
        if sys.platform == "win32":
            return path, write_connection_file(str(path), key=key)[1]
        # Sockets in a folder of our own: no port that another process could take or connect to.
        ip = str(self._jail.sockets / "k")
        return path, write_connection_file(str(path), transport="ipc", ip=ip, key=key)[1]

    async def _connect(self, connection: Mapping[str, Any]) -> BoundedClient:
        client = BoundedClient(connection, lambda: self._process.alive)
        await client.connect(STARTUP_S)
        return client

    def _bound(self) -> str:
        """Make a control group for the processes; what is in the way of it, or ""."""
        try:
            self._watchdog.group = sandbox.control_group(self.budget)
        except OSError as error:
            return str(error)
        return ""

    def _doors(self) -> AbstractContextManager[list[int]]:
        """Where a fork of the warm process comes into the control group."""
        return self._watchdog.group.doors() if self._watchdog.group is not None else nullcontext([])

    async def _stop(self) -> None:
        if self._client is not None:
            self._client.close()
        # Whoever pressed Ctrl-C left a cell running: asyncio complains about tasks that nobody ends.
        unfinished = asyncio.all_tasks() - {asyncio.current_task()}
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=2)

    def _set_up(self) -> Facts:
        """Let the kernel seed its random numbers, and say what it is."""
        named = ("seed", "device", "file", "before")
        asked = {name: getattr(self.settings, name) for name in named}
        answer = self._ask({"do": "setup"} | asked, [])
        told = wire.decode(answer.content["ok"], answer.buffers)
        wanted = self.settings.device.partition(":")[0]
        if wanted not in ("auto", told["device"]):
            raise UsageError(
                tr("There is no {device} device here.", device=wanted), tr("Use --device cpu, or --device auto.")
            )
        return Facts(told["device"], told["versions"])

    # ------------------------------------------------------------------ work

    def execute(
        self,
        notebook: nbformat.NotebookNode,
        stop_on_error: bool = False,
        progress: Callable[[int, int], object] | None = None,
        until: int | None = None,
        seconds: float | None = None,
        printed: Callable[[int, int, str], object] | None = None,
        pauses: Container[int] = (),
        pause: Callable[[int, list[CellOutcome]], object] | None = None,
        instead: Mapping[int, str] | None = None,
    ) -> list[CellOutcome]:
        """Run the notebook's code cells from top to bottom, within their budgets; fill in their outputs.

        Parameters
        ----------
        stop_on_error
            Do not run what follows a failing cell.
        progress
            Called with the number of each code cell, from 1, and how many there are, as it starts.
        until
            Number of a code cell that is not run, nor what follows.
        seconds
            For all cells together, where that is less than their budget.
        printed
            Called like `progress`, and with the last line that the cell has printed, a few times a second at most.
        pauses, pause
            Places of cells behind which, before the next one of code, `pause` is called with the place of that one and
            with what has become of the cells so far: the kernel may be asked there.
        instead
            What is run in place of a cell's source, by the cell's place.
        """
        assert self._client is not None
        assert self._line is not None
        signs = Signs(self._line, self._watchdog.now, self.budget.answer_s)
        runner = NotebookRunner(notebook, self._client, self._watchdog, signs, self.settings.packages, instead)
        device = self.facts.device
        running = runner.run(self.budget, device, stop_on_error, progress, until, seconds, printed, pauses)
        while (paused := self._do(_next(running))) is not None:
            if pause is not None:
                pause(paused, runner.outcomes)
        return runner.outcomes

    def ending(self) -> Ending | None:
        """How the kernel ended by itself; None if it did not, or was killed for a limit that it overstepped.

        What is said of a process in namespaces is sure. It is the first one of its PID namespace, to which nobody in
        there can send SIGKILL, itself included, and the limits at which Linux does so are kept from it. What it
        cannot have done was done to it: by whoever ended the warm process, or by Linux, where memory ran out.
        """
        process = self._process.process
        if process is None or self._watchdog.killed or self._ended:
            return None
        try:
            process.wait(_DYING_S if self._hung_up else 0)
        except subprocess.TimeoutExpired:
            return "itself" if self._hung_up else None
        if not (self._process.contained and "seccomp" in self.facts.layers):
            return "unknown"
        status = self._jail.exit_status()
        if status is not None and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return "itself"
        # Half of what it may have is enough to be Linux's choice where memory runs out.
        return "itself" if self._watchdog.memory > self.budget.memory_mb * 1_000_000 / 2 else "outside"

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Answer:
        """Ask the probe in the kernel. The answer is a claim.

        Raises
        ------
        TimeoutError
            It did not answer within `seconds` (default: the exercise's ``answer_s``); it was interrupted. Or it did
            not before, and has less time now, or none (:class:`~grader.kernel.patience.NotAskedAgain`). Or all answers
            together have taken as long as the notebook's cells may.
        MemoryError
            It took more memory than it may, and was killed.
        ConnectionError
            The kernel is dead.
        """
        if not self.alive:
            raise ConnectionError
        what = request["do"], request.get("name")
        allowed = self._patience.seconds(what, seconds or self.budget.answer_s)
        begun = self._watchdog.now()
        with self._watchdog.limit(allowed, "answer"):
            try:
                answer = self._ask(request, buffers)
            except OSError:  # a broken connection in any of its forms
                answer, self._hung_up = None, True
        alarm = self._watchdog.take_alarm()
        if alarm == "memory":
            raise MemoryError
        if alarm:
            self._patience.ran_out(what, allowed)
            raise TimeoutError
        if answer is None:
            raise ConnectionError
        self._patience.answered(what, self._watchdog.now() - begun)
        return answer

    def _ask(self, request: dict[str, Any], buffers: list[bytes]) -> Answer:
        assert self._line is not None
        self._line.send(request, buffers)
        content, answered = self._line.receive()
        return Answer(_parsed(content), answered)


def _parsed(content: bytes) -> dict[str, Any]:
    """The JSON of an answer; nothing if it is none, or would take too much memory."""
    if swells(content, _ANSWER_PARSED):
        return {}
    try:
        parsed = json.loads(content.decode())
    except (ValueError, RecursionError):
        return {}
    return parsed if type(parsed) is dict else {}


async def _next(steps: AsyncIterator[T]) -> T | None:
    return await anext(steps, None)


async def _contained(coroutine: Coroutine[Any, Any, T]) -> T:
    """The same, but that nothing in it (a listener, say) ends the thread: all that waits for it would wait for ever."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as ending:
        raise RuntimeError("something wanted to end the thread that runs the kernel") from ending
