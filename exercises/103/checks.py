"""Exercise 103: the memory of a model's parameters, in units told apart; BERT counted; networks beside animals.

The functions are judged on numbers picked at grading time. The three models may be counted to the last parameter, or
taken as the rounded numbers of papers and model cards: these numbers, not everything that lies between them. What was
counted with the student's own function, or computed from the student's own `bert_large`, is right where it follows from
that: the mistake costs its points once, where it was made.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    check,
    closed_answer,
    expect,
    expect_close,
    expect_count,
    fail,
    module,
    numeric,
    refuse_placeholder,
    told,
    tr,
)
from grader.errors import CallFailed, SubmissionFault, WrongKind
from grader.language import grouped
from grader.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from grader.run import Run

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
UNITS = {"B": 1, "MB": 1000**2, "GB": 1000**3, "MiB": 1024**2, "GiB": 1024**3}
TWINS = {"MB": "MiB", "MiB": "MB", "GB": "GiB", "GiB": "GB"}
SMALL = 10**5  # parameters of a network so small that a rounded number of megabytes says nothing of it
NEAR = 0.02  # how far the rounded sizes of papers and model cards are from the counted ones

IN_BITS = tr("The number in a type's name counts bits, and 8 bits make a byte.")
OTHER_UNIT = tr("There are two kinds of units: MB and GB are powers of 1000, MiB and GiB are powers of 1024.")
MULTIPLY = tr("Parameters times the bytes of each, divided by the bytes of the unit.")
ROW_BY_ROW = tr("Go through the notebook's table row by row: which of its rows come once, and which in every layer?")
EVERY_TENSOR = tr("Go through `parameters()` and `buffers()`: elements times bytes of each, tensor by tensor.")


def bert(layers: int, hidden: int) -> int:
    per_layer = 4 * hidden * (hidden + 1) + 4 * hidden * (hidden + 1) + hidden * (4 * hidden + 1) + 4 * hidden
    return (30_522 + 512 + 2) * hidden + 2 * hidden + layers * per_layer + hidden * (hidden + 1)


BASE, LARGE = bert(12, 768), bert(24, 1024)
DISTIL = 66_000_000

# What papers and model cards say, and the counts: of the notebook's BERT, with the heads that it was trained with, and
# with the 28,996 pieces of words that tell capitals.
BASES = (BASE, 109e6, 110e6, 110_106_428, 108_310_272)
LARGES = (LARGE, 335e6, 336e6, 340e6, 335_174_458, 336_226_108, 333_579_264)
DISTILS = (DISTIL, 66_362_880)
DIGITS = 3e-4  # 335.1 million is 335,141,888 in four digits


def one_number(value: Any, what: str) -> float:
    """The value as a number: 440, 440.0, tensor(440) and [440] are the same."""
    array = numeric(value, what)
    expect(array.size == 1, tr("{what} is {found}, not one number.", what=what, found=told(value)))
    return float(array.ravel()[0])


def rows_of(value: Any) -> Any:
    """A table as lists; dictionaries of rows, or of numbers, in the order in which they were written."""
    return [rows_of(row) for row in value.values()] if isinstance(value, dict) else value


# ---------------------------------------------------------------------- memory


def expect_memory(run: Run, dtype: str, unit: str, most: int = 10**10) -> None:
    parameters = int(run.rng.integers(most // 100, most))
    right = parameters * BYTES[dtype] / UNITS[unit]
    what = f'`memory({parameters}, "{dtype}", "{unit}")`'
    found = one_number(run.call("memory", parameters, dtype, unit), what)
    hint = MULTIPLY
    if np.isclose(found, 8 * right, rtol=1e-3):
        hint = IN_BITS
    elif unit in TWINS and np.isclose(found, right * UNITS[unit] / UNITS[TWINS[unit]], rtol=1e-3):
        hint = OTHER_UNIT
    expect_close(found, right, what, rtol=2e-5, hint=hint)


@check(points=2)
def memory_in_bytes_is_right(run: Run) -> None:
    """`memory` gives the bytes of `float32`, `float16` and `int8` parameters."""
    for dtype in ("float32", "float16", "int8"):
        expect_memory(run, dtype, "B")


@check(points=1, needs=memory_in_bytes_is_right)
def other_types_are_known(run: Run) -> None:
    """`memory` knows `bfloat16` and `float64` too."""
    for dtype in ("bfloat16", "float64"):
        expect_memory(run, dtype, "B")


@check(points=1, needs=memory_in_bytes_is_right)
def decimal_units_are_right(run: Run) -> None:
    """`memory` is right in MB and GB."""
    for dtype, unit in (("float32", "MB"), ("int8", "MB"), ("float16", "GB"), ("float32", "GB")):
        expect_memory(run, dtype, unit)
        expect_memory(run, dtype, unit, SMALL)


@check(points=1, needs=memory_in_bytes_is_right)
def binary_units_are_right(run: Run) -> None:
    """`memory` is right in MiB and GiB."""
    for dtype, unit in (("float32", "MiB"), ("int8", "MiB"), ("float16", "GiB"), ("float32", "GiB")):
        expect_memory(run, dtype, unit)
        expect_memory(run, dtype, unit, SMALL)


# ---------------------------------------------------------------------- BERT


def some_bert(run: Run) -> tuple[int, int]:
    """Layers and hidden size; sizes that are small enough to be built."""
    return int(run.rng.integers(2, 13)), 4 * int(run.rng.integers(8, 96))


def count_of(run: Run, layers: int, hidden: int) -> int:
    what = f"`bert_parameters({layers}, {hidden})`"
    found = one_number(run.call("bert_parameters", layers, hidden), what)
    message = tr("{what} is {found}, which is no number of parameters.", what=what, found=f"{found:g}")
    expect(abs(found) < 1e15 and found == round(found), message)
    return round(found)


@check(points=2)
def layers_of_bert_are_counted(run: Run) -> None:
    """`bert_parameters` grows with each layer by that layer's parameters."""
    for layers, hidden in [some_bert(run) for _ in range(3)]:
        grown = count_of(run, layers + 1, hidden) - count_of(run, layers, hidden)
        right = bert(1, hidden) - bert(0, hidden)
        weights = 12 * hidden**2
        missing = tr("The biases or the normalisations of the layer are missing.")
        hint = missing if grown == weights else ROW_BY_ROW
        what = f"`bert_parameters({layers + 1}, {hidden}) - bert_parameters({layers}, {hidden})`"
        expect_count(grown, right, what, hint)


