"""What nbgrader makes of the teacher's version of an assignment: the one that students get."""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import nbformat

from grader.errors import UsageError
from grader.foreign.nbgrader_config import Config
from grader.text import plain

_SCHEMA = 3
_KEYS = {"schema_version", "grade", "locked", "solution", "task", "grade_id", "points", "checksum", "cell_type"}


@dataclass(frozen=True)
class Marks:
    """What nbgrader's metadata say of a cell, in whichever version they are written.

    Attributes
    ----------
    grade, solution, task
        Whether it has points of a test or an answer; whether a student writes into it; whether it describes a task
        that a person grades.
    locked
        Whether it is put back over what a student made of it.
    """

    grade_id: str = ""
    grade: bool = False
    solution: bool = False
    locked: bool = False
    task: bool = False
    points: float = 0.0

    @property
    def any(self) -> bool:
        """Whether they say anything."""
        return self.grade or self.solution or self.locked or self.task


def marks_of(cell: nbformat.NotebookNode) -> Marks:
    """The marks of a cell."""
    said = cell.metadata.get("nbgrader")
    if not isinstance(said, dict):
        return Marks()
    grade, solution, task = (said.get(name) is True for name in ("grade", "solution", "task"))
    locked = not solution and (grade or said.get("locked") is True)
    name = said.get("grade_id")
    points = _points(said.get("points")) if grade or task else 0.0
    return Marks(name if isinstance(name, str) else "", grade, solution, locked, task, points)


def _points(said: object) -> float:
    """The first version has them as a text, empty or below zero where there are none."""
    try:
        points = float(said) if isinstance(said, str | int | float) else 0.0
    except ValueError:
        return 0.0
    return points if 0 < points < float("inf") else 0.0


