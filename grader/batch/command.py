"""What `grade batch` does, from the files that were handed in to the gradebook."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from grader.batch.ahead import start_ahead
from grader.batch.beside import Beside
from grader.batch.pages import Known, write_pages
from grader.batch.teacher import Teacher
from grader.chance import secret
from grader.datasets import Choice, choose
from grader.errors import GraderError, GradingError
from grader.exercise import Exercise, find_exercise
from grader.grades.overrides import who
from grader.grades.policy import Circumstances, Plan, Policy
from grader.grades.results import Results
from grader.grades.together import with_groups
from grader.grading import Options
from grader.intake.attempt import HandedIn
from grader.intake.collect import find
from grader.intake.groups import Member, read_groups, shared
from grader.kernel import sandbox
from grader.progress import BatchProgress
from grader.render.batch import glance, remarks_table
from grader.report import Report
from grader.result_files import GROUPS
from grader.scratch import remove, scratch_folder
from grader.similarity import code_of
from grader.submission import Submission
from grader.text import count, listed, plain
from grader.workers.crew import Machine, Needs, Process, cores, device_class, usual_workers
from grader.workers.crew import main as crew_main
from grader.workers.forkserver import ForkServer, forkserver
from grader.workers.schedule import Crew, grade_class
from grader.workers.tasks import Surroundings

if TYPE_CHECKING:
    from grader.kernel.warm import Warm
    from grader.workers.cluster import Cluster

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
    rules
        The file of the teacher's rules; without one `rules.toml` in the folder of results, if it is there.
    groups
        The sheet of groups; without one `groups.csv` in the folder of results, if it is there.
    only
        Names of students: theirs are graded again, everybody else's results stay as they are. Empty for all.
    dry_run
        Nobody will read the results: leave out the pages, and what is said at the end.
    data
        Data sets that kernels of the warm process may read beside the exercise's own: it serves other exercises, too.
    place
        Which exercise of how many this is, for whoever looks on; empty where there is one.
    """

    exercise: Path
    submissions: Path
    results: Path
    workers: int | None = None
    fresh: bool = False
    scheduler: str | None = None
    rules: Path | None = None
    groups: Path | None = None
    only: tuple[str, ...] = ()
    dry_run: bool = False
    data: tuple[str, ...] = ()
    place: str = ""

    @property
    def of_course(self) -> bool:
        """Whether it is one exercise of a course, whose pages are made behind those of the exercises."""
        return bool(self.place)

    @property
    def elsewhere(self) -> str | None:
        """Address of a scheduler that is not ours."""
        return None if self.scheduler == LOCAL else self.scheduler


def run(one: Class, options: Options, console: Console, complaints: Console, warm: Warm | None = None) -> int:
    """Grade the class; the exit code.

    Parameters
    ----------
    console
        For what was found.
    complaints
        For progress and warnings.
    warm
        The warm process, if it was started ahead.

    Raises
    ------
    GraderError
        The command is wrong, or the machine lacks what grading takes.
    """
    with server_for(one) as server:
        return run_beside(one, options, console, complaints, warm, server)


def server_for(one: Class) -> AbstractContextManager[ForkServer | None]:
    """What forks the processes that grade; none where a cluster's workers do."""
    return nullcontext() if one.scheduler is not None else forkserver(crew_main)


def run_beside(
    one: Class,
    options: Options,
    console: Console,
    complaints: Console,
    warm: Warm | None,
    server: ForkServer | None,
) -> int:
    """As :func:`run`, with processes that others use as well: `server` forks those that grade."""
    begun = time.monotonic()
    exercise = find_exercise(str(one.exercise), Path.cwd())
    _ = exercise.checks  # what is wrong with them is said before anything is graded
    results, teacher = Results(one.results), Teacher.of(one.rules, one.results, exercise)
    with results.lock(), _scratch() as folder, _cluster(one, options, complaints) as cluster:
        device = device_class(options.device) if cluster is None else cluster.device
        choice = _choice(exercise, options, cluster)
        options = replace(options, data=choice, secret=secret())
        group = shared(find(one.submissions, exercise, folder, teacher.rules.every_attempt), _groups(one))
        handed_in = group.handed_in
        console.print(remarks_table(handed_in))
        attempts = teacher.clock.told(handed_in)
        teacher.tell(attempts, console, complaints)
        again = frozenset(group.one_of(who(name, [*attempts, *chain(*group.others.values())])) for name in one.only)
        policy = Policy(teacher.rules, results, Circumstances(exercise, options, choice, device, one.fresh, again))
        plan = policy.plan(attempts, handed_in.hand_ins, teacher.shown, lambda: start_ahead(warm))
        reports = {found.student: found.report for found in plan.there if found.report is not None}
        if plan.there:
            stays = "the others stay as they are" if again else "nothing changed since"
            console.print(f"{count(len(plan.there), 'result')} there already, and {stays}.")
        try:
            if plan.todo:
                _warn(options, cluster, complaints)
                own = exercise.description.data
                others = tuple(name for name in one.data if name not in own)
                needs = Needs((*own, *others), None if one.data else choice, options.device)
                with Beside(one.results, _helpers(len(plan.todo), server), plan.attempts, one.of_course) as beside:
                    beside.compare(handed_in.submissions, code_of(Submission(exercise.starter)))
                    with (
                        _crew(one, needs, exercise, options, len(plan.todo), cluster, complaints, warm, server) as crew,
                        BatchProgress(complaints, len(plan.todo), one.place) as progress,
                    ):
                        early = _Early(teacher, policy, plan, handed_in, progress, beside)
                        reports |= grade_class(plan.todo, exercise, options, results, crew, early)
                    with _beside(complaints, "Looking for similar submissions"):
                        beside.compared()
                    beside.leave_the_rest()
        except BaseException:
            with suppress(GradingError):  # what ended it is what has to be said
                counted = with_groups(results, policy.count(plan), group)
                teacher.write(results, counted, group.everybody, time.monotonic() - begun)
            _write_pages(one, complaints, index_only=True)
            raise
        counted = with_groups(results, policy.count(plan, reports), group)
        told = teacher.write(results, counted, group.everybody, time.monotonic() - begun)
        if one.dry_run:
            return 0
        if not plan.todo:
            _find_similar(one.results, handed_in, exercise, complaints)
        known = {student: attempt.report for student, attempt in counted.items() if attempt.report is not None}
        index = _write_pages(one, complaints, known=Known(known, results.shown))
    console.print()
    console.print(glance(told))
    console.print(f"Gradebook, summary and each student's report are in {plain(str(one.results), 400)}")
    if index is not None:
        console.print(f"The class, and a page for each student: open {plain(str(index), 400)}")
    # Of whom nothing can be graded nobody can say that they passed.
    return 3 if told.statuses.ungraded else 0 if told.statuses.passed == told.students else 1


