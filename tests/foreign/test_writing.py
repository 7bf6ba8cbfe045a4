"""What an import writes, and what a later one leaves alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import ExerciseError, UsageError
from grader.exercise import load
from grader.foreign.tests_file import Locked, Test, code_of, read_tests
from grader.foreign.writing import Assignment, Coded, write_exercise
from tests.conftest import listing, notebook

SQUARES = Test(name="squares", title='Squares of \x7f "whole" numbers\\', points=2.5, cell="test-squares")
STARTER, REFERENCE = notebook("f = ..."), notebook("def f(x): return x * x")
SECRET = Test(name="secret", title="secret", points=1, hidden=True)


def assignment(*tests: Coded, **changed: object) -> Assignment:
    usual = (
        Coded(SQUARES, "assert f(2) == 4\n", "assert f(2) == 4\nassert f(3) == 9\n"),
        Coded(SECRET, "", "assert f(4) == 16\n"),
    )
    one = Assignment(
        id="ps1",
        title="Squares 'n' \"cubes\"",
        tool="nbgrader",
        source="ps1.ipynb",
        notebook="ps1.ipynb",
        starter=STARTER,
        reference=REFERENCE,
        tests=tests or usual,
        locked=(Locked(cell="intro", kind="markdown", source='# Squares\n\n"α"\x01'),),
        beside={"helper.py": b"two = 2\n", "figures/a.png": b"\x89PNG"},
    )
    return replace(one, **changed)


@pytest.fixture
def exercises(tmp_path: Path) -> Path:
    return tmp_path / "course" / "exercises"


def test_what_is_written_is_read_again(exercises: Path) -> None:
    one = assignment()
    done = write_exercise(one, exercises)
    assert listing(exercises.parent) == [
        "exercises",
        "exercises/ps1",
        "exercises/ps1/exercise.toml",
        "exercises/ps1/figures",
        "exercises/ps1/figures/a.png",
        "exercises/ps1/helper.py",
        "exercises/ps1/ps1.ipynb",
        "exercises/ps1/tests",
        "exercises/ps1/tests.toml",
        "exercises/ps1/tests/squares.py",
        "solutions",
        "solutions/ps1",
        "solutions/ps1/ps1.ipynb",
        "solutions/ps1/tests",
        "solutions/ps1/tests/secret.py",
        "solutions/ps1/tests/squares.py",
    ]
    assert len(done.files) == 9
    found = read_tests(done.folder)
    assert found is not None
    assert found.test == (SQUARES, SECRET)
    assert found.locked == one.locked
    exercise = load(done.folder)
    assert exercise.description.title.en == one.title
    assert exercise.reference.is_file()
    assert code_of(SQUARES, exercise.folder, exercise.solution_folder) == one.tests[0].whole
    (exercise.solution_folder / "tests" / "squares.py").unlink()
    assert code_of(SQUARES, exercise.folder, exercise.solution_folder) == one.tests[0].visible
    (exercise.solution_folder / "tests" / "secret.py").unlink()
    with pytest.raises(ExerciseError, match="code of the test `secret` is not there"):
        code_of(SECRET, exercise.folder, exercise.solution_folder)


def test_a_second_import_writes_what_is_new_and_nothing_else(exercises: Path) -> None:
    write_exercise(assignment(), exercises)
    assert write_exercise(assignment(), exercises).files == []
    done = write_exercise(assignment(Coded(SQUARES, "assert f(2) == 4.0\n")), exercises)
    names = [path.relative_to(exercises.parent).as_posix() for path in done.files]
    assert names == ["exercises/ps1/tests/squares.py", "exercises/ps1/tests.toml"]
    removed = {path.relative_to(exercises.parent).as_posix() for path in done.removed}
    assert removed == {"solutions/ps1/tests/secret.py", "solutions/ps1/tests/squares.py"}
    assert done.kept == []


def test_what_was_changed_by_hand_stays_until_it_is_overwritten_on_purpose(exercises: Path) -> None:
    write_exercise(assignment(), exercises)
    test = exercises / "ps1" / "tests" / "squares.py"
    toml = exercises / "ps1" / "exercise.toml"
    checks = exercises / "ps1" / "checks.py"
    test.write_text("assert f(2) == 4  # mine\n")
    toml.write_text(toml.read_text() + "check_s = 5\n")
    checks.write_text("mine")
    newer = assignment(Coded(SQUARES, "assert f(2) == 5\n"), beside={"checks.py": b"theirs"})
    for _ in range(2):  # what is kept is not taken for the import's own the next time
        done = write_exercise(newer, exercises)
        assert done.kept == [test]
        assert test.read_text() == "assert f(2) == 4  # mine\n"
        assert test.with_name("squares.py.new").read_text() == "assert f(2) == 5\n"
    assert write_exercise(newer, exercises, force=True).kept == []
    assert test.read_text() == "assert f(2) == 5\n"
    assert not test.with_name("squares.py.new").exists()
    assert toml.read_text().endswith("check_s = 5\n")
    assert checks.read_text() == "mine"


def test_a_file_that_the_assignment_has_no_longer_stays_where_it_was_changed(exercises: Path) -> None:
    write_exercise(assignment(), exercises)
    helper = exercises / "ps1" / "helper.py"
    helper.write_text("two = 3\n")
    done = write_exercise(assignment(beside={}), exercises)
    assert done.kept == [helper]
    assert helper.exists()
    assert not (exercises / "ps1" / "figures" / "a.png").exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"id": "ps 1"}, "cannot become an exercise named 'ps 1'"),
        ({"id": "../ps1"}, "cannot become"),
        ({"notebook": "a/b.ipynb"}, "with a notebook 'a/b.ipynb'"),
    ],
)
def test_names_that_no_exercise_may_have_are_refused(exercises: Path, changed: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        write_exercise(assignment(**changed), exercises)
    assert not exercises.exists()


def test_an_exercise_that_was_not_imported_is_not_overwritten(exercises: Path) -> None:
    folder = exercises / "ps1"
    folder.mkdir(parents=True)
    (folder / "exercise.toml").write_text("mine")
    with pytest.raises(UsageError, match="is an exercise that was not imported"):
        write_exercise(assignment(), exercises)
    assert listing(folder) == ["exercise.toml"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema = 2", "`schema` is 2, not 1"),
        ("schema = 1\ntool = 'nbgrader'\nsource = 'a'\n[[test]]\nname = 'a b'\ntitle = ''", '`test.1.name` is "a b"'),
        ("schema = 1\ntool = 'nbgrader'\nsource = 'a'\npoints = 3", "`points` is nothing that is known here"),
        ("schema = [", "is no TOML"),
        (
            "schema = 1\ntool = 'otter'\nsource = 'a'\n" + 2 * "[[test]]\nname = 'a'\ntitle = ''\n",
            "there are two tests named a",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_told(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "tests.toml").write_text(text)
    with pytest.raises(ExerciseError, match=r"tests\.toml") as caught:
        read_tests(tmp_path)
    assert says in caught.value.message
    assert caught.value.advice == "Import the assignment again."


def test_where_there_is_no_such_file_there_are_no_such_tests(tmp_path: Path) -> None:
    assert read_tests(tmp_path) is None
