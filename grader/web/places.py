"""Which page of the results an address names. Only pages that the grader writes are any; students' files are none."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.errors import UsageError
from grader.result_files import COURSE_PAGES, FEEDBACK, GRADES, INDEX, PAIRS, PARTS, REPORT, STAFF
from grader.text import plain

Kind = Literal["index", "page", "staff"]

_NUMBERED = re.compile(r"[0-9]{1,7}\.html")
_RECENT = 600.0  # seconds in which a batch that is at work writes at least one report, usually


@dataclass(frozen=True)
class Place:
    """A page.

    Attributes
    ----------
    file
        The file that it is.
    results
        The results folder that it belongs to: of a class, or of the course.
    student
        Name of the student's folder, where it is a student's.
    exercise
        Name of the exercise's folder, where it is within a course.
    """

    kind: Kind
    file: Path
    results: Path
    student: str = ""
    exercise: str = ""


def check(results: Path) -> None:
    """See that there are results, of a class or a course, if only of a batch that has begun.

    Raises
    ------
    UsageError
        There are none.
    """
    if not (_is_class(results) or is_course(results)):
        raise UsageError(f"{plain(str(results))} holds no results.", "Name the folder that `grade batch -o` writes to.")


def is_course(results: Path) -> bool:
    """Whether the results are of a course: a folder for each exercise."""
    return not _is_class(results) and any(_is_class(one) for one in results.glob("*/"))


def find(results: Path, address: str) -> Place | None:
    """The page of an address within the results, as ``students/Ada/staff.html``; None where it names none."""
    parts = address.split("/")
    if parts[-1] == "":
        parts[-1] = INDEX
    if any(not _is_name(part) for part in parts):
        return None
    exercise = ""
    folder = results
    if len(parts) > 1 and is_course(results) and _is_class(results / parts[0]):
        exercise, *parts = parts
        folder = results / exercise
    kind = _kind(parts)
    if kind is None or (folder / Path(*parts[:-1])).resolve() != results.resolve() / exercise / Path(*parts[:-1]):
        return None  # a link leads out, or elsewhere within
    file = folder / Path(*parts)
    if file.is_symlink():
        return None
    return Place(kind, file, folder, parts[1] if parts[0] == "students" else "", exercise)


def _kind(parts: Sequence[str]) -> Kind | None:
    match parts:
        case [name] if name == INDEX:
            return "index"
        case [folder, name] if folder in (PARTS, PAIRS) and _NUMBERED.fullmatch(name):
            return "page"
        case [folder, name] if folder == COURSE_PAGES and name.endswith(".html"):
            return "page"
        case ["students", _, name] if name == FEEDBACK:
            return "page"
        case ["students", _, name] if name == STAFF:
            return "staff"
    return None


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and not any(c in part for c in "\\\0:") and len(part) <= 255


def _is_class(folder: Path) -> bool:
    return not folder.is_symlink() and ((folder / GRADES).is_file() or (folder / "students").is_dir())


@dataclass(frozen=True)
class Far:
    """How far a batch is: results that there are, and whether some are newer than the class's page."""

    found: int
    newer: bool


def far(results: Path) -> Far:
    """How far the batch of a class is, by the files that it has written."""
    times = list[float]()
    for report in (results / "students").glob(f"*/{REPORT}"):
        try:
            times.append(report.lstat().st_mtime)
        except OSError:  # it is being replaced
            continue
    try:
        written = (results / INDEX).stat().st_mtime
    except OSError:
        written = 0.0
    newest = max(times, default=0.0)
    return Far(len(times), newest > written and time.time() - newest < _RECENT)
