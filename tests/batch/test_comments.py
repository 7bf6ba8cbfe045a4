"""`grade comment` and the history of `grade override`, as a teacher types them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader import cli
from grader.exercise import Exercise
from grader.grades import grades as of_class
from grader.grades.results import Results
from grader.report import CheckReport
from tests.batches import CHECKS, Batch, gradebook, graded, grades, hand_in
from tests.classes import HOSTILE, write_result
from tests.grades.test_policy import grades as grades_of
from tests.test_report import report

Grade = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def grade(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Grade:
    """`grade` with any arguments, as it is typed, within this process."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["grade", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


@pytest.fixture
def results(folder: Path, batch: Batch) -> str:
    """The results of a class: two are wrong in the same way, one in another."""
    for student, source in (("ann", "x = 4"), ("Bob Berg", "x = 4"), ("cid", "x = 5"), ("dan", "x = 3")):
        hand_in(folder, student, source)
    (folder / "in" / "eve").mkdir()
    (folder / "in" / "eve" / "essay.txt").write_text("I have no notebook")
    assert batch().returncode == 1
    return str(folder / "out")


def scores(folder: Path) -> dict[str, Any]:
    return {name: one["score"] for name, one in grades_of(folder).items()}


def page(folder: Path, student: str, which: str = "feedback.html") -> str:
    return (folder / "out" / "students" / student / which).read_text("utf-8")


def test_an_item_for_everybody_with_the_same_answer(
    folder: Path,
    batch: Batch,
    grade: Grade,
    results: str,
    exercise: Exercise,
) -> None:
    before, runs = grades(folder), graded(folder)
    of = ("--check", "x_is_three")
    typed = ("comment", results, "ann", "Counted one too many.", *of, "--points", "0.5", "--item", "off by one")
    done = grade(*typed, "--same-answer")
    assert done.returncode == 0, done.stderr
    assert sorted(line.partition(". ")[2] for line in done.stdout.splitlines()) == [
        "Bob Berg, x_is_three: Counted one too many. (+0.5) [off by one]",
        "ann, x_is_three: Counted one too many. (+0.5) [off by one]",
    ]
    assert (grades(folder), graded(folder)) == (before, runs)  # reports are what they were, and nothing was graded
    expected = {"ann": 2.5, "Bob Berg": 2.5, "cid": 2, "dan": 3, "eve": None}
    assert scores(folder) == expected
    assert gradebook(folder)["ann"]["adjustment"] == "0.5"
    for which in ("feedback.html", "staff.html"):
        assert "Counted one too many. (+0.5)" in page(folder, "ann", which)
    assert "Counted one too many" not in page(folder, "cid")

    assert "Said before, and not said again: of 2 students." in grade(*typed, "--same-answer").stdout
    assert grade("comment", results, "cid", *of, "--item", "off by one").returncode == 0
    assert scores(folder) == expected | {"cid": 2.5}
    done = grade("comment", results, "dan", "Something else.", "--item", "off by one")
    assert done.returncode == 2
    assert "says something else" in done.stderr

    assert batch("--fresh").returncode == 1
    assert scores(folder) == expected | {"cid": 2.5}
    (exercise.folder / "checks.py").write_text(CHECKS.replace('run.value("x"), 3', 'run.value("x"), 4'))
    batch()
    assert scores(folder) == {"ann": 3, "Bob Berg": 3, "cid": 2.5, "dan": 2, "eve": None}  # no more than it is worth

    done = grade("comment", results, "--remove", "3")
    assert "Taken back: 3. cid" in done.stdout
    assert scores(folder)["cid"] == 2
    told = grade("comment", results).stdout
    assert "Taken back by" in told
    assert "Rubric item off by one: Counted one too many. (+0.5)" in told
    assert "cid" not in grade("comment", results, "ann").stdout


def test_comments_of_the_whole_work(folder: Path, grade: Grade, results: str) -> None:
    assert grade("comment", results, "dan", "=Well done.").returncode == 0
    assert grade("comment", results, "dan", "Handed in on a napkin.", "--points", "-9").returncode == 0
    assert grade("comment", results, "eve", "Where is it?", "--points", "2").returncode == 0
    assert (scores(folder)["dan"], scores(folder)["eve"]) == (0, None)  # never below nothing; no grade is no grade
    assert gradebook(folder)["dan"]["comments"] == "'=Well done.; Handed in on a napkin."
    assert grade("override", results, "dan", "2", "--reason", "it can be read").returncode == 0
    assert scores(folder)["dan"] == 2
    for name in HOSTILE[:2]:
        assert grade("comment", results, "ann", "--", name).returncode == 0
    assert "pwned" in page(folder, "ann")
    assert "<script>document" not in page(folder, "ann")
    assert "<img src=x" not in page(folder, "ann")


@pytest.fixture
def made(folder: Path) -> Path:
    """Results as a batch leaves them, of three."""
    people = []
    for student, status in (("ann", "failed"), ("dan", "passed"), ("eve", "missing")):
        people.append(of_class.Grade.model_validate({"student": student, "status": status, "max_score": 3}))
        if status != "missing":
            told = {"name": "x_is_three", "title": "X", "status": status, "score": 0, "max_score": 3}
            found = report(student=student, status=status, checks=[CheckReport.model_validate(told)])
            write_result(Results(folder / "out").folder(student), found)
    grades = of_class.Grades(exercise="small", title="Small", max_score=3, grades=people)
    of_class.write_grades(folder / "out", grades)
    return folder / "out"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["anna", "hello"], "There is no student 'anna' in these results. Do you mean 'ann'?"),
        (["ann", "--points", "1"], "There is no comment."),
        (["ann", "hm", "--points", "nan"], "These are no points."),
        (["ann", "hm", "--check", "no_such"], "There are x_is_three"),
        (["eve", "hm", "--check", "x_is_three"], "Nothing was graded."),
        (["ann", "hm", "--same-answer"], "Of which check is the answer?"),
        (["dan", "hm", "--check", "x_is_three", "--same-answer"], "did not fail"),
        (["ann", "--item", "unheard"], "There is no rubric item 'unheard'"),
        (["--remove", "7"], "There is no comment 7."),
    ],
)
def test_wrong_comments_change_nothing(
    made: Path,
    grade: Grade,
    arguments: list[str],
    says: str,
) -> None:
    done = grade("comment", str(made), *arguments)
    assert done.returncode == 2, done.stdout
    assert says in done.stderr
    assert not (made / "comments.json").exists()


def test_overrides_have_a_history(folder: Path, grade: Grade, results: str) -> None:
    assert "No grade was given by hand." in grade("override", results, "--history").stdout
    assert grade("override", results, "ann", "1", "--reason", "first").returncode == 0
    done = grade("override", results, "ann", "2.5", "--reason", "second")
    assert "Before, by hand: 1, first" in done.stdout
    assert grade("override", results, "ann", "--remove").returncode == 0
    assert grade("override", results, "dan", "3", "--reason", "third").returncode == 0
    lines = grade("override", results, "--history").stdout.splitlines()
    assert [line.partition(" (")[0] for line in lines] == ["ann: 1, first", "ann: 2.5, second", "dan: 3, third"]
    assert ["until" in line for line in lines] == [True, True, False]
    assert len(grade("override", results, "ann", "--history").stdout.splitlines()) == 2
    kept = json.loads((folder / "out" / "overrides.json").read_text("utf-8"))
    assert [one["reason"] for one in kept["history"]] == ["first", "second"]
