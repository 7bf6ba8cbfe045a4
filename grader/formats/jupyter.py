"""Jupyter's own format: JSON, of any version and in any encoding, with nothing taken for granted."""

from __future__ import annotations

from typing import Any

from grader.code_language import language
from grader.formats.cell import ID, MAX_CELLS, MAX_GRADE_ID, MAX_SOURCE, NBGRADER, Cell, no_code, too_many
from grader.language import grouped, tr
from grader.reading import Unreadable, notebook_json


def cells(raw: bytes) -> list[Cell]:
    """The cells in the bytes of a notebook's file.

    Raises
    ------
    Unreadable
    """
    content = notebook_json(raw)
    found = _listed(content)
    if len(found) > MAX_CELLS:
        raise too_many(len(found))
    seen: set[str] = set()
    read = [_cell(cell, number, seen) for number, cell in enumerate(found, 1)]
    if not any(cell.kind == "code" and cell.source.strip() for cell in read):
        raise no_code()
    if foreign := language(content, [cell.source for cell in read if cell.kind == "code"]):
        raise Unreadable(
            tr(
                "The notebook is written in {language}. The exercise is to be solved in Python: "
                "open the notebook that you were given with a Python kernel.",
                language=foreign,
            )
        )
    return read


def _listed(content: dict[str, Any]) -> list[Any]:
    """The cells of a notebook of any format; those before 4 had them on worksheets."""
    sheets = content.get("worksheets")
    if "cells" not in content and type(sheets) is list:
        found = [sheet.get("cells", []) if type(sheet) is dict else None for sheet in sheets]
        if all(type(one) is list for one in found):
            return [cell for one in found for cell in one or ()]
    cells = content.get("cells")
    if type(cells) is not list:
        raise Unreadable(tr("The notebook has no list of cells. Save it again in Jupyter."))
    return cells


def _cell(cell: Any, number: int, seen: set[str]) -> Cell:
    kind = cell.get("cell_type") if type(cell) is dict else None
    source = _source(cell) if type(cell) is dict else None
    if type(kind) is not str or type(source) is not str:
        raise Unreadable(tr("Cell {cell} of the notebook is damaged. Save it again in Jupyter.", cell=number))
    if len(source) > MAX_SOURCE:
        raise Unreadable(
            tr(
                "Cell {cell} of the notebook has {n} characters; {most} is the most.",
                cell=number,
                n=grouped(len(source)),
                most=grouped(MAX_SOURCE),
            )
        )
    # A lone surrogate can be in JSON, and in nothing that would be sent to the kernel.
    source = source.encode("utf-8", "replace").decode("utf-8")
    name = cell.get("id")
    if type(name) is not str or not ID.fullmatch(name) or name in seen:
        name = f"cell-{number}"
        while name in seen:
            name += "-"
    seen.add(name)
    if kind == "code":
        return Cell("code", source, name, None, grade_id=_grade_id(cell))
    attachments = cell.get("attachments") if kind == "markdown" else None
    pictures = attachments if _are_attachments(attachments) else None
    return Cell("markdown", source, name, pictures, grade_id=_grade_id(cell))


def _grade_id(cell: dict[str, Any]) -> str:
    metadata = cell.get("metadata")
    marks = metadata.get(NBGRADER) if type(metadata) is dict else None
    name = marks.get("grade_id") if type(marks) is dict else None
    return name.encode("utf-8", "replace").decode("utf-8") if type(name) is str and len(name) <= MAX_GRADE_ID else ""


def _source(cell: dict[str, Any]) -> Any:
    """The text of a cell; before format 4, that of code was its `input`, and headings were cells of their own."""
    old = next((key for key in ("input", "code", "text") if "source" not in cell and key in cell), "")
    source = cell.get(old or "source", "")
    if type(source) is list and all(type(line) is str for line in source):
        # Old formats had a line of text an entry, without what ends it.
        source = ("" if any(line.endswith("\n") for line in source[:-1]) else "\n" if old else "").join(source)
    level = cell.get("level")
    if cell.get("cell_type") == "heading" and type(source) is str and type(level) is int and 1 <= level <= 6:
        source = f"{'#' * level} {source}"
    return source


def _are_attachments(value: Any) -> bool:
    """Whether these are pictures of a cell: name → MIME type → text. Anything else would trip nbformat later."""
    return type(value) is dict and all(
        type(one) is dict and all(type(data) is str for data in one.values()) for one in value.values()
    )
