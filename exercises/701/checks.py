"""Exercise 701: the cells of nn.RNN and nn.LSTM from scratch, what is built of them, and how far gradients reach.

The oracle is NumPy's, gradients included; it agrees with PyTorch's modules. What is built of the cells is judged by
the notebook's own cells where these give other numbers, so that a mistake in a cell does not cost all the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    check,
    expect,
    expect_close,
    expect_count,
    expect_shape,
    numeric,
    refuse_placeholder,
    shape_told,
    tensor,
    told,
    tr,
    whole_number,
)
from grader.errors import CallFailed, SubmissionFault
from grader.text import plain

if TYPE_CHECKING:
    from grader.run import Run

Weights = list[np.ndarray]
Step = Callable[..., Any]

OTHER_ORDER = tr(
    "Your four parts are right, but not in PyTorch's order: the first rows are i's, then f's, g's and o's."
)
ONE_BIAS = tr("There are two biases, and both are added.")
BATCH_FIRST = tr("The first axis is the batch, the second one the step: `torch.stack(…, dim=1)`.")
NUDGED = tr(
    "It is right for short sequences. Measured with a nudge, so small a gradient is lost among rounding errors: "
    "let autograd work it out."
)
LONG_ENOUGH = tr("Measure up to 50 steps, on the networks that the notebook makes.")
MOST_PARTS = 10  # of anything that is asked for
LENGTHS = (1, 2, 5, 10, 20, 30, 40, 50)  # at which the notebook measures
OPENING = 5.0  # how far the notebook opens the forget gate


# --------------------------------------------------------------------------------------------- oracle


def sigmoid(z: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(z / 2)) / 2


def step_sum(x: np.ndarray, h: np.ndarray, weights: Weights) -> np.ndarray:
    w_ih, w_hh, b_ih, b_hh = weights
    return x @ w_ih.T + b_ih + h @ w_hh.T + b_hh


def rnn_step(x: np.ndarray, h: np.ndarray, weights: Weights) -> np.ndarray:
    return np.tanh(step_sum(x, h, weights))


def lstm_step(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, weights: Weights, order: str = "ifgo"
) -> tuple[np.ndarray, np.ndarray]:
    part = dict(zip(order, np.split(step_sum(x, h, weights), 4, axis=1), strict=True))
    c = sigmoid(part["f"]) * c + sigmoid(part["i"]) * np.tanh(part["g"])
    return sigmoid(part["o"]) * np.tanh(c), c


def read_rnn(x: np.ndarray, weights: Weights, h: np.ndarray | None = None, step: Step = rnn_step) -> np.ndarray:
    """All states (batch, length, hidden)."""
    states = [np.zeros((len(x), weights[1].shape[1])) if h is None else h]
    for t in range(x.shape[1]):
        states.append(step(x[:, t], states[-1], weights))
    return np.stack(states[1:], axis=1)


def read_lstm(x: np.ndarray, weights: Weights, state: Any = None, step: Step = lstm_step) -> list[np.ndarray]:
    """All h and all c, (batch, length, hidden) each."""
    zeros = np.zeros((len(x), weights[1].shape[1]))
    states = [state or (zeros, zeros)]
    for t in range(x.shape[1]):
        states.append(step(x[:, t], *states[-1], weights))
    return [np.stack(all_steps, axis=1) for all_steps in zip(*states[1:], strict=True)]


def norm_of(kind: str, x: np.ndarray, weights: Weights, of: str = "last") -> float:
    """Norm of the gradient of the last h's sum with respect to the first input; or of another state's sum.

    By complex steps: the imaginary part that a tiny imaginary change of an input gives the sum is its derivative,
    exact however small it is.
    """
    gradient = []
    with np.errstate(all="ignore"):
        for sequence in x:
            many = np.repeat(sequence[None].astype(complex), x.shape[2], axis=0)
            many[:, 0] += 1e-30j * np.eye(x.shape[2])  # another input is changed in each of them
            states = read_rnn(many, weights) if kind == "rnn" else read_lstm(many, weights)[of == "memory"]
            gradient.append(states[:, 0 if of == "first" else -1].sum(axis=1).imag / 1e-30)
        return float(np.linalg.norm(gradient))


def opened(weights: Weights, amount: float) -> Weights:
    hidden = weights[1].shape[1]
    bias = weights[2].copy()
    bias[hidden : 2 * hidden] += amount
    return [weights[0], weights[1], bias, weights[3]]


# ------------------------------------------------------------------------------------ what is asked


def some(run: Run, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Random numbers that are the same in float32 and float64."""
    return run.rng.uniform(-scale, scale, size=shape).astype(np.float32).astype(np.float64)


