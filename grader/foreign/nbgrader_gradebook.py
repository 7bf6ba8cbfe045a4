"""What an nbgrader course's `gradebook.db` knows beside grades: read only, as text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from grader.text import count, plain

FILE = "gradebook.db"
_SECONDS = 5  # while nbgrader itself writes to it


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
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_SECONDS)


def _moment(said: object) -> datetime | None:
    """A moment as the gradebook has it: in UTC, without saying so."""
    try:
        return datetime.fromisoformat(str(said)).replace(tzinfo=UTC)
    except ValueError:
        return None
