"""Courses for nbgrader, written from the descriptions beside this file: sources, what was handed in, real scores."""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

HERE = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in HERE.glob("*.toml")))
EXPECTED = HERE / "expected.json"  # what nbgrader itself does: `python benchmarks/scores.py --write`

# What nbgrader's toolbar calls them: grade, solution, locked, task.
_KINDS = {
    "test": (True, False, True, False),
    "answer": (True, True, False, False),
    "solution": (False, True, False, False),
    "readonly": (False, False, True, False),
    "task": (False, False, True, True),
}


class Course:
    """A course with one assignment, in a folder.

    Attributes
    ----------
    name
        The assignment's.
    said
        Its description.
    notebook
        Its notebook's file's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.said = tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))
        self.notebook: str = self.said["notebook"]

    @property
    def students(self) -> list[str]:
        """Who hands in."""
        return [one["name"] for one in self.said["submission"]]

    def write_source(self, folder: Path) -> None:
        """Write what the teacher has."""
        source = folder / "source" / self.name
        _write(_notebook(self.said["cell"], self.said.get("minor", 5)), source / self.notebook)
        for name, text in self.said.get("files", {}).items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip("\n"), encoding="utf-8")
        if config := self.said.get("config"):
            (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        if header := self.said.get("header"):
            _write(_notebook(header, 2), folder / "header.ipynb")

    def write_submissions(self, released: nbformat.NotebookNode, folder: Path) -> None:
        """Write what students made of the notebook that was released to them."""
        for one in self.said["submission"]:
            handed_in = self._handed_in(released, one)
            target = folder / "submitted" / one["name"] / self.name
            _write(handed_in, target / self.notebook)
            for name, text in self.said.get("files", {}).items():
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.lstrip("\n"), encoding="utf-8")

    def _handed_in(self, released: nbformat.NotebookNode, one: dict[str, Any]) -> nbformat.NotebookNode:
        made = copy.deepcopy(released)
        sources = {**one.get("cells", {})}
        if one.get("like") == "solution":
            right = {
                cell["id"]: _source(cell) for cell in self.said["cell"] if cell.get("kind") in ("solution", "answer")
            }
            sources = right | sources
        if "appended" in sources:
            made.cells.append(new_code_cell(sources.pop("appended")))
        for cell in made.cells:
            name = grade_id(cell)
            if name in sources:
                cell.source = sources.pop(name).strip("\n")
        assert not sources, f"{self.name}, {one['name']}: there are no cells {sorted(sources)}"
        for what, *about in one.get("do", ()):
            _DO[what](made, *about)
        return made


def grade_id(cell: nbformat.NotebookNode) -> str:
    """A cell's name for nbgrader."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def expected() -> dict[str, dict[str, Any]]:
    """What nbgrader itself does, by assignment: the digest of what it releases, and each student's points for each
    test, nothing where a person is to grade it. Of whom its grading broke off there are no points.
    """
    kept: dict[str, dict[str, Any]] = json.loads(EXPECTED.read_text("utf-8"))
    return kept


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """A digest of cells: what they are, what they say, and what is said of them."""
    cells = [[cell.cell_type, cell.source, cell.metadata] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def _source(cell: dict[str, Any]) -> str:
    return str(cell["source"]).strip("\n")


def _notebook(cells: list[dict[str, Any]], minor: int) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, said in enumerate(cells):
        text = said.get("type", "markdown" if said.get("kind") in ("text", "task") else "code") == "markdown"
        cell = new_markdown_cell(_source(said)) if text else new_code_cell(_source(said))
        cell["id"] = f"c{number}"
        if minor < 5:
            del cell["id"]
        if (kind := said.get("kind")) in _KINDS:
            cell.metadata["nbgrader"] = _marks(said, _KINDS[kind])
        made.cells.append(cell)
    made.nbformat_minor = minor
    return made


def _marks(said: dict[str, Any], kind: tuple[bool, ...]) -> dict[str, Any]:
    """The metadata of a cell, in the version that is asked for: the first leaves out what is false."""
    grade, solution, locked, task = kind
    schema = said.get("schema", 3)
    marks: dict[str, Any] = {"grade": grade, "solution": solution, "locked": locked, "grade_id": said["id"]}
    if grade or task:
        marks["points"] = said["points"]
    if schema == 0:
        return {key: value for key, value in marks.items() if value is not False}
    return marks | {"schema_version": schema} | ({"task": task} if schema == 3 else {})


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


# ---------------------------------------------------------------------- what students do


def _find(notebook: nbformat.NotebookNode, name: str) -> int:
    return next(number for number, cell in enumerate(notebook.cells) if grade_id(cell) == name)


def _delete(notebook: nbformat.NotebookNode, name: str) -> None:
    del notebook.cells[_find(notebook, name)]


def _copied(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    twin = copy.deepcopy(notebook.cells[_find(notebook, name)])
    if "id" in twin:
        twin["id"] = "twin"
    return twin


def _duplicate(notebook: nbformat.NotebookNode, name: str) -> None:
    notebook.cells.append(_copied(notebook, name))


def _duplicate_behind(notebook: nbformat.NotebookNode, name: str, source: str) -> None:
    twin = _copied(notebook, name)
    twin.source = source
    notebook.cells.insert(_find(notebook, name) + 1, twin)


def _append(notebook: nbformat.NotebookNode, source: str) -> None:
    cell = new_code_cell(source)
    if notebook.nbformat_minor < 5:
        del cell["id"]
    notebook.cells.append(cell)


def _points(notebook: nbformat.NotebookNode, name: str, points: float) -> None:
    notebook.cells[_find(notebook, name)].metadata["nbgrader"]["points"] = points


def _rename(notebook: nbformat.NotebookNode, name: str, other: str) -> None:
    notebook.cells[_find(notebook, name)].metadata["nbgrader"]["grade_id"] = other


def _retype(notebook: nbformat.NotebookNode, name: str) -> None:
    """Make a cell of code one of text."""
    place = _find(notebook, name)
    cell = notebook.cells[place]
    notebook.cells[place] = new_markdown_cell(cell.source, metadata=cell.metadata, id=cell.id)


def _unmark(notebook: nbformat.NotebookNode, name: str) -> None:
    del notebook.cells[_find(notebook, name)].metadata["nbgrader"]


def _clear_code(notebook: nbformat.NotebookNode, number: int) -> None:
    """Empty the cell of that number, counted from 1."""
    notebook.cells[number - 1].source = ""


_DO: dict[str, Callable[..., None]] = {
    "delete": _delete,
    "duplicate": _duplicate,
    "duplicate-behind": _duplicate_behind,
    "append": _append,
    "points": _points,
    "rename": _rename,
    "retype": _retype,
    "unmark": _unmark,
    "clear-code": _clear_code,
}
