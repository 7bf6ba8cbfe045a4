"""`grade export`, as a teacher types it: a class of Moodle's, graded for real, and given back to each platform."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader import cli
from grader.exercise import Exercise
from grader.grades.grades import Grades, load_grades, write_grades
from grader.grades.results import Results
from grader.grading import Graded
from grader.language import speaking, tr
from grader.scratch import remove
from tests.batches import Batch, hand_in
from tests.commands import typed
from tests.platforms.grades import HOSTILE, entry
from tests.platforms.test_canvas import imported as from_canvas
from tests.platforms.test_github import table
from tests.platforms.test_gradescope import Results as OfGradescope
from tests.platforms.test_gradescope import Whole
from tests.platforms.test_junit import read as from_junit
from tests.platforms.test_moodle import ENGLISH, feedback_files, row, written
from tests.platforms.test_moodle import imported as from_moodle


def grade(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`grade`, as it is typed."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return typed(*arguments, stdin=stdin, environment=outside | environment)


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


@pytest.fixture
def results(folder: Path, batch: Batch) -> Path:
    """A class of three, as Moodle gives it, graded."""
    for name, number, source in (("Anna Mäkelä", 101, "x = 3"), ("Bob OBrien", 102, "x = 4"), ("Eve", 103, "")):
        hand_in(folder, f"{name}_{number}_assignsubmission_file_", source)
    (folder / "in" / "Eve_103_assignsubmission_file_" / "small.ipynb").rename(folder / "in" / "essay.txt")
    (folder / "in" / "essay.txt").rename(folder / "in" / "Eve_103_assignsubmission_file_" / "essay.txt")
    done = batch()
    assert done.returncode == 1, done.stderr
    return folder / "out"


def test_a_class_of_moodles_goes_back_to_moodle(results: Path, folder: Path) -> None:
    names = ((101, "Anna Mäkelä"), (102, "Bob O'Brien"), (103, "Eve"))
    sheet = written([list(ENGLISH), *(row(number, name, "6.00") for number, name in names)])
    (folder / "sheet.csv").write_bytes(sheet)
    done = grade("export", "moodle", results, "--sheet", folder / "sheet.csv")
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"Wrote {results / 'moodle.csv'}: 2 students." in done.stdout.decode()
    found = from_moodle((results / "moodle.csv").read_bytes())
    assert {number: points for number, (points, _) in found.items()} == {101: 6, 102: 4, 103: None}
    assert "<code>x</code> is three" in found[102][1]
    assert (folder / "sheet.csv").read_bytes() == sheet

    for student in ("Anna Mäkelä", "Bob OBrien"):
        page = Results(results).folder(student) / "feedback.html"
        page.write_text(f"The page of {student}.")
    done = grade("export", "moodle-feedback", results, "-o", folder / "feedback.zip")
    assert done.returncode == 0, done.stderr
    assert {
        number: content.decode()
        for number, (_, content) in feedback_files((folder / "feedback.zip").read_bytes(), {101, 102, 103}).items()
    } == {101: "The page of Anna Mäkelä.", 102: "The page of Bob OBrien."}

    (folder / "sheet.csv").write_bytes(sheet.replace(b"Anna", b"Anne"))
    done = grade("export", "moodle", results, "--sheet", folder / "sheet.csv", "-o", folder / "again.csv")
    assert done.returncode == 1
    assert "  Anna Mäkelä: number 101 is somebody else in the sheet: Anne Mäkelä" in done.stdout.decode()
    assert from_moodle((folder / "again.csv").read_bytes())[102][0] == 4


# ---------------------------------------------------------------------- results that were not graded just now


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """A folder of results: grades, and a report of each student's."""
    entries = [entry("Anna Mäkelä", 7.5, penalty=0.5, late_seconds=60), entry("Bob", 3, reason="On paper; =1+1")]
    entries.append(entry("Eve", None, report=None, status="missing"))
    folder = Results(tmp_path / "results")
    for one in entries:
        if one.report is not None:
            folder.save(one.student, "key", Graded(one.report))
    made = Grades(exercise="110", title="Digits", max_score=10, grades=[one.grade for one in entries])
    write_grades(folder.path, made)
    return folder.path


