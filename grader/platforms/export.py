"""`grade export`: a class's grades, or one report, in the format of a platform."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from rich.console import Console

from grader.errors import UsageError
from grader.exercise import find_exercise
from grader.grades.grades import Grades, load_grades
from grader.grades.results import Results
from grader.platforms import canvas, class_list, github, gradescope, junit, moodle
from grader.platforms.gradescope_autograder import autograder_zip
from grader.platforms.roster import Entry, Filled
from grader.report import Report
from grader.text import count, plain
from grader.writing import write_out

Format = Literal["moodle", "moodle-feedback", "canvas", "gradescope", "gradescope-autograder", "junit", "github", "csv"]
STDOUT = "-"
_MAX_REPORT = 20_000_000
_OF_SHEETS = ("moodle", "canvas")  # that cannot do without one
_TAKE_SHEETS = ("moodle", "moodle-feedback", "canvas", "csv")
_NAMES = {
    "moodle": "moodle.csv",
    "moodle-feedback": "moodle-feedback.zip",
    "canvas": "canvas.csv",
    "junit": "junit.xml",
    "github": "summary.md",
    "csv": "grades.csv",
}
FEEDBACK = "feedback.html"


@dataclass(frozen=True)
class Export:
    """What to export, as it was typed.

    Attributes
    ----------
    source
        A folder of results, a report's file, `-` for a report on standard input; for `gradescope-autograder` an
        exercise.
    sheet
        The platform's own, as it was downloaded; for CSV a class list.
    out
        Where to: a file, or `-` for standard output.
    assignment
        Which of Canvas's, where it cannot be told.
    language
        Of what an autograder tells students; reports have their own.
    columns
        What columns of the sheet are called, by what they are, where that cannot be told.
    of_course
        The source is a course's, of several exercises.
    """

    format: Format
    source: str
    sheet: Path | None = None
    out: str = ""
    assignment: str = ""
    language: str = "en"
    columns: Mapping[str, str] = field(default_factory=dict)
    of_course: bool = False


def run(one: Export, console: Console, complaints: Console) -> int:
    """Write the file; the exit code: 1 where somebody's grade could not be put into it.

    Raises
    ------
    UsageError
        The command, or a file that it was given, is wrong.
    """
    if one.sheet is not None and one.format not in _TAKE_SHEETS:
        raise UsageError(f"The format {one.format} takes no sheet.", "Leave out --sheet.")
    if one.columns and one.sheet is None:
        raise UsageError("There is no sheet of which --columns could tell.", "Name it with --sheet.")
    if one.format in _OF_SHEETS and one.sheet is None:
        where = "grading worksheet" if one.format == "moodle" else "gradebook"
        raise UsageError(f"The {where} is missing.", "Name it, as you downloaded it, with --sheet.")
    if one.format == "gradescope-autograder":
        content = autograder_zip(find_exercise(one.source, Path.cwd()), one.language)
        return give(one, Filled(content, 1), Path("autograder.zip"), console, complaints)
    if one.source != STDOUT and Path(one.source).is_dir():
        return _of_class(one, Path(one.source), console, complaints)
    return _of_report(one, _report(one.source), console, complaints)


# ---------------------------------------------------------------------- a class


def _of_class(one: Export, results: Path, console: Console, complaints: Console) -> int:
    grades = load_grades(results)
    reports = Results(results).all(grade.student for grade in grades.grades)
    entries = [Entry(grade, reports.get(grade.student)) for grade in grades.grades]
    made: dict[str, Callable[[], Filled]] = {
        "moodle": lambda: moodle.fill(*sheet_of(one), entries, one.columns),
        "moodle-feedback": lambda: _feedback(one, results, entries),
        "canvas": lambda: fill_sheet(one, _called(grades, reports), entries),
        "junit": lambda: Filled(junit.of_class(entries, grades.exercise).encode(), len(entries)),
        "csv": lambda: class_list.joined(entries, *sheet_of(one)) if one.sheet else class_list.alone(entries),
    }
    if one.format == "github":
        title = f"{grades.exercise} {grades.title}"
        told = github.summary_of_class(entries, title), github.annotations_of_class(entries)
        return _to_github(one, *told, console, complaints)
    if one.format not in made:
        raise UsageError(
            f"The format {one.format} is of one report.",
            "Name a student's report.json, or what `grade PATH --json` prints.",
        )
    return give(one, made[one.format](), results / _NAMES[one.format], console, complaints)


def fill_sheet(one: Export, called: Sequence[str], entries: Sequence[Entry], filled: bytes | None = None) -> Filled:
    """Canvas's gradebook with these grades of an exercise in it.

    Parameters
    ----------
    called
        What the exercise may be called.
    filled
        The sheet with other exercises' grades in it already; None for the sheet as it was exported.
    """
    raw, name = sheet_of(one)
    content = raw if filled is None else filled
    # A sheet with a single assignment is for the exercise at hand, unless it is for one of several.
    only = not one.of_course
    return canvas.fill(content, name, entries, called, one.assignment, one.columns, only)


def entries_of(results: Path) -> tuple[list[str], list[Entry]]:
    """What an exercise may be called, and everybody's grade."""
    grades = load_grades(results)
    reports = Results(results).all(grade.student for grade in grades.grades)
    return _called(grades, reports), [Entry(grade, reports.get(grade.student)) for grade in grades.grades]


