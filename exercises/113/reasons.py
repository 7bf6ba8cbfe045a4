"""The statements that the notebook takes for reasons."""

from __future__ import annotations

import numpy as np

from grader.checks import Run, expect, expect_finite, numeric, told, tr


def statements(run: Run) -> np.ndarray:
    """The numbers in `reasons`, each once, from the smallest on: float64 (N,)."""
    value = run.value("reasons")
    message = tr("`reasons` is {found}, not a list of numbers.", found=told(value))
    texts = isinstance(value, str) or (isinstance(value, list | tuple) and any(isinstance(one, str) for one in value))
    hint = tr("Write them as a list of numbers, without quotation marks: `[7, 8]`.")
    expect(isinstance(value, list | tuple | np.ndarray) and not texts, message, hint if texts else "")
    numbers = np.unique(numeric(value, "`reasons`"))
    expect_finite(numbers, "`reasons`")
    message = tr("`reasons` holds {n} numbers.", n=numbers.size)
    expect(0 < numbers.size <= 6, message, tr("Write the numbers of the statements."))
    return numbers
