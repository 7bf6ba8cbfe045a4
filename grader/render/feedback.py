"""What a student may read of a report, wherever it is shown: no hidden check's details, no seed, no path."""

from __future__ import annotations

import re
from html import escape

from grader.grades.grades import Comment, Grade
from grader.language import decimal, tr
from grader.report import CheckReport, Report, said_once
from grader.text import number, plain

_CODE = re.compile("`([^`]+)`")
# A comment of ours in a sheet begins so; one that a teacher wrote does not.
OURS = '<div class="grader">'


def for_student(report: Report) -> list[CheckReport]:
    """The checks, and of the teacher's own ones that they are there, their status and points."""
    hidden = 0
    checks = []
    for check in report.checks:
        if check.hidden:
            hidden += 1
            title = tr("A check of your teacher's own")
            veiled = {"name": f"own_{hidden}", "title": title, "message": "", "hint": "", "seconds": 0.0, "figures": []}
            check = check.model_copy(update=veiled)
        checks.append(check)
    return checks


def points(score: float, of: float) -> str:
    """ "7.5 of 9 points", in the language that is spoken."""
    return tr("{score} of {max} points", score=decimal(number(round(score, 2))), max=decimal(number(of)))


def outcome(check: CheckReport) -> str:
    """How a check ended, in a word or two."""
    return {
        "passed": tr("passed"),
        "failed": tr("failed"),
        "skipped": tr("not judged"),
        "error": tr("the grader's own error"),
    }[check.status]


def told(check: CheckReport) -> list[str]:
    """What was found, and the hint, a line each."""
    hint = tr("Hint: {hint}", hint=check.hint) if check.hint else ""
    return [line for line in (check.message, hint) if line]


def of_grade(grade: Grade) -> list[str]:
    """Sentences about the grade: points, what lateness cost, what the teacher decided."""
    lines = [] if grade.score is None else [tr("Grade: {points}.", points=points(grade.score, grade.max_score))]
    if grade.override is not None:
        lines.append(tr("Your teacher gave this grade: {reason}", reason=plain(grade.override.reason, 1000)))
    elif grade.penalty:
        lost = decimal(number(round(grade.penalty, 2)))
        lines.append(tr("It was handed in late, which cost {points} points.", points=lost))
    return lines


def said(comment: Comment, report: Report | None) -> str:
    """What the teacher says of the work or of a check, with its points."""
    points = f" ({'+' if comment.points > 0 else '−'}{decimal(number(abs(comment.points)))})" if comment.points else ""
    told = f"{plain(comment.text, 2000)}{points}"
    checks = [] if report is None else report.checks
    title = next((one.title for one in checks if one.name == comment.check and not one.hidden), "")
    if title:
        return tr("Your teacher, of “{title}”: {comment}", title=title, comment=told)
    return tr("Your teacher: {comment}", comment=told)


def as_html(grade: Grade, report: Report | None) -> str:
    """The grade and what is to be put right, as a few lines of HTML."""
    parts = [f"<p>{_html(line)}</p>" for line in of_grade(grade)]
    parts += [f"<p>{_html(said(one, report))}</p>" for one in grade.comments]
    if report is not None:
        if report.execution.error:
            parts.append(f"<p>{_html(report.execution.error)}</p>")
        open_ones = [check for check in for_student(report) if check.status != "passed"]
        items = [_item(check) for check in said_once(open_ones, report.execution)]
        parts.append(f"<ul>{''.join(items)}</ul>" if items else f"<p>{_html(tr('Every check passed.'))}</p>")
    return f"{OURS}{''.join(parts)}</div>"


def _item(check: CheckReport) -> str:
    """A check that did not pass; of one that was not judged the title says enough."""
    lines = told(check) if check.status != "skipped" else []
    text = "".join(f"<br>{_html(line)}" for line in lines)
    return f"<li><strong>{_html(check.title)}</strong> ({_html(outcome(check))}){text}</li>"


def _html(text: str) -> str:
    """A sentence as HTML; names of the notebook, which stand in backticks, are code."""
    return _CODE.sub(r"<code>\1</code>", escape(plain(text, 1000)))
