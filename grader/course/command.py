"""`grade course RESULTS`: the gradebook of a course, its pages, and what goes to a platform."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.batch.override import update
from grader.course.gradebook import CourseGradebook, exercises_in, load_course, write_course
from grader.course.pages import write_course_pages
from grader.errors import UsageError
from grader.grades.course_rules import CourseRules, course_rules
from grader.grades.grades import Grade, Grades, load_grades
from grader.grades.results import Results
from grader.platforms import moodle
from grader.platforms.export import Export, entries_of, fill_sheet, give, sheet_of
from grader.platforms.moodle_gradebook import fill as moodle_gradebook
from grader.platforms.moodle_gradebook import is_worksheet
from grader.platforms.roster import Entry, Filled, Left
from grader.text import count, listed, plain

_NUMBERED = re.compile(r"(.+)_\d{1,18}", re.DOTALL)
_MOST = 10  # students who are told of; the page has them all


def present(results: Path, rules: Path | None, console: Console) -> tuple[Path, CourseGradebook]:
    """Write the gradebook and the pages, and tell what stands out; the course's page, and the gradebook.

    Raises
    ------
    UsageError
        There are no results, or a file of theirs, or of the rules, is wrong.
    """
    found, index = written(results, rules, console)
    for line in _lines(found):
        console.print(line)
    console.print(f"The course: open {plain(str(index), 400)}", soft_wrap=True)
    return index, found


def written(results: Path, rules: Path | None, console: Console) -> tuple[CourseGradebook, Path]:
    """Write the gradebook and the pages, those of classes too where the course's rules move them.

    Returns
    -------
    The gradebook, and the course's page.

    Raises
    ------
    UsageError
        There are no results, or a file of theirs, or of the rules, is wrong.
    """
    said = course_rules(rules, results)
    found = load_course(results, said)
    _bring_up_to_date(results, said, console)
    write_course(results, found)
    return found, write_course_pages(results, found)


def _bring_up_to_date(results: Path, rules: CourseRules, console: Console) -> None:
    """Where the course's rules say another pass mark than a class was graded by, its gradebook and pages follow."""
    for name, path in exercises_in(results).items():
        if _as_said(load_grades(path), name, rules) is None:
            continue
        folder = Results(path)
        with folder.lock():
            grades = _as_said(load_grades(path), name, rules)
            if grades is not None:
                update(path, folder, grades, folder.all(grades.with_reports()))
        console.print(f"{plain(name, 40)}: gradebook and pages follow the course's pass mark.", soft_wrap=True)


def _as_said(grades: Grades, exercise: str, rules: CourseRules) -> Grades | None:
    """The grades by the course's pass mark; None where they are already."""
    share = rules.share_to_pass(exercise, grades.pass_mark)
    if all(abs(one.pass_mark - share) < 1e-9 for one in grades.grades):
        return None
    by_mark = [one.model_copy(update={"pass_mark": share}) for one in grades.grades]
    return grades.model_copy(update={"grades": by_mark})


def _lines(found: CourseGradebook) -> list[Text | Table]:
    exercises = Table("Exercise", "Handed in", "Passed", "Mean", box=None, header_style="bold")
    for one in found.exercises:
        mean = "–" if one.mean_percent is None else f"{one.mean_percent:.0f} %"
        exercises.add_row(
            Text(f"{one.exercise} {one.title}"), f"{one.handed_in} of {one.students}", str(one.passed), mean
        )
    lines: list[Text | Table] = []
    if found.without_results:
        named = listed([plain(one, 40) for one in found.without_results])
        there = listed([one.exercise for one in found.exercises])
        lines.append(Text(f"The rules name {named}, of which there are no results; there are {there}."))
    if twice := _of_one_name(found):
        lines.append(
            Text(
                f"Of one name: {listed([plain(one, 40) for one in twice[:_MOST]])}. Moodle numbers them anew in each "
                "assignment, so that what belongs together cannot be told, and exercises may be missing that they "
                "handed in. Look at these by hand.",
                "yellow",
            )
        )
    lines += [
        Text(f"{count(len(found.exercises), 'exercise')}, {count(len(found.people), 'student')}"),
        exercises,
    ]
    at_risk = [one for one in found.people if one.risks]
    if at_risk:
        lines.append(Text(f"To look after: {count(len(at_risk), 'student')}", "bold"))
        lines += [Text(f"  {plain(one.student, 40)}: {' '.join(one.risks)}") for one in at_risk[:_MOST]]
        if len(at_risk) > _MOST:
            lines.append(Text(f"  and {len(at_risk) - _MOST} more, on the page"))
    return lines


def _of_one_name(found: CourseGradebook) -> list[str]:
    """Students who are told from others of their name by a number, and are not known in every exercise."""
    numbered = {one.student: match[1] for one in found.people if (match := _NUMBERED.fullmatch(one.student))}
    times = Counter(numbered.values())
    return [
        one.student
        for one in found.people
        if times[numbered.get(one.student, "")] > 1 and any(mark.status == "missing" for mark in one.marks)
    ]


def fill_moodle(results: Path, found: CourseGradebook, one: Export, console: Console, complaints: Console) -> int:
    """Fill Moodle's gradebook, or one assignment's worksheet with what the course comes to; the exit code as of Canvas.

    Whose course is not all graded yet has no percent: that is no zero.

    Raises
    ------
    UsageError
        It is no such sheet, or nothing of the course has a column in it.
    """
    percents = [person.percent if person.final else None for person in found.people]
    totals = [
        Entry(Grade(student=person.student, status="pending", score=percent, max_score=100))
        for person, percent in zip(found.people, percents, strict=True)
    ]
    raw, name = sheet_of(one)
    if is_worksheet(raw, name):
        done = moodle.fill(raw, name, totals, one.columns, comments=False)
    else:
        # Numbers of participants are an assignment's own, and no student's here: without the place nobody has one.
        exercises = {
            exercise: (called, [Entry(entry.grade.model_copy(update={"place": ""})) for entry in entries])
            for exercise, (called, entries) in ((at, entries_of(path)) for at, path in exercises_in(results).items())
        }
        done = moodle_gradebook(raw, name, exercises, totals, one.columns)
    waiting = [person.student for person in found.people if not person.final]
    if waiting:
        done.remarks.append(f"Not all graded yet, so without the course's percent: {count(len(waiting), 'student')}.")
    return give(replace(one, out=one.out or str(results / "moodle.csv")), done, None, console, complaints)


def fill_canvas(
    results: Path, sheet: Path, out: str, columns: Mapping[str, str], console: Console, complaints: Console
) -> int:
    """Fill every exercise's column of Canvas's gradebook; the exit code: 1 where something is left to be filled in.

    Raises
    ------
    UsageError
        It is no such sheet, or no exercise has a column in it.
    """
    total, without = Filled(b""), list[str]()
    out = out or str(results / "canvas.csv")
    one = Export("canvas", str(results), sheet, out, columns=columns, of_course=True)
    content: bytes | None = None
    for name, folder in exercises_in(results).items():
        try:
            done = fill_sheet(one, folder, content)
        except UsageError as error:
            without.append(f"{name}: {error.message}")
            continue
        content = done.content
        total.filled = max(total.filled, done.filled)
        total.left += [Left(f"{who.student} ({name})", who.reason) for who in done.left]
        total.remarks += [remark for remark in done.remarks if remark not in total.remarks]
    if content is None:
        raise UsageError("No exercise has a column in this gradebook.", " ".join(without[:3]))
    total.content = content
    total.remarks += [f"No column was filled for {told}" for told in without]
    return give(one, total, None, console, complaints) or int(bool(without))
