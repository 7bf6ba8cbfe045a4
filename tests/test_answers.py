"""Closed answers: known as digests only."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.answers import canonical, closed_answer, digest
from grader.errors import ExerciseError


def test_the_right_value_matches_and_a_wrong_one_brings_its_hint() -> None:
    answer = closed_answer("salt", digest("salt", 18), {digest("salt", 12): "The biases are missing."})
    assert answer.matches(18)
    assert answer.matches(18.0)
    assert not answer.matches(12)
    assert answer.hint(12) == "The biases are missing."
    assert answer.hint(13) == ""


def test_the_digest_hangs_on_the_salt() -> None:
    assert digest("a", 18) != digest("b", 18)


def test_known_digest() -> None:
    # Digests are written into the exercises: a change of the format would turn every right answer into a wrong one.
    assert digest("salt", 18) == "aea5b846a87ca45f288ba9ef103d4a01"
    assert digest("salt", np.array([[1.5, -2.0], [0.0, 235146.0]])) == "a62d5d035eeda55a6a6f33c16e1b4204"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (18, 18.0),
        (0.0, -0.0),
        (0.1 + 0.2 - 0.3, 0),
        (235146.00000001, 235146),
        (17.999999999999996, 18),
        (0.33333, 1 / 3),
        (np.float32(0.1), 0.1),
        (np.array([1, 2]), [1.0, 2.0]),
    ],
)
def test_one_text_for_all_ways_to_write_a_number(one: object, other: object) -> None:
    assert canonical(one) == canonical(other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (235146, 235145),
        (235146, 235100),
        (18, -18),
        (18, 18.1),
        (0.3333, 0.3343),
        ([1, 2], [[1, 2]]),
        ([1, 2], [2, 1]),
        ([[1], [2]], [1, 2]),
        ([12, 3], [1, 23]),
        (0.001, 0),
    ],
)
def test_different_values_have_different_texts(one: object, other: object) -> None:
    assert canonical(one) != canonical(other)  # type: ignore[arg-type]


@given(st.integers(-(10**15), 10**15))
def test_whole_numbers_are_never_rounded(n: int) -> None:
    assert canonical(n) == f"():{n}"


@pytest.mark.parametrize("right", ["18", "", "X" * 32, "0" * 31, "0" * 33])
def test_what_is_no_digest_is_refused(right: str) -> None:
    with pytest.raises(ExerciseError, match="is no digest"):
        closed_answer("salt", right)
    with pytest.raises(ExerciseError, match="is no digest"):
        closed_answer("salt", "0" * 32, {right: "hint"})


def test_the_command_prints_the_digest() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "grader.answers", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = run("salt", "[[1, 2], [3, 4]]")
    assert done.stdout.strip() == digest("salt", np.array([[1, 2], [3, 4]]))
    assert run("salt").returncode != 0
