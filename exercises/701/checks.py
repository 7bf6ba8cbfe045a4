"""Exercise 701: the cells of nn.RNN and nn.LSTM from scratch, what is built of them, and how far gradients reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import (
    Run,
    called,
    check,
    expect,
    expect_call,
    expect_close,
    expect_shape,
    hint_for,
    numeric,
    shape_told,
    tr,
)

from .asked import asked, call_of, expect_states, only_states, several, sizes, some, some_weights
from .cells import LSTM, RNN, Kind, lstm_step, opened, parameters, rnn_step, side_by_side, topmost
from .gradients import LONG_ENOUGH, expect_gradient, expect_norms, own_weights, sequence_and_lengths
from .mistakes import lstm_hint, rnn_hint
from .readings import expect_reading, fitting, steps

OPENING = 5.0  # how far the notebook opens the forget gate


# ---------------------------------------------------------------------- the cells


@check(points=2, hint=tr("The sum of both products and both biases goes through tanh."))
def rnn_cell_is_right(run: Run) -> None:
    """`rnn_cell` gives the state that PyTorch's cell gives with the same weights."""
    for batch in (int(run.rng.integers(2, 7)), 1, 8):
        _, _, inputs, hidden = sizes(run)
        x, h, weights = some(run, batch, inputs), some(run, batch, hidden), some_weights(run, inputs, hidden)
        found = asked(run, "rnn_cell", x, h, weights)
        (right,) = rnn_step(x, (h,), weights)
        expect_states(found, right, call_of("`rnn_cell(x, h, weights)`", x), rnn_hint(found, x, h, weights))


@check(points=1, hint=tr("Begin with zeros, and give each step the state of the step before."))
def rnn_reads_sequences(run: Run) -> None:
    """`rnn` goes from step to step with the cell: it gives all states."""
    expect_reading(run, RNN)


@check(points=3)
def lstm_cell_is_right(run: Run) -> None:
    """`lstm_cell` gives the states h and c that PyTorch's cell gives with the same weights."""
    for batch in (int(run.rng.integers(2, 7)), 1, 8):
        _, _, inputs, hidden = sizes(run)
        x, weights = some(run, batch, inputs), some_weights(run, inputs, hidden, LSTM.parts)
        states = some(run, batch, hidden), some(run, batch, hidden, scale=2)
        what = call_of("`lstm_cell(x, h, c, weights)`", x)
        h, c = several(asked(run, "lstm_cell", x, *states, weights), 2, what, tr("It returns `h, c`."))
        right_h, right_c = lstm_step(x, states, weights)
        hint = lstm_hint(h, c, x, states, weights)
        expect_states(c, right_c, tr("{what}, its {name},", what=what, name="c"), hint)
        expect_states(h, right_h, tr("{what}, its {name},", what=what, name="h"), hint)


@check(points=1, hint=tr("Give each step both states of the step before; begin with zeros."))
def lstm_reads_sequences(run: Run) -> None:
    """`lstm` goes from step to step with the cell: it gives h of all steps."""
    expect_reading(run, LSTM)


@check(
    points=1, needs=[rnn_reads_sequences, lstm_reads_sequences], hint=tr("Zeros are for when no state is passed in.")
)
def reading_begins_with_a_given_state(run: Run) -> None:
    """`rnn` and `lstm` begin with the state that is passed in, if any, and give the last one to go on from."""
    for given in (False, True):
        for kind in (RNN, LSTM):
            expect_reading(run, kind, given, to_the_end=True)


# ---------------------------------------------------------------------- two directions, several layers


@check(points=1, needs=[rnn_reads_sequences])
def both_directions_are_read(run: Run) -> None:
    """`bidirectional` lays the states of both directions side by side, as `nn.RNN` does."""
    for _ in range(2):
        batch, length, inputs, hidden = sizes(run)
        x = some(run, batch, length, inputs)
        there, back = some_weights(run, inputs, hidden), some_weights(run, inputs, hidden)
        what = call_of("`bidirectional(x, …)`", x)
        found = numeric(only_states(asked(run, "bidirectional", x, there, back)), what)
        cells = steps(run, RNN)
        right = fitting(found, [[side_by_side(x, there, back, cell)] for cell in cells])
        again = tr("The backward states have to be turned round again, so that both halves belong to the same step.")
        turned = tr("The steps are turned round, `x.flip(1)`; the forward states are the first half of each row.")
        usual = [(again, side_by_side(x, there, back, cell, turned=False)) for cell in cells]
        expect_states(found, right[0], what, hint_for(found, usual, turned))


@check(
    points=1, needs=[rnn_reads_sequences], hint=tr("Each layer reads the states of the layer below it, of all steps.")
)
def layers_are_stacked(run: Run) -> None:
    """`stacked` gives the states of the topmost layer, as `nn.RNN` does."""
    for num_layers in (3, 1, 2):
        batch, length, inputs, hidden = sizes(run)
        x = some(run, batch, length, inputs)
        layers = [some_weights(run, hidden if i else inputs, hidden) for i in range(num_layers)]
        what = tr("`stacked(x, layers)` of x {shape} and {n} layers", shape=shape_told(x.shape), n=num_layers)
        found = numeric(only_states(asked(run, "stacked", x, layers)), what)
        right = fitting(found, [[topmost(x, layers, cell)] for cell in steps(run, RNN)])
        expect_states(found, right[0], what)


# ---------------------------------------------------------------------- parameters and shapes


def expect_parameters(run: Run, kind: Kind, hint: str, **options: Any) -> None:
    inputs, hidden = run.rng.choice(np.arange(3, 90), size=2, replace=False).tolist()
    right = parameters(kind, inputs, hidden, **options)
    expect_call(run, "count_parameters", [kind.name, inputs, hidden], right, hint, **options)


