"""Exercise 111: the forward pass by hand, for one input and a batch; logits and softmax; what neurons cost.

Functions get weights, sizes and batches picked at grading time. They return both hidden layers and the output, so
that a mistake in one layer does not cost the others' points: each layer is judged by what the student's own layer
before it gives.
"""

from __future__ import annotations

import itertools
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
    expect_shape,
    numeric,
    refuse_placeholder,
    tensor,
    told,
    tr,
)
from grader.errors import CallFailed, WrongKind
from grader.text import listed, plain

if TYPE_CHECKING:
    from grader.run import Run

RTOL, ATOL = 1e-4, 1e-5  # float32, in whatever order it is summed up


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    most = logits.max(axis=-1)
    log_sum = most + np.log(np.exp(logits - most[:, None]).sum(axis=-1))
    return float((log_sum - logits[np.arange(len(labels)), labels]).mean())


def ask(run: Run, name: str, *arrays: np.ndarray, forbid: Sequence[str] = ()) -> Any:
    """A function's answer to tensors; whoever computes in float64, or with NumPy, is asked with that."""
    forms: list[Callable[[np.ndarray], Any]] = [
        lambda a: tensor(a, "float32" if a.dtype.kind == "f" else None),
        lambda a: tensor(a),
        lambda a: a,
    ]
    first: CallFailed | None = None
    for form in forms:
        try:
            return run.call(name, *map(form, arrays), forbid=forbid)
        except CallFailed as fault:
            first = first or fault
    assert first is not None
    raise first


# ---------------------------------------------------------------------- shapes

TURNED = tr("Turned: the batch is always the first axis, and in a weight matrix the outputs are.")
NO_TUPLE = tr("The shape of a vector is a tuple of one number, `(n,)`: without the comma it is a number in brackets.")
SHAPES = {
    name: closed_answer(f"111-shape-{name}", right, dict.fromkeys(turned, TURNED))
    for name, (right, *turned) in {
        "W1": ["d5ccd8ceee35e405954b33152f254e62", "86b0fb19eb0b63cf730471bb96c1a094"],
        "b1": ["07475c140661112e41e682e9d45c8a1b"],
        "W2": ["e25ee6ef2a745e20a86a92daf44b4ef9"],
        "b2": ["3317b8fe54547a122c0fd22f9ea058f5"],
        "W3": ["fcc3759de63335ad126897072ecddeeb", "032ed9f4dfcada1a33d35e95697f4b00"],
        "b3": ["fdff007daa9b9df727c6ec2bd066b90a"],
        "h1": ["0ac398d317a7fa7f50a1d842545bf376"],
        "h2": ["1d58e51b0d6628acda865def073b8315"],
        "y": ["8b79bf4e9f0d70af9678d87c160ee1b9"],
        "H1": ["097c801eff06b56cf682bf40c064e996", "995404a4d784810782abd81d34af4e2a"],
        "H2": ["fa66932cd69e6e4a252b11db7c90b53f", "63965e4c16e991346b9ddd0e62bb7b4b"],
        "Y": ["e5c537dad1feece7742f2d8bf2126aa5", "a8c5611473b5ac6e61fd67aae1736cd0"],
    }.items()
}


def expect_shapes(run: Run, names: Sequence[str]) -> None:
    found = run.value("shapes")
    if not isinstance(found, dict):
        raise WrongKind(tr("`shapes` is {found}, not a dictionary.", found=told(found)))
    for name in names:
        expect(name in found, tr('`shapes["{name}"]` is missing.', name=name))
        what = f'`shapes["{name}"]`'
        refuse_placeholder(found[name], what)
        message = tr("{what} is {found}, not a tuple.", what=what, found=told(found[name]))
        expect(numeric(found[name], what).ndim == 1, message, NO_TUPLE)
        expect_closed(found[name], SHAPES[name], f'`shapes["{name}"]`')


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


# ---------------------------------------------------------------------- the forward pass


@dataclass(frozen=True)
class Network:
    """Weights and biases of three layers, W1, b1, … as the functions get them."""

    parameters: tuple[np.ndarray, ...]

    @property
    def sizes(self) -> str:
        """Of its layers: "2-3-3-1"."""
        return "-".join(str(size) for size in (self.parameters[0].shape[1], *map(len, self.parameters[1::2])))

    def layer(self, number: int, values: np.ndarray) -> np.ndarray:
        """The layer of this number, 1 to 3, on values of shape (n, inputs) or (inputs,)."""
        weight, bias = self.parameters[2 * number - 2 : 2 * number]
        z = values @ weight.T + bias
        return z if number == 3 else relu(z)

    def forward(self, values: np.ndarray) -> list[np.ndarray]:
        layers = []
        for number in (1, 2, 3):
            values = self.layer(number, values)
            layers.append(values)
        return layers


