"""Exercise 111: the forward pass by hand, for one input and a batch; logits and softmax; what neurons cost.

Functions get weights, sizes and batches picked at grading time. They return both hidden layers and the output, so
that a mistake in one layer does not cost the others' points: each layer is judged by what the student's own layer
before it gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.checks import (
    Run,
    ask,
    check,
    cross_entropy,
    expect,
    expect_answer,
    expect_close,
    expect_keys,
    expect_number,
    expect_word,
    hint_for,
    listed,
    numeric,
    shape_told,
    softmax,
    told,
    tr,
)

from .forward import ATOL, BATCHES, FORMS, ONE_INPUT, RTOL, expect_layers
from .networks import NOTEBOOK

NO_TUPLE = tr("The shape of a vector is a tuple of one number, `(n,)`: without the comma it is a number in brackets.")
ROW_BY_ROW = tr("Subtract the largest logit of each row: that of the whole batch may be far from the other rows'.")

# ---------------------------------------------------------------------- shapes


@check(
    points=1, hint=tr("A weight matrix has a row for each unit that it computes, and a column for each that it reads.")
)
def shapes_of_parameters_are_right(run: Run) -> None:
    """`shapes` holds the shapes of the weights and biases."""
    expect_shapes(run, ["W1", "b1", "W2", "b2", "W3", "b3"])


@check(points=1, hint=tr("A layer gives one number for each of its units, and here the units are a vector."))
def shapes_for_one_input_are_right(run: Run) -> None:
    """`shapes` holds the shapes of the layers for one input."""
    expect_shapes(run, ["h1", "h2", "y"])


@check(points=1, hint=tr("Every input of the batch has a row of its own, in every layer."))
def shapes_for_a_batch_are_right(run: Run) -> None:
    """`shapes` holds the shapes of the layers for a batch of 64 inputs."""
    expect_shapes(run, ["H1", "H2", "Y"])


def expect_shapes(run: Run, names: Sequence[str]) -> None:
    shapes = expect_keys(run.value("shapes"), names, "shapes")
    for name in names:
        what = f'`shapes["{name}"]`'
        message = tr("{what} is {found}, not a tuple.", what=what, found=told(shapes[name]))
        expect(numeric(shapes[name], what).ndim == 1, message, NO_TUPLE)
        expect_answer(run, f"shape-{name}", value=shapes[name], what=what)


# ---------------------------------------------------------------------- the forward pass


@check(points=2)
def first_hidden_layer_is_right(run: Run) -> None:
    """`forward` computes the first hidden layer for one input."""
    expect_layers(run, ONE_INPUT, 1)


@check(points=1)
def second_hidden_layer_is_right(run: Run) -> None:
    """`forward` computes the second hidden layer from the first."""
    expect_layers(run, ONE_INPUT, 2)


@check(points=1)
def output_is_right(run: Run) -> None:
    """`forward` computes the output from the second hidden layer."""
    expect_layers(run, ONE_INPUT, 3)


@check(points=2)
def hidden_layers_of_a_batch_are_right(run: Run) -> None:
    """`forward_batch` computes both hidden layers, a row for each input."""
    expect_layers(run, BATCHES, 1, 2)


@check(points=1)
def output_of_a_batch_is_right(run: Run) -> None:
    """`forward_batch` computes the output from the second hidden layer, a row for each input."""
    expect_layers(run, BATCHES, 3)


@check(points=2)
def model_computes_the_same(run: Run) -> None:
    """`model` is a module with the notebook's weights, and computes the same."""
    shapes = list(run.shapes("model").values())
    hint = tr("Three linear layers: 2 to 3, 3 to 3 and 3 to 1, with biases.")
    expect(len(shapes) > 0, tr("`model` has no parameters."), hint)
    message = tr("`model` has parameters of the shapes {shapes}.", shapes=listed([str(shape) for shape in shapes]))
    expect(sorted(shapes) == sorted(a.shape for a in NOTEBOOK.parameters), message, hint)
    x = (run.rng.normal(size=(40, 2)) * np.repeat([[4], [100]], 20, axis=0)).astype(np.float32)
    found = run.predict("model", x)
    hint = tr("Are all six tensors copied, and is there a ReLU after each hidden layer and none at the end?")
    column = found.reshape(-1, 1) if found.ndim == 1 else found
    expect_close(column, NOTEBOOK.forward(x)[2], "`model(X)`", RTOL, 3e-4, hint)


# ---------------------------------------------------------------------- logits and probabilities


@check(points=2)
def softmax_is_right(run: Run) -> None:
    """`softmax` makes probabilities of logits, for one row and for a batch."""
    hint = tr("e to the power of each logit, divided by the sum of all of them.")
    rows = tr("Every row is a set of logits of its own: its probabilities sum to 1. Which axis do you sum over?")
    for k in (2, 5, 10):
        expect_softmax(run, run.rng.normal(scale=2, size=k).round(2), hint)
        expect_softmax(run, run.rng.normal(scale=2, size=(4, k)).round(2), rows)
    for shape in ((3, 3), (1, 4)):  # a batch of one is a batch: a table of one row
        expect_softmax(run, run.rng.normal(scale=2, size=shape).round(2), rows)


