"""Proving an exercise: its checks against its starter, its reference and its mistakes.

A check that nothing fails proves nothing, so it is an error, like a starter that earns a point.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.authoring import Patch, derived, format_of, read_patches, read_reference, starter_notebook, text_of
from grader.datasets import Choice, choose, dataset
from grader.errors import GraderError, GradingError
from grader.exercise import Exercise
from grader.exercise_files import Files, paths_of
from grader.grading import Options, grade, selected
from grader.report import Report
from grader.submission import Submission
from grader.text import listed, number
from grader.workers.crew import Machine, Needs, cores
from grader.workers.schedule import Crew, outcomes
from grader.workers.tasks import Outcome, Task

MIN_MISTAKES = 4


@dataclass(frozen=True)
class Row:
    """One notebook of the matrix: what it is, and what its checks have to do.

    Attributes
    ----------
    fails
        Checks that have to fail; None for the starter, of which none may pass.
    shares
        Of the checks that fail, the share of the points that is given all the same; none if it is not said.
    """

    name: str
    notebook: nbformat.NotebookNode
    data: Choice
    fails: frozenset[str] | None
    shares: Mapping[str, float] = field(default_factory=dict)


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


@dataclass(frozen=True)
class _Turn:
    """A row whose turn comes: of which validation, and which of it."""

    validation: int
    row: int


def validate_all(
    exercises: list[Exercise],
    options: Options,
    workers: int = 2,
    say: Callable[[str], None] | None = None,
    crew: Crew | None = None,
) -> list[Validation]:
    """Validate exercises, several notebooks at a time.

    Parameters
    ----------
    say
        Told of each notebook, in the order of the matrix.
    crew
        Who grades; processes of this machine, if it is not said.

    Raises
    ------
    GraderError
        There is no check of a name that `options` asks for, or the grader itself fails.
    """
    validations = [Validation(exercise) for exercise in exercises]
    matrices = [_matrix(one, options) for one in validations]
    for one, matrix in zip(validations, matrices, strict=True):
        if matrix:
            selected(one.exercise.checks, options.only)  # a name that is wrong is wrong for every row
    with nullcontext(crew) if crew is not None else _crew(exercises, options, workers) as graders:
        found = outcomes(
            [_Turn(v, r) for v, matrix in enumerate(matrices) for r, _ in enumerate(matrix)],
            _tasks(validations, matrices, options),
            graders,
        )
        ordered = _InOrder(validations, matrices, options, say)
        with closing(found):
            for turn, outcome in found:
                ordered.take(turn, outcome)
    return validations


def _matrix(validation: Validation, options: Options) -> list[Row]:
    """The rows of an exercise; none where its files are wrong, which is a fault."""
    exercise = validation.exercise
    try:
        _ = exercise.checks
        matrix = list(rows(exercise, options))
        validation.faults += _name_faults(exercise) + _derived_faults(exercise) + _mistake_faults(exercise)
    except GraderError as error:
        validation.faults.append(f"{error.message} {error.advice}")
        return []
    return matrix


def _crew(exercises: list[Exercise], options: Options, workers: int) -> Machine:
    """Processes of this machine; each notebook takes its share of the processors, as in a batch."""
    names = {name: None for exercise in exercises for name in exercise.description.data}
    choice = None if options.data == "auto" else options.data
    threads = None if "OMP_NUM_THREADS" in os.environ else max(1, cores() // workers)
    return Machine(Needs(tuple(names), choice, options.device, threads), workers)


def _tasks(
    validations: Sequence[Validation], matrices: Sequence[Sequence[Row]], options: Options
) -> Callable[[_Turn], Task]:
    files = [Files.read(paths_of(one.exercise), one.exercise.course) for one in validations]
    forms = [format_of(one.exercise) for one in validations]

    def task(turn: _Turn) -> Task:
        exercise, row = validations[turn.validation].exercise, matrices[turn.validation][turn.row]
        name, form = exercise.reference.name, forms[turn.validation]
        notebook = text_of(row.notebook, form, exercise.description.names).encode()
        of_row = replace(options, data=row.data, warm=None)
        return Task(name, None, name, notebook, "", Files(), files[turn.validation], of_row)

    return task


class _InOrder:
    """Takes what was found, in whatever order, and puts it into the validations in the order of the matrix."""

    def __init__(
        self,
        validations: Sequence[Validation],
        matrices: Sequence[Sequence[Row]],
        options: Options,
        say: Callable[[str], None] | None,
    ) -> None:
        self._validations = validations
        self._matrices = matrices
        self._options = options
        self._say = say
        self._waiting: dict[_Turn, RowResult] = {}
        self._order = deque(_Turn(v, r) for v, matrix in enumerate(matrices) for r, _ in enumerate(matrix))

    def take(self, turn: _Turn, outcome: Outcome) -> None:
        """Keep it until those before it are there."""
        if outcome.failure:
            raise GradingError(outcome.failure, "")
        exercise, row = self._validations[turn.validation].exercise, self._matrices[turn.validation][turn.row]
        self._waiting[turn] = judged(exercise, row, outcome.graded().report)
        while self._order and self._order[0] in self._waiting:
            first = self._order.popleft()
            self._put(self._validations[first.validation], self._waiting.pop(first))
            if first.row == len(self._matrices[first.validation]) - 1 and not self._options.only:
                validation = self._validations[first.validation]
                validation.faults += _unfailed(validation)

    def _put(self, validation: Validation, result: RowResult) -> None:
        validation.rows.append(result)
        if self._say is not None:
            verdict = "as it should" if not result.faults else "NOT as it should"
            self._say(f"{validation.exercise.id} {result.row.name} ({result.row.data}): {verdict}")


def rows(exercise: Exercise, options: Options) -> Iterator[Row]:
    """The matrix's notebooks: the reference on each form of the data that is here, the starter, the mistakes."""
    reference = read_reference(exercise)
    forms = _forms(exercise.description.data, options)
    for form in forms:
        yield Row("reference", reference, form, frozenset())
    # The mistakes are judged where it is quick; what they get wrong shows on the sample as well.
    quick = _quick_form(exercise.description.data, forms)
    yield Row("starter", starter_notebook(exercise), quick, None)
    for mistake in _mistakes(exercise):
        tried_on: Choice = mistake.data or quick
        if tried_on in (quick, *forms):
            yield Row(mistake.name, mistake.apply(reference), tried_on, frozenset(mistake.fails), mistake.shares)


