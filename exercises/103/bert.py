"""The parameters of BERT: counted, as papers and model cards say, and as the student counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from grader.checks import Run, SubmissionFault, called, expect, expect_close, expect_number, numeric, tr

ROW_BY_ROW = tr("Go through the notebook's table row by row: which of its rows come once, and which in every layer?")
NO_BIASES = tr("The biases or the normalisations of the layer are missing.")
TURNED = tr("Your table is turned: the rows are the models, the columns are the types.")


def layer(hidden: int) -> int:
    return 4 * hidden * (hidden + 1) + 4 * hidden * (hidden + 1) + hidden * (4 * hidden + 1) + 4 * hidden


def parameters(layers: int, hidden: int) -> int:
    return (30_522 + 512 + 2) * hidden + 2 * hidden + layers * layer(hidden) + hidden * (hidden + 1)


def some_sizes(run: Run) -> tuple[int, int]:
    """Layers and hidden size; sizes that are small enough to be built."""
    return int(run.rng.integers(2, 13)), 4 * int(run.rng.integers(8, 96))


def count_of(run: Run, layers: int, hidden: int) -> int:
    """What the student's own function counts."""
    what = called("bert_parameters", layers, hidden)
    found = expect_number(run.call("bert_parameters", layers, hidden), what)
    message = tr("{what} is {found:g}, which is no number of parameters.", what=what, found=found)
    expect(abs(found) < 1e15 and found == round(found), message)
    return round(found)


# ---------------------------------------------------------------------- three models

BASE, LARGE, DISTIL = parameters(12, 768), parameters(24, 1024), 66_000_000
EACH = np.array([4, 2, 1]) / 1e6  # MB that a parameter takes, in the types of the table
TABLE = np.outer([BASE, LARGE, DISTIL], EACH)

# What papers and model cards say, and the counts: of the notebook's BERT, with the heads that it was trained with, and
# with the 28,996 pieces of words that tell capitals.
BASES = (BASE, 109e6, 110e6, 110_106_428, 108_310_272)
LARGES = (LARGE, 335e6, 336e6, 340e6, 335_174_458, 336_226_108, 333_579_264)
DISTILS = (DISTIL, 66_362_880)
DIGITS = 3e-4  # 335.1 million is 335,141,888 in four digits
NEAR = 0.02  # how far the rounded sizes of papers and model cards are from the counted ones


def is_near(found: float, right: float) -> bool:
    return abs(found - right) <= NEAR * right


def is_large(run: Run, found: float) -> bool:
    """Whether that is BERT Large, as it is known or as the student's own function counts it."""
    return is_one_of(found, LARGES) or is_one_of(found, run.once(own_large))


def is_one_of(found: float, known: Iterable[float]) -> bool:
    return any(abs(found - one) <= DIGITS * one for one in known)


def own_count(run: Run, layers: int, hidden: int) -> list[float]:
    """What the student's own function counts, where that is somewhere near."""
    try:
        found = expect_number(run.call("bert_parameters", layers, hidden), "")
    except SubmissionFault:
        return []
    return [found] if is_near(found, parameters(layers, hidden)) else []


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
        taken = expect_number(run.value("bert_large"), "")
    except SubmissionFault:
        taken = 0.0
    if is_near(taken, LARGE):
        yield taken
    yield from run.once(own_large)


def ratios(run: Run) -> Iterator[float]:
    """How many times as large as BERT base BERT Large may be."""
    yield from (large / base for large in LARGES for base in BASES)
    yield 3.1
    yield from (large / base for large in larges(run) for base in bases(run))


def expect_one_of(run: Run, name: str, known: Iterable[float], off: float, near: float, hint: str) -> None:
    """Fail unless the number is one of the known ones; the hint is for one that is at least near the first of them."""
    known = iter(known)
    first = next(known)
    found = expect_number(run.value(name), f"`{name}`")
    expect_close(found, first, f"`{name}`", rtol=near)
    fits = abs(found - first) <= off or any(abs(found - one) <= off for one in known)
    expect(fits, tr("{what} is {found:g}, which is not right.", what=f"`{name}`", found=found), hint)


def table_of(run: Run) -> np.ndarray:
    """The student's table; of dictionaries of rows, or of numbers, in the order in which they were written."""
    return numeric(rows_of(run.value("table")), "`table`")


def rows_of(value: Any) -> Any:
    return [rows_of(row) for row in value.values()] if isinstance(value, dict) else value


def expect_rows(run: Run, table: np.ndarray) -> None:
    """Fail unless each row of the table is the memory of its model, of whatever size that may be."""
    models = {"BERT base": bases(run), "BERT Large": larges(run), "DistilBERT": DISTILS}  # untranslated
    for (model, sizes), row in zip(models.items(), table, strict=True):
        # Rounded to whole megabytes, or to three digits, is close enough.
        fits = any(np.allclose(row, EACH * n, rtol=DIGITS, atol=0.6) for n in sizes)
        message = tr(
            "The row of {model} in `table` is {row}: near, but not the memory of its parameters.",
            model=model,
            row=", ".join(f"{one:g}" for one in row),
        )
        expect(fits, message, tr("Take the number of parameters times the bytes of the type, in MB."))
