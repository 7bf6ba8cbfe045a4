"""A small course, graded by one command as a teacher types it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from grader.exercise import every_exercise
from grader.grading import Options
from grader.scratch import remove
from grader.validation import rows as rows_of
from tests.conftest import CHECKS, EXERCISE, ROOT, notebook, thorough

LIMITS = {"cell_s": 60, "total_s": 120, "answer_s": 20, "check_s": 60, "more": ""}


def grade(where: Path, *words: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader.cli", *words],
        cwd=where,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )


def hand_in(path: Path, *sources: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(*sources)))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two exercises, what was handed in for both, and the results of one command."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("alpha", "beta"):
        own = folder / "exercises" / name
        own.mkdir(parents=True)
        (own / "exercise.toml").write_text(EXERCISE.format(id=name, **LIMITS).replace("small.ipynb", f"{name}.ipynb"))
        (own / "checks.py").write_text(CHECKS)
    hand_in(folder / "in" / "alpha" / "Ada Lovelace_11_assignsubmission_file" / "alpha.ipynb", "x = 3")
    hand_in(folder / "in" / "alpha" / "<b>Eve_12_assignsubmission_file" / "alpha.ipynb", "x = 4")
    hand_in(folder / "in" / "DL24 beta 77" / "Ada Lovelace.ipynb", "x = 3")
    hand_in(folder / "in" / "gamma" / "Ada Lovelace.ipynb", "x = 3")
    done = grade(folder, "batch", "in", "-o", "out", "--workers", "1", "--data", "sample")
    (folder / "said").write_text(done.stdout + done.stderr)
    assert done.returncode == 1, done.stdout + done.stderr
    yield folder
    remove(folder)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_one_command_grades_all_and_makes_one_gradebook(here: Path) -> None:
    said = (here / "said").read_text()
    assert "1 of 2, alpha: 2/2" in said
    assert "2 of 2, beta: 1/1 Ada Lovelace: passed" in said
    assert "gamma" in said
    eve, ada = rows(here / "out" / "course.csv")
    assert (ada["student"], ada["alpha"], ada["beta"], ada["percent"]) == ("Ada Lovelace", "1", "1", "100.0")
    assert (eve["student"], eve["alpha"], eve["beta"], eve["passed"]) == ("<b>Eve", "0", "", "no")
    assert "Below the pass mark" in eve["risks"]


def test_the_pages_show_names_and_run_none(here: Path) -> None:
    index = (here / "out" / "index.html").read_text()
    assert "<b>Eve" not in index
    assert "&lt;b&gt;Eve" in index
    people = list((here / "out" / "people").iterdir())
    assert len(people) == 2
    for page in (here / "out" / "index.html", *people):
        for target in [part.split('"')[0] for part in page.read_text().split('href="')[1:]]:
            if not target.startswith(("#", "data:")):
                assert (page.parent / target.replace("%20", " ").replace("%3C", "<")).exists(), target


def test_rules_change_the_course_and_nothing_is_graded_for_it(here: Path) -> None:
    rules = here / "mine.toml"
    rules.write_text("best = 1\n[scale]\npassed = 50\n")
    done = grade(here, "course", "out", "--rules", "mine.toml")
    assert done.returncode == 0, done.stderr
    assert [row["grade"] for row in rows(here / "out" / "course.csv")] == ["", "passed"]
    # Of an exercise that comes later in the course there is nothing yet.
    rules.write_text("[exercises.gamma]\nweight = 2\n")
    done = grade(here, "course", "out", "--rules", "mine.toml")
    assert done.returncode == 0
    assert "The rules name gamma, of which there are no results; there are alpha and beta." in done.stdout


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def verdicts(here: Path) -> tuple[str, str, int]:
    """What Ada has in beta: in the class's gradebook, in the course's; and how many of the class passed."""
    (row,) = [one for one in rows(here / "out" / "beta" / "gradebook.csv") if one["student"] == "Ada Lovelace"]
    (ada,) = [
        one for one in json.loads((here / "out" / "course.json").read_text())["people"] if "Ada" in one["student"]
    ]
    counted = json.loads((here / "out" / "beta" / "summary.json").read_text())["verdicts"]
    return row["verdict"], ada["marks"][1]["verdict"], counted["passed"]


def test_the_courses_pass_mark_is_the_classes_too(here: Path) -> None:
    half = grade(here, "override", "out/beta", "Ada Lovelace", "0.6", "--reason", "half right")
    assert half.returncode == 0, half.stderr
    rules = here / "out" / "course.toml"
    try:
        assert grade(here, "course", "out").returncode == 0
        assert verdicts(here) == ("passed", "passed", 1)
        rules.write_text("pass = 70\n")
        done = grade(here, "course", "out")
        assert "beta: gradebook and pages follow the course's pass mark." in done.stdout
        assert verdicts(here) == ("not passed", "failed", 0)
        # Graded by itself the exercise is still the course's.
        grade(here, "batch", "beta", "in/DL24 beta 77", "-o", "out/beta", "--data", "sample")
        assert verdicts(here) == ("not passed", "failed", 0)
        assert "follow" not in grade(here, "course", "out").stdout, "nothing is left to do"
    finally:
        rules.unlink(missing_ok=True)
        grade(here, "override", "out/beta", "Ada Lovelace", "--remove")
        grade(here, "course", "out")


def test_one_student_of_the_course_is_graded_again(here: Path) -> None:
    def seeds() -> dict[str, int]:
        found = (here / "out").glob("*/students/*/report.json")
        return {f"{one.parts[-4]} {one.parts[-2][:3]}": json.loads(one.read_text())["seed"] for one in found}

    before = seeds()
    assert len(before) == 3
    done = grade(here, "batch", "in", "-o", "out", "--data", "sample", "--only", "<B>eve", "--seed", "7")
    assert done.returncode == 1, done.stdout + done.stderr
    assert sorted(set(seeds().values())) == [0, 7]
    assert {name for name, seed in seeds().items() if seed == 7} == {name for name in before if "Ada" not in name}
    assert "beta" not in done.stdout.split("The course")[0], "she handed nothing in for it"
    everybody = everything(here / "out")
    done = grade(here, "batch", "in", "-o", "out", "--only", "Ada")
    assert done.returncode == 2
    assert "Do you mean 'Ada Lovelace'?" in done.stderr
    assert everything(here / "out") == everybody


def test_a_dry_run_of_the_course_tells_whose_points_would_move(here: Path) -> None:
    before = everything(here / "out")
    checks = here / "exercises" / "beta" / "checks.py"
    checks.write_text(CHECKS.replace('run.value("x"), 3', 'run.value("x"), 4'))
    try:
        done = grade(here, "batch", "in", "-o", "out", "--data", "sample", "--dry-run")
    finally:
        checks.write_text(CHECKS)
    assert done.returncode == 1, done.stdout + done.stderr
    alpha, beta = done.stdout.split("2 of 2, beta")
    assert "Nobody's points would move." in alpha
    assert "1 → 0" in beta
    assert "x_is_three passed → failed, −1" in beta
    assert "1 student: points would move, in beta. Nothing was written." in beta
    assert everything(here / "out") == before


def test_canvas_gets_every_exercise_and_the_rest_stays_as_it_came(here: Path) -> None:
    header = "Student,ID,SIS Login ID,Section,Week 1: alpha (501),beta (502),Essay (503)\r\n"
    possible = "    Points Possible,,,,1,2,10\r\n"
    (here / "canvas.csv").write_bytes((header + possible + '"Lovelace, Ada",7,ada,DL,,,9\r\n').encode())
    done = grade(here, "course", "out", "--canvas", "canvas.csv", "-o", "filled.csv")
    assert done.returncode == 1, "Eve is not in it"
    assert "<b>Eve (alpha)" in done.stdout
    filled = (here / "filled.csv").read_bytes().decode()
    assert filled == header + possible + '"Lovelace, Ada",7,ada,DL,1.00,2.00,9\r\n'
    # The only column belongs to one of them, never to all.
    (here / "one.csv").write_text('Student,ID,Section,alpha (501)\n    Points Possible,,,1\n"Lovelace, Ada",7,DL,\n')
    done = grade(here, "course", "out", "--canvas", "one.csv", "-o", "filled.csv")
    assert "No column was filled for beta" in done.stdout
    assert '"Lovelace, Ada",7,DL,1.00' in (here / "filled.csv").read_text()


def test_what_is_no_course_is_told(here: Path) -> None:
    (here / "empty").mkdir(exist_ok=True)
    done = grade(here, "batch", "empty", "-o", "other")
    assert done.returncode == 2
    assert "No exercise's submissions" in done.stderr
    done = grade(here, "batch", "in", "-o", "empty", "--dry-run")
    assert done.returncode == 2
    assert "no results in empty to compare with" in done.stderr
    assert grade(here, "course", "empty").returncode == 2


def test_nbgraders_folders(here: Path, tmp_path: Path) -> None:
    shutil.copytree(here / "exercises", tmp_path / "exercises")
    for student, name in (("ada", "alpha"), ("ada", "beta"), ("bob", "beta"), ("bob", "other")):
        hand_in(tmp_path / "submitted" / student / name / f"{name}.ipynb", "x = 3")
    done = grade(tmp_path, "batch", ".", "-o", "out", "--workers", "1", "--data", "sample")
    ada, bob = rows(tmp_path / "out" / "course.csv")
    assert (ada["alpha"], ada["beta"], bob["alpha"], bob["beta"]) == ("1", "1", "", "1"), done.stdout + done.stderr


@thorough
def test_fifteen_exercises_and_thirty_students(tmp_path: Path) -> None:
    """Made of the course's own references, starters and mistakes, and graded by one command."""
    exercises = every_exercise(ROOT)
    expected: dict[tuple[str, str], str] = {}
    for exercise in exercises:
        matrix = list(rows_of(exercise, Options(data="sample")))
        for number in range(30):
            student = f"Student {number:02d}"
            if number == 29 and exercise is not exercises[0]:
                continue  # has given up
            # Most have it right; the others are spread over what goes wrong.
            row = matrix[0] if number % 3 else matrix[(number // 3) % len(matrix)]
            expected[student, exercise.id] = row.name
            path = tmp_path / "in" / exercise.id / student / exercise.description.notebook
            path.parent.mkdir(parents=True)
            path.write_text(nbformat.writes(row.notebook))
    done = grade(tmp_path, "batch", "in", "-o", "out", "--data", "sample", timeout=3000)
    assert done.returncode == 1, done.stdout + done.stderr
    found = rows(tmp_path / "out" / "course.csv")
    assert len(found) == 30
    for exercise in exercises:
        for row in found:
            made, points = expected.get((row["student"], exercise.id)), row[exercise.id]
            if made is None:
                assert points == ""
            else:
                assert (float(points) == exercise.max_score) == (made == "reference"), (row["student"], exercise.id)
    assert "last two exercises" in found[29]["risks"]
