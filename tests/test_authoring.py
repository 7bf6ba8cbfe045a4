"""From the reference to the starter and to the notebooks of the mistakes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.authoring import Patch, read_patches, read_reference, starter_of, starter_source, text_of, write_derived
from grader.bundle import write_bundle
from grader.cli import main
from grader.errors import ExerciseError, UsageError
from grader.exercise import Exercise, exercise_folders, load
from grader.kernel.warm import Warm
from grader.skeleton import new_exercise
from grader.validation import validate_all
from tests.batches import Here
from tests.conftest import CHECKS, SAMPLE, listing

# ---------------------------------------------------------------------- marks


@pytest.mark.parametrize(
    ("solution", "starter"),
    [
        ("shallow = 18  ### SOLUTION", "shallow = ..."),
        ("x: int = 18  ### SOLUTION", "x: int = ..."),
        ("a, b = 1, 2  ### SOLUTION", "a, b = ..."),
        ("    x = f(y=1)  ### SOLUTION   ", "    x = ..."),
        ("x = y == 2  ### SOLUTION", "x = ..."),
        ('x["a"] = 3  ### SOLUTION', 'x["a"] = ...'),
        ("self.layer = nn.Linear(3, 4, bias=False)  ### SOLUTION", "self.layer = ..."),
        ("total += 3  ### SOLUTION", "total += ..."),
        ("x = 18  # SOLUTION is near", "x = 18  # SOLUTION is near"),
        ("before\n### BEGIN SOLUTION\na\n\nb\n### END SOLUTION\nafter", "before\n...  # your code here\nafter"),
        (
            'def f(n):\n    """Doc."""\n    ### BEGIN SOLUTION\n    m = n  ### SOLUTION\n    ### END SOLUTION\n\nf(3)',
            'def f(n):\n    """Doc."""\n    ...  # your code here\n\nf(3)',
        ),
        (
            "### BEGIN SOLUTION\na\n### END SOLUTION\n### BEGIN SOLUTION\nb\n### END SOLUTION",
            "\n".join(["...  # your code here"] * 2),
        ),
        ("", ""),
        ("no marks\n", "no marks\n"),
    ],
)
def test_marks(solution: str, starter: str) -> None:
    assert starter_source(solution) == starter


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION",
        "print(3)  ### SOLUTION",
        "return 3  ### SOLUTION",
        "assert x == 3  ### SOLUTION",
        "if x >= 3:  ### SOLUTION",
        "while x != 3:  ### SOLUTION",
    ],
)
def test_wrong_marks(source: str) -> None:
    with pytest.raises(ExerciseError) as caught:
        starter_source(source)
    assert caught.value.advice


# ---------------------------------------------------------------------- notebooks


def reference() -> nbformat.NotebookNode:
    cells = [
        new_markdown_cell("# Text ### SOLUTION", id="title"),
        new_code_cell("x = 3  ### SOLUTION", id="answer", execution_count=7),
        new_code_cell("print(x)", id="show", outputs=[new_output("stream", text="3")]),
    ]
    for cell in cells:
        cell.metadata["tags"] = ["x"]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python"}})


@pytest.fixture
def exercise(make_exercise: Callable[..., Exercise]) -> Exercise:
    made = make_exercise()
    made.solution_folder.mkdir(parents=True)
    made.reference.write_text(nbformat.writes(reference()))
    return made


def test_the_starter_is_written_from_the_reference(exercise: Exercise) -> None:
    assert write_derived(exercise) == [exercise.starter]
    starter = nbformat.read(exercise.starter, as_version=4)
    assert [cell.source for cell in starter.cells] == ["# Text ### SOLUTION", "x = ...", "print(x)"]
    assert [cell.id for cell in starter.cells] == ["title", "answer", "show"]
    assert all(cell.metadata == {} for cell in starter.cells)
    assert starter.cells[2].outputs == []
    assert starter.cells[1].execution_count is None
    assert exercise.starter.read_text("utf-8").endswith("}\n")


def test_the_same_reference_gives_the_same_bytes(exercise: Exercise) -> None:
    texts = {text_of(starter_of(read_reference(exercise))) for _ in range(2)}
    assert texts == {write_derived(exercise)[0].read_text("utf-8")}


def test_making_the_starter_leaves_the_reference_alone() -> None:
    one = reference()
    starter_of(one)
    assert one == reference()


@pytest.mark.parametrize("content", [None, "", "not JSON", "[]"])
def test_no_reference(exercise: Exercise, content: str | None) -> None:
    exercise.reference.unlink()
    if content is not None:
        exercise.reference.write_text(content)
    with pytest.raises(ExerciseError) as caught:
        read_reference(exercise)
    assert caught.value.advice


@pytest.mark.parametrize("ids", [[None, None, None], ["title", "answer", None], ["title", "answer", "answer"]])
def test_cells_need_ids_of_their_own(exercise: Exercise, ids: list[str | None]) -> None:
    """Without one nbformat makes some up, others each time: the starter would never be the same twice."""
    content = json.loads(exercise.reference.read_text())
    for cell, cell_id in zip(content["cells"], ids, strict=True):
        cell.pop("id")
        if cell_id is not None:
            cell["id"] = cell_id
    exercise.reference.write_text(json.dumps(content))
    with pytest.raises(ExerciseError, match="have no id, or two have the same"):
        read_reference(exercise)


# ---------------------------------------------------------------------- patches


def patch(**more: Any) -> Patch:
    return Patch(**({"name": "one", "says": "One.", "fails": ()} | more))


def sources(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def test_patches() -> None:
    one = reference()
    assert sources(patch(cells={"answer": "\nx = 4\n"}).apply(one))[1] == "x = 4"
    assert sources(patch(edits={"show": [("print", "repr")]}).apply(one))[2] == "repr(x)"
    assert sources(patch(edits={"show": [("x", "y"), ("y", "zz")]}).apply(one))[2] == "print(zz)"
    assert sources(patch(cells={"show": "a"}, edits={"show": [("a", "b")]}).apply(one))[2] == "b"
    assert sources(patch(append=("\nx = 5\n",)).apply(one))[3:] == ["x = 5"]
    assert one == reference()


def test_patches_go_by_ids_wherever_the_cells_stand() -> None:
    one = reference()
    one.cells = [new_code_cell("before", id="before"), *reversed(one.cells)]
    assert sources(patch(cells={"answer": "x = 4"}).apply(one)) == [
        "before",
        "print(x)",
        "x = 4",
        "# Text ### SOLUTION",
    ]
    assert sources(patch(edits={"show": [("print", "repr")]}).apply(one))[1] == "repr(x)"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": {"nowhere": "x"}},
        {"edits": {"nowhere": [("a", "b")]}},
        {"edits": {"show": [("nothing like this", "b")]}},
        {"edits": {"show": [("i", "b")], "answer": [("x", "x"), ("3", "4"), ("3", "5")]}},
    ],
)
def test_a_patch_that_does_not_fit_is_the_authors_mistake(wrong: dict[str, Any]) -> None:
    with pytest.raises(ExerciseError, match="“one”"):
        patch(**wrong).apply(reference())


def test_an_edit_must_be_clear() -> None:
    one = reference()
    one.cells[2].source = "x = x"
    with pytest.raises(ExerciseError, match="not exactly once"):
        patch(edits={"show": [("x", "y")]}).apply(one)


GOOD = '[[mistake]]\nname = "one"\nsays = "One."\nfails = ["x"]\n[mistake.edits]\na = [["b", "c"]]\n'


def test_patches_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mistakes.toml"
    path.write_text(GOOD + '[[mistake]]\nname = "two"\nsays = "Two."\nfails = []\nappend = ["x = 1"]\ndata = "full"\n')
    one, two = read_patches(path, "mistake")
    assert (one.name, one.fails, one.edits["a"]) == ("one", ("x",), [("b", "c")])
    assert (two.append, two.data) == (("x = 1",), "full")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no"),
        ("", "has no [[mistake]]"),
        ("[", "is no TOML"),
        (GOOD + GOOD, "two of one name"),
        (GOOD + "[other]\n", "other tables too"),
        (GOOD.replace("fails", "failed"), "`fails`"),
        (GOOD.replace('says = "One."', 'says = ""'), "`says`"),
        (GOOD.replace('"one"', '"One Two"'), "`name`"),
        (GOOD + "more = 1\n", "`edits.more`"),
        ('mistake = "x"', ""),
        (GOOD.replace('[["b", "c"]]', '[["b"]]'), "`edits.a.1.2"),
        (GOOD.replace("fails", 'data = "some"\nfails'), "`data`"),
    ],
)
def test_wrong_files(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "mistakes.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ExerciseError) as caught:
        read_patches(path, "mistake")
    assert said in caught.value.message
    assert caught.value.advice


def test_a_notebooks_text_is_json_with_one_newline_at_its_end() -> None:
    text = text_of(reference())
    assert json.loads(text)["nbformat"] == 4
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")


# ---------------------------------------------------------------------- grade new


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new empty folder, the working folder."""
    folder = tmp_path / "course"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_new_exercise_in_an_empty_folder(nowhere: Path) -> None:
    paths = new_exercise("105", nowhere, title='The "softmax" — by hand', fi="Softmax käsin")
    name = "105_the_softmax_by_hand.ipynb"
    assert [path.relative_to(nowhere).as_posix() for path in paths] == [
        "exercises/105/exercise.toml",
        "exercises/105/checks.py",
        f"solutions/105/{name}",
        "solutions/105/answers.toml",
        "solutions/105/mistakes.toml",
        f"exercises/105/{name}",
        "exercises/105/answers.toml",
    ]
    assert [one for one in listing(nowhere) if "." in one] == sorted(str(path.relative_to(nowhere)) for path in paths)
    made = load(nowhere / "exercises" / "105")
    assert (made.id, made.starter.name) == ("105", name)
    assert (made.description.title.en, made.description.title.fi) == ('The "softmax" — by hand', "Softmax käsin")
    assert nbformat.read(made.reference, as_version=4).cells[0].source.startswith('# 105 · The "softmax" — by hand\n')
    assert any(check.needs for check in made.checks)
    assert any(check.hint for check in made.checks)