@check(points=1, needs=layers_of_bert_are_counted, hint=ROW_BY_ROW)
def bert_is_counted_as_a_whole(run: Run) -> None:
    """`bert_parameters` counts what comes before and after the layers."""
    for layers, hidden in [(12, 768), *(some_bert(run) for _ in range(3))]:
        what = f"`bert_parameters({layers}, {hidden})`"
        expect_count(count_of(run, layers, hidden), bert(layers, hidden), what)


def own_count(run: Run, layers: int, hidden: int) -> list[float]:
    """What the student's own function counts, where that is somewhere near."""
    try:
        found = one_number(run.call("bert_parameters", layers, hidden), "")
    except SubmissionFault:
        return []
    right = bert(layers, hidden)
    return [found] if abs(found - right) <= NEAR * right else []


def own_base(run: Run) -> list[float]:
    return own_count(run, 12, 768)


def own_large(run: Run) -> list[float]:
    return own_count(run, 24, 1024)


def bases(run: Run) -> Iterator[float]:
    """The numbers of BERT base, and in the end the student's own count: it may take seconds to make."""
    yield from BASES
    yield from run.once(own_base)


def larges(run: Run) -> Iterator[float]:
    """The numbers of BERT Large; what the student took for it, if that is near; the student's own count."""
    yield from LARGES
    try:
        taken = one_number(run.value("bert_large"), "")
    except SubmissionFault:
        taken = 0.0
    if abs(taken - LARGE) <= NEAR * LARGE:
        yield taken
    yield from run.once(own_large)


def is_one_of(found: float, known: Iterable[float]) -> bool:
    return any(abs(found - one) <= DIGITS * one for one in known)


