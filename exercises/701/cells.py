"""The cells of nn.RNN and nn.LSTM, and what is built of them, in NumPy: the gradients, too, agree with PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Weights = list[
    np.ndarray
]  # W_ih (parts * hidden, inputs), W_hh (parts * hidden, hidden), b_ih and b_hh (parts * hidden,)
States = tuple[np.ndarray, ...]  # h, or h and c: (batch, hidden) each
Step = Callable[[np.ndarray, States, Weights], States]
LAST = (0, -1)  # which state, and which step of it: the h at the end


def sigmoid(z: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(z / 2)) / 2


def step_sum(x: np.ndarray, h: np.ndarray, weights: Weights) -> np.ndarray:
    w_ih, w_hh, b_ih, b_hh = weights
    total: np.ndarray = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh
    return total


def rnn_step(x: np.ndarray, states: States, weights: Weights) -> States:
    return (np.tanh(step_sum(x, states[0], weights)),)


def lstm_step(x: np.ndarray, states: States, weights: Weights, order: str = "ifgo") -> States:
    h, c = states
    part = dict(zip(order, np.split(step_sum(x, h, weights), 4, axis=1), strict=True))
    c = sigmoid(part["f"]) * c + sigmoid(part["i"]) * np.tanh(part["g"])
    return sigmoid(part["o"]) * np.tanh(c), c


@dataclass(frozen=True)
class Kind:
    """One of the two networks.

    Attributes
    ----------
    parts
        Of the sum that its cell computes: each of the weights has so many rows for each hidden unit.
    states
        What it carries from step to step.
    """

    name: str
    parts: int
    states: tuple[str, ...]
    step: Step

    @property
    def state(self) -> str:
        """Its states as one writes them: "h" or "(h, c)"."""
        return self.states[0] if len(self.states) == 1 else f"({', '.join(self.states)})"


RNN = Kind("rnn", 1, ("h",), rnn_step)
LSTM = Kind("lstm", 4, ("h", "c"), lstm_step)


def read(kind: Kind, x: np.ndarray, weights: Weights, begun: States = (), step: Step | None = None) -> list[np.ndarray]:
    """All h, and all c of an LSTM: (batch, length, hidden) each."""
    now = begun or (np.zeros((len(x), weights[1].shape[1])),) * len(kind.states)
    steps = []
    for t in range(x.shape[1]):
        now = (step or kind.step)(x[:, t], now, weights)
        steps.append(now)
    return [np.stack(states, axis=1) for states in zip(*steps, strict=True)]


def side_by_side(x: np.ndarray, there: Weights, back: Weights, step: Step, turned: bool = True) -> np.ndarray:
    """The states of both directions of an RNN; those of the second one `turned` round again."""
    (forward,), (backward,) = read(RNN, x, there, step=step), read(RNN, x[:, ::-1], back, step=step)
    return np.concatenate([forward, backward[:, ::-1] if turned else backward], axis=2)


def topmost(x: np.ndarray, layers: list[Weights], step: Step) -> np.ndarray:
    """The states of the topmost of several RNNs, each of which reads those of the one below it."""
    for weights in layers:
        (x,) = read(RNN, x, weights, step=step)
    return x


def norm_of(kind: Kind, x: np.ndarray, weights: Weights, of: tuple[int, int] = LAST) -> float:
    """Norm of the gradient of the last h's sum with respect to the first input; or of another state's sum.

    By complex steps: the imaginary part that a tiny imaginary change of an input gives the sum is its derivative,
    exact however small it is.
    """
    state, step = of
    gradient = []
    with np.errstate(all="ignore"):
        for sequence in x:
            many = np.repeat(sequence[None].astype(complex), x.shape[2], axis=0)
            many[:, 0] += 1e-30j * np.eye(x.shape[2])  # another input is changed in each of them
            gradient.append(read(kind, many, weights)[state][:, step].sum(axis=1).imag / 1e-30)
        return float(np.linalg.norm(gradient))


def opened(weights: Weights, amount: float) -> Weights:
    """An LSTM's weights with the forget gate's bias raised."""
    hidden = weights[1].shape[1]
    bias = weights[2].copy()
    bias[hidden : 2 * hidden] += amount
    return [weights[0], weights[1], bias, weights[3]]


def parameters(kind: Kind, inputs: int, hidden: int, num_layers: int = 1, bidirectional: bool = False) -> int:
    directions = 1 + bidirectional
    widths = [inputs] + [directions * hidden] * (num_layers - 1)
    return sum(directions * kind.parts * hidden * (width + hidden + 2) for width in widths)
