"""Keeping what was found: the report and its page, the executed notebook and its files, in `.grade/` beside it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import nbformat

from grader.grading import Graded
from grader.workspace import remove

PAGE = "report.html"


def keep(graded: Graded, notebook: Path) -> Path | None:
    """Write the report and its page, `executed.ipynb` and `files/`; the folder, or None where none can be written."""
    from grader.render.html.page import student_page  # what it needs takes time to import

    report = graded.report
    beside = notebook.absolute().parent
    name = notebook.stem if notebook.stem.strip(".") else "notebook"  # `...ipynb` would lead out again
    folder = beside / ".grade" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() != beside.resolve() / ".grade" / name:  # a link of the submission's
            return None
        write_whole(folder / "report.json", report.model_dump_json(indent=2) + "\n")
        if graded.notebook is not None:
            write_whole(folder / "executed.ipynb", nbformat.writes(graded.notebook, ensure_ascii=True))
        keep_files(folder / "files", graded)
        # Whoever has the teacher's own checks is no student.
        staff = any(check.hidden for check in report.checks)
        write_whole(folder / PAGE, student_page(report, graded.notebook, staff=staff))
    except OSError:
        return None
    return folder


def keep_files(folder: Path, graded: Graded) -> None:
    """Write the files that are to be kept, in the place of earlier ones; no folder where there are none."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        remove(folder)
    if graded.files:
        folder.mkdir()
    for name, content in graded.files.items():
        write_whole(folder / name, content)


def write_out(path: Path, content: str | bytes) -> None:
    """Write where a person asked for: a file whole or not at all, and into whatever is no ordinary file (`/dev/null`,
    a pipe), which is never replaced by one.

    Raises
    ------
    OSError
        It cannot be written there.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
    else:
        write_whole(path, content)


def write_whole(path: Path, content: str | bytes, sync: bool = True) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile.

    Without `sync` a power cut may leave an empty one: for what is easily made again.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(draft, 0o644)  # noqa: PTH101 - mkstemp gives 0600
        os.replace(draft, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise
