"""Reading what was handed in: a notebook file, with nothing taken for granted."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from grader.foreign import language
from grader.language import grouped, tr
from grader.reading import MAX_BYTES, Unreadable, contents, notebook_json
from grader.text import size

MAX_CELLS = 2_000
MAX_SOURCE = 2_000_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Submission:
    """What a student handed in.

    Attributes
    ----------
    path
        The notebook's file. It is only ever read.
    student
        Whose it is, where that is known.
    place
        Where a person finds it, if that is not `path`: what lies in an archive is read from a copy.
    flaw
        Why it cannot be read, where that is known already; then nobody looks at `path`.
    """

    path: Path
    student: str | None = None
    place: str = ""
    flaw: str = ""

    def __post_init__(self) -> None:
        if not self.place:
            object.__setattr__(self, "place", str(self.path))

    def read(self) -> nbformat.NotebookNode:
        """The notebook, without its outputs; every code and markdown cell has an id of its own.

        Raises
        ------
        Unreadable
            It is no file, is too large, is no JSON, or is no notebook.
        """
        return parse(self.contents())

    def contents(self) -> bytes:
        """The file's bytes; of a large one without the outputs.

        Raises
        ------
        Unreadable
            It is no file, or is too large.
        """
        if self.flaw:
            raise Unreadable(self.flaw)
        return _contents(self.path)


def _contents(path: Path) -> bytes:
    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a FIFO would make us wait for its writer

    try:
        with open(path, "rb", opener=without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable(tr("The notebook is no ordinary file."))
            if status.st_size > MAX_BYTES:
                raise Unreadable(
                    tr(
                        "The notebook is {size} large; {most} is the most. Clear its outputs and save it again.",
                        size=size(status.st_size),
                        most=size(MAX_BYTES),
                    )
                )
            return contents(file)
    except IsADirectoryError:
        raise Unreadable(tr("The notebook is a folder, not a file.")) from None
    except FileNotFoundError:
        raise Unreadable(tr("The notebook is a link to a file that is not there.")) from None
    except (OSError, ValueError):
        raise Unreadable(tr("The notebook cannot be opened.")) from None


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in: `code`, or anything else, which is taken for text."""

    kind: Literal["code", "markdown"]
    source: str
    id: str
    attachments: dict[str, dict[str, str]] | None

    def as_data(self) -> dict[str, Any]:
        """As a notebook of format 4.5 holds it; nbformat's own way looks through each once more."""
        made: dict[str, Any] = {"id": self.id, "cell_type": self.kind, "metadata": {}, "source": self.source}
        if self.kind == "code":
            made |= {"execution_count": None, "outputs": []}
        if self.attachments is not None:
            made["attachments"] = self.attachments
        return made


def parse(raw: bytes) -> nbformat.NotebookNode:
    """A notebook from the bytes of its file: cells only, in format 4.5, outputs dropped.

    Raises
    ------
    Unreadable
    """
    notebook: nbformat.NotebookNode = nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": "python"}},
            "cells": [cell.as_data() for cell in cells(raw)],
        }
    )
    return notebook


def cells(raw: bytes) -> list[Cell]:
    """The cells in the bytes of a notebook's file: all that is made of them hangs on these alone.

    Raises
    ------
    Unreadable
    """
    content = notebook_json(raw)
    found = _listed(content)
    if len(found) > MAX_CELLS:
        raise Unreadable(
            tr("The notebook has {n} cells; {most} is the most.", n=grouped(len(found)), most=grouped(MAX_CELLS))
        )
    seen: set[str] = set()
    read = [_cell(cell, number, seen) for number, cell in enumerate(found, 1)]
    if not any(cell.kind == "code" and cell.source.strip() for cell in read):
        raise Unreadable(
            tr("The notebook has no code cells. Make cells of code of those with your answers: in Jupyter, Esc and Y.")
        )
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
    if type(name) is not str or not _ID.fullmatch(name) or name in seen:
        name = f"cell-{number}"
        while name in seen:
            name += "-"
    seen.add(name)
    if kind == "code":
        return Cell("code", source, name, None)
    attachments = cell.get("attachments") if kind == "markdown" else None
    return Cell("markdown", source, name, attachments if _are_attachments(attachments) else None)


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
