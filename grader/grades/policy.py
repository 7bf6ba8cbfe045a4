"""From attempts to grades: which of a student's notebooks are graded, and which counts, by the teacher's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from grader.exercise import Exercise
from grader.grades.comments import adjustment
from grader.grades.course_rules import CourseRules
from grader.grades.grades import Comment, Grade, Grades, Override
from grader.grades.results import Results
from grader.grades.rules import Rules, counting
from grader.grades.store import Attempts, distinct
from grader.grading import Options
from grader.intake.attempt import Attempt, HandedIn
from grader.intake.times import TimeSheet
from grader.report import Report
from grader.text import count, listed, plain

FILES = "files"


@dataclass(frozen=True)
class Circumstances:
    """What a batch is graded with.

    Attributes
    ----------
    data, device
        The form of the data sets and the kind of device.
    fresh
        Everything is graded again.
    again
        The students who alone are graded, again; everybody's where it is empty.
    """

    exercise: Exercise
    options: Options
    data: str
    device: str
    fresh: bool
    again: frozenset[str] = frozenset()

    def is_left(self, student: str) -> bool:
        """Whether results of a student stay as they are, whatever they hang on."""
        return bool(self.again) and student not in self.again

    def is_fresh(self, student: str) -> bool:
        """Whether a student is graded again, though nothing may have changed."""
        return student in self.again or (self.fresh and not self.again)


class Clock:
    """When attempts were handed in, as far as anything that can be believed tells.

    Parameters
    ----------
    beside
        The folder from which the rules name a sheet of times.

    Raises
    ------
    UsageError
        The sheet cannot be read.
    """

    def __init__(self, rules: Rules, beside: Path) -> None:
        self.believes_files = rules.times == FILES
        self.sheet = (
            TimeSheet(beside / Path(rules.times).expanduser()) if rules.times and not self.believes_files else None
        )

    def told(self, handed_in: HandedIn) -> dict[str, tuple[Attempt, ...]]:
        """The attempts of each student, each with the time that counts, or none."""
        return {
            student: tuple(
                self._told(one, student, handed_in.numbers.get(student, ""), newest=one is attempts[-1])
                for one in attempts
            )
            for student, attempts in handed_in.attempts.items()
        }

    def _told(self, attempt: Attempt, student: str, number: str, newest: bool) -> Attempt:
        if self.sheet is not None:  # it tells of the newest only; those before it came no later
            when = self.sheet.of(student, number) if newest else None
            return replace(attempt, handed_in=when, told=when is not None)
        return attempt if attempt.sure or self.believes_files else replace(attempt, handed_in=None)


@dataclass(frozen=True)
class Plan:
    """Which attempts may count, by student; of those, which results are there already, and what is to be graded."""

    attempts: Mapping[str, Sequence[Attempt]]
    there: Sequence[Attempt]
    todo: Sequence[Attempt]


@dataclass(frozen=True)
class Policy:
    """Which attempts are graded, and which of them counts.

    By most rules one notebook of each student is graded, and counts: the newest, or the newest that is not too late.
    Where the best counts every notebook is graded, and what counts is the best of those and of those from before.
    """

    rules: Rules
    results: Results
    given: Circumstances

    def plan(
        self,
        attempts: Mapping[str, Sequence[Attempt]],
        several: Mapping[str, int],
        shown: Mapping[str, datetime],
        found: Callable[[], object] = lambda: None,
    ) -> Plan:
        """What is there already, and what is to be graded.

        Parameters
        ----------
        attempts
            Of each student, the oldest first.
        several
            How many each student handed in, whether they were looked into or not.
        shown
            When that was handed in which the students' own folders show, as far as that is known.
        found
            Told at once when there is anything to grade.
        """
        if self.rules.counts == "best":
            planned = {student: self._every(student, known, shown.get(student)) for student, known in attempts.items()}
        else:
            planned = {
                student: [self._newest(student, known, several.get(student, len(known)))]
                for student, known in attempts.items()
            }
        there: list[Attempt] = []
        todo: list[Attempt] = []
        for one in (one for of_student in planned.values() for one in of_student if not one.gone):
            if self.given.is_left(one.student):
                report = self.results.read(one.student, None, one.place)
            elif self.given.is_fresh(one.student):
                report = None
            else:
                report = self.results.have(one.submission, one.key, one.place)
            if report is None and not self.given.is_left(one.student):
                if not todo:
                    found()
                todo.append(one)
            elif report is not None:
                there.append(replace(one, report=report.light()))
        return Plan(planned, there, todo)

    def _newest(self, student: str, known: Sequence[Attempt], several: int) -> Attempt:
        """The one that counts, whatever is found in it: of `several`, the last of which are known."""
        numbered = [
            replace(self._late(student, one), number=n, of=several)
            for n, one in enumerate(known, several - len(known) + 1)
        ]
        return self._keyed(counting(self.rules, numbered))

    def _every(self, student: str, known: Sequence[Attempt], shown: datetime | None) -> list[Attempt]:
        """All that there are, those that were kept before among them."""
        kept = Attempts(self.results).plan(student, distinct([self._keyed(one) for one in known]), shown)
        return [self._late(student, one) for one in kept]

    def _keyed(self, one: Attempt) -> Attempt:
        given = self.given
        if given.is_left(one.student) and self.rules.counts != "best":
            return one  # whatever is there
        return replace(
            one, key=self.results.key(one.submission, given.exercise, given.options, given.device, given.data)
        )

    def _late(self, student: str, one: Attempt) -> Attempt:
        late = self.rules.lateness(student, one.handed_in)
        return replace(one, late_s=late, at_stake=self.given.exercise.max_score)

    def count(self, plan: Plan, reports: Mapping[str, Report] | None = None) -> dict[str, Attempt]:
        """The attempt of each student that counts; where the best does, it is put into the student's own folder.

        Parameters
        ----------
        reports
            Those that were made or found, by student; None where the batch was stopped: then what is written counts.
        """
        return {student: self.count_one(student, attempts, reports) for student, attempts in plan.attempts.items()}

    def count_one(
        self, student: str, attempts: Sequence[Attempt], reports: Mapping[str, Report] | None = None
    ) -> Attempt:
        """The attempt of one student that counts, as :meth:`count`."""
        found = [judged for one in attempts if (judged := self._judged(one, reports)) is not None]
        chosen = counting(self.rules, found)
        if chosen.place:
            chosen = replace(chosen, of=len(found))
            if chosen.report is not None:
                self.results.copy(student, chosen.place, 0)
        return chosen

    def _judged(self, one: Attempt, reports: Mapping[str, Report] | None) -> Attempt | None:
        """What came of an attempt; None where its notebook is gone, and what is left of it is of no use."""
        if not one.place:
            report = self.results.read(one.student) if reports is None else reports.get(one.student)
            return replace(one, report=None if report is None else report.light())
        key = None if self.given.is_left(one.student) else one.key or None
        report = self.results.read(one.student, key, one.place)
        if one.gone:
            if report is None or not self._fits(report):
                return None
            one = replace(one, submission=replace(one.submission, place=report.submission))
        return replace(one, report=None if report is None else report.light())

    def _fits(self, report: Report) -> bool:
        """Whether a result that cannot be made again is still worth something beside the others."""
        of = self.given.exercise
        same_data = not report.data.sets or report.data.name == self.given.data
        return (report.exercise, report.max_score) == (of.id, of.max_score) and same_data


# ---------------------------------------------------------------------- grades


def grades_of(
    exercise: Exercise,
    statuses: Mapping[str, str],
    reports: Mapping[str, Report],
    counted: Mapping[str, Attempt],
    rules: Rules | None,
    overrides: Mapping[str, Override],
    numbers: Mapping[str, str],
    course: CourseRules | None = None,
) -> Grades:
    """Every student's grade, from what was found, the rules and what the teacher gave by hand.

    Parameters
    ----------
    statuses
        Of every student, in the order of the gradebook.
    numbers
        The platform's numbers of students.
    course
        The rules of the course that the exercise is one of.
    """
    given = [
        grade_of(
            exercise,
            student,
            status,
            reports.get(student),
            counted.get(student),
            rules,
            overrides.get(student),
            numbers.get(student, ""),
            course,
        )
        for student, status in statuses.items()
    ]
    title = next((report.title for report in reports.values()), exercise.description.title.en)
    return Grades(
        exercise=exercise.id,
        title=title,
        max_score=exercise.max_score,
        rules="" if rules is None else rules.told(),
        pass_mark=_own_mark(exercise, rules),
        counts=(rules or Rules()).counts,
        grades=given,
    )


def grade_of(
    exercise: Exercise,
    student: str,
    status: str,
    report: Report | None,
    counted: Attempt | None,
    rules: Rules | None,
    override: Override | None,
    number: str,
    course: CourseRules | None = None,
) -> Grade:
    """A student's grade: it hangs on nothing that is found of others."""
    grade = _grade(student, status, exercise.max_score, report, counted, rules or Rules())
    pass_mark = (course or CourseRules()).share_to_pass(exercise.id, _own_mark(exercise, rules))
    return with_override(grade, override).model_copy(update={"number": number, "pass_mark": pass_mark})


