"""The class in two files: `gradebook.csv`, a row a student and a column a check, and `summary.json`."""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from grader.batch.handed_in import HandedIn
from grader.check import Check
from grader.exercise import Exercise
from grader.grading import headline
from grader.keeping import write_whole
from grader.report import CheckReport, Report
from grader.text import listed, number, plain

GRADEBOOK, SUMMARY = "gradebook.csv", "summary.json"
BINS = 10
_SLOWEST, _MESSAGES = 5, 3

_BEFORE = ("student", "status", "score", "max_score", "percent")
_AFTER = ("execution", "cell", "seconds", "data", "submission")

# What makes a spreadsheet take a cell for a formula, the full-width forms too; after a semicolon as well, which
# is where Excel splits the line in countries that write decimals with a comma.
_FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")


# ---------------------------------------------------------------------- gradebook.csv


def write_gradebook(results: Path, exercise: Exercise, reports: Mapping[str, Report], handed_in: HandedIn) -> Path:
    """Write `gradebook.csv` into the results folder; its path.

    The first row after the header has the points possible. Of an ungraded, a missing and a pending student
    (one whose turn has not come when the batch was stopped) the points are empty: that is no zero.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    titles = [f"check {one.name}" if one.name in _BEFORE + _AFTER else one.name for one in exercise.checks]
    writer.writerow([*_BEFORE, *titles, *_AFTER])
    possible = [number(check.points) for check in exercise.checks]
    full = number(exercise.max_score)
    writer.writerow(["points possible", "", full, full, "100", *possible, *("" for _ in _AFTER)])
    handed = {str(one.student): one.place for one in handed_in.submissions}
    for student, status in _statuses(reports, handed_in).items():
        report, place = reports.get(student), handed.get(student, "")
        if report is None:
            empty = ["" for _ in exercise.checks]
            cells = ["", full, "", *empty, "", "", "", "", _safe(place)]
        else:
            cells = _cells(report, exercise.checks)
        writer.writerow([_safe(student), status, *cells])
    # The mark in front (a BOM) is for Excel, which without it reads the file in the machine's old code page and
    # turns Mäkelä into MÃ¤kelÃ¤. pandas, LibreOffice and Moodle's import take it away; Python: "utf-8-sig".
    write_whole(results / GRADEBOOK, "\ufeff" + file.getvalue())
    return results / GRADEBOOK


def _cells(report: Report, checks: tuple[Check, ...]) -> list[str]:
    """A student's row, from the score on."""
    done = {check.name: number(check.score) for check in report.checks}
    points = [done.get(check.name, "") for check in checks]
    score, share = number(report.score), f"{100 * _share(report):.1f}"
    if report.status == "ungraded":
        points, score, share = ["" for _ in points], "", ""
    execution = report.execution
    return [
        *(score, number(report.max_score), share, *points, execution.status),
        *("" if execution.cell is None else str(execution.cell), f"{execution.seconds:.1f}"),
        *(report.data.name if report.data.sets else "", _safe(report.submission)),
    ]


def _safe(text: str) -> str:
    """Text that a spreadsheet shows and does not run: no control characters, and no start of a formula."""
    return _FORMULA.sub(r"\1\2'", plain(text, 400))


def _statuses(reports: Mapping[str, Report], handed_in: HandedIn) -> dict[str, str]:
    """Every student's status, by name: those with a notebook, and those whose files have none."""
    # Whatever the remark is, a locked archive or no notebook in it: nobody who is known drops out of the gradebook.
    found = {remark.student: "missing" for remark in handed_in.remarks if remark.student}
    found |= {str(one.student): "pending" for one in handed_in.submissions}
    found |= {student: report.status for student, report in reports.items()}
    return {student: found[student] for student in sorted(found, key=lambda name: (name.casefold(), name))}


def _share(report: Report) -> float:
    return report.score / report.max_score if report.max_score else 0.0


# ---------------------------------------------------------------------- summary.json


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Counts(_Record):
    """Students by status; `pending` are those whose turn has not come when the batch was stopped."""

    passed: int = 0
    failed: int = 0
    ungraded: int = 0
    missing: int = 0
    pending: int = 0


class Scores(_Record):
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


class Message(_Record):
    """What a check said, and to how many."""

    text: str
    students: int


class CheckSummary(_Record):
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


class Slow(_Record):
    """A notebook that took long."""

    student: str
    seconds: float
    execution: str
    cell: int | None


class Ungraded(_Record):
    """A student who was not graded, and why."""

    student: str
    reason: str


class Told(_Record):
    """What was said of a student's files before grading."""

    student: str
    kind: str
    text: str


class Summary(_Record):
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
    remarks: list[Told]
    data: list[str]
    device: list[str]
    seed: list[int]
    grader: list[str]
    started: str | None
    seconds: float


def summary(exercise: Exercise, reports: Mapping[str, Report], handed_in: HandedIn, seconds: float) -> Summary:
    """Sum up a class.

    Parameters
    ----------
    reports
        What was found, by student.
    seconds
        That the batch took.
    """
    statuses = _statuses(reports, handed_in)
    by_name = {student: reports[student] for student in statuses if student in reports}
    found = list(by_name.values())
    checks = [_check_summary(check, found) for check in exercise.checks]
    failed = sorted((one for one in checks if one.failed), key=lambda one: -one.failed)
    slowest = sorted(by_name.items(), key=lambda pair: -pair[1].execution.seconds)[:_SLOWEST]
    return Summary(
        exercise=exercise.id,
        title=found[0].title if found else exercise.description.title.en,
        students=len(statuses),
        statuses=Counts(**Counter(statuses.values())),
        max_score=exercise.max_score,
        scores=_scores([one for one in found if one.status != "ungraded"]),
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
            Ungraded(student=plain(student), reason=_reason(one))
            for student, one in by_name.items()
            if one.status == "ungraded"
        ],
        remarks=[
            Told(student=plain(one.student), kind=one.kind, text=plain(one.text, 1000)) for one in handed_in.remarks
        ],
        data=sorted({one.data.name for one in found if one.data.sets}),
        device=sorted({one.device for one in found}),
        seed=sorted({one.seed for one in found}),
        grader=sorted({one.grader for one in found}),
        started=min((one.started for one in found), default=None),
        seconds=round(seconds, 3),
    )


def write_summary(results: Path, one: Summary) -> Path:
    """Write `summary.json` into the results folder; its path."""
    write_whole(results / SUMMARY, one.model_dump_json(indent=2) + "\n")
    return results / SUMMARY


def _scores(graded: list[Report]) -> Scores | None:
    if not graded:
        return None
    scores = [one.score for one in graded]
    # Of one student there are no quarters, and `quantiles` says so by raising.
    quarters = statistics.quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else scores * 3
    histogram = [0] * BINS
    for one in graded:
        # A score is a sum of floats: 0.1 + 0.2 of 1 belongs where 0.3 does.
        histogram[max(0, min(BINS - 1, int(BINS * _share(one) + 1e-9)))] += 1
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


def _reason(report: Report) -> str:
    """Why a student was not graded, for the teacher: which check broke, or what the machine lacks."""
    broken: CheckReport | None = next((one for one in report.checks if one.status == "error"), None)
    if broken is not None:
        return f"{broken.name}: {broken.message}"
    if report.execution.missing_packages:
        return f"Not installed here: {listed(report.execution.missing_packages)}."
    return report.execution.error or headline(report)
