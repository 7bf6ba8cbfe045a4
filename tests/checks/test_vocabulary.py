"""What authors write again and again: numbers, texts, dictionaries, parts, closed answers, one number for each text."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.answers import ClosedAnswer, digest
from grader.checks import (
    Run,
    expect_answer,
    expect_each_by_itself,
    expect_equal,
    expect_keys,
    expect_number,
    expect_several,
    expect_text,
    module_told,
    number_each,
)
from grader.errors import ExerciseError, SubmissionFault
from grader.kernel.wire import Opaque
from tests.fakes import LocalKernel, run_of

DOTS = Opaque("ellipsis")


def fault(judge: Callable[[], object]) -> str:
    """What is told of a failure; "" where there is none."""
    try:
        judge()
    except SubmissionFault as fault:
        return fault.message
    return ""


@pytest.mark.parametrize("value", [440, 440.0, [440], np.array(440), np.array([[440.0]]), True])
def test_one_number_however_it_is_written(value: Any) -> None:
    assert expect_number(value, "`x`") == float(np.ravel(value)[0])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2], "`x` is [1, 2], not one number."),
        ([], "`x` is [], not one number."),
        (float("nan"), "`x` is NaN or infinite."),
        (float("inf"), "`x` is NaN or infinite."),
        ("440", "`x` is the text '440', not a number or an array of numbers."),
        (DOTS, "`x` is still `...`."),
        (None, "`x` is None."),
    ],
)
def test_no_number(value: Any, said: str) -> None:
    assert fault(lambda: expect_number(value, "`x`")) == said


def test_numbers_that_need_not_be_finite() -> None:
    assert np.isnan(expect_number(float("nan"), "`x`", finite=False))


def test_texts() -> None:
    assert expect_text(" As it is ", "`x`") == " As it is "
    assert fault(lambda: expect_text(3, "`x`")) == "`x` is 3, not a text."
    assert fault(lambda: expect_text(DOTS, "`x`")) == "`x` is still `...`."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1, "b": 2, "c": 3}, ""),
        ({"a": 1}, '`found["b"]` is missing.'),
        ({"a": 1, "b": DOTS}, '`found["b"]` is still `...`.'),
        ({"a": None, "b": 2}, '`found["a"]` is None.'),
        ([1, 2], "`found` is [1, 2], not a dictionary."),
        (DOTS, "`found` is still `...`."),
    ],
)
def test_dictionaries(value: Any, said: str) -> None:
    assert fault(lambda: expect_keys(value, ["a", "b"], "found")) == said


@pytest.mark.parametrize(
    "value", [(1, 2, 3), [1, 2, 3], (1, (2, 3)), np.array([1, 2, 3]), {"h": 1, "c": 2, "y": 3}, (1, np.array([2, 3]))]
)
def test_three_things_however_they_are_nested(value: Any) -> None:
    assert expect_several(value, 3, "`f(x)`") == [1, 2, 3]


@pytest.mark.parametrize("value", [1, (1, 2), (1, 2, 3, 4), ((1, 2), 3), "abc", [], np.zeros(3_000), Opaque("Model")])
def test_not_three_things(value: Any) -> None:
    assert fault(lambda: expect_several(value, 3, "`f(x)`")).endswith(", not 3 things.")


def test_a_dictionary_is_no_sequence_where_that_is_asked_for() -> None:
    assert fault(lambda: expect_several({"h": 1, "c": 2}, 2, "`f(x)`", named=False))


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("cat", "cat"),
        (True, True),
        (["a", "b"], ("a", "b")),
        (("a", ["b"]), ["a", ["b"]]),
        ([1, 2.0], [1.0, 2]),
        (np.array([[1, 2]]), [[1, 2]]),
        ({"a": [1]}, {"a": [1]}),
    ],
)
def test_what_is_equal(value: Any, right: Any) -> None:
    assert fault(lambda: expect_equal(value, right, "`x`")) == ""


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("Cat", "cat"),
        ("cat ", "cat"),
        (1, True),
        (True, 1),
        (np.array(1), True),
        ([True], [1]),
        (["a"], "a"),
        ("a", ["a"]),
        (["a", "b"], ["b", "a"]),
        (["a"], ["a", "b"]),
        (["1"], [1]),
        ([1], ["1"]),
        ([1.0000001], [1]),
        (float("nan"), float("nan")),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([("a", 1)], {"a": 1}),
        (Opaque("str"), "cat"),
    ],
)
def test_what_is_not_equal(value: Any, right: Any) -> None:
    assert fault(lambda: expect_equal(value, right, "`x`")).endswith("which is not right.")


def answering(**names: Any) -> Run:
    run = run_of(LocalKernel(**names))
    run.answers = {
        "hidden": ClosedAnswer("s", digest("s", 18), {digest("s", 12): "The biases are missing."}),
        "share": ClosedAnswer("s", digest("s", 0.67)),
    }
    return run


def test_closed_answers_by_their_name() -> None:
    expect_answer(answering(hidden=18), "hidden")
    for one in ([18.0], [[18]]):
        expect_answer(answering(hidden=np.array(one)), "hidden")
    with pytest.raises(SubmissionFault) as caught:
        expect_answer(answering(hidden=12), "hidden", "Count again.")
    assert (caught.value.message, caught.value.hint) == (
        "`hidden` is 12, which is not right.",
        "The biases are missing.",
    )
    with pytest.raises(SubmissionFault) as caught:
        expect_answer(answering(hidden=13), "hidden", "Count again.")
    assert caught.value.hint == "Count again."
    for wrong in (True, float("nan"), [18, 18]):
        assert fault(lambda wrong=wrong: expect_answer(answering(hidden=wrong), "hidden"))  # type: ignore[misc]


def test_closed_answers_to_some_decimals_or_of_another_value() -> None:
    expect_answer(answering(share=2 / 3), "share", digits=2)
    assert fault(lambda: expect_answer(answering(share=2 / 3), "share"))
    expect_answer(answering(), "share", value=0.67, what="`table[0]`")
    assert fault(lambda: expect_answer(answering(), "share", value=0.66, what="`table[0]`")).startswith("`table[0]` is")


def test_an_answer_that_nobody_wrote_down_is_the_authors_fault() -> None:
    with pytest.raises(ExerciseError, match="no answer named 'other'"):
        expect_answer(answering(other=1), "other")


def asked(answer: Callable[[list[str]], Any]) -> Run:
    return run_of(LocalKernel(predict=answer))


TEXTS = [f"word {n}" for n in range(20)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda texts: [1.5] * len(texts), ""),
        (lambda texts: np.ones((len(texts), 1)), ""),
        (lambda texts: np.ones((len(texts), 2)), "`predict(texts)` of 20 texts has shape (20, 2)."),
        (lambda texts: [float("nan")] * len(texts), "`predict(texts)` gives NaN or an infinite number for every text."),
        (
            lambda texts: [float("inf") if text == "word 3" else 1 for text in texts],
            "`predict(texts)` gives NaN or an infinite number for 1 of 20 texts, such as 'word 3'.",
        ),
    ],
)
def test_one_number_for_each_text(answer: Any, said: str) -> None:
    assert fault(lambda: number_each(asked(answer), "predict", TEXTS)) == said


def by_itself(answers: Callable[[Any], np.ndarray]) -> str:
    return fault(lambda: expect_each_by_itself(answers, np.arange(20.0), "{differ} of {n}", apart=0.1))


def test_answers_that_hang_on_their_neighbours() -> None:
    assert by_itself(lambda xs: 2 * np.asarray(xs)) == ""
    assert by_itself(lambda xs: np.asarray(xs) - np.mean(xs)) == "7 of 20"  # of the first few, another mean
    assert by_itself(lambda xs: np.arange(len(xs))) == "20 of 20"
    assert by_itself(lambda xs: np.full(len(xs), np.nan)) == "20 of 20"


def test_a_few_may_tip_over() -> None:
    turned = iter([0, 0, 1])

    def answers(xs: Any) -> np.ndarray:
        found = np.asarray(xs).copy()
        found[: 2 * next(turned)] += 1  # two of twenty
        return found

    assert by_itself(answers) == ""


@pytest.mark.parametrize(
    ("described", "told"),
    [
        ([("Linear", 3, 4), ("ReLU",)], "Linear(3, 4), ReLU()"),
        ([], "Sequential()"),
        (("Linear", 3, 4, {"bias": False}), "Linear(3, 4, bias=False)"),
        (("Linear", 3, 4, {"frozen": True}), "a frozen Linear(3, 4)"),
        (("Linear", 3, 4, {"frozen": ["weight", "bias"]}), "Linear(3, 4) with a frozen weight, bias"),
        (("Network", {"out": ("Linear", 3, 4)}), "Network(out=Linear(3, 4))"),
        (
            ("ModuleList", [("ReLU",), ("Sequential", [("Linear", 1, 2)])]),
            "ModuleList(ReLU(), Sequential(Linear(1, 2)))",
        ),
        (
            ("Network", {"a": ("Embedding", 3, 4), "b": ("Linear", 4, 3)}, {"tied": {"b.weight": "a.weight"}}),
            "Network(a=Embedding(3, 4), b=Linear(4, 3), b.weight=a.weight)",
        ),
    ],
)
def test_modules_as_one_writes_them(described: Any, told: str) -> None:
    assert module_told(described) == told


def test_exercises_import_nothing_else_of_the_graders(repository: Path) -> None:
    """The wing is all that an author needs; what is missing there is added there."""
    for path in sorted((repository / "exercises").glob("*/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            beyond = [name for name in names if name.split(".")[0] == "grader" and name != "grader.checks"]
            assert not beyond, f"{path} imports {beyond[0]}"