def test_a_new_exercise_is_sound(nowhere: Path, warm: Warm | None) -> None:
    new_exercise("ID", nowhere, title="ID, TITLE and NOTEBOOK")
    with Here(warm) as crew:
        (found,) = validate_all([load(nowhere / "exercises" / "ID")], SAMPLE, crew=crew)
    assert found.faults + [fault for row in found.rows for fault in row.faults] == []
    assert [row.row.name for row in found.rows[:2]] == ["reference", "starter"]
    assert len(found.rows) == 6


def test_a_new_exercise_of_a_course_that_is_there(nowhere: Path) -> None:
    new_exercise("105", nowhere)
    below = nowhere / "exercises" / "105"
    assert new_exercise("106_b", below, notebook="Own-1")[0] == nowhere / "exercises" / "106_b" / "exercise.toml"
    assert load(nowhere / "exercises" / "106_b").description.notebook == "106_b_Own-1.ipynb"
    assert {one.id for one in map(load, exercise_folders(nowhere).values())} == {"105", "106_b"}


@pytest.mark.parametrize(
    ("title", "slug"),
    [("", "a_new_exercise"), ("Äänen taajuus!", "aanen_taajuus"), ("注意", "exercise"), ("x" * 200, "x" * 60)],
)
def test_the_notebooks_name_comes_from_the_title(nowhere: Path, title: str, slug: str) -> None:
    assert new_exercise("105", nowhere, title)[-2].name == f"105_{slug}.ipynb"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "../105"}, "'../105' is no id of an exercise."),
        ({"name": ""}, "'' is no id of an exercise."),
        ({"name": "10\x1b5\n"}, "is no id of an exercise."),
        ({"name": "x" * 41}, "is no id of an exercise."),
        ({"name": "105", "notebook": "a/b"}, "'a/b' is no name for a notebook."),
        ({"name": "105", "notebook": "a.ipynb"}, "'a.ipynb' is no name for a notebook."),
    ],
)
def test_no_good_names(nowhere: Path, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_exercise(near=nowhere, **arguments)
    assert said in caught.value.message
    assert caught.value.advice
    assert listing(nowhere) == []


@pytest.mark.parametrize("place", ["exercises/105", "solutions/105"])
@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_nothing_is_overwritten(nowhere: Path, place: str, what: str) -> None:
    path = nowhere / place
    path.parent.mkdir()
    match what:
        case "folder":
            path.mkdir()
        case "file":
            path.write_text("mine")
        case "link":
            path.symlink_to("nowhere")
    before = listing(nowhere)
    with pytest.raises(UsageError, match="is already there"):
        new_exercise("105", nowhere)
    assert listing(nowhere) == before


def test_a_folder_that_nothing_can_be_written_to(nowhere: Path) -> None:
    (nowhere / "exercises").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        new_exercise("105", nowhere)


# ---------------------------------------------------------------------- as commands


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `grade` with these arguments; the exit code, and what it printed to either stream."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grade", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return call


def test_new_tells_what_it_wrote(nowhere: Path, command: Command) -> None:
    code, out, err = command("new", "105", "--title", "One", "--fi", "Yksi", "--name", "first")
    assert (code, err) == (0, "")
    told = [line.removeprefix("Wrote ") for line in out.splitlines() if line.startswith("Wrote ")]
    assert len(told) == 7
    assert all(Path(path).is_file() for path in told)
    assert "exercises/105/105_first.ipynb" in told
    assert "grade validate 105" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "105"], "exercises/105 is already there. Choose another id"),
        (["new", "1 0 5"], "'1 0 5' is no id of an exercise. Use letters"),
        (["release"], "No exercise is named. Name exercises, or"),
        (["release", "106"], "There is no exercise '106'."),
        (["release", "--bundle", "no-such-folder/a.zip"], "no-such-folder/a.zip cannot be written"),
    ],
)
def test_wrong_commands_get_one_line(nowhere: Path, command: Command, arguments: list[str], said: str) -> None:
    new_exercise("105", nowhere)
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_release_writes_what_is_made_of_the_solution(nowhere: Path, command: Command) -> None:
    *_, starter, answers = new_exercise("105", nowhere)
    before = starter.read_bytes(), answers.read_bytes()
    starter.write_text("{}")
    answers.unlink()
    wrote = "".join(f"Wrote {path.relative_to(nowhere)}\n" for path in (starter, answers))
    assert command("release", "105") == (0, wrote, "")
    assert (starter.read_bytes(), answers.read_bytes()) == before


