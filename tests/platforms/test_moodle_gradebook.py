"""Moodle's gradebook with a whole course in it, in whatever language and however a spreadsheet saved it."""

from __future__ import annotations

import csv
import io

import pytest

from grader.errors import UsageError
from grader.platforms import moodle_gradebook
from grader.platforms.roster import Entry, Filled
from tests.platforms.grades import entry

ENGLISH = [
    *("First name", "Last name", "ID number", "Institution", "Department", "Email address"),
    *(
        "Assignment: MNIST digits (Real)",
        "Assignment: Week 2 111 (Real)",
        "Quiz: Warm up (Real)",
        "Course total (Real)",
    ),
    "Last downloaded from this course",
]
SWEDISH = [
    *("Förnamn", "Efternamn", "ID-nummer", "Institution", "Avdelning", "E-postadress"),
    *("Uppgift: MNIST digits (Verklig)", "Uppgift: Vecka 2 111 (Verklig)", "Test: Warm up (Verklig)"),
    *("Kursens slutsumma (Verklig)", "Senast hämtad från denna kurs"),
]
FINNISH = [
    *("Etunimi", "Sukunimi", "Tunnistenumero", "Oppilaitos", "Osasto", "Sähköpostiosoite"),
    *("Tehtävä: MNIST digits (Todellinen)", "Tehtävä: Viikko 2 111 (Todellinen)", "Tentti: Warm up (Todellinen)"),
    *("Kurssin yhteispisteet (Todellinen)", "Viimeksi ladattu tältä kurssilta"),
]
FRENCH = [
    *("Prénom", "Nom de famille", "Numéro d’identification", "Institution", "Département", "Adresse de courriel"),
    *("Devoir: MNIST digits (Brut)", "Devoir: Semaine 2 111 (Brut)", "Test: Warm up (Brut)", "Total du cours (Brut)"),
    "Dernier téléchargement depuis ce cours",
]


def row(first: str, last: str, *grades: str) -> list[str]:
    return [first, last, "", "", "", f"{first}.{last}@x.example".casefold(), *grades, "1794700000"]


CLASS = [
    row("Ada", "Lovelace", "-", "-", "3.50", "-"),
    row("Åsa", "Mäkelä", "-", "-", "-", "-"),
    row("Zoe", "Zuse", "4.00", "-", "-", "-"),
]


def written(header: list[str], rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n", delimiter=delimiter).writerows([header, *rows])
    return file.getvalue().encode(encoding)


def filled(raw: bytes, *, columns: dict[str, str] | None = None, extra: tuple[Entry, ...] = ()) -> Filled:
    """Ada has both exercises, Åsa the first, and Zoe nothing; the course is known of Ada and Åsa."""
    exercises = {
        "110": (["MNIST digits", "110"], [entry("Ada Lovelace", 7.5), entry("Mäkelä Åsa", 3), entry("Zoe Zuse", None)]),
        "111": (["Softmax", "111"], [entry("Ada Lovelace", 10), *extra]),
    }
    totals = [entry("Ada Lovelace", 8.75), entry("Mäkelä Åsa", 3), entry("Zoe Zuse", None)]
    for one in totals:
        one.grade.max_score = 100
        one.grade.score = None if one.grade.score is None else 10 * one.grade.score
    return moodle_gradebook.fill(raw, "grades.csv", exercises, totals, columns or {})


def cells(raw: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode(encoding), newline=""), delimiter=delimiter, strict=True))


@pytest.mark.parametrize("header", [ENGLISH, SWEDISH, FINNISH, FRENCH], ids=["en", "sv", "fi", "fr"])
@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t")])
def test_in_any_language(header: list[str], encoding: str, delimiter: str) -> None:
    raw = written(header, CLASS, encoding, delimiter)
    done = filled(raw)
    ada, asa, zoe = (list(one) for one in CLASS)
    ada[6:10] = ["7.50", "10.00", "3.50", "87.50"]
    asa[6], asa[9] = "3.00", "30.00"
    # Not a cell but those that are filled, not a mark in front, a quotation mark or an end of a line.
    assert done.content == written(header, [ada, asa, zoe], encoding, delimiter)
    assert (done.filled, done.left) == (2, [])
    assert any("in percent" in one for one in done.remarks)


def test_decimals_as_a_spreadsheet_left_them_and_old_code_pages() -> None:
    rows = [[cell.replace("3.50", "3,50") for cell in one] for one in CLASS]
    rows[2][6] = "4,00"
    found = cells(filled(written(SWEDISH, rows, "cp1252", ";")).content, "cp1252", ";")
    assert found[1][6:10] == ["7,50", "10,00", "3,50", "87,50"]


def test_what_the_teacher_wrote_stays_and_strangers_are_told() -> None:
    rows = [list(one) for one in CLASS]
    rows[0][7] = "excused"
    done = filled(written(ENGLISH, rows), extra=(entry("Nobody Known", 4), entry("Mäkelä Åsa", 4)))
    assert cells(done.content)[1][6:10] == ["7.50", "excused", "3.50", "87.50"]
    assert cells(done.content)[2][7] == "4.00"
    assert {one.student: one.reason for one in done.left} == {
        "Ada Lovelace (111)": "the sheet says excused there, which stays",
        "Nobody Known (111)": "nobody in the sheet has this name",
    }


def test_columns_of_feedback_and_percentages_beside_the_points_stay() -> None:
    header = [*ENGLISH[:7], "Assignment: MNIST digits (Feedback)", *ENGLISH[9:]]
    done = filled(written(header, [[*one[:7], "", *one[9:]] for one in CLASS]))
    assert cells(done.content)[1][6:9] == ["7.50", "", "87.50"]


def test_two_of_one_name_are_left_to_the_teacher() -> None:
    rows = [*CLASS, row("Ada", "Lovelace", "-", "-", "-", "-")]
    done = filled(written(ENGLISH, rows))
    assert [one[6] for one in cells(done.content)[1:]] == ["-", "3.00", "4.00", "-"]
    assert {one.student: one.reason for one in done.left}["Ada Lovelace (110)"] == "2 rows may be meant"


def test_what_cannot_be_told_is_said_by_the_teacher() -> None:
    header = [one.replace("MNIST digits", "Zahlen") for one in ENGLISH]
    header[8] = "Category total (Real)"
    raw = written(header, CLASS)
    done = filled(raw)
    assert [one[6] for one in cells(done.content)[1:]] == ["-", "-", "4.00"], "nothing says that this is 110"
    assert any("110 is not in it: no column is called so" in one for one in done.remarks)
    assert [one[9] for one in cells(done.content)[1:]] == ["-", "-", "-"], "two totals"
    said = {"110": "Assignment: Zahlen (Real)", "total": "Course total (Real)"}
    assert cells(filled(raw, columns=said).content)[1][6:10] == ["7.50", "10.00", "3.50", "87.50"]
    with pytest.raises(UsageError, match="One column"):
        filled(raw, columns={"110": "Course total (Real)", "total": "Course total (Real)"})


def test_a_sheet_without_any_of_it_is_told() -> None:
    with pytest.raises(UsageError, match="no column for the course") as caught:
        filled(written(["First name", "Last name", "Email address", "Points"], [["Ada", "Lovelace", "a@x.org", ""]]))
    assert "total=" in caught.value.advice
