"""otter's assignments: a notebook for `otter assign`, what that made of one, or an autograder's zip, as exercises."""

from __future__ import annotations

import copy
import json
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from grader.errors import UsageError
from grader.foreign.notebooks import exercise_id, heading_in, read_notebook, title_of, without_outputs
from grader.foreign.otter_assign import assigned, is_source, name_cells
from grader.foreign.otter_cells import is_of_otter, place, question_checked
from grader.foreign.otter_tests import Question, as_tests, from_metadata, read_file
from grader.foreign.seeds import Seed
from grader.foreign.settings import settings, value_in
from grader.foreign.writing import Assignment
from grader.small_files import contents
from grader.text import listed, plain

_MOST_BESIDE = 50_000_000
_CONFIG = "otter_config.json"
_STAMP = re.compile(r"-autograder_[\d_T]+$")
_LEFT_OUT = ("requirements.txt", "environment.yml", _CONFIG, "run_autograder", "run_otter.py", "setup.sh")


@dataclass
class Source:
    """What is to be imported.

    Attributes
    ----------
    path
        The notebook, or the folder that an autograder's zip was unpacked into.
    students
        The notebook that students have, where it is another.
    unpacked
        The folder of the autograder's zip that belongs to it.
    name
        What it is called, without a suffix.
    """

    path: Path
    name: str
    students: Path | None = None
    unpacked: Path | None = None


@dataclass
class _Read:
    """A notebook with its tests, and what the teacher has to know."""

    starter: nbformat.NotebookNode
    reference: nbformat.NotebookNode | None
    questions: list[Question]
    beside: dict[str, bytes] = field(default_factory=dict)
    title: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    handed_in: dict[str, bytes] = field(default_factory=dict)


def sources(path: Path) -> list[Path | tuple[Path, Path]]:
    """What a path names: notebooks, an autograder's zip, or pairs of the teacher's and the students' notebook.

    Raises
    ------
    UsageError
        There is nothing of otter's.
    """
    advice = "Name a notebook for `otter assign`, the folder that it wrote, or an autograder's zip."
    if path.is_file():
        if path.suffix not in (".ipynb", ".zip"):
            raise UsageError(f"{plain(str(path))} is neither a notebook nor a zip.", advice)
        return [path]
    if not path.is_dir():
        raise UsageError(f"There is no {plain(str(path))}.", advice)
    if (path / "autograder").is_dir():
        found: list[Path | tuple[Path, Path]] = []
        for whole in _notebooks(path / "autograder"):
            students = path / "student" / whole.name
            found.append((whole, students) if students.is_file() else whole)
        if found:
            return found
    if notebooks := _notebooks(path):
        return list(notebooks)
    zips = sorted(one for folder in (path, path / "autograder") if folder.is_dir() for one in folder.glob("*.zip"))
    if zips:
        return list(zips)
    if (path / "tests").is_dir():
        return [path]
    raise UsageError(f"There is nothing of otter's in {plain(str(path))}.", advice)


def zip_beside(notebook: Path) -> Path | None:
    """The autograder's zip that `otter assign` wrote beside a notebook: the newest, by its name."""
    found = [one for one in notebook.parent.glob("*.zip") if _STAMP.sub("", one.stem) == notebook.stem]
    return max(found, default=None)


def _notebooks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.ipynb") if path.is_file() and not path.name.startswith("."))


def read(source: Source) -> Assignment:
    """An assignment.

    Raises
    ------
    UsageError
        It is none of otter's, has nothing to be graded, or otter could not read it either.
    """
    name = _STAMP.sub("", source.name)
    if source.path.is_dir():
        one = _of_folder(source.path, name)
    else:
        notebook = read_notebook(source.path)
        one = _of_source(notebook, source.path) if is_source(notebook) else _of_assigned(notebook, source)
    generate = one.settings.get("generate")
    config = _config(source.unpacked or (source.path if source.path.is_dir() else source.path.parent))
    config = {**(generate if isinstance(generate, dict) else {}), **config}
    one.remarks += _remarks(one, config)
    seed = seed_in(one.settings, config)
    if isinstance(seed, str):
        one.remarks.append(seed)
        seed = None
    tests = as_tests(one.questions)
    if not tests:
        raise UsageError(f"{plain(name)} has no question that is graded.", "Give it tests, or leave it out.")
    return Assignment(
        id=exercise_id(name),
        title=one.title or title_of(one.starter) or name,
        tool="otter",
        source=source.name + (source.path.suffix or ".zip"),
        notebook=re.sub(r"[^\w.-]+", "_", f"{name}.ipynb").lstrip("."),
        starter=one.starter,
        reference=one.reference,
        tests=tests,
        beside=one.beside,
        handed_in=one.handed_in,
        seed=seed,
        remarks=tuple(one.remarks),
    )


