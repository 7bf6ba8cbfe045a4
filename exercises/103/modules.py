"""Modules of all kinds, and the bytes that their parameters and buffers take: what `module_memory` is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from grader.checks import CallFailed, Run, SubmissionFault, expect, expect_number, module, module_told, tr

from .memory import BYTES

# A module as `grader.checks.module` takes it, its bytes, and the hint where they are found to be others.
Case = tuple[Any, int, str]

EVERY_TENSOR = tr("Go through `parameters()` and `buffers()`: elements times bytes of each, tensor by tensor.")
FROZEN = tr("Parameters need memory, trained or not.")
TYPES = tr("A parameter need not be a `float32`: `mlp.half()` takes 2 bytes for each. Ask it: `element_size()`.")
EACH_TYPE = tr("The parameters of one module may have different types: multiply tensor by tensor, then add.")
ANY_BUILD = tr("A module need not be an `nn.Sequential`: a single layer is one, and so is a class with layers in it.")
SHARED = tr("A tensor that two layers share is there once, and `parameters()` gives it once.")
EMPTY = tr("A module may have no parameters and no buffers at all.")
BUFFERS = tr(
    "Batch normalisation keeps two float buffers and a whole number of 8 bytes: ask each for its `element_size()`."
)
EVERY_BUFFER = tr("`module.buffers()` gives every buffer, also those that are not saved into a file.")


def expect_memory(run: Run, described: Any, right: int, hint: str) -> None:
    what = tr("`module_memory` of {module}", module=module_told(described))
    try:
        found = expect_number(run.call("module_memory", module(described)), what, hint)
    except CallFailed as fault:
        raise CallFailed(tr("{error} ({what})", error=fault.message, what=what), hint) from None
    expect(found == right, tr("{what} is {found:.10g}.", what=what, found=found), hint)


def float_bytes(run: Run) -> int:
    """Bytes of a float in a new layer: 4, unless the notebook made another type its default."""
    try:
        one = run.call("torch.zeros", 1)
    except SubmissionFault:
        return 4
    return one.itemsize if isinstance(one, np.ndarray) and one.dtype.kind == "f" else 4


def some_sizes(rng: np.random.Generator, n: int) -> list[int]:
    return [int(size) for size in rng.choice(np.arange(3, 100), n, replace=False)]


def with_parameters(run: Run) -> Iterator[Case]:
    """Modules without buffers."""
    rng, each = run.rng, float_bytes(run)
    a, b, c = some_sizes(rng, 3)
    linear = each * (a * b + b)
    yield ("Sequential", [("Linear", a, b)]), linear, EVERY_TENSOR
    frozen = ("Linear", b, c, {"bias": False, "frozen": True})
    yield ("Sequential", [("Linear", a, b), ("ReLU",), frozen]), linear + each * b * c, FROZEN
    count = 4 * 2 * b * (2 * b + 1) + 2 * b * c + c + c * 2 * b + 2 * b + 4 * 2 * b
    yield ("Sequential", [("TransformerEncoderLayer", 2 * b, 2, {"dim_feedforward": c})]), each * count, EVERY_TENSOR
    yield from of_types(rng)
    yield from of_any_build(rng, each)


def of_types(rng: np.random.Generator) -> Iterator[Case]:
    """Parameters of other types, and of several."""
    a, b, c = some_sizes(rng, 3)
    one, two = a * b + b, b * c + c
    for dtype in map(str, rng.permutation(["float16", "bfloat16", "float64"])):
        yield ("Sequential", [("Linear", a, b, {"dtype": dtype})]), BYTES[dtype] * one, TYPES
    for first, second in (("float16", "float64"), ("float64", "bfloat16")):
        layers = [("Linear", a, b, {"dtype": first}), ("Linear", b, c, {"dtype": second})]
        yield ("Sequential", layers), BYTES[first] * one + BYTES[second] * two, EACH_TYPE


def of_any_build(rng: np.random.Generator, each: int) -> Iterator[Case]:
    """Modules that are no nn.Sequential of layers."""
    a, b, c = some_sizes(rng, 3)
    one, two = each * (a * b + b), each * (b * c + c)
    yield ("Linear", a, b), one, ANY_BUILD
    blocks = [("Sequential", [("Linear", a, b), ("ReLU",)]), ("Linear", b, c)]
    yield ("Network", {"blocks": ("ModuleList", blocks)}), one + two, ANY_BUILD
    own = {"scale": ("Parameter", [c, 2], {"dtype": "float16"}), "out": ("Linear", b, c)}
    yield ("Network", own), 4 * c + two, ANY_BUILD
    words = {"words": ("Embedding", a, b), "out": ("Linear", b, a)}
    yield ("Network", words, {"tied": {"out.weight": "words.weight"}}), each * (a * b + a), SHARED
    yield ("ReLU",), 0, EMPTY


def with_buffers(run: Run) -> Iterator[Case]:
    each = float_bytes(run)
    a, b = some_sizes(run.rng, 2)
    # Of a batch normalisation: weight, bias, running mean and variance; and how many batches it saw, an int64.
    norm = each * 4 * b + 8
    yield ("Sequential", [("Linear", a, b), ("BatchNorm1d", b)]), each * (a * b + b) + norm, BUFFERS
    yield ("BatchNorm1d", b, {"dtype": "float16"}), 2 * 4 * b + 8, BUFFERS
    # A mask is truth values of a byte each, and mostly kept out of the file.
    parts = {"out": ("Linear", a, b), "mask": ("Buffer", [b, b], {"dtype": "bool", "persistent": False})}
    yield ("Network", parts), each * (a * b + b) + b * b, EVERY_BUFFER