def some_weights(run: Run, inputs: int, hidden: int, parts: int = 1, scale: float = 0.8) -> Weights:
    rows = parts * hidden
    return [some(run, *shape, scale=scale) for shape in ((rows, inputs), (rows, hidden), (rows,), (rows,))]


def sizes(run: Run) -> tuple[int, int, int, int]:
    """Different ones for batch, length, inputs and hidden, so that no axis can be taken for another."""
    batch, length, inputs, hidden = run.rng.choice(np.arange(2, 8), size=4, replace=False).tolist()
    return batch, length, inputs, hidden


def ask(run: Run, name: str, *args: Any, **options: Any) -> Any:
    """The function's answer to tensors; where it takes no float32, to float64, and at last to NumPy's arrays.

    PyTorch's own recurrent layers and cells are there to compare with, not to build with.
    """
    faults = []
    for way in (lambda array: tensor(array, "float32"), tensor, np.asarray):
        try:
            with np.errstate(over="ignore"):
                found = run.call(name, *(sent(arg, way) for arg in args), forbid=("recurrent",), **options)
        except CallFailed as fault:
            faults.append(fault)
        else:
            refuse_placeholder(found, f"`{name}(…)`")
            return found
    raise faults[0]


def sent(value: Any, way: Callable[[np.ndarray], Any]) -> Any:
    if isinstance(value, np.ndarray):
        return way(value)
    return type(value)(sent(one, way) for one in value) if isinstance(value, list | tuple) else value


def several(found: Any, n: int, what: str, hint: str) -> list[Any]:
    """The n things that a function returns, however they are nested: (a, b, c) is as good as (a, (b, c))."""
    flat = parts_of(found)
    if 0 < len(flat) < n:
        flat[-1:] = parts_of(flat[-1])
    expect(len(flat) == n, tr("{what} returns {found}, not {n} values.", what=what, found=told(found), n=n), hint)
    return flat


