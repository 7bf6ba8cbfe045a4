"""A fixture's course graded by `grade import` and `grade batch`, and how that compares with nbgrader's own grading."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.foreign.tests_file import TestsFile, read_tests
from grader.report import Report
from grader.text import number

# Of each student, the points of each test by its cell; None where a person is to give them.
Scores = dict[str, dict[str, float | None]]
Said = dict[str, Any]  # of a submission, by the fixture
GRADE = [sys.executable, "-m", "grader.cli"]


def grade_course(folder: Path, exercise: str, students: Iterable[str]) -> Scores:
    """What `grade batch` gives for what lies in a folder: `source/`, `submitted/`, nbgrader's settings."""
    run([*GRADE, "import", "nbgrader", str(folder), "-o", str(folder / "exercises")], folder)
    results = folder / f"results-{exercise}"
    run([*GRADE, "batch", exercise, str(folder / "submitted"), "-o", str(results)], folder)
    tests = read_tests(folder / "exercises" / exercise)
    assert tests is not None
    reports = {one: (results / "students" / one / "report.json").read_text("utf-8") for one in students}
    return {student: points(Report.model_validate_json(text), tests) for student, text in reports.items()}


def points(report: Report, tests: TestsFile) -> dict[str, float | None]:
    """The points of each test, by its cell."""
    cells = {test.name: test.cell for test in tests.test}
    return {cells[one.name]: None if one.manual or one.status == "error" else one.score for one in report.checks}


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder; not everybody need pass."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode in (0, 1), done.stderr  # 1: not everybody passed


@dataclass(frozen=True)
class Difference:
    """A test for which the two give other points.

    Attributes
    ----------
    why
        As the fixture explains it; empty where it does not, or explains other points.
    """

    student: str
    cell: str
    theirs: float | None
    ours: float | None
    why: str


def differences(submissions: Iterable[Said], theirs: Scores, ours: Scores) -> list[Difference]:
    """Every test of every student for which they give other points, or for which ours are not those explained."""
    return [one for said in submissions for one in _of(said, theirs, ours[said["name"]])]


def _of(said: Said, theirs: Scores, ours: dict[str, float | None]) -> Iterator[Difference]:
    of_them, wanted = theirs[said["name"]], meant(said, theirs)
    for cell in sorted(ours.keys() | wanted.keys()):
        points = ours.get(cell)
        if points != of_them.get(cell) or points != wanted.get(cell):
            explained = cell in ours and cell in wanted and points == wanted[cell]
            yield Difference(said["name"], cell, of_them.get(cell), points, said["ours"]["why"] if explained else "")


def meant(said: Said, theirs: Scores) -> dict[str, float | None]:
    """The points that a submission is to have here: nbgrader's, and those that the fixture says are given otherwise."""
    reason = said.get("ours", {})
    return {**theirs[reason.get("as", said["name"])], **reason.get("points", {})}


def told(name: str, submissions: Iterable[Said], theirs: Scores, ours: Scores) -> str:
    """A line for each student, and one for each reason."""
    submissions = list(submissions)
    apart = differences(submissions, theirs, ours)
    lines = []
    for student in [said["name"] for said in submissions]:
        by_them = total(theirs[student]) if theirs[student] else "broke off"
        lines.append(f"{name:10} {student:16} nbgrader {by_them:>9}   grade batch {total(ours[student]):>9}")
        of_student = [one for one in apart if one.student == student]
        lines += [f"    {why}" for why in sorted({one.why for one in of_student if one.why})]
        lines += [f"    {one.cell}: {one.theirs} and {one.ours}: NOT EXPLAINED" for one in of_student if not one.why]
    return "\n".join(lines)


def total(scores: Mapping[str, float | None]) -> str:
    """All points together, and how many tests or answers wait for a person."""
    pending = sum(points is None for points in scores.values())
    return number(sum(points or 0.0 for points in scores.values())) + (f" +{pending}?" if pending else "")