def network(rng: np.random.Generator, sizes: Sequence[int]) -> Network:
    arrays = []
    for m, n in pairwise(sizes):
        arrays += [rng.normal(size=(n, m)), rng.normal(size=n)]
    return Network(tuple(a.round(2) for a in arrays))


def telling(rng: np.random.Generator, sizes: Sequence[int], n: int | None, scale: float) -> tuple[Network, np.ndarray]:
    """A network and its input (n: a batch) in which each ReLU clips some units and not others, and y < 0 occurs."""
    while True:
        net = network(rng, sizes)
        x = rng.normal(scale=scale, size=sizes[0] if n is None else (n, sizes[0])).round(2)
        h1, h2, y = net.forward(x)
        some_clipped = all((h == 0).any() and (h > 0).any() for h in (h1, h2))
        if some_clipped and (y < -0.1).any():
            return net, x


SIZES = [(2, 3, 3, 1), (4, 5, 6, 2), (3, 7, 4, 3), (2, 3, 3, 1), (5, 4, 6, 3)]
ONE_INPUT = [None] * 5
# Three inputs and layers of three units: what is turned raises no error then, and is still wrong. One input is a batch
# of one, not a vector.
BATCHES = [8, 11, 5, 3, 1]

LAYER_BY_LAYER = tr("Go unit by unit: the products of its weights and the values that come in, summed, and its bias.")
RELU = tr("The ReLU is missing: what is below 0 becomes 0.")
NO_RELU = tr("The output has no activation function: it may be negative.")
BIAS = tr("The biases are missing.")
TURNED_BATCH = tr("Turned: keep the batch as the first axis, a row for each input.")
ONE_EACH = tr("A layer gives one number for each unit: for one input a vector, for a batch a row for each input.")


@dataclass(frozen=True)
class Answer:
    """What a function gave for a network and its input: one, or a batch of n."""

    net: Network
    x: np.ndarray
    layers: list[np.ndarray]
    names: tuple[str, str, str]
    n: int | None

    def told(self, number: int) -> str:
        """Which layer, of which network, for what."""
        name, sizes = self.names[number - 1], self.net.sizes
        if self.n is None:
            return tr("`{name}` for one input in a {sizes} network", name=name, sizes=sizes)
        return tr("`{name}` for a batch of {n} in a {sizes} network", name=name, n=self.n, sizes=sizes)

    def expect_layer(self, number: int) -> bool:
        """Fail unless this layer is what the one before it, right or wrong, gives with its weights.

        Returns
        -------
        bool
            False where the one before it is NaN or all the same number, which leaves nothing to judge.
        """
        name, found = self.told(number), self.layers[number - 1]
        before, right = [self.x, *self.net.forward(self.x)][number - 1 : number + 1]
        turned = found.ndim == 2 and found.shape == right.T.shape
        expect_shape(found, right.shape, name, TURNED_BATCH if turned else ONE_EACH)
        if number > 1 and self.layers[number - 2].shape == before.shape:
            before = self.layers[number - 2]
            if not np.isfinite(before).all() or np.ptp(before) == 0:
                return False
        atol = ATOL * max(1, np.abs(before).max())  # sums of large numbers leave as much more rounding
        expect_close(found, self.net.layer(number, before), name, RTOL, atol, self.hint(number, found, before))
        return True

    def hint(self, number: int, found: np.ndarray, before: np.ndarray) -> str:
        """What the usual mistake would give, if it is that."""
        weight, bias = self.net.parameters[2 * number - 2 : 2 * number]
        z = before @ weight.T
        usual = {NO_RELU: relu(z + bias), BIAS: z} if number == 3 else {RELU: z + bias, BIAS: relu(z)}
        return next((hint for hint, wrong in usual.items() if np.allclose(found, wrong, RTOL, ATOL)), LAYER_BY_LAYER)


