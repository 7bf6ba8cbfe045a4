"""One student under several names, whom the teacher joins: `[same]` in `course.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from grader.errors import UsageError
from grader.grades.course_rules import CourseRules
from grader.grades.grades import Grade, Grades
from grader.grades.overrides import who
from grader.grades.rules import Rules, counting
from grader.intake.names import shown
from grader.result_files import COURSE, GRADEBOOK
from grader.text import listed, number, plain


def check_names(rules: CourseRules, students: Iterable[str]) -> None:
    """That whoever is to be joined is there.

    Raises
    ------
    UsageError
        One of the names is in no results.
    """
    known = sorted(set(students))
    for name in chain.from_iterable(rules.same.values()):
        if name in known:
            continue
        try:
            means = f"Do you mean {shown(who(name, known))!r}?"
        except UsageError as error:
            near = error.advice.startswith("Do you mean")
            means = error.advice if near else f"The names are in each exercise's {GRADEBOOK}."
        raise UsageError(f"[same] in {COURSE} names {shown(name)}, whom no results have.", means)


def joined(grades: Grades, rules: CourseRules) -> tuple[dict[str, Grade], list[str]]:
    """The grade of each student of a course in one exercise, and what is to be said of who has several.

    Returns
    -------
    Grades by the student's name in the course; each still has the name that it was given under. And a sentence for
    each student with several.
    """
    whose = rules.whose()
    of_each: dict[str, list[Grade]] = {}
    for grade in grades.grades:
        of_each.setdefault(whose.get(grade.student, grade.student), []).append(grade)
    found, said = {}, list[str]()
    for student, several in of_each.items():
        found[student], why = _counting(several, grades.counts)
        if why:
            told = [f"{shown(one.student)} {_points(one)}" for one in several if _is_any(one)]
            counts = shown(found[student].student)
            said.append(f"{plain(grades.exercise, 40)}: {shown(student)} has {listed(told)}; {why}: {counts}.")
    return found, said


def names_of(student: str, rules: CourseRules) -> tuple[str, ...]:
    """All names of a student of a course, that in the course first."""
    return (student, *(one for one in rules.same.get(student, ()) if one != student))


@dataclass(frozen=True)
class _Attempt:
    """A grade as an attempt is looked at; what lateness takes is taken already."""

    grade: Grade
    number: int

    @property
    def earned(self) -> float | None:
        return self.grade.score

    @property
    def at_stake(self) -> float:
        return self.grade.max_score

    @property
    def late_s(self) -> float:
        return self.grade.late_seconds


def _counting(grades: Sequence[Grade], counts: str) -> tuple[Grade, str]:
    """Which of a student's grades for one exercise counts, and why; without a reason where there is one at most.

    What was given by hand goes before the rest; then it is as with a student's attempts.
    """
    any_ = [one for one in grades if _is_any(one)]
    if len(any_) < 2:
        return (any_ or list(grades))[0], ""
    by_hand = [one for one in any_ if one.override is not None]
    if by_hand:
        newest = max(by_hand, key=lambda one: "" if one.override is None else one.override.when)
        return newest, "what was given by hand counts"
    known = [(_moment(one), one) for one in any_]
    times = sorted({when for when, _ in known if when is not None})
    attempts = [_Attempt(one, -1 if when is None else times.index(when)) for when, one in known]
    if counts == "best":
        return counting(Rules(counts="best"), attempts).grade, "the best counts"
    if len(times) < len(any_):
        why = "which is the newest is not known, and the better one counts"
        return counting(Rules(counts="best"), attempts).grade, why
    in_time = [one for one in attempts if not _too_late(one.grade)]
    return counting(Rules(), in_time or attempts).grade, "the newest counts"


def _is_any(grade: Grade) -> bool:
    return grade.override is not None or grade.status != "missing"


def _moment(grade: Grade) -> datetime | None:
    return datetime.fromisoformat(grade.handed_in) if grade.handed_in else None


def _too_late(grade: Grade) -> bool:
    """Whether lateness took all there was: it came when nothing counted any more."""
    return bool(grade.late_seconds and grade.earned and grade.penalty >= grade.earned)


def _points(grade: Grade) -> str:
    return "no grade yet" if grade.score is None else number(round(grade.score, 2))
