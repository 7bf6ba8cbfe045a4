"""A student's page with forms around it, and what they ask for: done by the functions behind `grade override` and
`grade comment`, which bring pages and gradebook up to date themselves."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rich.console import Console

from grader.batch.comment import Saying, comment, take_back, told
from grader.batch.override import change, history
from grader.batch.pages import course_pages
from grader.course.command import written
from grader.errors import UsageError
from grader.grades.comments import load_comments, signed
from grader.grades.course_rules import course_rules
from grader.grades.grades import Grade, load_grades
from grader.grades.results import Results
from grader.intake.names import folder_name
from grader.render.html.templates import sheet, template
from grader.result_files import COURSE_PAGES, FEEDBACK, INDEX, STAFF
from grader.text import number, plain
from grader.web.places import Place

# The lock of a results folder keeps out other processes; of this one's threads one at a time may write.
_writing = threading.Lock()


@dataclass(frozen=True)
class Said:
    """What is told above the forms: what was done, or what is wrong; and what was typed, so that it is not lost."""

    lines: Sequence[str] = ()
    wrong: bool = False
    typed: Mapping[str, str] | None = None


def grade_of(place: Place) -> tuple[Grade | None, Grade, Grade | None] | None:
    """The grade of the student of a page, between those before and after; None where there is no such student.

    Raises
    ------
    UsageError
        There are no grades yet, or their file is damaged.
    """
    grades = load_grades(place.results).grades
    for at, one in enumerate(grades):
        if folder_name(one.student) == place.student:
            return (grades[at - 1] if at else None), one, (grades[at + 1] if at + 1 < len(grades) else None)
    return None


def do(course: Path | None, place: Place, student: str, fields: Mapping[str, str]) -> list[str]:
    """Do what a form asks for; what was done, in sentences.

    Parameters
    ----------
    course
        The results of the course that the class belongs to: its gradebook and pages are brought up to date, too.
    fields
        Of the form: `action`, and what belongs to it.

    Raises
    ------
    UsageError
        Something is missing or wrong, or a batch is at work.
    """
    with _writing:
        said = _done(place.results, student, fields)
        if course is not None:
            written(course, course_rules(None, course), Console(quiet=True))
    return said


def _done(results: Path, student: str, fields: Mapping[str, str]) -> list[str]:
    match fields.get("action", ""):
        case "override":
            return change(results, student, _number(fields, "score"), fields.get("reason", ""), undo=False)
        case "undo":
            return change(results, student, None, "", undo=True)
        case "comment":
            points = _number(fields, "points") if fields.get("points", "").strip() else None
            saying = Saying(
                student,
                fields.get("text", ""),
                fields.get("check", ""),
                points,
                fields.get("item", "").strip(),
                bool(fields.get("same", "")),
            )
            return comment(results, saying)
        case "take back":
            return take_back(results, int(_number(fields, "number")))
    raise UsageError("Nothing that is known here was asked for.", "Load the page again.")


def _number(fields: Mapping[str, str], name: str) -> float:
    text = fields.get(name, "").strip().replace("−", "-").replace(",", ".")
    try:
        found = float(text)
        int(found)  # neither infinite nor no number
    except (ValueError, OverflowError):
        raise UsageError(f"{plain(text, 40)!r} is no number.", "Write it as 8.5.") from None
    return found


def page(place: Place, around: tuple[Grade | None, Grade, Grade | None], form_token: str, said: Said) -> str:
    """The page: the grade, forms, what was given and said by hand before, and the teacher's page of the student."""
    before, grade, after = around
    results, student = place.results, grade.student
    comments = load_comments(results)
    report = Results(results).read(student) if grade.status not in ("missing", "pending") else None
    typed = dict(said.typed or {})
    course = course_pages(results) if place.exercise else None
    own = "" if course is None else course(student)
    return template("hand.html.j2").render(
        style=sheet("style.css", "course.css", "hand.css"),
        token=form_token,
        name=plain(student, 200),
        score="no grade" if grade.score is None else f"{number(grade.score)} of {number(grade.max_score)} points",
        override=grade.override,
        comments=[(one, signed(one.points)) for one in comments.of(student)],
        items=[(key, item.text, signed(item.points)) for key, item in comments.rubric.items()],
        checks=[] if report is None else report.checks,
        history=history(results, student),
        told=told(results, student),
        said=said,
        typed=lambda name: plain(typed.get(name, ""), 2000, lines=True),
        shown=STAFF if place.file.is_file() else "",
        feedback=FEEDBACK if (place.file.parent / FEEDBACK).is_file() else "",
        before=_link(before),
        after=_link(after),
        index=INDEX,
        person=f"../../../{COURSE_PAGES}/{quote(own)}" if own else "",
        number=number,
    )


def _link(one: Grade | None) -> tuple[str, str] | None:
    if one is None:
        return None
    return f"../{quote(folder_name(one.student))}/{STAFF}", plain(one.student, 80)


def progress(found: int) -> str:
    """The page of a class that has none yet."""
    return template("begun.html.j2").render(style=sheet("style.css"), found=found)


def entered(home: str) -> str:
    """What is shown for a moment to whoever comes with the token."""
    return template("entered.html.j2").render(style=sheet("style.css"), home=home)
