"""The older format of otter's notebooks, put into the newer one.

Its questions are told in a fenced block within a cell of text, and its tests stand in cells that begin with
`## Test ##`; what is a question's answer follows from where a cell stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import nbformat
from nbformat.v4 import new_markdown_cell, new_raw_cell

from grader.errors import UsageError
from grader.foreign.settings import settings

_OLD = re.compile(r"^```[^\n]*\n[ ]*BEGIN (QUESTION|ASSIGNMENT)[ ]*\n(.*?)^```[^\n]*$", re.DOTALL | re.MULTILINE)
_OLD_TEST = re.compile(
    r"""(?:##\s*(?:hidden\s*)?test\s*##|#\s*(?:hidden\s*)?test\b|"{3}\s*#\s*BEGIN\s*TEST\s*CONFIG)""", re.IGNORECASE
)
_OLD_SOLUTION = re.compile(r"^(?:<strong>|\*\*)solution:?(?:</strong>|\*\*)", re.IGNORECASE | re.MULTILINE)


def is_old(cells: Iterable[nbformat.NotebookNode]) -> bool:
    """Whether cells are of the older format."""
    return any(cell.cell_type in ("markdown", "raw") and _old_block(cell) for cell in cells)


def _old_block(cell: nbformat.NotebookNode) -> re.Match[str] | None:
    if cell.cell_type == "code":
        return None
    source = cell.source if cell.cell_type == "markdown" else f"```\n{cell.source.strip('`').strip()}\n```"
    return _OLD.search(source)


@dataclass
class _Old:
    """Where in a question of the older format the reader is."""

    manual: bool = False
    answered: bool = False
    tests: bool = False


def newer(cells: Iterable[nbformat.NotebookNode]) -> Iterator[nbformat.NotebookNode]:
    """Cells of the older format, as the newer one has them."""
    yield new_raw_cell("# ASSIGNMENT CONFIG\nstrip_solutions_from_all_cells: true")
    at: _Old | None = None
    for cell in cells:
        block, solution = _old_block(cell), cell.cell_type == "markdown" and bool(_OLD_SOLUTION.search(cell.source))
        is_test = cell.cell_type == "code" and bool(_OLD_TEST.match(cell.source))
        if at is not None:
            if is_test:
                if not at.tests:
                    yield new_raw_cell("# BEGIN TESTS")
                at.answered = at.tests = True
                yield cell
                continue
            if not at.answered and block is None:
                if at.manual and cell.cell_type == "markdown" and not solution:
                    yield from _in_block("PROMPT", cell)
                else:
                    at.answered = True
                    yield from _in_block("SOLUTION", cell)
                continue
            yield from _ends(at)
            at = None
        elif is_test:
            raise UsageError("A test stands outside of a question.", "Move it behind its question.")
        if block is None:
            yield cell
        elif block[1] == "ASSIGNMENT":
            yield new_raw_cell(f"# ASSIGNMENT CONFIG\n{block[2]}")
        else:
            yield new_raw_cell(f"# BEGIN QUESTION\n{block[2]}")
            at = _Old(manual=settings(block[2], "A question's settings").get("manual") is True)
            if text := (cell.source[: block.start()] + cell.source[block.end() :]).strip():
                yield new_markdown_cell(text)
    if at is not None:
        yield from _ends(at)


def _in_block(block: str, cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    yield from (new_raw_cell(f"# BEGIN {block}"), cell, new_raw_cell(f"# END {block}"))


def _ends(at: _Old) -> Iterator[nbformat.NotebookNode]:
    if at.tests:
        yield new_raw_cell("# END TESTS")
    yield new_raw_cell("# END QUESTION")
