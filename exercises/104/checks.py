"""Exercise 104: a network's weights as matrices, its values as their products.

What earns what: reading the weights off the picture, finding the matrices' shape, arranging the weights in
them, and computing with them are judged apart, so that one mistake does not cost everything after it. A2 and
A3 earn a part for being what the student's own matrices give, and a part for being the network's values.

A shape, or a product, of numbers that were not read off the picture earns nothing: `np.arange(6).reshape(2, 3)` has
the shape of W1 and three of its weights. What was read shows in where the numbers stand (see `_is_read`).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from grader.answers import digest
from grader.checks import check, closed_answer, expect, expect_close, expect_closed, ngettext, tr
from grader.errors import SubmissionFault

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
# Which weight is in which place, and which value: (row, column, number), one digest each.
PLACES = {
    "W1": [
        "14277e881e937cdbdb28df129209bf45",
        "4cf9973975d6aea00e1f46b9d271a8dc",
        "92acd384059c6bc4f21eaf1821516182",
        "a8c46fee95506a457a0a733115e532f2",
        "b0f03ee234ed0b1fe54ebd84469fb6f9",
        "eb5a4ab89908941469f7599a72e88931",
    ],
    "W2": [
        "1b4d63e0871b208703049638a6bae009",
        "2e7c0bf2c7d8ea756297c5d01e557aa3",
        "5f10754249ce0d9ad38718122e2940aa",
        "683f486a43764d67487ab87c2f9b87ee",
        "9ca4ee6aa777dfebf44f30b246fcb248",
        "a3c570501b71db2262715de54ddc3538",
    ],
    "A2": [
        "9a54eb2094f1421221f5f1e7e7c52681",
        "cf865df3ceec4e163ca34f7256758430",
    ],
    "A3": [
        "73760ea0a7ae8d76f67d06d836b5c4ec",
        "897fb4583e9488c573651d5e4c041f62",
        "eefe100da6599c315ef0ff34ac3bf0ef",
    ],
}
# The weights of each matrix in the order of their size, without their signs.
SIGNLESS = {
    "W1": closed_answer("104-W1-signless", "0218db3a2fa834c6c7b09d56d8c57cee"),
    "W2": closed_answer("104-W2-signless", "b713a4f28bab9a9f00bb04486f7ebd8e"),
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
    expect_closed(run.array("W1"), W1, what="`W1`")


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
    expect_closed(run.array("W2"), W2, what="`W2`")


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
    expect_closed(_vector(run, "A2"), A2, what="`A2`")


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
    expect_closed(_vector(run, "A3"), A3, what="`A3`")


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
    _expect_read(run, name)


def _in_place(name: str, numbers: np.ndarray) -> int:
    """How many of these numbers, a matrix, stand where the picture puts them."""
    return sum(
        digest(f"104-{name}-places", np.array([row, column, number])) in PLACES[name]
        for (row, column), number in np.ndenumerate(numbers)
    )


def _is_read(name: str, matrix: np.ndarray) -> bool:
    """Whether a matrix of the right shape was read off the picture, as far as its numbers tell.

    It holds the picture's weights, signs aside, in whatever order; or two thirds of its places are right, however
    its units are numbered. No row of successive numbers, no random ones, no zeros and ones come near that.
    """
    if SIGNLESS[name].matches(np.sort(np.abs(matrix), axis=None)):
        return True
    rows, columns = (itertools.permutations(range(n)) for n in matrix.shape)
    return any(_in_place(name, matrix[np.ix_(row, column)]) >= 4 for row, column in itertools.product(rows, columns))


def _w1_is_read(run: Run) -> bool:
    return _is_read("W1", _numbers(run, "W1"))


def _w2_is_read(run: Run) -> bool:
    return _is_read("W2", _numbers(run, "W2"))


IS_READ = {"W1": _w1_is_read, "W2": _w2_is_read}


def _expect_read(run: Run, name: str) -> None:
    message = tr("`{name}` has hardly any of the picture's weights in their places.", name=name)
    expect(run.once(IS_READ[name]), message, EDGE_BY_EDGE)


def _own_matrix(run: Run, name: str) -> np.ndarray:
    """The student's own matrix, right or wrong, in the right shape: what asks for it needs the check of that."""
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
    computed = _in_place(name, vector.reshape(-1, 1)) >= 2 or _is_own_product(run, name, vector.ravel())
    message = tr("`{name}` holds neither the network's values nor what your own matrix gives.", name=name)
    expect(computed, message, MULTIPLY)


def _is_own_product(run: Run, name: str, vector: np.ndarray) -> bool:
    """Whether most of a vector is what the student's own matrix gives, if that was read off the picture."""
    matrix, before = {"A2": ("W1", A1), "A3": ("W2", None)}[name]
    try:
        weights = _numbers(run, matrix)
        if weights.shape != SIZES[matrix] or not run.once(IS_READ[matrix]):
            return False
        right = weights @ (_vector(run, "A2") if before is None else before)
    except SubmissionFault:
        return False
    return bool(2 * np.isclose(vector, right, rtol=1e-4).sum() >= len(right))
