"""Grades and reports of made-up students, for the platforms' formats."""

from __future__ import annotations

from typing import Any

from grader.grades.grades import Grade, Override
from grader.intake.names import shown
from grader.platforms.roster import Entry
from grader.report import CheckReport, DataReport, ExecutionReport, Report

SECRET = "what only the teacher knows"
HOSTILE = (
    *("Anna Mäkelä", "Öykkäri, Åke", 'O"Brien; Bob', "=HYPERLINK(1)", "<script>alert(1)</script>", "a\tb", "a\nb"),
    *(
        "%0A::error::x",
        "| a | b |",
        "[x](javascript:alert(1))",
        "]]>&amp;<!--",
        "@all #1 ${{ secrets }}",
        "ÿ\x07\x1b[31m",
    ),
)


def checks(message: str = "It is 2, not 3.") -> list[CheckReport]:
    """One of each status, and a hidden one that failed."""
    return [
        CheckReport(name="loss", title="The loss falls.", status="passed", score=3, max_score=3, seconds=0.25),
        CheckReport(
            name="count", title="`x` is three.", status="failed", score=0, max_score=2, message=message, hint="Count."
        ),
        CheckReport(name="later", title="`y` is four.", status="skipped", score=0, max_score=1, message="Not judged."),
        CheckReport(
            name="mine",
            title=SECRET,
            status="failed",
            score=0,
            max_score=4,
            message=SECRET,
            hint=SECRET,
            hidden=True,
        ),
    ]


def report(student: str = "Anna Mäkelä", **more: Any) -> Report:
    fields: dict[str, Any] = {
        "exercise": "110",
        "title": "Digits",
        "submission": "/class/110.ipynb",
        "student": student,
        "status": "failed",
        "score": 3,
        "max_score": 10,
        "execution": ExecutionReport(status="ok", seconds=12.34),
        "checks": checks(),
        "data": DataReport(name="full", sets=["mnist"]),
        "device": "cpu",
        "seed": 4711,
        "sandbox": ["own process"],
        "versions": {"torch": "2"},
        "started": "2026-01-01T12:30:00.5+00:00",
        "grader": "0.1.0",
    }
    return Report(**(fields | more))


def entry(student: str, score: float | None = 3, place: str = "", **more: Any) -> Entry:
    """A student's grade, with a report; `reason` makes it one by hand."""
    reason = more.pop("reason", "")
    made = more.pop("report", ...)
    if reason:
        more["override"] = Override(student=student, score=score or 0, reason=reason)
    fields = {"status": "ungraded" if score is None else "failed", "max_score": 10, "earned": score, "place": place}
    grade = Grade(student=student, score=score, **(fields | more))
    return Entry(grade, report(student, submission=place or "/class/110.ipynb") if made is ... else made)


def on_moodle(name: str, number: int, score: float | None = 3, **more: Any) -> Entry:
    """Somebody who handed in through Moodle."""
    return entry(shown(name), score, f"/tmp/class.zip/{name}_{number}_assignsubmission_file_/110.ipynb", **more)
