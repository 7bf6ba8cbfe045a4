"""Questions in several forms, and how a call is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import CallFailed, CheckFailed, ask, called, expect_call, lists, tensors
from grader.run import Run
from tests.fakes import LocalKernel, run_of


def asking(**namespace: Any) -> Run:
    return run_of(LocalKernel(**namespace))


def test_an_array_comes_in_one_form_after_the_other_until_one_is_taken() -> None:
    seen: list[type] = []

    def doubled(values: Any) -> Any:
        seen.append(type(values))
        return [2 * value for value in values] if isinstance(values, list) else values.no_such_thing

    assert ask(asking(doubled=doubled), "doubled", np.array([1, 2])) == [2, 4]
    assert seen == [np.ndarray, torch.Tensor, list]
    seen.clear()
    assert ask(asking(doubled=doubled), "doubled", np.array([1, 2]), forms=[lists, tensors]) == [2, 4]
    assert seen == [list]


def test_what_it_raised_first_is_told() -> None:
    def refuse(values: Any) -> None:
        raise ValueError(type(values[0]).__name__)

    with pytest.raises(CallFailed, match="ndarray"):
        ask(asking(refuse=refuse), "refuse", [np.ones(2)])


@pytest.mark.parametrize("args", [(), (1, "a"), ([1, (2, "b")], {"c": [3]})])
def test_without_an_array_it_is_asked_once(args: tuple[Any, ...]) -> None:
    asked = []

    def refuse(*values: Any) -> None:
        asked.append(values)
        raise ValueError

    with pytest.raises(CallFailed):
        ask(asking(refuse=refuse), "refuse", *args)
    assert asked == [args]


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        ((1000, "int8"), '`f(1000, "int8")`'),
        (("a\tb",), r"`f('a\tb')`"),
        (('say "a"',), """`f('say "a"')`"""),
        (("\\",), r"`f('\\')`"),
        (("  two  ",), '`f("  two  ")`'),
        (("",), '`f("")`'),
        ((np.array([[1, 2]]), np.float64(0.5)), "`f([[1, 2]], 0.5)`"),
        (("x" * 500,), f'`f("{"x" * 398}…)`'),
    ],
)
def test_a_call_is_told_as_one_types_it(args: tuple[Any, ...], shown: str) -> None:
    assert called("f", *args) == shown


def test_a_wrong_answer_is_told_with_its_call_and_the_hint_of_its_mistake() -> None:
    run = asking(area=lambda a, b: a + b)
    assert expect_call(run, "area", [2, 2], 4) == 4
    with pytest.raises(CheckFailed, match=r"^`area\(2, 3\)` is 5\.$") as raised:
        expect_call(run, "area", [2, 3], 6, "Look again.", usual={"A product.": 5})
    assert raised.value.hint == "A product."


def test_a_hint_for_a_whole_number_is_for_this_one_only() -> None:
    run = asking(parameters=lambda *sizes: 100_001)
    with pytest.raises(CheckFailed) as raised:
        expect_call(run, "parameters", [3], 100_100, "Look again.", usual=[("Near.", 100_000), ("A bias.", 100_001)])
    assert raised.value.hint == "A bias."


def test_an_array_in_the_place_of_the_arguments_is_the_authors_fault() -> None:
    with pytest.raises(TypeError, match=r"a list of arguments, \[x\]"):
        expect_call(run_of(LocalKernel(f=sum)), "f", np.ones(3), 3.0)  # type: ignore[arg-type]