def parts_of(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim and len(value) <= MOST_PARTS else []
    return list(value) if type(value) in (list, tuple) else []


def close(found: Any, expected: np.ndarray, what: str, hint: str = "") -> None:
    """Fail unless these are the numbers; a state may have an axis of length 1 in front, as PyTorch's have."""
    array = numeric(found, what)
    array = array[0] if array.shape == (1, *expected.shape) else array
    expect_close(array, expected, what=what, rtol=1e-3, atol=1e-4, hint=hint)


def matches(found: Any, expected: np.ndarray) -> bool:
    return isinstance(found, np.ndarray) and found.shape == expected.shape and np.allclose(found, expected, 1e-3, 1e-4)


def rnn_steps(run: Run) -> list[Step]:
    """The oracle's cell, and the notebook's own if it gives other numbers: what is built of it may be right."""

    def own(x: np.ndarray, h: np.ndarray, weights: Weights) -> np.ndarray:
        what = "`rnn_cell(x, h, weights)`"  # untranslated
        return expect_shape(ask(run, "rnn_cell", x, h, weights), h.shape, what)

    return [rnn_step, *other_cell(own, rnn_step, some(run, 2, 3), some(run, 2, 4), some_weights(run, 3, 4))]


def lstm_steps(run: Run) -> list[Step]:
    """The same for the LSTM's cell."""

    def own(x: np.ndarray, h: np.ndarray, c: np.ndarray, weights: Weights) -> list[np.ndarray]:
        found = several(ask(run, "lstm_cell", x, h, c, weights), 2, "`lstm_cell(…)`", "")
        return [expect_shape(one, h.shape, "`lstm_cell(…)`") for one in found]

    states = some(run, 2, 4), some(run, 2, 4)
    return [lstm_step, *other_cell(own, lstm_step, some(run, 2, 3), *states, some_weights(run, 3, 4, parts=4))]


def other_cell(own: Step, right: Step, *inputs: Any) -> list[Step]:
    """The notebook's own cell, if it gives other numbers and does make use of all that it is given."""
    try:
        found = np.array(own(*inputs))
        # One argument after the other is changed: the weights are the last, and stay.
        changed = [[-one if i == n else one for i, one in enumerate(inputs)] for n in range(len(inputs) - 1)]
        blind = any(np.allclose(found, np.array(own(*others))) for others in changed)
    except SubmissionFault:
        return []
    return [] if blind or np.allclose(found, np.array(right(*inputs)), 1e-3, 1e-4) else [own]


def fitting(found: Any, options: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The option whose first array was found, else the first of them: the oracle's."""
    return next((option for option in options if matches(found, option[0])), options[0])


# -------------------------------------------------------------------------------------------- checks


@check(points=2, hint=tr("The sum of both products and both biases goes through tanh."))
def rnn_cell_is_right(run: Run) -> None:
    """`rnn_cell` gives the state that PyTorch's cell gives with the same weights."""
    for batch in (int(run.rng.integers(2, 7)), 1, 8):
        _, _, inputs, hidden = sizes(run)
        x, h, weights = some(run, batch, inputs), some(run, batch, hidden), some_weights(run, inputs, hidden)
        found = ask(run, "rnn_cell", x, h, weights)
        usual = {
            ONE_BIAS: [rnn_step(x, h, [*weights[:i], 0 * weights[i], *weights[i + 1 :]]) for i in (2, 3)],
            tr("The activation function is tanh, not the sigmoid."): [sigmoid(step_sum(x, h, weights))],
            tr("The state before it has a part in the sum."): [rnn_step(x, 0 * h, weights)],
        }
        hint = next((hint for hint, wrong in usual.items() if any(matches(found, one) for one in wrong)), "")
        what = tr("`rnn_cell(x, h, weights)` of x {shape}", shape=shape_told(x.shape))
        close(found, rnn_step(x, h, weights), what, hint)


SEQUENCES = ((2, 1, 3, 4), (2, 25, 3, 5))  # batch, length, inputs, hidden: besides random ones


@check(points=1, hint=tr("Begin with zeros, and give each step the state of the step before."))
def rnn_reads_sequences(run: Run) -> None:
    """`rnn` goes from step to step with the cell: it gives all states."""
    for batch, length, inputs, hidden in (sizes(run), (1, *sizes(run)[1:]), *SEQUENCES):
        x, weights = some(run, batch, length, inputs), some_weights(run, inputs, hidden)
        what = tr("`rnn(x, weights)` of x {shape}", shape=shape_told(x.shape))
        states, _ = several(ask(run, "rnn", x, weights), 2, what, tr("It returns `states, h`."))
        first_part = tr("{what}, its first part,", what=what)
        states = numeric(states, first_part)
        (expected,) = fitting(states, [[read_rnn(x, weights, step=step)] for step in run.once(rnn_steps)])
        close(states, expected, first_part, "" if states.shape == expected.shape else BATCH_FIRST)


@check(points=3)
def lstm_cell_is_right(run: Run) -> None:
    """`lstm_cell` gives the states h and c that PyTorch's cell gives with the same weights."""
    for batch in (int(run.rng.integers(2, 7)), 1, 8):
        _, _, inputs, hidden = sizes(run)
        x, weights = some(run, batch, inputs), some_weights(run, inputs, hidden, parts=4)
        h, c = some(run, batch, hidden), some(run, batch, hidden, scale=2)
        what = tr("`lstm_cell(x, h, c, weights)` of x {shape}", shape=shape_told(x.shape))
        found = several(ask(run, "lstm_cell", x, h, c, weights), 2, what, tr("It returns `h, c`."))
        expected = lstm_step(x, h, c, weights)
        hint = lstm_hint(found, x, h, c, weights)
        close(found[1], expected[1], tr("{what}, its {name},", what=what, name="c"), hint)
        close(found[0], expected[0], tr("{what}, its {name},", what=what, name="h"), hint)


def lstm_hint(found: list[Any], x: np.ndarray, h: np.ndarray, c: np.ndarray, weights: Weights) -> str:
    """What the usual mistakes would give, and a hint for the one that this is."""
    h_right, c_right = lstm_step(x, h, c, weights)
    i, f, g, o = np.split(step_sum(x, h, weights), 4, axis=1)
    if matches(found[0], c_right) and matches(found[1], h_right):
        return tr("The order of what it returns is h, then c.")
    if matches(found[1], c_right):
        if matches(found[0], sigmoid(o) * c_right):
            return tr("The output gate shows tanh of the memory.")
        return tr("The memory is right: h is made of the output gate and of the new memory.")
    if matches(found[1], sigmoid(f) * c + sigmoid(i) * sigmoid(g)):
        return tr(
            "What could be written is between -1 and 1: the proposal has another activation function than the gates."
        )
    if matches(found[1], sigmoid(i) * np.tanh(g)):
        return tr("The old memory has a part in the new one: as much of it as the forget gate keeps.")
    for order in itertools.permutations("ifgo"):
        if matches(found[1], lstm_step(x, h, c, weights, "".join(order))[1]):
            return OTHER_ORDER
    if any(matches(found[1], lstm_step(x, h, c, [*weights[:2], b, 0 * b])[1]) for b in weights[2:]):
        return ONE_BIAS
    return tr("Cut the sum into its four parts i, f, g, o; gates go through the sigmoid, the proposal through tanh.")


@check(points=1, hint=tr("Give each step both states of the step before; begin with zeros."))
def lstm_reads_sequences(run: Run) -> None:
    """`lstm` goes from step to step with the cell: it gives h of all steps."""
    for batch, length, inputs, hidden in (sizes(run), (1, *sizes(run)[1:]), *SEQUENCES):
        x, weights = some(run, batch, length, inputs), some_weights(run, inputs, hidden, parts=4)
        what = tr("`lstm(x, weights)` of x {shape}", shape=shape_told(x.shape))
        states, *_ = several(ask(run, "lstm", x, weights), 3, what, tr("It returns `states, (h, c)`."))
        first_part = tr("{what}, its first part,", what=what)
        states = numeric(states, first_part)
        hs, _ = fitting(states, [read_lstm(x, weights, step=step) for step in run.once(lstm_steps)])
        close(states, hs, first_part, "" if states.shape == hs.shape else BATCH_FIRST)


@check(
    points=1, needs=[rnn_reads_sequences, lstm_reads_sequences], hint=tr("Zeros are for when no state is passed in.")
)
def reading_begins_with_a_given_state(run: Run) -> None:
    """`rnn` and `lstm` begin with the state that is passed in, if any, and give the last one to go on from."""
    for given in (False, True):
        for sequence in (sizes(run), (1, *sizes(run)[1:]), *SEQUENCES):
            expect_last_of_rnn(run, sequence, given)
            expect_last_of_lstm(run, sequence, given)


def expect_last_of_rnn(run: Run, sequence: tuple[int, int, int, int], given: bool) -> None:
    batch, length, inputs, hidden = sequence
    x, h, weights = some(run, batch, length, inputs), some(run, batch, hidden), some_weights(run, inputs, hidden)
    what = "`rnn(x, weights, h)`" if given else "`rnn(x, weights)`"  # untranslated
    found = ask(run, "rnn", x, weights, *([h] if given else []), unchanged=True)
    states, last = several(found, 2, what, tr("It returns `states, h`."))
    first_part = tr("{what}, its first part,", what=what)
    states = numeric(states, first_part)
    begun = h if given else None
    (expected,) = fitting(states, [[read_rnn(x, weights, begun, step)] for step in run.once(rnn_steps)])
    close(states, expected, first_part)
    hint = tr("That is the state after the last step.")
    close(last, expected[:, -1], tr("{what}, its last state,", what=what), hint)


def expect_last_of_lstm(run: Run, sequence: tuple[int, int, int, int], given: bool) -> None:
    batch, length, inputs, hidden = sequence
    x, weights = some(run, batch, length, inputs), some_weights(run, inputs, hidden, parts=4)
    begun = (some(run, batch, hidden), some(run, batch, hidden)) if given else None
    what = "`lstm(x, weights, (h, c))`" if given else "`lstm(x, weights)`"  # untranslated
    found = ask(run, "lstm", x, weights, *([begun] if begun else []), unchanged=True)
    states, h, c = several(found, 3, what, tr("It returns `states, (h, c)`."))
    first_part = tr("{what}, its first part,", what=what)
    states = numeric(states, first_part)
    hs, cs = fitting(states, [read_lstm(x, weights, begun, step) for step in run.once(lstm_steps)])
    close(states, hs, first_part)
    swapped = state_like(h, cs[:, -1]) and state_like(c, hs[:, -1])
    hint = tr("The pair is `(h, c)`: h comes first, then the memory c.") if swapped else ""
    hint = hint or tr("Both are the states after the last step.")
    close(h, hs[:, -1], tr("{what}, its last {name},", what=what, name="h"), hint)
    close(c, cs[:, -1], tr("{what}, its last {name},", what=what, name="c"), hint)


def state_like(found: Any, expected: np.ndarray) -> bool:
    """Whether this is the state, with an axis of length 1 in front or without."""
    return matches(found, expected) or matches(found, expected[None])


def last_of_rnn(run: Run) -> str:
    """Which state `rnn` gives as the last one: "last", or "first" by mistake."""
    x, weights = some(run, 2, 6, 3), some_weights(run, 3, 4)
    _, last = several(ask(run, "rnn", x, weights), 2, "`rnn(…)`", "")
    return "first" if state_like(last, read_rnn(x, weights)[:, 0]) else "last"


def last_of_lstm(run: Run) -> str:
    """Which state `lstm` gives as the last h: "last", or "first" or "memory" by mistake."""
    x, weights = some(run, 2, 6, 3), some_weights(run, 3, 4, parts=4)
    _, h, _ = several(ask(run, "lstm", x, weights), 3, "`lstm(…)`", "")
    hs, cs = read_lstm(x, weights)
    return "first" if state_like(h, hs[:, 0]) else "memory" if state_like(h, cs[:, -1]) else "last"


def states_measured(run: Run, kind: str) -> list[str]:
    """The states whose gradient may be meant: where a reader gives a wrong last one, that has cost its points."""
    try:
        own = run.once(last_of_rnn if kind == "rnn" else last_of_lstm)
    except SubmissionFault:
        own = "last"
    return ["last"] if own == "last" else ["last", own]


def only_states(found: Any) -> Any:
    """The states, where a function returns the last one as well."""
    return found[0] if isinstance(found, tuple) and len(found) == 2 else found


@check(points=1, needs=[rnn_reads_sequences])
def both_directions_are_read(run: Run) -> None:
    """`bidirectional` lays the states of both directions side by side, as `nn.RNN` does."""
    for _ in range(2):
        batch, length, inputs, hidden = sizes(run)
        x = some(run, batch, length, inputs)
        there, back = some_weights(run, inputs, hidden), some_weights(run, inputs, hidden)
        what = tr("`bidirectional(x, …)` of x {shape}", shape=shape_told(x.shape))
        found = numeric(only_states(ask(run, "bidirectional", x, there, back)), what)
        hint = tr("The steps are turned round, `x.flip(1)`; the forward states are the first half of each row.")
        options = []
        for step in run.once(rnn_steps):
            forward, backward = read_rnn(x, there, step=step), read_rnn(x[:, ::-1], back, step=step)
            options.append([np.concatenate([forward, backward[:, ::-1]], axis=2)])
            if matches(found, np.concatenate([forward, backward], axis=2)):
                hint = tr(
                    "The backward states have to be turned round again, so that both halves belong to the same step."
                )
        close(found, fitting(found, options)[0], what, hint)


@check(
    points=1, needs=[rnn_reads_sequences], hint=tr("Each layer reads the states of the layer below it, of all steps.")
)
def layers_are_stacked(run: Run) -> None:
    """`stacked` gives the states of the topmost layer, as `nn.RNN` does."""
    for num_layers in (3, 1, 2):
        batch, length, inputs, hidden = sizes(run)
        x = some(run, batch, length, inputs)
        layers = [some_weights(run, hidden if i else inputs, hidden) for i in range(num_layers)]
        shape = shape_told(x.shape)
        what = tr("`stacked(x, layers)` of x {shape} and {n} layers", shape=shape, n=num_layers)
        found = numeric(only_states(ask(run, "stacked", x, layers)), what)
        options = [[x] for _ in run.once(rnn_steps)]
        for option, step in zip(options, run.once(rnn_steps), strict=True):
            for weights in layers:
                option[0] = read_rnn(option[0], weights, step=step)
        close(found, fitting(found, options)[0], what)


def parameters(kind: str, inputs: int, hidden: int, num_layers: int = 1, bidirectional: bool = False) -> int:
    parts, directions = {"rnn": 1, "lstm": 4}[kind], 1 + bidirectional
    widths = [inputs] + [directions * hidden] * (num_layers - 1)
    return sum(directions * parts * hidden * (width + hidden + 2) for width in widths)


def expect_parameters(run: Run, kind: str, hint: str, **options: Any) -> None:
    inputs, hidden = run.rng.choice(np.arange(3, 90), size=2, replace=False).tolist()
    found = run.call("count_parameters", kind, inputs, hidden, **options)
    shown = ", ".join([repr(kind), str(inputs), str(hidden), *(f"{name}={value}" for name, value in options.items())])
    what = f"`count_parameters({shown})`"
    expect_count(found, parameters(kind, inputs, hidden, **options), what=what, hint=hint)


@check(points=1)
def one_layer_is_counted(run: Run) -> None:
    """`count_parameters` is right for one layer of `nn.RNN` and of `nn.LSTM`."""
    hint = tr("Add up the numbers in W_ih, W_hh, b_ih and b_hh; an LSTM has four parts in each of them.")
    for kind in ("rnn", "lstm", "lstm", "rnn"):
        expect_parameters(run, kind, hint)


@check(points=2, needs=[one_layer_is_counted])
def layers_and_directions_are_counted(run: Run) -> None:
    """`count_parameters` is right for several layers, both directions, and both at once."""
    hint = tr("Every layer but the first reads the states of the one below, those of both directions if there are two.")
    each = tr("Each direction has weights of its own.")
    for kind in ("rnn", "lstm"):
        expect_parameters(run, kind, hint, num_layers=int(run.rng.integers(2, 6)))
        expect_parameters(run, kind, each, bidirectional=True)
        expect_parameters(run, kind, hint, num_layers=int(run.rng.integers(2, 6)), bidirectional=True)


@check(points=1)
def shapes_are_right(run: Run) -> None:
    """`output_shapes` gives the shapes of output and h_n, for any number of layers and directions."""
    output = tr("The output has the states of the topmost layer only, those of both directions side by side.")
    h_n = tr("h_n has a state for each layer and each direction, one below the other; the batch is its second axis.")
    for options in ({}, {"num_layers": 3}, {"bidirectional": True}, {"num_layers": 4, "bidirectional": True}):
        batch, length, _, hidden = sizes(run)
        directions, layers = 1 + options.get("bidirectional", False), options.get("num_layers", 1)
        shown = ", ".join([f"{batch}, {length}, {hidden}", *(f"{name}={value}" for name, value in options.items())])
        what = f"`output_shapes({shown})`"
        found = run.call("output_shapes", batch, length, hidden, **options)
        refuse_placeholder(found, what)
        first, second = several(found, 2, what, tr("It returns two shapes, as a pair."))
        told_first, told_second = tr("{what}, the first,", what=what), tr("{what}, the second,", what=what)
        expect_close(first, (batch, length, directions * hidden), told_first, rtol=0, hint=output)
        expect_close(second, (directions * layers, batch, hidden), told_second, rtol=0, hint=h_n)


def expect_gradient(run: Run, kind: str) -> None:
    """`gradient_norm` on sequences of several lengths, some so long that hardly a gradient is left."""
    hint = tr("The gradient of the last h's sum, only that part of it which belongs to `x[:, 0]`, and its norm.")
    for length, batch in ((1, 1), (2, 3), (6, 2), (15, 1)):
        _, _, inputs, hidden = sizes(run)
        x = some(run, batch, length, inputs)
        weights = some_weights(run, inputs, hidden, 4 if kind == "lstm" else 1, scale=0.7)
        options = [norm_of(kind, x, weights, of) for of in states_measured(run, kind)]
        what = tr("`gradient_norm({kind}, x, weights)` of x {shape}", kind=repr(kind), shape=shape_told(x.shape))
        found = numeric(ask(run, "gradient_norm", kind, x, weights), what)
        expect(found.size == 1, tr("{what} is {found}, not one number.", what=what, found=told(found)), hint)
        expected = next((one for one in options if np.isclose(found.item(), one, rtol=1e-2, atol=0)), options[0])
        nudged = NUDGED if length > 6 and abs(found.item() - expected) < 1e-3 else ""
        expect_close(found.reshape(()), expected, what=what, rtol=1e-2, atol=0, hint=nudged or hint)


@check(points=1, needs=[rnn_cell_is_right, rnn_reads_sequences])
def rnn_gradient_is_right(run: Run) -> None:
    """`gradient_norm` of an RNN is the norm of the gradient that reaches the first input."""
    expect_gradient(run, "rnn")


@check(points=1, needs=[lstm_cell_is_right, lstm_reads_sequences])
def lstm_gradient_is_right(run: Run) -> None:
    """`gradient_norm` of an LSTM is the norm of the gradient that reaches the first input."""
    expect_gradient(run, "lstm")


@check(points=2)
def forget_gate_is_opened(run: Run) -> None:
    """`open_forget_gate` raises the forget gate's bias by the amount, and changes nothing else."""
    for amount in (2.0, -1.5, float(run.rng.uniform(3, 6))):
        _, _, inputs, hidden = sizes(run)
        weights = some_weights(run, inputs, hidden, parts=4)
        what = f"`open_forget_gate(weights, {amount:.4g})`"  # untranslated
        found = several(
            ask(run, "open_forget_gate", weights, amount, unchanged=True), 4, what, tr("It returns all four tensors.")
        )
        for matrix, old, name in zip(found, weights, ("W_ih", "W_hh"), strict=False):
            told_matrix = tr("{what}, its {name},", what=what, name=name)
            close(matrix, old, told_matrix, tr("The matrices stay as they are."))
        biases = [expect_shape(bias, (4 * hidden,), tr("{what}, a bias,", what=what)) for bias in found[2:]]
        raised = dict(zip("ifgo", (sum(biases) - weights[2] - weights[3]).reshape(4, hidden), strict=True))
        for part, message in {
            "i": tr("{what} changes the bias of the input gate.", what=what),
            "g": tr("{what} changes the bias of the proposal.", what=what),
            "o": tr("{what} changes the bias of the output gate.", what=what),
        }.items():
            same = bool(np.allclose(raised[part], 0, atol=1e-3))
            expect(same, message, tr("Which quarter is the forget gate's?"))
        right = bool(np.allclose(raised["f"], amount, atol=1e-3))
        by = tr(
            "{what} raises the forget gate's bias by {amounts} in all.",
            what=what,
            amounts=raised["f"].round(3).tolist(),
        )
        expect(right, by, tr("The two biases are added: raise one of them only, for all hidden units."))


@check(points=2, needs=[rnn_gradient_is_right, lstm_gradient_is_right, forget_gate_is_opened])
def decay_is_measured(run: Run) -> str:
    """`rnn_norms`, `lstm_norms` and `open_norms` tell how the gradient decays with the length."""
    x = expect_shape(run.value("sequence"), (None, None, None), "`sequence`")
    lengths = [whole_number(n, tr("A length in `lengths`")) for n in run.array("lengths").ravel()[:60].tolist()]
    fit = all(1 <= n <= x.shape[1] for n in lengths) and len(lengths) > 1 and x.size <= 2_000
    message = tr("`lengths` does not fit `sequence`, whose shape is {shape}.", shape=shape_told(x.shape))
    expect(fit, message, tr("Keep both as they were."))
    kept = set(LENGTHS) <= set(lengths)
    named = ", ".join(map(str, LENGTHS))
    message = tr("`lengths` is {found}.", found=plain(str(lengths), 200))
    expect(kept, message, tr("Measure at the lengths that the notebook names: {lengths}.", lengths=named))
    rnn_weights, lstm_weights = own_weights(run, "rnn_weights", 1, x), own_weights(run, "lstm_weights", 4, x)
    share = {}
    for name, kind, weights in (
        ("rnn_norms", "rnn", rnn_weights),
        ("lstm_norms", "lstm", lstm_weights),
        ("open_norms", "lstm", opened(lstm_weights, OPENING)),
    ):
        found = run.array(name).ravel()
        norms = [norm_of(kind, x[:, :length], weights) for length in lengths]
        expect(bool(np.isfinite(norms).all()), tr("The gradient explodes in the notebook's networks."), LONG_ENOUGH)
        hint = tr(
            "Measure on `sequence[:, :length]` for each of the `lengths`, with the weights that the notebook makes."
        )
        tolerance = {"rtol": 2e-2, "atol": 1e-12 * norms[0]}
        share[name] = norms[-1] / max(norms[0], 1e-300)
        for of in states_measured(run, kind)[1:]:
            others = [norm_of(kind, x[:, :length], weights, of) for length in lengths]
            norms = others if found.shape == (len(others),) and np.allclose(found, others, **tolerance) else norms
        short = found.shape == (len(norms),) and np.allclose(found[:4], norms[:4], 2e-2, 0)
        expect_close(found, norms, what=f"`{name}`", hint=NUDGED if short else hint, **tolerance)
    faster = share["rnn_norms"] < 1e-3 * share["open_norms"]
    message = tr("The RNN's gradient decays no faster than that of the LSTM whose forget gate is open.")
    expect(faster, message, LONG_ENOUGH)
    return tr(
        "after {steps} steps {rnn} of the RNN's gradient, {lstm} of the LSTM's and {opened} of the open LSTM's is left",
        steps=lengths[-1],
        rnn=f"{share['rnn_norms']:.0e}",
        lstm=f"{share['lstm_norms']:.0e}",
        opened=f"{share['open_norms']:.0e}",
    )


def own_weights(run: Run, name: str, parts: int, x: np.ndarray) -> Weights:
    """The notebook's own weights, if they fit together and the sequence."""
    found = several(run.value(name), 4, f"`{name}`", tr("It holds the four tensors of one layer."))
    weights = [numeric(one, f"`{name}`") for one in found]
    hidden = weights[1].shape[-1] if weights[1].ndim else 0
    wanted = [(parts * hidden, x.shape[2]), (parts * hidden, hidden), (parts * hidden,), (parts * hidden,)]
    fit = [one.shape for one in weights] == wanted and 0 < hidden <= 100
    small = fit and all(bool((np.abs(one) < 100).all()) for one in weights)
    message = tr("`{name}` does not hold the weights of one layer.", name=name)
    expect(small, message, tr("Keep the networks as the notebook makes them."))
    return weights
