"""What the last line of a test cell says of its points."""

from __future__ import annotations

import numpy as np
import pytest

from grader.foreign.nbgrader_points import points_of


@pytest.mark.parametrize(
    ("value", "code", "points"),
    [
        (1.5, "x = 1\nscore", 1.5),
        (0, "score", 0.0),
        (2, "score", 2.0),
        (2.5, "score", 0.0),
        (-1, "score", 0.0),
        (float("nan"), "score", 0.0),
        (float("inf"), "score", 0.0),
        (True, "score", None),
        ("0.5", "score", None),
        ([1], "score", None),
        (None, "print(1)", None),
        (np.float64(0.5), "score", None),  # NumPy 2 shows it as `np.float64(0.5)`
        (0.5, "score;", None),
        (0.5, "score = 0.5", None),
        (0.5, "", None),
        (0.5, "not python(", None),
    ],
)
def test_a_number_that_is_shown_is_the_points(value: object, code: str, points: float | None) -> None:
    assert points_of(value, code, 2) == points
