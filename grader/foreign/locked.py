"""Cells that nobody may change: put back over what a student made of them; and what of a test's cell is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

import nbformat

from grader.foreign.modules import OURS
from grader.foreign.tests_file import Locked, TestsFile
from grader.formats.cell import NBGRADER, name_of
from grader.language import tr
from grader.sources import defined, parsed
from grader.text import plain

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


def put_back(notebook: nbformat.NotebookNode, file: TestsFile, order: Sequence[str]) -> list[str]:
    """Put the cells back that nobody may change; what was done, a sentence each.

    Parameters
    ----------
    order
        The cells of the starter, by what tests know them by: where one belongs that was deleted.
    """
    locked = {one.cell: one for one in file.locked}
    told = list(_over(notebook, locked))
    there = [name_of(cell) for cell in notebook.cells]
    for place, name in enumerate(order):
        if name not in locked or name in there:
            continue
        before = next((there.index(one) + 1 for one in reversed(order[:place]) if one in there), None)
        behind = next((there.index(one) for one in order[place:] if one in there), len(there))
        where = behind if before is None else before
        notebook.cells.insert(where, _cell(locked[name], there))
        there.insert(where, name)
        told.append(tr("The cell `{cell}` was deleted, and is put back.", cell=plain(name, 80)))
    return told


def unanswered(notebook: nbformat.NotebookNode, file: TestsFile, starter: Iterable[nbformat.NotebookNode]) -> set[str]:
    """Names of the questions for a person whose cells are as the starter's, as nbgrader has it; tasks ask for cells of
    the student's own, and are looked at anyway.
    """
    if file.tool != "nbgrader":
        return set()
    given = {name_of(cell): cell.source for cell in starter}
    locked = {one.cell for one in file.locked}
    found = {name_of(cell): cell.source for cell in reversed(notebook.cells)}  # of two of a name the first counts
    asked = [one for one in file.test if one.form == "written" and one.cell in given and one.cell not in locked]
    return {one.name for one in asked if found.get(one.cell) == given[one.cell]}


def _over(notebook: nbformat.NotebookNode, locked: dict[str, Locked]) -> Iterator[str]:
    seen = set()
    for place, cell in enumerate(notebook.cells):
        name = name_of(cell)
        if name not in locked:
            continue
        if name in seen:  # a copy: an ordinary cell of the student's
            cell.metadata.pop(NBGRADER, None)
            yield tr("There are two cells `{cell}`: the first one counts.", cell=plain(name, 80))
            continue
        seen.add(name)
        wanted = locked[name]
        if _same(cell, wanted):
            continue
        notebook.cells[place] = _made(wanted, cell.id, cell.metadata)
        yield tr("The cell `{cell}` was changed, and is put back as it was.", cell=plain(name, 80))


def _same(cell: nbformat.NotebookNode, wanted: Locked) -> bool:
    kind = "code" if wanted.kind == "code" else "markdown"
    return bool(cell.cell_type == kind and cell.source.strip() == wanted.source.strip())


def _cell(wanted: Locked, there: list[str]) -> nbformat.NotebookNode:
    number = 1
    while (name := f"put-back-{number}") in there:
        number += 1
    return _made(wanted, name, nbformat.from_dict({NBGRADER: {"grade_id": wanted.cell}}))


def _made(wanted: Locked, name: str, metadata: nbformat.NotebookNode) -> nbformat.NotebookNode:
    made = {"id": name, "cell_type": "markdown", "metadata": metadata, "source": wanted.source}
    if wanted.kind == "code":
        made |= {"cell_type": "code", "execution_count": None, "outputs": []}
    return nbformat.from_dict(made)


def run_instead(notebook: nbformat.NotebookNode, file: TestsFile, codes: Mapping[str, str]) -> dict[int, str]:
    """What is run of the tests' own cells, by their places: imports, and definitions that later cells or tests use.

    Parameters
    ----------
    codes
        The tests' code, by their cells.
    """
    own = codes.keys() & {one.cell for one in file.locked}
    wanted: set[str] = set()
    theirs: set[str] = set()  # names that other cells read
    instead: dict[int, str] = {}
    for place, cell in reversed(list(enumerate(notebook.cells))):
        if cell.cell_type != "code":
            continue
        if (name := name_of(cell)) not in own:
            theirs |= _names([cell.source])
            continue
        instead[place] = _kept(cell.source, wanted | theirs, theirs)
        wanted |= _names([instead[place]]) | (_names([codes[name]]) - defined(codes[name]))
    return instead


def _kept(source: str, wanted: set[str], theirs: set[str]) -> str:
    """What is kept of a test's cell: of what stands for a package here, such as nose, only what other cells read."""
    tree = parsed(source)
    kept: list[ast.stmt] = []
    for statement in reversed([] if tree is None else tree.body):
        text = ast.unparse(statement)
        if _is_ours(statement) and not defined(text) & theirs:
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom) or (
            isinstance(statement, _DEFINITIONS) and defined(text) & (wanted | _names(map(ast.unparse, kept)))
        ):
            kept.insert(0, statement)
    return "\n".join(map(ast.unparse, kept))


def _is_ours(statement: ast.stmt) -> bool:
    match statement:
        case ast.ImportFrom(module=str(module), level=0):
            return module.partition(".")[0] in OURS
        case ast.Import(names=names):
            return all(one.name.partition(".")[0] in OURS for one in names)
    return False


def _names(sources: Iterable[str]) -> set[str]:
    """Names that code reads."""
    trees = [tree for source in sources if (tree := parsed(source)) is not None]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
