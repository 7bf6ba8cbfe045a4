"""The functions of numbers, asked and judged: tables of indices, and the vectors that these pick."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import (
    Run,
    SubmissionFault,
    arrays,
    ask,
    called,
    expect,
    expect_call,
    expect_close,
    expect_dtype,
    refuse_placeholder,
    tensors,
    told,
    tr,
)

from .keras import padded
from .texts import some_sequences


def expect_rows(run: Run, sequences: list[list[int]], hint: str = "", **options: Any) -> None:
    """`pad_sequences` of these sequences."""
    expect_call(run, "pad_sequences", [sequences], padded(sequences, **options), hint, rtol=0, **options)


def value_is_filled_in(run: Run) -> bool:
    """Whether `pad_sequences` fills up with another value where asked to: a check of its own says so if not."""
    try:
        expect_rows(run, some_sequences(run, 1, 3), value=7)
    except SubmissionFault:
        return False
    return True


def table_of(run: Run, sequences: list[list[int]], **options: Any) -> Any:
    """What `pad_sequences` gives of these sequences, which it leaves alone: a table of whole numbers."""
    what = called("pad_sequences", sequences, **options)
    found = ask(run, "pad_sequences", sequences, unchanged=True, **options)
    expect_array(found, what)
    expect_dtype(found, "int", what)
    return found


def expect_vectors(run: Run, name: str, args: list[Any], right: np.ndarray, what: str) -> None:
    """A function of tensors, or of arrays where it takes no tensors."""
    found = ask(run, name, *args, forms=[tensors, arrays])
    expect_array(found, what)
    expect_close(found, right, what)


def expect_array(found: Any, what: str) -> None:
    """Fail unless this is an array or a tensor: a list of lists picks no rows of a table."""
    refuse_placeholder(found, what)
    message = tr("{what} is {found}, not a NumPy array or a tensor.", what=what, found=told(found))
    expect(isinstance(found, np.ndarray), message, tr("`np.array` or `torch.tensor` makes a table of lists."))
