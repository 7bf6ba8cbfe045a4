"""Tests of other graders at their places: what is put back, what is run of them, and what they find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.exercise import load
from grader.foreign.locked import put_back, run_instead
from grader.foreign.tests_file import Locked, Test, TestsFile
from grader.foreign.writing import Assignment, Coded, write_exercise
from grader.formats.writing import written
from grader.grading import grade
from grader.submission import Submission, parse
from tests.conftest import SAMPLE

ONE, TWO, SHARE = "assert x == 1\ny = 5", "assert x == 2 and y == 5", "x / 4"


def cell(source: str, name: str = "", kind: str = "code") -> nbformat.NotebookNode:
    made: Any = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    if name:
        made.metadata["nbgrader"] = {"grade_id": name}
    return made


def book(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Cells as a submission's are read."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    return parse(written(notebook, "jupyter").encode())


def imported(**changed: Any) -> TestsFile:
    tests = (
        Test(name="one", title="one", points=1, cell="one"),
        Test(name="two", title="two", points=2, cell="two"),
        Test(name="share", title="share", points=1, cell="share"),
        Test(name="essay", title="essay", points=3, form="written", cell="essay"),
    )
    codes = {"one": ONE, "two": TWO, "share": SHARE}
    locked = tuple(Locked(cell=name, kind="code", source=code) for name, code in codes.items())
    return TestsFile(tool="nbgrader", source="ps1.ipynb", test=tests, locked=locked, **changed)


def starter() -> nbformat.NotebookNode:
    answers = ["x = 1", "x = 2", "pass"]
    tests = [cell(ONE, "one"), cell(TWO, "two"), cell(SHARE, "share")]
    return book(*(one for pair in zip(map(cell, answers), tests, strict=True) for one in pair))


def test_what_was_changed_deleted_or_copied_is_put_back() -> None:
    notebook = book(
        cell("x = 1"),
        cell("pass", "one"),
        cell("x = 2"),
        cell("assert True", "one"),
        cell("text", "share", "markdown"),
    )
    told = put_back(notebook, imported(), ["one", "two", "share"])
    assert [one.source for one in notebook.cells] == ["x = 1", ONE, TWO, "x = 2", "assert True", SHARE]
    assert [one.cell_type for one in notebook.cells] == ["code"] * 6
    assert len({one.id for one in notebook.cells}) == 6
    assert ["one" in said for said in told] == [True, True, False, False]
    assert put_back(starter(), imported(), []) == []


def test_of_a_tests_cell_is_run_what_is_used_later() -> None:
    codes = {"one": "import os\nz = 3\ny = z + 2\nunused = 1\nassert x == 1", "two": TWO}
    notebook = book(cell(codes["one"], "one"), cell(TWO, "two"))
    assert run_instead(notebook, imported(), codes) == {0: "import os\nz = 3\ny = z + 2", 1: ""}


def test_no_package_is_missed_that_stands_only_in_tests() -> None:
    code = "from nose.tools import assert_equal, ok_\nimport nose, os\nimport otter\nassert_equal(x, 1)"
    imports = "from nose.tools import assert_equal, ok_\nimport nose, os"
    for others, kept in (("pass", "import nose, os"), ("assert_equal(y, 2)", imports)):
        notebook = book(cell(code, "one"), cell(others), cell("assert_equal(x, 3)", "two"))
        assert run_instead(notebook, imported(), {"one": code, "two": TWO})[0] == kept


def test_each_test_finds_the_names_as_they_are_at_its_place(tmp_path: Path) -> None:
    coded = tuple(Coded(test, {"one": ONE, "two": TWO, "share": SHARE}.get(test.name, "")) for test in imported().test)
    assignment = Assignment(
        "ps1", "Title", "nbgrader", "ps1.ipynb", "ps1.ipynb", starter(), starter(), coded, imported().locked
    )
    exercise = load(write_exercise(assignment, tmp_path / "exercises").folder)
    path = tmp_path / "ps1.ipynb"
    path.write_text(
        written(book(cell("x = 1"), cell("x = 7", "one"), cell("x = 2"), cell("", "two"), cell("x = 3")), "jupyter")
    )
    report = grade(Submission(path), exercise, SAMPLE).report
    assert [(one.name, one.status, one.score, one.manual) for one in report.checks] == [
        ("one", "passed", 1, False),
        ("two", "passed", 2, False),
        ("share", "failed", 0.5, False),
        ("essay", "skipped", 0, True),
    ]
    assert [one.verified for one in report.checks] == ["outside", "outside", "outside", None]
    assert (report.status, report.score, report.max_score, report.verdict) == ("failed", 3.5, 7, "pending")
    assert len(report.execution.put_back) == 3
    path.write_text("no notebook", "utf-8")
    unread = grade(Submission(path), exercise, replace(SAMPLE, only=("essay",))).report
    assert (unread.status, unread.execution.status) == ("failed", "invalid")


@pytest.mark.parametrize(("answer", "outcome"), [("10 ** 15", ("failed", "failed")), ("3", ("passed", "passed"))])
def test_nobody_chooses_to_be_ungraded(tmp_path: Path, answer: str, outcome: tuple[str, str]) -> None:
    """A test computes with what the notebook gives: a number that takes for ever is the notebook's fault."""
    there = book(cell("def f(n):\n    return n"), cell("", "one"))
    file = TestsFile.model_validate(
        {"tool": "nbgrader", "source": "ps1.ipynb", "test": [{"name": "one", "title": "One", "points": 1}]}
    )
    coded = (Coded(file.test[0], "assert 2 ** f(3) % 5 == 3"),)
    assignment = Assignment("ps1", "Title", "nbgrader", "ps1.ipynb", "ps1.ipynb", there, there, coded, ())
    exercise = load(write_exercise(assignment, tmp_path / "exercises").folder)
    short = exercise.description.budget.model_copy(update={"check_s": 1.0})
    exercise = replace(exercise, description=exercise.description.model_copy(update={"budget": short}))
    path = tmp_path / "ps1.ipynb"
    path.write_text(written(book(cell(f"def f(n):\n    return {answer}")), "jupyter"))
    report = grade(Submission(path), exercise, SAMPLE).report
    assert (report.checks[0].status, report.status) == outcome, report.checks[0].message
