"""A whole class: every submission graded once, its result written as soon as it is there."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from grader.batch.results import Results
from grader.batch.workers import Outcome, Step, Task, Worker, end_everything, grade_task
from grader.exercise import Exercise
from grader.grading import Graded, Options, ungraded
from grader.report import Report
from grader.submission import Submission

_LOOK_EVERY_S = 0.1
_DIED_TWICE = "The process that graded it died twice. Look at this notebook by hand; the others are not affected."


class Listener(Protocol):
    """Who wants to know how far it has got."""

    def began(self, submission: Submission) -> None:
        """A submission is being graded."""

    def at(self, submission: Submission, step: Step) -> None:
        """Which cell is run, or which check."""

    def finished(self, submission: Submission, report: Report) -> None:
        """Its result is written."""

    def tick(self) -> None:
        """Some time has passed."""


@dataclass(frozen=True)
class Todo:
    """A submission whose result is not there, and the key that the result will have."""

    submission: Submission
    key: str


def sort_out(
    submissions: Sequence[Submission], exercise: Exercise, options: Options, results: Results, data: str, fresh: bool
) -> tuple[dict[str, Report], list[Todo]]:
    """What is there already, by student, and what is to be graded.

    Parameters
    ----------
    data
        The form of the data sets, ``full`` or ``sample``.
    fresh
        Grade everything again.
    """
    there: dict[str, Report] = {}
    todo: list[Todo] = []
    for submission in submissions:
        key = results.key(submission, exercise, options, device_class(options.device), data)
        report = None if fresh else results.have(str(submission.student), key)
        if report is None:
            todo.append(Todo(submission, key))
        else:
            there[str(submission.student)] = report
    return there, todo


def grade_class(
    todo: Sequence[Todo],
    exercise: Exercise,
    options: Options,
    results: Results,
    workers: Sequence[Worker],
    listener: Listener,
) -> dict[str, Report]:
    """Grade submissions, several at a time, and write each result as it comes; the reports, by student.

    A worker that dies loses nothing: its submission goes to a new one, once. If that dies, too, the submission is
    ungraded, and says why.

    Whatever ends this early (Ctrl-C among it) ends everything that was started, and leaves what was written.
    """
    waiting, again = deque(todo), set[str]()
    running: dict[Future[Outcome], tuple[Worker, Todo]] = {}
    reports: dict[str, Report] = {}
    idle = list(workers)
    try:
        while waiting or running:
            while waiting and idle:
                worker, one = idle.pop(), waiting.popleft()
                task = Task(one.submission, exercise.folder, options)
                running[worker.executor.submit(grade_task, task)] = worker, one
                listener.began(one.submission)
            done, _ = wait(running, _LOOK_EVERY_S, FIRST_COMPLETED)
            for worker, one in running.values():
                step = worker.step()
                if step is not None:
                    listener.at(one.submission, step)
            for future in done:
                worker, one = running.pop(future)
                student = str(one.submission.student)
                graded = _result(future)
                if graded is None:
                    worker.replace()
                    if student in again:
                        graded = ungraded(one.submission, exercise, options, _DIED_TWICE)
                    else:
                        again.add(student)
                        waiting.append(one)
                idle.append(worker)
                if graded is not None:
                    results.save(student, one.key, graded)
                    reports[student] = graded.report
                    listener.finished(one.submission, graded.report)
            listener.tick()
    except BaseException:
        end_everything()
        raise
    return reports


def _result(future: Future[Outcome]) -> Graded | None:
    """What a worker found; None if it died."""
    try:
        return future.result().graded()
    except BrokenExecutor:
        return None


def device_class(device: str) -> str:
    """``cpu``, ``cuda`` or ``mps``: what notebooks will see, found out without importing torch."""
    kind = device.partition(":")[0]
    if kind != "auto":
        return kind
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return "cuda"
    return "mps" if sys.platform == "darwin" else "cpu"
