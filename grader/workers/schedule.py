"""A whole class: every submission graded once, its result written as soon as it is there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Protocol

from grader.exercise import Exercise
from grader.exercise_files import Files, paths_of
from grader.grades.results import Results
from grader.grading import Graded, Options, ungraded
from grader.intake.attempt import Attempt
from grader.language import mark
from grader.report import Report
from grader.submission import Submission
from grader.workers.crew import Step
from grader.workers.tasks import Outcome, Task, grade_task

_LOOK_EVERY_S = 0.1
_DIED_TWICE = mark("The process that graded it died twice. Look at this notebook by hand; the others are not affected.")


class Crew(Protocol):
    """Where notebooks are graded: on this machine, or on a cluster."""

    def executors(self) -> Sequence[Executor]:
        """One for each notebook that may be graded at a time. Next time there may be others: workers come and go.

        What is submitted to one that dies, or leaves, ends in `BrokenExecutor`.

        Raises
        ------
        GraderError
            There are none any more, and none will come.
        """

    def steps(self) -> Iterable[tuple[Executor, Step]]:
        """What they did last, where it is anything new."""

    def abandon(self) -> None:
        """What they do is not wanted any more."""


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


def grade_class(
    todo: Sequence[Attempt],
    exercise: Exercise,
    options: Options,
    results: Results,
    crew: Crew,
    listener: Listener,
) -> dict[str, Report]:
    """Grade submissions, several at a time, and write each result as it comes; the reports, by student.

    Of several attempts of a student it gives the report of one: read the results where all of them matter.

    A worker that dies loses nothing: its submission goes to another one, once. If that dies, too, the submission is
    ungraded, and says why.

    Whatever ends this early (Ctrl-C among it) ends everything that was started, and leaves what was written.
    """
    files = Files.read(paths_of(exercise), exercise.course)
    waiting, again = deque(todo), set[Attempt]()
    running: dict[Future[Outcome], tuple[Executor, Attempt]] = {}
    reports: dict[str, Report] = {}

    def hand_out() -> None:
        for executor in _idle(crew, running):
            if waiting:
                one = waiting.popleft()
                running[executor.submit(grade_task, Task.of(one.submission, files, options))] = executor, one
                listener.began(one.shown)

    try:
        while waiting or running:
            hand_out()
            done = _done(running)
            _tell_steps(crew, running, listener)
            finished = [(future, running.pop(future)[1]) for future in done]
            hand_out()  # nobody waits while results are written to the disk
            for future, one in finished:
                student = one.student
                graded = _result(future, one.submission, exercise, options, last=one in again)
                if graded is None:
                    again.add(one)
                    waiting.append(one)
                    continue
                results.save(student, one.key, graded, one.place)
                reports[student] = graded.report
                listener.finished(one.shown, graded.report)
            listener.tick()
    except BaseException:
        crew.abandon()
        raise
    return reports


def _idle(crew: Crew, running: dict[Future[Outcome], tuple[Executor, Attempt]]) -> list[Executor]:
    busy = {executor for executor, _ in running.values()}
    return [executor for executor in crew.executors() if executor not in busy]


def _done(running: dict[Future[Outcome], tuple[Executor, Attempt]]) -> set[Future[Outcome]]:
    """What is done now, or in a short while."""
    if not running:  # there is nobody yet to do anything
        time.sleep(_LOOK_EVERY_S)
    return wait(running, _LOOK_EVERY_S, FIRST_COMPLETED).done


def _tell_steps(crew: Crew, running: dict[Future[Outcome], tuple[Executor, Attempt]], listener: Listener) -> None:
    doing = {executor: one.shown for executor, one in running.values()}
    for executor, step in crew.steps():
        if executor in doing:
            listener.at(doing[executor], step)


def _result(
    future: Future[Outcome], submission: Submission, exercise: Exercise, options: Options, last: bool
) -> Graded | None:
    """What was found; None if whoever graded it died, and it may be tried again."""
    try:
        outcome = future.result()
    except BrokenExecutor:
        return ungraded(submission, exercise, options, _DIED_TWICE) if last else None
    except Exception as error:  # one submission must not cost the others their grades
        outcome = Outcome(failure=f"The grader itself failed: {type(error).__name__}: {error}.")
    return ungraded(submission, exercise, options, outcome.failure) if outcome.failure else outcome.graded()