def test_plain_csv(graded: Path) -> None:
    made = [*load_grades(graded).grades, *(entry(name, 1).grade for name in HOSTILE)]
    write_grades(graded, Grades(exercise="110", title="Digits", max_score=10, grades=made))
    assert grade("export", "csv", graded).returncode == 0
    with (graded / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert list(rows[0].values()) == ["Anna Mäkelä", "7.5", "10", "failed", "yes", "0.5", "", "passed"]
    assert list(rows[1].values()) == ["Bob", "3", "10", "failed", "", "0", "On paper; '=1+1", "not passed"]
    assert list(rows[2].values()) == ["Eve", "", "10", "missing", "", "0", "", "missing"]
    assert rows[4]["student"] == "Öykkäri, Åke"
    assert not any(one["student"].startswith(("=", "+", "-", "@")) for one in rows)


def test_csv_beside_a_class_list(graded: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "students.csv"
    sheet.write_text("Student;Name;E-mail\nBob;=1+1;bob@uni.example\nNobody;;\nEve;Eve;\n\n")
    done = grade("export", "csv", graded, "--sheet", sheet, "-o", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert "1 student not in the class list, at its end: Anna Mäkelä." in done.stdout.decode()
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    assert header[:4] == ["Student", "Name", "E-mail", "score"]
    assert [row[:6] for row in rows] == [
        ["Bob", "'=1+1", "bob@uni.example", "3", "10", "failed"],
        ["Nobody", "", "", "", "", ""],
        ["Eve", "Eve", "", "", "10", "missing"],
        ["Anna Mäkelä", "", "", "7.5", "10", "failed"],
    ]
    for text, why in (("name\nBob\n", "not the header"), ("student\nBob\nBob\n", "has Bob more than once")):
        sheet.write_text(text)
        done = grade("export", "csv", graded, "--sheet", sheet, "-o", tmp_path / "out.csv")
        assert (done.returncode, why in done.stderr.decode()) == (2, True), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names there")
def test_what_is_no_ordinary_file_is_written_into_and_never_replaced(graded: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        done = grade("export", "csv", graded, "-o", pipe)
        assert done.returncode == 0, done.stderr
        assert reader.stdout is not None
        assert b"Anna" in reader.stdout.read()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert grade("export", "csv", graded, "-o", os.devnull).returncode == 0
    assert not Path(os.devnull).is_file()
    done = grade("export", "csv", graded, "-o", tmp_path)
    assert (done.returncode, b"Name a file" in done.stderr) == (2, True)


def test_canvas(graded: Path, tmp_path: Path) -> None:
    header = "Student;ID;SIS User ID;SIS Login ID;Section;Digits (9);Lines (8)\n"
    points = "    Points Possible;;;;;20;5\n"
    (tmp_path / "book.csv").write_text(f'{header}{points}"Mäkelä, Anna";1;;;A;;2\nBob;2;;;A;;3\nEve;3;;;B;;\n')
    done = grade("export", "canvas", graded, "--sheet", tmp_path / "book.csv", "-o", "-")
    assert done.returncode == 0, done.stderr
    assert from_canvas(done.stdout, delimiter=";") == {
        1: {"Digits (9)": "15.00", "Lines (8)": "2"},
        2: {"Digits (9)": "6.00", "Lines (8)": "3"},
        3: {"Digits (9)": "", "Lines (8)": ""},
    }


def test_junit_of_a_class_and_of_a_report(graded: Path) -> None:
    assert grade("export", "junit", graded).returncode == 0
    suites = from_junit((graded / "junit.xml").read_text("utf-8"))
    assert [suite.attrib["name"] for suite in suites] == ["Anna Mäkelä", "Bob", "Eve"]
    report = Results(graded).folder("Anna Mäkelä") / "report.json"
    alone = from_junit(grade("export", "junit", report).stdout.decode())
    assert [suite.attrib["name"] for suite in alone] == ["Anna Mäkelä"]


def test_github_of_a_class_and_of_a_report(graded: Path, tmp_path: Path) -> None:
    report = (Results(graded).folder("Anna Mäkelä") / "report.json").read_bytes()
    alone = grade("export", "github", "-", stdin=report)
    assert alone.returncode == 0, alone.stderr
    summary, mark, annotations = alone.stdout.decode().partition("::error")
    assert table(summary)[2][0] == "x is three."
    assert (mark + annotations).splitlines()[0] == "::error title=`x` is three.::It is 2, not 3.%0AHint: Count."

    step = tmp_path / "step.md"
    step.write_text("before\n")
    done = grade("export", "github", graded, GITHUB_STEP_SUMMARY=str(step))
    assert (done.returncode, done.stdout) == (0, b"")
    assert step.read_text().startswith("before\n## 110 Digits\n")
    assert table(step.read_text())[1][:3] == ["Anna Mäkelä", "passed", "7.5/10"]


def test_gradescope_of_a_report(graded: Path) -> None:
    done = grade("export", "gradescope", Results(graded).folder("Bob") / "report.json", "-o", graded / "results.json")
    assert done.returncode == 0, done.stderr
    assert Whole.model_validate_json((graded / "results.json").read_bytes()).score == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["moodle", "{results}"], "The grading worksheet is missing."),
        (["canvas", "{results}", "--sheet", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["junit", "{results}", "--sheet", "nowhere.csv"], "takes no sheet"),
        (["csv", "{results}", "--sheet", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["csv", "nowhere"], "There is no nowhere."),
        (["csv", "{results}", "-o", "nowhere/grades.csv"], "cannot be written"),
        (["csv", "{results}/students"], "There is no grades.json"),
        (["csv", "{results}/grades.json"], "is no report"),
        (["csv", "{report}"], "is of a class"),
        (["gradescope", "{results}"], "is of one report"),
        (["gradescope-autograder", "nothing"], "There is no exercise"),
        (["moodle-feedback", "{results}"], "There are no pages"),
        (["moodle", "{results}", "--sheet", "{sheet}", "-o", "{sheet}"], "is the sheet itself"),
    ],
)
def test_a_wrong_command_is_told_in_a_line(
    arguments: list[str], told: str, graded: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sheet.csv").write_bytes(written([list(ENGLISH), row(1, "Bob")]))
    report = Results(graded).folder("Bob") / "report.json"
    places = {"results": graded, "report": report, "sheet": tmp_path / "sheet.csv"}
    monkeypatch.setattr(sys, "argv", ["grade", "export", *(one.format(**places) for one in arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert told in captured.err
    assert captured.err.count("\n") == 1


# ---------------------------------------------------------------------- as Gradescope's autograder


@pytest.fixture
def autograder(exercise: Exercise, folder: Path) -> Iterator[Path]:
    """Gradescope's folder, with the autograder's zip laid out in it, as its image has it."""
    hidden = exercise.hidden_checks
    hidden.parent.mkdir(parents=True)
    hidden.write_text(
        'from grader.checks import *\n\n@check(points=1)\ndef own(run):\n    """Mine."""\n    expect(False, "No.")\n'
    )
    made = grade("export", "gradescope-autograder", exercise.folder, "-o", folder / "autograder.zip", "--lang", "fi")
    assert made.returncode == 0, made.stderr
    root = folder / "autograder"
    for name in ("source", "submission"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        archive.extractall(root / "source")
        for name in ("setup.sh", "run_autograder"):
            mode = archive.getinfo(name).external_attr >> 16
            assert mode & stat.S_IXUSR
            (root / "source" / name).chmod(mode & 0o777)
    yield root
    remove(root)


def run_autograder(root: Path, **environment: str) -> tuple[OfGradescope, str]:
    """What Gradescope runs for a submission; what it then reads, and what instructors see."""
    where = {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable, "GRADED": str(root / "graded")}
    done = subprocess.run(
        [root / "source" / "run_autograder"],
        env=os.environ | where | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0
    return OfGradescope.model_validate_json((root / "results" / "results.json").read_bytes()), done.stdout


def submit(root: Path, source: str, name: str = "small.ipynb") -> None:
    hand_in(root.parent, "somebody", source)
    (root.parent / "in" / "somebody" / "small.ipynb").rename(root / "submission" / name)


def test_the_zip_holds_what_judging_takes_and_no_more(autograder: Path, exercise: Exercise) -> None:
    found = sorted(path.relative_to(autograder / "source").as_posix() for path in (autograder / "source").rglob("*"))
    files = [name for name in found if (autograder / "source" / name).is_file() and not name.endswith(".whl")]
    assert files == [
        *("exercises/small/checks.py", "exercises/small/exercise.toml", "run_autograder", "setup.sh"),
        "solutions/small/checks.py",
    ]
    with zipfile.ZipFile(next((autograder / "source").glob("grader-*.whl"))) as wheel:
        assert "grader/platforms/gradescope_files/run_autograder" in wheel.namelist()
    for script in ("setup.sh", "run_autograder"):
        text = (autograder / "source" / script).read_text()
        assert "@" not in text.replace("$@", "")
        subprocess.run(["bash", "-n", autograder / "source" / script], check=True, timeout=20)


def test_a_submission_is_graded(autograder: Path) -> None:
    submit(autograder, "import helper\nx = helper.three", "my work.ipynb")
    (autograder / "submission" / "helper.py").write_text("three = 3")
    due = {"created_at": "2026-11-21T15:00:00.5-08:00", "assignment": {"due_date": "2026-11-21T10:00:00.0-08:00"}}
    (autograder / "submission_metadata.json").write_text(json.dumps(due))
    found, said = run_autograder(autograder)
    assert (found.graded, found.score) == (True, 3)
    assert [(test.status, test.visibility) for test in found.tests] == [
        *(("passed", "visible"), ("passed", "visible"), ("failed", "hidden"))
    ]
    assert "Layers of isolation" in said
    with speaking("fi"):  # as the zip was asked for
        assert tr("It was handed in after the due date; what that costs is Gradescope's to say.") in found.output


def test_a_submission_without_a_notebook_gets_no_points(autograder: Path) -> None:
    (autograder / "submission" / "essay.txt").write_text("Dear teacher")
    found, _ = run_autograder(autograder)
    assert (found.graded, found.score) == (True, 0)


@pytest.mark.parametrize("fault", ["checks", "source", "python", "killed"])
def test_when_the_grader_fails_nobody_loses_points(fault: str, autograder: Path) -> None:
    submit(autograder, "x = 3")
    environment: dict[str, Any] = {}
    if fault == "checks":
        (autograder / "source" / "exercises" / "small" / "checks.py").write_text("1/0")
    elif fault == "source":
        remove(autograder / "source" / "exercises")
    elif fault == "python":
        environment = {"AUTOGRADER_PYTHON": "/nowhere/python"}
    else:
        submit(autograder, "x = 3\ny = 1")  # the check that looks at it kills the grader
    found, _ = run_autograder(autograder, **environment)
    assert not found.graded
    assert found.output
