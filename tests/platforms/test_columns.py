"""Sheets in languages and versions not listed, filled through the command; all else is byte for byte as it came."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from grader.grades.grades import Grade, Grades, write_grades
from grader.intake.listed import on_canvas
from tests.platforms.test_export import grade

FRENCH = (
    "\ufeffIdentifiant,Nom complet,Adresse de courriel,Statut,Note,Note maximale,La note peut être modifiée,"
    "Dernière modification (travail remis),Dernière modification (note),Feedback par commentaires\n"
    'Participant 4200000,Aino Virtanen,0@x.example,"Remis ""1""",@A,"20,00",Oui,"jeudi 19 novembre 2026, 12:00",-,@F\n'
    'Participant 4200002,Helmi Ångström,2@x.example,Remis,,"20,00",Oui,"jeudi 19 novembre 2026, 12:00",-,\n'
)
SWEDISH = (
    "Identifierare;Fullständigt namn;Status;Betyg;Högsta betyg;Senast ändrad (betyg);Återkopplingskommentarer\r\n"
    "Deltagare 4200000;Aino Virtanen;Inlämnad;@A;20.00;-;@F\r\n"
    "Deltagare 4200001;Eino Mäkelä;Försenad;;20.00;torsdag 19 november 2026 kl. 12.00;\r\n"
)
JAPANESE = (
    "識別子,フルネーム,メールアドレス,ステータス,グループ,評点,最大評点,評定ワークフロー,評点は変更できますか,"
    "最終更新日時 (提出),オンラインテキスト,最終更新日時 (評点),フィードバックコメント\n"
    "参加者 4200000,Aino Virtanen,a@x.example,提出済み,A,@A,20.00,未採点,はい,2026年 11月 19日,,-,@F\n"
)
UNKNOWN = "Nro,Kuka,Luku\nP 4200000,Aino Virtanen,@A\nP 4200001,Eino Mäkelä,\n"


@pytest.fixture
def results(folder: Path) -> Path:
    made = folder / "results"
    made.mkdir()
    one = Grade(student="Aino Virtanen", status="failed", score=5, max_score=10, earned=5)
    write_grades(made, Grades(exercise="100", title="Counting parameters", max_score=10, grades=[one]))
    return made


def filled(results: Path, what: str, text: str, *more: str) -> tuple[str, subprocess.CompletedProcess[bytes]]:
    sheet, out = results / "sheet.csv", results / "filled.csv"
    sheet.write_bytes(text.replace("@A", "").replace("@F", "").encode())
    done = grade("export", what, results, "--sheet", sheet, "-o", out, *more)
    return out.read_bytes().decode() if out.exists() else "", done


@pytest.mark.parametrize(
    ("text", "points"), [(FRENCH, '"10,00"'), (SWEDISH, "10.00"), (JAPANESE, "10.00")], ids=["fr", "sv", "ja"]
)
def test_moodles_sheets_of_any_language(results: Path, text: str, points: str) -> None:
    found, done = filled(results, "moodle", text)
    assert done.returncode == 0, done.stdout.decode()
    before, after = text.replace("@A", points).split("@F")
    assert found.startswith(before)
    assert found.endswith(after)
    feedback = found[len(before) : len(found) - len(after)]
    assert "5 of 10 points" in feedback
    assert "\n" not in feedback


def test_columns_that_cannot_be_told_are_named(results: Path) -> None:
    found, done = filled(results, "moodle", UNKNOWN)
    assert (done.returncode, found) == (2, "")
    assert b"--columns grade=" in done.stderr
    named = ("--columns", "grade=luku", "--columns", "name=Kuka")
    found, done = filled(results, "moodle", UNKNOWN, *named)
    assert done.returncode == 0, done.stdout.decode()
    assert found == UNKNOWN.replace("@A", '"5,00"')


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("grade", b"names no column"),
        ("grade=Note", b"has no column 'Note'"),
        ("mark=Luku", b"No column is known as 'mark'"),
    ],
)
def test_a_column_that_is_not_there_is_told(results: Path, typed: str, said: bytes) -> None:
    found, done = filled(results, "moodle", UNKNOWN, "--columns", typed)
    assert (done.returncode, found) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    "header",
    [
        "LastName,FirstName,ID,SIS User ID,Notes,100 Counting parameters (5501),110 MNIST (5502),Current Score",
        "Etternavn,Fornavn,Nummer,SIS-bruker-ID,Merknader,100 Counting parameters (5501),110 MNIST (5502),Sum",
        "Last_Name,First_Name,Student ID,Login,Notes,Counting parameters (5501),110 MNIST (5502),Current Score",
    ],
)
def test_canvas_in_other_versions_and_languages(results: Path, header: str) -> None:
    text = (
        f"{header}\n    Poeng mulig,,,,,20.00,13.00,(skrivebeskyttet)\n"
        'Virtanen,Aino,7000,S0,"note, ""q""",@A,,\nMäkelä,Eino,7001,S1,,EX,,\n'
    )
    found, done = filled(results, "canvas", text)
    assert done.returncode == 0, done.stderr.decode()
    assert found == text.replace("@A", "10.00")


@pytest.mark.parametrize(("name", "late"), [("50cent_7000_123_a.ipynb", False), ("50cent_LATE_7000_123_a.ipynb", True)])
def test_a_name_on_canvas_may_begin_with_digits(name: str, late: bool) -> None:
    told = on_canvas(name)
    assert told is not None
    assert (told.name, told.number, told.late) == ("50cent", "7000", late)


@pytest.mark.parametrize(
    "name",
    [
        *("makelaanna_late_7000_123_a.ipynb", "makelaanna_LATE_7000_123_a.ipynb", "late_makelaanna_7000_123_a.ipynb"),
        *("makelaanna_7000_late_123_a.ipynb", "late_7000_123_a.ipynb"),
    ],
)
def test_late_wherever_canvas_writes_it(name: str) -> None:
    told = on_canvas(name)
    assert told is not None
    student = "makelaanna" if "makela" in name else "late"  # whoever is called so is not late for it
    assert (told.name, told.number, told.upload, told.late) == (student, "7000", 123, student != "late")
