"""nbgrader's assignments as exercises: what is read of them, and what is said of those that cannot be."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.errors import UsageError
from grader.exercise import load
from grader.foreign.nbgrader import places, read
from grader.foreign.nbgrader_earlier import with_earlier
from grader.foreign.nbgrader_gradebook import Student, students
from grader.foreign.nbgrader_release import marks_of
from grader.foreign.notebooks import exercise_id
from grader.foreign.tests_file import read_tests
from grader.foreign.writing import Assignment
from tests.conftest import listing
from tests.foreign.nbgrader.course import NAMES, Course, expected, fingerprint
from tests.test_cli import grade

Write = Callable[..., Path]
MARKS = (
    ("BEGIN SOLUTION", "END SOLUTION"),
    ("BEGIN HIDDEN", "END HIDDEN"),
    ("BEGIN MARK", "END MARK"),
    ("#<solution>", "#</solution>"),
    ("VEIL ON", "VEIL OFF"),
)


def marked(source: str, text: bool = False, **said: object) -> nbformat.NotebookNode:
    """A cell with nbgrader's metadata, of the newest version if none is told."""
    cell = new_markdown_cell(source) if text else new_code_cell(source)
    cell.metadata["nbgrader"] = {"grade": False, "solution": False, "locked": False, "schema_version": 3, **said}
    return cell


def solution(source: str = "x = 3", name: str = "x") -> nbformat.NotebookNode:
    return marked(source, solution=True, grade_id=name)


