"""Proving an exercise: its checks against its starter, its reference and its mistakes.

A check that nothing fails proves nothing, so it is an error, like a starter that earns a point.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.authoring import Patch, derived, read_patches, read_reference, starter_of, text_of
from grader.datasets import Choice, dataset
from grader.errors import GraderError
from grader.exercise import Exercise
from grader.grading import Options, grade
from grader.kernel.warm import warmed
from grader.report import Report
from grader.submission import Submission
from grader.text import listed
from grader.workers.crew import cores

MIN_MISTAKES = 4


@dataclass(frozen=True)
class Row:
    """One notebook of the matrix: what it is, and what its checks have to do.

    Attributes
    ----------
    fails
        Checks that have to fail; None for the starter, of which none may pass.
    """

    name: str
    notebook: nbformat.NotebookNode
    data: Choice
    fails: frozenset[str] | None


@dataclass
class RowResult:
    """What the checks did to one notebook, and what is wrong with that."""

    row: Row
    report: Report
    faults: list[str]


@dataclass
class Validation:
    """What the validation of one exercise found."""

    exercise: Exercise
    rows: list[RowResult] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults and not any(row.faults for row in self.rows)


def validate_all(
    exercises: list[Exercise], options: Options, workers: int = 2, say: Callable[[str], None] | None = None
) -> list[Validation]:
    """Validate exercises, several notebooks at a time."""
    with (
        _shared_processors(workers),
        warmed(_views(exercises, options), options.device) as warm,
        ThreadPoolExecutor(workers) as pool,
    ):
        options = replace(options, warm=warm)
        started = []
        for exercise in exercises:
            validation = Validation(exercise)
            try:
                _ = exercise.checks  # once, before several threads ask for them
                matrix = list(rows(exercise, options))
                validation.faults += _derived_faults(exercise) + _mistake_faults(exercise)
            except GraderError as error:
                validation.faults.append(f"{error.message} {error.advice}")
                matrix = []
            started.append((validation, [pool.submit(try_row, exercise, row, options) for row in matrix]))
        try:
            for validation, futures in started:
                for future in futures:
                    result = future.result()
                    validation.rows.append(result)
                    if say is not None:
                        verdict = "as it should" if not result.faults else "NOT as it should"
                        say(f"{validation.exercise.id} {result.row.name} ({result.row.data}): {verdict}")
                if futures and not options.only:
                    validation.faults += _unfailed(validation)
        except BaseException:
            _abandon([future for _, futures in started for future in futures])
            raise
    return [validation for validation, _ in started]


@contextmanager
def _shared_processors(workers: int) -> Iterator[None]:
    """Each notebook takes its share of the processors: threads that fight for them cost more than they bring."""
    names = [name for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name not in os.environ]
    os.environ |= dict.fromkeys(names, str(max(1, cores() // workers)))
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)


def _views(exercises: list[Exercise], options: Options) -> list[Path]:
    """What any notebook of these exercises may see as its data."""
    names = sorted({name for exercise in exercises for name in exercise.description.data})
    return [
        dataset(name).view(form)
        for name in names
        for form in _forms((name,), options)
        if form == "sample" or dataset(name).full_is_here()  # what is not here is a fault of the exercise that asks
    ]


def _abandon(futures: list[Future[RowResult]]) -> None:
    """End at once what is being graded: kernels are the only children that this process has."""
    running = [future for future in futures if not future.cancel()]
    while wait(running, timeout=0.2).not_done:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()


def rows(exercise: Exercise, options: Options) -> Iterator[Row]:
    """The matrix's notebooks: the reference on each form of the data that is here, the starter, the mistakes."""
    reference = read_reference(exercise)
    forms = _forms(exercise.description.data, options)
    for form in forms:
        yield Row("reference", reference, form, frozenset())
    # The mistakes are judged where it is quick; what they get wrong shows on the sample as well.
    quick = forms[0]
    yield Row("starter", starter_of(reference), quick, None)
    for mistake in read_patches(exercise.solution_folder / "mistakes.toml", "mistake"):
        form = mistake.data if mistake.data in forms else quick
        if mistake.data in ("", *forms):
            yield Row(mistake.name, mistake.apply(reference), form, frozenset(mistake.fails))


def _forms(names: tuple[str, ...], options: Options) -> list[Choice]:
    """Forms of the data sets that a reference is tried on."""
    full = bool(names) and all(dataset(name).full_is_here() for name in names)
    forms: list[Choice] = ["sample"] if options.data != "full" else []
    if (full and options.data != "sample") or options.data == "full":
        forms.append("full")
    return forms


def try_row(exercise: Exercise, row: Row, options: Options) -> RowResult:
    """Grade one notebook of the matrix, and tell what its checks did other than they should."""
    report = grade_notebook(row.notebook, exercise, replace(options, data=row.data))
    return RowResult(row, report, judge_row(row, report, {check.name: check.needs for check in exercise.checks}))


