"""Exercise 300: forward pass, gradients by the chain rule, and gradient descent, for networks of any size.

What the functions ought to give is computed here, in double precision, for networks that are picked at grading
time. A student may work with tensors of either precision or with NumPy: what a function is sent is tried in each form.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    check,
    closed_answer,
    expect,
    expect_close,
    expect_closed,
    fail,
    ngettext,
    numeric,
    refuse_placeholder,
    tensor,
    told,
    tr,
)
from grader.errors import CallFailed, TooSlow
from grader.language import decimal, grouped

if TYPE_CHECKING:
    from grader.run import Run

MANY_STEPS = 1500  # that `train` has to take: a quarter of a second, where it may take 20,000
QUICK_S = 5.0  # for what takes a hundredth of a second
Layer = tuple[np.ndarray, np.ndarray]  # weights (outputs, inputs), biases (outputs,); or the slopes for them

# Hints for the usual mistakes.
SQUARE = tr("The slope of a square u² is 2u.")
SIGMOID = tr("The neuron's own slope is missing: y (1 − y).")
SIGN = tr("The sign is the wrong way round: the loss grows where y − t does.")
INPUT = tr("How fast does z = w x + b change with w? That factor is missing.")
NO_INPUT = tr("How fast does z = w x + b change with b? The input has no part in it.")
MEAN = tr("The loss is a mean: its slope is divided by the number of all outputs, N · K.")
CHAIN = tr("Go through the table of the notebook row by row, and look at the shapes.")
HIDDEN = {
    "hidden": tr("The sigmoid's slope, y (1 − y), has a part in every layer, not in the last one alone."),
    "whole": tr("What is handed back is made of dZ: the layer's own slope, y (1 − y), is a factor of it."),
    "twice": tr("y (1 − y) is the slope already: y is the neuron's answer, and needs no second sigmoid."),
}
XOR_X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_T = np.array([[0.0], [1.0], [1.0], [0.0]])

NEURON_LOSS = closed_answer(
    "300-neuron-loss",
    "daf6c5577b2e3e5a51eb86444802b84c",
    {
        "2e193b3a86728796a127d844babe16c7": tr("That is the error y − t: the loss is its square."),
        "c13c3a90e0bb03ee7d7921a3ffeb812b": tr("Here the loss is the square itself, without a factor ½."),
        "427ca1c4958cd8e6d4dfa7e0d846b2e8": tr("The loss is the square of the error."),
    },
)
DL_DW = closed_answer(
    "300-dL-dw",
    "6d279f60f3f869ae9975c29c6958130e",
    {
        "d1173cb08d798a364162999468c912d8": SQUARE,
        "9e2db5c849993fff276b8ea2e4e54bb3": INPUT,
        "216bbb8cde21c88531b82acb1b877727": SIGMOID,
        "1ff23db354eb55009a3527d04d1960db": SIGN,
    },
)
DL_DB = closed_answer(
    "300-dL-db",
    "66779cbca7fad02e691995fdd2f82dcc",
    {
        "898b91c6caf7ebb66dd34eb72ca6c246": SQUARE,
        "93c7964df040b0c4e44e8d2e4eef0f95": SIGMOID,
        "bd2f0db27bad4d9c9a1f8cb55da1b355": NO_INPUT,
        "5eafbd07cace45762d818bab9c71c94b": SIGN,
    },
)

# ---------------------------------------------------------------------- the same, computed here


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * z))


def activations(layers: Sequence[Layer], xs: np.ndarray) -> list[np.ndarray]:
    """The inputs, and what each layer answers."""
    found = [xs]
    for weights, biases in layers:
        found.append(sigmoid(found[-1] @ weights.T + biases))
    return found


def mean_squared(layers: Sequence[Layer], xs: np.ndarray, targets: np.ndarray) -> float:
    return float(np.mean((activations(layers, xs)[-1] - targets) ** 2))


def slopes(layers: Sequence[Layer], xs: np.ndarray, targets: np.ndarray, mistake: str = "") -> list[Layer]:
    """Gradient of the mean squared error, layer by layer, by the chain rule; or what a mistake makes of it."""
    answers = activations(layers, xs)
    backwards: list[Layer] = []
    error = 2 * (answers[-1] - targets) / targets.size
    for (weights, _), before, after in zip(layers[::-1], answers[-2::-1], answers[:0:-1], strict=True):
        own = after * (1 - after)
        if backwards and mistake in ("hidden", "twice"):
            own = {"hidden": np.ones_like(after), "twice": sigmoid(after) * (1 - sigmoid(after))}[mistake]
        sums = error * own
        backwards.append((sums.T @ before, sums.sum(axis=0)))
        error = (error if mistake == "whole" else sums) @ weights
    return backwards[::-1]


def moved(layers: Sequence[Layer], by: Sequence[Layer], rate: float) -> list[Layer]:
    return [(w - rate * dw, b - rate * db) for (w, b), (dw, db) in zip(layers, by, strict=True)]


def flat(layers: Sequence[Layer]) -> np.ndarray:
    """All the numbers in one row."""
    return np.concatenate([part.ravel() for layer in layers for part in layer])


# ---------------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Task:
    """A network, inputs and targets; all numbers are float32's, so that no form of them is rounded."""

    layers: list[Layer]
    xs: np.ndarray  # (N, inputs)
    targets: np.ndarray  # (N, outputs)

    @property
    def sizes(self) -> list[int]:
        return [self.xs.shape[1], *(len(biases) for _, biases in self.layers)]

    @property
    def told(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        n = len(self.xs)
        return ngettext("a network {sizes} and {n} sample", "a network {sizes} and {n} samples", n, sizes=sizes)


def task(rng: np.random.Generator, sizes: Sequence[int], n: int, scale: float = 1.0) -> Task:
    """A task for a network of these sizes, with n samples; `scale` is how large its weights are."""

    def single(numbers: np.ndarray) -> np.ndarray:
        return numbers.astype(np.float32).astype(np.float64)

    def normal(*shape: int) -> np.ndarray:
        return single(scale * rng.normal(size=shape))

    layers = [(normal(after, before), normal(after)) for before, after in pairwise(sizes)]
    targets = rng.uniform(0.05, 0.95, size=(n, sizes[-1]))
    return Task(layers, single(rng.normal(size=(n, sizes[0]))), single(targets))


def tasks(run: Run) -> list[Task]:
    """Networks of one to four layers, for one sample and for several; sizes differ, so that none fits another."""
    rng = run.rng
    picked = []
    for depth, samples in [(1, 1), (1, 8), (2, 1), (2, 9), (3, 11), (4, 10)]:
        sizes = rng.choice(np.arange(2, 8), size=depth + 1, replace=False)
        picked.append(task(rng, [int(size) for size in sizes], samples))
    width = int(rng.integers(2, 6))  # where every table is square, only its numbers tell a transpose
    picked.append(task(rng, [width] * 4, width))
    picked.append(task(rng, [1, int(rng.integers(2, 6)), 1], int(rng.integers(2, 9))))
    return picked


Form = Callable[[np.ndarray], Any]
FORMS: list[Form] = [lambda a: tensor(a, "float64"), lambda a: tensor(a, "float32"), lambda a: a.copy()]


def sent(value: Any, form: Form) -> Any:
    if isinstance(value, np.ndarray):
        return form(value)
    return type(value)(sent(part, form) for part in value) if isinstance(value, list | tuple) else value


def ask(run: Run, name: str, *args: Any) -> Any:
    """What a function gives for these arguments, in the form of them that it can work with."""
    tried = "step" if name == "train" else name  # `train` may give back at once what it is given
    form = run.once_for(("form", tried), lambda: form_of(run, tried))
    return asked(run, name, form, *args)


def asked(run: Run, name: str, form: Form, *args: Any, seconds: float | None = None) -> Any:
    """The same, in this form; only `gradients` has to do without autograd."""
    forbid = ("autograd",) if name == "gradients" else ()
    return run.call(name, *(sent(one, form) for one in args), seconds=seconds, forbid=forbid)


def form_of(run: Run, name: str) -> Form:
    """The first form in which a function gives anything, else the first one.

    It is tried with networks that are never asked about again: nothing can be kept from a question that it refuses.
    """
    for form in FORMS:
        one = task(run.rng, [3, 4, 2], 5)
        args = {
            "forward": (one.layers, one.xs),
            "loss": (activations(one.layers, one.xs)[-1], one.targets),
            "gradients": (one.layers, one.xs, one.targets),
            "step": (one.layers, one.xs, one.targets, 0.1),
        }[name]
        with contextlib.suppress(CallFailed):
            asked(run, name, form, *args)
            return form
    return FORMS[0]


def pairs(value: Any, what: str, sizes: Sequence[int] | None = None) -> list[Layer]:
    """A list of pairs (table, row), as layers and their slopes are; of a network of these sizes, if they are given."""
    hint = tr("It is a list with a pair for each layer: a table like `W` and a row like `b`.")
    refuse_placeholder(value, what)
    message = tr("{what} is {found}, not a list of pairs.", what=what, found=told(value))
    expect(isinstance(value, list | tuple), message, hint)
    wanted = len(value) if sizes is None else len(sizes) - 1
    items, layers = ngettext("{n} item", "{n} items", len(value)), ngettext("{n} layer", "{n} layers", wanted)
    message = tr("{what} has {items} for {layers}.", what=what, items=items, layers=layers)
    expect(len(value) == wanted > 0, message, hint)
    return [pair_of(pair, what, number, sizes, hint) for number, pair in enumerate(value, 1)]


def pair_of(pair: Any, what: str, number: int, sizes: Sequence[int] | None, hint: str) -> Layer:
    """The pair of this layer, counted from 1."""
    message = tr("Item {number} of {what} is {found}, not a pair.", number=number, what=what, found=told(pair))
    expect(isinstance(pair, list | tuple), message, hint)
    message = tr("Item {number} of {what} has {n} parts, not 2.", number=number, what=what, n=len(pair))
    expect(len(pair) == 2, message, hint)
    table, row = (
        numeric(part, tr("{name} {number} in {what}", name=name, number=number, what=what))
        for part, name in zip(pair, "Wb", strict=True)
    )
    if row.ndim == 2 and row.size == max(row.shape):  # (1, n) and (n, 1) are the same n numbers
        row = row.ravel()
    fits = table.ndim == 2 and row.shape == table.shape[:1]
    asked = table.shape if sizes is None else (sizes[number], sizes[number - 1])
    shapes = {"what": what, "table": table.shape, "row": row.shape, "number": number}
    expect(
        fits and table.shape == asked,
        tr("{what} has shapes {table} and {row} for layer {number}, whose weights are {asked}.", asked=asked, **shapes)
        if sizes
        else tr("{what} has shapes {table} and {row} for layer {number}.", **shapes),
        tr("Each pair belongs to one layer, in the order of the layers, and has the shapes of its W and b."),
    )
    expect(
        np.isfinite(table).all() and np.isfinite(row).all(),
        tr("{what} holds NaN or infinite numbers for layer {number}.", what=what, number=number),
    )
    return table, row


# ---------------------------------------------------------------------- the neuron


@check(points=1, hint=tr("z is 0: what does the sigmoid give there, and how far is that from 1?"))
def neuron_loss_is_right(run: Run) -> None:
    """`neuron_loss` is the squared error of the neuron."""
    expect_closed(run.value("neuron_loss"), NEURON_LOSS, "`neuron_loss`")


@check(points=1, hint=tr("Three slopes, multiplied: dL/dy, dy/dz, and the last one for w or for b."))
def neuron_slopes_are_right(run: Run) -> None:
    """`dL_dw` and `dL_db` are the slopes of the neuron's loss."""
    expect_closed(run.value("dL_dw"), DL_DW, "`dL_dw`")
    expect_closed(run.value("dL_db"), DL_DB, "`dL_db`")


# ---------------------------------------------------------------------- forward, and the loss


@check(points=2, hint=tr("Layer by layer: the answers of one are the inputs of the next, and each has its sigmoid."))
def forward_is_right(run: Run) -> None:
    """`forward` gives the outputs of any network, for one sample and for many."""
    for one in tasks(run):  # of its own: what `forward` is asked without a ban is not what `gradients` is asked
        right = activations(one.layers, one.xs)[-1]
        what = tr("`{function}` of {task}", function="forward", task=one.told)
        found = numeric(ask(run, "forward", one.layers, one.xs), what)
        if found.size == right.size and found.squeeze().shape == right.squeeze().shape:
            found = found.reshape(right.shape)
        expect_close(found, right, what, rtol=1e-4, atol=1e-5)


@check(points=1, hint=tr("The mean is over all numbers of the batch: rows and columns."))
def loss_is_right(run: Run) -> None:
    """`loss` is the mean squared error over all outputs of the batch."""
    for shape in [(1, 1), (6, 1), (1, 4), tuple(int(n) for n in run.rng.integers(2, 9, size=2))]:
        outputs, targets = run.rng.uniform(size=(2, *shape)).astype(np.float32).astype(np.float64)
        right = float(np.mean((outputs - targets) ** 2))
        what = tr("`loss` of outputs and targets of shape {shape}", shape=shape)
        found = numeric(ask(run, "loss", outputs, targets), what)
        message = tr("{what} is {found}, not one number.", what=what, found=told(found))
        expect(found.size == 1, message, tr("Take the mean over everything."))
        hint = tr("There is no factor ½ in this loss.") if np.isclose(2 * found.item(), right) else ""
        expect_close(found.item(), right, what, rtol=1e-4, atol=1e-7, hint=hint)


# ---------------------------------------------------------------------- backward


def own_slopes(run: Run) -> list[tuple[Task, list[Layer]]]:
    """What `gradients` gives, for every task: pairs that fit the layers."""
    found = []
    for one in run.once(tasks):
        value = ask(run, "gradients", one.layers, one.xs, one.targets)
        what = tr("`{function}` of {task}", function="gradients", task=one.told)
        found.append((one, pairs(value, what, one.sizes)))
    return found


@check(points=2)
def gradients_are_made_by_hand(run: Run) -> None:
    """`gradients` gives a pair (dW, db) for each layer, in the shapes of its W and b, without autograd."""
    found = run.once(own_slopes)
    expect(any(flat(own).any() for _, own in found), tr("`gradients` gives nothing but zeros."), CHAIN)


@check(points=3, needs=[gradients_are_made_by_hand], hint=CHAIN)
def last_layer_is_right(run: Run) -> None:
    """`gradients` has the right slopes for the weights and biases of the last layer."""
    for one, own in run.once(own_slopes):
        right = slopes(one.layers, one.xs, one.targets)[-1]
        whats = [tr("`{part}` for the last layer of {task}", part=part, task=one.told) for part in ("dW", "db")]
        expect_slopes(own[-1], right, whats, last_hint(one, own[-1], right))


@check(
    points=4,
    needs=[last_layer_is_right],
    hint=tr("What the layer before gets is dZ · W, with the weights of this layer."),
)
def every_layer_is_right(run: Run) -> None:
    """`gradients` has the right slopes for the weights and biases of every layer."""
    for one, own in run.once(own_slopes):
        for number, right in list(enumerate(slopes(one.layers, one.xs, one.targets)))[:-1][::-1]:
            whats = [
                tr("`{part}` for layer {number} of {task}", part=part, number=number + 1, task=one.told)
                for part in ("dW", "db")
            ]
            expect_slopes(own[number], right, whats, hidden_hint(one, number, own[number]))


@check(points=1, needs=[every_layer_is_right])
def tiny_slopes_are_right(run: Run) -> None:
    """`gradients` is exact where slopes are almost nothing, and quick where there are many of them.

    Slopes that were measured, by nudging the weights, drown in rounding errors in a deep network with small weights,
    even in double precision. A nudge may be imaginary, or its numbers may be long: that is exact, but the network has
    to be run for every weight.
    """
    depth = 8
    sizes = [int(size) for size in run.rng.integers(4, 7, size=depth + 1)]
    one = task(run.rng, sizes, 6, scale=0.01)
    own = pairs(ask(run, "gradients", one.layers, one.xs, one.targets), tr("`gradients` of a deep network"), one.sizes)
    hint = tr(
        "Measured with a nudge, such slopes are lost among rounding errors: multiply the factors of the chain rule."
    )
    for number, right in enumerate(slopes(one.layers, one.xs, one.targets)):
        whats = [
            tr("`{part}` for layer {number} of a network of {depth} layers", part=part, number=number + 1, depth=depth)
            for part in ("dW", "db")
        ]
        expect_slopes(own[number], right, whats, hint)
    expect_quick(run)


def expect_quick(run: Run) -> None:
    """Fail unless a network of 90,000 weights takes far less time than as many runs of it."""
    width = int(run.rng.integers(150, 161))
    one = task(run.rng, [400, width, 90_000 // width - 400, 3], 2, scale=0.1)
    begun = time.monotonic()
    try:
        ask(run, "forward", one.layers, one.xs)
    except CallFailed:
        begun = time.monotonic()  # it takes one layer only, or the like: that is no matter here
    # Loops over plain numbers are as slow on their way back as forward, and no slower: a hundred runs are plenty.
    seconds = QUICK_S + 100 * (time.monotonic() - begun)
    what = tr("`gradients` of a network of {n} weights", n=grouped(len(flat(one.layers))))
    form = run.once_for(("form", "gradients"), lambda: form_of(run, "gradients"))
    try:
        value = asked(run, "gradients", form, one.layers, one.xs, one.targets, seconds=seconds)
    except TooSlow:
        fail(
            tr("{what} takes longer than {n} seconds.", what=what, n=grouped(int(seconds))),
            tr("The chain rule needs one way forward and one back for all slopes, not a run of the network for each."),
        )
    own = pairs(value, what, one.sizes)
    for number, right in enumerate(slopes(one.layers, one.xs, one.targets)):
        parts = ("dW", "db")
        whats = [tr("`{part}` for layer {number} of {task}", part=p, number=number + 1, task=one.told) for p in parts]
        expect_slopes(own[number], right, whats)


def expect_slopes(found: Layer, right: Layer, whats: Sequence[str], hint: str = "") -> None:
    for what, own, wanted in zip(whats, found, right, strict=True):
        expect_close(own, wanted, what, rtol=2e-3, atol=2e-3 * float(np.abs(wanted).max()), hint=hint)


def hidden_hint(one: Task, number: int, found: Layer) -> str:
    """What the slopes of a layer before the last betray."""
    for mistake, hint in HIDDEN.items():
        if np.allclose(found[0], slopes(one.layers, one.xs, one.targets, mistake)[number][0], 1e-3):
            return hint
    return ""


def last_hint(one: Task, found: Layer, right: Layer) -> str:
    """What the slopes of the last layer betray of how they were computed."""
    *_, before, outputs = activations(one.layers, one.xs)
    difference = (outputs - one.targets) / one.targets.size
    wrong = {
        SIGN: [-right[0]],
        SQUARE: [right[0] / 2],
        MEAN: [
            factor * right[0] for factor in (one.targets.size, *one.targets.shape, one.targets.size / 2) if factor != 1
        ],
        SIGMOID: [factor * difference.T @ before for factor in (1, 2)],
    }
    return next((hint for hint, tables in wrong.items() if any(np.allclose(found[0], t, 1e-3) for t in tables)), "")


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
        what = tr("`{function}` of {task}", function="step", task=one.told)
        found = pairs(ask(run, "step", one.layers, one.xs, one.targets, rate), what, one.sizes)
        for number, (new, wanted) in enumerate(zip(found, moved(one.layers, own, rate), strict=True), 1):
            for name, numbers, asked in zip("Wb", new, wanted, strict=True):
                after = tr("`{name}` of layer {number} after {what}", name=name, number=number, what=what)
                expect_close(numbers, asked, after, rtol=1e-3, atol=1e-4)
        downhill = flat(own) @ flat(slopes(one.layers, one.xs, one.targets)) > 0
        message = tr("{what} goes uphill: against the slopes that `gradients` gives the loss grows.", what=what)
        expect(downhill, message, SIGN)


@check(
    points=2,
    needs=[step_goes_downhill],
    hint=tr("Look at the loss before every step: go on while it is above `error`."),
)
def train_stops_at_the_error(run: Run) -> None:
    """`train` takes steps from the layers it is given until the loss is as small as asked for, and no longer.

    It has to arrive where the student's own `step` leads to, right or wrong, and not one step further.
    """
    few, more, rate = 40, 10, 0.5
    for inputs, hidden, outputs in run.rng.integers([2, 4, 1], [5, 7, 4], size=(2, 3)).tolist():
        one = task(run.rng, [inputs, hidden, outputs], int(run.rng.integers(6, 10)))
        way = [one.layers]
        while len(way) < few + more:
            way.append(pairs(ask(run, "step", way[-1], one.xs, one.targets, rate), "`step`", one.sizes))
        losses = [mean_squared(layers, one.xs, one.targets) for layers in way]
        end = int(np.argmin(losses[:few]))
        never = tr(
            "Your `step`, taken {few} times with a learning rate of {rate}, never lowers the loss.",
            few=few,
            rate=decimal(str(rate)),
        )
        expect(end > 0, never)
        between = (losses[end] + min(losses[:end])) / 2
        for error, first in [(between, end), (1.1 * losses[0], 0)]:
            what = tr("`train` of {task}, asked for a loss of {loss},", task=one.told, loss=decimal(f"{error:.5f}"))
            found = pairs(ask(run, "train", one.layers, one.xs, one.targets, rate, error), what, one.sizes)
            expect_stop(found, way, first, error, one, what)
    expect_patience(run)


def expect_patience(run: Run) -> None:
    """Fail if `train` gives up before more than a thousand steps; the text allows it 20,000.

    Where `step` goes another way than it should, its own check says so, and nobody knows where that leads.
    """
    one, rate = task(run.rng, [2, 3, 1], 5), 0.5
    layers, losses = one.layers, [mean_squared(one.layers, one.xs, one.targets)]
    own = pairs(ask(run, "step", layers, one.xs, one.targets, rate), "`step`", one.sizes)
    while len(losses) <= MANY_STEPS:
        layers = moved(layers, slopes(layers, one.xs, one.targets), rate)
        losses.append(mean_squared(layers, one.xs, one.targets))
        if len(losses) == 2 and not np.allclose(flat(own), flat(layers), 1e-3, 1e-4):
            return
    error, least = losses[-1], losses[int(0.95 * MANY_STEPS)]  # single precision may lead there a little later
    if not losses[0] > least > error:
        return
    what = tr("`train` of {task}, asked for a loss of {loss},", task=one.told, loss=decimal(f"{error:.5f}"))
    found = pairs(ask(run, "train", one.layers, one.xs, one.targets, rate, error), what, one.sizes)
    reached = mean_squared(found, one.xs, one.targets)
    message = tr(
        "{what} gives up at a loss of {reached}; {steps} steps lead there.",
        what=what,
        reached=decimal(f"{reached:.5f}"),
        steps=grouped(MANY_STEPS),
    )
    expect(reached <= least, message, tr("It may take 20,000 steps before it gives up."))


def expect_stop(found: list[Layer], way: list[list[Layer]], first: int, error: float, one: Task, what: str) -> None:
    """Fail unless these are the layers after the first so many steps of this way."""
    nearest = min(range(len(way)), key=lambda step: float(np.abs(flat(found) - flat(way[step])).max()))
    there = np.allclose(flat(found), flat(way[nearest]), 1e-3, 1e-4)
    if there and nearest == first:
        return
    if there and nearest > first:
        late = nearest - first
        message = ngettext("{what} takes {n} step too many.", "{what} takes {n} steps too many.", late, what=what)
        fail(message, tr("Look at the loss before the very first step, too, and at that of the newest layers."))
    reached = mean_squared(found, one.xs, one.targets)
    message = tr(
        "{what} gives layers with a loss of {reached}. "
        "{steps} of your own steps from the given layers lead to {expected}.",
        what=what,
        reached=decimal(f"{reached:.5f}"),
        steps=first,
        expected=decimal(f"{mean_squared(way[first], one.xs, one.targets):.5f}"),
    )
    elsewhere = mean_squared(way[-1], one.xs, one.targets) <= reached <= error
    fail(message, tr("Begin with the layers that it is given.") if elsewhere else "")


@check(points=2, hint=tr("Begin with `network(2, 4, 1)`; where the loss gets stuck, with other random weights."))
def trained_has_learnt_xor(run: Run) -> str:
    """`trained` is a network whose loss on XOR is 0.01 or less."""
    layers = pairs(run.value("trained"), "`trained`")
    sizes = [2, *(len(biases) for _, biases in layers)]
    fits = [weights.shape for weights, _ in layers] == list(zip(sizes[1:], sizes, strict=False)) and sizes[-1] == 1
    if not fits:
        shapes = ", ".join(str(w.shape) for w, _ in layers)
        fail(
            tr("The weights of `trained` have shapes {shapes}.", shapes=shapes),
            tr("XOR has two inputs and one output, and every layer takes what the one before it gives."),
        )
    reached = mean_squared(layers, XOR_X, XOR_T)
    loss = decimal(f"{reached:.4f}")
    expect(reached <= 0.01 * 1.001, tr("The loss of `trained` on XOR is {loss}, not 0.01 or less.", loss=loss))
    return tr("loss {loss}", loss=loss)
