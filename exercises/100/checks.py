"""Exercise 100: how many parameters a network has, counted by hand, by a formula and by PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import check, closed_answer, expect_closed, expect_count, module, tr
from grader.errors import CallFailed

if TYPE_CHECKING:
    from grader.run import Run

# Hints for the usual wrong numbers.
ALL_BIASES = tr("The biases are missing: one for every unit that arrows point to.")
OUTPUT_BIASES = tr("The biases of the outputs are missing: outputs are computed, as hidden units are.")
HIDDEN_BIASES = tr("The biases of the hidden units are missing: in the chapter's words, Θ has two columns.")
INPUT_BIASES = tr("An input is given, not computed: it has no bias.")
WRONG_END = tr("A bias belongs to the unit that arrows point to, not to the one that they come from.")
SHARED_BIAS = tr("Each unit of a layer has a bias of its own: they do not share one.")
ONE_LAYER = tr("That is one layer only: count the parameters of all layers.")
ONE_KIND = tr("That is one layer only, or the weights only: count every arrow, those from a constant too.")
UNITS = tr("That is the number of units: count the arrows between them, and the biases.")
ONE_OUTPUT = tr("That would be right with a single output: look at the picture again.")
SUM = tr("Every unit has a weight for every input: that is a product, not a sum.")
LAYER_BEFORE = tr("This layer reads what the layer before it gives, not the 50 numbers.")
LOOKED_UP = tr("An embedding only looks rows up: it has no bias.")
ROWS = tr("Every word has a row of numbers: that is a product, not a sum.")

CHAPTER_NETWORK = closed_answer(
    "100-chapter",
    "4c611cbe64dd6e0283714bae48dac34c",
    {
        "feecc27b732ba043b939757b161b9ae9": ONE_KIND,
        "b54ac8d292ef4a296e9bec078a904c0f": OUTPUT_BIASES,
        "c69147c0d455a006642769374d7c18ff": HIDDEN_BIASES,
        "3a0485ee70a5ec92cd8f7381c29c2105": ONE_KIND,
        "cc269e24cb883c9ac5d88799dbdf550d": INPUT_BIASES,
        "18bea9dc28beee22026b7030e27c3a55": UNITS,
    },
)
FIGURE_3_6 = closed_answer(
    "100-figure",
    "724f4a0b702afa5449496bd277b1a9ec",
    {
        "322666462514ca9bae7db04317b45ee9": ALL_BIASES,
        "b492338e93e9470f6d69f4a103f91f88": OUTPUT_BIASES,
        "4ff22bb91ca9d3b2e50dbeae3df91a23": HIDDEN_BIASES,
        "6ea9fb2752081055b89690bde6d8f7fa": ONE_LAYER,
        "219975443dfe0e656ccd3b2558299d11": ONE_LAYER,
        "8352528ecd52ad02b79d3c0667c18f5d": INPUT_BIASES,
        "572c2f9cf84e8fcbaad0a521cfb7caba": UNITS,
        "4e4f5e1f23520e5a01daff7f9371219c": ONE_OUTPUT,
    },
)
MLP = closed_answer(
    "100-mlp",
    "bf486833f3a4b0a37471631026f5329a",
    {
        "6a8f9c63b071d5c1f554fbdb71cadfd4": ALL_BIASES,
        "1969cb88079e02ca7d2419102013b878": OUTPUT_BIASES,
        "74895d3f7eca06c460a0e0f34e4dcd9b": HIDDEN_BIASES,
        "e17bbaae593c72601a82e5b0ade0a5e3": INPUT_BIASES,
        "a8f796765ece9cecacaacbf12fcf9582": ONE_LAYER,
        "9c972a246dde557bfe41553416cdd3d4": ONE_LAYER,
        "e94ac1f1c92db86f041c45c550c9cd8c": UNITS,
    },
)
DENSE_16 = closed_answer(
    "100-dense-16",
    "8921eeff6adae76340f2c4ba0a9f735f",
    {
        "ab284c36c69c0bd8f88d919c42558c53": ALL_BIASES,
        "f4288bb5de28ca322679487336701fc5": WRONG_END,
        "bcbac7c4c1f839ce5c11c0789eb3eaea": SHARED_BIAS,
        "23aba9ffeb6a2387799cc3cafaf118c4": SUM,
    },
)
DENSE_1 = closed_answer(
    "100-dense-1",
    "8cb5217d5179841c5258cc48fff467fb",
    {
        "5bd700600620419d1540326fa20e8dcd": ALL_BIASES,
        "243d030b85d5510ad4fba4b962003f37": LAYER_BEFORE,
        "660789a04049ce68b112c9b5040c84b2": WRONG_END,
    },
)
EMBEDDING = closed_answer(
    "100-embedding",
    "0ad1fbaa95447850c5bbf7fcac04072d",
    {
        "493727b0740fae5b617b4ecba3fbde96": LOOKED_UP,
        "2e4208b3b386ffcea2c2a209b9d44b83": LOOKED_UP,
        "28d6b848e0078014e0472bfa32ec63bd": ROWS,
    },
)
LAYER_BY_LAYER = tr("Go from layer to layer: each unit has a weight for everything that comes in, and a bias.")


@check(points=2, hint=tr("Count every arrow in the picture."))
def chapter_network_is_right(run: Run) -> None:
    """`chapter_network` is the number of parameters of the chapter's network."""
    expect_closed(run.value("chapter_network"), CHAPTER_NETWORK, what="`chapter_network`")


