"""Reading what was handed in: a notebook file, with nothing taken for granted."""

from __future__ import annotations

import json
import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from grader.language import grouped, tr
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
        """The file's bytes.

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
            return file.read(MAX_BYTES + 1)
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
    if not raw.strip():
        raise Unreadable(tr("The notebook's file is empty."))
    if swells(raw, _MAX_PARSED):
        raise Unreadable(tr("The notebook has too many parts to be read. Clear its outputs and save it again."))
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise Unreadable(tr("The file is no notebook: it is not JSON. Save it again in Jupyter.")) from None
    if type(content) is not dict or type(content.get("nbformat")) is not int:
        raise Unreadable(tr("The file is no notebook: it is JSON of another kind."))
    if content["nbformat"] < 4:
        content = _upgraded(content)
    found = content.get("cells")
    if type(found) is not list:
        raise Unreadable(tr("The notebook has no list of cells. Save it again in Jupyter."))
    if len(found) > MAX_CELLS:
        raise Unreadable(
            tr("The notebook has {n} cells; {most} is the most.", n=grouped(len(found)), most=grouped(MAX_CELLS))
        )
    seen: set[str] = set()
    read = [_cell(cell, number, seen) for number, cell in enumerate(found, 1)]
    if not any(cell.kind == "code" and cell.source.strip() for cell in read):
        raise Unreadable(tr("The notebook has no code cells."))
    return read


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """A notebook of an old format as format 4, by nbformat's own converter."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted = nbformat.convert(nbformat.from_dict(content), 4)
            return dict(json.loads(json.dumps(converted)))  # plain dicts again, which is what `_cell` looks for
    except Exception as error:  # the converter takes well-formed input for granted
        raise Unreadable(
            tr(
                "The notebook is in the old format {format} and cannot be converted. "
                "Open it in Jupyter and save it again.",
                format=plain(str(content["nbformat"]), 20),
            )
        ) from error


def _cell(cell: Any, number: int, seen: set[str]) -> Cell:
    kind = cell.get("cell_type") if type(cell) is dict else None
    source = cell.get("source", "") if type(cell) is dict else None
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
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


def _are_attachments(value: Any) -> bool:
    """Whether these are pictures of a cell: name → MIME type → text. Anything else would trip nbformat later."""
    return type(value) is dict and all(
        type(one) is dict and all(type(data) is str for data in one.values()) for one in value.values()
    )