def _called(grades: Grades, reports: dict[str, Report]) -> list[str]:
    """What the exercise may be called, by a platform too."""
    return [grades.title, grades.exercise, *{report.title for report in reports.values()}]


def sheet_of(one: Export) -> tuple[bytes, str]:
    assert one.sheet is not None
    try:
        return one.sheet.read_bytes(), one.sheet.name
    except OSError as error:
        raise UsageError(
            f"{plain(str(one.sheet))} cannot be read: {error.strerror or error}.", "Check the name and your access."
        ) from None


def _feedback(one: Export, results: Path, entries: Sequence[Entry]) -> Filled:
    pages: dict[str, bytes] = {}
    for entry in entries:
        page = Results(results).folder(entry.student) / FEEDBACK
        if page.is_file():
            pages[entry.student] = page.read_bytes()
    if not pages:
        raise UsageError(f"There are no pages in {plain(str(results))}.", f"Make them: grade report {results}")
    if one.sheet is None:
        return moodle.feedback_zip(pages, entries)
    folders, left = moodle.sheet_folders(*sheet_of(one), entries, one.columns)
    done = moodle.feedback_zip(pages, entries, folders)
    why = {one.student: one for one in left}
    done.left = [why.pop(one.student, one) for one in done.left] + list(why.values())
    return done


# ---------------------------------------------------------------------- one report


def _report(source: str) -> Report:
    """The report in a file, or on standard input."""
    known = "Name a folder of results, a report.json, or - for what `grade PATH --json` prints."
    try:
        if source == STDOUT:
            raw = sys.stdin.buffer.read(_MAX_REPORT + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(_MAX_REPORT + 1)
        return Report.model_validate_json(raw[: _MAX_REPORT + 1])
    except FileNotFoundError:
        raise UsageError(f"There is no {plain(source)}.", known) from None
    except OSError as error:
        raise UsageError(f"{plain(source)} cannot be read: {error.strerror or error}.", known) from None
    except (ValidationError, ValueError):
        raise UsageError(f"{'What came in' if source == STDOUT else plain(source)} is no report.", known) from None


def _of_report(one: Export, report: Report, console: Console, complaints: Console) -> int:
    if one.format == "github":
        file = github.path_within(report.submission, os.environ.get("GITHUB_WORKSPACE", str(Path.cwd())))
        told = github.summary_of_report(report), github.annotations_of_report(report, file)
        return _to_github(one, *told, console, complaints)
    if one.format == "gradescope":
        text = gradescope.as_json(gradescope.results(report))
    elif one.format == "junit":
        text = junit.of_report(report)
    else:
        raise UsageError(f"The format {one.format} is of a class.", "Name the folder of results.")
    return give(one, Filled(text.encode("utf-8", "replace"), 1), None, console, complaints)


# ---------------------------------------------------------------------- where to


def _to_github(one: Export, summary: str, annotations: list[str], console: Console, complaints: Console) -> int:
    """The summary to the step's, or where it is asked for; the annotations to standard output, where GitHub reads."""
    step = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if step and not one.out:
        try:
            with Path(step).open("a", encoding="utf-8", errors="replace") as file:
                file.write(summary)
        except OSError as error:
            raise UsageError(
                f"GITHUB_STEP_SUMMARY cannot be written to: {error.strerror or error}.", "Name a file with -o."
            ) from None
    else:
        give(one, Filled(summary.encode("utf-8", "replace")), None, console, complaints)
    for line in annotations:
        print(line)
    return 0


def give(one: Export, done: Filled, usual: Path | None, console: Console, complaints: Console) -> int:
    """Write the file and tell who is not in it; the exit code."""
    out = one.out or (STDOUT if usual is None else str(usual))
    if out == STDOUT:
        sys.stdout.buffer.write(done.content)
        sys.stdout.flush()
        console = complaints
    else:
        _write(Path(out), done.content, one.sheet)
        what = f": {count(done.filled, 'student')}" if one.format in _NAMES and one.format != "github" else ""
        console.print(f"Wrote {plain(out, 1000)}{what}.", soft_wrap=True)
    if done.left:
        console.print(f"Not in it, for you to fill in: {count(len(done.left), 'student')}.", soft_wrap=True)
        for left in sorted(done.left, key=lambda left: left.student):
            console.print(f"  {plain(left.student, 80)}: {left.reason}", soft_wrap=True)
    for remark in done.remarks:
        console.print(remark, soft_wrap=True)
    return 1 if done.left else 0


def _write(path: Path, content: bytes, sheet: Path | None) -> None:
    try:
        if sheet is not None and path.exists() and path.samefile(sheet):
            raise UsageError(f"{plain(str(path))} is the sheet itself, which is kept.", "Name another file with -o.")
        write_out(path, content)
    except OSError as error:
        raise UsageError(
            f"{plain(str(path))} cannot be written: {error.strerror or error}.",
            "Name a file in a folder that is there.",
        ) from None
