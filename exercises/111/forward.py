"""What `forward` and `forward_batch` give, judged layer by layer: each by what the one before it gives."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks import (
    Run,
    WrongKind,
    arrays,
    ask,
    expect,
    expect_close,
    expect_shape,
    hint_for,
    numeric,
    refuse_placeholder,
    tensors,
    tensors32,
    told,
    tr,
)

from .networks import Network, relu, telling

# Tensors, as the text says; whoever computes in float64, or with NumPy, is asked with that.
FORMS = (tensors32, tensors, arrays)
RTOL, ATOL = 1e-4, 1e-5  # float32, in whatever order it is summed up

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


def expect_layers(run: Run, batches: Sequence[int | None], *numbers: int) -> None:
    """Fail unless these layers are right in networks of all sizes, for one input (None) or batches."""
    judged = 0
    # Large inputs, too: an activation function may be a ReLU for small ones only.
    for scale, (sizes, n) in itertools.product((1, 20), zip(SIZES, batches, strict=True)):
        one = answer(run, sizes, n, scale)
        judged += sum(one.expect_layer(number) for number in numbers)
    expect(judged >= 3 * len(numbers), tr("The layer before it is all the same, or NaN: nothing to go on from."))


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
        return hint_for(found, usual, LAYER_BY_LAYER, RTOL, ATOL)


def answer(run: Run, sizes: Sequence[int], n: int | None, scale: float) -> Answer:
    """What `forward` gives for one input, or `forward_batch` for a batch of n; their numbers are of about that size."""
    net, x = telling(run.rng, sizes, n, scale)
    function = "forward" if n is None else "forward_batch"
    names = ("h1", "h2", "y") if n is None else ("H1", "H2", "Y")
    # "by hand what nn.Sequential does for you"
    value = ask(run, function, x, *net.parameters, forms=FORMS, forbid=["sequential"])
    layers = [
        numeric(part, tr("`{name}` of `{function}`", name=name, function=function))
        for part, name in zip(three_of(value, function, names), names, strict=True)
    ]
    if n is None:  # a column or a row is a vector as well
        layers = [a.ravel() if max(a.shape, default=1) == a.size else a for a in layers]
    elif sizes[-1] == 1 and layers[2].shape == (n,):
        layers[2] = layers[2][:, None]
    return Answer(net, x, layers, names, n)


def three_of(value: Any, function: str, names: Sequence[str]) -> Sequence[Any]:
    refuse_placeholder(value, f"`{function}(…)`")
    parts = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        raise WrongKind(
            tr("`{function}` returns {found}, not three tensors.", function=function, found=told(value)),
            tr("It has to return both hidden layers and the output: `return {names}`.", names=", ".join(names)),
        )
    return parts
