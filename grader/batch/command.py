"""What `grade batch` does, from the files that were handed in to the gradebook."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from rich.console import Console

from grader.batch.gradebook import Summary, summary, write_gradebook, write_summary
from grader.batch.grading import Todo, grade_class, sort_out
from grader.batch.handed_in import HandedIn, find
from grader.batch.results import Results
from grader.batch.workers import Worker, cores, usual_workers
from grader.datasets import choose, dataset
from grader.exercise import Exercise, find_exercise
from grader.grading import Options
from grader.kernel import sandbox
from grader.kernel.warm import warmed
from grader.progress import BatchProgress
from grader.render.batch import glance, remarks_table
from grader.report import Report
from grader.text import count, listed, plain
from grader.workspace import remove


@dataclass(frozen=True)
class Class:
    """What to grade, and where the results go.

    Attributes
    ----------
    exercise, submissions, results
        Paths as they were typed.
    workers
        Notebooks at a time; None for as many as cores and memory allow.
    fresh
        Grade everything again.
    """

    exercise: Path
    submissions: Path
    results: Path
    workers: int | None = None
    fresh: bool = False


def run(one: Class, options: Options, console: Console, complaints: Console) -> int:
    """Grade the class; the exit code.

    Parameters
    ----------
    console
        For what was found.
    complaints
        For progress and warnings.

    Raises
    ------
    GraderError
        The command is wrong, or the machine lacks what grading takes.
    """
    begun = time.monotonic()
    exercise = find_exercise(str(one.exercise), Path.cwd())
    _ = exercise.checks  # what is wrong with them is said before anything is graded
    choice = choose(exercise.description.data, options.data)
    options = replace(options, data=choice)
    results = Results(one.results)
    with results.lock(), _scratch() as folder:
        handed_in = find(one.submissions, exercise, folder)
        console.print(remarks_table(handed_in))
        there, todo = sort_out(handed_in.submissions, exercise, options, results, choice, one.fresh)
        if there:
            console.print(f"{count(len(there), 'result')} there already, and nothing changed since.")
        try:
            if todo:
                _warn(options, complaints)
                there |= _grade(todo, exercise, options, results, one.workers, complaints)
        except BaseException:
            found = results.all(str(submission.student) for submission in handed_in.submissions)
            _tell(exercise, results, found, handed_in, time.monotonic() - begun)
            raise
        told = _tell(exercise, results, there, handed_in, time.monotonic() - begun)
    console.print()
    console.print(glance(told))
    console.print(f"Gradebook, summary and each student's report are in {plain(str(one.results), 400)}")
    statuses = {report.status for report in there.values()}
    return 3 if "ungraded" in statuses else 0 if statuses == {"passed"} else 1


def _grade(
    todo: list[Todo], exercise: Exercise, options: Options, results: Results, workers: int | None, complaints: Console
) -> dict[str, Report]:
    available = psutil.virtual_memory().available
    at_once = min(workers or usual_workers(exercise.description.budget.memory_mb, cores(), available), len(todo))
    views = [dataset(name).view(choose((name,), options.data)) for name in exercise.description.data]
    with (
        warmed(views, options.device) as warm,
        _processes(at_once, max(1, cores() // at_once)) as processes,
        BatchProgress(complaints, len(todo)) as progress,
    ):
        if warm is not None:
            warm.start()
        return grade_class(todo, exercise, replace(options, warm=warm), results, processes, progress)


@contextmanager
def _processes(number: int, threads: int) -> Iterator[list[Worker]]:
    workers = [Worker(threads) for _ in range(number)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for what archives hold."""
    folder = Path(tempfile.mkdtemp(prefix="grade-"))
    try:
        yield folder / "handed-in"
    finally:
        remove(folder)


def _warn(options: Options, complaints: Console) -> None:
    """Say it loudly where other people's code is about to run without all that should hold it."""
    layers = {} if options.sandbox == "off" else sandbox.examine(options.device).layers
    sandbox.insist(layers, options.sandbox)
    broken = sandbox.broken_promises(layers)
    if broken:
        complaints.print(
            f"WARNING: these notebooks run without some of what should hold them: {listed(broken)}. "
            "See `grade doctor`; --sandbox strict refuses to grade like this.",
            style="bold red",
        )


def _tell(
    exercise: Exercise, results: Results, reports: dict[str, Report], handed_in: HandedIn, seconds: float
) -> Summary:
    write_gradebook(results.path, exercise, reports, handed_in)
    told = summary(exercise, reports, handed_in, seconds)
    write_summary(results.path, told)
    return told
