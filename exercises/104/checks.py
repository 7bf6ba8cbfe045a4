"""Exercise 104: a network's weights as matrices, its values as their products.

What earns what: reading the weights off the picture, finding the matrices' shape, arranging the weights in
them, and computing with them are judged apart, so that one mistake does not cost everything after it. A2 and
A3 earn a part for being what the student's own matrices give, and a part for being the network's values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grader.check import check, closed_answer, expect, expect_answer, expect_close, ngettext, tr

if TYPE_CHECKING:
    from grader.run import Run

A1 = np.array([1.0, 3.0, 2.0])
SIZES = {"W1": (2, 3), "W2": (3, 2), "A2": 2, "A3": 3}

# Hints for the usual mistakes.
EDGE_BY_EDGE = tr("Go through the edges one by one: to which unit does each lead, and from which does it come?")
ROW_FOR_UNIT = tr(
    "A row of a weight matrix belongs to a unit that edges lead to, and has a place for every unit that they "
    "may come from; where the picture has no edge, the weight is 0."
)
TRANSPOSED = tr("Yours is the transpose: its rows belong to the units where the edges start, not where they end.")
UNIT_ORDER = tr("The units of a layer are numbered from the top down: compare the order of rows and columns.")
MINUS_SIGNS = tr("Some weights in the picture have a minus sign.")
NO_EDGE = tr("Two of the units have no edge between them: which place is theirs, and what weight says so?")
RESHAPED = tr("A reshape does not transpose: it fills the rows with the numbers in the order that they had.")
ONE_SUM = tr("A unit's value is one sum: each value that comes in, times the weight of its edge.")
VALUES = tr(
    "Where the product itself is right, look for the mistake in the matrix, or in the vector that it multiplies."
)
MULTIPLY = tr("Multiply your own matrix by the vector again, row by row.")

# The weights on the edges, one digest each: whatever order they stand in.
EDGES = {
    name: [closed_answer(f"104-{name}-edge", digest) for digest in digests]
    for name, digests in {
        "W1": [
            "15dd0e6eb79dde0859223be4a285373c",
            "592d90c89bae99f26cc4b437e690ad21",
            "6bf514bb17c1dd0d8c7df0d0079ac0a1",
            "9c3736d48ffc72e055309b07e523842c",
            "b186bdb08badd576923dcbd50380c7f8",
        ],
        "W2": [
            "1a27efccbcd2fa45ac6c39507bcf1b9b",
            "5f8eeaaca837b6f1fac6df9823561388",
            "aad0968e50bfc3705d832ad6f6b8cc35",
            "c8090046a43f5f77c21e1069bd3f951e",
            "e97dc225a6be43ebcc35d8d2427d89d5",
            "feb966ba771a37d3c29a998e45d33208",
        ],
    }.items()
}
W1 = closed_answer(
    "104-W1",
    "93bc46f01c8447df3cf725cca6f5c0bd",
    {
        "53ded2def1cbe9aaeb3a1be0542e6d89": UNIT_ORDER,
        "ac89256edb3fed1ebd97f62a5164fc20": MINUS_SIGNS,
        "060cc5e27bf2c7941a1ad4c888e7d420": NO_EDGE,
        "11e06d4747e225dfabcdd9ee2a3e7951": NO_EDGE,
        "f5c8d186b4bd2dc2698a419aac50915c": RESHAPED,
    },
)
W2 = closed_answer(
    "104-W2",
    "55df20d1876ce6cd26d87d590025a6ab",
    {
        "ecdae3cc75a11eb00c5ffaf321090367": UNIT_ORDER,
        "be84743a70d91768eaff9277805de66d": UNIT_ORDER,
        "5575b4562e583f2a23834094fc6d9a6f": MINUS_SIGNS,
        "4fcf5f3c9aa632ed920f1cd0a1a73b21": RESHAPED,
    },
)
W_TRANSPOSED = {
    "W1": closed_answer("104-W1-transposed", "dd64c4efe36670b27200c170faac339a"),
    "W2": closed_answer("104-W2-transposed", "c4f32e7eb4db680efcb7ceebc410f828"),
}
A2 = closed_answer(
    "104-A2",
    "95b8711db680da308324c5368f501506",
    {
        "8616ff7dcd789bb8b861c362d943e88b": UNIT_ORDER,
        "75db69197847686d4fcd00cc93d36f6e": MINUS_SIGNS,
        "45c47aadccac8177338aa7737f82d3c7": NO_EDGE,
        "765263b254c48e15851b82a3b04a1237": NO_EDGE,
    },
)
A3 = closed_answer(
    "104-A3",
    "d0a2fc95bfd6db406124e38153efc24f",
    {
        "f89087ce59a90f6f6354312c054cad3f": UNIT_ORDER,
        "56f3453a366910623b006d90c1cd7665": UNIT_ORDER,
        "5fc7e3e1d8abf9e01c7cc5457b59f8b2": MINUS_SIGNS,
    },
)


@check(points=2, hint=EDGE_BY_EDGE)
def w1_has_the_weights_of_the_picture(run: Run) -> None:
    """`W1` holds every weight between the inputs and the hidden units."""
    _expect_weights(run, "W1")


@check(points=1, hint=ROW_FOR_UNIT)
def w1_has_the_right_shape(run: Run) -> None:
    """`W1` has the shape with which W1·A1 gives a number for each hidden unit."""
    _expect_matrix_shape(run, "W1")


@check(points=2, needs=[w1_has_the_right_shape], hint=EDGE_BY_EDGE)
def w1_is_right(run: Run) -> None:
    """`W1` has every weight in its place."""
    expect_answer(run.array("W1"), W1, what="`W1`")


@check(points=2, hint=EDGE_BY_EDGE)
def w2_has_the_weights_of_the_picture(run: Run) -> None:
    """`W2` holds every weight between the hidden units and the outputs."""
    _expect_weights(run, "W2")


@check(points=1, hint=ROW_FOR_UNIT)
def w2_has_the_right_shape(run: Run) -> None:
    """`W2` has the shape with which W2·A2 gives a number for each output."""
    _expect_matrix_shape(run, "W2")


@check(points=2, needs=[w2_has_the_right_shape], hint=EDGE_BY_EDGE)
def w2_is_right(run: Run) -> None:
    """`W2` has every weight in its place."""
    expect_answer(run.array("W2"), W2, what="`W2`")


@check(points=1, hint=tr("W1·A1 is a product of a matrix and a vector: its result is a column."))
def a2_has_the_right_shape(run: Run) -> None:
    """`A2` is a column vector: one number for each hidden unit."""
    _expect_column(run, "A2")


@check(points=2, needs=[w1_has_the_right_shape], hint=MULTIPLY)
def a2_is_w1_times_a1(run: Run) -> None:
    """`A2` is the product W1·A1 of your own `W1`."""
    expect_close(_vector(run, "A2"), _own_matrix(run, "W1") @ A1, what="`A2`")


@check(points=2, hint=VALUES)
def a2_is_right(run: Run) -> None:
    """`A2` has the values of the network's hidden units."""
    expect_answer(_vector(run, "A2"), A2, what="`A2`")


