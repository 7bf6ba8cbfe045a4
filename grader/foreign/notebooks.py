"""What the readers of other graders' notebooks have in common."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import warnings
from pathlib import Path

import nbformat

from grader.code_language import language
from grader.errors import UsageError
from grader.reading import MAX_KEPT, Unreadable, notebook_json
from grader.small_files import contents
from grader.text import plain


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook as nbformat has it, of whichever version; ids of cells that it does not have are not made up."""
    try:
        raw = contents(path, MAX_KEPT)
        content = notebook_json(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(raw.decode("utf-8-sig"), as_version=4)
    except Unreadable as error:
        raise UsageError(f"{plain(str(path))}: {error}", "") from None
    except OSError as error:
        raise UsageError(f"{plain(str(path))} cannot be read: {error.strerror}.", "Check your access to it.") from None
    except (nbformat.ValidationError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UsageError(
            f"{plain(str(path))} is no notebook: {plain(str(error), 200)}.", "Save it again in Jupyter."
        ) from None
    own = content.get("cells")
    for number, cell in enumerate(notebook.cells):
        had = own[number].get("id") if isinstance(own, list) and number < len(own) else None
        if had is None:
            cell.pop("id", None)
    if strange := language(content, [cell.source for cell in notebook.cells if cell.cell_type == "code"]):
        raise UsageError(f"{plain(path.name)} is written in {strange}.", "Notebooks in Python can be graded here.")
    return notebook


_LONGEST_ID = 40


def exercise_id(name: str) -> str:
    """What an exercise is called that is made of something of this name: its words, as many as there is room for."""
    plainer = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    whole = "-".join(re.findall(r"\w+", plainer))
    if len(whole) <= _LONGEST_ID:
        return whole
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:3]  # of two that begin alike
    return f"{whole[: _LONGEST_ID - 3].rpartition('-')[0] or whole[: _LONGEST_ID - 4]}-{mark}"


def without_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook, with nothing of what its cells said when they last ran."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def heading_in(source: str) -> str:
    """The last heading in a cell of text."""
    found = re.findall(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", source, re.MULTILINE)
    return plain(found[-1], 200) if found else ""


def title_of(notebook: nbformat.NotebookNode) -> str:
    """The first heading of the notebook."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = (re.search(r"^#[ \t]+(.+?)[ \t#]*$", text, re.MULTILINE) for text in texts)
    return next((plain(one[1], 200) for one in found if one), "")
