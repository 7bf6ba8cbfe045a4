"""Otter's cells in a student's notebook: those that check a question, and those that set otter up or export."""

from __future__ import annotations

import re

import nbformat
from nbformat.v4 import new_code_cell

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
    """
    there = {cell.get("id") for cell in notebook.cells}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if question := question_checked(cell.source):
            here = place(question)
            cell.source = here.source
            if here.id not in there:
                cell["id"] = here.id
                there.add(here.id)
        elif is_of_otter(cell.source):
            cell.source = "\n".join(f"# {line}" for line in cell.source.splitlines())
