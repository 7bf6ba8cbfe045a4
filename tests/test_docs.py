"""The documentation, done: every command in it is run, and the authors' guide is followed to the letter."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
import typer.main
from nbformat.v4 import new_code_cell, new_markdown_cell

from grader import cli, exercise, validation
from grader.commands import common, student
from grader.exercise import load
from grader.formats.writing import written
from grader.kernel.warm import Warm
from tests.batches import Here
from tests.conftest import ROOT, thorough

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# Commands that are not run here, and why. Their options and arguments are still parsed.
ONLY_PARSED = {
    "grade batch": "wants a class, and the real data sets: tests/grades and others grade some",
    "grade exercises/110 --watch": "does not end: tests/test_watch.py ends it",
    "grade exercises/100 --watch": "does not end either",
    **{
        f"grade export {format}": "wants a class that was graded: tests/platforms exports some"
        for format in ("moodle", "moodle-feedback", "canvas", "gradescope", "junit", "github", "csv")
    },
    "grade override": "wants a class that was graded: tests/batch/test_override.py",
    "grade comment": "wants a class that was graded: tests/batch/test_comments.py",
    "grade serve": "does not end: tests/web/test_serve.py ends it",
    "grade course": "wants a course that was graded: tests/course/test_command.py",
    "grade report": "wants a class that was graded: tests/batch writes its pages",
    "grade data fetch": "wants a network",
    "grade data add": "wants the real data sets: tests/datasets adds some",
}
# What is no command of ours: only that it is there.
OTHERS = {"make", "python", "python3"}


@dataclass(frozen=True)
class Block:
    """A fenced block: the line before it, its language, what it holds."""

    before: str
    language: str
    body: str


FENCED = re.compile(r"(?:^|\n)(?P<before>[^\n]*)\n+```(?P<language>\w*)\n(?P<body>.*?)\n```(?=\n|$)", re.DOTALL)
Grade = Callable[..., tuple[int, str]]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, from top to bottom."""
    for match in FENCED.finditer(text):
        yield Block(match["before"], match["language"], match["body"])


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console's block, and what it shows of their output."""
    if block.language == "console":
        for part in re.split(r"^\$ ", block.body, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command.strip(), output


def words(command: str) -> list[str]:
    """A command's words, `grade` for every way to call it."""
    first, *rest = shlex.split(command, comments=True)
    return [Path(first).name, *rest]


def pages() -> Iterator[str]:
    """The pages' texts, without the guide, whose commands make sense in its own order only."""
    for page in PAGES:
        yield page.read_text("utf-8").replace(guide(), "")


def guide() -> str:
    """The part of the authors' page that writes an exercise from nothing."""
    page = (ROOT / "docs" / "authoring.md").read_text("utf-8")
    return page[page.index("## One exercise from nothing") : page.index("\n## To look up")]


COMMANDS = sorted(
    {tuple(words(command)) for page in pages() for block in blocks(page) for command, _ in commands(block)}
)
OURS = [command for command in COMMANDS if command[0] == "grade"]


def told_only(command: tuple[str, ...]) -> bool:
    return any(command[: len(prefix.split())] == tuple(prefix.split()) for prefix in ONLY_PARSED)


# ---------------------------------------------------------------------- every command


@pytest.fixture
def run(warm: Warm | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Grade:
    """Run `grade` in an empty folder, with kernels of the warm process; the exit code, and all that it printed.

    There is no course but what comes to lie in that folder: this repository's is not found.
    """
    settings = common.settings
    monkeypatch.setattr(student, "settings", lambda *given: replace(settings(*given), data="small", warm=warm))
    monkeypatch.setattr(validation, "_crew", lambda *_: Here(warm))
    monkeypatch.setattr(exercise, "__file__", str(tmp_path / "site-packages" / "grader" / "exercise.py"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def call(command: list[str]) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out + captured.err  # type: ignore[return-value]

    return call


# Long, and done elsewhere: tests/test_exercises.py tries the notebooks of exercise 100, and `--only` is run here.
LONG = {("grade", "validate", "100")}


@pytest.mark.parametrize(
    "command",
    [pytest.param(one, marks=thorough if one in LONG else ()) for one in OURS if not told_only(one)],
    ids=[shlex.join(one) for one in OURS if not told_only(one)],
)
def test_a_command_runs(command: tuple[str, ...], run: Grade, tmp_path: Path) -> None:
    for name in ("100", "110"):
        shutil.copytree(ROOT / "exercises" / name, tmp_path / "exercises" / name)
        shutil.copytree(ROOT / "solutions" / name, tmp_path / "solutions" / name)
    (tmp_path / "my").mkdir()
    starter = tmp_path / "exercises/100/100_parameters.ipynb"
    shutil.copy(starter, tmp_path / "my" / "notebook.ipynb")
    (tmp_path / "my" / "notebook.py").write_text(written(nbformat.read(starter, 4), "marimo"), "utf-8")
    code, printed = run(list(command))
    assert code in (0, 1), printed  # a starter gets no points: that is 1
    assert "Traceback" not in printed


@pytest.mark.parametrize("command", OURS, ids=shlex.join)
def test_a_command_is_understood(command: tuple[str, ...]) -> None:
    parsed(list(command[1:]))


def parsed(arguments: list[str]) -> None:
    """Parse a command's arguments without running it; what is wrong raises."""
    group: Any = typer.main.get_command(cli.app)
    context = group.make_context("grade", arguments)
    while hasattr(group, "resolve_command"):
        name, group, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        context = group.make_context(name, rest, parent=context)


def test_a_wrong_command_would_be_found_out() -> None:
    for wrong in (["validate", "--fast"], ["data", "lend"], ["batch"], ["release", "--bundle"]):
        with pytest.raises(cli._CommandError):
            parsed(wrong)


def test_what_is_not_run_is_in_the_pages() -> None:
    for prefix in ONLY_PARSED:
        assert any(told_only(command) and command[: len(prefix.split())] == tuple(prefix.split()) for command in OURS)


def test_other_commands_are_there() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M)
    for command in COMMANDS:
        assert command[0] in {"grade", *OTHERS}, command
        if command[0] == "make":
            assert command[1] in targets
        if command[0].startswith("python") and command[1].endswith(".py"):
            assert (ROOT / command[1]).is_file()


INLINE = sorted({one for page in PAGES for one in re.findall(r"`(grade(?: [^`\n]+)?)`", page.read_text())})


@pytest.mark.parametrize("command", INLINE)
def test_a_command_in_a_sentence_names_what_there_is(command: str) -> None:
    """There it may lack its arguments, but not what it names."""
    group: Any = typer.main.get_command(cli.app)
    rest = shlex.split(command)[1:]
    while rest and rest[0] in getattr(group, "commands", {}):
        group = group.commands[rest.pop(0)]
    if not hasattr(group, "commands"):
        known = {name for option in group.params for name in option.opts}
        assert {word for word in rest if word.startswith("-")} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|attachment:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


# ---------------------------------------------------------------------- the authors' guide

FILE = re.compile(r"`(?P<path>[\w./-]+)`(?:, cell `(?P<cell>[\w-]+)`)?:")


def test_the_guide_gives_an_exercise_that_validates(run: Grade, tmp_path: Path) -> None:
    cells: dict[str, list[nbformat.NotebookNode]] = {}
    done = []
    for block in blocks(guide()):
        for command, shown in commands(block):
            done.append(command)
            expect_shown(shown, follow(command, run), command)
        told = FILE.fullmatch(block.before)
        if told is None:
            assert block.language == "console", f"nothing says what to do with {block.body[:60]!r}"
        elif told["cell"]:
            new = new_code_cell if block.language == "python" else new_markdown_cell
            cells.setdefault(told["path"], []).append(new(block.body, id=told["cell"]))
            put_cells(Path(told["path"]), cells[told["path"]])
        else:
            assert Path(told["path"]).parent.is_dir(), told["path"]
            Path(told["path"]).write_text(block.body + "\n")
    made = load(tmp_path / "exercises" / "105")
    assert [check.hidden for check in made.checks] == [False] * 4 + [True]
    assert {"grade validate 105", "grade release --bundle course.zip"} <= set(done)
    code, printed = run(["grade", "validate", "105"])
    assert code == 0, printed


def follow(command: str, run: Grade) -> str:
    """Do what the guide says; what is printed."""
    name, *rest = words(command)
    if name == "grade":
        code, printed = run([name, *rest])
        assert code == ("0/9 points" in printed), printed
        return printed
    assert name == "python"
    return subprocess.run([sys.executable, *rest], capture_output=True, text=True, check=True, timeout=100).stdout


def put_cells(path: Path, cells: list[nbformat.NotebookNode]) -> None:
    """The notebook with these cells, as an author would save it in Jupyter."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = cells
    nbformat.write(notebook, path)


def expect_shown(shown: str, printed: str, command: str) -> None:
    """Every line that the page shows is printed, in this order, however wide the terminal; `…` stands for others."""
    text, place = " ".join(printed.split()), 0
    for line in shown.splitlines():
        wanted = " ".join(line.split())
        if wanted and wanted != "…":
            assert wanted in text[place:], f"`{command}` does not print {line!r}, but:\n{printed}"
            place = text.index(wanted, place) + len(wanted)


def test_every_page_is_in_the_site() -> None:
    """`make docs` looks at the links between them; this tells of a new page without it."""
    listed = re.findall(r"^ +- .*: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= set(listed)
    assert len(set(listed)) == len(listed)
