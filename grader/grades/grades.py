"""What goes to the learning platform: a grade a student, from the reports, the teacher's rules and overrides.

::

    results/grades.json    every student's grade, those of missing and pending ones among them

Whatever shows or exports grades (the gradebook, the pages, the platforms' formats) reads them from here, so that they
are the same everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from grader.errors import UsageError
from grader.pass_mark import USUAL, Verdict, verdict
from grader.record import Record
from grader.result_files import GRADES
from grader.text import plain
from grader.writing import write_whole

Status = Literal["passed", "failed", "ungraded", "missing", "pending"]


class Override(Record):
    """A grade that the teacher gave by hand: kept when the class is graded again, and shown with its reason."""

    student: str
    score: float
    reason: str
    by: str = ""
    when: str = ""


class RubricItem(Record):
    """Words and points that may be said of several students."""

    text: str
    points: float = 0.0


class Comment(Record):
    """What the teacher says of a student's work: kept when the class is graded again, and shown to the student.

    Attributes
    ----------
    check
        Of which check; empty for the whole work.
    points
        What it adds to the points.
    item
        The rubric item that it is an instance of.
    until, until_by
        When it was taken back, and by whom.
    """

    id: int
    student: str
    check: str = ""
    text: str
    points: float = 0.0
    item: str = ""
    by: str = ""
    when: str = ""
    until: str = ""
    until_by: str = ""


class Grade(Record):
    """A student's grade.

    Attributes
    ----------
    score
        What goes to the platform: `earned`, less `penalty`, with `adjustment`, or what an override says. None where
        there is no grade yet, which is no zero: ungraded, missing, pending.
    earned
        What the report says.
    penalty
        Points taken because it was late.
    attempt, attempts
        Which of the student's attempts counts, and how many there are; both 0 where nothing was handed in.
    handed_in
        When the attempt was handed in, ISO 8601; None where that is not known.
    late_seconds
        How long after the deadline; 0 where it was in time, or there is none.
    place
        Where the counting notebook lies.
    adjustment
        Points that comments add, or take.
    number
        The platform's number of the student, where it gives one: Moodle's participant, Canvas's user.
    pass_mark
        From which share of the points possible on it is passed.
    waiting
        Checks that a person has still to judge; none where there is an override.
    """

    student: str
    status: Status
    score: float | None = None
    max_score: float
    earned: float | None = None
    penalty: float = 0.0
    attempt: int = 0
    attempts: int = 0
    handed_in: str | None = None
    late_seconds: float = 0.0
    place: str = ""
    number: str = ""
    override: Override | None = None
    pass_mark: float = USUAL
    adjustment: float = 0.0
    comments: list[Comment] = Field(default_factory=list)
    waiting: list[str] = Field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """What the points come to, after all that was taken and given."""
        if self.waiting and self.status != "ungraded":
            return "pending"
        return verdict(self.status, self.score, self.max_score, self.pass_mark)


class Grades(Record):
    """The class: an exercise, and a grade a student, sorted by student; `rules` tells the teacher's, in a sentence.

    Attributes
    ----------
    pass_mark
        What the class's rules or the exercise say; None where neither does, so that the course's holds. Which one
        does is in each grade.
    counts
        Which of a student's attempts, by the class's rules.
    """

    schema_version: Literal[1] = 1
    exercise: str
    title: str
    max_score: float
    rules: str = ""
    pass_mark: float | None = None
    counts: Literal["best", "last"] = "last"
    grades: list[Grade] = Field(default_factory=list)

    def with_reports(self) -> list[str]:
        """The students whose notebooks there is a report of."""
        return [one.student for one in self.grades if one.status not in ("missing", "pending")]


def load_grades(results: Path) -> Grades:
    """What `grades.json` of a results folder says.

    Raises
    ------
    UsageError
        It is not there, or is not what the grader wrote.
    """
    path = results / GRADES
    again = "Run the `grade batch` that made these results again: what is graded already is not graded again."
    try:
        return _with_mark(Grades.model_validate_json(path.read_bytes()))
    except FileNotFoundError:
        raise UsageError(f"There is no {GRADES} in {plain(str(results))}.", again) from None
    except OSError as error:
        raise UsageError(
            f"{plain(str(path))} cannot be read: {error.strerror or error}.", "Check your access to it."
        ) from None
    except ValidationError:
        raise UsageError(f"{plain(str(path))} is damaged.", again) from None


def _with_mark(grades: Grades) -> Grades:
    """Results from before the class's own mark was kept tell it by their grades, unless it is the usual one."""
    if "pass_mark" not in grades.model_fields_set and grades.grades and grades.grades[0].pass_mark != USUAL:
        grades.pass_mark = grades.grades[0].pass_mark
    return grades


def write_grades(results: Path, grades: Grades) -> Path:
    """Write `grades.json` into the results folder, whole or not at all; its path."""
    write_whole(results / GRADES, grades.model_dump_json(indent=2) + "\n")
    return results / GRADES