@check(points=3, hint=tr("Draw the constants into the picture, and count its arrows again."))
def figure_3_6_is_right(run: Run) -> None:
    """`figure_3_6` is the number of parameters of the model in figure 3.6."""
    expect_closed(run.value("figure_3_6"), FIGURE_3_6, what="`figure_3_6`")


@check(points=2)
def one_hidden_layer_is_counted(run: Run) -> None:
    """`count_parameters` is right for one hidden layer, given as a number."""
    for inputs, hidden, outputs in [_sizes(run, 3) for _ in range(3)]:
        _expect_network(run, inputs, hidden, outputs)


@check(points=2)
def many_hidden_layers_are_counted(run: Run) -> None:
    """`count_parameters` is right for several hidden layers, given as a list."""
    for layers in (1, 2, 3, 5, 9):
        inputs, outputs, *hidden = _sizes(run, layers + 2)
        _expect_network(run, inputs, hidden, outputs)
    # A size that comes twice trips a loop that looks a layer up by its size.
    inputs, outputs, first, twice = _sizes(run, 4)
    _expect_network(run, inputs, [first, twice, twice], outputs)
    # An odd number beyond 2²⁴, which float32 cannot hold, of a network that is still small enough to be built.
    wide, first, outputs = (
        2 * run.rng.integers(2200, 2400),
        2 * run.rng.integers(2100, 2200) + 1,
        2 * run.rng.integers(2, 9),
    )
    _expect_network(run, int(wide), [int(first)], int(outputs))


@check(points=1)
def no_hidden_layer_is_counted(run: Run) -> None:
    """`count_parameters` is right for no hidden layer, given as an empty list."""
    for inputs, outputs in [_sizes(run, 2) for _ in range(3)]:
        _expect_network(run, inputs, [], outputs)


@check(points=2, hint=LAYER_BY_LAYER)
def mlp_is_right(run: Run) -> None:
    """`mlp_parameters` is the number of parameters of the MLP of chapter 110."""
    expect_closed(run.value("mlp_parameters"), MLP, what="`mlp_parameters`")


@check(points=1, hint=tr("Each of the units has a weight for each input, and a bias."))
def dense_16_is_right(run: Run) -> None:
    """`dense_16` is the number of parameters of `Dense(16)` on 50 inputs."""
    expect_closed(run.value("dense_16"), DENSE_16, what="`dense_16`")


@check(points=1, hint=tr("How many numbers does the layer before it give?"))
def dense_1_is_right(run: Run) -> None:
    """`dense_1` is the number of parameters of the `Dense(1)` after it."""
    expect_closed(run.value("dense_1"), DENSE_1, what="`dense_1`")


@check(points=1, hint=tr("The table has a row for each word, and nothing else."))
def embedding_is_right(run: Run) -> None:
    """`embedding` is the number of parameters of `Embedding(10000, 16)`."""
    expect_closed(run.value("embedding"), EMBEDDING, what="`embedding`")