# ---------------------------------------------------------------------- a notebook for `otter assign`


def _of_source(notebook: nbformat.NotebookNode, path: Path) -> _Read:
    made = assigned(notebook)
    said = dict(made.settings)
    remarks: list[str] = []
    if isinstance(config := said.get("config_file"), str):
        file = _within(path.parent, config)
        text = contents(file, 1_000_000).decode("utf-8", "replace") if file is not None and file.is_file() else ""
        said = {**settings(text, f"The settings in {plain(config, 80)}"), **said}
    beside, handed_in = (_contents(path.parent, _texts(said.get(one)), remarks) for one in ("files", "student_files"))
    if only := _texts(said.get("autograder_files")):
        remarks.append(
            f"{listed([plain(name, 80) for name in only])}: only otter's grader has them. Lay them beside checks.py."
        )
    title = said["name"] if isinstance(said.get("name"), str) else ""
    return _Read(made.starter, made.reference, made.questions, beside, plain(title, 200), said, remarks, handed_in)


def _contents(folder: Path, names: list[str], remarks: list[str]) -> dict[str, bytes]:
    """The files of the assignment's folder that these names mean, by their paths in it."""
    found: dict[str, bytes] = {}
    room = _MOST_BESIDE
    for name in names:
        file = _within(folder, name)
        for one in _files(file) if file is not None else []:
            try:
                content = contents(one, room)
            except (OSError, ValueError):
                remarks.append(f"{plain(name, 80)} is left out: it cannot be read, or is too large.")
                continue
            room -= len(content)
            found[one.relative_to(folder.resolve()).as_posix()] = content
        if file is None or not file.exists():
            remarks.append(f"{plain(name, 80)} is not there, or not in the assignment's folder.")
    return found


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _within(folder: Path, name: str) -> Path | None:
    """A file of the assignment's folder; None where its name leads out of it."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for one in sorted(path.iterdir()):
            if not one.is_symlink():
                yield from _files(one)


# ---------------------------------------------------------------------- what `otter assign` made


def _of_assigned(notebook: nbformat.NotebookNode, source: Source) -> _Read:
    """A notebook as students have it, or with its solutions, whose tests lie beside it or in its metadata."""
    whole = _plain(notebook)
    students = whole if source.students is None else _plain(read_notebook(source.students))
    folders = [folder for folder in (source.unpacked, source.path.parent) if folder is not None]
    found: list[Question] = []
    for folder in folders:
        found = found or list(_of_tests(folder / "tests"))
    if not found:
        specs = value_in(notebook.metadata, "otter", "tests")
        found = [from_metadata(spec, str(name)) for name, spec in specs.items()] if isinstance(specs, dict) else []
    questions = _placed(found, students)
    remarks = [] if source.students is not None else ["It has no solution of its own to prove the tests by."]
    if source.unpacked is None:
        remarks.append("Hidden tests are in the autograder's zip, which is not there.")
    written = list(_written(students, {question.name for question in found}))
    if any(question.points is None for question in written):
        remarks.append("Nothing says how many points its written answers have: enter them in tests.toml.")
    beside = _beside(source.students.parent if source.students else source.path.parent)
    return _Read(
        students, whole if source.students is not None else None, [*questions, *written], beside, remarks=remarks
    )


def _plain(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook, without what sets otter up; where a question is checked, a cell that says so."""
    made = without_outputs(copy.deepcopy(notebook))
    made.cells = [cell for cell in made.cells if cell.cell_type != "code" or not is_of_otter(cell.source)]
    for cell in made.cells:
        if cell.cell_type == "code" and (question := question_checked(cell.source)):
            there = place(question)
            cell.source, cell["id"] = there.source, there["id"]
    made.nbformat, made.nbformat_minor = 4, 5
    made.metadata.pop("otter", None)
    name_cells(made.cells)
    return made


def _of_tests(folder: Path) -> Iterator[Question]:
    if folder.is_dir():
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                yield read_file(contents(path, 5_000_000).decode("utf-8", "replace"), path.stem)


def _placed(questions: Iterable[Question], notebook: nbformat.NotebookNode) -> list[Question]:
    """The questions in the notebook's order, each with the cell at whose place it is judged."""
    at = {place(question.name).id: question for question in questions}
    ordered: list[Question] = []
    for cell in notebook.cells:
        here = [at.pop(cell["id"], None), *_named(cell, at)]
        ordered += [replace(question, cell=cell["id"]) for question in here if question is not None]
    return [*ordered, *at.values()]


