"""nbgrader's assignments: a notebook, the folder of an assignment, or a whole course, as exercises of ours."""

from __future__ import annotations

import ast
import fnmatch
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from grader.errors import UsageError
from grader.foreign import nbgrader_gradebook
from grader.foreign.nbgrader_config import Config, config_near
from grader.foreign.nbgrader_earlier import names_bound, with_earlier
from grader.foreign.nbgrader_release import (
    Marks,
    Regions,
    autotests_to_be_made,
    in_newest_schema,
    is_release,
    marks_of,
    released,
)
from grader.foreign.notebooks import exercise_id, heading_in, read_notebook, title_of, without_outputs
from grader.foreign.tests_file import Locked, Test
from grader.foreign.writing import Assignment, Coded
from grader.formats.cell import ID
from grader.small_files import contents
from grader.sources import parsed
from grader.text import listed, plain

_MOST_BESIDE = 50_000_000
_USUAL_S = 30.0  # what nbgrader gives a cell


@dataclass(frozen=True)
class Place:
    """A notebook that is to be imported.

    Attributes
    ----------
    assignment
        The name of the folder that it lies in, which is what students hand in.
    alone
        Whether it is the assignment's only notebook.
    """

    path: Path
    assignment: str
    alone: bool

    @property
    def id(self) -> str:
        """The exercise's."""
        name = self.assignment if self.alone else f"{self.assignment}-{self.path.stem}"
        return exercise_id(name)


def places(source: Path) -> list[Place]:
    """The notebooks of a source: of itself, of the assignment in a folder, of all assignments of a course.

    Raises
    ------
    UsageError
        There is no such path, or no notebook there.
    """
    if source.is_file():
        if source.suffix != ".ipynb":
            raise UsageError(
                f"{plain(str(source))} is no notebook.", "Name an .ipynb, an assignment's folder, or a course."
            )
        folder = source.absolute().parent
        is_course = any((folder / name).exists() for name in ("source", "nbgrader_config.py"))
        return [Place(source, source.stem if is_course else folder.name, _alone(folder) or is_course)]
    if not source.is_dir():
        raise UsageError(f"There is no {plain(str(source))}.", "Name a notebook, an assignment's folder, or a course.")
    config = config_near(source.absolute())
    named = source / config.text("CourseDirectory.source_directory", "source")
    top = named if named.is_dir() else source
    if top == source and (found := _notebooks(top)):
        return [Place(path, source.absolute().name, len(found) == 1) for path in found]
    assignments = [folder for folder in sorted(top.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    of_all = [Place(path, folder.name, _alone(folder)) for folder in assignments for path in _notebooks(folder)]
    if not of_all:
        raise UsageError(f"There is no notebook in {plain(str(top))}.", "Name an assignment's folder, or a course.")
    return of_all


def _notebooks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.ipynb") if path.is_file() and not path.name.startswith("."))


def _alone(folder: Path) -> bool:
    return len(_notebooks(folder)) == 1


def read(place: Place) -> Assignment:
    """An assignment.

    Raises
    ------
    UsageError
        It is no notebook in Python, has nothing to be graded, or nbgrader could not grade it either.
    """
    config = config_near(place.path.absolute().parent)
    regions = Regions.of(config)
    source = in_newest_schema(read_notebook(place.path))
    for_students = is_release(source, regions)
    if not for_students:
        source = _with_header_and_footer(source, config)
    _name_cells(source)
    remarks = _faults(source, place.path)
    if for_students:
        starter, reference = source, None
        remarks.insert(
            0, "It is the version for students: it has no hidden tests, and no solution to prove the others by."
        )
    else:
        starter, reference = released(source, config), source
        if to_make := [cell for cell in source.cells if _is_test(cell) and autotests_to_be_made(cell.source, config)]:
            raise UsageError(
                f"{plain(place.path.name)} has autotests that nbgrader has not made yet (in the cell "
                f"{marks_of(to_make[0]).grade_id}).",
                "Run `nbgrader generate_source_with_tests`, and import from `source_with_tests`.",
            )
    tests = _tests(source, starter, regions)
    if not tests:
        raise UsageError(
            f"{plain(place.path.name)} has no cell that is graded.", "Mark its cells in nbgrader, or leave it out."
        )
    beside = _beside(place.path, config, remarks)
    remarks += nbgrader_gradebook.told(config.course, place.assignment)
    return Assignment(
        id=place.id,
        title=title_of(source) or place.id,
        tool="nbgrader",
        source=f"{place.assignment}/{place.path.name}",
        notebook=re.sub(r"[^\w.-]+", "_", place.path.name).lstrip("."),
        starter=without_outputs(starter),
        reference=None if reference is None else without_outputs(reference),
        tests=tests,
        locked=_locked(starter),
        beside=beside,
        cell_s=config.seconds or _USUAL_S,
        remarks=tuple(remarks),
    )


# ---------------------------------------------------------------------- reading


def _with_header_and_footer(notebook: nbformat.NotebookNode, config: Config) -> nbformat.NotebookNode:
    """The notebook with the cells that a course puts before and behind each."""
    around = [config.text(f"IncludeHeaderFooter.{which}", "") for which in ("header", "footer")]
    header, footer = (in_newest_schema(read_notebook(config.course / name)).cells if name else [] for name in around)
    notebook.cells = [*header, *notebook.cells, *footer]
    return notebook


def _name_cells(notebook: nbformat.NotebookNode) -> None:
    """Give each cell an id by which others can name it: nbgrader's, its own, or else its number."""
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, 1):
        wanted = (marks_of(cell).grade_id, cell.get("id", ""), f"cell-{number}")
        name = next((one for one in wanted if ID.fullmatch(one) and one not in seen), "")
        while not name or name in seen:
            name = f"{name or f'cell-{number}'}-"
        cell["id"] = name
        seen.add(name)
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def _faults(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    """What the teacher has to know of the cells' marks.

    Raises
    ------
    UsageError
        Ids are missing, or two cells have the same.
    """
    marked = [(marks_of(cell), cell) for cell in notebook.cells]
    nameless = [cell for marks, cell in marked if marks.any and not marks.grade_id]
    if nameless:
        raise UsageError(
            f"{plain(path.name)}: the cell “{plain(nameless[0].source, 60)}” has no id of nbgrader's.",
            "Give it one in nbgrader's toolbar.",
        )
    names = [marks.grade_id for marks, _ in marked if marks.any]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"{plain(path.name)}: two cells have the id {listed([plain(one, 60) for one in twice[:3]])}.",
            "Give one of them another in nbgrader's toolbar.",
        )
    empty = [
        marks.grade_id for marks, cell in marked if marks.grade and not marks.solution and not _statements(cell.source)
    ]
    return [f"The test {listed(empty)} has no code: everybody passes it."] if empty else []


def _statements(source: str) -> bool:
    """Whether a cell does anything: it has code that is more than comments and a text."""
    tree = parsed(source)
    if tree is None:
        return bool(source.strip())
    return any(not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)) for one in tree.body)


