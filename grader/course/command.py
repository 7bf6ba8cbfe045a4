"""`grade course RESULTS`: the gradebook of a course, its pages, and what goes to a platform."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.batch.override import update
from grader.batch.pages import freshen
from grader.course.gradebook import CourseGradebook, exercises_in, load_course, write_course
from grader.course.pages import write_course_pages
from grader.course.same import joined, names_of
from grader.errors import UsageError
from grader.grades.course_rules import CourseRules
from grader.grades.grades import Grade, Grades, load_grades
from grader.grades.results import Results
from grader.platforms import moodle
from grader.platforms.export import Export, entries_of, fill_sheet, give, sheet_of
from grader.platforms.moodle_gradebook import fill as moodle_gradebook
from grader.platforms.moodle_gradebook import is_worksheet
from grader.platforms.roster import Entry, Filled, Left
from grader.result_files import COURSE
from grader.text import count, listed, plain

_NUMBERED = re.compile(r"(.+)_\d{1,18}", re.DOTALL)
_MOST = 10  # students who are told of; the page has them all


def present(results: Path, rules: CourseRules, console: Console) -> tuple[Path, CourseGradebook]:
    """Write the gradebook and the pages, and tell what stands out; the course's page, and the gradebook.

    Raises
    ------
    UsageError
        There are no results, or a file of theirs is wrong.
    """
    found, index = written(results, rules, console)
    for line in _lines(found):
        console.print(line)
    console.print(f"The course: open {plain(str(index), 400)}", soft_wrap=True)
    return index, found


def written(
    results: Path, rules: CourseRules, console: Console, in_haste: bool = False
) -> tuple[CourseGradebook, Path]:
    """Write the gradebook and the pages, those of classes too where the course's rules move them.

    Parameters
    ----------
    in_haste
        Leave the classes' as they are.

    Returns
    -------
    The gradebook, and the course's page.

    Raises
    ------
    UsageError
        There are no results, or a file of theirs is wrong.
    """
    found = load_course(results, rules)
    if not in_haste:
        _bring_up_to_date(results, rules, console)
    write_course(results, found)
    index = write_course_pages(results, found)
    for path in () if in_haste else exercises_in(results).values():
        freshen(path)
    return found, index


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
                f"handed in. Say under [same] in {COURSE} which of them are one.",
                "yellow",
            )
        )
    lines += [Text(plain(one, 400), "yellow") for one in found.several[:_MOST]]
    if len(found.several) > _MOST:
        lines.append(Text(f"and {len(found.several) - _MOST} more with several grades, on the page", "yellow"))
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


def _entries(results: Path, rules: CourseRules) -> Iterator[tuple[str, tuple[list[str], list[Entry]]]]:
    """For each exercise what it may be called, and everybody's grade that counts, under all of their names."""
    for exercise, folder in exercises_in(results).items():
        called, entries = entries_of(folder)
        chosen = {grade.student: student for student, grade in joined(load_grades(folder), rules)[0].items()}
        yield (
            exercise,
            (
                called,
                [
                    replace(entry, names=names_of(chosen[entry.student], rules))
                    for entry in entries
                    if entry.student in chosen
                ],
            ),
        )


def fill_moodle(
    results: Path, rules: CourseRules, found: CourseGradebook, one: Export, console: Console, complaints: Console
) -> int:
    """Fill Moodle's gradebook, or one assignment's worksheet with what the course comes to; the exit code as of Canvas.

    Whose course is not all graded yet has no percent: that is no zero.

    Raises
    ------
    UsageError
        It is no such sheet, or nothing of the course has a column in it.
    """
    percents = [person.percent if person.final else None for person in found.people]
    totals = [
        Entry(
            Grade(student=person.student, status="pending", score=percent, max_score=100),
            names=names_of(person.student, rules),
        )
        for person, percent in zip(found.people, percents, strict=True)
    ]
    raw, name = sheet_of(one)
    if is_worksheet(raw, name):
        done = moodle.fill(raw, name, totals, one.columns, comments=False)
    else:
        # Numbers of participants are an assignment's own, and no student's here: without the place nobody has one.
        exercises = {
            exercise: (
                called,
                [replace(entry, grade=entry.grade.model_copy(update={"place": ""}), report=None) for entry in entries],
            )
            for exercise, (called, entries) in _entries(results, rules)
        }
        done = moodle_gradebook(raw, name, exercises, totals, one.columns)
    waiting = [person.student for person in found.people if not person.final]
    if waiting:
        done.remarks.append(f"Not all graded yet, so without the course's percent: {count(len(waiting), 'student')}.")
    return give(replace(one, out=one.out or str(results / "moodle.csv")), done, None, console, complaints)


def fill_canvas(
    results: Path,
    rules: CourseRules,
    sheet: Path,
    out: str,
    columns: Mapping[str, str],
    console: Console,
    complaints: Console,
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
    for name, (called, entries) in _entries(results, rules):
        try:
            done = fill_sheet(one, called, entries, content)
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
