"""The pages of a course: one of all of it, and one for each student.

::

    results/index.html          the course
    results/people/NAME.html    a student, across exercises
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from grader.batch.pages import not_written
from grader.course.gradebook import CourseGradebook, Mark, Person
from grader.grades.results import Results
from grader.intake.names import folder_name
from grader.pass_mark import WORDS
from grader.render.html.templates import sheet, template
from grader.result_files import COURSE_PAGES, INDEX, STAFF
from grader.text import number, plain
from grader.writing import write_whole


@dataclass(frozen=True)
class _Cell:
    """A student's exercise, as it is shown: `kind` is its colour, `page` the teacher's page of it, if there is one."""

    exercise: str
    title: str
    text: str
    told: str
    points: str
    kind: str
    page: str


@dataclass(frozen=True)
class _Row:
    """A student, as shown."""

    name: str
    file: str
    percent: str
    grade: str
    final: bool
    kind: str
    passed: int
    risks: list[str]
    cells: list[_Cell]

    @property
    def page(self) -> str:
        return f"{COURSE_PAGES}/{self.file}"


def write_course_pages(results: Path, found: CourseGradebook) -> Path:
    """Write the pages; the course's.

    Raises
    ------
    UsageError
        They cannot be written.
    """
    titles = {one.exercise: one.title for one in found.exercises}
    rows = [_row(results, one, titles) for one in found.people]
    style = sheet("style.css", "course.css")
    page = template("course.html.j2").render(
        style=style,
        title=found.title,
        pass_mark=found.pass_mark,
        people=rows,
        passed=sum(one.percent is not None and one.percent >= found.pass_mark - 1e-9 for one in found.people),
        at_risk=[row for row in rows if row.risks],
        troubled=[one for one in found.exercises if one.trouble],
        several=[plain(one, 400) for one in found.several],
        exercises=[
            one.model_dump()
            | {
                "page": f"{quote(one.exercise)}/{INDEX}",
                "mean": "–" if one.mean_percent is None else f"{one.mean_percent:.0f} %",
            }
            for one in found.exercises
        ],
    )
    folder = results / COURSE_PAGES
    try:
        folder.mkdir(exist_ok=True)
        for old in set(folder.glob("*.html")) - {folder / row.file for row in rows}:
            old.unlink()
        for place, row in enumerate(rows):
            before, after = rows[place - 1] if place else None, rows[place + 1] if place + 1 < len(rows) else None
            own = template("course_person.html.j2").render(
                style=style, title=found.title, person=row, before=before, after=after
            )
            write_whole(folder / row.file, own, sync=False)
        write_whole(results / INDEX, page, sync=False)
    except OSError as error:
        raise not_written(results, error) from None
    return results / INDEX


def _row(results: Path, person: Person, titles: dict[str, str]) -> _Row:
    percent = "" if person.percent is None else f"{person.percent:.0f} %"
    kind = "" if person.passed is None else person.verdict
    return _Row(
        name=plain(person.student, 80),
        file=f"{folder_name(person.student)}.html",
        percent=percent,
        grade=plain(person.grade, 40),
        final=person.final,
        kind=kind,
        passed=sum(mark.passed is True for mark in person.marks),
        risks=person.risks,
        cells=[_cell(results, mark, titles[mark.exercise]) for mark in person.marks],
    )


def _cell(results: Path, mark: Mark, title: str) -> _Cell:
    own = Results(results / mark.exercise).folder(mark.called)
    there = mark.status != "missing" and (own / STAFF).is_file()
    page = "/".join(quote(part) for part in (mark.exercise, "students", own.name, STAFF)) if there else ""
    if mark.percent is None:
        kind = "missing" if mark.verdict == "missing" else "ungraded"
        told = WORDS[mark.verdict]
        text = "–" if mark.status == "missing" else "?"
        points = ""
    else:
        kind, told = mark.verdict, WORDS[mark.verdict]
        # Rounded down: what is not full is not shown as 100.
        text = f"{int(mark.percent + 1e-9)}"
        points = f"{number(round(mark.score or 0.0, 2))} of {number(mark.max_score)}"
    if not mark.counts and mark.percent is not None:
        kind, told = f"{kind} dropped", f"{told}; does not count"
    return _Cell(mark.exercise, title, text, told, points, kind, page)
