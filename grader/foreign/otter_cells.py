"""Otter's cells in a student's notebook: those that check a question, and those that set otter up or export."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator

import nbformat
from nbformat.v4 import new_code_cell

from grader.foreign.settings import value_in
from grader.sources import parsed

_CHECK = re.compile(r"""\w+\.check\(\s*["']([^"'\n]+)["']\s*\)""")
_IMPORT = re.compile(r"import otter|from otter import .*")
_SET_UP = re.compile(r"\w+ = (?:otter\.)?Notebook\(.*\)")
_ASKED = re.compile(r"grader\.(?:check_all|export|to_pdf)\(.*\)|[%!]pip install .*otter-grader.*")


def is_of_otter(source: str) -> bool:
    """Whether a cell does nothing but to set otter up, or to ask it for something."""
    match _lines(source):
        case [asked]:
            return bool(_ASKED.fullmatch(asked))
        case [imported, made]:
            return bool(_IMPORT.fullmatch(imported) and _SET_UP.fullmatch(made))
    return False


def question_checked(source: str) -> str:
    """The question that a cell asks otter to check; none where it does anything else."""
    lines = _lines(source)
    found = _CHECK.match(lines[0]) if len(lines) == 1 else None
    return found[1] if found else ""


def _lines(source: str) -> list[str]:
    """What a cell does, line by line; nothing where that is more than any cell of otter's."""
    if len(source) > 10_000:
        return []
    return [line for one in source.splitlines() if (line := one.strip()) and not line.startswith("#")]


def place(question: str) -> nbformat.NotebookNode:
    """The cell at whose place a question is judged, where otter has students run its check."""
    cell = new_code_cell(f"# The question {question} is judged here, with what stands above.")
    cell["id"] = re.sub(r"[^A-Za-z0-9_-]+", "-", f"check-{question}")[:64]
    return cell


def without_otter(notebook: nbformat.NotebookNode) -> None:
    """Where students had their notebook from otter itself: its checks become the places of questions, and nothing else
    of otter's is run.

    A check within a cell divides it; of several checks of a question the last counts, as for otter.
    """
    notebook.cells = [part for cell in notebook.cells for part in _divided(cell)]
    there = {cell.get("id") for cell in notebook.cells}
    for cell in reversed(notebook.cells):
        if cell.cell_type != "code":
            continue
        if question := question_checked(cell.source):
            here = place(question)
            cell.source = here.source
            if here.id not in there:
                cell["id"] = here.id
                there.add(here.id)
        elif is_of_otter(cell.source) or _is_left_out(cell):
            cell.source = "\n".join(f"# {line}" for line in cell.source.splitlines())


def _is_left_out(cell: nbformat.NotebookNode) -> bool:
    """Whether otter takes it out of what it runs."""
    tags = cell.metadata.get("tags")
    return (isinstance(tags, list) and "otter_ignore" in tags) or value_in(cell.metadata, "otter", "ignore") is True


def _divided(cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """A cell; one that checks questions between its other lines, in parts."""
    tree = parsed(cell.source) if cell.cell_type == "code" and ".check(" in cell.source else None
    checks = [one for one in (() if tree is None else tree.body) if _is_check(one)]
    if tree is None or not checks or len(checks) == len(tree.body) == 1:
        yield cell
        return
    lines, begun = cell.source.splitlines(), 0
    parts = []
    for one in checks:
        if one.col_offset or lines[(one.end_lineno or 0) - 1].encode()[one.end_col_offset or 0 :].strip():
            yield cell  # something stands on its line
            return
        parts += ["\n".join(lines[begun : one.lineno - 1]), ast.unparse(one)]
        begun = one.end_lineno or 0
    parts.append("\n".join(lines[begun:]))
    for number, part in enumerate(one for one in parts if one.strip()):
        made = copy.deepcopy(cell)
        made.source = part
        if number:
            made["outputs"], made["id"] = [], f"{str(cell.get('id', 'cell'))[:50]}-{number + 1}"
        yield made


def _is_check(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("grader"), "check"), [ast.Constant(str())], [])):
            return True
    return False
