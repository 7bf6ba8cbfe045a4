"""What a notebook claims: told in a few words, taken as numbers."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.checks.expect import (
    expect_count,
)
from grader.claims import numeric, refuse_placeholder, shape_told, told, whole_number
from grader.errors import WrongKind
from grader.kernel.wire import Opaque

ELLIPSIS = Opaque("ellipsis")
EMPTY_AND_LONG = np.empty((10_000_000, 0))


def claims() -> st.SearchStrategy[Any]:
    """Anything that `wire.decode` may give."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.just(10**4000)
        | st.floats()
        | st.text(max_size=20)
        | st.builds(Opaque, st.text(max_size=10))
        | hnp.arrays(
            st.sampled_from(["|b1", "|i1", "<u8", "<i8", "<f2", "<f4", "<f8"]), hnp.array_shapes(min_dims=0, min_side=0)
        )
    )
    keys = st.text(max_size=5) | st.integers() | st.none() | st.tuples(st.integers())
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=4).map(tuple)
            | st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=8,
    )


@given(claims())
def test_anything_can_be_told_in_a_few_words(value: Any) -> None:
    assert len(told(value)) < 200


def test_an_empty_array_with_a_long_axis_is_not_written_out() -> None:
    assert told(EMPTY_AND_LONG) == "an array of shape (10000000, 0)"


@pytest.mark.parametrize("value", [np.zeros((4,) * 11, np.int8), "x" * 10**6, [0] * 10**5, 10**4000])
def test_what_a_dictionary_holds_is_not_written_out(value: Any) -> None:
    begun = time.process_time()
    assert len(told({1: value})) <= 120
    assert time.process_time() - begun < 10  # at once; written out it takes minutes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1: Opaque("Tokenizer")}, "a dict of 1 item"),
        ({1: 2.5}, "{1: 2.5}"),
        (ELLIPSIS, "still `...`"),
        (Opaque("function"), "a function"),
        (Opaque("Tokenizer"), "an object of type Tokenizer"),
        (np.array([1, 2]), "[1, 2]"),
        (np.zeros((3, 4)), "an array of shape (3, 4)"),
        ("text", "the text 'text'"),
        (True, "True"),
        (None, "None"),
        (3, "3"),
        (0.1 + 0.2, "0.3"),
        ([1, 2], "[1, 2]"),
        ((1,), "(1,)"),
        ([1] * 9, "a list of 9 items"),
        (["a"], "a list of 1 item"),
        ({"a": 1}, "a dict of 1 item"),
    ],
)
def test_told(value: Any, words: str) -> None:
    assert told(value) == words


def test_shapes_are_told_as_students_write_them() -> None:
    assert [shape_told(s) for s in ((), (3,), (None, 10))] == ["()", "(3,)", "(N, 10)"]


def test_other_values_are_no_placeholders() -> None:
    for value in (0, "", [], False, Opaque("function"), np.zeros(3)):
        refuse_placeholder(value, "x")


# ---------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("value", "array"),
    [
        (3, 3.0),
        (True, 1.0),
        ([1, 2], [1.0, 2.0]),
        ([[1, 2.5], (3, 4)], [[1.0, 2.5], [3.0, 4.0]]),
        ([np.array([1, 2]), np.array([3, 4])], [[1.0, 2.0], [3.0, 4.0]]),
        (np.array([1, 2], "<f2"), [1.0, 2.0]),
        (np.array(True), 1.0),
        ([], []),
    ],
)
def test_numeric_takes_numbers_in_any_dress(value: Any, array: Any) -> None:
    made = numeric(value, "x")
    assert made.dtype == np.float64
    np.testing.assert_array_equal(made, array)


@pytest.mark.parametrize(
    "value",
    [
        "18",
        Opaque("function"),
        {"a": 1},
        [1, [2]],
        [1, "2"],
        [np.zeros(2), np.zeros(3)],
        10**400,
        [10**400],
        np.array(["a"]),
        np.array([1j]),
    ],
)
def test_numeric_refuses_what_is_no_number(value: Any) -> None:
    with pytest.raises(WrongKind):
        numeric(value, "x")


@pytest.mark.parametrize(
    "value", [18, 18.0, np.array(18), np.array([18]), np.array([[18.0]]), [18], [[18]], np.array(18, "|u1")]
)
def test_a_whole_number_in_any_dress(value: Any) -> None:
    assert whole_number(value, "x") == 18
    assert expect_count(value, 18, "x") == 18


@pytest.mark.parametrize(
    "value", [True, np.array(True), np.array([True]), 18.5, float("nan"), float("inf"), [18, 18], "18", [], np.zeros(0)]
)
def test_no_whole_number(value: Any) -> None:
    with pytest.raises(WrongKind):
        whole_number(value, "x")