@check(points=2)
def linear_layers_are_counted(run: Run) -> None:
    """`count_module` is right for `Linear` layers, with and without a bias."""
    hint = tr("Count every number in every tensor of `module.parameters()`, weights and biases alike.")
    a, b, c = _sizes(run, 3, MODULES)
    _expect_module(run, [("Linear", a, b)], a * b + b, hint)
    _expect_module(run, [("Linear", a, c, {"bias": False})], a * c, hint)
    layers = [("Linear", a, b), ("ReLU",), ("Linear", b, c, {"bias": False}), ("Sigmoid",), ("Linear", c, a)]
    _expect_module(run, layers, (a * b + b) + b * c + (c * a + a), hint)


@check(points=2, needs=[linear_layers_are_counted])
def other_layers_are_counted(run: Run) -> None:
    """`count_module` is right for layers of other kinds, and for modules of any build."""
    hint = tr("Do not ask which kind a layer is: `module.parameters()` gives the tensors of any module.")
    a, b, c = _sizes(run, 3, MODULES)
    _expect_module(run, [("Embedding", a, b), ("Linear", b, c)], a * b + b * c + c, hint)
    _expect_module(run, [("LSTM", a, b)], 4 * b * (a + b + 2), hint)
    # The running mean and variance of a batch normalisation are buffers: no gradient step changes them.
    buffers = tr("A layer may keep numbers that are no parameters (its buffers): count `parameters()` only.")
    _expect_module(run, [("Conv2d", a, b, 3), ("BatchNorm2d", b)], (9 * a + 1) * b + 2 * b, buffers)
    # A layer made of layers: two linear maps, four inside its attention, and two normalisations.
    inside = tr("A layer may be made of layers: `module.parameters()` looks into all of them.")
    width = 2 * b
    count = 4 * width * (width + 1) + (width * c + c) + (c * width + width) + 2 * 2 * width
    _expect_module(run, [("TransformerEncoderLayer", width, 2, {"dim_feedforward": c})], count, inside)
    _expect_any_build(run, inside)


def _expect_any_build(run: Run, inside: str) -> None:
    """Modules that are no nn.Sequential of layers."""
    any_module = tr(
        "A module need not be an `nn.Sequential`: it may be a single layer, or a class whose attributes are layers. "
        "`module.parameters()` goes through any of them."
    )
    a, b, c = _sizes(run, 3, MODULES)
    one, two = a * b + b, b * c + c
    _expect_module(run, ("Linear", a, b), one, any_module)
    _expect_module(run, ("Network", {"hidden": ("Linear", a, b), "out": ("Linear", b, c)}), one + two, any_module)
    blocks = ("ModuleList", [("Sequential", [("Linear", b, b), ("ReLU",)]), ("Sequential", [("Linear", b, b)])])
    parts = {"first": ("Linear", a, b), "blocks": blocks, "heads": ("ModuleDict", {"left": ("Linear", b, c)})}
    _expect_module(run, ("Network", parts), one + two + 2 * (b * b + b), inside)
    own = tr("A module may have a parameter of its own, `nn.Parameter(…)`, beside those of its layers.")
    scaled = {"scale": ("Parameter", [c, 2]), "out": ("Linear", b, c)}
    _expect_module(run, ("Network", scaled), 2 * c + two, own)
    # A single number has no axis at all.
    _expect_module(run, ("Network", {"scale": ("Parameter", []), "out": ("Linear", b, c)}), 1 + two, own)
    tied = tr("Two layers may share a tensor: there is one of it, and `module.parameters()` gives it once.")
    words = {"words": ("Embedding", a, b), "out": ("Linear", b, a)}
    _expect_module(run, ("Network", words, {"tied": {"out.weight": "words.weight"}}), a * b + a, tied)
    numbers = tr("Count numbers, not bytes: a parameter of another type is a parameter too.")
    mixed = [("Linear", a, b, {"dtype": "float16"}), ("Linear", b, c, {"dtype": "float64"})]
    _expect_module(run, mixed, one + two, numbers)
    none = tr("A module may have no parameters at all.")
    _expect_module(run, ("ReLU",), 0, none)
    _expect_module(run, [], 0, none)


