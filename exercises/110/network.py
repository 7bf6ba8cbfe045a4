"""The model, asked: what it says of digits, prepared as it wants them, and whether its weights have a part in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import numpy as np

from grader.checks import Digits, Run, SubmissionFault, expect, expect_accuracy, expect_count, expect_shape, softmax, tr

from .history import history_of
from .losses import are_probabilities, sample_losses

PIXELS = 784  # of an image: no network that reads one has fewer weights
MAY_LOSE = {"full": 0.05, "sample": 0.12}  # of the accuracy, where digits are moved a little
A_NETWORK = tr("Train a network: its answers come from its weights, not from images that are looked up.")

# The ways in which students prepare the pixels. Which one a model was trained with is found out on digits
# that the notebook sees, never on the held-out ones.
PREPARATIONS: dict[str, Callable[[Digits], np.ndarray]] = {
    "normalised": lambda digits: digits.images,
    "scaled": lambda digits: digits.scaled,
    "centred": lambda digits: 2 * digits.scaled - 1,
    "pixels": lambda digits: 255 * digits.scaled,
}
Without = Literal["", "weights"]


def ten_outputs(run: Run, images: np.ndarray, what: str = "`model(x)`", without: Without = "") -> np.ndarray:
    """Ten outputs for each image, however many there are."""
    return expect_shape(run.predict("model", images, several=False, without=without), (len(images), 10), what)


def recognised(outputs: np.ndarray) -> np.ndarray:
    """Class with the highest output of each image; −1, which is no class, where an output is NaN."""
    return np.where(np.isfinite(outputs).all(axis=1), np.nan_to_num(outputs).argmax(axis=1), -1)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    return float((recognised(outputs) == labels).mean())


def sureness(outputs: np.ndarray) -> np.ndarray:
    """The probability that the model gives to what it says, for each image; NaN where an output is not finite."""
    sure = np.full(len(outputs), np.nan)
    fine = np.isfinite(outputs).all(axis=1)
    if fine.any():
        some = np.clip(outputs[fine], -1e9, 1e9)
        sure[fine] = (some if are_probabilities(some) else softmax(some)).max(axis=1)
    return sure


# ---------------------------------------------------------------------- prepared as the model wants them


def prepared_outputs(run: Run) -> dict[str, np.ndarray]:
    """What the model says of the digits that the notebook sees, with each preparation that may be the right one."""
    digits = run.visible("mnist")
    few, rest = digits[:1000], digits[1000:]
    first: dict[str, np.ndarray] = {}
    faults = []
    for name, prepared in PREPARATIONS.items():
        try:
            first[name] = ten_outputs(run, prepared(few))
        except SubmissionFault as fault:
            faults.append(fault)
    if not first:
        raise faults[0]
    right = {name: accuracy(outputs, few.labels) for name, outputs in first.items()}
    near = [name for name in first if right[name] >= max(right.values()) - 0.05]
    if not len(rest):
        return {name: first[name] for name in near}
    return {name: np.concatenate([first[name], ten_outputs(run, PREPARATIONS[name](rest))]) for name in near}


def preparation(run: Run) -> tuple[str, bool]:
    """Name of the preparation with which the model is asked, and whether it is surely that of its training.

    Many models read digits that are prepared otherwise as well as their own, so that accuracy alone tells how to
    ask, not how the training was done. A validation loss that is met exactly tells both.
    """
    labels, outputs = run.visible("mnist").labels, run.once(prepared_outputs)
    told = run.once(preparations_told)
    if len(told) == 1:
        return told[0], True
    return max(outputs, key=lambda name: accuracy(outputs[name], labels)), False


def preparations_told(run: Run) -> list[str]:
    """Preparations with which the model has the very validation loss that `history` ends with."""
    try:
        claim = run.once(history_of)["val_loss"][-1]
    except (SubmissionFault, IndexError):
        return []
    losses = {
        name: sample_losses(outputs, run.visible("mnist").labels)["cross-entropy"].mean()
        for name, outputs in run.once(prepared_outputs).items()
    }
    return [name for name, loss in losses.items() if abs(claim - loss) < 0.002 * loss]


def with_preparation(reached: str, name: str) -> str:
    """What was reached, and how the digits were prepared for it."""
    return {
        "normalised": tr("{reached}, digits normalised as in the course", reached=reached),
        "scaled": tr("{reached}, digits scaled to 0…1", reached=reached),
        "centred": tr("{reached}, digits scaled to −1…1", reached=reached),
        "pixels": tr("{reached}, digits as pixels 0…255", reached=reached),
    }[name]


def outputs_for(run: Run, digits: Digits, without: Without = "") -> np.ndarray:
    """Ten outputs for each digit, prepared as the model wants it."""
    name, _ = run.once(preparation)
    return ten_outputs(run, PREPARATIONS[name](digits), without=without)


def visible_outputs(run: Run) -> np.ndarray:
    name, _ = run.once(preparation)
    return run.once(prepared_outputs)[name]


def heldout_outputs(run: Run) -> np.ndarray:
    return outputs_for(run, run.heldout("mnist"))


def heldout_classes(run: Run) -> np.ndarray:
    return recognised(run.once(heldout_outputs))


def moved_classes(run: Run) -> np.ndarray:
    """Of the held-out digits, each turned, shifted and scaled a little: other ones in every grading."""
    return recognised(outputs_for(run, run.heldout("mnist").moved(run.rng_for("moved"))))


# ---------------------------------------------------------------------- whether it is a network


def weights_of_network(run: Run) -> list[tuple[int, ...]]:
    """Shapes of the weights on which the model's answers hang, whatever it is: a module, a function around one.

    With its weights at zero no network knows anything. Whatever reads digits all the same looks them up, or finds
    the most similar one: no training made it.
    """
    shapes, adjusted = run.weights("model")
    # A data set has a number, or a row of them, for each image, even where it goes by the name of a parameter.
    images = len(run.training("mnist"))
    shapes = [shape for shape in shapes if images not in shape]
    total = sum(math.prod(shape) for shape in shapes)
    if not adjusted:  # a network by hand has numbers that no autograd knows
        with suppress(SubmissionFault):
            adjusted = is_count(run.value("parameter_count"), total)
    expect(
        adjusted and total >= PIXELS,  # in whatever shapes they are kept
        tr("Nothing in `model` is a weight that training could have adjusted."),
        A_NETWORK,
    )
    digits = run.visible("mnist")[:400]
    try:
        knows = accuracy(outputs_for(run, digits), digits.labels)
        still = accuracy(outputs_for(run, digits, without="weights"), digits.labels)
    except SubmissionFault:  # what is wrong with its answers is told elsewhere
        return shapes
    expect(
        knows < 0.5 or still < knows / 2,
        tr(
            "`model` recognises {still:.1%} of the digits when all its weights are zero, {knows:.1%} as it is: the "
            "weights have no part in it.",
            still=still,
            knows=knows,
        ),
        A_NETWORK,
    )
    return shapes


def expect_reading(run: Run) -> str:
    """Fail unless a network reads the digits: nearly as well when they are moved a little. Returns a sentence.

    What a sound model may lose was measured with ten kinds of models: up to 1.6 % of the real digits, and up to
    5.5 % of the sample's.
    """
    run.once(weights_of_network)
    labels = run.heldout("mnist").labels
    unmoved = (run.once(heldout_classes) == labels).mean()
    return expect_accuracy(
        run.once(moved_classes),
        labels,
        at_least=math.floor(100 * (unmoved - MAY_LOSE[run.data])) / 100,
        what=tr("accuracy on the same digits, turned, shifted and scaled a little"),
        hint=tr("Train a network that reads digits; one that knows pictures by heart knows only these."),
    )


def is_count(claimed: Any, number: int) -> bool:
    """Whether a claimed value is this whole number."""
    try:
        expect_count(claimed, number, "")
    except SubmissionFault:
        return False
    return True