@check(points=1, hint=tr("It has more layers than BERT base and a larger hidden size: look both up."))
def bert_large_is_right(run: Run) -> None:
    """`bert_large` is the number of parameters of BERT Large."""
    found = one_number(run.value("bert_large"), "`bert_large`")
    if abs(found - LARGE / 1e6) <= NEAR * LARGE / 1e6:
        millions = tr("Those are the millions: write the whole number.")
        fail(tr("{what} is {found}.", what="`bert_large`", found=f"{found:g}"), millions)
    shown = grouped(round(found)) if np.isfinite(found) else f"{found:g}"
    message = tr("{what} is {found}, which is not right.", what="`bert_large`", found=shown)
    near = tr("That is near, but no paper and no model card says so: look the number up again, or count it.")
    hint = near if abs(found - LARGE) <= NEAR * LARGE else ""
    expect(is_one_of(found, LARGES) or is_one_of(found, run.once(own_large)), message, hint)


@check(points=2, hint=tr("A row for each model, a column for each type, and everything in MB."))
def table_is_right(run: Run) -> None:
    """`table` holds the memory of the three models in `float32`, `float16` and `int8`."""
    right = np.outer([BASE, LARGE, DISTIL], [4, 2, 1]) / 1e6
    hint = ""
    found = numeric(rows_of(run.value("table")), "`table`")
    if found.shape == (3, 3):
        if np.allclose(found, right.T, rtol=NEAR):
            hint = tr("Your table is turned: the rows are the models, the columns are the types.")
        elif np.allclose(found, right * 1e6 / 1024**2, rtol=NEAR):
            hint = OTHER_UNIT
    expect_close(found, right, "`table`", rtol=NEAR, hint=hint)
    models = {"BERT base": bases(run), "BERT Large": larges(run), "DistilBERT": DISTILS}  # untranslated
    for (model, sizes), row in zip(models.items(), found, strict=True):
        # Rounded to whole megabytes, or to three digits, is close enough.
        fits = any(np.allclose(row, np.array([4, 2, 1]) * n / 1e6, rtol=DIGITS, atol=0.6) for n in sizes)
        shown = ", ".join(f"{one:g}" for one in row)
        message = tr(
            "The row of {model} in `table` is {row}: near, but not the memory of its parameters.",
            model=model,
            row=shown,
        )
        expect(fits, message, tr("Take the number of parameters times the bytes of the type, in MB."))


@check(points=1, hint=OTHER_UNIT)
def base_in_mib_is_right(run: Run) -> None:
    """`base_in_mib` is the memory of BERT base in `float32`, in MiB."""
    found = one_number(run.value("base_in_mib"), "`base_in_mib`")
    expect_close(found, 4 * BASE / 1024**2, "`base_in_mib`", rtol=NEAR)
    fits = any(abs(found - 4 * n / 1024**2) <= 0.51 for n in bases(run))
    message = tr("{what} is {found}, which is not right.", what="`base_in_mib`", found=f"{found:g}")
    expect(fits, message, tr("Take the number of parameters times 4 bytes, and divide by the bytes of a MiB."))


@check(
    points=1,
    hint=tr("Divide the one's memory by the other's; with the same type that is the ratio of parameters."),
)
def large_to_base_is_right(run: Run) -> None:
    """`large_to_base` is how many times the memory of BERT base BERT Large takes."""
    found = one_number(run.value("large_to_base"), "`large_to_base`")
    expect_close(found, LARGE / BASE, "`large_to_base`", rtol=0.025)
    known = (large / base for large in LARGES for base in BASES)
    own = (large / base for large in larges(run) for base in bases(run))
    fits = any(abs(found - ratio) <= 0.0051 for ratio in itertools.chain([3.1], known, own))
    message = tr("{what} is {found}, which is not right.", what="`large_to_base`", found=f"{found:g}")
    expect(fits, message, tr("Near, but not near enough: give it with two decimals, or as the computer gives it."))


# ---------------------------------------------------------------------- modules and cards


def float_bytes(run: Run) -> int:
    """Bytes of a float in a new layer: 4, unless the notebook made another type its default."""
    try:
        one = run.call("torch.zeros", 1)
    except SubmissionFault:
        return 4
    return one.itemsize if isinstance(one, np.ndarray) and one.dtype.kind == "f" else 4


