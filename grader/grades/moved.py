"""Whose points differ between two gradings of a class, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grader.grades.grades import Grade, load_grades
from grader.grades.results import Results
from grader.report import CheckReport, Report
from grader.result_files import NOTEBOOK
from grader.submission import Submission
from grader.text import number, plain


@dataclass(frozen=True)
class Moved:
    """A student whose points differ.

    Attributes
    ----------
    before, after
        What goes to the platform; None where there is no grade.
    why
        What is not as it was, in a few words each: the notebook, the seed, the checks.
    checks
        The checks whose points differ, in words.
    """

    student: str
    before: float | None
    after: float | None
    why: tuple[str, ...]
    checks: tuple[str, ...]


def moved(before: Results, after: Results) -> list[Moved]:
    """Whose points differ between two folders of results, sorted by student.

    Raises
    ------
    UsageError
        One of them has no grades.
    """
    were, are = ({one.student: one for one in load_grades(results.path).grades} for results in (before, after))
    found = []
    for student in sorted({**were, **are}):
        was, is_now = were.get(student), are.get(student)
        if _points(was) != _points(is_now):
            reports = before.read(student), after.read(student)
            why = tuple(_why(student, before, after, was, is_now, *reports))
            points, now = (None if one is None else one.score for one in (was, is_now))
            found.append(Moved(student, points, now, why, tuple(_checks(*reports))))
    return found


def _points(grade: Grade | None) -> tuple[float | None, float | None, float]:
    """What may differ: an override covers what was earned, which is told all the same."""
    return (None, None, 0.0) if grade is None else (grade.score, grade.earned, grade.max_score)


def _why(
    student: str,
    before: Results,
    after: Results,
    was: Grade | None,
    is_now: Grade | None,
    old: Report | None,
    new: Report | None,
) -> Iterator[str]:
    if is_now is None:
        yield "not handed in any more"
    elif old is None or was is None:
        yield "graded for the first time" if new is not None else "no result"
    elif new is None:
        yield "no result any more"
    else:
        told = [*_circumstances(old, new), *_of_rules(was, is_now)]
        if _work(before, student) != _work(after, student):
            told.insert(0, "another notebook")
        if _new(old, new):
            told.append("new checks")
        elif not told:  # a result hangs on nothing else: see `Results.key`
            told.append("new checks, or other files beside the notebook")
        yield from told
    if is_now is not None and is_now.override is not None:
        yield f"given by hand, which stays: {plain(is_now.override.reason, 100)}"


def _circumstances(old: Report, new: Report) -> Iterator[str]:
    """What the two were graded with."""
    for what, was, is_now in (
        ("grader", old.grader, new.grader),
        ("seed", old.seed, new.seed),
        ("data", old.data.name, new.data.name),
        ("device", old.device, new.device),
        ("sandbox", ", ".join(old.sandbox), ", ".join(new.sandbox)),
    ):
        if was != is_now:
            yield f"another {what}: {plain(str(was), 60)} → {plain(str(is_now), 60)}"
    if old.execution.status != new.execution.status:
        yield f"the run ended otherwise: {old.execution.status} → {new.execution.status}"


def _of_rules(was: Grade, is_now: Grade) -> Iterator[str]:
    if was.attempt != is_now.attempt:
        yield f"another attempt counts: {was.attempt} → {is_now.attempt}"
    if was.penalty != is_now.penalty:
        yield f"lateness takes {number(was.penalty)} → {number(is_now.penalty)}"
    if was.adjustment != is_now.adjustment:
        yield f"comments add {number(was.adjustment)} → {number(is_now.adjustment)}"
    if was.override != is_now.override:
        yield "a grade given by hand"


def _new(old: Report, new: Report) -> bool:
    """Whether the checks themselves are others, as far as reports tell."""
    return [(one.name, one.max_score, one.title) for one in old.checks] != [
        (one.name, one.max_score, one.title) for one in new.checks
    ]


def _work(results: Results, student: str) -> str:
    ran = results.folder(student) / NOTEBOOK
    return results.work(Submission(ran, student)) if ran.is_file() else ""


def _checks(old: Report | None, new: Report | None) -> Iterator[str]:
    """Each check whose points differ: `loss` passed → failed, −2."""
    were, are = ({one.name: one for one in ([] if report is None else report.checks)} for report in (old, new))
    for name in {**were, **are}:
        was, is_now = were.get(name), are.get(name)
        change = (0.0 if is_now is None else is_now.score) - (0.0 if was is None else was.score)
        if change and was is not is_now:
            sign = "+" if change > 0 else "−"
            yield f"{name} {_status(was)} → {_status(is_now)}, {sign}{number(abs(change))}"


def _status(check: CheckReport | None) -> str:
    return "not there" if check is None else check.status
