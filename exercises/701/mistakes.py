"""The usual mistakes in a cell: what each makes of its answer, and the hint for it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from grader.checks import hint_for, tr

from .asked import matches
from .cells import States, Weights, lstm_step, rnn_step, sigmoid, step_sum

ONE_BIAS = tr("There are two biases, and both are added.")


def rnn_hint(found: Any, x: np.ndarray, h: np.ndarray, weights: Weights) -> str:
    usual = [
        *((ONE_BIAS, rnn_step(x, (h,), one)[0]) for one in with_one_bias(weights)),
        (tr("The activation function is tanh, not the sigmoid."), sigmoid(step_sum(x, h, weights))),
        (tr("The state before it has a part in the sum."), rnn_step(x, (0 * h,), weights)[0]),
    ]
    return hint_for(found, usual)


def with_one_bias(weights: Weights) -> list[Weights]:
    return [[*weights[:2], bias, 0 * bias] for bias in weights[2:]]


def lstm_hint(h: Any, c: Any, x: np.ndarray, states: States, weights: Weights) -> str:
    right_h, right_c = lstm_step(x, states, weights)
    i, f, g, o = np.split(step_sum(x, states[0], weights), 4, axis=1)
    if matches(c, right_c):
        without_tanh = {tr("The output gate shows tanh of the memory."): sigmoid(o) * right_c}
        return hint_for(h, without_tanh, tr("The memory is right: h is made of the output gate and of the new memory."))
    if matches(h, right_c) and matches(c, right_h):
        return tr("The order of what it returns is h, then c.")
    orders = ["".join(order) for order in itertools.permutations("ifgo")]
    between = tr(
        "What could be written is between -1 and 1: the proposal has another activation function than the gates."
    )
    kept = tr("The old memory has a part in the new one: as much of it as the forget gate keeps.")
    other = tr("Your four parts are right, but not in PyTorch's order: the first rows are i's, then f's, g's and o's.")
    usual = [
        (between, sigmoid(f) * states[1] + sigmoid(i) * sigmoid(g)),
        (kept, sigmoid(i) * np.tanh(g)),
        *((other, lstm_step(x, states, weights, order)[1]) for order in orders),
        *((ONE_BIAS, lstm_step(x, states, one)[1]) for one in with_one_bias(weights)),
    ]
    cut = tr("Cut the sum into its four parts i, f, g, o; gates go through the sigmoid, the proposal through tanh.")
    return hint_for(c, usual, cut)
