"""The one path: from a notebook to its report."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from grader.apart import judging
from grader.between import Between
from grader.chance import random_for
from grader.checks.check import Check
from grader.datasets import Choice, Preference, choose, form_of
from grader.diagnosis import Diagnosis
from grader.digests import digest, sources_digest
from grader.errors import KernelStartError, SubmissionFault, UsageError
from grader.exercise import Exercise
from grader.judging import Progress, result, skipped
from grader.kernel.sandbox import Mode
from grader.kernel.session import Facts, KernelSession, Settings
from grader.kernel.usual import usual
from grader.language import speaking, tr
from grader.outcomes import execution_report
from grader.reading import Unreadable
from grader.report import CheckReport, DataReport, ExecutionReport, Report, said_first
from grader.rounds import Round, fatal
from grader.run import Run
from grader.submission import Submission
from grader.text import listed, plain
from grader.workspace import Workspace

if TYPE_CHECKING:
    from grader.kernel.warm import Warm


@dataclass(frozen=True)
class Options:
    """How to grade; the same for every submission of a class.

    Attributes
    ----------
    data
        ``auto`` takes the real data sets when they are there.
    seed
        Of the notebook's random numbers, and, mixed with a secret, of the checks' own.
    only
        Names of the checks to run, with what they need; empty for all.
    warm
        The process to fork kernels from; without one each is started anew.
    secret
        What checks pick is mixed with it; None for the secret of this installation.
    follow
        Whether somebody looks on, who wants to see what a cell printed last.
    """

    data: Preference = "auto"
    device: str = "auto"
    seed: int = 0
    language: str = "en"
    sandbox: Mode = "auto"
    only: tuple[str, ...] = ()
    warm: Warm | None = None
    secret: bytes | None = field(default=None, repr=False)
    follow: bool = False


@dataclass
class Graded:
    """A report, the notebook as it ran (None if it could not be read), and files of its that are to be kept."""

    report: Report
    notebook: nbformat.NotebookNode | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class _Draft:
    """What has been found so far."""

    execution: ExecutionReport
    checks: list[CheckReport] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    notebook: nbformat.NotebookNode | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


def grade(submission: Submission, exercise: Exercise, options: Options, progress: Progress | None = None) -> Graded:
    """Execute the submission, run the checks, build the report.

    Parameters
    ----------
    progress
        Told of every cell and check.

    Raises
    ------
    GraderError
        The grader itself cannot grade: an exercise's own files, missing data, no kernel.
    """
    started = datetime.now(UTC)
    choice = choose(exercise.description.data, options.data)
    checks = selected(exercise.checks, options.only)
    with speaking(options.language, exercise.folder):
        try:
            notebook = submission.read()
        except Unreadable as unreadable:
            draft = _Draft(ExecutionReport(status="invalid", error=str(unreadable)), [skipped(one) for one in checks])
        else:
            imported = exercise.imported
            told = imported.prepare(notebook) if imported is not None else []
            empty = imported.unanswered(notebook) if imported is not None else set()
            draft = _run_and_judge(notebook, submission.path, exercise, checks, options, choice, progress)
            draft.execution.put_back = told
            nothing = {"status": "failed", "manual": False, "message": tr("Nothing is written here.")}
            draft.checks = [
                one.model_copy(update=nothing) if one.manual and one.name in empty else one for one in draft.checks
            ]
    return Graded(_report(submission, exercise, options, choice, started, draft), draft.notebook, draft.files)


def ungraded(submission: Submission, exercise: Exercise, options: Options, reason: str) -> Graded:
    """What stands for a submission that could not be graded through no fault of its own.

    Parameters
    ----------
    reason
        A sentence or two; every check repeats it.
    """
    with speaking(options.language, exercise.folder):
        reason = tr(reason)
        checks = [result(check, "error", reason) for check in selected(exercise.checks, options.only)]
    draft = _Draft(ExecutionReport(status="invalid", error=plain(reason, 1000)), checks)
    # Where one of several machines lacks the data, the machine that tells it may lack them, too.
    choice = choose(exercise.description.data, "auto") if options.data == "auto" else options.data
    return Graded(_report(submission, exercise, options, choice, datetime.now(UTC), draft))


def _run_and_judge(
    notebook: nbformat.NotebookNode,
    path: Path,
    exercise: Exercise,
    checks: tuple[Check, ...],
    options: Options,
    choice: Choice,
    progress: Progress | None,
) -> _Draft:
    """Run the notebook and judge it; in further rounds, where the one before ended in a way that asks for one."""
    within = options.warm.folder if options.warm is not None else None
    this = Round(alone=options.warm is None)
    while True:
        data, own = exercise.description.data, exercise.datasets.values()
        given = exercise.imported.given if exercise.imported is not None else {}
        with Workspace(path, data, choice, within, own, given) as workspace:
            try:
                done = _one_round(this, notebook, workspace, exercise, checks, options, choice, progress)
            except KernelStartError:  # none of the notebook's code ran; the warm process may have ended meanwhile
                if this.alone:
                    raise
                done = replace(this, alone=True)
        if isinstance(done, _Draft):
            return done
        this = done


def _one_round(
    this: Round,
    notebook: nbformat.NotebookNode,
    workspace: Workspace,
    exercise: Exercise,
    checks: tuple[Check, ...],
    options: Options,
    choice: Choice,
    progress: Progress | None,
) -> _Draft | Round:
    """What was found; or the round that has to follow."""
    say = progress or (lambda *_: None)
    sources = sources_digest((cell.cell_type, cell.source) for cell in notebook.cells)
    work = digest(exercise.id.encode(), sources, workspace.companions)
    random = random_for(options.seed, work, options.secret)
    with ExitStack() as judges:
        with KernelSession(
            workspace.folder,
            Settings(
                options.device,
                options.seed,
                options.sandbox,
                None if this.alone else options.warm,
                exercise.private,
                workspace.name if workspace.name.endswith(".py") else "",
                exercise.description.packages,
                exercise.imported.before_cells if exercise.imported is not None else "",
                not usual(cell.source for cell in notebook.cells if cell.cell_type == "code"),
            ),
            exercise.description.budget,
        ) as kernel:
            run = Run(
                kernel,
                notebook,
                workspace,
                choice,
                random,
                until=this.until,
                why=Diagnosis(notebook, [], exercise.description.packages, exercise.description.names),
                answers=exercise.answers,
                datasets=exercise.datasets,
            )
            judge = judges.enter_context(judging(run, checks, say, exercise.description.budget))
            between = Between(notebook, checks, judge, this.outcomes)
            begun = time.monotonic()
            outcomes = kernel.execute(
                notebook,
                exercise.description.stop_on_error,
                lambda n, of: say("cell", n, of),
                this.until,
                this.seconds,
                (lambda n, of, line: say("printed", n, of, line)) if options.follow else None,
                between.places,
                between.judge,
                exercise.imported.run_instead(notebook) if exercise.imported is not None else {},
            )
            seconds = time.monotonic() - begun - between.seconds
            if (again := this.again(kernel.ending())) is not None:
                return again
            last = fatal(outcomes, kernel.alive)
            if last is not None and (again := this.without(last, outcomes)) is not None:
                return again
            between.moved_on(len(notebook.cells), outcomes)
            judge.judge("live")
            if (again := this.again(kernel.ending())) is not None:
                return again
            execution = execution_report(this.outcomes or outcomes, exercise, seconds, kernel.peak_memory, this.until)
        run.ended = True
        judge.judge("ended")
    files = _kept(workspace, exercise.description.keep)
    return _Draft(execution, judge.reports(), kernel.facts, notebook, files)


def _kept(workspace: Workspace, names: tuple[str, ...]) -> dict[str, bytes]:
    """Those of the files that the notebook wrote, and that are ordinary ones."""
    found = {}
    for name in names:
        with suppress(SubmissionFault):
            if name in workspace.written(name):
                found[name] = workspace.read(name)
    return found


def selected(checks: tuple[Check, ...], only: tuple[str, ...]) -> tuple[Check, ...]:
    """The named checks and all that they need; every check if none is named.

    Raises
    ------
    UsageError
        There is no check of one of the names.
    """
    if not only:
        return checks
    unknown = [name for name in only if name not in {check.name for check in checks}]
    if unknown:
        raise UsageError(f"There is no check {unknown[0]!r}.", f"The checks are {listed([c.name for c in checks])}.")
    wanted = set(only)
    for check in reversed(checks):  # what a check needs comes before it
        if check.name in wanted:
            wanted |= set(check.needs)
    return tuple(check for check in checks if check.name in wanted)


# ---------------------------------------------------------------------- the report's parts


def _status(draft: _Draft) -> str:
    statuses = {one.status for one in draft.checks}
    needed = {one.status for one in draft.checks if not (one.bonus or one.manual)}
    if needed <= {"passed"} and "error" not in statuses and draft.execution.status != "invalid":
        return "passed"
    # What the machine or the grader lacks must not cost points.
    return "ungraded" if "error" in statuses or any(one.lacks for one in draft.checks) else "failed"


def _next(draft: _Draft) -> str:
    """What to mend first: a cell that is no Python, since whatever it would have defined is not there; else what the
    first check that failed says.
    """
    for cell in draft.execution.cells:
        if not cell.compiles:
            return cell.error or ""
    return said_first(draft.checks)


@functools.cache
def _version() -> str:
    """The grader's own; to look it up is to read and parse what came with the package."""
    return version("grader")


def _report(
    submission: Submission,
    exercise: Exercise,
    options: Options,
    choice: Choice,
    started: datetime,
    draft: _Draft,
) -> Report:
    description = exercise.description
    return Report(
        exercise=exercise.id,
        title=getattr(description.title, options.language),
        submission=plain(submission.place, 400),
        student=submission.student,
        status=_status(draft),  # type: ignore[arg-type]
        score=sum(one.score for one in draft.checks),
        max_score=sum(one.max_score for one in draft.checks if not one.bonus),
        execution=draft.execution,
        checks=draft.checks,
        data=DataReport(name=form_of(choice), sets=list(description.data), small=choice == "small"),
        device=draft.facts.device,
        seed=options.seed,
        sandbox=draft.facts.layers,
        versions=draft.facts.versions,
        started=started.isoformat(timespec="seconds"),
        grader=_version(),
        language=options.language,
        next=_next(draft),
        pass_mark=description.pass_mark,
    )
