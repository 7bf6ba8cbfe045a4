"""Exercise 300: forward pass, gradients by the chain rule, and gradient descent, for networks of any size."""

from __future__ import annotations

import numpy as np

from grader.checks import Run, check, expect, expect_answer, expect_close, expect_number, hint_for, numeric, tr

from .asked import asked, asked_pairs, named, pairs
from .networks import Task, flat, moved, task, tasks
from .slopes import SIGN, expect_quick, expect_slopes, hidden_hint, last_hint, layer_of, own_slopes
from .training import asked_for, expect_patience, expect_stop

CHAIN = tr("Go through the table of the notebook row by row, and look at the shapes.")


# ---------------------------------------------------------------------- the neuron


@check(points=1, hint=tr("z is 0: what does the sigmoid give there, and how far is that from 1?"))
def neuron_loss_is_right(run: Run) -> None:
    """`neuron_loss` is the squared error of the neuron."""
    expect_answer(run, "neuron_loss")


@check(points=1, hint=tr("Three slopes, multiplied: dL/dy, dy/dz, and the last one for w or for b."))
def neuron_slopes_are_right(run: Run) -> None:
    """`dL_dw` and `dL_db` are the slopes of the neuron's loss."""
    expect_answer(run, "dL_dw")
    expect_answer(run, "dL_db")


# ---------------------------------------------------------------------- forward, and the loss


@check(points=2, hint=tr("Layer by layer: the answers of one are the inputs of the next, and each has its sigmoid."))
def forward_is_right(run: Run) -> None:
    """`forward` gives the outputs of any network, for one sample and for many."""
    for one in tasks(run.rng):  # of its own: what `forward` is asked without a ban is not what `gradients` is asked
        right, what = one.outputs(), named("forward", one)
        found = numeric(asked(run, "forward", one.layers, one.xs), what)
        if found.size == right.size and found.squeeze().shape == right.squeeze().shape:
            found = found.reshape(right.shape)
        expect_close(found, right, what, rtol=1e-4, atol=1e-5)


@check(points=1, hint=tr("The mean is over all numbers of the batch: rows and columns."))
def loss_is_right(run: Run) -> None:
    """`loss` is the mean squared error over all outputs of the batch."""
    for shape in [(1, 1), (6, 1), (1, 4), tuple(int(n) for n in run.rng.integers(2, 9, size=2))]:
        outputs, targets = run.rng.normal(scale=2, size=(2, *shape)).astype(np.float32).astype(np.float64)
        right = float(np.mean((outputs - targets) ** 2))
        what = tr("`loss` of outputs and targets of shape {shape}", shape=shape)
        answer = asked(run, "loss", outputs, targets)
        found = expect_number(answer, what, tr("Take the mean over everything."), finite=False)
        hint = hint_for(found, {tr("There is no factor ½ in this loss."): right / 2})
        expect_close(found, right, what, rtol=1e-4, atol=1e-7, hint=hint)


# ---------------------------------------------------------------------- backward


@check(points=2)
def gradients_are_made_by_hand(run: Run) -> None:
    """`gradients` gives a pair (dW, db) for each layer, in the shapes of its W and b, without autograd."""
    found = run.once(own_slopes)
    expect(any(flat(own).any() for _, own in found), tr("`gradients` gives nothing but zeros."), CHAIN)


@check(points=3, needs=[gradients_are_made_by_hand], hint=CHAIN)
def last_layer_is_right(run: Run) -> None:
    """`gradients` has the right slopes for the weights and biases of the last layer."""
    for one, own in run.once(own_slopes):
        where = tr("the last layer of {task}", task=one.told)
        expect_slopes(own[-1], one.slopes()[-1], where, last_hint(one, own[-1]))


@check(
    points=4,
    needs=[last_layer_is_right],
    hint=tr("What the layer before gets is dZ · W, with the weights of this layer."),
)
def every_layer_is_right(run: Run) -> None:
    """`gradients` has the right slopes for the weights and biases of every layer."""
    for one, own in run.once(own_slopes):
        for number, right in list(enumerate(one.slopes()))[:-1][::-1]:
            expect_slopes(own[number], right, layer_of(number, one), hidden_hint(one, number, own[number]))