def in_newest_schema(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with metadata as the newest version of nbgrader writes them."""
    newer = copy.deepcopy(notebook)
    for cell in newer.cells:
        said, marks = cell.metadata.get("nbgrader"), marks_of(cell)
        if not isinstance(said, dict):
            continue
        if not marks.any:
            del cell.metadata["nbgrader"]
            continue
        kept = {name: value for name, value in said.items() if name in _KEYS}
        kept |= {"schema_version": _SCHEMA, "grade": marks.grade, "solution": marks.solution}
        kept["locked"] = said.get("locked") is True
        if not said.get("schema_version"):  # the first version
            kept.pop("points", None)
            kept |= {"points": marks.points} if marks.grade else {}
        cell.metadata["nbgrader"] = nbformat.from_dict(kept)
    return newer


@dataclass(frozen=True)
class Region:
    """Lines of a cell between two marks.

    Attributes
    ----------
    what
        As people call it.
    belongs
        To which cells, as people call them.
    """

    what: str
    belongs: str
    begin: str
    end: str

    def found(self, source: str) -> bool:
        """Whether one begins in a cell."""
        return any(self.begin in line for line in source.split("\n"))

    def replaced(self, source: str, stub: str | None = None) -> str:
        """A cell's source without these lines, a stub for each region if there is one, as deep as its mark.

        Raises
        ------
        UsageError
            A mark has no partner.
        """
        kept: list[str] = []
        inside = False
        for line in source.split("\n"):
            if self.begin in line:
                if inside:
                    raise self._open(source, "begins twice")
                inside = True
                if stub is not None:
                    depth = line[: len(line) - len(line.lstrip())]
                    kept += [depth + one for one in stub.split("\n")]
            elif self.end in line:
                inside = False
            elif not inside:
                kept.append(line)
        if inside:
            raise self._open(source, "does not end")
        return "\n".join(kept)

    def _open(self, source: str, how: str) -> UsageError:
        return UsageError(
            f"{self.what} {how} in the cell “{plain(source, 60)}”.", f"Write `### {self.end}` where it ends."
        )


@dataclass(frozen=True)
class Regions:
    """The regions that nbgrader knows, with the marks that a course has for them."""

    solution: Region
    hidden: Region
    scheme: Region

    @staticmethod
    def of(config: Config) -> Regions:
        """Those of a course."""

        def region(what: str, belongs: str, owner: str, name: str, words: str) -> Region:
            begin, end = (
                config.text(f"{owner}.{side.lower()}_{name}_delimeter", f"{side} {words}") for side in ("BEGIN", "END")
            )
            return Region(what, belongs, begin, end)

        return Regions(
            region("A solution", "solution cells", "ClearSolutions", "solution", "SOLUTION"),
            region("A hidden test", "test cells", "ClearHiddenTests", "test", "HIDDEN TESTS"),
            region("A mark scheme", "task cells", "ClearMarkScheme", "mark_scheme", "MARK SCHEME"),
        )


def released(source: nbformat.NotebookNode, config: Config) -> nbformat.NotebookNode:
    """The version for students of a notebook whose metadata are of the newest schema.

    Raises
    ------
    UsageError
        A region has no end, or stands in a cell where nbgrader takes none.
    """
    regions = Regions.of(config)
    made = copy.deepcopy(source)
    made.metadata.pop("celltoolbar", None)
    for cell in made.cells:
        marks = marks_of(cell)
        _lock(cell, marks, config)
        if marks.solution or regions.solution.found(cell.source):
            _allow(regions.solution, marks.solution, cell, config.flag("ClearSolutions.enforce_metadata", True))
            is_code = cell.cell_type == "code"
            stub = config.code_stub if is_code else config.text("ClearSolutions.text_stub", "YOUR ANSWER HERE")
            has_region = regions.solution.found(cell.source)
            cell.source = regions.solution.replaced(cell.source, stub) if has_region else stub
        for region, belongs, owner in (
            (regions.hidden, marks.grade, "ClearHiddenTests"),
            (regions.scheme, marks.task, "ClearMarkScheme"),
        ):
            if region.found(cell.source):
                _allow(region, belongs, cell, config.flag(f"{owner}.enforce_metadata", True))
                cell.source = region.replaced(cell.source)
        if marks.grade or marks.solution or marks.locked:
            cell.metadata["nbgrader"]["checksum"] = checksum(cell)
            cell.metadata["nbgrader"]["cell_type"] = cell.cell_type
    return made


def _allow(region: Region, belongs: bool, cell: nbformat.NotebookNode, enforced: bool) -> None:
    if enforced and not belongs:
        raise UsageError(
            f"{region.what} stands in the cell “{plain(cell.source, 60)}”, which is none of the {region.belongs}.",
            "Give the cell its type in nbgrader, or take the marks out.",
        )


def _lock(cell: nbformat.NotebookNode, marks: Marks, config: Config) -> None:
    """What an editor is to keep students from."""

    def locks(which: str, usual: bool = True) -> bool:
        return config.flag(f"LockCells.lock_{which}_cells", usual)

    if marks.solution and (locks("solution") or (marks.grade and locks("grade"))):
        cell.metadata["deletable"] = False
    elif (marks.grade and locks("grade")) or (marks.locked and locks("readonly")) or locks("all", False):
        cell.metadata["deletable"] = cell.metadata["editable"] = False


def checksum(cell: nbformat.NotebookNode) -> str:
    """What nbgrader tells by whether a cell is as it was released."""
    marks = marks_of(cell)
    parts: list[Any] = [cell.source, cell.cell_type, marks.grade, marks.solution, marks.locked, marks.grade_id]
    if marks.grade:
        parts.append(marks.points)
    return hashlib.md5("".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def is_release(notebook: nbformat.NotebookNode, regions: Regions) -> bool:
    """Whether a notebook is what students get: nbgrader has put the sum of each cell in, and it still holds."""
    marked = [cell for cell in notebook.cells if (marks := marks_of(cell)).grade or marks.solution]
    if any(region.found(cell.source) for cell in notebook.cells for region in (regions.solution, regions.hidden)):
        return False
    sums = [cell.metadata["nbgrader"].get("checksum") for cell in marked]
    return bool(marked) and all(said == checksum(cell) for said, cell in zip(sums, marked, strict=True))


_LINE = re.compile(r"^\s*#.*")


def autotests_to_be_made(source: str, config: Config) -> bool:
    """Whether a cell has lines of which nbgrader still has to make tests, by running the solution."""
    mark = config.text("InstantiateTests.autotest_delimiter", "AUTOTEST")
    return any(mark in line and _LINE.match(line) for line in source.split("\n"))