def expect_module_memory(run: Run, layers: Sequence[Any], right: int, what: str, hint: str) -> None:
    try:
        found = one_number(run.call("module_memory", module(layers)), "`module_memory`")
    except CallFailed as fault:
        raise CallFailed(tr("{error} ({what})", error=fault.message, what=what), hint) from None
    expect(found == right, tr("{what} is {found}.", what=what, found=f"{found:.10g}"), hint)


def some_sizes(run: Run, n: int) -> list[int]:
    return [int(size) for size in run.rng.choice(np.arange(3, 100), n, replace=False)]


@check(points=2)
def parameters_of_modules_are_measured(run: Run) -> None:
    """`module_memory` gives the bytes of a module's parameters, frozen ones too."""
    a, b, c = some_sizes(run, 3)
    each = float_bytes(run)
    linear = each * (a * b + b)
    what = tr("`module_memory` of Linear({a}, {b})", a=a, b=b)
    expect_module_memory(run, [("Linear", a, b)], linear, what, EVERY_TENSOR)
    frozen = [("Linear", a, b), ("ReLU",), ("Linear", b, c, {"bias": False, "frozen": True})]
    what = tr("`module_memory` of Linear({a}, {b}) and a frozen Linear({b}, {c}) without biases", a=a, b=b, c=c)
    expect_module_memory(run, frozen, linear + each * b * c, what, tr("Parameters need memory, trained or not."))
    encoder = [("TransformerEncoderLayer", 2 * b, 2, {"dim_feedforward": c})]
    count = 4 * 2 * b * (2 * b + 1) + 2 * b * c + c + c * 2 * b + 2 * b + 4 * 2 * b
    what = tr("`module_memory` of a TransformerEncoderLayer")
    expect_module_memory(run, encoder, each * count, what, EVERY_TENSOR)
    expect_types(run)
    expect_any_build(run)


def expect_types(run: Run) -> None:
    """Parameters of other types, and of several."""
    a, b, c = some_sizes(run, 3)
    one, two = a * b + b, b * c + c
    hint = tr("A parameter need not be a `float32`: `mlp.half()` takes 2 bytes for each. Ask it: `element_size()`.")
    for dtype in run.rng.permutation(["float16", "bfloat16", "float64"]):
        name = str(dtype)
        what = tr("`module_memory` of Linear({a}, {b}) in {dtype}", a=a, b=b, dtype=name)
        expect_module_memory(run, [("Linear", a, b, {"dtype": name})], BYTES[name] * one, what, hint)
    each = tr("The parameters of one module may have different types: multiply tensor by tensor, then add.")
    for first, second in (("float16", "float64"), ("float64", "bfloat16")):
        layers = [("Linear", a, b, {"dtype": first}), ("Linear", b, c, {"dtype": second})]
        fields = {"a": a, "b": b, "c": c, "first": first, "second": second}
        what = tr("`module_memory` of Linear({a}, {b}) in {first} and Linear({b}, {c}) in {second}", **fields)
        expect_module_memory(run, layers, BYTES[first] * one + BYTES[second] * two, what, each)


def expect_any_build(run: Run) -> None:
    """Modules that are no nn.Sequential of layers."""
    a, b, c = some_sizes(run, 3)
    each = float_bytes(run)
    one, two = each * (a * b + b), each * (b * c + c)
    hint = tr("A module need not be an `nn.Sequential`: a single layer is one, and so is a class with layers in it.")
    expect_module_memory(
        run, ("Linear", a, b), one, tr("`module_memory` of a single layer, Linear({a}, {b})", a=a, b=b), hint
    )
    blocks = ("ModuleList", [("Sequential", [("Linear", a, b), ("ReLU",)]), ("Linear", b, c)])
    what = tr("`module_memory` of a class with a list of Linear({a}, {b}) and Linear({b}, {c})", a=a, b=b, c=c)
    expect_module_memory(run, ("Network", {"blocks": blocks}), one + two, what, hint)
    own = {"scale": ("Parameter", [c, 2], {"dtype": "float16"}), "out": ("Linear", b, c)}
    what = tr("`module_memory` of a class with a parameter of its own and Linear({b}, {c})", b=b, c=c)
    expect_module_memory(run, ("Network", own), 4 * c + two, what, hint)
    shared = tr("A tensor that two layers share is there once, and `parameters()` gives it once.")
    words = {"words": ("Embedding", a, b), "out": ("Linear", b, a)}
    what = tr("`module_memory` of Embedding({a}, {b}) and Linear({b}, {a}), which share their weight", a=a, b=b)
    expect_module_memory(
        run, ("Network", words, {"tied": {"out.weight": "words.weight"}}), each * (a * b + a), what, shared
    )
    what = tr("`module_memory` of a module without parameters, ReLU()")
    expect_module_memory(run, ("ReLU",), 0, what, tr("A module may have no parameters and no buffers at all."))