def answer(run: Run, sizes: Sequence[int], n: int | None, scale: float) -> Answer:
    """What `forward` gives for one input, or `forward_batch` for a batch of n; their numbers are of about that size."""
    net, x = telling(run.rng, sizes, n, scale)
    function = "forward" if n is None else "forward_batch"
    names = ("h1", "h2", "y") if n is None else ("H1", "H2", "Y")
    value = ask(run, function, x, *net.parameters, forbid=["sequential"])  # "by hand what nn.Sequential does for you"
    refuse_placeholder(value, f"`{function}(…)`")
    parts = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        raise WrongKind(
            tr("`{function}` returns {found}, not three tensors.", function=function, found=told(value)),
            tr("It has to return both hidden layers and the output: `return {names}`.", names=", ".join(names)),
        )
    layers = [
        numeric(part, tr("`{name}` of `{function}`", name=name, function=function))
        for part, name in zip(parts, names, strict=True)
    ]
    if n is None:  # a column or a row is a vector as well
        layers = [a.ravel() if max(a.shape, default=1) == a.size else a for a in layers]
    elif sizes[-1] == 1 and layers[2].shape == (n,):
        layers[2] = layers[2][:, None]
    return Answer(net, x, layers, names, n)


def judge(run: Run, batches: Sequence[int | None], *numbers: int) -> None:
    """Fail unless these layers are right in networks of all sizes, for one input (None) or batches."""
    judged = 0
    # Large inputs, too: an activation function may be a ReLU for small ones only.
    for scale, (sizes, n) in itertools.product((1, 20), zip(SIZES, batches, strict=True)):
        one = answer(run, sizes, n, scale)
        judged += sum(one.expect_layer(number) for number in numbers)
    expect(judged >= 3 * len(numbers), tr("The layer before it is all the same, or NaN: nothing to go on from."))


@check(points=2)
def first_hidden_layer_is_right(run: Run) -> None:
    """`forward` computes the first hidden layer for one input."""
    judge(run, ONE_INPUT, 1)


@check(points=1)
def second_hidden_layer_is_right(run: Run) -> None:
    """`forward` computes the second hidden layer from the first."""
    judge(run, ONE_INPUT, 2)


@check(points=1)
def output_is_right(run: Run) -> None:
    """`forward` computes the output from the second hidden layer."""
    judge(run, ONE_INPUT, 3)


@check(points=2)
def hidden_layers_of_a_batch_are_right(run: Run) -> None:
    """`forward_batch` computes both hidden layers, a row for each input."""
    judge(run, BATCHES, 1, 2)


@check(points=1)
def output_of_a_batch_is_right(run: Run) -> None:
    """`forward_batch` computes the output from the second hidden layer, a row for each input."""
    judge(run, BATCHES, 3)


NOTEBOOK = Network(
    (
        np.array([[0.11, 0.12], [0.21, 0.22], [0.31, 0.32]]),
        np.array([0.1, -0.3, 0.3]),
        np.array([[0.5, -0.4, 0.3], [-0.6, 0.7, -0.2], [0.8, 0.1, -0.9]]),
        np.array([0.05, 0.1, -0.3]),
        np.array([[1.2, -0.7, 0.4]]),
        np.array([-0.5]),
    )
)


@check(points=2)
def model_computes_the_same(run: Run) -> None:
    """`model` is a module with the notebook's weights, and computes the same."""
    shapes = run.shapes("model")
    wanted = sorted(a.shape for a in NOTEBOOK.parameters)
    there = listed([str(s) for s in shapes.values()])
    none = tr("`model` has parameters of the shapes none.")
    message = tr("`model` has parameters of the shapes {shapes}.", shapes=there) if there else none
    hint = tr("Three linear layers: 2 to 3, 3 to 3 and 3 to 1, with biases.")
    expect(sorted(shapes.values()) == wanted, message, hint)
    x = (run.rng.normal(size=(40, 2)) * np.repeat([[4], [100]], 20, axis=0)).astype(np.float32)
    found = run.predict("model", x)
    right = NOTEBOOK.forward(x)[2]
    hint = tr("Are all six tensors copied, and is there a ReLU after each hidden layer and none at the end?")
    expect_close(found.reshape(-1, 1) if found.ndim == 1 else found, right, "`model(X)`", RTOL, 3e-4, hint)


# ---------------------------------------------------------------------- logits and probabilities


def expect_softmax(run: Run, logits: np.ndarray, what: str, hint: str) -> None:
    found = ask(run, "softmax", logits, forbid=["softmax"])  # "with `torch.exp` and sums"
    expect_close(found, softmax(logits), what, RTOL, ATOL, hint)