def a_test(source: str = "assert x == 3", name: str = "x_is_three", points: object = 1) -> nbformat.NotebookNode:
    return marked(source, grade=True, locked=True, grade_id=name, points=points)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook of these cells into a course; its path."""

    def one(*cells: nbformat.NotebookNode, path: str = "source/ps1/ps1.ipynb", **metadata: Any) -> Path:
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(new_notebook(cells=list(cells), metadata=metadata)))
        return target

    return one


def only(source: Path) -> Assignment:
    """The one assignment there."""
    (place,) = places(source)
    return read(place)


# ---------------------------------------------------------------------- what nbgrader itself does


@pytest.mark.parametrize("name", NAMES)
def test_the_starter_is_what_nbgrader_releases(tmp_path: Path, name: str) -> None:
    course = Course(name)
    course.write_source(tmp_path)
    one = only(tmp_path)
    assert fingerprint(one.starter) == expected()[name]["released"]
    assert {coded.test.cell for coded in one.tests} == set(expected()[name]["scores"]["right"])


@pytest.mark.parametrize("name", NAMES)
def test_a_release_is_read_like_its_source_without_what_is_hidden(tmp_path: Path, name: str) -> None:
    course = Course(name)
    course.write_source(tmp_path)
    of_source = only(tmp_path)
    released = tmp_path / "release" / name / course.notebook
    released.parent.mkdir(parents=True)
    released.write_text(json.dumps(of_source.starter))
    of_release = only(released.parent)
    assert of_release.reference is None
    assert "version for students" in of_release.remarks[0]
    assert fingerprint(of_release.starter) == fingerprint(of_source.starter)
    assert [one.visible for one in of_release.tests] == [one.visible for one in of_source.tests]
    assert [one.test.points for one in of_release.tests] == [one.test.points for one in of_source.tests]


@pytest.mark.parametrize("name", NAMES)
def test_solutions_and_hidden_tests_are_in_nothing_that_students_get(tmp_path: Path, name: str) -> None:
    course = Course(name)
    course.write_source(tmp_path)
    assert grade("import", "nbgrader", str(tmp_path), "-o", str(tmp_path / "exercises")).returncode == 0
    hidden = []
    for cell in course.said["cell"]:
        for begin, end in MARKS:
            between = str(cell["source"]).partition(begin)[2].partition(end)[0]
            hidden += [line.strip() for line in between.splitlines()[1:] if len(line.strip()) > 12]
    assert hidden
    folder = tmp_path / "exercises" / name
    for file in listing(folder):
        if (folder / file).is_file():
            text = (folder / file).read_text()
            assert [line for line in hidden if line in text or json.dumps(line)[1:-1] in text] == []


# ---------------------------------------------------------------------- which notebooks


def test_a_course_an_assignment_and_a_notebook_are_found(write: Write, tmp_path: Path) -> None:
    write(solution(), a_test(), path="source/ps1/ps1.ipynb")
    for name in ("first", "second part"):
        write(solution(), a_test(), path=f"source/ps 2/{name}.ipynb")
    write(path="source/.ipynb_checkpoints/ps1-checkpoint.ipynb")
    in_all = ["ps-2-first", "ps-2-second-part", "ps1"]
    assert [place.id for place in places(tmp_path)] == in_all
    assert [place.id for place in places(tmp_path / "source")] == in_all
    assert [place.id for place in places(tmp_path / "source" / "ps 2")] == in_all[:2]
    assert [place.id for place in places(tmp_path / "source" / "ps1")] == ["ps1"]
    assert [place.id for place in places(tmp_path / "source" / "ps1" / "ps1.ipynb")] == ["ps1"]
    one = read(places(tmp_path / "source" / "ps 2")[1])
    assert one.source == "ps 2/second part.ipynb"
    assert one.notebook == "second_part.ipynb"


def test_what_lies_beside_comes_along_and_the_course_decides_what_is_ignored(write: Write, tmp_path: Path) -> None:
    path = write(solution(), a_test())
    for name in ("data/a.csv", "helper.py", "__pycache__/helper.pyc", ".ipynb_checkpoints/x.txt", "notes.txt"):
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_text("1")
    assert set(only(tmp_path).beside) == {"data/a.csv", "helper.py", "notes.txt"}
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.ignore = ['notes.*', '__pycache__', '.ipynb_checkpoints']\n"
        "c.Execute.timeout = 7\nopen('ran', 'w')\n"
    )
    one = only(tmp_path)
    assert set(one.beside) == {"data/a.csv", "helper.py"}
    assert one.cell_s == 7
    assert not Path("ran").exists()


# ---------------------------------------------------------------------- which cells


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"grade": True, "points": "2.5", "grade_id": "a"}, (True, False, True, 2.5)),
        ({"grade": True, "points": "", "grade_id": "a"}, (True, False, True, 0)),
        ({"grade": True, "points": -1, "grade_id": "a", "schema_version": 1}, (True, False, True, 0)),
        ({"grade": True, "grade_id": "a"}, (True, False, True, 0)),
        ({"solution": True, "points": 3, "grade_id": "a"}, (False, True, False, 0)),
        ({"solution": True, "locked": True, "grade_id": "a", "schema_version": 2}, (False, True, False, 0)),
        ({"locked": True, "grade_id": "a", "schema_version": 2}, (False, False, True, 0)),
        ({"grade_id": "a"}, (False, False, False, 0)),
        ("nothing", (False, False, False, 0)),
    ],
)
def test_metadata_of_every_version_are_understood(said: object, meant: tuple[object, ...]) -> None:
    cell = new_code_cell("x")
    cell.metadata["nbgrader"] = said
    marks = marks_of(cell)
    assert (marks.grade, marks.solution, marks.locked, marks.points) == meant


def test_each_kind_of_cell_becomes_what_it_is(write: Write, tmp_path: Path) -> None:
    write(
        new_markdown_cell("# Numbers\n\n## First"),
        marked("import math", locked=True, grade_id="imports"),
        solution("x = 3"),
        a_test('"""x is three."""\nassert x == 3\n### BEGIN HIDDEN TESTS\nassert x > 2\n### END HIDDEN TESTS'),
        a_test("# secret\n### BEGIN HIDDEN TESTS\nassert x\n### END HIDDEN TESTS", "2nd-test", 0),
        a_test("pass", "class", 0.5),
        new_markdown_cell("## Why?"),
        marked("because", text=True, grade=True, solution=True, grade_id="why", points=2),
        marked("Do.\n### BEGIN MARK SCHEME\n2 for it\n### END MARK SCHEME", text=True, locked=True, task=True,
               grade_id="task", points=4),
    )  # fmt: skip
    one = only(tmp_path)
    assert one.title == "Numbers"
    told = [(c.test.name, c.test.title, c.test.points, c.test.form, c.test.hidden) for c in one.tests]
    assert told == [
        ("x_is_three", "x is three.", 1, "code", False),
        ("test_2nd_test", "secret", 0, "code", True),
        ("test_class", "class", 0.5, "code", False),
        ("why", "Why?", 2, "written", False),
        ("task", "Why?", 4, "written", False),
    ]
    assert one.tests[0].visible == '"""x is three."""\nassert x == 3'
    assert "assert x > 2" in one.tests[0].whole
    assert [locked.cell for locked in one.locked] == ["imports", "x_is_three", "2nd-test", "class", "task"]
    assert "2 for it" not in one.locked[-1].source
    assert one.reference is not None


def test_ids_of_cells_are_the_same_in_each_import(write: Write, tmp_path: Path) -> None:
    path = write(solution(), a_test(), new_code_cell("x", id="mine"), new_code_cell("y", id="x"))
    ids = ["x", "x_is_three", "mine", "cell-4"]
    assert [cell["id"] for cell in only(tmp_path).starter.cells] == ids
    older = json.loads(path.read_text()) | {"nbformat_minor": 4}
    older["cells"] = [{key: value for key, value in cell.items() if key != "id"} for cell in older["cells"]]
    path.write_text(json.dumps(older))
    assert [cell["id"] for cell in only(tmp_path).starter.cells] == [*ids[:2], "cell-3", "cell-4"]


def test_a_notebook_of_the_third_format_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "ps1"
    folder.mkdir(parents=True)
    marks = {"grade": True, "points": "1", "grade_id": "x"}
    cell = {"cell_type": "code", "input": ["assert True\n", "x"], "outputs": [], "metadata": {"nbgrader": marks}}
    cell |= {"language": "python", "collapsed": False, "prompt_number": 1}
    notebook = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    (folder / "ps1.ipynb").write_text(json.dumps(notebook))
    assert only(tmp_path).tests[0].visible == "assert True\nx"


# ---------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([solution(), a_test(), a_test()], "two cells have the id x_is_three"),
        ([solution(name=""), a_test()], "the cell “x = 3” has no id of nbgrader's"),
        ([solution()], "has no cell that is graded"),
        ([solution("### BEGIN SOLUTION\nx = 3"), a_test()], "A solution does not end in the cell"),
        ([solution("### BEGIN SOLUTION\n### BEGIN SOLUTION\nx"), a_test()], "A solution begins twice"),
        ([new_code_cell("### BEGIN SOLUTION\n### END SOLUTION"), a_test()], "which is none of the solution cells"),
        (
            [solution(), a_test(), new_code_cell("### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS")],
            "which is none of the test cells",
        ),
        ([a_test("### BEGIN MARK SCHEME\n### END MARK SCHEME")], "which is none of the task cells"),
        ([solution(), a_test("### AUTOTEST x;")], "has autotests that nbgrader has not made yet"),
    ],
)
def test_what_cannot_be_imported_is_told(write: Write, tmp_path: Path, cells: list[Any], says: str) -> None:
    write(*cells)
    with pytest.raises(UsageError) as caught:
        only(tmp_path)
    assert says in caught.value.message
    assert caught.value.advice


def test_what_is_no_notebook_in_python_is_told(write: Write, tmp_path: Path) -> None:
    path = write(
        solution("x <- 3\ny <- 4\nlibrary(z)"),
        a_test("x <- 1"),
        kernelspec={"name": "ir", "language": "R", "display_name": "R"},
    )
    with pytest.raises(UsageError, match="is written in R"):
        read(places(path)[0])
    path.write_text("{}")
    with pytest.raises(UsageError, match=r"ps1\.ipynb"):
        read(places(path)[0])
    with pytest.raises(UsageError, match="There is no"):
        places(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is no notebook"):
        places(Path(__file__))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="There is no notebook in"):
        places(tmp_path / "empty")


def test_a_test_without_code_is_imported_and_told(write: Write, tmp_path: Path) -> None:
    write(solution(), a_test("# nothing yet"))
    assert only(tmp_path).remarks == ("The test x_is_three has no code: everybody passes it.",)


# ---------------------------------------------------------------------- the command


def test_the_command_imports_what_it_can_and_a_second_time_only_what_is_new(write: Write, tmp_path: Path) -> None:
    write(solution(), a_test())
    write(solution(), path="source/ps2/ps2.ipynb")
    into = tmp_path / "new" / "exercises"
    command = ("import", "nbgrader", str(tmp_path), "-o", str(into))
    first = grade(*command)
    assert first.returncode == 2
    assert "ps2.ipynb has no cell that is graded." in first.stderr
    assert "1 test, 1 verified outside the notebook." in first.stdout
    assert listing(into) == [
        "ps1", "ps1/exercise.toml", "ps1/ps1.ipynb", "ps1/tests", "ps1/tests.toml", "ps1/tests/x_is_three.py"
    ]  # fmt: skip
    exercise = load(into / "ps1")
    assert exercise.reference.is_file()
    assert read_tests(exercise.folder) is not None
    assert "Nothing has changed" in grade(*command).stdout
    (into / "ps1" / "tests" / "x_is_three.py").write_text("assert x == 4")
    write(solution(), a_test("assert x == 5"))
    assert "was changed by hand and stays as it is" in grade(*command).stdout
    assert (into / "ps1" / "tests" / "x_is_three.py").read_text() == "assert x == 4"


# ---------------------------------------------------------------------- what a test uses of those before it


@pytest.mark.parametrize(
    ("code", "earlier", "own", "whole"),
    [
        (
            "check(1)",
            ["def check(n):\n    assert f(n) == k", "k = 3"],
            {"f"},
            "def check(n):\n    assert f(n) == k\nk = 3\n",
        ),
        (
            "check(1)",
            ["k = 3", "def check(n):\n    return k\nother = 1"],
            set(),
            "k = 3\ndef check(n):\n    return k\n",
        ),
        ("assert x == y", ["x = 1\nx = 2", "for y in (1, 2):\n    pass"], set(), "x = 2\nfor y in (1, 2):\n    pass\n"),
        ("np.ones(3)", ["import numpy as np\nassert np"], set(), "import numpy as np\n"),
        ("squares(1)", ["before = squares\ndel squares\nsquares = before"], {"squares"}, ""),
        ("found = 3\nassert found", ["found = f(1)"], {"f"}, ""),
        ("assert [x for x in y]", ["x = 1"], set(), "x = 1\n"),
        ("assert f(1)", ["not python("], set(), ""),
        ("not python(", ["x = 1"], set(), ""),
    ],
)
def test_a_test_has_what_it_uses_of_the_tests_before_it(
    code: str, earlier: list[str], own: set[str], whole: str
) -> None:
    assert with_earlier(code, earlier, own) == whole + code


# ---------------------------------------------------------------------- its gradebook


def gradebook(path: Path, due: str | None, manual: float | None = None) -> None:
    """A gradebook of nbgrader's with the assignment ps1, as far as it is looked at."""
    with closing(sqlite3.connect(path)) as book:
        book.executescript(
            "create table assignment (id, name, duedate); create table submitted_assignment (id, assignment_id);"
            "create table submitted_notebook (id, assignment_id); create table grade (notebook_id, manual_score);"
            "insert into submitted_assignment values (2, 1); insert into submitted_notebook values (3, 2);"
        )
        book.execute("insert into assignment values (1, 'ps1', ?)", (due,))
        book.executemany("insert into grade values (3, ?)", [(manual,), (manual,)])
        book.commit()