def _mistakes(exercise: Exercise) -> list[Patch]:
    """The known mistakes; an imported exercise needs none."""
    path = exercise.solution_folder / "mistakes.toml"
    return [] if exercise.imported is not None and not path.exists() else read_patches(path, "mistake")


def _forms(names: tuple[str, ...], options: Options) -> list[Choice]:
    """Forms of the data sets that a reference is tried on."""
    full = bool(names) and all(dataset(name).full_is_here() for name in names)
    if options.data == "auto":
        return ["sample", "full"] if full else ["sample"]
    return ["full"] if options.data == "full" else [choose(names, options.data)]


def _quick_form(names: tuple[str, ...], forms: list[Choice]) -> Choice:
    """The form on which the other notebooks are tried."""
    return choose(names, "small") if forms[0] == "sample" else forms[0]


def try_row(exercise: Exercise, row: Row, options: Options) -> RowResult:
    """Grade one notebook of the matrix, and tell what its checks did other than they should."""
    report = grade_notebook(row.notebook, exercise, replace(options, data=row.data))
    return judged(exercise, row, report)


def judged(exercise: Exercise, row: Row, report: Report) -> RowResult:
    """A row with its report, and what is wrong with it."""
    return RowResult(row, report, judge_row(row, report, {check.name: check.needs for check in exercise.checks}))


def grade_notebook(notebook: nbformat.NotebookNode, exercise: Exercise, options: Options) -> Report:
    """Grade a notebook that is not a file yet."""
    with tempfile.TemporaryDirectory(prefix="grade-") as folder:
        path = Path(folder) / exercise.reference.name
        text = text_of(notebook, format_of(exercise), exercise.description.names)
        path.write_text(text, encoding="utf-8")
        return grade(Submission(path), exercise, options).report


def judge_row(row: Row, report: Report, needs: dict[str, tuple[str, ...]]) -> list[str]:
    """What is wrong with a row: a check that did other than it should."""
    faults = []
    skippable = _downstream(row.fails or frozenset(), needs)
    for check in report.checks:
        if check.manual:
            continue  # a person's to judge
        if check.status == "error":
            faults.append(f"`{check.name}` is broken: {check.message}")
        elif row.fails is None:
            if check.score > 0:
                faults.append(f"the starter earns points in `{check.name}`")
        elif (check.name in row.fails) != (check.status == "failed") or (
            check.status == "skipped" and check.name not in skippable
        ):
            should = "fail" if check.name in row.fails else "be skipped" if check.name in skippable else "pass"
            faults.append(f"`{check.name}` is {check.status} and should {should}: {check.message}")
        elif check.status == "failed" and abs(check.score - row.shares.get(check.name, 0.0) * check.max_score) > 1e-6:
            of, share = number(check.max_score), row.shares.get(check.name, 0.0)
            should = number(share * check.max_score) if share else "none"
            faults.append(f"`{check.name}` gives {number(check.score)} of {of} points and should give {should}")
    unknown = (
        {*(row.fails or ()), *row.shares} - {check.name for check in report.checks}
        if len(report.checks) == len(needs)
        else set()
    )
    faults += [f"there is no check `{name}`" for name in sorted(unknown)]
    if faults and row.name == "reference" and report.execution.error:  # which is most likely why
        faults.insert(0, report.execution.error)
    return faults