@check(points=1, needs=parameters_of_modules_are_measured)
def buffers_of_modules_are_measured(run: Run) -> None:
    """`module_memory` counts buffers, each with the bytes of its own type."""
    a, b = some_sizes(run, 2)
    each = float_bytes(run)
    # Of a batch normalisation: weight, bias, running mean and variance; and how many batches it saw, an int64.
    norm = each * 4 * b + 8
    hint = tr(
        "Batch normalisation keeps two float buffers and a whole number of 8 bytes: ask each for its `element_size()`."
    )
    layers = [("Linear", a, b), ("BatchNorm1d", b)]
    what = tr("`module_memory` of Linear({a}, {b}) and BatchNorm1d({b})", a=a, b=b)
    expect_module_memory(run, layers, each * (a * b + b) + norm, what, hint)
    what = tr("`module_memory` of BatchNorm1d({b}) in float16", b=b)
    expect_module_memory(run, ("BatchNorm1d", b, {"dtype": "float16"}), 2 * 4 * b + 8, what, hint)
    # A mask is truth values of a byte each, and mostly kept out of the file.
    parts = {"out": ("Linear", a, b), "mask": ("Buffer", [b, b], {"dtype": "bool", "persistent": False})}
    what = tr("`module_memory` of Linear({a}, {b}) and a buffer of {b} × {b} truth values", a=a, b=b)
    every = tr("`module.buffers()` gives every buffer, also those that are not saved into a file.")
    expect_module_memory(run, ("Network", parts), each * (a * b + b) + b * b, what, every)


def knows(run: Run, dtype: str) -> bool:
    """Whether `memory` is right about a type: where it is not, a check of its own says so; `fits` may rest on it."""
    try:
        expect_close(run.call("memory", 1000, dtype, "B"), 1000 * BYTES[dtype], "`memory`")
    except SubmissionFault:
        return False
    return True


@check(points=2, hint=tr("Weights, and `extra` of them on top, in bytes; then the card: 1 GiB is 1024³ bytes."))
def what_fits_is_right(run: Run) -> None:
    """`fits` tells whether a model and what comes on top of its weights fit into so many GiB."""
    # Just below the limit, where 8 GB would be too little but 8 GiB are not; just above; and far from it.
    cases = [(0.5, "int8"), (0.96, "float32"), (0.98, "float16"), (1.03, "int8"), (1.05, "float16"), (1.6, "float32")]
    cases += [(filled, dtype) for filled, dtype in ((0.97, "bfloat16"), (1.04, "float64")) if knows(run, dtype)]
    for number in run.rng.permutation(len(cases)):
        filled, dtype = cases[number]
        # A little more than the card has is less than half a GiB more: rounded to whole ones it would fit.
        gib = int(run.rng.choice([4, 6, 8] if 1 < filled < 1.1 else [4, 6, 8, 12, 16, 24, 80]))
        extra = float(run.rng.choice([0.2, 0.3, 0.4, 0.5]))
        parameters = int(filled * gib * 1024**3 / (BYTES[dtype] * (1 + extra)))
        what = f'`fits({parameters}, "{dtype}", {gib}, {extra})`'
        found = one_number(run.call("fits", parameters, dtype, gib, extra), what)
        neither = tr("{what} is {found}, neither True nor False.", what=what, found=f"{found:g}")
        expect(found in (0, 1), neither)
        expect(found == (filled < 1), tr("{what} is {found}.", what=what, found=bool(found)))