def test_the_deadline_and_points_given_by_hand_are_told(write: Write, tmp_path: Path) -> None:
    write(solution(), a_test())
    gradebook(tmp_path / "gradebook.db", "2026-11-20 21:59:00.000000", 1.5)
    due, by_hand = only(tmp_path).remarks
    assert "`deadline = 2026-11-20T21:59:00Z`" in due
    assert "for 1 submission:" in by_hand


def test_a_gradebook_that_says_nothing_or_is_none_stops_nobody(write: Write, tmp_path: Path) -> None:
    write(solution(), a_test())
    gradebook(tmp_path / "gradebook.db", None)
    assert only(tmp_path).remarks == ()
    (tmp_path / "gradebook.db").write_bytes(b"no database" * 100)
    assert "gradebook.db cannot be read" in only(tmp_path).remarks[0]


def class_of(
    path: Path, *rows: tuple[object, ...], columns: str = "id, first_name, last_name, email, lms_user_id"
) -> None:
    """A gradebook of nbgrader's with these students."""
    with closing(sqlite3.connect(path)) as book:
        book.execute(f"create table student ({columns})")
        book.executemany(f"insert into student values ({', '.join('?' * len(columns.split(',')))})", rows)
        book.commit()


def test_the_class_list_is_kept_and_what_the_teacher_made_of_it(write: Write, tmp_path: Path) -> None:
    write(solution(), a_test())
    class_of(
        tmp_path / "gradebook.db",
        ("ada", "Ada", "Lovelace", "ada@uni.example", "17"),
        ("bob", None, "=HYPERLINK(1)", b"\xff", None),
    )
    done = grade("import", "nbgrader", str(tmp_path), "-o", str(tmp_path / "exercises"))
    assert done.returncode == 0, done.stderr
    assert "2 students of the gradebook" in done.stdout
    listed = tmp_path / "students.csv"
    assert listed.read_text("utf-8-sig").splitlines() == [
        "student,first_name,last_name,email,lms_user_id",
        "ada,Ada,Lovelace,ada@uni.example,17",
        "bob,,'=HYPERLINK(1),,",
    ]
    listed.write_text("student,seminar\nada,A\n")
    assert grade("import", "nbgrader", str(tmp_path), "-o", str(tmp_path / "exercises")).returncode == 0
    assert listed.read_text() == "student,seminar\nada,A\n"
    assert "ada@uni.example" in (tmp_path / "students.csv.new").read_text("utf-8-sig")


