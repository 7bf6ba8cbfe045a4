"""Reading what was handed in: a notebook file, with nothing taken for granted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from grader.digests import digest, sources_digest
from grader.formats.cell import Cell
from grader.formats.notebook import cells
from grader.language import tr
from grader.reading import MAX_BYTES, Unreadable, contents
from grader.text import size


@dataclass(frozen=True)
class Gist:
    """What is to be known of a notebook's text without keeping it.

    Attributes
    ----------
    sources
        A digest of what it says, not of what it printed; of one that cannot be read, of the file's bytes.
    code
        A digest of its code; one that cannot be read has none, as one without cells of code.
    flaw
        Why it cannot be read; empty where it can.
    """

    sources: bytes
    code: bytes
    flaw: str = ""


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
            It is no file, is too large, or is no notebook.
        """
        return parse(self.contents(), self.path.name)

    def cells(self) -> list[Cell]:
        """The notebook's cells, in the order in which they run.

        Raises
        ------
        Unreadable
            As for :meth:`read`.
        """
        return cells(self.contents(), self.path.name)

    @cached_property
    def gist(self) -> Gist:
        """What its text comes to, read once: a class is looked through for several reasons."""
        raw = b""  # too large or no file: the sentence, which tells the size, is all that a report would hold
        try:
            raw = self.contents()
            read = cells(raw, self.path.name)
        except Unreadable as unreadable:
            return Gist(digest(b"unreadable", str(unreadable).encode(), raw), digest(b""), str(unreadable))
        return Gist(sources_digest(one.content for one in read), digest(code_of(read).encode()))

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


def parse(raw: bytes, name: str = ".ipynb") -> nbformat.NotebookNode:
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
            "cells": [cell.as_data() for cell in cells(raw, name)],
        }
    )
    return notebook


def code_of(read: Iterable[Cell]) -> str:
    """The code, cell by cell."""
    return "\n\n".join(one.source for one in read if one.kind == "code")
