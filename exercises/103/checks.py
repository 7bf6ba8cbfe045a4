"""Exercise 103: the memory of a model's parameters, in units told apart; BERT counted; networks beside animals.

The functions are judged on numbers picked at grading time. The three models may be counted to the last parameter, or
taken as the rounded numbers of papers and model cards: those lie within 2 % of each other, MB and MiB 5 % apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grader.check import check, closed_answer, expect, expect_close, expect_count, fail, module, tr
from grader.errors import SubmissionFault, WrongKind
from grader.expect import numeric, refuse_placeholder, told
from grader.language import grouped
from grader.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.run import Run

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
UNITS = {"B": 1, "MB": 1000**2, "GB": 1000**3, "MiB": 1024**2, "GiB": 1024**3}
TWINS = {"MB": "MiB", "MiB": "MB", "GB": "GiB", "GiB": "GB"}
ROUNDED = 0.02  # how far the rounded sizes of papers and model cards are from the counted ones

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


def one_number(value: Any, what: str) -> float:
    """The value as a number: 440, 440.0, tensor(440) and [440] are the same."""
    array = numeric(value, what)
    expect(array.size == 1, tr("{what} is {found}, not one number.", what=what, found=told(value)))
    return float(array.ravel()[0])


def rows_of(value: Any) -> Any:
    """A table as lists; dictionaries of rows, or of numbers, in the order in which they were written."""
    return [rows_of(row) for row in value.values()] if isinstance(value, dict) else value


# ---------------------------------------------------------------------- memory


def expect_memory(run: Run, dtype: str, unit: str) -> None:
    parameters = int(run.rng.integers(10**8, 10**10))
    right = parameters * BYTES[dtype] / UNITS[unit]
    what = f'`memory({parameters}, "{dtype}", "{unit}")`'
    found = one_number(run.call("memory", parameters, dtype, unit), what)
    hint = MULTIPLY
    if np.isclose(found, 8 * right, rtol=1e-3):
        hint = IN_BITS
    elif unit in TWINS and np.isclose(found, right * UNITS[unit] / UNITS[TWINS[unit]], rtol=1e-3):
        hint = OTHER_UNIT
    expect_close(found, right, what, rtol=2e-5, hint=hint, reveal=True)


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


@check(points=1, needs=memory_in_bytes_is_right)
def binary_units_are_right(run: Run) -> None:
    """`memory` is right in MiB and GiB."""
    for dtype, unit in (("float32", "MiB"), ("int8", "MiB"), ("float16", "GiB"), ("float32", "GiB")):
        expect_memory(run, dtype, unit)


# ---------------------------------------------------------------------- BERT


def some_bert(run: Run) -> tuple[int, int]:
    """Layers and hidden size; sizes that are small enough to be built."""
    return int(run.rng.integers(2, 9)), 4 * int(run.rng.integers(8, 50))


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
        expect_count(grown, right, what, hint, reveal=True)


@check(points=1, needs=layers_of_bert_are_counted, hint=ROW_BY_ROW)
def bert_is_counted_as_a_whole(run: Run) -> None:
    """`bert_parameters` counts what comes before and after the layers."""
    for layers, hidden in [(12, 768), *(some_bert(run) for _ in range(3))]:
        expect_count(
            count_of(run, layers, hidden), bert(layers, hidden), f"`bert_parameters({layers}, {hidden})`", reveal=True
        )


@check(points=1, hint=tr("It has more layers than BERT base and a larger hidden size: look both up."))
def bert_large_is_right(run: Run) -> None:
    """`bert_large` is the number of parameters of BERT Large."""
    found = one_number(run.value("bert_large"), "`bert_large`")
    if abs(found - LARGE / 1e6) <= ROUNDED * LARGE / 1e6:
        millions = tr("Those are the millions: write the whole number.")
        fail(tr("{what} is {found}.", what="`bert_large`", found=f"{found:g}"), millions)
    shown = grouped(round(found)) if np.isfinite(found) else f"{found:g}"
    message = tr("{what} is {found}, which is not right.", what="`bert_large`", found=shown)
    expect(abs(found - LARGE) <= ROUNDED * LARGE, message)


@check(points=2, hint=tr("A row for each model, a column for each type, and everything in MB."))
def table_is_right(run: Run) -> None:
    """`table` holds the memory of the three models in `float32`, `float16` and `int8`."""
    right = np.outer([BASE, LARGE, DISTIL], [4, 2, 1]) / 1e6
    hint = ""
    found = numeric(rows_of(run.value("table")), "`table`")
    if found.shape == (3, 3):
        if np.allclose(found, right.T, rtol=ROUNDED):
            hint = tr("Your table is turned: the rows are the models, the columns are the types.")
        elif np.allclose(found, right * 1e6 / 1024**2, rtol=ROUNDED):
            hint = OTHER_UNIT
    expect_close(found, right, "`table`", rtol=ROUNDED, hint=hint)


@check(points=1, hint=OTHER_UNIT)
def base_in_mib_is_right(run: Run) -> None:
    """`base_in_mib` is the memory of BERT base in `float32`, in MiB."""
    found = one_number(run.value("base_in_mib"), "`base_in_mib`")
    expect_close(found, 4 * BASE / 1024**2, "`base_in_mib`", rtol=ROUNDED / 2)


@check(
    points=1,
    hint=tr("Divide the one's memory by the other's; with the same type that is the ratio of parameters."),
)
def large_to_base_is_right(run: Run) -> None:
    """`large_to_base` is how many times the memory of BERT base BERT Large takes."""
    found = one_number(run.value("large_to_base"), "`large_to_base`")
    expect_close(found, LARGE / BASE, "`large_to_base`", rtol=0.025)


# ---------------------------------------------------------------------- modules and cards


def float_bytes(run: Run) -> int:
    """Bytes of a float in a new layer: 4, unless the notebook made another type its default."""
    try:
        one = run.call("torch.zeros", 1)
    except SubmissionFault:
        return 4
    return one.itemsize if isinstance(one, np.ndarray) and one.dtype.kind == "f" else 4


def expect_module_memory(run: Run, layers: Sequence[Sequence[Any]], right: int, what: str, hint: str) -> None:
    found = one_number(run.call("module_memory", module(layers)), "`module_memory`")
    expect(found == right, tr("{what} is {found}, not {right}.", what=what, found=f"{found:.10g}", right=right), hint)


@check(points=2)
def parameters_of_modules_are_measured(run: Run) -> None:
    """`module_memory` gives the bytes of a module's parameters, frozen ones too."""
    a, b, c = (int(n) for n in run.rng.choice(np.arange(3, 60), 3, replace=False))
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


