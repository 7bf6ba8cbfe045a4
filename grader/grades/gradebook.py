"""The class in two files: `gradebook.csv`, a row a student and a column a check, and `summary.json`."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from grader.checks.check import Check
from grader.errors import UsageError
from grader.exercise import Exercise
from grader.grades.grades import Grade, Grades, Override
from grader.grades.rules import duration
from grader.intake.attempt import HandedIn
from grader.pass_mark import WORDS
from grader.record import Record
from grader.report import CheckReport, Report, headline
from grader.result_files import GRADEBOOK, SUMMARY
from grader.spreadsheet import csv_text, safe
from grader.text import listed, number, plain
from grader.writing import write_whole

BINS = 10
_SLOWEST, _MESSAGES = 5, 3

_BEFORE = ("student", "status", "score", "max_score", "percent", "verdict")
_AFTER = ("execution", "cell", "seconds", "data", "submission")
_BY_RULES = (
    "earned",
    "penalty",
    "late",
    "attempt",
    "attempts",
    "handed_in",
    "override",
    "reason",
    "adjustment",
    "comments",
)

# What makes a spreadsheet take a cell for a formula, the full-width forms too; after a semicolon as well, which
# is where Excel splits the line in countries that write decimals with a comma.


# ---------------------------------------------------------------------- gradebook.csv


def write_gradebook(
    results: Path,
    exercise: Exercise,
    reports: Mapping[str, Report],
    handed_in: HandedIn,
    grades: Grades | None = None,
) -> Path:
    """Write `gradebook.csv` into the results folder; its path.

    The first row after the header has the points possible. Of an ungraded, a missing and a pending student
    (one whose turn has not come when the batch was stopped) the points are empty: that is no zero.

    Parameters
    ----------
    grades
        What rules and the teacher made of the reports; without them a report's score is the grade. Where there are
        rules or overrides, columns for them follow the others.
    """
    asked = [(check.name, check.points) for check in exercise.checks]
    return _write(results, asked, grades or _plain_grades(exercise, reports, handed_in), reports)


def rewrite_gradebook(results: Path, reports: Mapping[str, Report], grades: Grades) -> Path:
    """Write `gradebook.csv` again from what lies in the results folder."""
    checks = next((report.checks for report in reports.values()), [])
    return _write(results, [(check.name, check.max_score) for check in checks], grades, reports)


def _plain_grades(exercise: Exercise, reports: Mapping[str, Report], handed_in: HandedIn) -> Grades:
    handed = {str(one.student): one.place for one in handed_in.submissions}
    grades = []
    for student, status in statuses(reports, handed_in).items():
        report = reports.get(student)
        score = None if report is None or report.status == "ungraded" else report.score
        of = exercise.max_score if report is None else report.max_score
        told = {"student": student, "status": status, "score": score, "max_score": of, "place": handed.get(student, "")}
        told["pass_mark"] = exercise.description.pass_mark
        grades.append(Grade.model_validate(told))
    return Grades(exercise=exercise.id, title="", max_score=exercise.max_score, grades=grades)


def _write(results: Path, asked: list[tuple[str, float]], grades: Grades, reports: Mapping[str, Report]) -> Path:
    more = _BY_RULES if grades.rules or any(one.override or one.comments for one in grades.grades) else ()
    taken = _BEFORE + _AFTER + more
    titles = [f"check {name}" if name in taken else name for name, _ in asked]
    rows = [[*_BEFORE, *titles, *_AFTER, *more]]
    full = number(grades.max_score)
    possible = [number(points) for _, points in asked]
    rows.append(["points possible", "", full, full, "100", "", *possible, *("" for _ in _AFTER + more)])
    for grade in grades.grades:
        cells = _cells(grade, reports.get(grade.student), [name for name, _ in asked])
        rows.append([safe(grade.student), grade.status, *cells, *(_by_rules(grade) if more else ())])
    write_whole(results / GRADEBOOK, csv_text(rows))
    return results / GRADEBOOK


def _cells(grade: Grade, report: Report | None, checks: list[str]) -> list[str]:
    """A student's row, from the score on."""
    score = share = ""
    if grade.score is not None:
        score, share = number(grade.score), f"{100 * _share(grade.score, grade.max_score):.1f}"
    first, points = [score, number(grade.max_score), share, WORDS[grade.verdict]], ["" for _ in checks]
    if report is None:
        return [*first, *points, "", "", "", "", safe(grade.place)]
    if report.status != "ungraded":
        done = {check.name: number(check.score) for check in report.checks}
        points = [done.get(name, "") for name in checks]
    execution = report.execution
    return [
        *(*first, *points, execution.status),
        *("" if execution.cell is None else str(execution.cell), f"{execution.seconds:.1f}"),
        *(report.data.name if report.data.sets else "", safe(report.submission)),
    ]


