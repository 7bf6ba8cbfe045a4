"""The points of `grade batch` on what students handed in for nbgrader, beside those that nbgrader itself gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.foreign.nbgrader import places, read
from tests.foreign.nbgrader.course import NAMES, Course, expected
from tests.foreign.nbgrader.graded import differences, grade_course


@pytest.mark.parametrize("name", NAMES)
def test_the_points_are_those_of_nbgrader_or_it_is_explained_why_not(tmp_path: Path, name: str) -> None:
    course = Course(name)
    course.write_source(tmp_path)
    (place,) = places(tmp_path)
    course.write_submissions(read(place).starter, tmp_path)
    ours = grade_course(tmp_path, name, course.students)
    apart = differences(course.said["submission"], expected()[name]["scores"], ours)
    assert [one for one in apart if not one.why] == []
