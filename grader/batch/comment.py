"""`grade comment`: words and points of the teacher's, and everything that shows grades brought up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.batch.override import update
from grader.errors import UsageError
from grader.grades.comments import Comments, checked, load_comments, signed, told_item, write_comments
from grader.grades.grades import Comment, Grades, load_grades
from grader.grades.overrides import who
from grader.grades.results import Results
from grader.report import CheckReport, Report
from grader.text import count, listed, plain


@dataclass(frozen=True)
class Saying:
    """What to say, as it was typed.

    Attributes
    ----------
    student
        Of whom; empty for what there is, of everybody.
    check
        Of which check; empty for the whole work.
    points
        Added to those of the check, or of the whole; None for none, or for the item's own.
    item
        Name of the rubric item, which is kept.
    same_answer
        Of everybody with the same wrong answer, too.
    """

    student: str = ""
    text: str = ""
    check: str = ""
    points: float | None = None
    item: str = ""
    same_answer: bool = False


def comment(results: Path, one: Saying) -> list[str]:
    """Say something of a student, or of everybody with the same wrong answer; what was done, in sentences.

    Raises
    ------
    UsageError
        There are no results, no such student, check or item, nothing is said, or a batch is at work.
    """
    load_grades(results)
    folder, text = Results(results), checked(one.text, one.points)
    with folder.lock():
        grades, comments = load_grades(results), load_comments(results)
        name = who(one.student, [grade.student for grade in grades.grades])
        reports = _reports(folder, grades)
        whose = _whose(name, one, reports)
        told = comments.item(one.item, text, one.points) if one.item else told_item(text, one.points)
        made = [comments.add(student, one.check, one.item, told) for student in whose]
        _write(results, folder, grades, comments, reports)
    new = [_line(made_one) for made_one in made if made_one is not None]
    again = len(made) - len(new)
    return [*new, *([f"Said before, and not said again: of {count(again, 'student')}."] if again else [])]


def take_back(results: Path, number: int) -> list[str]:
    """Take a comment back; what was done.

    Raises
    ------
    UsageError
        There are no results, no such comment, or a batch is at work.
    """
    load_grades(results)
    folder = Results(results)
    with folder.lock():
        grades, comments = load_grades(results), load_comments(results)
        gone = comments.take_back(number)
        _write(results, folder, grades, comments, _reports(folder, grades))
    return [f"Taken back: {_line(gone)}"]


def told(results: Path, student: str) -> list[str]:
    """The comments and rubric items that there are, of one student or of all, a line each."""
    grades, comments = load_grades(results), load_comments(results)
    name = who(student, [grade.student for grade in grades.grades]) if student else ""
    lines = [_line(one) for one in comments.comments if not name or one.student == name]
    lines += [
        f"Taken back by {plain(one.until_by, 40) or 'somebody'}, {one.until}: {_line(one)}"
        for one in comments.taken_back
        if not name or one.student == name
    ]
    if not name:
        lines += [
            f"Rubric item {plain(key, 40)}: {plain(item.text, 200)} ({signed(item.points)})"
            for key, item in comments.rubric.items()
        ]
    return lines or ["There are no comments."]


def _reports(folder: Results, grades: Grades) -> dict[str, Report]:
    return folder.all(grades.with_reports())


def _whose(name: str, one: Saying, reports: dict[str, Report]) -> list[str]:
    """Of whom it is said."""
    if not one.check:
        if one.same_answer:
            raise UsageError("Of which check is the answer?", "Name it with --check.")
        return [name]
    report = reports.get(name)
    checks = [] if report is None else report.checks
    found = next((check for check in checks if check.name == one.check), None)
    if found is None:
        known = f"There are {listed([check.name for check in checks])}." if checks else "Nothing was graded."
        raise UsageError(f"{plain(name, 80)} has no check {plain(one.check, 80)!r}.", known)
    if not one.same_answer:
        return [name]
    if found.status != "failed":
        raise UsageError(f"{plain(name, 80)} did not fail {found.name}.", "Name somebody whose answer was wrong.")
    return [student for student, other in reports.items() if any(_same(found, check) for check in other.checks)]


def _same(one: CheckReport, other: CheckReport) -> bool:
    return (one.name, one.status, one.message) == (other.name, other.status, other.message)


def _write(results: Path, folder: Results, grades: Grades, comments: Comments, reports: dict[str, Report]) -> None:
    write_comments(results, comments)
    update(results, folder, grades, reports)


def _line(one: Comment) -> str:
    where = f", {one.check}" if one.check else ""
    item = f" [{plain(one.item, 40)}]" if one.item else ""
    points = f" ({signed(one.points)})" if one.points else ""
    return f"{one.id}. {plain(one.student, 80)}{where}: {plain(one.text, 200)}{points}{item}"
