"""What the files of results are called, of one notebook and of a class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.scratch import remove
from grader.writing import write_whole

# Of one notebook: the report, the notebook as it ran, the files of its own that are kept.
REPORT, NOTEBOOK, FILES = "report.json", "executed.ipynb", "files"
# The report as a page: a student's own; a class's students' and their teacher's.
PAGE, FEEDBACK, STAFF = "report.html", "feedback.html", "staff.html"
# In a class's folder of a student: what the result hangs on; which attempt it is.
KEY, ATTEMPT = "key.json", "attempt.json"
# Of a class.
GRADES, OVERRIDES, RULES = "grades.json", "overrides.json", "rules.toml"
GRADEBOOK, SUMMARY, INDEX, PARTS = "gradebook.csv", "summary.json", "index.html", "class"
SIMILAR, PAIRS, FINGERPRINTS = "similar.json", "similar", ".similar.npz"


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files that are to be kept, in the place of earlier ones; no folder where there are none."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        remove(folder)
    if files:
        folder.mkdir()
    for name, content in files.items():
        write_whole(folder / name, content)
