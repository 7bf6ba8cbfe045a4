"""Exercise 104: a network's weights as matrices, its values as their products.

What earns what: reading the weights off the picture, finding the matrices' shape, arranging the weights in
them, and computing with them are judged apart, so that one mistake does not cost everything after it. A2 and
A3 earn a part for being what the student's own matrices give, and a part for being the network's values.
"""

from __future__ import annotations

from grader.checks import Run, check, expect, expect_answer, expect_close, tr

from .reading import SHAPES, is_computed, is_read, numbers, own_product, vector, weights_read

EDGE_BY_EDGE = tr("Go through the edges one by one: to which unit does each lead, and from which does it come?")
ROW_FOR_UNIT = tr(
    "A row of a weight matrix belongs to a unit that edges lead to, and has a place for every unit that they "
    "may come from; where the picture has no edge, the weight is 0."
)
VALUES = tr(
    "Where the product itself is right, look for the mistake in the matrix, or in the vector that it multiplies."
)
MULTIPLY = tr("Multiply your own matrix by the vector again, row by row.")


@check(points=2, hint=EDGE_BY_EDGE)
def w1_has_the_weights_of_the_picture(run: Run) -> None:
    """`W1` holds every weight between the inputs and the hidden units."""
    _expect_weights(run, "W1", 5)


@check(points=1, hint=ROW_FOR_UNIT)
def w1_has_the_right_shape(run: Run) -> None:
    """`W1` has the shape with which W1·A1 gives a number for each hidden unit."""
    _expect_matrix(run, "W1")


@check(points=2, needs=w1_has_the_right_shape, hint=EDGE_BY_EDGE)
def w1_is_right(run: Run) -> None:
    """`W1` has every weight in its place."""
    expect_answer(run, "W1")


@check(points=2, hint=EDGE_BY_EDGE)
def w2_has_the_weights_of_the_picture(run: Run) -> None:
    """`W2` holds every weight between the hidden units and the outputs."""
    _expect_weights(run, "W2", 6)


@check(points=1, hint=ROW_FOR_UNIT)
def w2_has_the_right_shape(run: Run) -> None:
    """`W2` has the shape with which W2·A2 gives a number for each output."""
    _expect_matrix(run, "W2")


@check(points=2, needs=w2_has_the_right_shape, hint=EDGE_BY_EDGE)
def w2_is_right(run: Run) -> None:
    """`W2` has every weight in its place."""
    expect_answer(run, "W2")


@check(points=1, hint=tr("W1·A1 is a product of a matrix and a vector: its result is a column."))
def a2_has_the_right_shape(run: Run) -> None:
    """`A2` is a column vector: one number for each hidden unit."""
    _expect_column(run, "A2")


@check(points=2, needs=w1_has_the_right_shape, hint=MULTIPLY)
def a2_is_w1_times_a1(run: Run) -> None:
    """`A2` is the product W1·A1 of your own `W1`."""
    expect_close(vector(run, "A2"), own_product(run, "A2"), "`A2`")


@check(points=2, hint=VALUES)
def a2_is_right(run: Run) -> None:
    """`A2` has the values of the network's hidden units."""
    expect_answer(run, "A2", value=vector(run, "A2"))


@check(points=1, hint=tr("W2·A2 is a product of a matrix and a vector: its result is a column."))
def a3_has_the_right_shape(run: Run) -> None:
    """`A3` is a column vector: one number for each output."""
    _expect_column(run, "A3")


@check(points=2, needs=w2_has_the_right_shape, hint=MULTIPLY)
def a3_is_w2_times_a2(run: Run) -> None:
    """`A3` is the product W2·A2 of your own `W2` and `A2`."""
    expect_close(vector(run, "A3"), own_product(run, "A3"), "`A3`")


@check(points=2, hint=VALUES)
def a3_is_right(run: Run) -> None:
    """`A3` has the values of the network's outputs."""
    expect_answer(run, "A3", value=vector(run, "A3"))


def _expect_weights(run: Run, name: str, n: int) -> None:
    found, others = weights_read(run, name)
    expect(found == n, tr("`{name}` holds {found} of the {n} weights in the picture.", name=name, found=found, n=n))
    and_others = tr(
        "`{name}` holds {found} of the {n} weights in the picture, and {others} more that are not in it.",
        name=name,
        found=found,
        n=n,
        others=others,
    )
    expect(others == 0, and_others)


def _expect_matrix(run: Run, name: str) -> None:
    matrix = numbers(run, name)
    message = tr("`{name}` has shape {shape}, which does not fit the network.", name=name, shape=matrix.shape)
    expect(matrix.shape == SHAPES[name], message, run.answer(name).hint(matrix))  # it may be the transpose
    message = tr("`{name}` has hardly any of the picture's weights in their places.", name=name)
    expect(is_read(run, name), message, EDGE_BY_EDGE)


def _expect_column(run: Run, name: str) -> None:
    column = numbers(run, name)
    message = tr(
        "`{name}` has shape {shape}; that is no column with one number for each unit.", name=name, shape=column.shape
    )
    expect(column.shape in [SHAPES[name], (*SHAPES[name], 1)], message)
    message = tr("`{name}` holds neither the network's values nor what your own matrix gives.", name=name)
    expect(is_computed(run, name, column), message, MULTIPLY)
