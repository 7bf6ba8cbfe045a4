"""The one seam: from the bytes of a file to the cells of a notebook, whatever its format."""

from __future__ import annotations

from pathlib import Path

from grader.formats import jupyter, marimo, texts
from grader.formats.cell import MAX_TEXT, Cell
from grader.language import grouped, tr
from grader.reading import Unreadable, by_its_beginning, decoded, is_object, no_cells

# Suffixes of files that may be notebooks; of all but the first, what is in them tells.
SUFFIXES = (".ipynb", ".py", ".qmd", ".md", ".markdown", ".rmd")
_OF_TEXT = (*SUFFIXES[2:], ".txt", ".rst")


def cells(raw: bytes, name: str) -> list[Cell]:
    """The cells in the bytes of a notebook's file, in the order in which they run.

    All that is made of them hangs on these alone.

    Parameters
    ----------
    name
        The file's. What is in it tells the format; only of Markdown it is the suffix.

    Raises
    ------
    Unreadable
        It is no notebook, or too large; the sentence says what it is.
    """
    if is_object(raw):
        return jupyter.cells(raw)
    suffix = Path(name).suffix.lower()
    text = decoded(raw).replace("\r\n", "\n").replace("\r", "\n")
    of_marimo = marimo.is_marimo(text)
    kind, _ = (None, False) if of_marimo else texts.kind_of(text, suffix)
    if not of_marimo and kind is None:
        if suffix in (".py", *_OF_TEXT) and text.strip() and not by_its_beginning(raw, text):
            raise no_cells(of_python=suffix == ".py")
        return jupyter.cells(raw)  # which says what it is instead
    if len(text) > MAX_TEXT:
        raise Unreadable(
            tr(
                "The notebook has {n} characters; {most} is the most. Take data out of it, and save it again.",
                n=grouped(len(text)),
                most=grouped(MAX_TEXT),
            )
        )
    # A lone surrogate can be in a text, and in nothing that would be sent to the kernel.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return marimo.cells(text) if kind is None else texts.cells(text, kind)


def as_written(raw: bytes, name: str) -> list[Cell]:
    """The cells as their author wrote them, in the order of the file.

    Raises
    ------
    Unreadable
    """
    text = decoded(raw).replace("\r\n", "\n").replace("\r", "\n")
    if is_object(raw) or not marimo.is_marimo(text):
        return cells(raw, name)
    return marimo.as_cells(marimo.written(text))


def is_notebook(raw: bytes, name: str, meant: bool = True) -> bool:
    """Whether a file is a notebook, told from how it begins.

    A script or a text is one only where it has cells: others are helper modules and notes.

    Parameters
    ----------
    meant
        Whether somebody means this file: else Markdown with examples of code in it is none.
    """
    suffix = Path(name).suffix.lower()
    if suffix == SUFFIXES[0]:
        return True
    if suffix not in SUFFIXES or is_object(raw):
        return False
    text = decoded(raw).replace("\r\n", "\n")
    kind, sure = texts.kind_of(text, suffix)
    return marimo.is_marimo(text) or (kind is not None and (sure or meant))


def instead(raw: bytes, name: str) -> str:
    """A sentence about a file that does not have a notebook's name: what it is, and what to do."""
    try:
        cells(raw, name)
    except Unreadable as unreadable:
        return str(unreadable)
    suffix = Path(name).suffix.lower()
    if is_object(raw) and suffix != SUFFIXES[0]:
        return tr("It is a notebook of Jupyter's under another name. Give it one that ends in .ipynb.")
    if suffix in SUFFIXES:
        return tr("It has cells of code, but not the name of the exercise's notebook. Give it that name.")
    return tr(
        "It is a notebook under another name. Give it one that ends in .ipynb, .py, .qmd or .md, as it was saved."
    )
