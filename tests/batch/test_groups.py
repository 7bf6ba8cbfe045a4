"""Groups: one submission, several students, through `grade batch` as a teacher types it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from grader.grades.grades import load_grades
from tests.batches import Batch, gradebook, graded, hand_in


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


def scores(folder: Path) -> dict[str, str]:
    return {name: row["score"] for name, row in gradebook(folder).items() if name != "points possible"}


def page(folder: Path, student: str) -> str:
    return (folder / "out" / "students" / student / "feedback.html").read_text("utf-8")


def test_every_member_has_the_grade_and_the_page(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    hand_in(folder, "Red", "x = 4")
    hand_in(folder, "eve", "x = 3")
    (folder / "in" / "bob").mkdir()
    (folder / "in" / "bob" / "essay.txt").write_text("Ann has our notebook")
    sheet = folder / "groups.csv"
    sheet.write_text("Group;Student\nBlue;ANN\nBlue;bob\nRed;cid\nRed;dan\nGreen;fay\n", "utf-8-sig")
    done = batch("--groups", str(sheet))
    assert done.returncode == 1, done.stderr
    assert scores(folder) == {"ann": "3", "bob": "3", "cid": "2", "dan": "2", "eve": "3", "fay": ""}
    assert gradebook(folder)["fay"]["status"] == "missing"
    assert "The group Green handed nothing in." in " ".join(done.stdout.split())
    assert len(graded(folder)) == 3  # one notebook a group
    for student in ("ann", "bob", "cid", "dan", "eve"):
        told = json.loads((folder / "out" / "students" / student / "report.json").read_text("utf-8"))
        assert told["student"] == student
        assert "small" in page(folder, student)
    assert not (folder / "out" / "students" / "Red").exists()

    assert batch("--groups", str(sheet)).returncode == 1
    assert len(graded(folder)) == 3

    sheet.rename(folder / "out" / "groups.csv")  # where it need not be named
    hand_in(folder, "Red", "x = 3")
    done = batch("--dry-run")
    assert "cid 2 → 3" in " ".join(done.stdout.split())
    assert "dan 2 → 3" in " ".join(done.stdout.split())
    assert batch("--only", "dan").returncode == 1
    assert scores(folder) == {"ann": "3", "bob": "3", "cid": "3", "dan": "3", "eve": "3", "fay": ""}


def test_of_several_hand_ins_of_a_group_the_newest_counts(folder: Path, batch: Batch) -> None:
    for student, source, when in (("ann", "x = 3", 1_700_000_000), ("bob", "x = 4", 1_700_100_000)):
        hand_in(folder, student, source)
        os.utime(folder / "in" / student / "small.ipynb", (when, when))
    sheet = folder / "groups.csv"
    sheet.write_text("group,student\nBlue,ann\nBlue,bob\n")
    done = batch("--groups", str(sheet))
    assert "The group Blue handed in 2 times: that of bob counts." in " ".join(done.stdout.split())
    assert scores(folder) == {"ann": "2", "bob": "2"}
    assert {one.student: one.attempts for one in load_grades(folder / "out").grades} == {"ann": 1, "bob": 1}


def test_groups_as_canvas_gives_them(folder: Path, batch: Batch) -> None:
    hand_in(folder, "x", "x = 3")
    (folder / "in" / "x" / "small.ipynb").rename(folder / "in" / "lovelaceada_71_900_small.ipynb")
    (folder / "in" / "x").rmdir()
    sheet = folder / "groups.csv"
    sheet.write_text(
        "name,canvas_user_id,user_id,login_id,sections,group_name,canvas_group_id,group_id\n"
        'Ada Lovelace,71,,ada,S,Engines,5,\n"Babbage, Charles",72,,charles,S,Engines,5,\nNo Group,73,,,S,,,\n'
    )
    assert batch("--groups", str(sheet)).returncode == 0
    assert scores(folder) == {"Babbage, Charles": "3", "lovelaceada": "3"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("who,what\na,b\n", "no columns `group` and `student`"),
        ("group,student\nA,ann\nB,Ann\n", "Ann in two groups"),
        ("", "no columns"),
    ],
)
def test_a_sheet_that_is_none_is_told(folder: Path, batch: Batch, text: str, said: str) -> None:
    hand_in(folder, "ann", "x = 3")
    (folder / "groups.csv").write_text(text)
    done = batch("--groups", str(folder / "groups.csv"))
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
