"""Trainings that are asked for here, with the notebook's own `train`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grader.checks import (
    CallFailed,
    Digits,
    InTurn,
    Run,
    expect,
    expect_finite,
    expect_list,
    expect_number,
    tensor,
    told,
    tr,
)

SAMPLES = 600  # of the trainings that are asked for here


@dataclass(frozen=True)
class Training:
    """What `train` gave for one seed, and how long the grader waited for it."""

    losses: np.ndarray
    seconds: np.ndarray
    accuracy: float
    waited: float


def trained(
    run: Run, train: Digits, val: Digits, seed: int, epochs: int, given: Mapping[str, InTurn] | None = None
) -> Training:
    """A training on the CPU, which every machine has; in double precision where the notebook's models want that."""

    def ask(dtype: str) -> tuple[Any, float]:
        begun = time.monotonic()
        sets = [(tensor(digits.images, dtype), tensor(digits.labels, "int64")) for digits in (train, val)]
        value = run.call("train", *sets, "cpu", seed, epochs, given=given)
        return value, time.monotonic() - begun

    try:
        value, waited = ask("float32")
    except CallFailed as fault:
        if "dtype" not in fault.message and "Double" not in fault.message:
            raise
        value, waited = ask("float64")
    call = f"`train(…, epochs={epochs})`"
    expect(
        isinstance(value, list | tuple) and len(value) == 3,
        tr("{what} gives {found}, not three things.", what=call, found=told(value)),
        tr("Return the losses, the seconds and the accuracy, in this order."),
    )
    losses = per_epoch(value[0], tr("The list of losses of {call}", call=call), epochs)
    seconds = per_epoch(value[1], tr("The list of seconds of {call}", call=call), epochs)
    return Training(losses, seconds, claimed_accuracy(value[2], tr("The accuracy of {call}", call=call)), waited)


def per_epoch(value: Any, what: str, epochs: int) -> np.ndarray:
    found = expect_list(value, what, tr("One number for each epoch."), epochs)
    expect_finite(found, what)
    return found


def claimed_accuracy(value: Any, what: str) -> float:
    """An accuracy as it is given, a share or in percent."""
    found = expect_number(value, what)
    message = tr("{what} is {found:.4g}.", what=what, found=found)
    expect(0 <= found <= 100, message, tr("It is a share, from 0 to 1."))
    return found


def as_share(accuracy: float) -> float:
    """The same from 0 to 1."""
    return accuracy / 100 if accuracy > 1 else accuracy


# ---------------------------------------------------------------------- on a few digits


def trainings(run: Run) -> list[Training]:
    """Two trainings with one seed and between them one with another, on digits whose names are mixed up.

    A network that learns these has been trained on them: nobody could have done that beforehand. In the second
    training the validation labels are those of other digits, so that the accuracy has to be near nothing.
    """
    rng = run.rng
    names = rng.permutation(10)
    picked = []
    for digits, most in ((run.training("mnist"), SAMPLES), (run.visible("mnist"), 200)):
        rows = rng.choice(len(digits), min(len(digits), most), replace=False)
        picked.append(Digits(digits.pixels[rows], names[digits.labels[rows]]))
    train, val = picked
    wrong = Digits(val.pixels, (val.labels + int(rng.integers(1, 10))) % 10)
    one, other = (int(seed) for seed in rng.choice(np.arange(10, 100_000), size=2, replace=False))
    epochs = int(rng.integers(6, 9))
    found = [
        trained(run, train, val, one, epochs),
        trained(run, train, wrong, other, epochs - 2),
        trained(run, train, val, one, epochs),
    ]
    whole = 100 if max(training.accuracy for training in found) > 1 else 1  # 1 % of percents is no 100 % of shares
    return [replace(training, accuracy=training.accuracy / whole) for training in found]


def expect_measured_by_timed(run: Run) -> None:
    """Fail unless the seconds of `train` are what `timed` says: for a while it says what is picked here."""
    digits = run.visible("mnist")
    few = digits[run.rng.choice(len(digits), 64, replace=False)]
    epochs = int(run.rng.integers(3, 6))
    told_times = run.rng.uniform(1, 20, size=epochs).round(3).tolist()
    found = trained(run, few, few, int(run.rng.integers(1000)), epochs, {"timed": InTurn(told_times)})
    expect(
        np.allclose(found.seconds, told_times, rtol=0.01),
        tr("The seconds that `train` gives are not what `timed` measures for its epochs."),
        tr(
            "Measure each epoch with `timed`, which waits for the device, and keep what it returns: "
            "`seconds.append(timed(…, …))`."
        ),
    )