@check(points=1, needs=[linear_layers_are_counted])
def frozen_parameters_are_left_out(run: Run) -> None:
    """`count_module` leaves frozen parameters out."""
    hint = tr("A parameter tensor is trainable if its `requires_grad` is True.")
    a, b, c = _sizes(run, 3, MODULES)
    frozen = ("Embedding", a, b, {"frozen": True})
    _expect_module(run, [frozen, ("Linear", b, c)], b * c + c, hint)
    _expect_module(run, [("Embedding", c, b), frozen, ("Linear", b, a, {"bias": False})], c * b + b * a, hint)
    # Part of a layer may be frozen: often all but the biases.
    each = tr("A layer may be frozen in part: ask each parameter tensor for its own `requires_grad`.")
    _expect_module(run, [("Linear", a, b, {"frozen": ["weight"]}), ("Linear", b, c)], b + b * c + c, each)
    _expect_module(run, [("Linear", a, b), ("Linear", b, c, {"frozen": ["bias"]})], a * b + b + b * c, each)
    _expect_module(run, [("Linear", a, b, {"frozen": True})], 0, hint)


MODULES = 100  # units that a layer has at most, where the notebook has to build it


def _sizes(run: Run, n: int, most: int = 400) -> list[int]:
    """Different sizes of layers: with equal ones a wrong formula may be right by chance."""
    return [int(size) for size in run.rng.choice(np.arange(2, most), size=n, replace=False)]


def _expect_network(run: Run, inputs: int, hidden: int | list[int], outputs: int) -> None:
    """`count_parameters` of this network, with a hint where the number betrays the mistake."""
    sizes = [inputs, *([hidden] if isinstance(hidden, int) else hidden), outputs]
    weights = sum(m * n for m, n in pairwise(sizes))
    biases = sum(sizes[1:])
    usual = {
        weights: ALL_BIASES,
        weights + biases - outputs: OUTPUT_BIASES if len(sizes) > 2 else ALL_BIASES,
        weights + outputs: HIDDEN_BIASES,
        weights + inputs + biases: INPUT_BIASES,
        weights + inputs + biases - outputs: WRONG_END,
        weights + len(sizes) - 1: SHARED_BIAS,
        inputs * sizes[1] + sizes[1]: ONE_LAYER,
        sizes[-2] * outputs + outputs: ONE_LAYER,
        sum(sizes): UNITS,
    }
    found = run.call("count_parameters", inputs, hidden, outputs)
    what = f"`count_parameters({inputs}, {hidden}, {outputs})`"
    expect_count(found, weights + biases, what=what, hint=_hint(found, usual))


def _hint(found: Any, usual: dict[int, str]) -> str:
    """The hint of the usual wrong number that this is; the general one otherwise."""
    numbers = usual if type(found) in (int, float, np.ndarray) else {}
    return next((usual[number] for number in numbers if np.array_equal(found, number)), LAYER_BY_LAYER)


def _expect_module(run: Run, described: Sequence[Any], expected: int, hint: str) -> None:
    """`count_module` of a module; see :func:`grader.kernel.wire.module` for how it is described."""
    what = tr("`count_module` of {layers}", layers=_told(described))
    try:
        found = run.call("count_module", module(described))
    except CallFailed as fault:
        raise CallFailed(
            tr("{error} It was asked about {layers}.", error=fault.message, layers=_told(described)), hint
        ) from None
    expect_count(found, expected, what=what, hint=hint)


def _told(described: Any) -> str:
    """A module as one writes it in PyTorch, more or less."""
    if isinstance(described, list):
        return ", ".join(_told(one) for one in described) or "Sequential()"
    name, *args = described
    options = dict(args.pop()) if len(args) > (name in MADE_OF_PARTS) and isinstance(args[-1], dict) else {}
    tied, frozen = options.pop("tied", {}), options.pop("frozen", False)
    match args[0] if name in MADE_OF_PARTS else None:
        case dict() as parts:
            inner = [f"{key}={_told(one)}" for key, one in parts.items()]
        case list() as parts:
            inner = [_told(one) for one in parts]
        case _:
            inner = [str(one) for one in args]
    inner += [f"{option}={value}" for option, value in [*options.items(), *tied.items()]]
    told = f"{name}({', '.join(inner)})"
    if frozen is True:
        return tr("a frozen {layer}", layer=told)
    return tr("{layer} with a frozen {name}", layer=told, name=", ".join(frozen)) if frozen else told


MADE_OF_PARTS = ("Network", "Sequential", "ModuleList", "ModuleDict")