# ---------------------------------------------------------------------- animals

SYNAPSES = {  # untranslated
    "roundworm": 7_500,
    "fruit fly": 50_000_000,
    "honey bee": 1_000_000_000,
    "mouse": 100_000_000_000,
    "rat": 448_000_000_000,
    "cat": 10_000_000_000_000,
    "human": 150_000_000_000_000,
}
MODELS = {
    "LeNet-5": 60_000,
    "AlexNet": 60_000_000,
    "GPT-3": 175_000_000_000,
    "Grok-1": 314_000_000_000,
    "GPT-4": 1_760_000_000_000,
}
# Of the first letters of the word, so that its singular and its Finnish name will do.
COMPARES_TO = closed_answer("103-compares-to", "29947b0e521365b40ff69e0503494b68")
SOME_ANIMALS = ["pike", "hedgehog", "raven", "moose", "viper", "lynx", "swan", "perch"]


def text(value: Any, what: str) -> str:
    refuse_placeholder(value, what)
    if not isinstance(value, str):
        raise WrongKind(tr("{what} is {found}, not a text.", what=what, found=told(value)))
    return value.strip().lower()


@check(
    points=1,
    hint=tr("Which of the two joins two units, and is stronger or weaker? What stands there in a network?"),
)
def parameters_compare_to_the_right_thing(run: Run) -> None:
    """`compares_to` says what the number of parameters compares to."""
    found = text(run.value("compares_to"), "`compares_to`")
    letters = np.frombuffer(found.encode("utf-8", "replace")[:5], np.uint8)
    right = found.isalpha() and COMPARES_TO.matches(letters)  # one word, not both
    expect(right, tr("{what} is {found}, which is not right.", what="`compares_to`", found=repr(plain(found, 60))))


@check(points=2, hint=tr("Compare ratios, not differences: take logarithms, then find the smallest distance."))
def closest_animal_is_found(run: Run) -> None:
    """`closest_animal` gives the animal with the smallest ratio to the number of parameters."""
    # A little before the middle of two animals and a little behind it, where whole digits, of the animals or of all
    # numbers, say the opposite.
    low, high = (0.13, 0.33), (0.67, 0.87)
    for place, digits in ((0.46, low), (0.46, high), (0.54, low), (0.54, high), (-0.5, low), (1.5, high)):
        names = [str(name) for name in run.rng.permutation(SOME_ANIMALS)[:4]]
        # Thousandfold steps. Between two of them nearly all numbers are closer to the smaller one by difference.
        powers = 3 + run.rng.uniform(*digits) + 3 * np.arange(4)
        counts = {name: int(10**power) for name, power in zip(names, powers, strict=True)}
        step = {-0.5: 0, 1.5: 2}.get(place, int(run.rng.integers(3)))
        parameters = int(10 ** (powers[step] + 3 * place))
        shuffled = {str(name): counts[str(name)] for name in run.rng.permutation(names)}
        right = names[step + (place > 0.5)]
        what = f"`closest_animal({parameters}, {shuffled})`"
        found = text(run.call("closest_animal", parameters, shuffled), what)
        message = tr("{what} is {found}, which is not right.", what=what, found=repr(plain(found, 60)))
        expect(found == right, message)


@check(points=1, hint=tr("Compare each model with the number that a parameter compares to, by the ratio."))
def model_animals_are_right(run: Run) -> None:
    """`model_animals` holds the closest animal for each of the five networks."""
    found = run.value("model_animals")
    if not isinstance(found, dict):
        message = tr("`model_animals` is {found}, not a dictionary.", found=told(found))
        raise WrongKind(message, tr("It has an animal for each model."))
    for name, parameters in MODELS.items():
        right = min(SYNAPSES, key=lambda animal: abs(np.log(SYNAPSES[animal] / parameters)))
        expect(name in found, tr("`model_animals` has no animal for {name}.", name=name))
        what = f'`model_animals["{name}"]`'
        animal = text(found[name], what)
        message = tr("{what} is {found}, which is not right.", what=what, found=repr(plain(animal, 60)))
        expect(animal == right, message)