@check(points=2)
def softmax_is_right(run: Run) -> None:
    """`softmax` makes probabilities of logits, for one row and for a batch."""
    hint = tr("e to the power of each logit, divided by the sum of all of them.")
    rows = tr("Every row is a set of logits of its own: its probabilities sum to 1. Which axis do you sum over?")
    for k in (2, 5, 10):
        expect_softmax(run, run.rng.normal(scale=2, size=k).round(2), tr("`softmax` of {k} logits", k=k), hint)
        expect_softmax_of_batch(run, 4, k, rows)
    expect_softmax_of_batch(run, 3, 3, rows)


def expect_softmax_of_batch(run: Run, n: int, k: int, hint: str) -> None:
    what = tr("`softmax` of a batch of shape {shape}", shape=(n, k))
    expect_softmax(run, run.rng.normal(scale=2, size=(n, k)).round(2), what, hint)


@check(points=1, needs=softmax_is_right)
def softmax_is_stable(run: Run) -> None:
    """`softmax` is right for logits of any size."""
    small = run.rng.normal(size=(3, 4)).round(1)
    hint = tr("Subtract the largest logit from all of them before `exp`: the probabilities stay the same.")
    for size in (1000, -1000):
        expect_softmax(run, small[0] + size, tr("`softmax` of logits around {size}", size=size), hint)
    row_by_row = tr("Subtract the largest logit of each row: that of the whole batch may be far from the other rows'.")
    far_apart = tr("`softmax` of a batch whose rows are far apart")
    expect_softmax(run, small + np.array([[900], [-900], [0]]), far_apart, row_by_row)
    hint = tr(
        "It is the largest that has to be subtracted: whatever else is, something may still be too large for `exp`."
    )
    for spread in (150, 1000, 5000):  # e^89 is too large for float32, e^710 for float64
        logits = run.rng.permuted(np.linspace(-spread, spread, 5)) + small[0, 0]
        expect_softmax(run, logits, tr("`softmax` of logits that are up to {spread} apart", spread=2 * spread), hint)
    wide = run.rng.permuted(np.tile([-2000.0, -1000, 0, 1000.5], (3, 1)), axis=1)
    expect_softmax(run, wide, tr("`softmax` of a batch whose logits are far apart"), hint)


def expect_loss(run: Run, logits: np.ndarray, labels: np.ndarray, what: str, hint: str) -> None:
    found = numeric(ask(run, "cross_entropy", logits, labels, forbid=["cross_entropy"]), "`cross_entropy`")
    n = len(labels)
    many = tr("It has to be one number, the mean over the batch.") if found.size == n > 1 else hint
    message = tr("`cross_entropy` gives {found} for {n} samples.", found=told(found), n=n)
    expect(found.size == 1, message, many)
    right = cross_entropy(logits, labels)
    if np.isclose(found.ravel()[0], n * right, RTOL):
        hint = tr("That is the sum over the batch; asked is the mean.")
    expect_close(found.ravel()[0].item(), right, what, RTOL, ATOL, hint)


@check(points=2)
def cross_entropy_is_right(run: Run) -> None:
    """`cross_entropy` gives the mean loss of a batch of logits."""
    for n, k in ((6, 3), (5, 10), (4, 4)):
        logits = run.rng.normal(scale=2, size=(n, k)).round(2)
        labels = run.rng.permutation(np.arange(n) % k)
        hint = tr("From the logits themselves: log of the sum of e^z, minus the right class's logit.")
        expect_loss(run, logits, labels, tr("`cross_entropy` of a batch of shape {shape}", shape=(n, k)), hint)


@check(points=1, needs=cross_entropy_is_right)
def cross_entropy_is_stable(run: Run) -> None:
    """`cross_entropy` is finite and right for logits of any size."""
    hint = tr("A probability that is rounded to 0 has no logarithm: compute it from the logits, without the softmax.")
    logits = run.rng.permuted(np.tile([-600.0, -200, 200, 600], (5, 1)), axis=1)
    logits += run.rng.normal(scale=20, size=logits.shape).round()
    labels = logits.argmin(axis=1)  # the model is sure, and wrong
    expect_loss(run, logits, labels, tr("`cross_entropy` of logits in the hundreds"), hint)
    expect_loss(run, logits + 3000, labels, tr("`cross_entropy` of logits in the thousands"), hint)
    row_by_row = tr("Subtract the largest logit of each row: that of the whole batch may be far from the other rows'.")
    logits = run.rng.normal(size=(4, 3)).round(1) + run.rng.permutation([[2000.0], [0], [-2000], [150]])
    labels = run.rng.permutation([0, 1, 2, 0])
    expect_loss(run, logits, labels, tr("`cross_entropy` of a batch whose rows are far apart"), row_by_row)
    surely = run.rng.permuted(np.tile([-900.0, 0, 900], (3, 1)), axis=1)
    expect_loss(run, surely, surely.argmax(axis=1), tr("`cross_entropy` where the model is sure, and right"), hint)


