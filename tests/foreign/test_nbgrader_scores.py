"""The points that we give for what students handed in for nbgrader, beside those that nbgrader itself gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.exercise import load
from grader.foreign.nbgrader import places, read
from grader.foreign.writing import write_exercise
from grader.grading import Options, grade
from grader.kernel.warm import Warm
from grader.submission import Submission
from tests.foreign.nbgrader.course import NAMES, Course, expected
from tests.foreign.nbgrader.graded import differences, grade_course, points

BY_COMMAND = "hashes"  # the shortest; the others are graded without starting the command


@pytest.mark.parametrize("name", NAMES)
def test_the_points_are_those_of_nbgrader_or_it_is_explained_why_not(
    tmp_path: Path, name: str, warm: Warm | None
) -> None:
    course = Course(name)
    course.write_source(tmp_path)
    (place,) = places(tmp_path)
    assignment = read(place)
    course.write_submissions(assignment.starter, tmp_path)
    if name == BY_COMMAND:
        ours = grade_course(tmp_path, name, course.students)
    else:
        exercise = load(write_exercise(assignment, tmp_path / "exercises").folder)
        assert exercise.imported is not None
        ours = {}
        for student in course.students:
            path = tmp_path / "submitted" / student / name / course.notebook
            report = grade(Submission(path), exercise, Options(data="small", warm=warm)).report
            ours[student] = points(report, exercise.imported.file)
    apart = differences(course.said["submission"], expected()[name]["scores"], ours)
    assert [one for one in apart if not one.why] == []
