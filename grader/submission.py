"""Reading what was handed in: a notebook file, with nothing taken for granted."""

from __future__ import annotations

import json
import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.text import plain, size, swells

MAX_BYTES = 20_000_000
MAX_CELLS = 2_000
MAX_SOURCE = 2_000_000
_MAX_PARSED = 60_000_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Unreadable(Exception):
    """The file is no notebook that can be run; the text is a sentence for its author."""


@dataclass(frozen=True)
class Submission:
    """What a student handed in.

    Attributes
    ----------
    path
        The notebook's file. It is only ever read.
    student
        Whose it is, where that is known.
    """

    path: Path
    student: str | None = None

    def read(self) -> nbformat.NotebookNode:
        """The notebook, without its outputs; every code and markdown cell has an id of its own.

        Raises
        ------
        Unreadable
            It is no file, is too large, is no JSON, or is no notebook.
        """
        return parse(_contents(self.path))


def _contents(path: Path) -> bytes:
    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a FIFO would make us wait for its writer

    try:
        with open(path, "rb", opener=without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("The notebook is no ordinary file.")
            if status.st_size > MAX_BYTES:
                raise Unreadable(
                    f"The notebook is {size(status.st_size)} large; {size(MAX_BYTES)} is the most. "
                    "Clear its outputs and save it again."
                )
            return file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise Unreadable("The notebook is a folder, not a file.") from None
    except FileNotFoundError:
        raise Unreadable("The notebook is a link to a file that is not there.") from None
    except (OSError, ValueError):
        raise Unreadable("The notebook cannot be opened.") from None


def parse(raw: bytes) -> nbformat.NotebookNode:
    """A notebook from the bytes of its file: cells only, in format 4.5, outputs dropped.

    Raises
    ------
    Unreadable
    """
    if not raw.strip():
        raise Unreadable("The notebook's file is empty.")
    if swells(raw, _MAX_PARSED):
        raise Unreadable("The notebook has too many parts to be read. Clear its outputs and save it again.")
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise Unreadable("The file is no notebook: it is not JSON. Save it again in Jupyter.") from None
    if type(content) is not dict or type(content.get("nbformat")) is not int:
        raise Unreadable("The file is no notebook: it is JSON of another kind.")
    if content["nbformat"] < 4:
        content = _upgraded(content)
    cells = content.get("cells")
    if type(cells) is not list:
        raise Unreadable("The notebook has no list of cells. Save it again in Jupyter.")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"The notebook has {len(cells):,} cells; {MAX_CELLS:,} is the most.")
    notebook = new_notebook(metadata={"language_info": {"name": "python"}})
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        notebook.cells.append(_cell(cell, number, seen))
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in notebook.cells):
        raise Unreadable("The notebook has no code cells.")
    return notebook


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """A notebook of an old format as format 4, by nbformat's own converter."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted = nbformat.convert(nbformat.from_dict(content), 4)
            return dict(json.loads(json.dumps(converted)))  # plain dicts again, which is what `_cell` looks for
    except Exception as error:  # the converter takes well-formed input for granted
        raise Unreadable(
            f"The notebook is in the old format {plain(str(content['nbformat']), 20)} and cannot be converted. "
            "Open it in Jupyter and save it again."
        ) from error


def _cell(cell: Any, number: int, seen: set[str]) -> nbformat.NotebookNode:
    kind = cell.get("cell_type") if type(cell) is dict else None
    source = cell.get("source", "") if type(cell) is dict else None
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
    if type(kind) is not str or type(source) is not str:
        raise Unreadable(f"Cell {number} of the notebook is damaged. Save it again in Jupyter.")
    if len(source) > MAX_SOURCE:
        raise Unreadable(f"Cell {number} of the notebook has {len(source):,} characters; {MAX_SOURCE:,} is the most.")
    # A lone surrogate can be in JSON, and in nothing that would be sent to the kernel.
    source = source.encode("utf-8", "replace").decode("utf-8")
    name = cell.get("id")
    if type(name) is not str or not _ID.fullmatch(name) or name in seen:
        name = f"cell-{number}"
        while name in seen:
            name += "-"
    seen.add(name)
    new = new_code_cell if kind == "code" else new_markdown_cell
    made = new(source)
    made["id"] = name
    if kind == "markdown" and _are_attachments(cell.get("attachments")):
        made["attachments"] = cell["attachments"]
    return made


def _are_attachments(value: Any) -> bool:
    """Whether these are pictures of a cell: name → MIME type → text. Anything else would trip nbformat later."""
    return type(value) is dict and all(
        type(one) is dict and all(type(data) is str for data in one.values()) for one in value.values()
    )
