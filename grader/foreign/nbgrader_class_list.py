"""Who is in an nbgrader course, kept beside its exercises as `students.csv`."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.foreign.nbgrader_gradebook import Student, students
from grader.foreign.writing import content_of, newer, put
from grader.spreadsheet import csv_text, safe
from grader.text import plain

FILE = "students.csv"
_TITLES = ("student", "first_name", "last_name", "email", "lms_user_id")


@dataclass(frozen=True)
class ClassList:
    """A class list that was written.

    Attributes
    ----------
    path
        Where it is wanted, and is unless another list stands there.
    written
        Where it is: `path`, or `students.csv.new` beside it.
    people
        How many are in it.
    """

    path: Path
    written: Path
    people: int


def write_class_list(course: Path, folder: Path, force: bool = False) -> ClassList | None:
    """Write the class list of a course into a folder; None where its gradebook knows nobody.

    Raises
    ------
    UsageError
        The gradebook cannot be read, or the list not be written.
    """
    people = students(course)
    if not people:
        return None
    path, content = folder / FILE, csv_text([_TITLES, *map(_row, people)]).encode("utf-8", "replace")
    written = path
    try:
        there = content_of(path)
        if there is not None and there != content and not force:
            written = newer(path)  # the teacher's own, or of another course
        if there != content:
            put(written, content)
    except OSError as error:
        raise UsageError(
            f"{plain(str(written), 400)} cannot be written: {error.strerror}.", "Check your access to it."
        ) from None
    return ClassList(path, written, len(people))


def _row(one: Student) -> list[str]:
    return [safe(text) for text in astuple(one)]
