"""What an nbgrader course's `gradebook.db` knows beside grades: read only, as text.

The file may come from anywhere: what it holds is taken for names and texts, and a query of it ends in time.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from grader.errors import UsageError
from grader.text import count, plain

FILE = "gradebook.db"
_SECONDS = 5  # while nbgrader itself writes to it, and for a query: a view may be written so that it never ends
_STEPS = 10_000  # of SQLite's machine, after which it looks at the clock
_LENGTH = 1_000_000  # of any text in it, in bytes
_MOST = 20_000  # students


@dataclass(frozen=True)
class Student:
    """Somebody in the class list; what nobody filled in is empty.

    Attributes
    ----------
    id
        As the folder in `submitted/` is called.
    lms
        The number on the learning platform.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms: str = ""


def students(course: Path) -> tuple[Student, ...]:
    """The class list of a course, in the order of ids; nobody where there is no gradebook.

    Raises
    ------
    UsageError
        The gradebook cannot be read.
    """
    path = course / FILE
    if not path.is_file():
        return ()
    try:
        with closing(_opened(path)) as book:
            # Gradebooks of old versions have no number of the learning platform.
            there = {str(row[1]) for row in book.execute("pragma table_info(student)")}
            wanted = [one if one in there else "null" for one in _COLUMNS]
            rows = book.execute(f"select {', '.join(wanted)} from student order by id limit {_MOST}").fetchall()
    except sqlite3.Error as error:
        raise UsageError(
            f"{FILE} cannot be read ({plain(str(error), 200)}): no class list is taken from it.",
            "Open it with nbgrader, or leave it out; the exercises are there.",
        ) from None
    people = (Student(*(plain(one, 200).strip() if isinstance(one, str) else "" for one in row)) for row in rows)
    return tuple(one for one in people if one.id)


_COLUMNS = ("id", "first_name", "last_name", "email", "lms_user_id")


def told(course: Path, assignment: str) -> list[str]:
    """What the teacher may want to take along of an assignment: its deadline, and whose work was graded by hand."""
    path = course / FILE
    if not path.is_file():
        return []
    try:
        with closing(_opened(path)) as book:
            due = book.execute("select duedate from assignment where name = ?", (assignment,)).fetchone()
            by_hand = book.execute(_BY_HAND, (assignment,)).fetchone()
    except sqlite3.Error as error:
        return [f"{FILE} cannot be read ({plain(str(error), 200)}): no deadline is taken from it."]
    said = []
    if due and (moment := _moment(due[0])) is not None:
        said.append(
            f"It was due at {moment:%Y-%m-%d %H:%M} UTC: your rules keep that with `deadline = {moment:%FT%TZ}`."
        )
    if by_hand and by_hand[0]:
        said.append(
            f"{FILE} has points that somebody gave by hand, for {count(by_hand[0], 'submission')}: they stay there, "
            "and `nbgrader export` writes them."
        )
    return said


_BY_HAND = """
select count(distinct submitted_notebook.assignment_id)
from grade
join submitted_notebook on grade.notebook_id = submitted_notebook.id
join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
join assignment on submitted_assignment.assignment_id = assignment.id
where grade.manual_score is not null and assignment.name = ?
"""


def _opened(path: Path) -> sqlite3.Connection:
    book = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_SECONDS)
    book.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LENGTH)
    end = time.monotonic() + _SECONDS
    book.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    return book


def _moment(said: object) -> datetime | None:
    """A moment as the gradebook has it: in UTC, without saying so."""
    try:
        return datetime.fromisoformat(str(said)).replace(tzinfo=UTC)
    except ValueError:
        return None
