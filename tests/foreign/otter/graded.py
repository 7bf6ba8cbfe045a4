"""Otter's fixtures graded by `grade import` and `grade batch`, and where that is not what otter gives."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.foreign.tests_file import read_tests
from grader.intake.names import folder_name
from grader.report import Report
from tests.foreign.nbgrader.graded import GRADE, run, total

Points = Mapping[str, float]  # by question

# What we give otherwise than otter, and why, by assignment and submission.
OTHERWISE: dict[tuple[str, str], tuple[Points, str]] = {
    ("squares", "forged"): (
        {"q1": 0},
        "What is compared is a value, outside; an object that says `4` of itself is none.",
    ),
    ("raises", "forged"): ({"q1": 1}, "A number whose difference to any other is none is no number."),
} | {
    ("forgeries", student): ({"mean": 0}, why)
    for student, why in {
        "an object that equals everything": "The notebook's own comparison decides for otter; here values do.",
        "an object that shows what is asked for": "For otter counts what an object says of itself; here a value.",
        "asserts of a library replaced": "The notebook's own function judges for otter; here the library's does.",
        "comparisons of doctest replaced": "Otter's doctest is the notebook's process's own; here it is not.",
        "files of tests overwritten": "Otter reads its tests from the notebook's folder; here they never get there.",
        "results written by a patched pickle": "Otter unpickles what the notebook's process wrote; here nothing is.",
        "what is expected read out of the test": "Otter's tests lie in the notebook's process; here they do not.",
        "every cell's text replaced by a transformer": "Otter tells no question at all; here its tests are judged.",
    }.items()
}


def grade_handed_in(
    name: str, source: Path, handed_in: Mapping[str, Path], folder: Path
) -> dict[str, dict[str, float]]:
    """What each question of each submission gets from `grade import` and `grade batch`.

    Parameters
    ----------
    source
        The assignment's notebook, as its author wrote it.
    handed_in
        The students' notebooks, as otter itself gave them out.
    folder
        Does not exist yet.
    """
    for student, path in handed_in.items():
        (folder / "submitted" / student).mkdir(parents=True)
        shutil.copy(path, folder / "submitted" / student / path.name)
    run([*GRADE, "import", "otter", str(source), "-o", str(folder / "exercises")], folder)
    run([*GRADE, "batch", name, "submitted", "-o", "results"], folder)
    tests = read_tests(folder / "exercises" / name)
    assert tests is not None
    questions = {test.name: test.group for test in tests.test if test.form != "written"}
    given: dict[str, dict[str, float]] = {}
    for student in handed_in:
        report = Report.model_validate_json(
            (folder / "results" / "students" / folder_name(student) / "report.json").read_text("utf-8")
        )
        of_student = given[student] = dict.fromkeys(questions.values(), 0.0)
        for check in report.checks:
            if check.name in questions:
                of_student[questions[check.name]] += check.score
    return given


def told(name: str, theirs: Mapping[str, Points], ours: Mapping[str, Points]) -> Iterator[tuple[str, bool]]:
    """Lines that tell what each submission gets, and the reason where it is not the same; whether all is explained."""
    for student in theirs:
        meant, why = OTHERWISE.get((name, student), ({}, ""))
        wanted, got = {**theirs[student], **meant}, ours[student]
        fine = all(abs(wanted.get(question, 0) - points) < 0.005 for question, points in got.items())
        yield f"{name:10} {student:44} otter {total(theirs[student]):>6}   grade batch {total(got):>6}", fine
        if why or not fine:
            yield f"    {why if fine else f'NOT EXPLAINED: {dict(theirs[student])} and {got}'}", fine
