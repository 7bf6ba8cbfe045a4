"""Proving an exercise, with a stand-in for the kernel: an unsound exercise must be found out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from rich.console import Console

from grader import grading, validation
from grader.authoring import write_derived
from grader.errors import UsageError
from grader.exercise import Exercise, load
from grader.grading import Options
from grader.kernel.execution import CellOutcome
from grader.kernel.session import Facts
from grader.report import CheckReport, ExecutionReport, Report
from grader.validation import Row, Validation, as_data, judge_row, render, validate_all
from grader.workers.crew import Needs
from tests.batches import Here
from tests.conftest import CHECKS, SAMPLE
from tests.fakes import LocalKernel

TWO_CHECKS = '''
from grader.checks import *

@check(points=1)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")

@check(points=1, needs=x_is_three)
def y_is_four(run):
    """`y` is four."""
    expect_count(run.value("y"), 4, "`y`")
'''

MISTAKES = {
    "no-x": ({"x": "pass"}, ["x_is_three"]),
    "wrong-x": ({"x": "x = 4"}, ["x_is_three"]),
    "no-y": ({"y": "pass"}, ["y_is_four"]),
    "wrong-y": ({"y": "y = 3"}, ["y_is_four"]),
}


class InProcess:
    """A session that runs the cells right here."""

    def __init__(self, *_: object) -> None:
        self.facts = Facts()
        self.peak_memory = 0
        self.alive = True
        self.namespace: dict[str, Any] = {}

    def __enter__(self) -> InProcess:
        self.local = LocalKernel(**self.namespace)
        return self

    def __exit__(self, *_: object) -> None:
        self.alive = False

    def execute(self, notebook: Any, *_: Any) -> list[CellOutcome]:
        for cell in notebook.cells:
            exec(cell.source, self.local.namespace)
        return [CellOutcome(1, "x", "ok")]

    def ending(self) -> None:
        """It never ends by itself."""

    def ask(self, *arguments: Any) -> Any:
        return self.local.ask(*arguments)


def toml_of(mistakes: dict[str, Any]) -> str:
    lines = []
    for name, (cells, fails) in mistakes.items():
        lines += ["[[mistake]]", f'name = "{name}"', 'says = "Says."', f"fails = {fails}", "[mistake.cells]"]
        lines += [f'{cell} = "{source}"' for cell, source in cells.items()]
    return "\n".join(lines)


Course = Callable[..., Validation]


@pytest.fixture
def crew() -> Iterator[Here]:
    with Here(None) as here:
        yield here


@pytest.fixture
def validated(make_exercise: Callable[..., Exercise], monkeypatch: pytest.MonkeyPatch, crew: Here) -> Course:
    """Validate an exercise of two names with these parts instead of the sound ones."""
    monkeypatch.setattr(grading, "KernelSession", InProcess)

    def run(
        checks: str = TWO_CHECKS,
        mistakes: Any = MISTAKES,
        solution: tuple[str, str] = ("x = 3  ### SOLUTION", "y = 4  ### SOLUTION"),
        starter: Any = None,
        options: Options = SAMPLE,
        before: Callable[[Exercise], object] = lambda exercise: None,
    ) -> Validation:
        exercise = make_exercise(checks)
        exercise.solution_folder.mkdir(parents=True, exist_ok=True)
        cells = [new_code_cell(source, id=name) for name, source in zip("xy", solution, strict=True)]
        exercise.reference.write_text(nbformat.writes(new_notebook(cells=cells)))
        (exercise.solution_folder / "mistakes.toml").write_text(
            mistakes if isinstance(mistakes, str) else toml_of(mistakes)
        )
        write_derived(exercise)
        if starter is not None:
            exercise.starter.write_text(starter)
        before(exercise)
        return validate_all([load(exercise.folder)], options, crew=crew)[0]

    return run


def renamed(exercise: Exercise, old: str, new: str) -> None:
    path = exercise.folder / "exercise.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def faults(validation: Validation) -> list[str]:
    return validation.faults + [fault for row in validation.rows for fault in row.faults]


def test_a_sound_exercise(validated: Course) -> None:
    validation = validated()
    assert faults(validation) == []
    assert validation.sound
    assert [row.row.name for row in validation.rows] == ["reference", "starter", *MISTAKES]
    assert [row.report.score for row in validation.rows] == [2, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"solution": ("x = 4  ### SOLUTION", "y = 4  ### SOLUTION")}, "`x_is_three` is failed and should pass"),
        ({"solution": ("x = 3  ### SOLUTION", "y = 5  ### SOLUTION")}, "`y_is_four` is failed and should pass"),
        ({"solution": ("x = 3", "y = 4  ### SOLUTION")}, "the starter earns points in `x_is_three`"),
        ({"starter": "{}"}, "the starter is not what the solution gives"),
        ({"mistakes": dict(list(MISTAKES.items())[:3])}, "there are 3 mistakes; write at least 4"),
        ({"mistakes": MISTAKES | {"harmless": ({"x": "x = 3"}, ["x_is_three"])}}, "is passed and should fail"),
        ({"mistakes": MISTAKES | {"unnamed": ({"x": "x = 4"}, [])}}, "“unnamed” names no check"),
        ({"mistakes": MISTAKES | {"both": ({"x": "x = 4"}, ["y_is_four"])}}, "`x_is_three` is failed and should pass"),
        (
            {"mistakes": MISTAKES | {"too-much": ({"x": "x = 4"}, ["x_is_three", "y_is_four"])}},
            "skipped and should fail",
        ),
        ({"mistakes": MISTAKES | {"nobody": ({"x": "x = 4"}, ["x_is_three", "z"])}}, "there is no check `z`"),
        (
            {"mistakes": dict.fromkeys("abcd", MISTAKES["no-x"])},
            "no mistake fails `y_is_four`",
        ),
        (
            {"mistakes": MISTAKES | {"lost": ({"z": "x = 4"}, ["x_is_three"])}},
            "changes the cell 'z', which is not there",
        ),
        ({"mistakes": "["}, "is no TOML"),
        ({"checks": "1 / 0"}, "cannot be run"),
        ({"checks": TWO_CHECKS.replace('expect_count(run.value("y"), 4, "`y`")', "pass")}, "is passed and should fail"),
        ({"checks": TWO_CHECKS.replace('expect_count(run.value("y"), 4, "`y`")', "{}['y']")}, "`y_is_four` is broken"),
        (
            {
                "before": lambda exercise: renamed(
                    exercise, 'chapter = "100"', 'chapter = "100"\nnames = ["x", "yy", "y-2"]'
                )
            },
            "names that the reference does not define: `yy` and `y-2`",
        ),
        ({"before": lambda exercise: renamed(exercise, '"small"', '"smal"')}, "has to be its folder's name, small"),
        ({"before": lambda exercise: exercise.reference.unlink()}, "has no reference notebook"),
        ({"before": lambda exercise: exercise.starter.unlink()}, "the starter is not what the solution gives"),
    ],
)
def test_an_unsound_exercise(validated: Course, wrong: dict[str, Any], fault: str) -> None:
    validation = validated(**wrong)
    assert not validation.sound
    assert any(fault in one for one in faults(validation)), faults(validation)
    assert as_data(validation)["sound"] is False


HIDDEN = '''
from grader.checks import *

@check(points=3, needs=["y_is_four"])
def y_is_whole(run):
    """`y` is a whole number."""
    expect(type(run.value("y")) is int, "`y` is no int.")
'''


@pytest.mark.parametrize(
    ("mistakes", "fault"),
    [
        (MISTAKES | {"float": ({"y": "y = 4.0"}, ["y_is_whole"])}, ""),
        (MISTAKES, "no mistake fails `y_is_whole`"),
    ],
)
def test_hidden_checks_have_to_be_proven_too(validated: Course, mistakes: Any, fault: str) -> None:
    validation = validated(mistakes=mistakes, before=lambda exercise: exercise.hidden_checks.write_text(HIDDEN))
    assert faults(validation) == [fault] * bool(fault)
    assert validation.rows[0].report.max_score == 5


def test_a_check_that_only_the_starter_fails_is_not_proven(validated: Course) -> None:
    """The starter fails everything: it proves nothing."""
    checks = TWO_CHECKS.replace('run.value("y"), 4', 'len(run.value("x_text")), 0')
    validation = validated(checks=checks)
    assert not validation.sound


def test_checks_downstream_of_a_mistake_may_be_skipped_or_pass(validated: Course) -> None:
    assert validated(checks=TWO_CHECKS.replace(", needs=x_is_three", "")).sound


def test_only_some_checks(validated: Course) -> None:
    validation = validated(options=Options(data="small", only=("x_is_three",)))
    assert {len(row.report.checks) for row in validation.rows} == {1}
    with pytest.raises(UsageError, match="There is no check 'nobody'"):
        validated(options=Options(data="small", only=("nobody",)))


def test_several_exercises_and_their_progress(
    validated: Course, tmp_path: Path, make_exercise: Callable[..., Exercise], crew: Here
) -> None:
    validated()
    said: list[str] = []
    sound, broken = validate_all([make_exercise(TWO_CHECKS), load_broken(tmp_path)], SAMPLE, say=said.append, crew=crew)
    assert sound.sound
    assert not broken.sound
    assert len(said) == 6
    assert all(line.endswith("as it should") for line in said)


@pytest.mark.parametrize(("given", "threads"), [(None, 2), ("7", None)])
def test_notebooks_share_the_processors(
    make_exercise: Callable[..., Exercise], monkeypatch: pytest.MonkeyPatch, given: str | None, threads: int | None
) -> None:
    monkeypatch.setattr(validation, "cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", given) if given else monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    needs: list[Needs] = []
    monkeypatch.setattr(validation, "Machine", lambda told, number: needs.append(told) or number)
    assert validation._crew([make_exercise(TWO_CHECKS)], SAMPLE, 2) == 2
    assert [one.threads for one in needs] == [threads]


def load_broken(tmp_path: Path) -> Exercise:
    folder = tmp_path / "exercises" / "broken"
    folder.mkdir()
    text = (tmp_path / "exercises" / "small" / "exercise.toml").read_text().replace('"small"', '"broken"')
    (folder / "exercise.toml").write_text(text)
    (folder / "checks.py").write_text(CHECKS)
    return load(folder)


def test_the_table_shows_each_notebook_and_each_check(validated: Course) -> None:
    console = Console(width=100, record=True, file=None, quiet=False, color_system=None)
    with captured(console) as text:
        console.print(render(validated()))
        console.print(render(validated(mistakes=MISTAKES | {"harmless": ({"x": "x = 3"}, ["x_is_three"])})))
    shown = text()
    for line in ("reference", "starter", "wrong-y", "small is sound", "small is NOT sound", "✓", "✗", "–", "y_is_four"):
        assert line in shown


def test_signs_of_many_checks_stand_five_and_five(validated: Course) -> None:
    one = '\n@check(points=1)\ndef more_{}(run):\n    """`x` is three."""\n    expect_count(run.value("x"), 3, "`x`")\n'
    more = "".join(map(one.format, range(32)))
    console = Console(width=80, color_system=None)
    with captured(console) as text:
        console.print(render(validated(checks=TWO_CHECKS + more)))
    assert re.search(r"reference +sample  ✓✓✓✓✓ ✓✓✓✓✓", text())
    assert "…" not in text()


def test_what_is_wrong_with_several_notebooks_is_told_once(validated: Course) -> None:
    console = Console(width=200, color_system=None)
    with captured(console) as text:
        console.print(render(validated(checks=TWO_CHECKS.replace('run.value("x")', "{}['x']"))))
    broken = [line for line in text().splitlines() if "`x_is_three` is broken" in line]
    assert len(broken) == 1
    assert broken[0].startswith(f"small reference (sample) and {len(MISTAKES) + 1} more: ")


@contextmanager
def captured(console: Console) -> Iterator[Callable[[], str]]:
    with console.capture() as capture:
        yield lambda: capture.get()


# ---------------------------------------------------------------------- one row


def report_of(**statuses: str) -> Report:
    checks = [
        CheckReport(name=name, title="T", status=status, score=status == "passed", max_score=1)  # type: ignore[arg-type]
        for name, status in statuses.items()
    ]
    return Report.model_construct(checks=checks, execution=ExecutionReport(status="ok"))


NEEDS = {"a": (), "b": ("a",), "c": ("b",), "d": ()}


@pytest.mark.parametrize(
    ("fails", "statuses", "count"),
    [
        ({"a"}, {"a": "failed", "b": "skipped", "c": "skipped", "d": "passed"}, 0),
        ({"a"}, {"a": "failed", "b": "passed", "c": "skipped", "d": "passed"}, 0),
        ({"a"}, {"a": "passed", "b": "passed", "c": "passed", "d": "passed"}, 1),
        ({"a"}, {"a": "skipped", "b": "passed", "c": "passed", "d": "passed"}, 1),
        ({"a"}, {"a": "error", "b": "skipped", "c": "skipped", "d": "passed"}, 1),
        ({"a"}, {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped"}, 1),
        ({"a"}, {"a": "failed", "b": "failed", "c": "skipped", "d": "passed"}, 1),
        ({"d"}, {"a": "passed", "b": "passed", "c": "passed", "d": "failed"}, 0),
        ({"d"}, {"a": "passed", "b": "skipped", "c": "passed", "d": "failed"}, 1),
        (set(), {"a": "passed", "b": "passed", "c": "passed", "d": "passed"}, 0),
        (set(), {"a": "passed", "b": "passed", "c": "failed", "d": "passed"}, 1),
        ({"a", "z"}, {"a": "failed", "b": "skipped", "c": "skipped", "d": "passed"}, 1),
        (None, {"a": "failed", "b": "skipped", "c": "skipped", "d": "failed"}, 0),
        (None, {"a": "failed", "b": "skipped", "c": "skipped", "d": "passed"}, 1),
        (None, {"a": "error", "b": "skipped", "c": "skipped", "d": "failed"}, 1),
    ],
)
def test_rows(fails: set[str] | None, statuses: dict[str, str], count: int) -> None:
    row = Row("row", new_notebook(), "sample", None if fails is None else frozenset(fails))
    assert len(judge_row(row, report_of(**statuses), NEEDS)) == count


@pytest.mark.parametrize(
    ("shares", "given", "said"),
    [
        ({}, 0.0, ""),
        ({"a": 0.25}, 0.5, ""),
        ({}, 0.5, "`a` gives 0.5 of 2 points and should give none"),
        ({"a": 0.25}, 1.0, "`a` gives 1 of 2 points and should give 0.5"),
        ({"a": 0.25}, 0.0, "`a` gives 0 of 2 points and should give 0.5"),
        ({"z": 0.25}, 0.0, "there is no check `z`"),
    ],
)
def test_shares_of_points_are_proven(shares: dict[str, float], given: float, said: str) -> None:
    report = report_of(a="failed", b="skipped", c="skipped", d="passed")
    report.checks[0].score, report.checks[0].max_score = given, 2.0
    row = Row("row", new_notebook(), "sample", frozenset({"a"}), shares)
    assert judge_row(row, report, NEEDS) == ([said] if said else [])


def test_a_starter_that_earns_a_share_is_found_out() -> None:
    report = report_of(a="failed", b="skipped", c="skipped", d="failed")
    report.checks[0].score = 0.25
    assert judge_row(Row("starter", new_notebook(), "sample", None), report, NEEDS) == [
        "the starter earns points in `a`"
    ]


def test_a_cell_of_the_reference_that_fails_is_told_before_the_checks() -> None:
    report = report_of(a="failed")
    report.execution.error = "Cell 1 ended with an error."
    reference = Row("reference", new_notebook(), "sample", frozenset())
    assert judge_row(reference, report, {"a": ()})[0] == "Cell 1 ended with an error."
    report.checks[0].status = "passed"  # an error that is meant to be seen costs nothing
    assert judge_row(reference, report, {"a": ()}) == []
