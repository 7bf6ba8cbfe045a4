"""Each check over the class: how many passed it, and what was found instead, the most frequent first."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from grader.grades.grades import Grade
from grader.report import CheckReport, CheckStatus, Report
from grader.text import percent, plain

MOST_ANSWERS = 5  # of one check
MOST_NAMES = 6  # beside one answer: the table of the class shows all of them
_STATUSES: tuple[CheckStatus, ...] = ("passed", "skipped", "failed", "error")
_NUMBERS = re.compile(r"\d+(?:[.,\s]\d+)*")


@dataclass(frozen=True)
class StudentView:
    """A student of the class.

    Attributes
    ----------
    report
        What was found; its figures are not looked at.
    staff, feedback
        Links to the student's pages, the teacher's and the student's view; empty where there is none.
    """

    grade: Grade
    report: Report | None = None
    staff: str = ""
    feedback: str = ""

    @property
    def name(self) -> str:
        """The student, as may be shown."""
        return plain(self.grade.student, 80) or "(no name)"


@dataclass(frozen=True)
class CommonAnswer:
    """A wrong answer, and who gave it.

    Attributes
    ----------
    key
        Names it in the page's address, the same after the page is made again.
    alike
        Whether those of some differ from `text` in their numbers.
    """

    key: str
    text: str
    alike: bool
    members: list[StudentView]

    @property
    def few(self) -> list[StudentView]:
        """The first who gave it."""
        return self.members[:MOST_NAMES]


@dataclass(frozen=True)
class CheckView:
    """A check over the class. Of ungraded students only its own errors count: they are not judged yet.

    Attributes
    ----------
    place
        Its number, from 1.
    keys
        The key of the answer that a message is one of.
    """

    place: int
    name: str
    title: str
    hidden: bool
    max_score: float
    times: dict[CheckStatus, int]
    answers: list[CommonAnswer]
    keys: dict[str, str]

    @property
    def judged(self) -> int:
        """Graded students who have this check."""
        return self.times["passed"] + self.times["failed"] + self.times["skipped"]

    @property
    def rate(self) -> str:
        """Share of them who passed it."""
        return percent(self.times["passed"] / self.judged, 0) if self.judged else "–"

    @property
    def parts(self) -> list[tuple[CheckStatus, float, float]]:
        """The parts of a bar of width 100: status, where it begins, how wide."""
        made: list[tuple[CheckStatus, float, float]] = []
        begin = 0.0
        for status in _STATUSES[:3]:
            wide = 100 * self.times[status] / max(1, self.judged)
            made.append((status, round(begin, 2), round(wide, 2)))
            begin += wide
        return [part for part in made if part[2]]

    def key_of(self, report: CheckReport) -> str:
        """The key of what the check said; empty where that is none of `answers`."""
        return self.keys.get(_text(report), "")


def checks_of(members: Sequence[StudentView]) -> dict[str, CheckView]:
    """Every check that a report has, by name, in the reports' order."""
    made: dict[str, list[tuple[StudentView, CheckReport]]] = defaultdict(list)
    for member in members:
        for one in member.report.checks if member.report else ():
            made[one.name].append((member, one))
    return {name: _view(place, found) for place, (name, found) in enumerate(made.items(), 1)}


def _view(place: int, found: list[tuple[StudentView, CheckReport]]) -> CheckView:
    times: dict[CheckStatus, int] = dict.fromkeys(_STATUSES, 0)
    wrong: list[tuple[StudentView, str]] = []
    for member, one in found:
        graded = member.report is not None and member.report.status != "ungraded"
        if graded or one.status == "error":
            times[one.status] += 1
        if graded and one.status == "failed" and one.message:
            wrong.append((member, _text(one)))
    one = found[0][1]
    answers, keys = _answers(one.name, wrong)
    return CheckView(place, one.name, plain(one.title), one.hidden, one.max_score, times, answers, keys)


def _answers(check: str, wrong: list[tuple[StudentView, str]]) -> tuple[list[CommonAnswer], dict[str, str]]:
    """Wrong answers, the most frequent first, and the keys of their messages.

    The same words are the same answer. Messages that differ in their numbers alone are one, too, unless many have the
    very same: after a training hardly anybody has another's accuracy, while a wrong count is often the same mistake.
    """
    same: dict[str, list[StudentView]] = defaultdict(list)
    shapes: dict[str, list[StudentView]] = defaultdict(list)
    for member, text in wrong:
        same[text].append(member)
        shapes[_shape(text)].append(member)
    grouped: dict[str, list[str]] = defaultdict(list)
    for text, members in same.items():
        often = len(members) > 1 and 20 * len(members) >= len(shapes[_shape(text)])
        grouped[text if often else _shape(text)].append(text)
    answers = [
        CommonAnswer(_key(check, group), texts[0], len(texts) > 1, [member for text in texts for member in same[text]])
        for group, texts in grouped.items()
    ]
    answers.sort(key=lambda one: -len(one.members))
    keys = {text: _key(check, group) for group, texts in grouped.items() for text in texts}
    return answers[:MOST_ANSWERS], keys


def _text(report: CheckReport) -> str:
    return plain(report.message, 600)


def _shape(text: str) -> str:
    return _NUMBERS.sub("#", text)


def _key(check: str, group: str) -> str:
    return hashlib.sha256(f"{check}\n{group}".encode("utf-8", "replace")).hexdigest()[:8]
