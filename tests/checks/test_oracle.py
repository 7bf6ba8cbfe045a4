"""What is computed to compare with."""

from __future__ import annotations

import numpy as np
import pytest

from grader.checks import as_shares, cross_entropy, log_softmax, softmax

LOGITS = np.array([[1.0, 2, 3], [0, 0, 0]])


@pytest.mark.parametrize("moved", [0, 1000, -1000])
def test_softmax_however_large_the_logits_are(moved: float) -> None:
    e = np.exp(LOGITS)
    right = e / e.sum(axis=1, keepdims=True)
    assert softmax(LOGITS + moved) == pytest.approx(right)
    assert softmax(LOGITS[0] + moved) == pytest.approx(right[0])
    assert log_softmax(LOGITS + moved) == pytest.approx(np.log(right))


def test_cross_entropy_of_each_sample() -> None:
    assert cross_entropy(LOGITS, np.array([2, 0])) == pytest.approx([0.40760596, np.log(3)])


def test_accuracies_kept_either_way_are_shares() -> None:
    assert as_shares(np.array([0.1, 1])) == pytest.approx([0.1, 1])
    assert as_shares(np.array([1, 50.0])) == pytest.approx([0.01, 0.5])
