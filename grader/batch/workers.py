"""Processes that grade: what travels to them, what comes back, and what becomes of those that die.

Everything that hands out work does so through `concurrent.futures.Executor`, one for each process here, so that it
is known who was working on what when a process died.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import signal
import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
import psutil

from grader.errors import GraderError
from grader.exercise import Exercise, load
from grader.grading import Graded, Options, grade, ungraded
from grader.report import Report
from grader.submission import Submission


@dataclass(frozen=True)
class Task:
    """One submission to be graded, as it travels to a worker."""

    submission: Submission
    exercise: Path
    options: Options


@dataclass(frozen=True)
class Outcome:
    """What was found, as it travels back: texts, so that nothing of a notebook is ever unpickled as an object."""

    report: str
    notebook: str | None

    def graded(self) -> Graded:
        """The report, and the notebook as it ran."""
        notebook = None if self.notebook is None else nbformat.from_dict(json.loads(self.notebook))
        return Graded(Report.model_validate_json(self.report), notebook)


@dataclass(frozen=True)
class Step:
    """What a worker is doing: a cell or a check, its number, and how many there are."""

    what: str
    number: int
    of: int


def grade_task(task: Task) -> Outcome:
    """Grade a submission; what goes wrong in the grader itself is in the report, and costs no points."""
    exercise = _exercise(task.exercise)
    try:
        graded = grade(task.submission, exercise, task.options, _say)
    except GraderError as error:
        graded = ungraded(task.submission, exercise, task.options, f"{error.message} {error.advice}".strip())
    except Exception as error:  # one submission must not cost the others their grades
        reason = f"The grader itself failed: {type(error).__name__}: {error}."
        graded = ungraded(task.submission, exercise, task.options, reason)
    notebook = None if graded.notebook is None else json.dumps(graded.notebook)
    return Outcome(graded.report.model_dump_json(), notebook)


@functools.cache
def _exercise(folder: Path) -> Exercise:
    return load(folder)


_steps: Connection | None = None


def _say(what: str, number: int, of: int) -> None:
    if _steps is not None:
        with suppress(OSError):
            _steps.send((what, number, of))


def _begin(steps: Connection, threads: int) -> None:
    """In a new worker: Ctrl-C is the batch's affair, and so is its end."""
    global _steps
    _steps = steps
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if sys.platform == "linux":
        from grader.kernel import linux

        linux.die_with_parent()


class Worker:
    """One process that grades, and another one in its place when it dies."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._new()

    def _new(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._steps, ends = context.Pipe(duplex=False)
        self.executor: Executor = ProcessPoolExecutor(1, context, _begin, (ends, self._threads))
        self._ends = ends

    def replace(self) -> None:
        """Take another process."""
        self.close()
        self._new()

    def close(self) -> None:
        """End the process when it has nothing to do any more."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        self._steps.close()
        self._ends.close()

    def step(self) -> Step | None:
        """What it did last, if anything new."""
        last = None
        with suppress(OSError, EOFError):
            while self._steps.poll():
                last = Step(*self._steps.recv())
        return last


def end_everything() -> None:
    """Kill all that this process started: workers, kernels, the warm process."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            # Python's own helper, which ends by itself; without it multiprocessing complains as this process ends.
            if not any("resource_tracker" in part for part in child.cmdline()):
                child.kill()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual_workers(memory_mb: float, processors: int, available: float) -> int:
    """How many notebooks at a time processors, free bytes and the exercise's budget allow; at least one."""
    return max(1, min(processors, int(available // (memory_mb * 1_000_000))))
