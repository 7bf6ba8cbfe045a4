"""Who differs between two gradings of a class: points, verdict, checks; and why."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from grader.grades.grades import Grade, Grades, load_grades
from grader.grades.results import Results
from grader.pass_mark import WORDS
from grader.report import CheckReport, Report
from grader.result_files import NOTEBOOK, REPORT
from grader.submission import Submission
from grader.text import count, listed, number, percent, plain

What = Literal["points", "verdict", "checks"]
WHATS: tuple[What, ...] = ("points", "verdict", "checks")


@dataclass(frozen=True)
class Moved:
    """A student of whom something differs.

    Attributes
    ----------
    before, after
        What goes to the platform; None where there is no grade.
    what
        Of what: points, also such as an override covers, the verdict, or checks.
    verdict
        From which word to which; empty where it is the same.
    why
        What is not as it was, in a few words each: the notebook, the seed, the checks.
    checks
        The checks whose status or points differ, in words.
    """

    student: str
    before: float | None
    after: float | None
    what: tuple[What, ...]
    verdict: str
    why: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Moves:
    """Two gradings beside each other.

    Attributes
    ----------
    students
        Of whom something differs, sorted by name.
    reworded
        How many others there are of whom checks say something else, and nothing more differs.
    messages
        How many checks say something else to these.
    after
        The grades of the later one.
    """

    students: list[Moved]
    reworded: int
    messages: int
    after: Grades

    def told(self) -> str:
        """How many students differ, of what, and of how many the words alone; in a sentence or two."""
        if not self.students:
            return f"Nobody's points, verdict or checks would change.{self._reworded()}"
        of_each = {what: sum(what in one.what for one in self.students) for what in WHATS}
        told = listed([f"{what} of {n}" for what, n in of_each.items() if n])
        return f"{count(len(self.students), 'student')} would move: {told}.{self._reworded()}"

    def _reworded(self) -> str:
        if not self.reworded:
            return ""
        others = count(self.reworded, "other student") if self.students else count(self.reworded, "student")
        return f" Of {others} the words alone would: {count(self.messages, 'message')}."


def moved(before: Results, after: Results) -> Moves:
    """What differs between two folders of results.

    Raises
    ------
    UsageError
        One of them has no grades.
    """
    old, new = load_grades(before.path), load_grades(after.path)
    were, are = ({one.student: one for one in grades.grades} for grades in (old, new))
    found, reworded = list[Moved](), list[int]()
    for student in sorted({**were, **are}):
        was, is_now = were.get(student), are.get(student)
        reports: tuple[Report | None, Report | None] = (None, None)
        if not _same_report(before, after, student):
            reports = before.read(student), after.read(student)
        checks = tuple(_checks(*reports))
        verdict = _verdict(was, is_now)
        what: list[What] = ["points"] if _points(was) != _points(is_now) else []
        what += ["verdict"] if verdict else []
        what += ["checks"] if checks else []
        if what:
            if reports == (None, None):  # as it was: the rules are others, say
                reports = before.read(student), after.read(student)
            why = tuple(_why(student, before, after, was, is_now, *reports))
            points, now = (None if one is None else one.score for one in (was, is_now))
            found.append(Moved(student, points, now, tuple(what), verdict, why, checks))
        elif messages := _reworded(*reports):
            reworded.append(messages)
    return Moves(found, len(reworded), sum(reworded), new)


def _same_report(before: Results, after: Results, student: str) -> bool:
    """Whether there is no need to read them: a class is large, and most often few were graded again."""
    try:
        return filecmp.cmp(before.folder(student) / REPORT, after.folder(student) / REPORT, shallow=False)
    except OSError:
        return False


def _points(grade: Grade | None) -> tuple[float | None, float | None, float]:
    """What may differ: an override covers what was earned, which is told all the same."""
    return (None, None, 0.0) if grade is None else (grade.score, grade.earned, grade.max_score)


def _verdict(was: Grade | None, is_now: Grade | None) -> str:
    """From which verdict to which; empty where it is the same."""
    words = ["no grade" if one is None else WORDS[one.verdict] for one in (was, is_now)]
    return "" if words[0] == words[1] else " → ".join(words)


def _reworded(old: Report | None, new: Report | None) -> int:
    """How many checks say something else."""
    if old is None or new is None:
        return 0
    said = {one.name: (one.message, one.hint) for one in old.checks}
    return sum(said.get(one.name) != (one.message, one.hint) for one in new.checks)


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


def _data(report: Report) -> str:
    return f"a small {report.data.name}" if report.data.small else report.data.name


def _circumstances(old: Report, new: Report) -> Iterator[str]:
    """What the two were graded with."""
    for what, was, is_now in (
        ("grader", old.grader, new.grader),
        ("seed", old.seed, new.seed),
        ("data", _data(old), _data(new)),
        ("device", old.device, new.device),
        ("sandbox", ", ".join(old.sandbox), ", ".join(new.sandbox)),
    ):
        if was != is_now:
            yield f"another {what}: {plain(str(was), 60)} → {plain(str(is_now), 60)}"
    if old.execution.status != new.execution.status:
        yield f"the run ended otherwise: {old.execution.status} → {new.execution.status}"


def _of_rules(was: Grade, is_now: Grade) -> Iterator[str]:
    if was.pass_mark != is_now.pass_mark:
        yield f"another pass mark: {percent(was.pass_mark, 0)} → {percent(is_now.pass_mark, 0)}"
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
    """Each check whose status or points differ: `loss` passed → failed, −2."""
    were, are = ({one.name: one for one in ([] if report is None else report.checks)} for report in (old, new))
    for name in {**were, **are}:
        was, is_now = were.get(name), are.get(name)
        change = (0.0 if is_now is None else is_now.score) - (0.0 if was is None else was.score)
        if change or _status(was) != _status(is_now):
            sign = "+" if change > 0 else "−"
            yield f"{name} {_status(was)} → {_status(is_now)}" + (f", {sign}{number(abs(change))}" if change else "")


def _status(check: CheckReport | None) -> str:
    return "not there" if check is None else check.status
