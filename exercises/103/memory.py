"""Bytes of types, units of memory: what `memory` is asked; and cards that a model fits into or not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from grader.checks import Run, SubmissionFault, called, expect_close, expect_number, hint_for, tr

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
UNITS = {"B": 1, "MB": 1000**2, "GB": 1000**3, "MiB": 1024**2, "GiB": 1024**3}
TWINS = {"MB": "MiB", "MiB": "MB", "GB": "GiB", "GiB": "GB"}
SMALL = 10**5  # parameters of a network so small that a rounded number of megabytes says nothing of it

IN_BITS = tr("The number in a type's name counts bits, and 8 bits make a byte.")
OTHER_UNIT = tr("There are two kinds of units: MB and GB are powers of 1000, MiB and GiB are powers of 1024.")
MULTIPLY = tr("Parameters times the bytes of each, divided by the bytes of the unit.")


def memory(parameters: float, dtype: str, unit: str) -> float:
    return parameters * BYTES[dtype] / UNITS[unit]


def expect_memory(run: Run, unit: str, *dtypes: str) -> None:
    """Fail unless the student's `memory` is right for large networks, and for small ones in units that are rounded."""
    for dtype, most in itertools.product(dtypes, (10**10,) if unit == "B" else (10**10, SMALL)):
        parameters = int(run.rng.integers(most // 100, most))
        usual = {IN_BITS: memory(parameters, dtype, unit) * 8}
        if unit in TWINS:
            usual[OTHER_UNIT] = memory(parameters, dtype, TWINS[unit])
        what = called("memory", parameters, dtype, unit)
        found = expect_number(run.call("memory", parameters, dtype, unit), what, MULTIPLY)
        hint = hint_for(found, usual, MULTIPLY, rtol=1e-3, atol=0)
        expect_close(found, memory(parameters, dtype, unit), what, rtol=2e-5, hint=hint)


def is_known(run: Run, dtype: str) -> bool:
    """Whether `memory` is right about a type: where it is not, a check of its own says so; `fits` may rest on it."""
    try:
        expect_close(run.call("memory", 1000, dtype, "B"), 1000 * BYTES[dtype], "`memory`")
    except SubmissionFault:
        return False
    return True


def cards(run: Run) -> Iterator[tuple[tuple[int, str, int, float], bool]]:
    """Arguments of `fits`, and what it has to say."""
    # Just below the limit, where 8 GB would be too little but 8 GiB are not; just above; and far from it.
    cases = [(0.5, "int8"), (0.96, "float32"), (0.98, "float16"), (1.03, "int8"), (1.05, "float16"), (1.6, "float32")]
    cases += [(filled, dtype) for filled, dtype in ((0.97, "bfloat16"), (1.04, "float64")) if is_known(run, dtype)]
    for number in run.rng.permutation(len(cases)):
        filled, dtype = cases[number]
        # A little more than the card has is less than half a GiB more: rounded to whole ones it would fit.
        gib = int(run.rng.choice([4, 6, 8] if 1 < filled < 1.1 else [4, 6, 8, 12, 16, 24, 80]))
        extra = float(run.rng.choice([0.2, 0.3, 0.4, 0.5]))
        parameters = int(filled * gib * UNITS["GiB"] / (BYTES[dtype] * (1 + extra)))
        yield (parameters, dtype, gib, extra), filled < 1
