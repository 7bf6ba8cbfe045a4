"""One gradebook of a course: every student's share of each exercise, and what it comes to.

::

    results/EXERCISE/      what `grade batch` found, an exercise a folder
    results/course.json    the gradebook, for programs
    results/course.csv     the same, for a spreadsheet
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from grader.course.same import check_names, joined
from grader.errors import UsageError
from grader.grades.course_rules import CourseRules
from grader.grades.gradebook import Summary, load_summary
from grader.grades.grades import Grade, Grades, Status, load_grades
from grader.pass_mark import PASSED, WORDS, Verdict, verdict
from grader.record import Record
from grader.result_files import COURSE_CSV, COURSE_JSON, GRADES
from grader.spreadsheet import csv_text, safe
from grader.text import count, number, plain
from grader.writing import write_whole

_RECENT = 3  # exercises that are compared with those before
_FALLEN = 20.0  # percent that these are lower
_BADLY = 70.0  # percent of the points, or of the students who handed in, below which an exercise went badly


class Mark(Record):
    """A student's exercise.

    Attributes
    ----------
    percent
        Of the points; None where there is no grade yet, or nothing was handed in.
    counts
        Whether it is among those that the course's grade is made of.
    verdict
        What the points come to.
    passed
        None where it is not graded yet.
    called
        What the student is called in the exercise's results.
    """

    exercise: str
    status: Status
    verdict: Verdict
    score: float | None
    max_score: float
    percent: float | None
    counts: bool = False
    passed: bool | None = None
    called: str = ""


class Person(Record):
    """A student's course.

    Attributes
    ----------
    percent
        Of the whole; exercises that are not graded yet are left out. None where nothing is graded.
    final
        Whether all that counts is graded.
    grade
        By the scale; empty without one, and as long as it is not final.
    verdict
        What the percent come to; pending as long as it is not final.
    risks
        Why somebody should look after this student, in sentences.
    """

    student: str
    marks: list[Mark]
    percent: float | None
    final: bool
    passed: bool | None
    verdict: Verdict
    grade: str = ""
    risks: list[str] = Field(default_factory=list)


class Column(Record):
    """An exercise over the class, passed from `pass_mark` percent on; `trouble` tells why it went badly."""

    exercise: str
    title: str
    max_score: float
    weight: float
    bonus: bool
    pass_mark: float
    students: int
    handed_in: int
    passed: int
    mean_percent: float | None
    trouble: list[str] = Field(default_factory=list)


class CourseGradebook(Record):
    """All of it, students and exercises sorted by their names.

    Attributes
    ----------
    without_results
        Exercises that the rules name and of which there are no results, yet or by a slip of the pen.
    several
        Who has several grades for one exercise, under the names that the rules join, and which counts; sentences.
    """

    schema_version: Literal[1] = 1
    title: str
    pass_mark: float
    exercises: list[Column]
    people: list[Person]
    without_results: list[str] = Field(default_factory=list)
    several: list[str] = Field(default_factory=list)


def exercises_in(results: Path) -> dict[str, Path]:
    """The folders of results of a course, by exercise.

    Raises
    ------
    UsageError
        There are none.
    """
    found = {path.parent.name: path.parent for path in sorted(results.glob(f"*/{GRADES}"))}
    if not found:
        raise UsageError(
            f"There are no exercises' results in {plain(str(results))}.",
            "Grade the course first: grade batch SUBMISSIONS -o RESULTS.",
        )
    return found


def load_course(results: Path, rules: CourseRules) -> CourseGradebook:
    """The gradebook of a course, as its exercises' results and the rules make it.

    Raises
    ------
    UsageError
        There are no results, a file of theirs is damaged, or the rules join a name that nobody has.
    """
    folders = exercises_in(results)
    classes = {name: load_grades(folder) for name, folder in folders.items()}
    return gradebook(classes, {name: load_summary(folder) for name, folder in folders.items()}, rules)


def gradebook(classes: Mapping[str, Grades], summaries: Mapping[str, Summary], rules: CourseRules) -> CourseGradebook:
    """The gradebook of these exercises' grades.

    Raises
    ------
    UsageError
        The rules join a name that nobody has.
    """
    check_names(rules, (one.student for found in classes.values() for one in found.grades))
    by_name, several = {}, list[str]()
    for name, found in classes.items():
        by_name[name], said = joined(found, rules)
        several += said
    students = sorted(
        {student for one in by_name.values() for student in one}, key=lambda name: (name.casefold(), name)
    )
    people = []
    for student in students:
        marks = []
        for name, found in classes.items():
            grade = by_name[name].get(student)
            if grade is None:  # nothing of this exercise came from them
                grade = Grade(student=student, status="missing", max_score=found.max_score)
            marks.append(_mark(name, grade, rules.share_to_pass(name, found.pass_mark)))
        people.append(_person(student, marks, rules))
    columns = [_column(name, classes[name], summaries.get(name), people, rules) for name in classes]
    return CourseGradebook(
        title=plain(rules.title) or "The course",
        pass_mark=rules.pass_mark,
        exercises=columns,
        people=people,
        without_results=sorted(set(rules.exercises) - set(classes)),
        several=several,
    )


def _mark(exercise: str, grade: Grade, share_to_pass: float) -> Mark:
    told = grade.model_copy(update={"pass_mark": share_to_pass}).verdict
    pending = told == "pending"  # a person has still to judge a part of it
    score = None if pending else grade.score
    waits = pending or (score is None and grade.status != "missing")
    return Mark(
        exercise=exercise,
        status="pending" if pending else grade.status,
        verdict=told,
        score=score,
        max_score=grade.max_score,
        percent=None if score is None else _percent(score, grade.max_score),
        passed=None if waits else told in PASSED,
        called=grade.student,
    )


def _percent(score: float, of: float) -> float:
    return round(100 * score / of, 6) if of else 0.0


def _waits(mark: Mark) -> bool:
    """Whether it is not known yet what it will come to, which is no zero."""
    return mark.percent is None and mark.status != "missing"


def _person(student: str, marks: list[Mark], rules: CourseRules) -> Person:
    regular = [mark for mark in marks if not rules.of(mark.exercise).bonus]
    keep = rules.best if rules.best is not None else max(1, len(regular) - rules.drop)
    known = [mark for mark in regular if not _waits(mark)]
    # The best by their share; of equal ones those that weigh more.
    known.sort(key=lambda mark: (mark.percent or 0.0, rules.of(mark.exercise).weight), reverse=True)
    counting = known[:keep]
    bonus = [mark for mark in marks if rules.of(mark.exercise).bonus and mark.percent is not None]
    for mark in (*counting, *bonus):
        mark.counts = True
    possible = sum(rules.of(mark.exercise).weight for mark in counting)
    reached = sum(rules.of(mark.exercise).weight * (mark.percent or 0.0) for mark in (*counting, *bonus))
    percent = round(min(100.0, reached / possible), 6) if possible else None
    final = not any(map(_waits, marks))
    known_yet = None if percent is None or not final else percent
    told = verdict("pending", known_yet, 100.0, rules.pass_mark / 100)
    return Person(
        student=student,
        marks=marks,
        percent=percent,
        final=final,
        passed=None if known_yet is None else told in PASSED,
        verdict=told,
        grade=rules.grade(percent) if final and percent is not None else "",
        risks=_risks(marks, percent, rules),
    )


def _risks(marks: Sequence[Mark], percent: float | None, rules: CourseRules) -> list[str]:
    risks = []
    regular = [mark for mark in marks if not rules.of(mark.exercise).bonus]
    missing = [mark for mark in regular if mark.status == "missing" and mark.score is None]
    if len(regular) > 1 and all(mark in missing for mark in regular[-2:]):
        risks.append("Nothing was handed in for the last two exercises.")
    elif len(missing) * 3 >= len(regular) and len(missing) > 1:
        risks.append(f"Nothing was handed in for {len(missing)} of {count(len(regular), 'exercise')}.")
    shares = [mark.percent for mark in regular if mark.percent is not None]
    if len(shares) >= 2 * _RECENT:
        before, after = statistics.fmean(shares[:-_RECENT]), statistics.fmean(shares[-_RECENT:])
        if before - after >= _FALLEN:
            risks.append(f"Falling: {after:.0f} % in the last {_RECENT} exercises, {before:.0f} % before.")
    ungraded = [mark for mark in marks if mark.status == "ungraded" and mark.score is None]
    if len(ungraded) > 1:
        risks.append(f"{count(len(ungraded), 'exercise')} could not be graded, which is not the student's fault.")
    if percent is not None and percent < rules.pass_mark - 1e-9:
        risks.append(f"Below the pass mark: {percent:.0f} % of {number(rules.pass_mark)} %.")
    return risks


def _column(name: str, grades: Grades, summary: Summary | None, people: Sequence[Person], rules: CourseRules) -> Column:
    marks = [mark for one in people for mark in one.marks if mark.exercise == name]
    shares = [mark.percent for mark in marks if mark.percent is not None]
    handed_in = sum(mark.status != "missing" for mark in marks)
    mean = round(statistics.fmean(shares), 6) if shares else None
    trouble = []
    if handed_in * 100 < _BADLY * len(marks):
        trouble.append(f"{handed_in} of {count(len(marks), 'student')} handed in.")
    ungraded = sum(mark.status == "ungraded" for mark in marks)
    if ungraded * 10 >= max(1, handed_in):
        trouble.append(f"{ungraded} could not be graded: the exercise or this machine is to be looked at.")
    if mean is not None and mean < _BADLY and summary is not None:
        for check in [one for wanted in summary.most_failed[:2] for one in summary.checks if one.name == wanted]:
            said = f' Most often: "{plain(check.messages[0].text, 200)}"' if check.messages else ""
            trouble.append(f"{check.failed} failed “{plain(check.title, 120).rstrip('.')}”.{said}")
    return Column(
        exercise=name,
        title=plain(grades.title),
        max_score=grades.max_score,
        weight=rules.of(name).weight,
        bonus=rules.of(name).bonus,
        pass_mark=round(100 * rules.share_to_pass(name, grades.pass_mark), 6),
        students=len(marks),
        handed_in=handed_in,
        passed=sum(mark.passed is True for mark in marks),
        mean_percent=mean,
        trouble=trouble,
    )


def write_course(results: Path, found: CourseGradebook) -> None:
    """Write `course.json` and `course.csv`.

    Raises
    ------
    UsageError
        They cannot be written.
    """
    try:
        write_whole(results / COURSE_JSON, found.model_dump_json(indent=2) + "\n")
        write_whole(results / COURSE_CSV, as_csv(found))
    except OSError as error:
        raise UsageError(
            f"The gradebook in {plain(str(results))} cannot be written: {error.strerror or error}.",
            "Make room there, or see to your access to it.",
        ) from None


def as_csv(found: CourseGradebook) -> str:
    """A row a student: the points of each exercise, then percent, what these come to, grade, and risks."""
    names = [safe(one.exercise) for one in found.exercises]
    rows = [["student", *names, "percent", "final", "passed", "verdict", "grade", "risks"]]
    for one in found.people:
        points = [
            ""
            if mark.status == "missing" and mark.score is None
            else mark.status
            if mark.score is None
            else number(round(mark.score, 2))
            for mark in one.marks
        ]
        percent = "" if one.percent is None else f"{one.percent:.1f}"
        passed = "" if one.passed is None else "yes" if one.passed else "no"
        told = [
            percent,
            "yes" if one.final else "no",
            passed,
            WORDS[one.verdict],
            safe(one.grade),
            safe(" ".join(one.risks)),
        ]
        rows.append([safe(one.student), *points, *told])
    return csv_text(rows)
