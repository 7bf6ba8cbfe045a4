"""`grade override`: grades given by hand, through the command that a teacher types."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from grader.exercise import Exercise
from tests.batches import Batch, gradebook, graded, hand_in
from tests.commands import text, typed
from tests.grades.test_policy import RIGHT, WRONG, grades

Grade = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


@pytest.fixture
def grade(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `grade` with any arguments."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return text(typed(*arguments))

    return run


@pytest.fixture
def graded_class(folder: Path, batch: Batch) -> str:
    """The results of a small class, as they are named to the command."""
    hand_in(folder, "ann", WRONG)
    hand_in(folder, "Bob Berg", RIGHT)
    (folder / "in" / "eve").mkdir()
    (folder / "in" / "eve" / "essay.txt").write_text("I have no notebook")
    assert batch().returncode == 1
    return str(folder / "out")


def test_an_override_is_kept_and_shown(folder: Path, batch: Batch, grade: Grade, graded_class: str) -> None:
    before = graded(folder)
    columns = list(gradebook(folder)["ann"])
    done = grade("override", graded_class, "ann", "2.5", "--reason", "=the check was unfair")
    assert done.returncode == 0, done.stderr
    assert "ann: 2.5 of 3 points, by hand." in done.stdout
    assert graded(folder) == before

    def expect_shown() -> None:
        one = grades(folder)["ann"]
        assert (one["status"], one["score"], one["earned"]) == ("failed", 2.5, 2)
        assert (one["override"]["score"], one["override"]["reason"]) == (2.5, "=the check was unfair")
        assert datetime.fromisoformat(one["override"]["when"]).tzinfo is not None
        row = gradebook(folder)["ann"]
        assert list(row)[: len(columns)] == columns
        told = [row[name] for name in ("status", "score", "percent", "x_is_three", "earned", "override", "reason")]
        assert told == ["failed", "2.5", "83.3", "0", "2", "2.5", "'=the check was unfair"]
        summary = json.loads((folder / "out" / "summary.json").read_text("utf-8"))
        assert [given["student"] for given in summary["overrides"]] == ["ann"]
        assert summary["scores"]["lowest"] == 2.5
        assert (folder / "out" / "index.html").is_file()

    expect_shown()
    for more in ((), ("--fresh",)):
        again = batch(*more)
        assert "Grades given by hand" in again.stdout
        assert "the check was unfair" in again.stdout
        expect_shown()
    done = grade("override", graded_class, "bob berg", "4", "--reason", "a bonus")
    assert "Beware: 4 is more than the 3 points possible." in done.stdout
    assert grade("override", graded_class, "eve", "1", "--reason", "handed in on paper").returncode == 0
    found = grades(folder)
    assert [(found[name]["status"], found[name]["score"]) for name in ("Bob Berg", "eve")] == [
        ("passed", 4),
        ("missing", 1),
    ]
    row = gradebook(folder)["eve"]
    told = [row[name] for name in ("status", "score", "earned", "reason")]
    assert told == ["missing", "1", "", "handed in on paper"]

    for student in ("Bob Berg", "eve", "ann"):
        assert grade("override", graded_class, student, "--remove").returncode == 0
    assert (grades(folder)["ann"]["score"], grades(folder)["ann"]["override"]) == (2, None)
    assert list(gradebook(folder)["ann"]) == columns


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["anna", "1", "--reason", "r"], "There is no student 'anna' in these results. Do you mean 'ann'?"),
        (["Berg", "1", "--reason", "r"], "Do you mean 'Bob Berg'?"),
        (["nobody at all", "1", "--reason", "r"], "See gradebook.csv."),
        (["ann", "1"], "A grade given by hand needs its reason."),
        (["ann", "1", "--reason", " \x1b[0m "], "A grade given by hand needs its reason."),
        (["ann", "--reason", "r", "nan"], "That is no score."),
        (["ann", "--reason", "r", "--", "-1"], "That is no score."),
        (["ann", "--reason", "r"], "There is no score."),
        (["ann", "1", "--remove"], "Name a score, or --remove, and not both."),
        (["ann", "--remove"], "The grade of 'ann' was not given by hand."),
    ],
)
def test_wrong_overrides_change_nothing(
    folder: Path, grade: Grade, make_exercise: Callable[..., Exercise], arguments: list[str], says: str
) -> None:
    (folder / "out").mkdir()
    of = {"max_score": 3, "status": "missing"}
    people = [{"student": name} | of for name in ("ann", "Bob Berg", "eve")]
    whole = {"exercise": "small", "title": "Small", "max_score": 3, "grades": people}
    (folder / "out" / "grades.json").write_text(json.dumps(whole))
    done = grade("override", str(folder / "out"), *arguments)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "out" / "overrides.json").exists()


def test_damaged_overrides_stop_a_batch_before_it_begins(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", RIGHT)
    (folder / "out").mkdir()
    (folder / "out" / "overrides.json").write_text('{"overrides": [{"student": "ann", "score": 1e999, "reason": "r"}]}')
    done = batch()
    assert done.returncode == 2
    assert "overrides.json is damaged" in done.stderr
    assert graded(folder) == []
