"""`course.toml`: what a student's grade of the whole course hangs on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from grader.grades.rules import read_rules
from grader.pass_mark import USUAL
from grader.record import Frozen
from grader.result_files import COURSE

Name = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class ExerciseRule(Frozen):
    """How an exercise counts.

    Attributes
    ----------
    weight
        Against the others', whatever their points.
    bonus
        It can only help: it adds to what was reached, not to what is possible.
    pass_mark
        Percent of the points with which the exercise is passed; without one the course's.
    """

    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    bonus: bool = False
    pass_mark: Annotated[Share | None, Field(alias="pass")] = None


class CourseRules(Frozen):
    """What a teacher says of a course.

    Attributes
    ----------
    best
        So many exercises count, each student's best; bonus exercises are not among them. None for all.
    drop
        So many do not count, each student's worst: the other way to say it.
    pass_mark
        Percent with which the course is passed, and each exercise that says nothing else.
    scale
        Grades by the percent from which they are given: `A = 90`.
    same
        By a student's name in the course, other names of the same student in exercises' results.
    """

    title: str = ""
    best: Annotated[int | None, Field(ge=1)] = None
    drop: Annotated[int, Field(ge=0)] = 0
    pass_mark: Annotated[Share, Field(alias="pass")] = 50.0
    scale: dict[str, Share] = Field(default_factory=dict)
    exercises: dict[str, ExerciseRule] = Field(default_factory=dict)
    same: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.best is not None and self.drop:
            raise ValueError("`best` and `drop` are two ways to say the same; keep one")
        return self

    @model_validator(mode="after")
    def _one_student_each(self) -> Self:
        known = dict[str, str]()
        for student, names in self.same.items():
            for name in {student, *names}:
                if known.setdefault(name, student) != student:
                    raise ValueError(
                        f"`same` gives {name!r} to both {known[name]!r} and {student!r}; a name is one's own"
                    )
        return self

    def whose(self) -> dict[str, str]:
        """Names in exercises' results that are not a student's in the course, by that."""
        return {name: student for student, names in self.same.items() for name in names}

    def of(self, exercise: str) -> ExerciseRule:
        """How an exercise counts."""
        return self.exercises.get(exercise, ExerciseRule())

    def share_to_pass(self, exercise: str, own: float | None) -> float:
        """From which share of its points on an exercise is passed: what is said of it alone goes first.

        Parameters
        ----------
        own
            The mark of the class's rules, or else the exercise's; None where neither says one.
        """
        said = self.of(exercise).pass_mark
        if said is not None:
            return said / 100
        if own is not None:
            return own
        return self.pass_mark / 100 if "pass_mark" in self.model_fields_set else USUAL

    def grade(self, percent: float) -> str:
        """The grade for so many percent; empty where there is no scale, or none is reached."""
        reached = [(least, name) for name, least in self.scale.items() if percent >= least - 1e-9]
        return max(reached)[1] if reached else ""


def course_rules(named: Path | None, results: Path) -> CourseRules:
    """The rules in the file that is named, or else in `course.toml` of the results; what is usual without one.

    Raises
    ------
    UsageError
        It cannot be read, is no TOML, or says what is no rule.
    """
    if named is not None:
        return read_rules(named.expanduser(), CourseRules)
    own = results / COURSE
    return read_rules(own, CourseRules) if os.path.lexists(own) else CourseRules()
