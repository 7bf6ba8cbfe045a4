"""`.grade/` beside a notebook: the report and its page, the notebook as it ran and its files."""

from __future__ import annotations

from pathlib import Path

from grader.grading import Graded
from grader.result_files import FILES, NOTEBOOK, PAGE, REPORT, notebook_text, write_files
from grader.writing import write_whole


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
