"""Answers to lists of any length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grader.checks import expect_whole_list, some_visible
from grader.errors import SubmissionFault


class Asked:
    """A notebook whose function answers like this."""

    def __init__(self, answer: Any) -> None:
        self.rng = np.random.default_rng(0)
        self._answer = answer

    def predict(self, name: str, texts: list[str], batch: int) -> np.ndarray:
        return np.array(self._answer(texts))


TEXTS = [f"word{n} " * (n + 1) for n in range(60)]


def own(text: str) -> float:
    return float(len(text.split()) % 2)


def broken(texts: list[str]) -> list[float]:
    """A last batch that is not full is left out."""
    full = len(texts) // 256 * 256 or len(texts)
    return [own(text) if n < full else 0.5 for n, text in enumerate(texts)]


def test_a_function_that_answers_all_of_it_passes() -> None:
    expect_whole_list(Asked(lambda texts: [own(text) for text in texts]), "predict", TEXTS, apart=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: [own(text) if n < 500 else 0.0 for n, text in enumerate(texts)],
        lambda texts: [own(text) if n < 1000 else float("nan") for n, text in enumerate(texts)],
        broken,
    ],
    ids=["first ones only", "not a number at the end", "full batches only"],
)
def test_one_that_answers_a_part_fails(answer: Any) -> None:
    with pytest.raises(SubmissionFault, match="at the end of the list"):
        expect_whole_list(Asked(answer), "predict", TEXTS, apart=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wide", "in_short", "said"),
    [(3, 2, "different shape"), (3, 1, "different shape"), (0, 1, "different shape"), (0, 0, "has shape")],
)
def test_answers_of_another_width_are_no_fault_of_the_graders(wide: int, in_short: int, said: str) -> None:
    asked: Any = Asked(lambda texts: np.zeros((len(texts), wide if len(texts) > len(TEXTS) else in_short)))
    with pytest.raises(SubmissionFault, match=said):
        expect_whole_list(asked, "predict", TEXTS, apart=0.1)


def test_some_of_the_texts_that_a_notebook_sees() -> None:
    run: Any = SimpleNamespace(rng=np.random.default_rng(0), visible={"reviews": SimpleNamespace(texts=TEXTS)}.get)
    some = some_visible(run, "reviews", 7)
    assert len(set(some)) == 7
    assert set(some) <= set(TEXTS)
    assert some != TEXTS[:7]
    assert sorted(some_visible(run, "reviews", 1000)) == sorted(TEXTS)
