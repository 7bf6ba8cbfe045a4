"""A whole class: every submission graded once, its result written as soon as it is there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import closing
from typing import Protocol, TypeVar

from grader.exercise import Exercise
from grader.exercise_files import Files, paths_of
from grader.grades.results import Results
from grader.grading import Options, ungraded
from grader.intake.attempt import Attempt
from grader.language import mark
from grader.report import Report
from grader.submission import Submission
from grader.workers.crew import Step
from grader.workers.tasks import Outcome, Task, grade_task

_LOOK_EVERY_S = 0.1
_DIED_TWICE = mark("The process that graded it died twice. Look at this notebook by hand; the others are not affected.")


Work = TypeVar("Work", bound=Hashable)


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
    reports: dict[str, Report] = {}
    found = outcomes(
        todo,
        lambda one: Task.of(one.submission, files, options),
        crew,
        began=lambda one: listener.began(one.shown),
        at=lambda one, step: listener.at(one.shown, step),
        tick=listener.tick,
    )
    with closing(found):
        for one, outcome in found:
            failure = outcome.failure
            graded = ungraded(one.submission, exercise, options, failure) if failure else outcome.graded()
            results.save(one.student, one.key, graded, one.place)
            reports[one.student] = graded.report.light()
            listener.finished(one.shown, graded.report)
    return reports


def outcomes(
    todo: Sequence[Work],
    task_of: Callable[[Work], Task],
    crew: Crew,
    began: Callable[[Work], object] = lambda _: None,
    at: Callable[[Work, Step], object] = lambda *_: None,
    tick: Callable[[], object] = lambda: None,
) -> Generator[tuple[Work, Outcome], None, None]:
    """What a crew finds, each as it comes; several things are graded at a time.

    What a process that dies had to do goes to another one, once; if that dies, too, the outcome is a failure, and says
    so. Whoever stops asking closes it: then, or whatever else ends it early, the crew abandons what it does.

    Parameters
    ----------
    todo
        What is to be graded, in the order in which it is handed out; no two are equal.
    task_of
        Makes the task, when its turn comes.
    began, at, tick
        Told when something is begun, which step of it is done, and, now and then, that time has passed.
    """
    waiting, again = deque(todo), set[Work]()
    running: dict[Future[Outcome], tuple[Executor, Work]] = {}

    def hand_out() -> None:
        for executor in _idle(crew, running):
            if waiting:
                one = waiting.popleft()
                running[executor.submit(grade_task, task_of(one))] = executor, one
                began(one)

    try:
        while waiting or running:
            hand_out()
            done = _done(running)
            doing = dict(running.values())
            for executor, step in crew.steps():
                if executor in doing:
                    at(doing[executor], step)
            finished = [(future, running.pop(future)[1]) for future in done]
            hand_out()  # nobody waits while results are written to the disk
            for future, one in finished:
                outcome = _outcome(future, last=one in again)
                if outcome is None:
                    again.add(one)
                    waiting.append(one)
                else:
                    yield one, outcome
            tick()
    except BaseException:
        crew.abandon()
        raise


def _idle(crew: Crew, running: dict[Future[Outcome], tuple[Executor, Work]]) -> list[Executor]:
    busy = {executor for executor, _ in running.values()}
    return [executor for executor in crew.executors() if executor not in busy]


def _done(running: dict[Future[Outcome], tuple[Executor, Work]]) -> set[Future[Outcome]]:
    """What is done now, or in a short while."""
    if not running:  # there is nobody yet to do anything
        time.sleep(_LOOK_EVERY_S)
    return wait(running, _LOOK_EVERY_S, FIRST_COMPLETED).done


def _outcome(future: Future[Outcome], last: bool) -> Outcome | None:
    """What was found; None if whoever graded it died, and it may be tried again."""
    try:
        return future.result()
    except BrokenExecutor:
        return Outcome(failure=_DIED_TWICE) if last else None
    except Exception as error:  # one submission must not cost the others their grades
        return Outcome(failure=f"The grader itself failed: {type(error).__name__}: {error}.")
