"""From attempts to grades: which of a student's notebooks are graded, and which counts, by the teacher's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from grader.exercise import Exercise
from grader.grades.grades import Grade, Grades, Override
from grader.grades.results import Results
from grader.grades.rules import Outcome, Rules, counting
from grader.grades.store import Attempts, Kept, distinct
from grader.grading import Options
from grader.intake.collect import Attempt, HandedIn
from grader.intake.times import Times
from grader.report import Report
from grader.submission import Submission
from grader.text import count, listed, plain
from grader.workers.schedule import Todo, sort_out

FILES = "files"


@dataclass(frozen=True)
class Counted(Outcome):
    """The attempt of a student that counts.

    Attributes
    ----------
    of
        How many attempts there are.
    handed_in
        When, if anybody knows.
    place
        Where its notebook lies.
    report
        What was found; None where it is not graded yet.
    """

    of: int = 1
    handed_in: datetime | None = None
    place: str = ""
    report: Report | None = None


@dataclass(frozen=True)
class Settings:
    """What a batch is graded with: `data` and `device` are the form of the data sets and the kind of device."""

    exercise: Exercise
    options: Options
    data: str
    device: str
    fresh: bool


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
        self.sheet = Times(beside / Path(rules.times).expanduser()) if rules.times and not self.believes_files else None

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


@dataclass
class Newest:
    """One notebook of each student is graded, and counts: the newest, or the newest that is not too late."""

    rules: Rules
    handed_in: HandedIn
    results: Results
    counted: dict[str, Counted] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list)

    def sort_out(
        self, attempts: Mapping[str, tuple[Attempt, ...]], given: Settings
    ) -> tuple[dict[str, Report], list[Todo]]:
        """What is there already, and what is to be graded."""
        for student, known in attempts.items():
            several = self.handed_in.hand_ins.get(student, len(known))
            begin = several - len(known)
            found = [
                Counted(
                    begin + n,
                    None,
                    given.exercise.max_score,
                    self.rules.lateness(student, one.handed_in),
                    several,
                    one.handed_in,
                    one.submission.place,
                )
                for n, one in enumerate(known, 1)
            ]
            chosen = counting(self.rules, found)
            self.counted[student] = chosen
            self.submissions.append(known[chosen.number - begin - 1].submission)
        return sort_out(
            self.submissions, given.exercise, given.options, self.results, given.data, given.device, given.fresh
        )

    def count(self, reports: Mapping[str, Report]) -> dict[str, Report]:
        """The reports that count, of those that were made or found."""
        for student, one in self.counted.items():
            self.counted[student] = replace(one, report=reports.get(student))
        return dict(reports)

    def stopped(self) -> dict[str, Report]:
        """The same, where the batch was stopped."""
        return self.count(self.results.all(self.counted))


@dataclass
class Best:
    """Every notebook of each student is graded, and the best counts, of those that were handed in before, too.

    Attributes
    ----------
    when
        When that was handed in which the students' own folders show, by student.
    """

    rules: Rules
    results: Results
    when: Mapping[str, datetime | None]
    counted: dict[str, Counted] = field(default_factory=dict)
    _kept: dict[str, list[tuple[Kept, str | None]]] = field(default_factory=dict)
    _given: Settings | None = None

    def sort_out(
        self, attempts: Mapping[str, tuple[Attempt, ...]], given: Settings
    ) -> tuple[dict[str, Report], list[Todo]]:
        """What is there already, by student and attempt, and what is to be graded."""
        self._given = given
        keeper, there, todo = Attempts(self.results), dict[str, Report](), list[Todo]()
        for student, found in attempts.items():
            known, keys = distinct(found, [self._key(one.submission, given) for one in found])
            kept = keeper.plan(student, known, keys, self.when.get(student))
            of_attempt = dict(zip((id(one) for one in known), keys, strict=True))
            self._kept[student] = [(one, of_attempt.get(id(one.attempt))) for one in kept]
            for one, key in self._kept[student]:
                if one.attempt is None or key is None:
                    continue
                report = None if given.fresh else self.results.have(one.attempt.submission, key, one.number)
                if report is None:
                    todo.append(Todo(one.attempt.submission, key, one.number))
                else:
                    there[f"{student}/{one.number}"] = report
        return there, todo

    def _key(self, submission: Submission, given: Settings) -> str:
        return self.results.key(submission, given.exercise, given.options, given.device, given.data)

    def count(self, _: Mapping[str, Report]) -> dict[str, Report]:
        """The reports that count; each is put into its student's own folder."""
        reports: dict[str, Report] = {}
        for student, kept in self._kept.items():
            found = [one for one in (self._outcome(student, *pair) for pair in kept) if one is not None]
            chosen = replace(counting(self.rules, found), of=len(found))
            self.counted[student] = chosen
            if chosen.report is not None:
                self.results.copy(student, chosen.number, 0)
                reports[student] = chosen.report
        return reports

    def stopped(self) -> dict[str, Report]:
        """The same, where the batch was stopped."""
        return self.count({})

    def _outcome(self, student: str, kept: Kept, key: str | None) -> Counted | None:
        """What came of an attempt; None where its notebook is gone, and what is left of it is of no use."""
        assert self._given is not None, "it is sorted out before it is counted"
        of = self._given.exercise.max_score
        report = self.results.read(student, key, kept.number)
        if kept.attempt is None and (report is None or not self._fits(report)):
            return None
        earned = None if report is None or report.status == "ungraded" else report.score
        place = report.submission if kept.attempt is None and report is not None else ""
        if kept.attempt is not None:
            place = kept.attempt.submission.place
        late = self.rules.lateness(student, kept.handed_in)
        return Counted(kept.number, earned, of, late, 1, kept.handed_in, place, report)

    def _fits(self, report: Report) -> bool:
        """Whether a result that cannot be made again is still worth something beside the others."""
        assert self._given is not None, "it is sorted out before it is counted"
        of = self._given.exercise
        same_data = not report.data.sets or report.data.name == self._given.data
        return (report.exercise, report.max_score) == (of.id, of.max_score) and same_data


