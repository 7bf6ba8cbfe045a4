"""Modules to ask `count_module` about, described as :func:`grader.kernel.wire.module` has them, with their counts.

The sizes of their layers, a, b and c, differ: with equal ones a wrong formula may be right by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from grader.checks import tr

MOST_UNITS = 100  # of a layer, as the notebook has to build it

EVERY_NUMBER = tr("Count every number in every tensor of `module.parameters()`, weights and biases alike.")
ANY_KIND = tr("Do not ask which kind a layer is: `module.parameters()` gives the tensors of any module.")
BUFFERS = tr("A layer may keep numbers that are no parameters (its buffers): count `parameters()` only.")
INSIDE = tr("A layer may be made of layers: `module.parameters()` looks into all of them.")
ANY_MODULE = tr(
    "A module need not be an `nn.Sequential`: it may be a single layer, or a class whose attributes are layers. "
    "`module.parameters()` goes through any of them."
)
OWN = tr("A module may have a parameter of its own, `nn.Parameter(…)`, beside those of its layers.")
TIED = tr("Two layers may share a tensor: there is one of it, and `module.parameters()` gives it once.")
NUMBERS = tr("Count numbers, not bytes: a parameter of another type is a parameter too.")
NONE = tr("A module may have no parameters at all.")
TRAINABLE = tr("A parameter tensor is trainable if its `requires_grad` is True.")
IN_PART = tr("A layer may be frozen in part: ask each parameter tensor for its own `requires_grad`.")


class Counted(NamedTuple):
    """A module, how many parameters `count_module` should find in it, and a hint if it does not."""

    described: Any
    right: int
    hint: str


def linear(a: int, b: int, c: int) -> Iterator[Counted]:
    """Linear layers."""
    yield Counted([("Linear", a, b)], a * b + b, EVERY_NUMBER)
    yield Counted([("Linear", a, c, {"bias": False})], a * c, EVERY_NUMBER)
    layers = [("Linear", a, b), ("ReLU",), ("Linear", b, c, {"bias": False}), ("Sigmoid",), ("Linear", c, a)]
    yield Counted(layers, (a * b + b) + b * c + (c * a + a), EVERY_NUMBER)


def other_layers(a: int, b: int, c: int) -> Iterator[Counted]:
    """Layers of other kinds."""
    yield Counted([("Embedding", a, b), ("Linear", b, c)], a * b + b * c + c, ANY_KIND)
    yield Counted([("LSTM", a, b)], 4 * b * (a + b + 2), ANY_KIND)
    # The running mean and variance of a batch normalisation are buffers: no gradient step changes them.
    yield Counted([("Conv2d", a, b, 3), ("BatchNorm2d", b)], (9 * a + 1) * b + 2 * b, BUFFERS)
    # A layer made of layers: two linear maps, four inside its attention, and two normalisations.
    width = 2 * b
    count = 4 * width * (width + 1) + (width * c + c) + (c * width + width) + 2 * 2 * width
    yield Counted([("TransformerEncoderLayer", width, 2, {"dim_feedforward": c})], count, INSIDE)


def any_build(a: int, b: int, c: int) -> Iterator[Counted]:
    """Modules that are no nn.Sequential of layers, and others of an odd kind."""
    one, two = a * b + b, b * c + c
    yield Counted(("Linear", a, b), one, ANY_MODULE)
    yield Counted(("Network", {"hidden": ("Linear", a, b), "out": ("Linear", b, c)}), one + two, ANY_MODULE)
    blocks = ("ModuleList", [("Sequential", [("Linear", b, b), ("ReLU",)]), ("Sequential", [("Linear", b, b)])])
    parts = {"first": ("Linear", a, b), "blocks": blocks, "heads": ("ModuleDict", {"left": ("Linear", b, c)})}
    yield Counted(("Network", parts), one + two + 2 * (b * b + b), INSIDE)
    yield Counted(("Network", {"scale": ("Parameter", [c, 2]), "out": ("Linear", b, c)}), 2 * c + two, OWN)
    # A single number has no axis at all.
    yield Counted(("Network", {"scale": ("Parameter", []), "out": ("Linear", b, c)}), 1 + two, OWN)
    words = {"words": ("Embedding", a, b), "out": ("Linear", b, a)}
    yield Counted(("Network", words, {"tied": {"out.weight": "words.weight"}}), a * b + a, TIED)
    mixed = [("Linear", a, b, {"dtype": "float16"}), ("Linear", b, c, {"dtype": "float64"})]
    yield Counted(mixed, one + two, NUMBERS)
    yield Counted(("ReLU",), 0, NONE)
    yield Counted([], 0, NONE)


def frozen(a: int, b: int, c: int) -> Iterator[Counted]:
    """Modules of which a part, or all, is frozen."""
    words = ("Embedding", a, b, {"frozen": True})
    yield Counted([words, ("Linear", b, c)], b * c + c, TRAINABLE)
    yield Counted([("Embedding", c, b), words, ("Linear", b, a, {"bias": False})], c * b + b * a, TRAINABLE)
    # Part of a layer may be frozen: often all but the biases.
    yield Counted([("Linear", a, b, {"frozen": ["weight"]}), ("Linear", b, c)], b + b * c + c, IN_PART)
    yield Counted([("Linear", a, b), ("Linear", b, c, {"frozen": ["bias"]})], a * b + b + b * c, IN_PART)
    yield Counted([("Linear", a, b, {"frozen": True})], 0, TRAINABLE)
