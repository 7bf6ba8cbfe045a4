"""What the files of results are called, of one notebook and of a class."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

from grader.scratch import remove
from grader.writing import write_whole

# Of one notebook: the report, the notebook as it ran, the files of its own that are kept.
REPORT, NOTEBOOK, FILES = "report.json", "executed.ipynb", "files"
# The report as a page: a student's own; a class's students' and their teacher's.
PAGE, FEEDBACK, STAFF = "report.html", "feedback.html", "staff.html"
# In a class's folder of a student: what the result hangs on; which attempt it is.
KEY, ATTEMPT = "key.json", "attempt.json"
# Of a class.
GRADES, OVERRIDES, RULES, GROUPS = "grades.json", "overrides.json", "rules.toml", "groups.csv"
COMMENTS = "comments.json"
GRADEBOOK, SUMMARY, INDEX, PARTS = "gradebook.csv", "summary.json", "index.html", "class"
SIMILAR, PAIRS, FINGERPRINTS = "similar.json", "similar", ".similar.npz"
# Of a course: what its grade hangs on, its gradebook; below it a folder of results for each exercise.
COURSE, COURSE_JSON, COURSE_CSV, COURSE_PAGES = "course.toml", "course.json", "course.csv", "people"


# What nbformat writes a line an entry, beside text.
_IN_LINES = ("application/javascript", "image/svg+xml")


def notebook_text(notebook: Mapping[str, Any]) -> str:
    """A notebook of the grader's own as its file holds it: to the letter what `nbformat.writes` makes of it.

    That takes ten times as long, since it copies the notebook and looks it through once more.
    """
    written: list[str] = []
    _write(dict(notebook, cells=[_in_lines(cell) for cell in notebook["cells"]]), "\n", written.append)
    return "".join(written)


def _in_lines(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell whose texts are lists of lines."""
    changed = dict(cell, source=cell["source"].splitlines(True))
    if "attachments" in cell:
        changed["attachments"] = {name: _data(one) for name, one in cell["attachments"].items()}
    if cell["cell_type"] == "code":
        changed["outputs"] = [
            dict(one, text=one["text"].splitlines(True))
            if one["output_type"] == "stream"
            else dict(one, data=_data(one["data"]))
            if "data" in one
            else one
            for one in cell["outputs"]
        ]
    return changed


def _data(data: Mapping[str, str]) -> dict[str, Any]:
    return {
        kind: text.splitlines(True) if kind.startswith("text/") or kind in _IN_LINES else text
        for kind, text in data.items()
    }


def _write(value: Any, newline: str, add: Callable[[str], None]) -> None:
    """As `json.dumps` with an indent of one, which asks a generator for each piece."""
    kind = type(value)
    if kind is str:
        add(encode_basestring_ascii(value))
    elif isinstance(value, Mapping) and value:
        inner, before = f"{newline} ", "{"
        for key in sorted(value):
            add(f"{before}{inner}{encode_basestring_ascii(key)}: ")
            _write(value[key], inner, add)
            before = ","
        add(f"{newline}}}")
    elif kind in (list, tuple) and value:
        inner, before = f"{newline} ", "["
        for one in value:
            add(before + inner)
            _write(one, inner, add)
            before = ","
        add(f"{newline}]")
    else:
        add(json.dumps(value))


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
