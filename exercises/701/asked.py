"""What is asked of the notebook, and how its answers are taken."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from grader.checks import (
    Run,
    arrays,
    ask,
    expect_close,
    expect_several,
    numeric,
    shape_told,
    tensors,
    tensors32,
    tr,
)

from .cells import Weights

# PyTorch's own recurrent layers and cells are there to compare with, not to build with.
asked = partial(ask, forms=(tensors32, tensors, arrays), forbid=("recurrent",))
several = partial(expect_several, named=False)


def some(run: Run, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Random numbers that are the same in float32 and float64."""
    return run.rng.uniform(-scale, scale, size=shape).astype(np.float32).astype(np.float64)


def some_weights(run: Run, inputs: int, hidden: int, parts: int = 1, scale: float = 0.8) -> Weights:
    rows = parts * hidden
    return [some(run, *shape, scale=scale) for shape in ((rows, inputs), (rows, hidden), (rows,), (rows,))]


def sizes(run: Run) -> tuple[int, int, int, int]:
    """Different ones for batch, length, inputs and hidden, so that no axis can be taken for another."""
    batch, length, inputs, hidden = run.rng.choice(np.arange(2, 8), size=4, replace=False).tolist()
    return batch, length, inputs, hidden


def call_of(call: str, x: np.ndarray) -> str:
    """How messages name a call, which stands between marks."""
    return tr("{call} of x {shape}", call=call, shape=shape_told(x.shape))


def expect_states(found: Any, right: np.ndarray, what: str, hint: str = "") -> None:
    """Fail unless these are the numbers; a state may have an axis of length 1 in front, as PyTorch's have."""
    array = numeric(found, what)
    array = array[0] if array.shape == (1, *right.shape) else array
    expect_close(array, right, what, rtol=1e-3, atol=1e-4, hint=hint)


def matches(found: Any, right: np.ndarray) -> bool:
    return isinstance(found, np.ndarray) and found.shape == right.shape and np.allclose(found, right, 1e-3, 1e-4)


def state_like(found: Any, right: np.ndarray) -> bool:
    """Whether this is the state, with an axis of length 1 in front or without."""
    return matches(found, right) or matches(found, right[None])


def only_states(found: Any) -> Any:
    """The states, where a function returns the last one as well."""
    return found[0] if isinstance(found, tuple) and len(found) == 2 else found
