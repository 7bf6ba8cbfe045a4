"""What `grade batch` does, from the files that were handed in to the gradebook."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from grader.batch.gradebook import Summary, summary, write_gradebook, write_summary
from grader.batch.grading import Crew, grade_class, sort_out
from grader.batch.handed_in import HandedIn, find
from grader.batch.results import Results
from grader.batch.workers import Machine, Needs, cores, device_class, usual_workers
from grader.datasets import Choice, choose
from grader.exercise import Exercise, find_exercise
from grader.grading import Options, secret
from grader.kernel import sandbox
from grader.progress import BatchProgress
from grader.render.batch import glance, remarks_table
from grader.report import Report
from grader.text import count, listed, plain
from grader.workspace import remove, scratch_folder

if TYPE_CHECKING:
    from grader.batch.cluster import Cluster

LOCAL = "local"


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
    scheduler
        Address of a Dask scheduler, or `local` for a cluster of this machine; without one its processes grade.
    """

    exercise: Path
    submissions: Path
    results: Path
    workers: int | None = None
    fresh: bool = False
    scheduler: str | None = None

    @property
    def elsewhere(self) -> str | None:
        """Address of a scheduler that is not ours."""
        return None if self.scheduler == LOCAL else self.scheduler


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
    results = Results(one.results)
    with results.lock(), _scratch() as folder, _cluster(one, options, complaints) as cluster:
        device = device_class(options.device) if cluster is None else cluster.device
        choice = _choice(exercise, options, cluster)
        options = replace(options, data=choice, secret=secret())
        handed_in = find(one.submissions, exercise, folder)
        console.print(remarks_table(handed_in))
        there, todo = sort_out(handed_in.submissions, exercise, options, results, choice, device, one.fresh)
        if there:
            console.print(f"{count(len(there), 'result')} there already, and nothing changed since.")
        try:
            if todo:
                _warn(options, cluster, complaints)
                needs = Needs(exercise.description.data, choice, options.device)
                with (
                    _crew(one, needs, exercise, options, len(todo), cluster, complaints) as crew,
                    BatchProgress(complaints, len(todo)) as progress,
                ):
                    there |= grade_class(todo, exercise, options, results, crew, progress)
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


def _cluster(one: Class, options: Options, complaints: Console) -> AbstractContextManager[Cluster | None]:
    """The cluster of a scheduler somewhere, if one is named."""
    if one.elsewhere is None:
        return nullcontext()
    from grader.batch.cluster import cluster_at

    return cluster_at(one.elsewhere, options, complaints.print)


def _choice(exercise: Exercise, options: Options, cluster: Cluster | None) -> Choice:
    """Which form of the data sets is used: the workers of a cluster may have them where this machine has not."""
    if cluster is not None and options.data != "auto":
        return options.data
    return choose(exercise.description.data, options.data)


@contextmanager
def _crew(
    one: Class,
    needs: Needs,
    exercise: Exercise,
    options: Options,
    todo: int,
    cluster: Cluster | None,
    complaints: Console,
) -> Iterator[Crew]:
    """Who grades: the workers of a cluster, or processes of this machine."""
    memory_mb = exercise.description.budget.memory_mb
    if cluster is not None:
        with cluster.crew(needs, memory_mb, one.workers) as crew:
            yield crew
        return
    at_once = min(one.workers or usual_workers(memory_mb, cores(), psutil.virtual_memory().available), todo)
    if "OMP_NUM_THREADS" not in os.environ:
        needs = replace(needs, threads=max(1, cores() // at_once))
    if one.scheduler is None:
        with Machine(needs, at_once) as machine:
            yield machine
        return
    from grader.batch.cluster import own_cluster

    with own_cluster(at_once, options, complaints.print) as own, own.crew(needs, memory_mb, at_once) as crew:
        yield crew


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for what archives hold."""
    folder = scratch_folder()
    try:
        yield folder / "handed-in"
    finally:
        remove(folder)


def _warn(options: Options, cluster: Cluster | None, complaints: Console) -> None:
    """Say it loudly where other people's code is about to run without all that should hold it."""
    if cluster is None:
        layers = {} if options.sandbox == "off" else sandbox.examine(options.device).layers
        sandbox.insist(layers, options.sandbox)
        broken = sandbox.broken_promises(layers)
    else:
        broken = cluster.broken
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