@check(points=1, needs=parameters_of_modules_are_measured)
def buffers_of_modules_are_measured(run: Run) -> None:
    """`module_memory` counts buffers, each with the bytes of its own type."""
    a, b = (int(n) for n in run.rng.choice(np.arange(3, 60), 2, replace=False))
    each = float_bytes(run)
    # Of a batch normalisation: weight, bias, running mean and variance; and how many batches it saw, an int64.
    norm = each * 4 * b + 8
    hint = tr(
        "Batch normalisation keeps two float buffers and a whole number of 8 bytes: ask each for its `element_size()`."
    )
    layers = [("Linear", a, b), ("BatchNorm1d", b)]
    what = tr("`module_memory` of Linear({a}, {b}) and BatchNorm1d({b})", a=a, b=b)
    expect_module_memory(run, layers, each * (a * b + b) + norm, what, hint)


@check(points=2, hint=tr("Weights, and `extra` of them on top, in bytes; then the card: 1 GiB is 1024³ bytes."))
def what_fits_is_right(run: Run) -> None:
    """`fits` tells whether a model and what comes on top of its weights fit into so many GiB."""
    # Just below the limit, where 8 GB would be too little but 8 GiB are not; just above; and far from it.
    cases = [(0.5, "int8"), (0.96, "float32"), (0.98, "float16"), (1.03, "int8"), (1.05, "float16"), (1.6, "float32")]
    for number in run.rng.permutation(len(cases)):
        filled, dtype = cases[number]
        gib, extra = int(run.rng.choice([4, 6, 8, 12, 16, 24, 80])), float(run.rng.choice([0.2, 0.3, 0.4, 0.5]))
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
    for place in (0.35, 0.65, 0.35, 0.65, -0.5, 1.5):
        names = [str(name) for name in run.rng.permutation(SOME_ANIMALS)[:4]]
        # Thousandfold steps. Between two of them nearly all numbers are closer to the smaller one by difference.
        powers = run.rng.uniform(3, 4) + 3 * np.arange(4)
        counts = {name: int(10**power) for name, power in zip(names, powers, strict=True)}
        step = {-0.5: 0, 1.5: 2}.get(place, int(run.rng.integers(3)))
        parameters = int(10 ** (powers[step] + 3 * place))
        shuffled = {str(name): counts[str(name)] for name in run.rng.permutation(names)}
        right = names[step + (place > 0.5)]
        what = f"`closest_animal({parameters}, {shuffled})`"
        found = text(run.call("closest_animal", parameters, shuffled), what)
        message = tr("{what} is {found}, not {right}.", what=what, found=repr(plain(found, 60)), right=repr(right))
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
