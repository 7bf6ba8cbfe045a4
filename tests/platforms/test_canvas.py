"""Canvas's gradebook, read back as Canvas reads it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from grader.errors import UsageError
from grader.platforms import canvas
from grader.platforms.roster import Entry
from tests.platforms.grades import HOSTILE, entry

HEADER = (
    *("Student", "ID", "SIS User ID", "SIS Login ID", "Section", "101 Lines (55)", "110 Digits; the network (56)"),
    *("Assignments Current Score", "Final Grade"),
)
POSTING = ["", "", "", "", "", "", "Manual Posting", "", ""]
POSSIBLE = ["    Points Possible", "", "", "", "", "5", "20", "(read only)", "(read only)"]
WANTED = ("Digits; the network", "110")


def row(name: str, number: int, login: str = "", **more: str) -> list[str]:
    own = {"old": "", "section": 'Group "A"; and B'} | more
    return [name, str(number), f"sis{number}", login, own["section"], "4", own["old"], "77.5", "C+"]


CLASS = [row("Mäkelä, Anna", 101, "anna"), row("O'Brien, Bob", 102, old="1"), row("Student, Test", 103)]


def written(rows: list[list[str]], encoding: str = "utf-8", **dialect: Any) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, **({"lineterminator": "\n"} | dialect)).writerows([list(HEADER), POSTING, POSSIBLE, *rows])
    return file.getvalue().encode(encoding)


def imported(raw: bytes, encoding: str = "utf-8", delimiter: str = ",") -> dict[int, dict[str, str]]:
    """What Canvas takes from a gradebook: by the student's number, the points of each assignment.

    Columns of assignments end in their number in brackets; read-only ones are left out, and so are the rows before the
    students, whose first cell is empty or says "Points Possible".
    """
    rows = list(csv.reader(io.StringIO(raw.decode(encoding), newline=""), delimiter=delimiter, strict=True))
    header = rows[0]
    assert header[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert all(len(one) == len(header) for one in rows)
    assignments = {place: title for place, title in enumerate(header) if re.search(r" \(\d+\)$", title)}
    students = [one for one in rows[1:] if one[0].strip() not in ("", "Points Possible")]
    return {int(one[1]): {title: one[place] for place, title in assignments.items()} for one in students}


def on_canvas(file_name: str, number: int, score: float | None = 5, **more: Any) -> Entry:
    return entry(file_name, score, f"/class.zip/{file_name}_{number}_777_110.ipynb", **more)


def filled(entries: list[Entry], rows: list[list[str]] = CLASS, assignment: str = "") -> tuple[dict[int, str], Any]:
    done = canvas.fill(written(rows), "grades.csv", entries, WANTED, assignment)
    return {number: told["110 Digits; the network (56)"] for number, told in imported(done.content).items()}, done


def test_points_get_into_the_assignments_column_by_the_students_number() -> None:
    found, done = filled([on_canvas("mäkeläanna", 101), on_canvas("obrienbob", 102, None)])
    assert found == {101: "10.00", 102: "1", 103: ""}
    assert (done.filled, done.left) == (1, [])


@pytest.mark.parametrize("student", ["Anna Mäkelä", "mäkelä anna", "mäkeläanna", "anna", "sis101"])
def test_without_a_number_the_name_decides(student: str) -> None:
    assert filled([entry(student)])[0][101] == "6.00"


def test_late_work_is_matched_too() -> None:
    late = entry("mäkeläanna", 5, "/c/mäkeläanna_LATE_101_777_110.ipynb")
    assert filled([late])[0][101] == "10.00"


def test_nobody_is_guessed() -> None:
    rows = [row("Virtanen, Ida", 1), row("Virtanen, Ida", 2)]
    entries = [entry("Ida Virtanen"), on_canvas("virtanenida", 9), on_canvas("lahtiuno", 1), entry("Nobody")]
    found, done = filled(entries, rows)
    assert found == {1: "", 2: ""}
    assert {left.student: left.reason for left in done.left} == {
        "Ida Virtanen": "2 rows may be meant",
        "virtanenida": "number 9 is not in the sheet",
        "lahtiuno": "number 1 is somebody else in the sheet: Virtanen, Ida",
        "Nobody": "nobody in the sheet has this name",
    }


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_all_else_is_kept(delimiter: str, encoding: str) -> None:
    raw = written(CLASS, encoding, delimiter=delimiter)
    assert canvas.fill(raw, "grades.csv", [], WANTED).content == raw
    done = canvas.fill(raw, "grades.csv", [on_canvas("mäkeläanna", 101)], WANTED).content
    before, after = raw.splitlines(), done.splitlines()
    assert [before.index(line) for line in before if line not in after] == [3]
    assert imported(done, encoding, delimiter)[101] == {"101 Lines (55)": "4", "110 Digits; the network (56)": "10.00"}


def test_hostile_names_stay_as_they_are() -> None:
    rows = [row(name, number) for number, name in enumerate(HOSTILE, 1)]
    done = canvas.fill(written(rows), "grades.csv", [entry("sis1"), entry("sis3")], WANTED)
    kept = list(csv.reader(io.StringIO(done.content.decode(), newline=""), strict=True))[3:]
    assert [one[0] for one in kept] == list(HOSTILE)
    assert [one[6] for one in kept[:4]] == ["6.00", "", "6.00", ""]


@pytest.mark.parametrize("assignment", ["55", "101 lines", "101 Lines (55)"])
def test_the_teacher_may_say_which_assignment(assignment: str) -> None:
    done = canvas.fill(written(CLASS), "grades.csv", [on_canvas("mäkeläanna", 101)], WANTED, assignment)
    assert imported(done.content)[101] == {"101 Lines (55)": "2.50", "110 Digits; the network (56)": ""}


@pytest.mark.parametrize(
    ("wanted", "assignment"), [(("1",), ""), (("the", "101"), ""), (WANTED, "57"), (WANTED, "Lines")]
)
def test_which_assignment_is_not_guessed(wanted: tuple[str, ...], assignment: str) -> None:
    with pytest.raises(UsageError, match="may be meant") as refused:
        canvas.fill(written(CLASS), "a.csv", [], wanted, assignment)
    assert "101 Lines (55)" in refused.value.advice


def test_without_points_possible_the_points_are_the_exercises_own() -> None:
    raw = written(CLASS).replace(b"    Points Possible", b"    ")
    done = canvas.fill(raw, "grades.csv", [on_canvas("mäkeläanna", 101)], WANTED)
    assert "5.00" in done.content.decode().splitlines()[3]
    assert done.remarks


@pytest.mark.parametrize("raw", [b"", b"Student;Section\n1;2\n", b"Name,Points\n", b"Identifier,Full name,Grade\n"])
def test_what_is_no_gradebook_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError):
        canvas.fill(raw, "grades.csv", [], WANTED)


@pytest.mark.parametrize("told", ["EX", "N/A", "excused", "ex", "complete", "A-"])
def test_what_is_no_number_stays_and_is_told(told: str) -> None:
    found, done = filled([on_canvas("mäkeläanna", 101)], [row("Mäkelä, Anna", 101, "anna", old=told)])
    assert found[101] == told
    assert [told in left.reason for left in done.left] == [True]


@pytest.mark.parametrize("titles", [("LastName", "FirstName"), ("Last Name", "First Name")])
def test_names_in_two_columns(titles: tuple[str, str]) -> None:
    header = [*titles, "ID", "SIS User ID", "SIS Login ID", "Section", "Notes", "110 Digits (54)", "Current Score"]
    possible = ["    Points Possible", "", "", "", "", "", "", "20.00", "(read only)"]
    people = [
        ["Virtanen", "Aino", "7000", "S0", "u0", "Sec", 'note, "ü"', "", ""],
        ["Mäkelä", "Eino", "7001", "S1", "u1", "Sec", "", "", ""],
    ]
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([header, possible, *people])
    raw = file.getvalue().encode()
    done = canvas.fill(raw, "g.csv", [on_canvas("virtanenaino", 7000), entry("Mäkelä Eino", 10)], ["110", "Digits"])
    rows = list(csv.reader(io.StringIO(done.content.decode())))
    assert [one[7] for one in rows[2:]] == ["10.00", "20.00"]
    assert [[*one[:7], one[8]] for one in rows] == [[*one[:7], one[8]] for one in [header, possible, *people]]
    assert done.left == []
    other = canvas.fill(raw, "g.csv", [on_canvas("somebodyelse", 7000)], ["110", "Digits"])
    assert (other.filled, len(other.left)) == (0, 1)
