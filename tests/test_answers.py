"""Closed answers: known as digests only."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.answers import ClosedAnswer, canonical, digest, digests_of, hints_in, read_answers
from grader.errors import ExerciseError


def test_the_right_value_matches_and_a_wrong_one_brings_its_hint() -> None:
    answer = ClosedAnswer("salt", digest("salt", 18), {digest("salt", 12): "The biases are missing."})
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


SECRET = """
[hints]
biases = "The biases are missing."

[shallow]
right = 18
wrong = [[12, "biases"], [9, "That is one layer only."]]

[matrix]
right = [[1, 2], [3, 4.5]]

[edges]
parts = [0.5, -1, [2, 3]]
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Those of an exercise and of its solution, whose answers have been released."""
    exercise, solution = tmp_path / "exercises" / "100", tmp_path / "solutions" / "100"
    for folder in (exercise, solution):
        folder.mkdir(parents=True)
    (solution / "answers.toml").write_text(SECRET)
    (exercise / "answers.toml").write_text(digests_of("100", solution))
    return exercise, solution


def test_what_is_released_recognises_the_answers_and_tells_none(folders: tuple[Path, Path]) -> None:
    exercise, _ = folders
    answers = read_answers("100", exercise)
    assert list(answers) == ["shallow", "matrix", "edges"]
    assert answers["shallow"].matches(18)
    assert not answers["shallow"].matches(12)
    assert answers["shallow"].hint(12) == "The biases are missing."
    assert answers["shallow"].hint(9) == "That is one layer only."
    assert answers["matrix"].matches(np.array([[1, 2], [3, 4.5]]))
    edges = answers["edges"]
    assert sorted([edges.part(0.5), edges.part(-1), edges.part(np.array([2, 3]))]) == [0, 1, 2]  # type: ignore[type-var]
    assert edges.part(7) is None
    assert not edges.matches(0.5)
    text = (exercise / "answers.toml").read_text()
    assert "18" not in re.sub(r"[0-9a-f]{32}", "", text)
    assert digests_of("100", folders[1]) == text


def test_the_order_of_parts_tells_nothing(folders: tuple[Path, Path]) -> None:
    _, solution = folders
    texts = set()
    for parts in ("[1, 2, 3]", "[3, 1, 2]", "[2, 3, 1]"):
        (solution / "answers.toml").write_text(f"[edges]\nparts = {parts}\n")
        texts.add(digests_of("100", solution).partition("[edges]")[2])
    assert len(texts) == 1


def test_each_answer_has_a_salt_of_its_own(folders: tuple[Path, Path]) -> None:
    """Else one that is known would tell that another is the same number."""
    one = read_answers("100", folders[0])["shallow"]
    assert one.right != digest("100-other", 18)
    assert one.right != digest("101-shallow", 18)


def test_hints_are_found_for_the_catalogue(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        assert list(hints_in(folder / "answers.toml")) == ["The biases are missing.", "That is one layer only."]


def test_no_answers_at_all(tmp_path: Path) -> None:
    assert read_answers("100", tmp_path) == {}
    assert digests_of("100", tmp_path) == ""


def test_answers_that_were_corrected_since_are_not_judged_by(folders: tuple[Path, Path]) -> None:
    exercise, solution = folders
    assert read_answers("100", exercise, solution)["shallow"].matches(18)
    (solution / "answers.toml").write_text(SECRET.replace("right = 18", "right = 19"))
    with pytest.raises(ExerciseError) as caught:
        read_answers("100", exercise, solution)
    assert "is not made of" in caught.value.message
    assert "grade release 100" in caught.value.advice
    assert read_answers("100", exercise)  # whoever has no solution is judged by what was handed out
    (exercise / "answers.toml").write_text(digests_of("100", solution))
    assert read_answers("100", exercise, solution)["shallow"].matches(19)
    (exercise / "answers.toml").unlink()
    with pytest.raises(ExerciseError, match="is not made of"):
        read_answers("100", exercise, solution)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a", "is no TOML"),
        ("a = 1", "`a` is no table"),
        ("hints = 3", "`hints` are not all texts"),
        ("[a]\nright = 18", "`a.right` is no digest"),
        ("[a]\nright = 'XYZ'", "`a.right` is no digest"),
        ("[a]\nparts = ['0']", "`a.parts.0` is no digest"),
    ],
)
def test_wrong_digests(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.toml").write_text(text)
    with pytest.raises(ExerciseError) as caught:
        read_answers("100", tmp_path)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nright = 18\nhint = 'b'", "in [a] `hint` is nothing that is known here"),
        ("[a]\nright = 18\nwrong = [12]", "in [a] `wrong.1` is 12, not a list"),
        ("[a]\nright = 18\nwrong = [[12, '']]", "in [a] `wrong.1.2` is empty"),
        ("[a]\nright = 'eighteen'", "'eighteen' in `a` is no number"),
        ("[a]\nright = [[1, 2], [3]]", "in `a` is no number and no table"),
        ("[a]\nwrong = [[12, 'b']]", "`a` has neither `right` nor `parts`"),
        ("[a]\nright = 1\nparts = [1]", "or both"),
        ("[a]\nright = '608'", "'608' in `a` is no number"),
        ("[a]\nright = true", "True in `a` is no number"),
        ("[a]\nright = [1, '2']", "in `a` is no number and no table"),
        ("[a]\nright = 1\nwrong = [[2, 'biases']]", "`a` has the hint 'biases', which [hints] does not have"),
        ("[a]\nright = 1\nwrong = [[1.0, 'The same.']]", "`a` has one number twice"),
        ("[a]\nright = 1\nwrong = [[2, 'One hint.'], [2, 'Another one.']]", "`a` has one number twice"),
        ("[source]\nright = 1", "no answer can be called `source`"),
    ],
)
def test_wrong_answers_of_the_teacher(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.toml").write_text(text)
    with pytest.raises(ExerciseError) as caught:
        digests_of("100", tmp_path)
    assert said in caught.value.message