def students_of(one: Class) -> list[str]:
    """Everybody who handed in, members of groups among them; nothing is graded for it.

    Raises
    ------
    GraderError
        What was handed in, the rules or the groups cannot be read.
    """
    exercise = find_exercise(str(one.exercise), Path.cwd())
    rules = Teacher.of(one.rules, one.results, exercise).rules
    with _scratch() as folder:
        group = shared(find(one.submissions, exercise, folder, rules.every_attempt), _groups(one))
    return [*group.handed_in.attempts, *chain(*group.others.values())]


def _groups(one: Class) -> dict[str, tuple[Member, ...]]:
    """Who hands in together."""
    usual = one.results / GROUPS
    if one.groups is None and not usual.is_file():
        return {}
    return read_groups(one.groups.expanduser() if one.groups is not None else usual)


def _find_similar(results: Path, handed_in: HandedIn, exercise: Exercise, complaints: Console) -> None:
    """Look for submissions that are alike."""
    from grader.batch.similar import write_similar

    with _beside(complaints, "Looking for similar submissions"):
        write_similar(results, handed_in.submissions, code_of(Submission(exercise.starter)))


def _write_pages(one: Class, complaints: Console, index_only: bool = False, known: Known | None = None) -> Path | None:
    """Write the pages; the class's, if that was possible."""
    index = None
    with _beside(complaints, "Writing the pages") as say:
        index = write_pages(one.results, say, index_only, known, one.of_course)
    return index  # noqa: RET504 - `_beside` may have taken an error


@contextmanager
def _beside(complaints: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Do what comes beside the results: whatever a notebook makes of it, they stand without it.

    Gives a function to tell how far it has got.
    """
    try:
        with complaints.status(what) as status:
            yield status.update
    except GraderError as error:
        complaints.print(f"{error.message} {error.advice}")
    except Exception as error:
        reason = plain(f"{type(error).__name__}: {error}", 300)
        complaints.print(f"{what} failed ({reason}). The results are whole without it; `grade report` tries again.")


class _Early:
    """Who hears what is found, and has pages made as soon as a student's last notebook is graded."""

    def __init__(
        self,
        teacher: Teacher,
        policy: Policy,
        plan: Plan,
        handed_in: HandedIn,
        progress: BatchProgress,
        beside: Beside,
    ) -> None:
        self._teacher = teacher
        self._policy = policy
        self._plan = plan
        self._numbers = handed_in.numbers
        self._beside = beside
        self._whose = {str(one.shown.student): one.student for one in plan.todo}
        self._left = Counter(self._whose.values())
        self.began, self.at, self.tick = progress.began, progress.at, progress.tick
        self._told = progress.finished

    def finished(self, submission: Submission, report: Report) -> None:
        """Its result is written."""
        self._told(submission, report)
        student = self._whose[str(submission.student)]
        self._left[student] -= 1
        if not self._left[student]:
            counted = self._policy.count_one(student, self._plan.attempts[student], {student: report.light()})
            grade = self._teacher.grade(student, counted, self._numbers.get(student, ""))
            if grade is not None:
                self._beside.page(grade)


def _helpers(todo: int, server: ForkServer | None) -> list[Executor]:
    """Processes that do what is done beside grading: one compares, the others make pages, each of which takes a fifth
    of the time that a short notebook does.
    """
    return [Process(Surroundings(), server=server) for _ in range(min(1 + max(1, cores() // 4), todo))]


def _cluster(one: Class, options: Options, complaints: Console) -> AbstractContextManager[Cluster | None]:
    """The cluster of a scheduler somewhere, if one is named."""
    if one.elsewhere is None:
        return nullcontext()
    from grader.workers.cluster import cluster_at

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
    warm: Warm | None,
    server: ForkServer | None,
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
        with Machine(needs, at_once, warm=warm, server=server) as machine:
            yield machine
        return
    from grader.workers.cluster import own_cluster

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