def _by_rules(grade: Grade) -> list[str]:
    """What rules and the teacher made of what was earned; empty where there is nothing to tell."""
    given = grade.override
    return [
        "" if grade.earned is None else number(grade.earned),
        number(grade.penalty) if grade.penalty else "",
        duration(grade.late_seconds) if grade.late_seconds else "",
        *((str(grade.attempt), str(grade.attempts)) if grade.attempts else ("", "")),
        grade.handed_in or "",
        *(("", "") if given is None else (number(given.score), safe(given.reason))),
        number(grade.adjustment) if grade.adjustment else "",
        safe("; ".join(one.text for one in grade.comments)),
    ]


def statuses(reports: Mapping[str, Report], handed_in: HandedIn) -> dict[str, str]:
    """Every student's status, by name: those with a notebook, and those whose files have none."""
    # Whatever the remark is, a locked archive or no notebook in it: nobody who is known drops out of the gradebook.
    found = {remark.student: "missing" for remark in handed_in.remarks if remark.student}
    found |= {str(one.student): "pending" for one in handed_in.submissions}
    found |= {student: report.status for student, report in reports.items()}
    return {student: found[student] for student in sorted(found, key=lambda name: (name.casefold(), name))}


def _share(score: float, of: float) -> float:
    return score / of if of else 0.0


# ---------------------------------------------------------------------- summary.json


class Counts(Record):
    """Students by status; `pending` are those whose turn has not come when the batch was stopped."""

    passed: int = 0
    failed: int = 0
    ungraded: int = 0
    missing: int = 0
    pending: int = 0


class Verdicts(Record):
    """Students by what their points come to."""

    full: int = 0
    passed: int = 0
    failed: int = 0
    ungraded: int = 0
    missing: int = 0
    pending: int = 0


class Scores(Record):
    """How the points of the graded students are distributed.

    Attributes
    ----------
    q1, q3
        A quarter of the students have at most, and at least, this.
    histogram
        Students in each tenth of the points possible, from the lowest; full points are in the last.
    """

    students: int
    mean: float
    lowest: float
    q1: float
    median: float
    q3: float
    highest: float
    histogram: list[int]


class Message(Record):
    """What a check said, and to how many."""

    text: str
    students: int


class CheckSummary(Record):
    """One check over the class.

    Attributes
    ----------
    pass_rate
        Share of the graded students who passed it; None if nobody is graded.
    error
        How often the check itself broke, among the ungraded.
    messages
        What was found instead, the most common first.
    """

    name: str
    title: str
    max_score: float
    passed: int
    failed: int
    skipped: int
    error: int
    pass_rate: float | None
    messages: list[Message]


class Slow(Record):
    """A notebook that took long."""

    student: str
    seconds: float
    execution: str
    cell: int | None


class Ungraded(Record):
    """A student who was not graded, and why."""

    student: str
    reason: str


class Remarked(Record):
    """What was said of a student's files before grading."""

    student: str
    kind: str
    text: str


class Summary(Record):
    """The class at a glance.

    Attributes
    ----------
    most_failed
        Names of the checks that somebody failed, the one that most failed first.
    data, device, seed, grader
        Which ones the reports were made with; more than one where an older result was not graded again.
    started
        When the first of the reports was begun; None without any.
    seconds
        That the batch took; with results that were there before, less than they took.
    rules
        The teacher's, in a sentence; empty where there are none.
    late, penalty
        How many students were late, and what that took of them in all, in points.
    overrides
        The grades that the teacher gave by hand.
    verdicts
        How many have full marks, passed, and did not.
    """

    schema_version: Literal[1] = 1
    exercise: str
    title: str
    students: int
    statuses: Counts
    max_score: float
    scores: Scores | None
    checks: list[CheckSummary]
    most_failed: list[str]
    slowest: list[Slow]
    ungraded: list[Ungraded]
    remarks: list[Remarked]
    data: list[str]
    device: list[str]
    seed: list[int]
    grader: list[str]
    started: str | None
    seconds: float
    rules: str = ""
    late: int = 0
    penalty: float = 0.0
    overrides: list[Override] = Field(default_factory=list)
    verdicts: Verdicts = Verdicts()