def _own_mark(exercise: Exercise, rules: Rules | None) -> float | None:
    """The pass mark of the class's rules, or else the exercise's; None where neither says one."""
    if rules is not None and rules.pass_mark is not None:
        return rules.pass_mark
    said = exercise.description
    return said.pass_mark if "pass_mark" in said.model_fields_set else None


def _grade(student: str, status: str, of: float, report: Report | None, counted: Attempt | None, rules: Rules) -> Grade:
    grade = Grade.model_validate({"student": student, "status": status, "max_score": of})
    if counted is not None:
        grade.attempt, grade.attempts, grade.place = counted.number, counted.of, plain(counted.submission.place, 400)
        grade.handed_in = None if counted.handed_in is None else counted.handed_in.isoformat(timespec="seconds")
        grade.late_seconds = counted.late_s
    if report is not None and report.status != "ungraded":
        grade.max_score, grade.earned = report.max_score, report.score
        grade.penalty = rules.penalty(report.score, grade.late_seconds)
        grade.score = _left(grade)
    return grade


def _left(grade: Grade) -> float | None:
    """What is left of the points earned, with what comments add; nothing is rounded where nothing was changed. None
    where a person has still to judge a part.
    """
    if grade.waiting:
        return None
    if grade.earned is None or not (grade.penalty or grade.adjustment):
        return grade.earned
    return max(0.0, round(grade.earned - grade.penalty + grade.adjustment, 6))