def _named(cell: nbformat.NotebookNode, at: dict[str, Question]) -> list[Question]:
    """The questions whose tests otter runs behind a cell, as the cell's metadata say."""
    names = _texts(value_in(cell.metadata, "otter", "tests"))
    found = [key for key, question in at.items() if question.name in names]
    return [at.pop(key) for key in found]


_BEGIN = re.compile(r"<!--\s*BEGIN QUESTION\s*-->")
_POINTS = re.compile(r"^_Points:_\s*(\d+(?:\.\d+)?)\s*$", re.MULTILINE)


def _written(notebook: nbformat.NotebookNode, tested: set[str]) -> Iterator[Question]:
    """The questions that a person grades: all that is to be printed, and has no tests."""
    cells = notebook.cells
    starts = [number for number, cell in enumerate(cells) if _BEGIN.search(cell.source)]
    for count, start in enumerate(starts, 1):
        after = starts[count] if count < len(starts) else len(cells)
        block = cells[start:after]
        end = next((number for number, cell in enumerate(block) if "<!-- END QUESTION -->" in cell.source), len(block))
        block = block[: max(1, end)]
        if not any(cell.id == place(name).id for cell in block for name in tested):
            heading = heading_in(block[0].source)
            points = _POINTS.search("\n".join(cell.source for cell in block))
            yield Question(
                heading or f"written_{count}",
                points=float(points[1]) if points else None,
                manual=True,
                cell=block[-1].id,
                heading=heading,
            )


def _beside(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    room = _MOST_BESIDE
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name.startswith((".", "tests/")) or path.suffix in (".ipynb", ".otter", ".zip", ".pdf") or name in _LEFT_OUT:
            continue
        content = contents(path, room)
        room -= len(content)
        found[name] = content
    return found


# ---------------------------------------------------------------------- an autograder's zip


def _of_folder(folder: Path, name: str) -> _Read:
    """An autograder's tests alone: the notebook that is made for them says where each question belongs."""
    questions = list(_of_tests(folder / "tests"))
    cells = [new_markdown_cell(f"# {plain(name, 200)}")]
    for question in questions:
        cells += [new_markdown_cell(f"## {plain(question.name, 200)}"), place(question.name)]
    name_cells(cells)
    starter = new_notebook(cells=cells)
    beside = _beside(folder / "files") if (folder / "files").is_dir() else {}
    remarks = ["There is no notebook in it: put the one that students have in the place of the one made here."]
    return _Read(starter, None, _placed(questions, starter), beside, remarks=remarks)


def _config(folder: Path) -> Mapping[str, Any]:
    """What `otter_config.json` says.

    Raises
    ------
    UsageError
        It is no JSON.
    """
    try:
        said = json.loads(contents(folder / _CONFIG, 1_000_000))
    except OSError:
        return {}
    except (ValueError, RecursionError):
        raise UsageError(f"{_CONFIG} is no JSON.", "Write it again with `otter generate`.") from None
    return said if isinstance(said, dict) else {}


def _remarks(one: _Read, config: Mapping[str, Any]) -> Iterator[str]:
    """What otter would do besides grading, and is for the teacher to set up."""
    if config.get("lang") == "r":
        raise UsageError("It is written for R.", "Notebooks in Python can be graded here.")
    if (points := config.get("points_possible")) is not None:
        yield f"otter shows its sum as {plain(str(points), 40)} points: set that in the platform that you export to."
    if (least := config.get("score_threshold")) is not None:
        yield f"otter gives all points from a share of {plain(str(least), 40)} on: say so in the course's policy."
    if plugins := [*_list(config.get("plugins")), *_list(one.settings.get("plugins"))]:
        names = [plain(next(iter(name)) if isinstance(name, dict) and name else str(name), 80) for name in plugins]
        yield f"Plugins are left out: {listed(names)}."
    if config.get("grade_from_log"):
        yield "otter grades what a student's log holds; here the notebook is run."


def seed_in(settings: Mapping[str, Any], config: Mapping[str, Any]) -> Seed | str | None:
    """What otter sets before each cell; a sentence where that is no seed."""
    value, variable = config.get("seed"), config.get("seed_variable") or ""
    if of_variable := value_in(settings, "seed", "variable"):
        value, variable = value_in(settings, "seed", "autograder_value"), of_variable
    if value is None:
        return None
    name = str(variable)
    if name and (not name.isidentifier() or keyword.iskeyword(name)):
        return f"Its seed is left out: {plain(repr(variable), 40)} is no name of a variable."
    if type(value) is not int or not 0 <= value < 2**32:
        return f"Its seed is left out: {plain(repr(value), 40)} is no whole number from 0 to 2³² - 1."
    return Seed(value=value, variable=name)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