def _beside(path: Path, config: Config, remarks: list[str]) -> dict[str, bytes]:
    """The files that belong to the assignment, by their paths in its folder."""
    folder = path.absolute().parent
    found: dict[str, bytes] = {}
    if folder == config.course or folder.name in ("source", "release"):  # a notebook by itself
        return found
    room = _MOST_BESIDE
    for file in _files(folder, config.ignored):
        try:
            content = contents(file, room)
        except (OSError, ValueError):
            remarks.append(
                f"{plain(file.relative_to(folder).as_posix())} is left out: it cannot be read, or is too large."
            )
            continue
        room -= len(content)
        found[file.relative_to(folder).as_posix()] = content
    return found


def _files(folder: Path, ignored: Sequence[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _files(path, ignored)
        elif path.is_file() and path.suffix != ".ipynb":
            yield path


# ---------------------------------------------------------------------- what is graded


def _is_test(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell's code judges; what else has points a person grades."""
    marks = marks_of(cell)
    return marks.grade and not marks.solution and cell.cell_type == "code"


def _tests(source: nbformat.NotebookNode, starter: nbformat.NotebookNode, regions: Regions) -> tuple[Coded, ...]:
    tests: list[Coded] = []
    names: set[str] = set()
    own = names_bound(cell.source for cell in source.cells if cell.cell_type == "code" and not _is_test(cell))
    earlier: list[tuple[str, str]] = []  # the tests before this one, as students have them and whole
    heading = ""
    for whole, visible in zip(source.cells, starter.cells, strict=True):
        marks = marks_of(whole)
        if whole.cell_type == "markdown":
            heading = heading_in(visible.source) or heading
        if not marks.grade and not marks.task:
            continue
        test = Test(name=_name(marks, names), title=heading or marks.grade_id, points=marks.points, cell=marks.grade_id)
        if _is_test(whole):
            hidden = regions.hidden.found(whole.source) and not _statements(visible.source)
            test = test.model_copy(update={"title": _said(visible.source) or marks.grade_id, "hidden": hidden})
            codes = (visible.source, whole.source)
            shown, all_of_it = (
                with_earlier(code, [one[which] for one in earlier], own) for which, code in enumerate(codes)
            )
            earlier.append(codes)
            tests.append(Coded(test, shown, all_of_it if all_of_it != shown else ""))
        else:
            tests.append(Coded(test.model_copy(update={"form": "written"}), ""))
    return tuple(tests)


def _name(marks: Marks, taken: set[str]) -> str:
    """What the check is called: an identifier that no other has."""
    name = re.sub(r"\W+", "_", marks.grade_id, flags=re.ASCII).strip("_")[:90] or "test"
    if not name[0].isalpha() or keyword.iskeyword(name):
        name = f"test_{name}"
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _said(source: str) -> str:
    """What a test cell says first, as a text or a comment: it tells what is tested."""
    tree = parsed(source)
    if tree is not None and (text := ast.get_docstring(tree)):
        return plain(text.strip().partition("\n")[0], 200)
    first = source.strip().partition("\n")[0]
    return plain(first.lstrip("# "), 200) if first.startswith("#") else ""


def _locked(starter: nbformat.NotebookNode) -> tuple[Locked, ...]:
    """The cells that are put back, as students have them."""
    return tuple(
        Locked(cell=marks.grade_id, kind=cell.cell_type, source=cell.source)
        for cell in starter.cells
        if (marks := marks_of(cell)).locked
    )