def grade_notebook(notebook: nbformat.NotebookNode, exercise: Exercise, options: Options) -> Report:
    """Grade a notebook that is not a file yet."""
    with tempfile.TemporaryDirectory(prefix="grade-") as folder:
        path = Path(folder) / exercise.description.notebook
        path.write_text(text_of(notebook), encoding="utf-8")
        return grade(Submission(path), exercise, options).report


def judge_row(row: Row, report: Report, needs: dict[str, tuple[str, ...]]) -> list[str]:
    """What is wrong with a row: a check that did other than it should."""
    faults = []
    skippable = _downstream(row.fails or frozenset(), needs)
    for check in report.checks:
        if check.status == "error":
            faults.append(f"`{check.name}` is broken: {check.message}")
        elif row.fails is None:
            if check.status == "passed":
                faults.append(f"the starter earns points in `{check.name}`")
        elif (check.name in row.fails) != (check.status == "failed") or (
            check.status == "skipped" and check.name not in skippable
        ):
            should = "fail" if check.name in row.fails else "be skipped" if check.name in skippable else "pass"
            faults.append(f"`{check.name}` is {check.status} and should {should}: {check.message}")
    unknown = (
        (row.fails or frozenset()) - {check.name for check in report.checks} if len(report.checks) == len(needs) else ()
    )
    faults += [f"there is no check `{name}`" for name in sorted(unknown)]
    return faults


def _downstream(failed: frozenset[str], needs: dict[str, tuple[str, ...]]) -> set[str]:
    """Checks that cannot be judged when these have failed; `needs` lists them in their order."""
    gone: set[str] = set()
    for name, wanted in needs.items():
        if any(one in failed or one in gone for one in wanted):
            gone.add(name)
    return gone


def _derived_faults(exercise: Exercise) -> list[str]:
    """Whether what is made of the solution, the starter and the digests of answers, is what the solution gives."""
    names = {exercise.starter: "the starter"}
    return [
        f"{names.get(path, path.name)} is not what the solution gives: run `grade release {exercise.id}`"
        for path, wanted in derived(exercise).items()
        if not path.is_file() or path.read_text("utf-8") != wanted
    ]


def _mistake_faults(exercise: Exercise) -> list[str]:
    mistakes: list[Patch] = read_patches(exercise.solution_folder / "mistakes.toml", "mistake")
    few = [f"there are {len(mistakes)} mistakes; write at least {MIN_MISTAKES}"] if len(mistakes) < MIN_MISTAKES else []
    return few + [f"the mistake “{one.name}” names no check that fails" for one in mistakes if not one.fails]


def _unfailed(validation: Validation) -> list[str]:
    """Checks that no mistake fails: nothing shows that they can."""
    failed = {c.name for r in validation.rows if r.row.fails for c in r.report.checks if c.status == "failed"}
    idle = [f"`{check.name}`" for check in validation.exercise.checks if check.name not in failed]
    return [f"no mistake fails {listed(idle)}"] if idle else []


def as_data(validation: Validation) -> dict[str, Any]:
    """The validation as plain data."""
    return {
        "exercise": validation.exercise.id,
        "sound": validation.sound,
        "faults": validation.faults,
        "rows": [
            {
                "name": result.row.name,
                "data": result.row.data,
                "score": result.report.score,
                "seconds": result.report.execution.seconds,
                "checks": {check.name: check.status for check in result.report.checks},
                "faults": result.faults,
            }
            for result in validation.rows
        ],
    }


_SIGNS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "yellow"),
    "error": ("!", "magenta"),
}


def render(validation: Validation) -> RenderableType:
    """The matrix as a table: a row a notebook, a column a check."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{validation.exercise.id}  notebook")
    table.add_column("data")
    shown = validation.rows[0].report.checks if validation.rows else []
    for number, _ in enumerate(shown, 1):
        table.add_column(str(number), justify="center")
    table.add_column("points", justify="right")
    table.add_column("s", justify="right")
    for result in validation.rows:
        report = result.report
        table.add_row(
            Text(result.row.name, "red" if result.faults else ""),
            result.row.data,
            *(Text(*_SIGNS[check.status]) for check in report.checks),
            f"{report.score:g}/{report.max_score:g}",
            f"{report.execution.seconds:.1f}",
        )
    lines: list[RenderableType] = [table]
    lines += [Text(f"  {number}  {check.name}", "dim") for number, check in enumerate(shown, 1)]
    lines += [Text(f"{validation.exercise.id}: {fault}", "red") for fault in validation.faults]
    lines += [
        Text(f"{validation.exercise.id} {r.row.name} ({r.row.data}): {fault}", "red")
        for r in validation.rows
        for fault in r.faults
    ]
    lines.append(
        Text(
            f"{validation.exercise.id} is {'sound' if validation.sound else 'NOT sound'}",
            "green" if validation.sound else "bold red",
        )
    )
    return Group(*lines, Text())
