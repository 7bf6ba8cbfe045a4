"""GitHub Actions: the step's summary in Markdown, and annotations beside the run.

Both are read by machines, and hold what a notebook said: Markdown's and the workflow commands' own marks are escaped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from grader.language import speaking, tr
from grader.pass_mark import WORDS
from grader.platforms.roster import Entry
from grader.render.feedback import for_student, outcome, points, told
from grader.report import CheckReport, Report
from grader.text import count, number, plain

MAX_BYTES = 1_000_000  # GitHub refuses a step's summary of more than a mebibyte
_MARKS = {"passed": "✅", "failed": "❌", "skipped": "➖", "error": "⚠️"}
_LEVELS = {"failed": "error", "error": "warning", "skipped": "notice"}
# Names of the notebook, as checks write them: nothing in such a span means anything, and it ends where it seems to.
_CODE = re.compile(r"(`[^`|\\]+`)")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def markdown(text: str, most: int = 1000) -> str:
    """Text that Markdown shows as it is, in one line, also in a table; `code` stays code."""
    parts = _CODE.split(plain(text, most))
    return "".join(part if place % 2 else _literal(part) for place, part in enumerate(parts))


def _literal(text: str) -> str:
    # A word joiner keeps GitHub from taking a name after an @ for somebody's.
    return _PUNCTUATION.sub(r"\\\1", text).replace("\\@", "\\@\N{WORD JOINER}")


def command(level: str, message: str, **properties: str) -> str:
    """A workflow command, on one line whatever is in it."""
    told = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    return f"::{level} {told}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for mark in ("%", "\r", "\n", *more):
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


# ---------------------------------------------------------------------- one report


def summary_of_report(report: Report) -> str:
    """One report in Markdown."""
    with speaking(report.language):
        lines = [f"## {markdown(f'{report.exercise} {report.title}')}", ""]
        if report.status == "ungraded":
            lines += [tr("**Not graded.** This costs no points."), ""]
        else:
            lines += [f"**{markdown(points(report.score, report.max_score))}**", ""]
        if report.execution.error:
            lines += [markdown(report.execution.error), ""]
        lines += _table(
            (tr("Check"), tr("Outcome"), tr("Points"), tr("What was found")), map(_row, for_student(report))
        )
        return _fitting(lines)


def _row(check: CheckReport) -> Sequence[str]:
    found = "<br>".join(markdown(line) for line in told(check))
    got = f"{number(check.score)}/{number(check.max_score)}"
    return markdown(check.title), f"{_MARKS[check.status]} {outcome(check)}", got, found


def annotations_of_report(report: Report, file: str = "") -> list[str]:
    """A workflow command for each check that did not pass, and for a run that broke off.

    Parameters
    ----------
    file
        The notebook's path in the repository, where it is known.
    """
    with speaking(report.language):
        lines = []
        if report.execution.error:
            lines.append(command("error", plain(report.execution.error, 1000), file=file, title=plain(report.title)))
        for check in for_student(report):
            if check.status in _LEVELS:
                text = "\n".join(plain(line, 1000) for line in told(check)) or outcome(check)
                lines.append(command(_LEVELS[check.status], text, file=file, title=plain(check.title)))
        return lines


def path_within(path: str, workspace: str) -> str:
    """A notebook's path in the repository that is checked out; empty if it lies elsewhere."""
    place = PurePosixPath(path)
    if not place.is_absolute():
        return str(place) if ".." not in place.parts else ""
    return str(place.relative_to(workspace)) if workspace and place.is_relative_to(workspace) else ""


# ---------------------------------------------------------------------- a class


def summary_of_class(entries: Sequence[Entry], title: str) -> str:
    """A class in Markdown: how many are where, and a row a student."""
    times = Counter(entry.grade.verdict for entry in entries)
    told = ", ".join(f"{n:,} {WORDS[verdict]}" for verdict, n in times.items())
    lines = [f"## {markdown(title)}", "", f"{count(len(entries), 'student')}: {told or 'nobody'}.", ""]
    lines += _table(("Student", "Status", "Points", "Late", "Remark"), map(_student, entries))
    return _fitting(lines)


def _student(entry: Entry) -> Sequence[str]:
    grade = entry.grade
    score = "" if grade.score is None else f"{number(grade.score)}/{number(grade.max_score)}"
    remark = f"by hand: {grade.override.reason}" if grade.override is not None else ""
    late = "late" if grade.late_seconds > 0 else ""
    return markdown(entry.student, 80), WORDS[grade.verdict], score, late, markdown(remark)


def annotations_of_class(entries: Sequence[Entry]) -> list[str]:
    """A warning for each student who is not graded through no fault of their own."""
    return [
        command("warning", "This costs nobody points.", title=f"{plain(entry.student, 80)} is not graded")
        for entry in entries
        if entry.grade.status == "ungraded" and entry.grade.score is None
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _fitting(lines: Iterable[str]) -> str:
    """As many of the lines as GitHub takes."""
    kept, room = [], MAX_BYTES
    for line in lines:
        room -= len(line.encode("utf-8", "replace")) + 1
        if room < 0:
            kept += ["", "…"]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
