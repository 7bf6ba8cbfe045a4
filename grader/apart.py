"""Judging in a process of its own, so that no check can stop the grader, hang it or take its memory.

::

    grader ──fork──▶ judging        "judge check 3"          ▷
                                    "ask the kernel this"    ◁     answered by the grader, who alone has the kernel
                                    a check's report         ◁

One process judges a whole run: what a check has computed is there for the next. A check that takes more time or memory
than it may, or that ends its process, is in error, by name; the checks after it are judged by a new process. The time
in which it waits for the notebook's answers does not count: they are bounded by themselves
(:mod:`grader.kernel.patience`). Both ends are the grader's own code, so that what they say may be pickled.

Where processes cannot be forked (Windows; macOS, whose libraries do not bear it), checks run in the grader's own
process, and one that takes too long is interrupted between two of its steps.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import pickle
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from grader.answers import known_digests, learn_digests
from grader.budget import Budget
from grader.checks.check import Check
from grader.judging import Judge, Progress, broken, result, unended
from grader.kernel import wire
from grader.kernel.patience import NotAskedAgain
from grader.language import tr
from grader.report import CheckReport
from grader.run import Run
from grader.text import number

if TYPE_CHECKING:
    from grader.kernel.execution import CellOutcome

if sys.platform == "linux":
    import resource

    from grader.kernel import linux  # here: what a judging process imports, each of them would import anew

# What has been run meanwhile: outputs by the places of cells, and what has become of all cells so far.
News = tuple[Mapping[int, list[Any]], "list[CellOutcome]"]

FORKS = sys.platform == "linux"


@dataclass(frozen=True)
class Said:
    """An answer of the kernel's, as it is handed on."""

    content: dict[str, Any]
    buffers: Sequence[wire.Buffer] = ()


@contextmanager
def judging(run: Run, checks: tuple[Check, ...], say: Progress, budget: Budget) -> Iterator[Judge]:
    """A judge for this run."""
    if not FORKS:
        yield Guarded(run, checks, say, budget.check_s)
        return
    judge = Apart(run, checks, say, budget)
    try:
        yield judge
    finally:
        judge.close()


def _send(line: Connection, what: Any) -> None:
    """As `line.send`, without what that looks up for what cannot be pickled by itself."""
    line.send_bytes(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))


def _received(line: Connection) -> Any:
    return pickle.loads(line.recv_bytes())


class Apart(Judge):
    """A judge whose checks run in another process."""

    def __init__(self, run: Run, checks: tuple[Check, ...], say: Progress, budget: Budget) -> None:
        super().__init__(run, checks, say)
        self._budget = budget
        self._child = 0
        self._asked = False  # whether the check that is judged has had anything of the notebook
        self._line: Connection | None = None
        self._news: News | None = None  # what the judging process has not been told yet

    def moved_on(self, outputs: Mapping[int, list[Any]], outcomes: list[CellOutcome]) -> None:
        super().moved_on(outputs, outcomes)
        if self._line is not None:
            self._news = {**(self._news[0] if self._news is not None else {}), **outputs}, outcomes

    def judge_one(self, check: Check) -> CheckReport:
        begun, self._asked = time.monotonic(), False
        if self._line is None:
            self._start()
        assert self._line is not None
        try:
            alive = self.run.ended or self.run.kernel.alive
            news, self._news = self._news, None
            _send(self._line, (self.checks.index(check), self.run.ended, alive, news))
            return self._served(self._line)
        except TimeoutError:
            allowed = number(self._budget.check_s)
            broken_by = tr("The check took more than the {n} seconds that a check may take.", n=allowed)
        except (EOFError, OSError):
            broken_by = tr("The check ended the process that it runs in.")
        self.close()
        report = unended(check, broken_by, self._asked)
        report.seconds = round(time.monotonic() - begun, 3)
        return report

    def _served(self, line: Connection) -> CheckReport:
        """Answer what the check asks, until it is done."""
        left = self._budget.check_s
        there = select.poll()  # `Connection.poll` makes one each time
        there.register(line, select.POLLIN)
        while True:
            begun = time.monotonic()
            if not there.poll(max(0.0, left) * 1000):
                raise TimeoutError
            match _received(line):
                case CheckReport() as report, dict() as digests:
                    learn_digests(digests)
                    return report
                case "alive":
                    left -= time.monotonic() - begun
                    _send(line, self.run.kernel.alive)
                case request, buffers, seconds:
                    left -= time.monotonic() - begun
                    _send(line, self._answer(request, buffers, seconds))

    def _answer(
        self, request: dict[str, Any], buffers: list[bytes], seconds: float | None
    ) -> Said | Exception | type[Exception]:
        self._asked = True
        try:
            reply = self.run.kernel.ask(request, buffers, seconds)
        except NotAskedAgain as again:
            return again
        except TimeoutError:
            return TimeoutError
        except MemoryError:
            return MemoryError
        except ConnectionError:
            return ConnectionError
        return Said(reply.content, reply.buffers)

    def _start(self) -> None:
        self._news = None  # it has all that is known here
        for package in sorted({one for check in self.checks for one in check.packages}):
            with suppress(ImportError):
                importlib.import_module(package)
        ours, theirs = Pipe()
        for stream in (sys.stdout, sys.stderr):  # what is not written yet must not be written twice
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: none of theirs is used
            child = os.fork()
        if child == 0:
            try:
                _judge(Judge(self.run, self.checks, lambda *_: None), self.done, theirs, self._budget.check_mb)
            finally:
                os._exit(1)
        theirs.close()
        with suppress(OSError):  # so does the child: whoever comes first
            os.setpgid(child, child)
        self._child, self._line = child, ours

    def close(self) -> None:
        """End the process, and what its checks have started."""
        if self._line is None:
            return
        self._line.close()
        self._line = None
        for kill in (os.killpg, os.kill):
            with suppress(OSError):
                kill(self._child, signal.SIGKILL)
        with suppress(OSError):
            os.waitpid(self._child, 0)


