"""`grade status`: where a student stands, from what is kept beside the notebooks; and the command as it is typed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from grader.dotgrade import keep
from grader.exercise import Exercise, load
from grader.grading import Graded
from grader.language import speaking
from grader.report import Report
from grader.result_files import REPORT
from grader.status import Status, render, status
from tests.conftest import CHECKS
from tests.render.test_batch import shown
from tests.test_cli import grade
from tests.test_report import report

TOML = """id = "{id}"
title = {{ en = "Number {id}", fi = "Numero {id}" }}
notebook = "{id}.ipynb"
chapter = "1"
"""


@pytest.fixture
def course(tmp_path: Path) -> list[Exercise]:
    """Exercises a to d of a point each, none of them begun."""
    for name in "abcd":
        folder = tmp_path / "exercises" / name
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(TOML.format(id=name))
        (folder / "checks.py").write_text(CHECKS)
        (folder / f"{name}.ipynb").write_text("{}")
    return [load(tmp_path / "exercises" / name) for name in "abcd"]


def kept(exercise: Exercise, outcome: str, score: float, **more: Any) -> Path:
    """Keep a report, as grading the exercise does; its file."""
    found = report(outcome, score=score, **more).model_copy(update={"exercise": exercise.id})
    folder = keep(Graded(found), exercise.starter)
    assert folder is not None
    return folder / REPORT


def standing(found: Status) -> dict[str, str]:
    return {one.id: one.status for one in found.exercises}


def test_each_exercise_as_it_was_graded_last(course: list[Exercise]) -> None:
    a, b, c, _ = course
    kept(a, "failed", 0)
    kept(a, "passed", 2)  # the newest
    kept(b, "failed", 1.5)
    kept(c, "failed", 0.5)
    found = status(course, "fi")
    assert standing(found) == {"a": "full", "b": "passed", "c": "open", "d": "never"}
    assert (found.score, found.max_score, found.next) == (4.0, 7.0, "c")
    assert found.exercises[0].title == "Numero a"
    assert found.exercises[2].step == "No. Try."
    told = shown(render(found))
    assert "3 of 4" not in told
    assert "2 of 4 exercises done, 4/7 points." in told
    assert "Next: Exercise c: No. Try." in told


def test_what_was_not_graded_through_no_fault_of_the_students(course: list[Exercise]) -> None:
    kept(course[1], "ungraded", 2)  # whatever it claims
    found = status(course, "en")
    assert standing(found)["b"] == "ungraded"
    assert (found.score, found.next) == (0.0, "b")
    assert "costs no points" in found.exercises[1].step


def test_nothing_begun_and_all_done(course: list[Exercise]) -> None:
    assert "Nothing was graded yet. Edit the notebook of exercise a" in shown(render(status(course, "en")))
    for one in course:
        kept(one, "passed", 2)
    found = status(course, "en")
    assert found.next is None
    assert "Every exercise is done." in shown(render(found))
    with speaking("fi"):
        assert "4/4 harjoitusta tehty, 8/8 pistettä." in shown(render(found))


def test_a_notebook_that_was_saved_since(course: list[Exercise]) -> None:
    path = kept(course[0], "failed", 0)
    later = path.stat().st_mtime + 10
    os.utime(course[0].starter, (later, later))
    found = status(course, "en")
    assert found.exercises[0].changed
    told = shown(render(found))
    assert "open, changed since" in told
    assert "Its notebook was changed since it was graded: `grade a`." in told


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, '{"exercise": "a"}', "another's", "link"])
def test_what_is_no_report_of_this_exercise_counts_as_never_graded(course: list[Exercise], content: str) -> None:
    path = kept(course[0], "passed", 2)
    if content == "another's":
        path.write_text(
            Report.model_validate_json(path.read_text()).model_copy(update={"exercise": "b"}).model_dump_json()
        )
    elif content == "link":
        elsewhere = path.parent.rename(path.parent.parent.parent / "elsewhere")
        path.parent.symlink_to(elsewhere)
    else:
        path.write_text(content)
    assert standing(status(course, "en"))["a"] == "never"


def test_what_a_report_says_reaches_no_terminal_raw(course: list[Exercise]) -> None:
    kept(course[0], "failed", 0, next="\x1b[2J[red]Boom[/red]")
    told = shown(render(status(course, "en")))
    assert "\x1b" not in told
    assert "[red]Boom[/red]" in told


def test_the_command(course: list[Exercise], tmp_path: Path) -> None:
    kept(course[1], "failed", 1.5)
    found = json.loads(grade("status", "--json", cwd=tmp_path, PYTHONIOENCODING="ascii").stdout)
    by_id = {one["id"]: one for one in found["exercises"]}
    assert list(by_id) == ["a", "b", "c", "d"]  # of this course alone
    assert by_id["b"]["status"] == "passed"
    assert set(found) == {"exercises", "score", "max_score", "next"}
    done = grade("status", "--lang", "fi", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ei vielä arvosteltu" in done.stdout
