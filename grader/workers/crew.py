"""Processes of this machine that grade: what starts them, talks to them, and puts others in the place of dead ones."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import psutil

from grader.datasets import Choice, dataset
from grader.kernel.warm import NoFork, Warm, warmed
from grader.scratch import remove, scratch_folder
from grader.workers.forkserver import Forked, ForkServer
from grader.workers.gpus import gpus, shares
from grader.workers.tasks import Surroundings, begin

T = TypeVar("T")

_ENDS_S = 5.0


@dataclass(frozen=True)
class Step:
    """What a process that grades is doing: a cell or a check, its number, and how many there are.

    See :class:`grader.judging.Progress`.
    """

    what: str
    number: int
    of: int
    text: str = ""


@dataclass(frozen=True)
class _Answer:
    """What a function gave, or what it raised."""

    value: Any = None
    error: Exception | None = None


class Process(Executor):
    """A process that does one thing after another. When it dies, that thing is broken; the next has a new process.

    What to do travels as a pickle over a pipe, and so does what comes back. Both are made by the grader itself.

    Parameters
    ----------
    threads
        Threads of each notebook; None for as many as the environment says.
    environment
        What its environment has beside this process's.
    server
        Forks it, where there is one; else it is started anew.

    Attributes
    ----------
    listen
        Told every step, in a thread of this object's.
    """

    listen: Callable[[Step], object] | None = None

    def __init__(
        self,
        surroundings: Surroundings,
        threads: int | None = None,
        environment: Mapping[str, str] | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self._surroundings = surroundings
        self._server = server
        names = () if threads is None else ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        self._environment = dict.fromkeys(names, str(threads)) | dict(environment or {})
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._last: Step | None = None
        # The process dies with the thread that started it: that one has to live as long as this object.
        self._thread = ThreadPoolExecutor(1)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have it call a function; `BrokenExecutor` if it dies meanwhile."""
        return self._thread.submit(self._do, fn, args, kwargs)

    def step(self) -> Step | None:
        """What it did last, if anything new."""
        last, self._last = self._last, None
        return last

    def stop(self) -> None:
        """End it now, and the notebook that it grades."""
        process = self._process
        if process is not None:
            process.terminate()
            _wait(process)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End it as soon as it has nothing to do any more; at once if what it does is not wanted any more."""
        if cancel_futures:
            self.stop()
        with suppress(RuntimeError):  # it was shut down before
            self._thread.submit(self._hang_up)
        self._thread.shutdown(wait)

    def _do(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            process = self._alive()
            assert process.stdin is not None
            assert process.stdout is not None
            pickle.dump((fn, args, kwargs), process.stdin)
            process.stdin.flush()
            while isinstance(answer := pickle.load(process.stdout), Step):
                self._last = answer
                if self.listen is not None:
                    self.listen(answer)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self._hang_up()
            raise BrokenExecutor("The process that graded it died.") from error
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _alive(self) -> subprocess.Popen[bytes] | Forked:
        """The process; a new one if there is none, or if it died when it had nothing to do."""
        if self._process is not None and self._process.poll() is not None:
            self._hang_up()
        if self._process is None:
            self._process = self._started()
            assert self._process.stdin is not None
            pickle.dump(self._surroundings, self._process.stdin)
        return self._process

    def _started(self) -> subprocess.Popen[bytes] | Forked:
        environment = os.environ | self._environment
        if self._server is not None:
            with suppress(OSError):
                return self._server.fork(environment)
        return subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import main; main()"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is the batch's affair
        )

    def _hang_up(self) -> None:
        """Let it end, which it does when nobody asks any more; and be sure of it."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        _wait(self._process)
        self._process = None


