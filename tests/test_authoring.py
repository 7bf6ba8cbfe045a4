"""From the reference to the starter and to the notebooks of the mistakes."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.authoring import Patch, read_patches, read_reference, starter_of, starter_source, text_of, write_derived
from grader.cli import main
from grader.errors import ExerciseError
from grader.exercise import Exercise
from grader.formats.notebook import cells
from grader.skeleton import new_exercise
from tests.conftest import thorough
from tests.formats import test_marimo as of_marimo

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


@pytest.mark.parametrize("form", ["marimo", "percent"])
def test_starters_in_the_format_that_is_asked_for(nowhere: Path, command: Command, form: str) -> None:
    new_exercise("105", nowhere, notebook="first")
    starter = Path("exercises/105/105_first.py")
    code, out, err = command("release", "105", "--as", form)
    assert (code, err) == (0, "")
    assert out == f"Wrote {starter}\nWrote exercises/105/answers.toml\n"
    read = {one.id: one.source for one in cells(starter.read_bytes(), starter.name)}
    assert read["weights"] == "weights = ..."
    assert "...  # your code here" in read["standardise"]
    assert "values.std()" not in starter.read_text()
    assert command("release", "105", "--as", form, "--bundle", "a.zip")[0] == 0
    with zipfile.ZipFile("a.zip") as opened:
        names = {name for name in opened.namelist() if "first" in name}
        assert names == {"exercises/105/105_first.py"}
        assert opened.read("exercises/105/105_first.py") == starter.read_bytes()
        assert ("marimo edit" in opened.read("README.md").decode()) == (form == "marimo")


@pytest.mark.parametrize("form", ["marimo", pytest.param("percent", marks=thorough)])
def test_references_in_each_format(nowhere: Path, command: Command, form: str) -> None:
    """Reference, starter and mistakes are notebooks of that format, and the matrix holds."""
    code, out, _ = command("new", "105", "--name", "first", "--as", form)
    assert code == 0
    assert "Wrote solutions/105/105_first.py\nWrote" in out
    starter, reference = Path("exercises/105/105_first.py"), Path("solutions/105/105_first.py")
    assert starter.read_text() == starter_source(reference.read_text())
    code, out, _ = command("validate", "105", "--data", "small")
    assert code == 0, out
    assert "105 is sound" in out
    assert command("solutions/105", "--data", "small")[0] == 0
    assert command("exercises/105", "--data", "small")[0] == 1


def test_a_reference_of_marimos_for_a_starter_of_jupyters(nowhere: Path, command: Command) -> None:
    new_exercise("105", nowhere, notebook="first")
    Path("solutions/105/105_first.ipynb").unlink()
    sources = ("print(weights)", 'mo.md("text")', "weights = 12  ### SOLUTION", "import marimo as mo")
    Path("solutions/105/105_first.py").write_text(of_marimo.book(*map(of_marimo.cell, sources)))
    assert command("release", "105")[0] == 0
    starter = nbformat.read("exercises/105/105_first.ipynb", 4)
    assert [one.source for one in starter.cells] == ["text", "weights = ...", "print(weights)"]
    assert all(one.metadata == {} for one in starter.cells)


def test_what_a_format_cannot_hold_is_told(nowhere: Path, command: Command) -> None:
    new_exercise("105", nowhere, notebook="first")
    path = Path("solutions/105/105_first.ipynb")
    notebook = nbformat.read(path, 4)
    notebook.cells.append(new_code_cell("weights += 1", id="more"))
    nbformat.write(notebook, path)
    code, out, err = command("release", "105", "--as", "marimo")
    assert (code, out) == (3, "")
    assert "`weights` is defined in several cells (weights, more)" in err


def test_release_bundles_the_exercises_of_this_course_or_those_that_are_named(nowhere: Path, command: Command) -> None:
    for name in ("105", "106", "107"):
        new_exercise(name, nowhere)
    for ids, found in (([], {"105", "106", "107"}), (["106", "107"], {"106", "107"})):
        assert command("release", *ids, "--bundle", "course.zip") == (0, "Wrote course.zip\n", "")
        with zipfile.ZipFile("course.zip") as opened:
            assert {name.split("/")[1] for name in opened.namelist() if name.startswith("exercises/")} == found
