"""A small course, graded by one command as a teacher types it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from grader.commands import teacher
from grader.errors import UsageError
from grader.exercise import Exercise, every_exercise
from grader.grades.grades import load_grades, write_grades
from grader.grading import Options
from grader.scratch import remove
from grader.validation import rows as rows_of
from tests.commands import text, typed
from tests.conftest import CHECKS, EXERCISE, ROOT, notebook, thorough

LIMITS = {"cell_s": 60, "total_s": 120, "answer_s": 20, "check_s": 60, "more": ""}


def grade(where: Path, *words: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    return text(typed(*words, cwd=where, environment=os.environ | {"COLUMNS": "200"}, timeout=timeout))


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
    done = grade(folder, "batch", "in", "-o", "out", "--workers", "1", "--data", "small")
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
    assert len(list((here / "out" / "people").iterdir())) == 2


class Links(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.ids: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.targets |= {told[name] or "" for name in ("href", "src") if name in told}
        self.ids.add(told.get("id") or "")


def dead(folder: Path) -> list[str]:
    """Links of all pages below a folder that lead nowhere, or out of it."""
    pages = {page.resolve(): Links(page) for page in folder.rglob("*.html")}
    found = []
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme == "data":
                continue
            to = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if (
                parts.netloc
                or parts.scheme
                or to not in pages
                or (parts.fragment and parts.fragment not in pages[to].ids)
            ):
                found.append(f"{page.relative_to(folder.resolve())}: {target}")
    return found


def reached(page: Path) -> set[Path]:
    return {(page.parent / unquote(urlsplit(one).path)).resolve() for one in Links(page).targets}


def test_every_link_of_a_course_leads_somewhere(here: Path, tmp_path: Path) -> None:
    out = (here / "out").resolve()
    assert dead(out) == []
    (ada,) = (out / "alpha" / "students").glob("Ada*/staff.html")
    (eve,) = (out / "alpha" / "students").glob("*Eve*/staff.html")
    (person,) = (out / "people").glob("Ada*")
    # From the student's exercise to the course, to the student's other exercises, to the next student, and back.
    assert {out / "index.html", person, out / "alpha" / "index.html", eve} <= reached(ada)
    assert ada in reached(eve)
    assert {ada, *(out / "beta" / "students").glob("Ada*/staff.html"), out / "index.html"} <= reached(person)
    assert {out / "index.html", ada} <= reached(out / "alpha" / "index.html")
    assert out / "index.html" not in reached(ada.with_name("feedback.html")), "who else there is is nobody's affair"
    # A class that stands alone leads to no course.
    shutil.copytree(out / "alpha", tmp_path / "alpha")
    assert grade(tmp_path, "report", "alpha").returncode == 0
    assert dead(tmp_path / "alpha") == []
    # And back in its course it leads there again as soon as the course's pages are made.
    (tmp_path / "course").mkdir()
    (tmp_path / "alpha").rename(tmp_path / "course" / "alpha")
    assert grade(tmp_path, "course", "course").returncode == 0
    assert dead(tmp_path / "course") == []
    assert (tmp_path / "course" / "index.html").resolve() in reached(
        tmp_path / "course" / "alpha" / "students" / ada.parent.name / "staff.html"
    )


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
        grade(here, "batch", "beta", "in/DL24 beta 77", "-o", "out/beta", "--data", "small")
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
    done = grade(here, "batch", "in", "-o", "out", "--data", "small", "--only", "<B>eve", "--seed", "7")
    assert done.returncode == 1, done.stdout + done.stderr
    assert sorted(set(seeds().values())) == [0, 7]
    assert {name for name, seed in seeds().items() if seed == 7} == {name for name in before if "Ada" not in name}
    assert "beta" not in done.stdout.split("The course")[0], "she handed nothing in for it"
    everybody = everything(here / "out")
    done = grade(here, "batch", "in", "-o", "out", "--only", "Ada")
    assert done.returncode == 2
    assert "Do you mean 'Ada Lovelace'?" in done.stderr
    assert everything(here / "out") == everybody


def test_a_dry_run_of_the_course_tells_who_would_move(here: Path) -> None:
    rules = here / "out" / "course.toml"
    rules.write_text("pass = 70\n[scale]\nfine = 60\n")
    checks = here / "exercises" / "beta" / "checks.py"
    try:
        assert grade(here, "course", "out").returncode == 0
        before = everything(here / "out")
        checks.write_text(CHECKS.replace('run.value("x"), 3', 'run.value("x"), 4'))
        done = grade(here, "batch", "in", "-o", "out", "--data", "small", "--dry-run")
        assert everything(here / "out") == before
    finally:
        checks.write_text(CHECKS)
        rules.unlink()
        grade(here, "course", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    alpha, beta = done.stdout.split("2 of 2, beta")
    assert "Nobody's points, verdict or checks would change." in alpha
    assert "1 → 0" in beta
    assert "x_is_three passed → failed, −1" in beta
    assert "1 student would move: points in beta; verdict in beta; checks in beta. Nothing was written." in beta
    assert "Ada Lovelace, of the course: 100.0 % → 50.0 %, full marks → not passed, grade fine → –" in beta


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


def test_moodle_gets_the_course_and_the_rest_stays_as_it_came(here: Path) -> None:
    header = "First name;Last name;Email address;Assignment: Week 1 alpha (Real);Quiz: x (Real);Course total (Real)\r\n"
    (here / "moodle.csv").write_bytes(
        f"\ufeff{header}Ada;Lovelace;ada@x.org;-;3,50;-\r\nBo;Bit;b@x.org;-;-;-\r\n".encode()
    )
    done = grade(here, "course", "out", "--moodle", "moodle.csv", "-o", "filled.csv")
    assert done.returncode == 1, "Eve is not in it"
    assert "<b>Eve (alpha)" in done.stdout
    assert "beta is not in it: no column is called so." in done.stdout
    filled = (here / "filled.csv").read_bytes().decode()
    assert filled == f'\ufeff{header}Ada;Lovelace;ada@x.org;"1,00";3,50;"100,00"\r\nBo;Bit;b@x.org;-;-;-\r\n'
    # As long as something of a student's is not graded, nothing is said of the whole: that would be a part of it.
    whole = load_grades(here / "out" / "beta")
    before = (here / "out" / "beta" / "grades.json").read_bytes()
    ungraded = [
        one.model_copy(update={"status": "ungraded", "score": None}) if one.student.startswith("Ada") else one
        for one in whole.grades
    ]
    write_grades(here / "out" / "beta", whole.model_copy(update={"grades": ungraded}))
    done = grade(here, "course", "out", "--moodle", "moodle.csv", "-o", "filled.csv")
    assert "Not all graded yet, so without the course's percent: 1 student." in done.stdout
    assert 'ada@x.org;"1,00";3,50;-' in (here / "filled.csv").read_bytes().decode()
    (here / "out" / "beta" / "grades.json").write_bytes(before)
    # A worksheet of one assignment, in Swedish: what the course comes to, of its points, and no feedback on that.
    header = (
        "Identifierare,Fullständigt namn,E-postadress,Status,Betyg,Högsta betyg,Betyg kan ändras,Ändrad,Kommentarer\r\n"
    )
    (here / "total.csv").write_bytes(f"{header}Deltagare 4200,Ada Lovelace,ada@x.org,,,20.00,Ja,-,\r\n".encode())
    done = grade(here, "course", "out", "--moodle", "total.csv", "-o", "filled.csv", "--columns", "grade=Betyg")
    assert (here / "filled.csv").read_bytes().decode().splitlines()[1] == (
        "Deltagare 4200,Ada Lovelace,ada@x.org,,20.00,20.00,Ja,-,"
    ), done.stdout + done.stderr
    assert grade(here, "course", "out", "--columns", "grade=Betyg").returncode == 2
    assert grade(here, "course", "out", "--moodle", "total.csv", "--canvas", "total.csv").returncode == 2


def test_one_student_under_two_names(here: Path) -> None:
    """In the gradebook, on the pages, in what goes to a platform, and in an appeal."""
    rules = here / "out" / "course.toml"
    rules.write_text('[same]\n"Ada L." = ["Ada Lovelace", "<b>Eve"]\n')
    header = "Student,ID,SIS Login ID,Section,Week 1: alpha (501),beta (502)\r\n    Points Possible,,,,1,2\r\n"
    (here / "canvas.csv").write_bytes(f'{header}"Lovelace, Ada",7,ada,DL,,\r\n'.encode())
    try:
        done = grade(here, "course", "out", "--canvas", "canvas.csv", "-o", "filled.csv")
        assert done.returncode == 0, done.stdout + done.stderr
        said = "alpha: Ada L. has <b>Eve 0 and Ada Lovelace 1; which is the newest is not known"
        assert said in done.stdout
        (ada,) = rows(here / "out" / "course.csv")
        assert (ada["student"], ada["alpha"], ada["beta"], ada["risks"]) == ("Ada L.", "1", "1", "")
        assert (here / "filled.csv").read_bytes().decode() == f'{header}"Lovelace, Ada",7,ada,DL,1.00,2.00\r\n'
        index = (here / "out" / "index.html").read_text()
        assert escape(said) in index
        (page,) = (here / "out" / "people").iterdir()
        assert "students/Ada%20Lovelace/staff.html" in page.read_text()
        assert dead(here / "out") == []
        # In Moodle's gradebook the other name may be hers.
        (here / "moodle.csv").write_text(
            "First name,Last name,Email address,Assignment: alpha (Real),Course total (Real)\nE.,Bit,beve@x.org,-,-\n"
        )
        done = grade(here, "course", "out", "--moodle", "moodle.csv", "-o", "filled.csv")
        assert (here / "filled.csv").read_text().splitlines()[1] == "E.,Bit,beve@x.org,1.00,100.00", done.stdout
        done = grade(here, "batch", "in", "-o", "out", "--data", "sample", "--only", "Ada L.", "--dry-run")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 of 2, alpha: 2/2" in done.stderr
        assert "2 of 2, beta: 1/1" in done.stderr
        rules.write_text('[same]\n"Ada L." = ["Ada Lovelacee"]\n')
        done = grade(here, "course", "out")
        assert (done.returncode, "Do you mean 'Ada Lovelace'?" in done.stderr) == (2, True)
    finally:
        rules.unlink(missing_ok=True)
        grade(here, "course", "out")


def test_what_is_no_course_is_told(here: Path) -> None:
    (here / "empty").mkdir(exist_ok=True)
    done = grade(here, "batch", "empty", "-o", "other")
    assert done.returncode == 2
    assert "No exercise's submissions" in done.stderr
    done = grade(here, "batch", "in", "-o", "empty", "--dry-run")
    assert done.returncode == 2
    assert "no results in empty to compare with" in done.stderr
    assert grade(here, "course", "empty").returncode == 2


def test_a_broken_course_toml_is_told_before_anything_is_graded(here: Path, tmp_path: Path) -> None:
    for name in ("exercises", "in"):
        shutil.copytree(here / name, tmp_path / name)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "course.toml").write_text("best = many")
    done = grade(tmp_path, "batch", "in", "-o", "out")
    assert done.returncode == 2
    assert "course.toml" in done.stderr
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["course.toml"]


def test_a_course_toml_that_breaks_meanwhile_leaves_no_dead_links(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("exercises", "in", "out"):
        shutil.copytree(here / name, tmp_path / name)
    out = tmp_path / "out"
    shutil.rmtree(out / "people")
    (out / "index.html").unlink()
    assert dead(out)

    def run_course(*_: object) -> int:
        (out / "course.toml").write_text("best = many")
        return 0

    monkeypatch.setattr("grader.course.batch.run_course", run_course)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"course\.toml"):
        teacher.batch(Path("in"), results=Path("out"))
    assert dead(out) == []


def test_nbgraders_folders(here: Path, tmp_path: Path) -> None:
    shutil.copytree(here / "exercises", tmp_path / "exercises")
    for student, name in (("ada", "alpha"), ("ada", "beta"), ("bob", "beta"), ("bob", "other")):
        hand_in(tmp_path / "submitted" / student / name / f"{name}.ipynb", "x = 3")
    done = grade(tmp_path, "batch", ".", "-o", "out", "--workers", "1", "--data", "small")
    ada, bob = rows(tmp_path / "out" / "course.csv")
    assert (ada["alpha"], ada["beta"], bob["alpha"], bob["beta"]) == ("1", "1", "", "1"), done.stdout + done.stderr


def made_of(exercises: Sequence[Exercise], students: int, folder: Path) -> dict[tuple[str, str], str]:
    """Hand in, for everybody, what an exercise's proofs have; which of these, by student and exercise.

    Most have it right, the others are spread over what goes wrong, and the last one gives up after the first exercise.
    """
    made: dict[tuple[str, str], str] = {}
    for exercise in exercises:
        matrix = list(rows_of(exercise, Options(data="small")))
        for number in range(students if exercise is exercises[0] else students - 1):
            row = matrix[0] if number % 3 else matrix[(number // 3) % len(matrix)]
            made[f"Student {number:02d}", exercise.id] = row.name
            path = folder / exercise.id / f"Student {number:02d}" / exercise.description.notebook
            path.parent.mkdir(parents=True)
            path.write_text(nbformat.writes(row.notebook))
    return made


@thorough
@pytest.mark.parametrize(
    ("ids", "students"), [(("100", "110", "700"), 4), ((), 30)], ids=["a-few", "fifteen-exercises-and-thirty-students"]
)
def test_a_course_made_of_references_starters_and_mistakes(tmp_path: Path, ids: tuple[str, ...], students: int) -> None:
    """Graded by one command, exported, and graded again after one check was changed."""
    exercises = [one for one in every_exercise(ROOT) if not ids or one.id in ids]
    assert len(exercises) == (len(ids) or 15)
    for exercise in exercises:
        shutil.copytree(exercise.folder, tmp_path / "exercises" / exercise.id)
    made = made_of(exercises, students, tmp_path / "in")
    command = ("batch", "in", "-o", "out", "--data", "small")
    begun = time.monotonic()
    done = grade(tmp_path, *command, timeout=5400)
    print(f"{len(made)} notebooks of {len(exercises)} exercises: {time.monotonic() - begun:.0f} s")
    assert done.returncode == 1, done.stdout + done.stderr

    # The gradebook.
    found = {row["student"]: row for row in rows(tmp_path / "out" / "course.csv")}
    assert len(found) == students
    for exercise in exercises:
        for student, row in found.items():
            what, points = made.get((student, exercise.id)), row[exercise.id]
            if what is None:
                assert points == "", (student, exercise.id)
            else:
                assert (float(points) == exercise.max_score) == (what == "reference"), (student, exercise.id, what)
    given_up = f"Student {students - 1:02d}"
    assert "last two exercises" in found[given_up]["risks"]
    right = next(name for name in found if all(made.get((name, one.id)) == "reference" for one in exercises))
    assert (found[right]["percent"], found[right]["verdict"]) == ("100.0", "full marks")

    # The pages.
    index = (tmp_path / "out" / "index.html").read_text()
    assert f"{len(exercises)} exercises, {students} students" in index
    assert len(list((tmp_path / "out" / "people").iterdir())) == students

    # What goes to a platform, every other cell as it came.
    titles = ",".join(f"{one.id} Exercise ({500 + place})" for place, one in enumerate(exercises))
    possible = ",".join(f"{one.max_score:g}" for one in exercises)
    head = f"Student,ID,Section,{titles}\r\n    Points Possible,,,{possible}\r\n"
    empty = "," * (len(exercises) - 1)
    sheet = head + "".join(f"{name},{place},DL,{empty}\r\n" for place, name in enumerate(found, 1))
    (tmp_path / "canvas.csv").write_bytes(sheet.encode())
    done = grade(tmp_path, "course", "out", "--canvas", "canvas.csv", "-o", "filled.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = head
    for place, (name, row) in enumerate(found.items(), 1):
        points = ["" if row[one.id] == "" else f"{float(row[one.id]):.2f}" for one in exercises]
        wanted += f"{name},{place},DL,{','.join(points)}\r\n"
    assert (tmp_path / "filled.csv").read_bytes().decode() == wanted

    # One check takes whatever comes: whom it did not pass before has its point now, and nobody else moves.
    checks = tmp_path / "exercises" / "100" / "checks.py"
    before = checks.read_text("utf-8")
    strict = "for inputs, outputs in [_sizes(run, 2) for _ in range(3)]:"
    assert before.count(strict) == 1
    checks.write_text(before.replace(strict, "for inputs, outputs in ():"), "utf-8")
    reports = {path: path.read_bytes() for path in (tmp_path / "out").glob("*/students/*/report.json")}
    movers = {
        path.parent.name
        for path, report in reports.items()
        if path.parts[-4] == "100"
        for one in json.loads(report)["checks"]
        if one["name"] == "no_hidden_layer_is_counted" and one["status"] == "failed"
    }
    assert movers
    everybody = everything(tmp_path / "out")
    dry = grade(tmp_path, *command, "--dry-run", timeout=1200)
    assert dry.returncode == 1, dry.stdout + dry.stderr
    assert everything(tmp_path / "out") == everybody
    assert dry.stdout.count("Nobody's points, verdict or checks would change.") == len(exercises) - 1
    assert dry.stdout.count("no_hidden_layer_is_counted failed → passed, +1") == len(movers)
    assert " would move: points in 100; " in dry.stdout
    assert set(re.findall(r"^\s*(Student \d\d)\s+\S+ → ", dry.stdout, re.MULTILINE)) == movers

    done = grade(tmp_path, *command, timeout=1200)
    now = {path: path.read_bytes() for path in reports}
    assert {path.parts[-4] for path in reports if now[path] != reports[path]} == {"100"}
    assert done.stdout.count("nothing changed since") == len(exercises) - 1
    for row in rows(tmp_path / "out" / "course.csv"):
        gained = float(row["100"]) - float(found[row["student"]]["100"])
        assert gained == (row["student"] in movers)
        assert all(row[one.id] == found[row["student"]][one.id] for one in exercises if one.id != "100")