@check(points=1, hint=tr("W2·A2 is a product of a matrix and a vector: its result is a column."))
def a3_has_the_right_shape(run: Run) -> None:
    """`A3` is a column vector: one number for each output."""
    _expect_column(run, "A3")


@check(points=2, needs=[w2_has_the_right_shape], hint=MULTIPLY)
def a3_is_w2_times_a2(run: Run) -> None:
    """`A3` is the product W2·A2 of your own `W2` and `A2`."""
    expect_close(_vector(run, "A3"), _own_matrix(run, "W2") @ _vector(run, "A2"), what="`A3`")


@check(points=2, hint=VALUES)
def a3_is_right(run: Run) -> None:
    """`A3` has the values of the network's outputs."""
    expect_answer(_vector(run, "A3"), A3, what="`A3`")


def _numbers(run: Run, name: str) -> np.ndarray:
    """The value of a name: a few finite numbers of a size that can be computed with."""
    array = run.array(name)
    wanted = int(np.prod(SIZES[name]))
    many = ngettext("`{name}` holds {n} number.", "`{name}` holds {n} numbers.", array.size, name=name)
    expect(0 < array.size <= 4 * wanted, many)
    absurd = tr("`{name}` holds numbers that are huge, infinite or NaN.", name=name)
    expect(bool((np.abs(array) < 1e9).all()), absurd)
    return array


