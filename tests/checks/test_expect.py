"""Comparisons: no false pass, no false fail, and a sentence that says what was found instead."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.answers import ClosedAnswer, digest, digests_of, read_answers
from grader.checks.expect import (
    expect,
    expect_accuracy,
    expect_answer,
    expect_close,
    expect_count,
    expect_dtype,
    expect_finite,
    expect_list,
    expect_several,
    expect_shape,
    expect_word,
    fail,
    wilson_interval,
)
from grader.errors import AnswerMissing, CheckFailed, ExerciseError, SubmissionFault, WrongKind
from grader.kernel.wire import Opaque
from tests.fakes import LocalKernel, run_of

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


def closed(value: Any, answer: ClosedAnswer, what: str, hint: str = "") -> None:
    """Fail unless the value is this closed answer."""
    run = run_of(LocalKernel())
    run.answers = {"x": answer}
    expect_answer(run, "x", hint, value=value, what=what)


ANSWER = ClosedAnswer("t", digest("t", 18), {digest("t", 12): "The biases are missing."})

JUDGES: dict[str, Callable[[Any], Any]] = {
    "shape": lambda v: expect_shape(v, (None, 3), "x"),
    "list": lambda v: expect_list(v, "x", n=3),
    "float": lambda v: expect_dtype(v, "float", "x"),
    "int": lambda v: expect_dtype(v, "int", "x"),
    "bool": lambda v: expect_dtype(v, "bool", "x"),
    "close": lambda v: expect_close(v, [[1.0, 2.0, 3.5]], "x"),
    "close scalar": lambda v: expect_close(v, 12345.678, "x"),
    "count": lambda v: expect_count(v, 987_654_321, "x"),
    "answer": lambda v: closed(v, ClosedAnswer("t", digest("t", 987_654_321)), "x"),
    "accuracy": lambda v: expect_accuracy(v, np.array([5, 3, 7]), above=0.9),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@given(value=claims())
def test_any_claim_is_judged_and_never_trips_the_grader(judge: Callable[[Any], Any], value: Any) -> None:
    """A claim fails with a sentence; any other exception would turn a zero into an "ungraded"."""
    with suppress(SubmissionFault):
        judge(value)


# ---------------------------------------------------------------------- placeholders


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("value", [ELLIPSIS, None], ids=["dots", "None"])
def test_what_is_not_written_yet_is_said_so(judge: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(AnswerMissing) as caught:
        judge(value)
    assert caught.value.hint


# ---------------------------------------------------------------------- conditions


def test_expect() -> None:
    expect(True, "no")
    expect(np.bool_(True), "no")
    with pytest.raises(CheckFailed, match=r"^no$") as caught:
        expect(np.bool_(False), "no", "hint")
    assert caught.value.hint == "hint"
    with pytest.raises(CheckFailed):
        fail("no")


@pytest.mark.parametrize("condition", [1, "yes", [1], np.array([True]), None, Opaque("X")])
def test_a_condition_that_no_comparison_made_is_the_authors_mistake(condition: Any) -> None:
    with pytest.raises(TypeError):
        expect(condition, "no")


def test_a_wrong_count_is_told_and_not_the_right_one() -> None:
    with pytest.raises(CheckFailed) as caught:
        expect_count(17, 18, "`n`", "Count again.")
    assert (caught.value.message, caught.value.hint) == ("`n` is 17.", "Count again.")


# ---------------------------------------------------------------------- shape, dtype


@pytest.mark.parametrize(
    "value",
    [[1, 2.5], (1, 2.5), np.array([1, 2.5]), [[1], [2.5]], np.array([[1], [2.5]]), [np.ones(1), np.full(1, 2.5)]],
)
def test_a_list_of_numbers_in_any_dress(value: Any) -> None:
    assert expect_list(value, "x").tolist() == expect_list(value, "x", n=2).tolist() == [1, 2.5]


@pytest.mark.parametrize("value", [1, [[1, 2]], np.ones((2, 2)), [[[1]], [[2]]]])
def test_no_list_of_numbers(value: Any) -> None:
    with pytest.raises(CheckFailed, match="has shape") as caught:
        expect_list(value, "x", "A list.")
    assert caught.value.hint == "A list."


def test_a_list_of_another_length() -> None:
    with pytest.raises(CheckFailed, match=r"x has shape \(2,\), not \(3,\)"):
        expect_list([1, 2], "x", n=3)


def test_finite() -> None:
    expect_finite(np.array([1.0, 2]), "x")
    for number in (np.nan, np.inf):
        with pytest.raises(CheckFailed, match="x holds NaN or infinite numbers") as caught:
            expect_finite(np.array([1.0, number]), "x", "Why?")
        assert caught.value.hint == "Why?"


def test_shape() -> None:
    expect_shape(np.zeros((5, 10)), (None, 10), "x")
    expect_shape([[1, 2]], (1, 2), "x")
    expect_shape(3, (), "x")
    for value in (np.zeros(10), np.zeros((5, 11)), np.zeros((5, 10, 1)), 3, np.zeros((10, 5))):
        with pytest.raises(CheckFailed, match=r"not \(N, 10\)"):
            expect_shape(value, (None, 10), "x")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, "float"),
        (np.array([1.0], "<f2"), "float"),
        ([1.5, 2], "float"),
        (3, "int"),
        (np.array([3], "|u1"), "int"),
        (True, "bool"),
        (np.array([True]), "bool"),
        ([True, False], "bool"),
    ],
)
def test_dtype(value: Any, kind: str) -> None:
    for other in ("float", "int", "bool"):
        if other == kind:
            expect_dtype(value, other, "x")
        else:
            with pytest.raises(CheckFailed, match=f"not {other} values"):
                expect_dtype(value, other, "x")


# ---------------------------------------------------------------------- closeness


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8"])
def test_close_forgives_precision(kind: str) -> None:
    expect_close(np.array([0.5, 2.0], kind), [0.5, 2.0], "x")
    expect_close([0.5, 2], np.array([0.5, 2.0]), "x")


@pytest.mark.parametrize(
    "value",
    [
        [1.0, 2.001],
        [1.0, float("nan")],
        [1.0, float("inf")],
        [[1.0, 2.0]],
        [1.0],
        [1.0, 2.0, 3.0],
        [2.0, 1.0],
        2.0,
        [1.7e308, -1.7e308],
        np.array([1, 2], "|b1"),
    ],
)
def test_close_forgives_nothing_else(value: Any) -> None:
    with pytest.raises(SubmissionFault):
        expect_close(value, [1.0, 2.0], "x")


def test_close_says_where_and_what_was_found() -> None:
    with pytest.raises(CheckFailed) as caught:
        expect_close([[1, 2], [4, 5]], [[1, 2], [3, 4]], "`W`")
    assert caught.value.message == "`W` is 4 at [1, 0] (2 of 4 numbers differ)."
    with pytest.raises(CheckFailed, match=r"^`W` is 5\.$"):
        expect_close(5, 3, "`W`")


@pytest.mark.parametrize("expected", [float("nan"), [1.0, float("inf")]])
def test_an_expected_value_that_nothing_can_equal_is_the_authors_mistake(expected: Any) -> None:
    with pytest.raises(FloatingPointError, match="not finite"):
        expect_close([1.0], expected, "x")


@given(hnp.arrays(np.float64, hnp.array_shapes(), elements=st.floats(-1e6, 1e6)))
def test_an_array_is_close_to_itself_and_not_to_its_neighbour(array: np.ndarray) -> None:
    expect_close(array.tolist(), array, "x")
    with pytest.raises(CheckFailed):
        expect_close(array + 1e-3 * (1 + np.abs(array)), array, "x")


# ---------------------------------------------------------------------- closed answers


@pytest.mark.parametrize("value", [18, 18.0, [18], [[18]], np.array([18]), np.array(18, "<f2"), 17.999999999999996])
def test_the_closed_answer_in_any_dress(value: Any) -> None:
    closed(value, ANSWER, "x")


@pytest.mark.parametrize(
    "value",
    [
        17,
        18.1,
        [18, 18],
        [[18, 18]],
        True,
        np.array([True]),
        float("nan"),
        float("inf"),
        "18",
        10**400,
        np.zeros(20_000),
        np.zeros(0),
        EMPTY_AND_LONG,
    ],
)
def test_no_closed_answer(value: Any) -> None:
    with pytest.raises(SubmissionFault):
        closed(value, ANSWER, "x")


def test_a_usual_wrong_answer_brings_its_own_hint() -> None:
    with pytest.raises(CheckFailed) as caught:
        closed(12, ANSWER, "`n`", "Look again.")
    assert (caught.value.message, caught.value.hint) == ("`n` is 12, which is not right.", "The biases are missing.")
    with pytest.raises(CheckFailed) as caught:
        closed(13, ANSWER, "`n`", "Look again.")
    assert caught.value.hint == "Look again."


# ---------------------------------------------------------------------- accuracy

LABELS = np.arange(1000) % 10


def predicted(right: int) -> np.ndarray:
    wrong = (LABELS + 1) % 10
    return np.where(np.arange(1000) < right, LABELS, wrong)


def test_accuracy_at_its_border() -> None:
    assert expect_accuracy(predicted(951), LABELS, above=0.95).startswith("accuracy 95.10 % of 1,000")
    expect_accuracy(predicted(950), LABELS, at_least=0.95)
    with pytest.raises(CheckFailed, match="has to be above 95 %"):
        expect_accuracy(predicted(950), LABELS, above=0.95)
    with pytest.raises(CheckFailed, match="has to be at least 95 %"):
        expect_accuracy(predicted(949), LABELS, at_least=0.95)


@pytest.mark.parametrize(
    "value",
    [
        LABELS[:999],
        LABELS.reshape(-1, 1),
        np.eye(10)[LABELS],
        np.full(1000, np.nan),
        np.where(LABELS == 0, np.inf, LABELS),
        "labels",
        7,
        LABELS + 0.5,
    ],
    ids=["short", "column", "one-hot", "nan", "inf", "text", "number", "halves"],
)
def test_accuracy_of_what_is_no_list_of_classes(value: Any) -> None:
    with pytest.raises(SubmissionFault):
        expect_accuracy(value, LABELS, at_least=0.05)


def test_accuracy_takes_classes_in_any_dress() -> None:
    for value in (LABELS.tolist(), LABELS.astype("<f4"), LABELS.astype("|u1"), tuple(LABELS.tolist())):
        expect_accuracy(value, LABELS, above=0.99)


@pytest.mark.parametrize("bounds", [{}, {"above": 0.5, "at_least": 0.5}])
def test_accuracy_wants_one_bound(bounds: dict[str, float]) -> None:
    with pytest.raises(ExerciseError):
        expect_accuracy(LABELS, LABELS, **bounds)


def test_wilson_interval_against_known_values() -> None:
    # Wilson (1927) as tabulated by Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 29 of 29.
    known = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611), (29, 29): (0.883, 1.0)}
    for (hits, n), interval in known.items():
        assert wilson_interval(hits, n) == pytest.approx(interval, abs=6e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share(hits_n: tuple[int, int]) -> None:
    hits, n = hits_n
    low, high = wilson_interval(hits, n)
    assert 0 <= low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("word", "fits"),
    [
        *((word, True) for word in ("synapse", "Synapses ", "synapsi", "synap")),
        *(
            (word, False)
            for word in ("syna", "", "neuron", "synapse or neuron", "synapse,", "the synapse", "synap\ud800")
        ),
    ],
)
def test_a_word_may_end_as_it_likes_and_is_one(tmp_path: Path, word: str, fits: bool) -> None:
    (tmp_path / "answers.toml").write_text('[compares_to]\nbegins = "synap"')
    released = digests_of("103", tmp_path)
    assert "synap" not in released.replace("103/answers.toml", "")
    (tmp_path / "answers.toml").write_text(released)
    answers = read_answers("103", tmp_path)
    run: Any = SimpleNamespace(value=lambda name: word, answer=answers.__getitem__)
    if fits:
        expect_word(run, "compares_to", "Look it up.")
    else:
        with pytest.raises(CheckFailed, match="which is not right") as caught:
            expect_word(run, "compares_to", "Look it up.")
        assert caught.value.hint == "Look it up."


def test_a_word_is_no_number() -> None:
    run: Any = SimpleNamespace(value=lambda name: 3)
    with pytest.raises(WrongKind, match="`compares_to` is 3, not a text"):
        expect_word(run, "compares_to")


# ---------------------------------------------------------------------- several things


@pytest.mark.parametrize(
    "value",
    [
        (1, 2, 3),
        [1, 2, 3],
        (1, (2, 3)),
        [1, [2, 3]],
        np.array([1, 2, 3]),
        {"a": 1, "b": 2, "c": 3},
        (1, {"b": 2, "c": 3}),
    ],
)
def test_several_things_however_they_are_nested(value: Any) -> None:
    assert expect_several(value, 3, "`f(x)`") == [1, 2, 3]


@pytest.mark.parametrize("value", [1, (1, 2), ((1, 2), 3), (1, 2, 3, 4), np.array(1), np.zeros((200, 2)), [], "abc"])
def test_another_number_of_things(value: Any) -> None:
    with pytest.raises(WrongKind, match="not 3 things"):
        expect_several(value, 3, "`f(x)`")


@pytest.mark.parametrize("value", [{"a": 1, "b": 2, "c": 3}, (1, {"b": 2, "c": 3})])
def test_names_may_be_no_order(value: Any) -> None:
    with pytest.raises(WrongKind, match="not 3 things"):
        expect_several(value, 3, "`f(x)`", named=False)