@check(points=1, needs=softmax_is_right)
def softmax_is_stable(run: Run) -> None:
    """`softmax` is right for logits of any size."""
    small = run.rng.normal(size=(3, 4)).round(1)
    hint = tr("Subtract the largest logit from all of them before `exp`: the probabilities stay the same.")
    for size in (1000, -1000):
        expect_softmax(run, small[0] + size, hint, tr("`softmax` of logits around {size}", size=size))
    apart = small + np.array([[900], [-900], [0]])
    expect_softmax(run, apart, ROW_BY_ROW, tr("`softmax` of a batch whose rows are far apart"))
    hint = tr(
        "It is the largest that has to be subtracted: whatever else is, something may still be too large for `exp`."
    )
    for spread in (150, 1000, 5000):  # e^89 is too large for float32, e^710 for float64
        logits = run.rng.permuted(np.linspace(-spread, spread, 5)) + small[0, 0]
        expect_softmax(run, logits, hint, tr("`softmax` of logits that are up to {spread} apart", spread=2 * spread))
    wide = run.rng.permuted(np.tile([-2000.0, -1000, 0, 1000.5], (3, 1)), axis=1)
    expect_softmax(run, wide, hint, tr("`softmax` of a batch whose logits are far apart"))


def expect_softmax(run: Run, logits: np.ndarray, hint: str, what: str = "") -> None:
    what = what or tr("`softmax` of logits of shape {shape}", shape=shape_told(logits.shape))
    found = ask(run, "softmax", logits, forms=FORMS, forbid=["softmax"])  # "with `torch.exp` and sums"
    expect_close(found, softmax(logits), what, RTOL, ATOL, hint)


@check(points=2, hint=tr("From the logits themselves: log of the sum of e^z, minus the right class's logit."))
def cross_entropy_is_right(run: Run) -> None:
    """`cross_entropy` gives the mean loss of a batch of logits."""
    for n, k in ((6, 3), (5, 10), (4, 4), (1, 5)):
        logits = run.rng.normal(scale=2, size=(n, k)).round(2)
        labels = run.rng.permutation(np.arange(n) % k)
        expect_loss(run, logits, labels, tr("`cross_entropy` of a batch of shape {shape}", shape=(n, k)))


@check(points=1, needs=cross_entropy_is_right)
def cross_entropy_is_stable(run: Run) -> None:
    """`cross_entropy` is finite and right for logits of any size."""
    hint = tr("A probability that is rounded to 0 has no logarithm: compute it from the logits, without the softmax.")
    logits = run.rng.permuted(np.tile([-600.0, -200, 200, 600], (5, 1)), axis=1)
    logits += run.rng.normal(scale=20, size=logits.shape).round()
    labels = logits.argmin(axis=1)  # the model is sure, and wrong
    expect_loss(run, logits, labels, tr("`cross_entropy` of logits in the hundreds"), hint)
    expect_loss(run, logits + 3000, labels, tr("`cross_entropy` of logits in the thousands"), hint)
    logits = run.rng.normal(size=(4, 3)).round(1) + run.rng.permutation([[2000.0], [0.0], [-2000.0], [150.0]])
    labels = run.rng.permutation([0, 1, 2, 0])
    expect_loss(run, logits, labels, tr("`cross_entropy` of a batch whose rows are far apart"), ROW_BY_ROW)
    surely = run.rng.permuted(np.tile([-900.0, 0, 900], (3, 1)), axis=1)
    expect_loss(run, surely, surely.argmax(axis=1), tr("`cross_entropy` where the model is sure, and right"), hint)


def expect_loss(run: Run, logits: np.ndarray, labels: np.ndarray, what: str, hint: str = "") -> None:
    found = ask(run, "cross_entropy", logits, labels, forms=FORMS, forbid=["cross_entropy"])
    loss = expect_number(found, what, tr("It has to be one number, the mean over the batch."), finite=False)
    right = cross_entropy(logits, labels)
    hint = hint_for(loss, {tr("That is the sum over the batch; asked is the mean."): right.sum()}, hint)
    expect_close(loss, right.mean(), what, RTOL, ATOL, hint)


@check(points=1, hint=tr("What is the last thing that happens to `x`? Is anything done after it?"))
def what_the_mlp_returns_is_right(run: Run) -> None:
    """`mlp_returns` says what the MLP of chapter 110 returns."""
    expect_word(run, "mlp_returns")


# ---------------------------------------------------------------------- what neurons cost


@check(points=2, hint=tr("Each unit has a weight for every unit of the layer before it, and a bias: layer by layer."))
def counts_are_right(run: Run) -> None:
    """`counts` holds the parameters of the five ways to arrange 1,000 neurons."""
    found = run.value("counts")
    numbers = numeric(list(found.values()) if isinstance(found, dict) else found, "`counts`")
    expect(numbers.size == 5, tr("`counts` holds {n} numbers; there are five arrangements.", n=numbers.size))
    neurons = tr("That counts neurons. Parameters are the weights between them, and the biases.")
    for number, count in enumerate(numbers.ravel().tolist(), 1):
        whole = int(count) if count.is_integer() else count
        what = tr("The count of arrangement {number}", number=number)
        expect_answer(run, f"arrangement-{number}", neurons if count == 1000 else "", value=whole, what=what)


@check(points=1, hint=tr("Write the number of parameters as a formula of D, and try values of D around 30."))
def widest_is_right(run: Run) -> None:
    """`widest` is the largest D for which a 2-D-D-1 network has at most 1,000 parameters."""
    expect_answer(run, "widest")
