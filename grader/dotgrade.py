"""`.grade/` beside a notebook: the report and its page, the notebook as it ran and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from grader.formats.files import in_each_format
from grader.report import Report
from grader.result_files import FILES, NOTEBOOK, PAGE, REPORT, notebook_text, write_files
from grader.small_files import contents
from grader.text import swells
from grader.writing import write_whole

if TYPE_CHECKING:
    from grader.grading import Graded

_MOST_REPORT = 20_000_000  # a report is some kilobytes


@dataclass(frozen=True)
class Kept:
    """What a notebook was graded as last; whether it was changed since."""

    report: Report
    changed: bool


def keep(graded: Graded, notebook: Path) -> Path | None:
    """Write the report and its page, `executed.ipynb` and `files/`; the folder, or None where none can be written."""
    from grader.render.html.page import student_page  # what it needs takes time to import

    report = graded.report
    folder = _folder(notebook)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if _leads_elsewhere(folder):
            return None
        write_whole(folder / REPORT, report.model_dump_json(indent=2) + "\n")
        if graded.notebook is not None:
            write_whole(folder / NOTEBOOK, notebook_text(graded.notebook))
        write_files(folder / FILES, graded.files)
        # Whoever has the teacher's own checks is no student.
        staff = any(check.hidden for check in report.checks)
        write_whole(folder / PAGE, student_page(report, graded.notebook, staff=staff))
    except OSError:
        return None
    return folder


def latest(notebook: Path) -> Kept | None:
    """What :func:`keep` last kept of a notebook, in whichever format that is; None where there is no report."""
    path = _folder(notebook) / REPORT
    try:
        if _leads_elsewhere(path.parent):
            return None
        text = contents(path, _MOST_REPORT)
        if swells(text, 10 * _MOST_REPORT):
            return None
        graded = path.stat().st_mtime
        changed = any(one.stat().st_mtime > graded for one in in_each_format(notebook)[:1])
        return Kept(Report.model_validate_json(text), changed)
    except (OSError, ValueError, RecursionError, ValidationError):
        return None


def _folder(notebook: Path) -> Path:
    name = notebook.stem if notebook.stem.strip(".") else "notebook"  # `...ipynb` would lead out again
    return notebook.absolute().parent / ".grade" / name


def _leads_elsewhere(folder: Path) -> bool:
    """Whether a link of the submission's stands in its place."""
    return folder.resolve() != folder.parent.parent.resolve() / ".grade" / folder.name