@check(points=1)
def one_layer_is_counted(run: Run) -> None:
    """`count_parameters` is right for one layer of `nn.RNN` and of `nn.LSTM`."""
    hint = tr("Add up the numbers in W_ih, W_hh, b_ih and b_hh; an LSTM has four parts in each of them.")
    for kind in (RNN, LSTM, LSTM, RNN):
        expect_parameters(run, kind, hint)


@check(points=2, needs=[one_layer_is_counted])
def layers_and_directions_are_counted(run: Run) -> None:
    """`count_parameters` is right for several layers, both directions, and both at once."""
    hint = tr("Every layer but the first reads the states of the one below, those of both directions if there are two.")
    each = tr("Each direction has weights of its own.")
    for kind in (RNN, LSTM):
        expect_parameters(run, kind, hint, num_layers=int(run.rng.integers(2, 6)))
        expect_parameters(run, kind, each, bidirectional=True)
        expect_parameters(run, kind, hint, num_layers=int(run.rng.integers(2, 6)), bidirectional=True)


@check(points=1)
def shapes_are_right(run: Run) -> None:
    """`output_shapes` gives the shapes of output and h_n, for any number of layers and directions."""
    output = tr("The output has the states of the topmost layer only, those of both directions side by side.")
    h_n = tr("h_n has a state for each layer and each direction, one below the other; the batch is its second axis.")
    for num_layers, directions in ((1, 1), (3, 1), (1, 2), (4, 2)):
        batch, length, _, hidden = sizes(run)
        options: dict[str, Any] = {"num_layers": num_layers} if num_layers > 1 else {}
        options |= {"bidirectional": True} if directions > 1 else {}
        what = called("output_shapes", batch, length, hidden, **options)
        found = run.call("output_shapes", batch, length, hidden, **options)
        first, second = several(found, 2, what, tr("It returns two shapes, as a pair."))
        right = (batch, length, directions * hidden), (directions * num_layers, batch, hidden)
        expect_close(first, right[0], tr("{what}, the first,", what=what), rtol=0, hint=output)
        expect_close(second, right[1], tr("{what}, the second,", what=what), rtol=0, hint=h_n)


# ---------------------------------------------------------------------- the gradient that vanishes


@check(points=1, needs=[rnn_cell_is_right, rnn_reads_sequences])
def rnn_gradient_is_right(run: Run) -> None:
    """`gradient_norm` of an RNN is the norm of the gradient that reaches the first input."""
    expect_gradient(run, RNN)


@check(points=1, needs=[lstm_cell_is_right, lstm_reads_sequences])
def lstm_gradient_is_right(run: Run) -> None:
    """`gradient_norm` of an LSTM is the norm of the gradient that reaches the first input."""
    expect_gradient(run, LSTM)


@check(points=2)
def forget_gate_is_opened(run: Run) -> None:
    """`open_forget_gate` raises the forget gate's bias by the amount, and changes nothing else."""
    for amount in (2.0, -1.5, float(run.rng.uniform(3, 6))):
        _, _, inputs, hidden = sizes(run)
        weights = some_weights(run, inputs, hidden, LSTM.parts)
        what = f"`open_forget_gate(weights, {amount:.4g})`"
        found = asked(run, "open_forget_gate", weights, amount, unchanged=True)
        *matrices, b_ih, b_hh = several(found, 4, what, tr("It returns all four tensors."))
        for name, matrix, old in zip(("W_ih", "W_hh"), matrices, weights[:2], strict=True):
            stays = tr("The matrices stay as they are.")
            expect_states(matrix, old, tr("{what}, its {name},", what=what, name=name), stays)
        one, other = (expect_shape(bias, (4 * hidden,), tr("{what}, a bias,", what=what)) for bias in (b_ih, b_hh))
        i, f, g, o = (one + other - weights[2] - weights[3]).reshape(4, hidden)
        for raised, message in (
            (i, tr("{what} changes the bias of the input gate.", what=what)),
            (g, tr("{what} changes the bias of the proposal.", what=what)),
            (o, tr("{what} changes the bias of the output gate.", what=what)),
        ):
            expect(np.allclose(raised, 0, atol=1e-3), message, tr("Which quarter is the forget gate's?"))
        expect(
            np.allclose(f, amount, atol=1e-3),
            tr("{what} raises the forget gate's bias by {amounts} in all.", what=what, amounts=f.round(3).tolist()),
            tr("The two biases are added: raise one of them only, for all hidden units."),
        )


@check(points=2, needs=[rnn_gradient_is_right, lstm_gradient_is_right, forget_gate_is_opened])
def decay_is_measured(run: Run) -> str:
    """`rnn_norms`, `lstm_norms` and `open_norms` tell how the gradient decays with the length."""
    x, lengths = sequence_and_lengths(run)
    parts = [x[:, :length] for length in lengths]
    rnn_weights, lstm_weights = own_weights(run, RNN, x), own_weights(run, LSTM, x)
    rnn = expect_norms(run, "rnn_norms", RNN, parts, rnn_weights)
    lstm = expect_norms(run, "lstm_norms", LSTM, parts, lstm_weights)
    open_lstm = expect_norms(run, "open_norms", LSTM, parts, opened(lstm_weights, OPENING))
    message = tr("The RNN's gradient decays no faster than that of the LSTM whose forget gate is open.")
    expect(rnn < 1e-3 * open_lstm, message, LONG_ENOUGH)
    return tr(
        "after {steps} steps {rnn:.0e} of the RNN's gradient, {lstm:.0e} of the LSTM's and {opened:.0e} of the open "
        "LSTM's is left",
        steps=lengths[-1],
        rnn=rnn,
        lstm=lstm,
        opened=open_lstm,
    )