def _weights_read(run: Run, name: str) -> tuple[int, int]:
    """How many of the picture's weights are in the matrix, wherever, and how many others are."""
    others = [weight for weight in _numbers(run, name).ravel() if weight != 0]
    found = 0
    for edge in EDGES[name]:
        place = next((i for i, weight in enumerate(others) if edge.matches(weight)), None)
        if place is not None:
            del others[place]
            found += 1
    return found, len(others)


def _w1_read(run: Run) -> tuple[int, int]:
    return _weights_read(run, "W1")


def _w2_read(run: Run) -> tuple[int, int]:
    return _weights_read(run, "W2")


READ = {"W1": _w1_read, "W2": _w2_read}


def _expect_weights(run: Run, name: str) -> None:
    found, others = run.once(READ[name])
    n = len(EDGES[name])
    expect(found == n, tr("`{name}` holds {found} of the {n} weights in the picture.", name=name, found=found, n=n))
    and_others = tr(
        "`{name}` holds {found} of the {n} weights in the picture, and {others} more that are not in it.",
        name=name,
        found=found,
        n=n,
        others=others,
    )
    expect(others == 0, and_others)


def _expect_matrix_shape(run: Run, name: str) -> None:
    matrix = _numbers(run, name)
    message = tr("`{name}` has shape {shape}, which does not fit the network.", name=name, shape=matrix.shape)
    expect(matrix.shape == SIZES[name], message, TRANSPOSED if W_TRANSPOSED[name].matches(matrix) else "")
    # A matrix of zeros, or of any one number, has a shape as well, and is no reading of the picture.
    alike = len(np.unique(matrix, axis=0)) < len(matrix)
    expect(not alike, tr("`{name}` has two rows that are the same; no two units in the picture are.", name=name))


def _own_matrix(run: Run, name: str) -> np.ndarray:
    """The student's own matrix, right or wrong, if most of it was read off the picture."""
    found, _ = run.once(READ[name])
    n = len(EDGES[name])
    message = tr("`{name}` holds only {found} of the {n} weights in the picture: too few.", name=name, found=found, n=n)
    expect(2 * found > n, message, EDGE_BY_EDGE)
    return _numbers(run, name)


def _vector(run: Run, name: str) -> np.ndarray:
    """The student's own vector, however it lies: (2,), (2, 1) and (1, 2) are the same numbers."""
    vector = _numbers(run, name)
    message = tr(
        "`{name}` has shape {shape}: it holds {n} numbers, not one for each unit.",
        name=name,
        shape=vector.shape,
        n=vector.size,
    )
    expect(vector.size == SIZES[name] and vector.ndim <= 2, message, ONE_SUM)
    return vector.ravel()


def _expect_column(run: Run, name: str) -> None:
    vector = _numbers(run, name)
    n = SIZES[name]
    message = tr(
        "`{name}` has shape {shape}; that is no column with one number for each unit.", name=name, shape=vector.shape
    )
    expect(vector.shape in [(n,), (n, 1)], message)
    expect(bool(vector.any()), tr("`{name}` holds nothing but zeros.", name=name), ONE_SUM)