def _downstream(failed: frozenset[str], needs: dict[str, tuple[str, ...]]) -> set[str]:
    """Checks that cannot be judged when these have failed; `needs` lists them in their order."""
    gone: set[str] = set()
    for name, wanted in needs.items():
        if any(one in failed or one in gone for one in wanted):
            gone.add(name)
    return gone


def _name_faults(exercise: Exercise) -> list[str]:
    """Whether what `exercise.toml` calls the exercise and the notebook's names is what they are called."""
    faults = []
    if exercise.id != exercise.folder.name:
        faults.append(
            f'exercise.toml says `id = "{exercise.id}"`: it has to be its folder\'s name, {exercise.folder.name}'
        )
    code = "\n".join(cell.source for cell in read_reference(exercise).cells if cell.cell_type == "code")
    lacking = [
        f"`{name}`" for name in exercise.description.names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code)
    ]
    if lacking:
        faults.append(f"exercise.toml has names that the reference does not define: {listed(lacking)}")
    return faults


def _derived_faults(exercise: Exercise) -> list[str]:
    """Whether what is made of the solution, the starter and the digests of answers, is what the solution gives."""
    names = {exercise.starter: "the starter"}
    return [
        f"{names.get(path, path.name)} is not what the solution gives: run `grade release {exercise.id}`"
        for path, wanted in derived(exercise).items()
        if not path.is_file() or path.read_text("utf-8") != wanted
    ]


def _mistake_faults(exercise: Exercise) -> list[str]:
    mistakes, least = _mistakes(exercise), 0 if exercise.imported is not None else MIN_MISTAKES
    few = [f"there are {len(mistakes)} mistakes; write at least {least}"] if len(mistakes) < least else []
    return few + [f"the mistake “{one.name}” names no check that fails" for one in mistakes if not one.fails]


def _unfailed(validation: Validation) -> list[str]:
    """Checks that no mistake fails: nothing shows that they can. Of imported tests that is not asked."""
    if validation.exercise.imported is not None:
        return []
    failed = {c.name for r in validation.rows if r.row.fails for c in r.report.checks if c.status == "failed"}
    idle = [f"`{check.name}`" for check in validation.exercise.checks if check.name not in failed]
    return [f"no mistake fails {listed(idle)}"] if idle else []


def _row_faults(validation: Validation) -> list[str]:
    """What is wrong with rows, a line each; what is wrong with several in the same way is told once."""
    rows: dict[str, list[str]] = {}
    for result in validation.rows:
        for fault in result.faults:
            rows.setdefault(fault, []).append(f"{result.row.name} ({result.row.data})")
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {fault}" for fault, names in rows.items()
    ]


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


_MOST_COLUMNS = 12  # of checks: beyond it their signs stand side by side, five and five


def render(validation: Validation) -> RenderableType:
    """The matrix as a table: a row a notebook, a column a check."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{validation.exercise.id}  notebook")
    table.add_column("data")
    shown = validation.rows[0].report.checks if validation.rows else []
    if wide := len(shown) > _MOST_COLUMNS:
        table.add_column(f"1 to {len(shown)}")
    else:
        for place, _ in enumerate(shown, 1):
            table.add_column(str(place), justify="center")
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for result in validation.rows:
        report = result.report
        signs = [Text(*_SIGNS[check.status]) for check in report.checks]
        fives = [Text.assemble(*signs[begin : begin + 5]) for begin in range(0, len(signs), 5)]
        table.add_row(
            Text(result.row.name, "red" if result.faults else ""),
            result.row.data,
            *([Text(" ").join(fives)] if wide else signs),
            f"{report.score:g}/{report.max_score:g}",
            f"{report.execution.seconds:.1f}",
        )
    lines: list[RenderableType] = [table]
    lines += [Text(f"  {place}  {check.name}", "dim") for place, check in enumerate(shown, 1)]
    lines += [Text(f"{validation.exercise.id}: {fault}", "red") for fault in validation.faults]
    lines += [Text(f"{validation.exercise.id} {fault}", "red") for fault in _row_faults(validation)]
    lines.append(
        Text(
            f"{validation.exercise.id} is {'sound' if validation.sound else 'NOT sound'}",
            "green" if validation.sound else "bold red",
        )
    )
    return Group(*lines, Text())