def test_a_class_list_of_an_older_version_or_a_hostile_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert students(tmp_path) == ()
    class_of(tmp_path / "gradebook.db", ("ada", "Ada"), ("", "nobody"), columns="id, first_name")
    assert students(tmp_path) == (Student("ada", "Ada"),)
    monkeypatch.setattr("grader.foreign.nbgrader_gradebook._SECONDS", 0)
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as book:
        book.execute("drop table student")
        endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n where x < 0"
        book.execute(f"create view student(id) as {endless}")
        book.commit()
    with pytest.raises(UsageError, match="no class list is taken"):
        students(tmp_path)
    (tmp_path / "gradebook.db").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match="no class list is taken"):
        students(tmp_path)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("ps1-1 - Introduction to NumPy", "ps1-1-Introduction-to-NumPy"),
        ("Übung 3: Größen", "Ubung-3-Groen"),
        ("_a--b.c", "_a-b-c"),
        ("x" * 40, "x" * 40),
        ("Задание", ""),
    ],
)
def test_exercises_are_called_by_the_words_of_a_name(name: str, made: str) -> None:
    assert exercise_id(name) == made


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = ["ps1 Introduction to the IPython notebook, part one", "ps1 Introduction to the IPython notebook, part two"]
    made = [exercise_id(name) for name in [*names, "y" * 50]]
    assert len({*made}) == 3
    assert all(len(one) <= 40 for one in made)
    assert made[0].startswith("ps1-Introduction-to-the-IPython-")
