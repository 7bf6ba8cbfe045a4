"""Exercise 102: XOR cannot be solved without a hidden layer; with one it can, and with four so can the spiral.

Models are judged by what they compute, never by their class. From the answers of a linear model the grader
works out its weights; of a network it takes the weights and computes the answers itself, which have to be the
model's own. Accuracy is then that of the weights, on points picked at grading time: whatever else a model
does (features made by hand, a formula, a look-up) cannot help it.
"""

from __future__ import annotations

import numpy as np

from grader.checks import Run, check, expect, expect_accuracy, expect_answer, expect_finite, tr

from .activations import identity
from .linear import Linear, cross_entropy, least_cross_entropy, linear_model
from .points import FOUR_POINTS, FOUR_SIGNS, Points, gaussian, with_one
from .tasks import CIRCLE, SPIRAL, XOR, Task

FRESH = 3000  # points that an accuracy is judged on: its standard error is then below half a per cent

# ---------------------------------------------------------------------- the proof


@check(points=2, hint=tr("Put your numbers into the sum, point by point: it has to come to (0, 0, 0)."))
def certificate_proves_the_impossibility(run: Run) -> None:
    """`certificate` proves that no linear model is right on all four points.

    Gordan's theorem: there are weights λ ≥ 0, not all zero, with Σ λᵢ yᵢ (xᵢ, 1) = 0 exactly when no (w, b) has
    yᵢ (w·xᵢ + b) > 0 for every i. Any positive multiple will do.
    """
    weights = run.array("certificate").ravel()
    one_for_each = tr("`certificate` holds {n} numbers; there is one for each of the four points.", n=len(weights))
    expect(len(weights) == 4, one_for_each)
    expect_finite(weights, "`certificate`")
    largest = np.abs(weights).max()
    expect(
        largest > 0,
        tr("`certificate` is all zeros, which proves nothing."),
        tr("At least one weight has to be positive."),
    )
    expect(
        (weights >= 0).all(),
        tr("`certificate` holds a negative number."),
        tr("If every y f(x) is positive, so is their weighted sum: but only where no weight is negative."),
    )
    weights = weights / largest
    total = (weights * FOUR_SIGNS) @ with_one(FOUR_POINTS)
    # Fractions rounded to three decimals still say what is meant; other weights are far off.
    expect(
        np.abs(total).max() <= 1e-2,
        tr(
            "The weighted sum of y·(x1, x2, 1) is ({sum:.3g}), not (0, 0, 0) (with the largest weight scaled to 1).",
            sum=total.tolist(),
        ),
    )


@check(points=1, hint=tr("Count the points that the best linear model puts in their class."))
def best_possible_is_right(run: Run) -> None:
    """`best_possible` is the number of points on which a linear model can be right."""
    expect_answer(run, "best_possible")


# ---------------------------------------------------------------------- linear models


def linear_xor_model(run: Run) -> Linear:
    return linear_model(run, "linear_xor")


def linear_gauss_model(run: Run) -> Linear:
    return linear_model(run, "linear_gauss")


@check(points=1)
def linear_xor_is_linear(run: Run) -> None:
    """`linear_xor` is a linear model: f(a) + f(b) = f(a + b) + f(0)."""
    run.once(linear_xor_model)


@check(points=2, needs=linear_xor_is_linear, hint=tr("Train it on the four points, with more steps or a larger rate."))
def linear_xor_is_trained(run: Run) -> str:
    """`linear_xor` is trained: on the four points its loss is as low as a linear model's can be.

    The four points are in general position, so the least loss has one solution, which no constant reaches.
    Cross-entropy is what the notebook teaches; whoever minimised the squared error trained it just as well.
    """
    model = run.once(linear_xor_model)
    loss, least = cross_entropy(model.logits(FOUR_POINTS)), least_cross_entropy()
    if loss <= least + 0.01:
        return tr("cross-entropy {loss:.3f} on the four points, at best {best:.3f}", loss=loss, best=least)
    expect(
        model.is_least_squares(),
        tr(
            "`linear_xor` is not trained to the end: cross-entropy {loss:.3f} on the four points, at best {best:.3f}.",
            loss=loss,
            best=least,
        ),
    )
    return tr("least squares on the four points")


@check(points=1)
def linear_gauss_is_linear(run: Run) -> None:
    """`linear_gauss` is a linear model: f(a) + f(b) = f(a + b) + f(0)."""
    run.once(linear_gauss_model)


@check(
    points=2,
    needs=linear_gauss_is_linear,
    hint=tr("Train it on points of `gaussian`, and mind that a positive logit means class 1."),
)
def linear_gauss_is_accurate(run: Run) -> str:
    """`linear_gauss` is right on more than 95 % of fresh points."""
    fresh = gaussian(run.rng, FRESH)
    model = run.once(linear_gauss_model)
    return expect_right(model.logits(fresh.xs), fresh, 0.95, half=model.through is identity)


def expect_right(logits: np.ndarray, fresh: Points, above: float, half: bool) -> str:
    """Accuracy of logits, cut at 0; at 1/2 as well where targets of 0 and 1 may have been fitted directly."""
    cuts = [0.0, 0.5] if half else [0.0]
    classes = max(((logits > cut).astype(int) for cut in cuts), key=lambda c: int((c == fresh.labels).sum()))
    return expect_accuracy(classes, fresh.labels, above=above)


# ---------------------------------------------------------------------- networks


@check(points=1)
def xor_model_has_one_hidden_layer(run: Run) -> None:
    """`xor_model` has one hidden layer of 2 to 4 units."""
    run.once(XOR.network)


@check(
    points=2,
    needs=xor_model_has_one_hidden_layer,
    hint=tr("Small networks get stuck: add a unit, or train from several starts and keep the best."),
)
def xor_model_is_accurate(run: Run) -> str:
    """`xor_model` is right on more than 92 % of fresh points of the exclusive or."""
    return expect_solved(run, XOR, above=0.92)


@check(points=1)
def circle_model_has_one_hidden_layer(run: Run) -> None:
    """`circle_model` has one hidden layer of 2 to 4 units."""
    run.once(CIRCLE.network)


@check(
    points=2,
    needs=circle_model_has_one_hidden_layer,
    hint=tr("Every unit draws one line: how many does it take to enclose a disc? Then train long enough."),
)
def circle_model_is_accurate(run: Run) -> str:
    """`circle_model` is right on more than 92 % of fresh points of the circle."""
    return expect_solved(run, CIRCLE, above=0.92)


@check(points=2)
def spiral_model_has_four_hidden_layers(run: Run) -> None:
    """`spiral_model` has four hidden layers of 2 to 8 units."""
    run.once(SPIRAL.network)


@check(
    points=3,
    needs=spiral_model_has_four_hidden_layers,
    hint=tr("Look at its accuracy on the training points: is it low too? More steps, another rate, another start."),
)
def spiral_model_is_accurate(run: Run) -> str:
    """`spiral_model` is right on more than 90 % of fresh points of the spiral."""
    return expect_solved(run, SPIRAL, above=0.90)


def expect_solved(run: Run, task: Task, above: float) -> str:
    network = run.once(task.network)
    fresh = task.data(run.rng, FRESH)
    return expect_right(network.logits(fresh.xs), fresh, above, half=network.raw)
