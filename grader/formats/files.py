"""Files that may be notebooks: which are, and which are one notebook in several formats."""

from __future__ import annotations

from pathlib import Path

from grader.formats.notebook import SUFFIXES, is_notebook
from grader.small_files import beginning


def is_jupyters(name: str) -> bool:
    """Whether a file has the suffix of Jupyter's notebooks."""
    return name.lower().endswith(SUFFIXES[0])


def may_be_notebook(name: str) -> bool:
    """Whether a file has a suffix that a notebook may have."""
    return name.lower().endswith(SUFFIXES)


def holds_notebook(path: Path, name: str = "", meant: bool = True) -> bool:
    """Whether a file is a notebook: by its name, or by what is in it where helper modules and notes have that suffix.

    Parameters
    ----------
    name
        What it is called, where its path tells something else.
    meant
        Whether somebody means this file, see :func:`~grader.formats.notebook.is_notebook`.
    """
    name = name or path.name
    if is_jupyters(name) or not may_be_notebook(name):
        return is_jupyters(name)
    try:
        return is_notebook(beginning(path), name, meant)
    except (OSError, ValueError):
        return False


def in_each_format(notebook: Path) -> list[Path]:
    """The files that are this notebook in one format or another, the newest first."""
    try:
        entries = sorted(notebook.parent.iterdir())
    except OSError:
        return []
    alike = [path for path in entries if path.stem == notebook.stem and may_be_notebook(path.name)]
    found = [path for path in alike if path.exists() and holds_notebook(path)]
    return sorted(found, key=lambda path: (-path.stat().st_mtime, path.suffix != notebook.suffix))
