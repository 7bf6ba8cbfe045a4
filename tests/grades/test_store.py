"""Attempts that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grader.grades.results import Results
from grader.grades.store import Attempts, distinct
from grader.grading import Graded
from grader.intake.attempt import Attempt
from grader.submission import Submission
from tests.conftest import listing, notebook
from tests.test_report import report

DEADLINE = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


@pytest.fixture
def attempt(tmp_path: Path) -> Callable[..., Attempt]:
    """A notebook that Ann handed in."""

    def write(source: str, when: datetime | None = None, **more: Any) -> Attempt:
        path = tmp_path / "in" / f"{source.replace(' ', '')}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook(source)))
        return Attempt(Submission(path, "Ann"), when, **more)

    return write


def graded(source: str, status: str = "failed") -> Graded:
    return Graded(report(status, student="Ann"), notebook(source), {"plot.png": b"a picture"})


def test_attempts_keep_their_numbers(results: Results, attempt: Callable[..., Attempt]) -> None:
    keeper = Attempts(results)
    first = keeper.plan("Ann", [attempt("x = 1", DEADLINE, key="one")], None)
    assert [(one.number, one.handed_in) for one in first] == [(1, DEADLINE)]
    day = timedelta(days=1)
    now = [attempt("x = 2", DEADLINE + day, key="two"), attempt("x = 1", DEADLINE + 2 * day, key="one")]
    second = Attempts(results).plan("Ann", now, None)
    # The same notebook, downloaded again: it was handed in when it first was.
    assert [(one.number, one.handed_in, one.submission) for one in second] == [
        (1, DEADLINE, now[1].submission),
        (2, DEADLINE + day, now[0].submission),
    ]
    third = Attempts(results).plan("Ann", [attempt("x = 3", key="three")], None)
    assert [(one.number, one.handed_in, one.gone) for one in third] == [
        (1, DEADLINE, True),
        (2, DEADLINE + day, True),
        (3, None, False),
    ]
    told = attempt("x = 2", DEADLINE + 5 * day, told=True, key="two")
    assert Attempts(results).plan("Ann", [told], None)[1].handed_in == DEADLINE + 5 * day


def test_what_was_graded_before_attempts_were_kept_becomes_one(
    results: Results, attempt: Callable[..., Attempt]
) -> None:
    results.save("Ann", "old", graded("x = 1"))
    found = Attempts(results).plan("Ann", [attempt("x = 2", key="new")], DEADLINE)
    assert [(one.number, one.handed_in, one.gone) for one in found] == [
        (1, DEADLINE, True),
        (2, None, False),
    ]
    assert results.read("Ann", "old", 1) == report(student="Ann")
    assert (results.folder("Ann", 1) / "files" / "plot.png").read_bytes() == b"a picture"
    assert (results.folder("Ann", 1) / "executed.ipynb").is_file()


def test_the_same_notebook_is_not_graded_again_for_becoming_an_attempt(
    results: Results, attempt: Callable[..., Attempt]
) -> None:
    results.save("Ann", "key", graded("x = 1"))
    one = attempt("x = 1", key="key")
    assert [kept.number for kept in Attempts(results).plan("Ann", [one], DEADLINE)] == [1]
    assert results.have(one.submission, "key", 1) is not None
    results.save("Bob", "unreadable", Graded(report(student="Bob"), None))  # it was never run
    Attempts(results).plan("Bob", [replace(one, key="unreadable")], None)
    assert results.read("Bob", "unreadable", 1) is not None
    # Under other circumstances it is the same attempt still.
    again = Attempts(results).plan("Ann", [replace(one, key="another key")], None)
    assert [(kept.number, kept.handed_in) for kept in again] == [(1, DEADLINE)]


def test_what_was_not_graded_before_is_no_attempt(results: Results, attempt: Callable[..., Attempt]) -> None:
    results.save("Ann", "old", graded("x = 1", "ungraded"))
    assert [one.number for one in Attempts(results).plan("Ann", [attempt("x = 2", key="new")], None)] == [1]


def test_damaged_marks_are_as_if_they_were_not_there(results: Results, attempt: Callable[..., Attempt]) -> None:
    Attempts(results).plan("Ann", [attempt("x = 1", key="one")], None)
    (results.folder("Ann", 1) / "attempt.json").write_text("{")
    (results.folder("Ann", 1).parent / "x").mkdir()
    assert [one.number for one in Attempts(results).plan("Ann", [attempt("x = 2", key="two")], None)] == [2]


def test_a_copy_is_whole_and_made_once(results: Results) -> None:
    results.save("Ann", "key", graded("x = 1"), 2)
    results.copy("Ann", 2, 0)
    own = results.folder("Ann")
    assert results.read("Ann", "key") == report(student="Ann")
    assert listing(own / "files") == ["plot.png"]
    before = (own / "report.json").stat().st_mtime_ns
    results.copy("Ann", 2, 0)
    assert (own / "report.json").stat().st_mtime_ns == before
    results.save("Ann", "other", Graded(report("passed", student="Ann")), 1)
    results.copy("Ann", 1, 0)
    assert results.read("Ann", "other") == report("passed", student="Ann")
    assert listing(own) == [
        "attempts",
        *(f"attempts/{name}" for name in listing(own / "attempts")),
        "key.json",
        "report.json",
    ]


def test_the_same_notebook_twice_is_one_attempt(attempt: Callable[..., Attempt]) -> None:
    late = DEADLINE + timedelta(days=1)
    found = distinct([attempt("x = 1", key="a"), attempt("x = 1", late, key="b"), attempt("x = 1", DEADLINE, key="a")])
    assert [one.key for one in found] == ["a", "b"]
    assert [one.handed_in for one in found] == [DEADLINE, late]