def _wait(process: subprocess.Popen[bytes] | Forked) -> None:
    """Wait for its end, but not for long."""
    try:
        process.wait(_ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> NoReturn:
    """Entry point of the process: do what comes in on standard input, answer on standard output."""
    for name in ("SIGTERM", "SIGHUP"):  # the notebook's kernel is ended on the way out
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(1))
    if sys.platform == "linux":
        from grader.kernel import linux

        linux.die_with_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what checks print must not get among the answers

    def say(answer: Step | _Answer) -> None:
        pickle.dump(answer, answers)
        answers.flush()

    with suppress(EOFError, BrokenPipeError):
        begin(pickle.load(sys.stdin.buffer), lambda *what: say(Step(*what)))
        while True:
            fn, args, kwargs = pickle.load(sys.stdin.buffer)
            try:
                answer = _Answer(fn(*args, **kwargs))
            except Exception as error:
                answer = _Answer(error=error)
            say(answer)
    sys.exit(0)


# ---------------------------------------------------------------------- several of them


@dataclass(frozen=True)
class Needs:
    """What an exercise takes of a machine that grades it.

    Attributes
    ----------
    data
        Names of its data sets, and which form of them is used; None for any that is here.
    threads
        Of each notebook; None for as many as the environment says.
    """

    data: tuple[str, ...]
    choice: Choice | None
    device: str
    threads: int | None = None


def views_of(needs: Needs) -> list[Path]:
    """Views of the data sets that are here; where one is not, its notebooks will say so."""
    choices: list[Choice] = ["sample", "full"] if needs.choice is None else [needs.choice]
    sets = [dataset(name) for name in needs.data]
    return [one.view(choice) for one in sets for choice in choices if choice != "full" or one.full_is_here()]


class Machine:
    """Processes of this machine, the warm process that they fork kernels from, and a folder for all of them.

    Use as a context manager. Whoever leaves it leaves nothing behind.

    Parameters
    ----------
    name
        Of the machine, where that is not the teacher's.
    warm, server
        The warm process, and the one that forks those that grade, where there are such already; whoever made them puts
        them away.
    """

    def __init__(
        self,
        needs: Needs,
        number: int,
        name: str = "",
        warm: Warm | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self._needs = needs
        self._number = number
        self._name = name
        self._warm = warm
        self._server = server
        self._processes: list[Process] = []
        self._open = ExitStack()

    def __enter__(self) -> Machine:
        with ExitStack() as stack:
            folder = scratch_folder()
            stack.callback(remove, folder)
            views = views_of(self._needs)
            warm = self._warm
            if warm is None:
                warm = stack.enter_context(warmed(views, self._needs.device))
            else:
                warm.may_read(views)
            if warm is not None:
                with suppress(NoFork):  # then every notebook has a kernel of its own
                    warm.begin()
            surroundings = Surroundings(folder, warm, self._name)
            told = shares(self._number, self._needs.device, gpus())
            self._processes = [Process(surroundings, self._needs.threads, one, self._server) for one in told]
            for process in self._processes:
                stack.callback(process.shutdown, wait=True)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def executors(self) -> Sequence[Process]:
        """The processes."""
        return self._processes

    def steps(self) -> Iterator[tuple[Executor, Step]]:
        """What they did last, where it is anything new."""
        for process in self._processes:
            if (step := process.step()) is not None:
                yield process, step

    def abandon(self) -> None:
        """Kill all that this process started: those that grade, kernels, the warm process."""
        end_everything()


def end_everything() -> None:
    """Kill all that this process started."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            # Python's own helper, which ends by itself; without it multiprocessing complains as this process ends.
            if not any("resource_tracker" in part for part in child.cmdline()):
                child.kill()


def device_class(device: str) -> str:
    """``cpu``, ``cuda`` or ``mps``: what notebooks will see, found out without importing torch."""
    kind = device.partition(":")[0]
    if kind != "auto":
        return kind
    if gpus():
        return "cuda"
    return "mps" if sys.platform == "darwin" else "cpu"


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual_workers(memory_mb: float, processors: int, available: float) -> int:
    """How many notebooks at a time processors, free bytes and the exercise's budget allow; at least one."""
    return max(1, min(processors, int(available // (memory_mb * 1_000_000))))