@check(points=1, needs=[every_layer_is_right])
def tiny_slopes_are_right(run: Run) -> None:
    """`gradients` is exact where slopes are almost nothing, and quick where there are many of them.

    Slopes that were measured, by nudging the weights, drown in rounding errors in a deep network with small weights,
    even in double precision. A nudge may be imaginary, or its numbers may be long: that is exact, but the network has
    to be run for every weight.
    """
    one = task(run.rng, [int(size) for size in run.rng.integers(4, 7, size=9)], 6, scale=0.01)
    own = asked_pairs(run, "gradients", one)
    hint = tr(
        "Measured with a nudge, such slopes are lost among rounding errors: multiply the factors of the chain rule."
    )
    for number, right in enumerate(one.slopes()):
        expect_slopes(own[number], right, layer_of(number, one), hint)
    expect_quick(run)


# ---------------------------------------------------------------------- downhill


@check(
    points=2,
    needs=[gradients_are_made_by_hand],
    hint=tr("New weights: old ones − learning rate · slopes, in every layer."),
)
def step_goes_downhill(run: Run) -> None:
    """`step` moves every weight and bias against its slope, as far as the learning rate says."""
    for one, own in run.once(own_slopes)[2:6]:
        rate = float(np.round(run.rng.uniform(0.05, 3), 2))
        what = named("step", one)
        found = asked_pairs(run, "step", one, rate)
        for number, (new, wanted) in enumerate(zip(found, moved(one.layers, own, rate), strict=True), 1):
            for name, numbers, right in zip("Wb", new, wanted, strict=True):
                after = tr("`{name}` of layer {number} after {what}", name=name, number=number, what=what)
                expect_close(numbers, right, after, rtol=1e-3, atol=1e-4)
        message = tr("{what} goes uphill: against the slopes that `gradients` gives the loss grows.", what=what)
        expect(flat(own) @ flat(one.slopes()) > 0, message, SIGN)


@check(
    points=2,
    needs=[step_goes_downhill],
    hint=tr("Look at the loss before every step: go on while it is above `error`."),
)
def train_stops_at_the_error(run: Run) -> None:
    """`train` takes steps from the layers it is given until the loss is as small as asked for, and no longer.

    It has to arrive where the student's own `step` leads to, right or wrong, and not one step further.
    """
    few, more = 40, 10
    sizes = run.rng.integers([2, 4, 1], [5, 7, 4], size=(2, 3)).tolist()
    rates = run.rng.uniform([0.4, 1.5], [0.8, 2.5]).round(1).tolist()
    # A small rate and a larger one: the rate is the caller's, not one that suits `train`.
    for (inputs, hidden, outputs), rate in zip(sizes, rates, strict=True):
        one = task(run.rng, [inputs, hidden, outputs], int(run.rng.integers(6, 10)))
        way = [one.layers]
        while len(way) < few + more:
            way.append(asked_pairs(run, "step", one.of(way[-1]), rate))
        losses = [one.of(layers).loss() for layers in way]
        end = int(np.argmin(losses[:few]))
        never = tr(
            "Your `step`, taken {few} times with a learning rate of {rate:.1f}, never lowers the loss.",
            few=few,
            rate=rate,
        )
        expect(end > 0, never)
        between = (losses[end] + min(losses[:end])) / 2
        for error, first in [(between, end), (1.1 * losses[0], 0)]:
            found = asked_pairs(run, "train", one, rate, error, what=asked_for(one, error))
            expect_stop(found, way, first, error, one)
    expect_patience(run)


@check(points=2, hint=tr("Begin with `network(2, 4, 1)`; where the loss gets stuck, with other random weights."))
def trained_has_learnt_xor(run: Run) -> str:
    """`trained` is a network whose loss on XOR is 0.01 or less."""
    layers = pairs(run.value("trained"), "`trained`")
    sizes = [2, *(len(biases) for _, biases in layers)]
    shapes = [weights.shape for weights, _ in layers]
    expect(
        shapes == list(zip(sizes[1:], sizes, strict=False)) and sizes[-1] == 1,
        tr("The weights of `trained` have shapes {shapes}.", shapes=", ".join(map(str, shapes))),
        tr("XOR has two inputs and one output, and every layer takes what the one before it gives."),
    )
    xor = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])
    loss = Task(layers, *xor).loss()
    expect(loss <= 0.01 * 1.001, tr("The loss of `trained` on XOR is {loss:.4f}, not 0.01 or less.", loss=loss))
    return tr("loss {loss:.4f}", loss=loss)
