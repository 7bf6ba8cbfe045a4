"""Gradescope's `results.json`: the score, and a test for each check.

Of hidden checks students see nothing there (`visibility`), instructors all. The late penalty is Gradescope's own.
"""

from __future__ import annotations

import json
from typing import Any

from grader.language import decimal, speaking, tr
from grader.render.feedback import outcome, told
from grader.report import CheckReport, Report
from grader.text import number, plain


def results(report: Report, remarks: tuple[str, ...] = ()) -> dict[str, Any]:
    """What Gradescope reads.

    Where the report is `ungraded` there is no score in it, nor a test with one: Gradescope then gives no grade, which
    the teacher has it do again, rather than zero points.

    Parameters
    ----------
    remarks
        What the student should read before anything else.
    """
    with speaking(report.language):
        if report.status == "ungraded":
            return failed([*remarks, *_summary(report)], report.execution.seconds)
        return {
            "score": report.score,
            "execution_time": round(report.execution.seconds),
            "output": "\n".join([*remarks, *_summary(report)]),
            "output_format": "text",
            "test_output_format": "text",
            "test_name_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "extra_data": {"exercise": report.exercise, "data": report.data.name, "grader": report.grader},
            "tests": [_test(check, place) for place, check in enumerate(report.checks, 1)],
        }


def failed(lines: list[str], seconds: float = 0.0) -> dict[str, Any]:
    """What stands for a submission that was not graded, through no fault of its own: it names no score at all."""
    told = tr("The grader failed. This costs you no points: your teacher will have it graded again.")
    return {
        "execution_time": round(seconds),
        "output": "\n".join([told, *lines]),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
    }


def as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2, allow_nan=False) + "\n"


def _summary(report: Report) -> list[str]:
    lines = [f"{report.exercise}  {plain(report.title)}"]
    if report.execution.error:
        lines.append(plain(report.execution.error, 1000))
    if report.data.sets and report.data.name == "sample":
        lines.append(tr("This was graded on the embedded sample of the data."))
    seconds = decimal(number(round(report.execution.seconds, 1)))
    return [*lines, tr("The notebook ran for {seconds} s.", seconds=seconds)]


def _test(check: CheckReport, place: int) -> dict[str, Any]:
    words = outcome(check)
    return {
        "name": plain(check.title),
        "name_format": "text",
        "number": str(place),
        "score": check.score,
        "max_score": check.max_score,
        "status": "passed" if check.status == "passed" else "failed",
        "output": "\n".join([words[:1].upper() + words[1:], *(plain(line, 2000, lines=True) for line in told(check))]),
        "output_format": "text",
        "visibility": "hidden" if check.hidden else "visible",
    }