def test_release_bundles_the_exercises_of_this_course_or_those_that_are_named(nowhere: Path, command: Command) -> None:
    for name in ("105", "106", "107"):
        new_exercise(name, nowhere)
    for ids, found in (([], {"105", "106", "107"}), (["106", "107"], {"106", "107"})):
        assert command("release", *ids, "--bundle", "course.zip") == (0, "Wrote course.zip\n", "")
        with zipfile.ZipFile("course.zip") as opened:
            assert {name.split("/")[1] for name in opened.namelist() if name.startswith("exercises/")} == found


# ---------------------------------------------------------------------- grade release --bundle


@pytest.fixture
def course(nowhere: Path) -> Path:
    """A course of two exercises, with all that students must not get, and some that they need."""
    for name in ("105", "106"):
        new_exercise(name, nowhere)
        one = load(nowhere / "exercises" / name)
        one.hidden_checks.write_text(CHECKS.replace("x_is_three", "hidden_x_is_three"))
        one.starter.write_text(one.reference.read_text())  # somebody has tried it out in its place
        for path in ("helper.py", "pictures/a.png", ".grade/x/report.json", "mine.ipynb", "__pycache__/a.pyc"):
            (one.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (one.folder / path).write_text("x = 1")
    return nowhere


def unpacked(archive: Path, folder: Path) -> dict[str, bytes]:
    """The files of a zip, after it is laid out in the folder."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        return {name: opened.read(name) for name in opened.namelist()}


EXERCISE_FILES = {
    "105_a_new_exercise.ipynb",
    "answers.toml",
    "checks.py",
    "exercise.toml",
    "helper.py",
    "pictures/a.png",
}


def test_a_bundle_holds_what_students_get_and_nothing_else(course: Path, tmp_path: Path) -> None:
    path = write_bundle([load(course / "exercises" / "105")], course / "course.zip")
    files = unpacked(path, tmp_path / "student")
    (wheel,) = (name for name in files if name.endswith(".whl"))
    assert set(files) - {wheel} == {"README.md", *(f"exercises/105/{name}" for name in EXERCISE_FILES)}
    notebook = files["exercises/105/105_a_new_exercise.ipynb"].decode()
    assert notebook == text_of(starter_of(read_reference(load(course / "exercises" / "105"))))
    for name, content in files.items():
        if name != wheel:
            assert b"SOLUTION" not in content, name
            assert b"4 * 3" not in content, name
            assert b"hidden_" not in content, name
    one = load(tmp_path / "student" / "exercises" / "105")
    assert len(one.checks) == 3
    assert len(load(course / "exercises" / "105").checks) == 4


def test_the_readme_names_what_there_is(course: Path, tmp_path: Path) -> None:
    files = unpacked(write_bundle(map_of(course), course / "course.zip"), tmp_path / "student")
    readme = files["README.md"].decode()
    assert "**105** A new exercise / Uusi harjoitus" in readme
    assert "grade exercises/105" in readme
    (wheel,) = (name for name in files if name.endswith(".whl"))
    assert readme.count(wheel) == 2


def map_of(course: Path) -> list[Exercise]:
    return [load(folder) for folder in exercise_folders(course).values()]


def test_the_same_content_gives_the_same_bytes(course: Path) -> None:
    first = write_bundle(map_of(course), course / "a.zip").read_bytes()
    for path in course.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700)
    assert write_bundle(list(reversed(map_of(course))), course / "b.zip").read_bytes() != first  # another README
    assert write_bundle(map_of(course), course / "b.zip").read_bytes() == first
    for archive in (course / "b.zip", io.BytesIO(wheel_in(course / "b.zip"))):
        with zipfile.ZipFile(archive) as opened:
            told = {(info.date_time, info.create_system, info.external_attr) for info in opened.infolist()}
            assert len(told) == 1
            assert (1980, 1, 1, 0, 0, 0) in told.pop()
            assert opened.namelist() == sorted(opened.namelist())
    (course / "exercises" / "106" / "helper.py").write_text("x = 2")
    assert write_bundle(map_of(course), course / "b.zip").read_bytes() != first


def wheel_in(archive: Path) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        return next(opened.read(name) for name in opened.namelist() if name.endswith(".whl"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda one: one.reference.unlink(), "has no reference notebook"),
        (lambda one: (one.folder / "checks.py").write_text("1 / 0"), "cannot be run"),
        (lambda one: os.truncate(one.folder / "helper.py", 60_000_000), "too much to come along"),
    ],
)
def test_an_exercise_that_cannot_be_handed_out(course: Path, spoil: Callable[[Exercise], object], said: str) -> None:
    spoil(load(course / "exercises" / "106"))
    with pytest.raises(ExerciseError, match=said):
        write_bundle(map_of(course), course / "course.zip")
    assert not (course / "course.zip").exists()


@pytest.mark.parametrize("place", ["no-such-folder/course.zip", "exercises"])
def test_a_bundle_that_cannot_be_written(course: Path, place: str) -> None:
    before = listing(course)
    with pytest.raises(UsageError, match="cannot be written"):
        write_bundle(map_of(course), course / place)
    assert listing(course) == before


def test_a_bundle_of_nothing(nowhere: Path) -> None:
    with pytest.raises(UsageError, match="There are no exercises here"):
        write_bundle([], nowhere / "course.zip")


@pytest.mark.skipif(sys.platform == "win32", reason="environments look otherwise there")
def test_students_grade_with_what_the_bundle_holds(course: Path, tmp_path: Path) -> None:
    """An environment with the wheel in it, the folder that was unpacked, and no course around."""
    student = tmp_path / "student"
    files = unpacked(write_bundle(map_of(course), course / "course.zip"), student)
    (wheel,) = (name for name in files if name.endswith(".whl"))
    python, site = environment(tmp_path / "environment")
    package = unpacked(student / wheel, site)
    for line in package["grader-0.1.0.dist-info/RECORD"].decode().splitlines()[:-1]:
        name, digest, length = line.rsplit(",", 2)
        assert len(package[name]) == int(length)
        assert base64.urlsafe_b64decode(f"{digest.removeprefix('sha256=')}=") == hashlib.sha256(package[name]).digest()
    assert b"grade = grader.cli:main" in package["grader-0.1.0.dist-info/entry_points.txt"]
    where = "import sys, grader.cli; print(grader.__file__, file=sys.stderr); grader.cli.main()"
    done = subprocess.run(
        # No sandbox: bubblewrap puts an empty /tmp in the place of the one where this environment lies.
        [python, "-c", where, "exercises/106", "--json", "--sandbox", "off"],
        cwd=student,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip() == str(site / "grader" / "__init__.py")
    report = json.loads(done.stdout)
    assert (report["score"], report["max_score"]) == (0, 4)
    assert [check["status"] for check in report["checks"]] == ["failed", "failed", "skipped"]


def environment(folder: Path) -> tuple[Path, Path]:
    """A new environment with all that is installed here but this package: its Python, and its `site-packages`."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python", site
