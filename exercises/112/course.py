"""What the model does, and whether the curves of the log lead there as a training does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grader.checks import (
    Digits,
    Run,
    SubmissionFault,
    cross_entropy,
    expect,
    expect_finite,
    expect_shape,
    fail,
    tr,
)

TRAINING, VALIDATION = 200, 1000  # digits that the notebook takes of either set, where there are as many
PREPARED: tuple[Callable[[Digits], np.ndarray], ...] = (
    lambda digits: digits.images,
    lambda digits: digits.scaled,
    lambda digits: 2 * digits.scaled - 1,
)
COURSE = tr("Log what `evaluate` gives after each epoch, as the training goes on.")


@dataclass(frozen=True)
class Measured:
    """What the model does: accuracy on its training digits, loss and accuracy on the validation digits."""

    train_accuracy: float
    loss: float
    accuracy: float


def measured(run: Run) -> Measured:
    """The model, asked with the digits that the notebook has, prepared as the model wants them."""
    train, validation = run.training("mnist")[:TRAINING], run.visible("mnist")[:VALIDATION]

    def answers(digits: Digits, prepared: np.ndarray) -> np.ndarray:
        return expect_shape(run.predict("model", prepared), (len(digits), 10), "`model(x)`")

    found: list[Measured] = []
    faults: list[SubmissionFault] = []
    for prepared in PREPARED:
        try:
            known, outputs = (answers(digits, prepared(digits)) for digits in (train, validation))
        except SubmissionFault as fault:
            faults.append(fault)
            continue
        expect_finite(np.concatenate([known, outputs]), "`model(x)`")
        found.append(
            Measured(
                train_accuracy=float((known.argmax(axis=1) == train.labels).mean()),
                loss=float(cross_entropy(outputs, validation.labels).mean()),
                accuracy=float((outputs.argmax(axis=1) == validation.labels).mean()),
            )
        )
    if not found:
        raise faults[0]
    return max(found, key=lambda one: one.train_accuracy)


def expect_ends(by_tag: dict[str, np.ndarray], model: Measured) -> None:
    """Fail unless the curves are where the model is at their end, or in the epoch whose weights may have been kept."""
    ends = {-1, int(by_tag["loss/val"].argmin())}
    if "accuracy/val" in by_tag:
        ends.add(int(by_tag["accuracy/val"].argmax()))
    near = {
        "loss/val": (model.loss, 0.02 + 0.25 * model.loss),
        "accuracy/val": (model.accuracy, 0.06),
        "accuracy/train": (model.train_accuracy, 0.1),
    }
    for tag, (does, within) in near.items():
        if tag in by_tag:
            numbers = by_tag[tag]
            # A curve may be shorter than the one whose best epoch this is.
            off = [abs(numbers[end] - does) > within for end in ends if end < len(numbers)]
            expect(not all(off), told_end(tag, numbers[-1], does))


def told_end(tag: str, end: float, does: float) -> str:
    """That a curve ends elsewhere than where the model is."""
    told = {"end": end, "does": does}
    return {
        "loss/val": tr(
            "loss/val ends at {end:.4g}; the loss of `model` on the validation digits is {does:.4g}.", **told
        ),
        "accuracy/val": tr(
            "accuracy/val ends at {end:.4g}; the accuracy of `model` on the validation digits is {does:.4g}.", **told
        ),
        "accuracy/train": tr(
            "accuracy/train ends at {end:.4g}; the accuracy of `model` on the training digits is {does:.4g}.", **told
        ),
    }[tag]


def expect_a_course(by_tag: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
    """Fail if curves that end where the model is are none that a training could have taken to get there.

    The end alone can be measured once and have anything put before it. But every accuracy is a number of right
    answers out of so many, as the last one is; who misreads a digit gives its own number less than a half, and who
    reads it more than a tenth, which bounds the loss; a training begins with a network that knows little; and no
    loss lies on a ruler.
    """
    for part, n in sizes.items():
        losses, accuracies = by_tag.get(f"loss/{part}"), by_tag.get(f"accuracy/{part}")
        if losses is not None:
            expect_no_ruler(losses, part)
        if accuracies is not None:
            expect_counted(accuracies, part, n)
        if losses is not None and accuracies is not None and len(losses) == len(accuracies):
            expect_pairs(losses, accuracies, part)


def expect_no_ruler(losses: np.ndarray, part: str) -> None:
    steps = np.diff(losses)
    bends = np.abs(np.diff(steps))
    straight = (bends <= 1e-3 * np.abs(steps[1:]) + 1e-7) & (np.abs(steps[1:]) > 1e-5)
    message = tr("loss/{part} changes by the same amount from epoch to epoch: no training does.", part=part)
    expect(straight.sum() <= 0.5 * len(straight), message, COURSE)


def expect_counted(accuracies: np.ndarray, part: str, n: int) -> None:
    """Fail unless these are shares of n digits, as far as the last one is, and change."""
    whole = np.abs(accuracies * n - np.rint(accuracies * n)) < 2e-3
    odd = int((~whole).sum())
    expect(
        not whole[-1] or odd <= len(whole) // 5,
        tr(
            "accuracy/{part} holds {odd} numbers that are no share of {n} digits, though its last one is.",
            part=part,
            odd=odd,
            n=n,
        ),
        COURSE,
    )
    expect(
        accuracies.max() - accuracies.min() >= 0.02,
        tr("accuracy/{part} is {accuracy:.4g} from the first epoch on.", part=part, accuracy=accuracies[0]),
        COURSE,
    )


def expect_pairs(losses: np.ndarray, accuracies: np.ndarray, part: str) -> None:
    """Fail if no network has these losses together with these accuracies."""
    least = np.log(2) * (1 - accuracies)
    most = np.log(10) * accuracies + 50 * (1 - accuracies)
    off = np.flatnonzero((losses < 0.8 * least - 0.02) | (losses > 1.2 * most + 0.1))
    if len(off) > 1:  # one epoch may have gone astray
        epoch = int(off[0])
        fail(
            tr(
                "In epoch {epoch}, loss/{part} is {loss:.4g} and accuracy/{part} {accuracy:.4g}: no network has both.",
                epoch=epoch + 1,
                part=part,
                loss=losses[epoch],
                accuracy=accuracies[epoch],
            ),
            COURSE,
        )