def summary(
    exercise: Exercise,
    reports: Mapping[str, Report],
    handed_in: HandedIn,
    seconds: float,
    grades: Grades | None = None,
) -> Summary:
    """Sum up a class.

    Parameters
    ----------
    reports
        What was found, by student.
    seconds
        That the batch took.
    grades
        What rules and the teacher made of the reports; without them a report's score is the grade.
    """
    grades = grades or _plain_grades(exercise, reports, handed_in)
    by_name = {one.student: reports[one.student] for one in grades.grades if one.student in reports}
    found = list(by_name.values())
    checks = [_check_summary(check, found) for check in exercise.checks]
    failed = sorted((one for one in checks if one.failed), key=lambda one: -one.failed)
    slowest = sorted(by_name.items(), key=lambda pair: -pair[1].execution.seconds)[:_SLOWEST]
    told = Summary(
        exercise=exercise.id,
        title=found[0].title if found else exercise.description.title.en,
        students=len(grades.grades),
        statuses=Counts(**Counter[str](one.status for one in grades.grades)),
        max_score=exercise.max_score,
        scores=None,
        checks=checks,
        most_failed=[one.name for one in failed],
        slowest=[
            Slow(
                student=plain(student),
                seconds=one.execution.seconds,
                execution=one.execution.status,
                cell=one.execution.cell,
            )
            for student, one in slowest
        ],
        ungraded=[
            Ungraded(student=plain(student), reason=reason(one))
            for student, one in by_name.items()
            if one.status == "ungraded"
        ],
        remarks=[
            Remarked(student=plain(one.student), kind=one.kind, text=plain(one.text, 1000)) for one in handed_in.remarks
        ],
        data=sorted({one.data.name for one in found if one.data.sets}),
        device=sorted({one.device for one in found}),
        seed=sorted({one.seed for one in found}),
        grader=sorted({one.grader for one in found}),
        started=min((one.started for one in found), default=None),
        seconds=round(seconds, 3),
    )
    return with_grades(told, grades)


def with_grades(one: Summary, grades: Grades) -> Summary:
    """The summary with what hangs on the grades: verdicts and scores, who was late, what was given by hand."""
    return one.model_copy(
        update={
            "verdicts": Verdicts(**Counter[str](one.verdict for one in grades.grades)),
            "scores": distribution([(one.score, one.max_score) for one in grades.grades if one.score is not None]),
            "rules": grades.rules,
            "late": sum(one.late_seconds > 0 for one in grades.grades),
            "penalty": round(sum(one.penalty for one in grades.grades), 6),
            "overrides": [one.override for one in grades.grades if one.override is not None],
        }
    )


def load_summary(results: Path) -> Summary:
    """What `summary.json` of a results folder says.

    Raises
    ------
    UsageError
        It is not there, or is not what the grader wrote.
    """
    try:
        return Summary.model_validate_json((results / SUMMARY).read_bytes())
    except (OSError, ValidationError):
        raise UsageError(
            f"{plain(str(results / SUMMARY))} is not there, or is damaged.",
            "Run the `grade batch` that made these results again: what is graded already is not graded again.",
        ) from None


def write_summary(results: Path, one: Summary) -> Path:
    """Write `summary.json` into the results folder; its path."""
    write_whole(results / SUMMARY, one.model_dump_json(indent=2) + "\n")
    return results / SUMMARY


def distribution(graded: Sequence[tuple[float, float]]) -> Scores | None:
    """How scores are distributed, each with the points possible; None if there is none."""
    if not graded:
        return None
    scores = [score for score, _ in graded]
    # Of one student there are no quarters, and `quantiles` says so by raising.
    quarters = statistics.quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else scores * 3
    histogram = [0] * BINS
    for score, of in graded:
        histogram[tenth(score, of)] += 1
    return Scores(
        students=len(scores),
        mean=statistics.fmean(scores),
        lowest=min(scores),
        q1=quarters[0],
        median=quarters[1],
        q3=quarters[2],
        highest=max(scores),
        histogram=histogram,
    )


def tenth(score: float, of: float) -> int:
    """Which tenth of the points possible a score is in, from 0; full points are in the last."""
    # A score is a sum of floats: 0.1 + 0.2 of 1 belongs where 0.3 does.
    return max(0, min(BINS - 1, int(BINS * _share(score, of) + 1e-9)))


def _check_summary(check: Check, reports: list[Report]) -> CheckSummary:
    """One check over the class. Of ungraded students only its own errors count: they are not judged yet."""
    made = [(report.status, one) for report in reports for one in report.checks if one.name == check.name]
    judged = [one for status, one in made if status != "ungraded"]
    times = Counter(one.status for one in judged)
    said = Counter(one.message for one in judged if one.status == "failed" and one.message)
    return CheckSummary(
        name=check.name,
        title=made[0][1].title if made else check.title,
        max_score=check.points,
        passed=times["passed"],
        failed=times["failed"],
        skipped=times["skipped"],
        error=sum(one.status == "error" for _, one in made),
        pass_rate=times["passed"] / len(judged) if judged else None,
        messages=[Message(text=text, students=n) for text, n in said.most_common(_MESSAGES)],
    )


def reason(report: Report) -> str:
    """Why a student was not graded, for the teacher: which check broke, or what the machine lacks."""
    broken: CheckReport | None = next((one for one in report.checks if one.status == "error"), None)
    if broken is not None:
        return f"{broken.name}: {broken.message}"
    if report.lacking:
        return f"Not installed here: {listed(report.lacking)}."
    return report.execution.error or headline(report)