# ---------------------------------------------------------------------- in the process that judges


class _Distant:
    """The kernel, asked through the grader's process.

    Parameters
    ----------
    alive
        Whether it was when the check was begun.
    """

    def __init__(self, line: Connection, alive: bool) -> None:
        self._line = line
        self._alive: bool | None = alive

    @property
    def alive(self) -> bool:
        alive, self._alive = self._alive, None
        if alive is None:
            _send(self._line, "alive")
            alive = bool(_received(self._line))
        return alive

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Said:
        self._alive = None
        _send(self._line, (request, buffers, seconds))
        said = _received(self._line)
        if not isinstance(said, Said):
            raise said
        return said


def _judge(judge: Judge, done: dict[str, CheckReport], line: Connection, check_mb: int) -> NoReturn:
    """Judge the checks that are asked for, until nobody asks any more."""
    _settle(line.fileno(), check_mb)
    judge.done = done
    try:
        while True:
            number_, judge.run.ended, alive, news = _received(line)
            if news is not None:
                judge.moved_on(*news)
            judge.run.kernel = _Distant(line, alive)
            before = known_digests()
            report = _report(judge, judge.checks[number_])
            judge.done[report.name] = report
            _send(line, (report, {key: one for key, one in known_digests().items() if key not in before}))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


def _report(judge: Judge, check: Check) -> CheckReport:
    try:
        return judge.judge_one(check)
    except BaseException as error:  # a check may raise KeyboardInterrupt, too: no key that is pressed comes here
        return result(check, "error", broken(error))


def _settle(line: int, check_mb: int) -> None:
    """Become a process of its own: nothing of the grader's is held open, nothing outlives it, memory is bounded."""
    os.setpgid(0, 0)  # Ctrl-C is the grader's affair
    linux.die_with_parent()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what checks print must not get among the results
    os.closerange(3, line)
    os.closerange(line + 1, 1 << 16)
    sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, errors="replace", closefd=False)
    gc.freeze()  # what the grader's process holds is not touched, which would copy it
    taken = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmData"))
    most = int(taken.split()[1]) * 1024 + check_mb * 1_000_000
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


# ---------------------------------------------------------------------- where nothing can be forked


class _TooLong(BaseException):
    """Raised in a check that takes too long."""


class Guarded(Judge):
    """A judge whose checks run in this very process, and are interrupted between two of their steps."""

    def __init__(self, run: Run, checks: tuple[Check, ...], say: Progress, seconds: float) -> None:
        super().__init__(run, checks, say)
        self._seconds = seconds

    def judge_one(self, check: Check) -> CheckReport:
        thread = ctypes.c_ulong(threading.get_ident())
        # Answers are bounded by themselves: this is for a loop that does not end, and gives them their time.
        timer = threading.Timer(
            self._seconds * 5, ctypes.pythonapi.PyThreadState_SetAsyncExc, (thread, ctypes.py_object(_TooLong))
        )
        timer.daemon = True
        timer.start()
        try:
            return super().judge_one(check)
        except _TooLong:
            allowed = number(self._seconds)
            broken_by = tr("The check took more than the {n} seconds that a check may take.", n=allowed)
            return unended(check, broken_by, bool(self.run.asked))
        finally:
            timer.cancel()