MLP_RETURNS = closed_answer("111-mlp-returns", "d0f966ba8c95ea36fb9ca3f437a6e2f1")  # the word's first letters


@check(points=1, hint=tr("What is the last thing that happens to `x`? Is anything done after it?"))
def what_the_mlp_returns_is_right(run: Run) -> None:
    """`mlp_returns` says what the MLP of chapter 110 returns."""
    found = run.value("mlp_returns")
    if not isinstance(found, str):
        raise WrongKind(tr("`mlp_returns` is {found}, not a text.", found=told(found)))
    word = found.strip().lower()
    letters = np.frombuffer(word.encode("utf-8", "replace")[:5], np.uint8)
    right = word.isalpha() and MLP_RETURNS.matches(letters)  # one word, not both
    expect(right, tr("`mlp_returns` is {found}, which is not right.", found=repr(plain(found, 60))))


# ---------------------------------------------------------------------- what neurons cost

BIASES = tr("The biases are missing: one for every unit of the hidden layers, and one for every output.")
NEURONS = tr("That counts neurons. Parameters are the weights between them, and the biases.")
ENDS = tr("Count from the 784 pixels to the 10 classes: the first layer reads the pixels, the last gives the classes.")
COUNTS = [  # untranslated
    closed_answer(f"111-arrangement-{number}", right, {no_biases: BIASES, no_pixels: ENDS})
    for number, digests in enumerate(
        [
            "3cbb3822ff440518889770bc7fe84191 5a468e54003f364dd0b7690f6945c810 78ee8358c2217832fd528a0d0ed2ca5b",
            "3bf4b7695c8044234b9c9e092702fd54 7088a5affebe91c737da81e680ec177e c500e854a4db5b73161b89cab0dc4c46",
            "f2ad94d3b49f1001b23dde30a1b8c0c5 175b31f6ceb68704db20659ea129e9dc 8c51ee01f2e853bf795248372d2882a7",
            "b0de56adf4ebd655e00c2a1bc3410957 9fd1a65a4b20f3ad6006c54f049b4c09 5c4224fb743e40ed4c43ffbde4c19da6",
            "4c92549b00c5ee8383876af6f52b4eea 84bbdf6c2caf00c63580a7bf269ef141 f448bd8eeffbfee466963c434deef8fd",
        ],
        1,
    )
    for right, no_biases, no_pixels in [digests.split()]
]


@check(points=2, hint=tr("Each unit has a weight for every unit of the layer before it, and a bias: layer by layer."))
def counts_are_right(run: Run) -> None:
    """`counts` holds the parameters of the five ways to arrange 1,000 neurons."""
    found = run.value("counts")
    numbers = numeric(list(found.values()) if isinstance(found, dict) else found, "`counts`")
    expect(numbers.size == 5, tr("`counts` holds {n} numbers; there are five arrangements.", n=numbers.size))
    for number, (count, right) in enumerate(zip(numbers.ravel().tolist(), COUNTS, strict=True), 1):
        whole = int(count) if abs(count) < 1e15 and count == int(count) else count
        what = tr("The count of arrangement {number}", number=number)
        expect_closed(whole, right, what, NEURONS if count == 1000 else "")


WIDEST = closed_answer(
    "111-widest",
    "b0324083879dc5ef8499f3db653427f5",
    {
        "16c165fee915d0744e6d9fba21b442a2": tr(
            "That is just over the budget: are the biases counted, and the last layer?"
        ),
        "ef4903f5910894ff6d523d9426fdc942": tr(
            "Over the budget: that counts the weights between the hidden layers only."
        ),
        "f341333a006d543afcf28b114ba4ba4d": NEURONS,
        "0df73910d25454fbcd03baf2bad52732": tr("There is room for more."),
    },
)


@check(points=1, hint=tr("Write the number of parameters as a formula of D, and try values of D around 30."))
def widest_is_right(run: Run) -> None:
    """`widest` is the largest D for which a 2-D-D-1 network has at most 1,000 parameters."""
    expect_closed(run.value("widest"), WIDEST, "`widest`")
