"""What a notebook's matrices and vectors hold, and whether that was read off the picture.

A shape, or a product, of numbers that were not read off the picture earns nothing: `np.arange(6).reshape(2, 3)` has
the shape of W1 and three of its weights. What was read shows in where the numbers stand (see `is_read`).
"""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np

from grader.checks import Run, SubmissionFault, expect, ngettext, tr

A1 = np.array([1.0, 3.0, 2.0])
SHAPES = {"W1": (2, 3), "W2": (3, 2), "A2": (2,), "A3": (3,)}

ONE_SUM = tr("A unit's value is one sum: each value that comes in, times the weight of its edge.")


def numbers(run: Run, name: str) -> np.ndarray:
    """The value of a name: a few finite numbers of a size that can be computed with."""
    array = run.array(name)
    many = ngettext("`{name}` holds {n} number.", "`{name}` holds {n} numbers.", array.size, name=name)
    expect(0 < array.size <= 4 * math.prod(SHAPES[name]), many)
    expect((np.abs(array) < 1e9).all(), tr("`{name}` holds numbers that are huge, infinite or NaN.", name=name))
    return array


def vector(run: Run, name: str) -> np.ndarray:
    """The student's own vector, however it lies: (2,), (2, 1) and (1, 2) are the same numbers."""
    found = numbers(run, name)
    message = tr(
        "`{name}` has shape {shape}: it holds {n} numbers, not one for each unit.",
        name=name,
        shape=found.shape,
        n=found.size,
    )
    expect((found.size,) == SHAPES[name] and found.ndim <= 2, message, ONE_SUM)
    return found.ravel()


def own_product(run: Run, name: str) -> np.ndarray:
    """A2 or A3 as the student's own numbers give it: W1·A1, or W2·A2. The matrix has to have the right shape."""
    matrix, factor = (numbers(run, "W1"), A1) if name == "A2" else (numbers(run, "W2"), vector(run, "A2"))
    return np.asarray(matrix @ factor)


def weights_read(run: Run, name: str) -> tuple[int, int]:
    """How many of the picture's weights are in the matrix, wherever, and how many others are."""
    weights = [weight for weight in numbers(run, name).ravel() if weight != 0]
    found = {run.answer(f"{name}-edges").part(weight) for weight in weights} - {None}
    return len(found), len(weights) - len(found)


def in_place(run: Run, name: str, table: np.ndarray) -> int:
    """How many numbers of a table, a column for a vector, stand where the picture puts them."""
    places = run.answer(f"{name}-places")
    return sum(places.part(np.array([*place, number])) is not None for place, number in np.ndenumerate(table))


def is_read(run: Run, name: str) -> bool:
    """Whether a matrix of the right shape was read off the picture, as far as its numbers tell.

    It holds the picture's weights, signs aside, in whatever order; or two thirds of its places are right, however
    its units are numbered. No row of successive numbers, no random ones, no zeros and ones come near that.
    """
    return run.once_for(("is_read", name), lambda: _is_read(run, name, numbers(run, name)))


def _is_read(run: Run, name: str, matrix: np.ndarray) -> bool:
    if run.answer(f"{name}-signless").matches(np.sort(np.abs(matrix), axis=None)):
        return True
    orders = product(*(permutations(range(n)) for n in matrix.shape))
    return any(in_place(run, name, matrix[np.ix_(*order)]) >= 4 for order in orders)


def is_computed(run: Run, name: str, column: np.ndarray) -> bool:
    """Whether most of a vector are the network's values, or what the student's own matrix gives if that was read."""
    if in_place(run, name, column.reshape(-1, 1)) >= 2:
        return True
    matrix = "W1" if name == "A2" else "W2"
    try:
        if numbers(run, matrix).shape != SHAPES[matrix] or not is_read(run, matrix):
            return False
        right = own_product(run, name)
    except SubmissionFault:
        return False
    return bool(2 * np.isclose(column.ravel(), right, rtol=1e-4).sum() >= len(right))