Counting = Newest | Best


# ---------------------------------------------------------------------- grades


def grades_of(
    exercise: Exercise,
    statuses: Mapping[str, str],
    reports: Mapping[str, Report],
    counted: Mapping[str, Counted],
    rules: Rules | None,
    overrides: Mapping[str, Override],
    numbers: Mapping[str, str],
) -> Grades:
    """Every student's grade, from what was found, the rules and what the teacher gave by hand.

    Parameters
    ----------
    statuses
        Of every student, in the order of the gradebook.
    numbers
        The platform's numbers of students.
    """
    grades = [
        _grade(student, status, exercise.max_score, reports.get(student), counted.get(student), rules or Rules())
        for student, status in statuses.items()
    ]
    title = next((report.title for report in reports.values()), exercise.description.title.en)
    given = [
        with_override(one, overrides.get(one.student)).model_copy(update={"number": numbers.get(one.student, "")})
        for one in grades
    ]
    return Grades(
        exercise=exercise.id,
        title=title,
        max_score=exercise.max_score,
        rules="" if rules is None else rules.told(),
        grades=given,
    )


def _grade(student: str, status: str, of: float, report: Report | None, counted: Counted | None, rules: Rules) -> Grade:
    grade = Grade.model_validate({"student": student, "status": status, "max_score": of})
    if counted is not None:
        grade.attempt, grade.attempts, grade.place = counted.number, counted.of, plain(counted.place, 400)
        grade.handed_in = None if counted.handed_in is None else counted.handed_in.isoformat(timespec="seconds")
        grade.late_seconds = counted.late_s
    if report is not None and report.status != "ungraded":
        grade.max_score, grade.earned = report.max_score, report.score
        grade.penalty = rules.penalty(report.score, grade.late_seconds)
        grade.score = _left(grade)
    return grade


def _left(grade: Grade) -> float | None:
    """What is left of the points earned; nothing is rounded where nothing was taken."""
    if grade.earned is None or not grade.penalty:
        return grade.earned
    return round(grade.earned - grade.penalty, 6)


def with_override(grade: Grade, override: Override | None) -> Grade:
    """The grade with what the teacher gave by hand in place of its score; or, with None, without."""
    score = _left(grade) if override is None else override.score
    return grade.model_copy(update={"override": override, "score": score})


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
