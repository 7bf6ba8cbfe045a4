"""What goes to the learning platform: a grade a student, from the reports, the teacher's rules and overrides.

::

    results/grades.json    every student's grade, those of missing and pending ones among them

Whatever shows or exports grades (the gradebook, the pages, the platforms' formats) reads them from here, so that they
are the same everywhere.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from grader.figures import Record

GRADES = "grades.json"

Status = Literal["passed", "failed", "ungraded", "missing", "pending"]


class Override(Record):
    """A grade that the teacher gave by hand: kept when the class is graded again, and shown with its reason."""

    student: str
    score: float
    reason: str
    by: str = ""
    when: str = ""


class Grade(Record):
    """A student's grade.

    Attributes
    ----------
    score
        What goes to the platform: `earned`, less `penalty`, or what an override says. None where there is no grade
        yet, which is no zero: ungraded, missing, pending.
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
    override: Override | None = None


class Grades(Record):
    """The class: an exercise, and a grade a student, sorted by student."""

    schema_version: Literal[1] = 1
    exercise: str
    title: str
    max_score: float
    grades: list[Grade] = Field(default_factory=list)