def with_comments(grade: Grade, comments: Sequence[Comment], report: Report | None) -> Grade:
    """The grade with what the teacher said of the work, and the points that go with it."""
    of_student = [one for one in comments if one.student == grade.student]
    added = adjustment(report, of_student)
    judged = {one.check for one in of_student}
    waiting = [] if report is None else [name for name in report.waiting if name not in judged]
    changed = grade.model_copy(update={"comments": of_student, "adjustment": added, "waiting": waiting})
    return with_override(changed, grade.override)


def with_override(grade: Grade, override: Override | None) -> Grade:
    """The grade with what the teacher gave by hand in place of its score; or, with None, without."""
    if override is None:
        return grade.model_copy(update={"override": None, "score": _left(grade)})
    return grade.model_copy(update={"override": override, "score": override.score, "waiting": []})


# ---------------------------------------------------------------------- what is to be said of it


def doubts(rules: Rules, attempts: Mapping[str, tuple[Attempt, ...]]) -> list[str]:
    """What the teacher should know of the rules and of when this class handed in; sentences."""
    said: list[str] = []
    strangers = [plain(name, 60) for name in rules.students if name not in attempts]
    if strangers:
        said.append(f"The rules name {listed(strangers[:5])}, who handed nothing in: is the name as in the gradebook?")
    timed = {name: of_one[-1] for name, of_one in attempts.items() if rules.deadline_of(name) is not None}
    unknown = [name for name, one in timed.items() if one.handed_in is None]
    if unknown:
        who = plain(unknown[0], 60) if len(unknown) == 1 else count(len(unknown), "student")
        said.append(
            f"When {who} handed in is not known: the files have no time of their own, or that of being unpacked. "
            "That counts as in time; `times` in the rules can name a sheet that tells."
        )
    late = [plain(name, 60) for name in unknown if timed[name].marked_late]
    if late:
        others = f" and {len(late) - 5:,} others" if len(late) > 5 else ""
        said.append(f"The platform marks as late, without saying how late: {', '.join(late[:5])}{others}.")
    return said
