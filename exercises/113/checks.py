"""Exercise 113: time measured on a device that works behind one's back, and trainings that can be repeated.

Nothing here depends on how fast the machine is, or how busy. Time that the notebook claims is compared with the
grader's own clock, which runs around the question and can only show more; and a pretend GPU, which needs its time
without computing anything, shows whether `timed` waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    check,
    closed_answer,
    expect,
    expect_close,
    expect_closed,
    expect_shape,
    fail,
    numeric,
    tensor,
    told,
    tr,
)
from grader.datasets import Digits, dataset
from grader.errors import CallFailed
from grader.kernel.wire import InTurn
from grader.language import decimal
from grader.text import listed, plain

if TYPE_CHECKING:
    from grader.run import Run

MOST_TRAINING = 6000  # digits that the notebook trains on, where there are as many
MOST_VALIDATION = 2000  # digits that it validates on
ACCURACY_APART = 0.04  # how far seeds, devices and precisions bring trainings apart at the most
SAME_SEED = 0.02  # the same with the same seed: another device, or images in another precision
SAMPLES = 600  # of the trainings that are asked for here

# ---------------------------------------------------------------------- numbers in sentences


def seconds_told(seconds: float, form: str) -> str:
    """Seconds as a person writes them: "0.25", in Finnish "0,25"."""
    return decimal(format(seconds, form))


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1: "97.3%", in Finnish "97,3 %"."""
    return tr("{number}%", number=decimal(f"{share:.{digits}%}".removesuffix("%")))


# ---------------------------------------------------------------------- time


def one_number(value: Any, what: str) -> float:
    found = numeric(value, what)
    expect(found.size == 1, tr("{what} is {found}, not one number.", what=what, found=told(found)))
    number = float(found.ravel()[0])
    expect(np.isfinite(number), tr("{what} is NaN or infinite.", what=what))
    return number


def tried(run: Run, busy: float, seconds: float) -> float:
    """What `timed` measures in a trial; fails if it cannot have waited for the work."""
    what = f"`trial({busy:.2f}, {seconds:.2f})`"
    begun = time.monotonic()
    measured = one_number(run.call("trial", busy, seconds), what)
    waited = time.monotonic() - begun
    expect(
        measured >= 0.9 * seconds,
        tr(
            "{what} measures {measured} s for work that takes {seconds} s.",
            what=what,
            measured=seconds_told(measured, ".4f"),
            seconds=seconds_told(seconds, ".2f"),
        ),
        tr("The clock is looked at before the device has finished, or it is a clock that stands still meanwhile."),
    )
    expect(
        waited >= 0.9 * (busy + seconds),
        tr(
            "{what} gives its answer after {waited} s, when the device cannot have finished.",
            what=what,
            waited=seconds_told(waited, ".2f"),
        ),
        tr("Leave `trial` and `PretendGPU` as they are, and let `timed` wait for the work."),
    )
    expect(
        measured <= max(1, 2 * waited),
        tr(
            "{what} measures {measured} for work of {seconds} seconds, and gives its answer after {waited}.",
            what=what,
            measured=seconds_told(measured, ".1f"),
            seconds=seconds_told(seconds, ".2f"),
            waited=seconds_told(waited, ".2f"),
        ),
        tr("Give seconds, not milliseconds."),
    )
    return measured


@check(points=3, hint=tr("Wait for the device twice: before you start the clock, and before you look at it again."))
def timed_waits_for_the_device(run: Run) -> str:
    """`timed` measures the work until it is finished, and nothing that was ordered before.

    The pretend GPU sleeps, so that a busy machine can only add to the time: the shortest of three tries counts, and
    a clock that was started too early shows a second too much in each.
    """
    tried(run, 0.0, float(run.rng.uniform(0.1, 0.2)))
    busy, seconds = float(run.rng.uniform(0.9, 1.1)), float(run.rng.uniform(0.15, 0.3))
    shortest = np.inf
    for _ in range(3):
        shortest = min(shortest, tried(run, busy, seconds))
        if shortest < seconds + busy / 2:
            return tr(
                "{measured} s for work of {seconds} s",
                measured=seconds_told(shortest, ".3f"),
                seconds=seconds_told(seconds, ".3f"),
            )
    fail(
        tr(
            "{what} measures {measured} s for work that takes {seconds} s: the earlier work is in it.",
            what=f"`trial({busy:.2f}, {seconds:.2f})`",
            measured=seconds_told(shortest, ".2f"),
            seconds=seconds_told(seconds, ".2f"),
        ),
        tr("Wait for the device before you start the clock."),
    )
    raise AssertionError  # not reached: fail() raises


# ---------------------------------------------------------------------- trainings that are asked for here


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

    def pair(digits: Digits, dtype: str) -> tuple[Any, Any]:
        return tensor(digits.images, dtype), tensor(digits.labels, "int64")

    def ask(dtype: str) -> tuple[Any, float]:
        begun = time.monotonic()
        value = run.call("train", pair(train, dtype), pair(val, dtype), "cpu", seed, epochs, given=given)
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
    return Training(losses, seconds, accuracy(value[2], tr("The accuracy of {call}", call=call)), waited)


def measured_by_timed(run: Run) -> None:
    """Fail unless the seconds of `train` are what `timed` says: for a while it says what is picked here."""
    digits = run.visible("mnist")
    rows = run.rng.choice(len(digits), 64, replace=False)
    few = Digits(digits.pixels[rows], digits.labels[rows])
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


def per_epoch(value: Any, what: str, epochs: int) -> np.ndarray:
    array = numeric(value, what)
    if array.ndim == 2 and array.shape[1] == 1:  # each number may be a tensor of shape (1,)
        array = array[:, 0]
    expect_shape(array, (epochs,), what, tr("One number for each epoch."))
    expect(np.isfinite(array).all(), tr("{what} holds NaN or infinite numbers.", what=what))
    return array


def accuracy(value: Any, what: str) -> float:
    """An accuracy as it is given, a share or in percent."""
    found = one_number(value, what)
    message = tr("{what} is {found}.", what=what, found=f"{found:.4g}")
    expect(0 <= found <= 100, message, tr("It is a share, from 0 to 1."))
    return found


def trainings(run: Run) -> list[Training]:
    """Two trainings with one seed and between them one with another, on digits whose names are mixed up.

    A network that learns these has been trained on them: nobody could have done that beforehand. In the second
    training the validation labels are those of other digits, so that the accuracy has to be near nothing.
    """
    rng = run.rng
    names = rng.permutation(10)
    picked = []
    for digits, most in ((dataset("mnist").training(run.data), SAMPLES), (run.visible("mnist"), 200)):
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


@check(points=2, hint=tr("A new model, an optimiser for its parameters, and `epochs` times `train_one_epoch`."))
def train_trains(run: Run) -> str:
    """`train` trains a new network on the set it is given, and tells its losses and its accuracy on the other set."""
    first, mixed_up, _ = run.once(trainings)
    expect(
        first.losses[-1] < 0.8 * first.losses[0],
        tr(
            "The losses of `train` are {losses}: they hardly fall.",
            losses=", ".join(f"{loss:.3f}" for loss in first.losses),
        ),
    )
    expect(
        first.accuracy > 0.5,
        tr(
            "`train` gives an accuracy of {accuracy} for digits that are easily told apart.",
            accuracy=percent(first.accuracy),
        ),
    )
    expect(
        mixed_up.accuracy < 0.4,
        tr(
            "`train` gives an accuracy of {accuracy} on a validation set whose labels are all wrong.",
            accuracy=percent(mixed_up.accuracy),
        ),
        tr("Compute it from `val_set`, the argument."),
    )
    return tr(
        "accuracy {accuracy} after {epochs} epochs on {digits} digits",
        accuracy=percent(first.accuracy),
        epochs=len(first.losses),
        digits=SAMPLES,
    )


@check(
    points=3,
    needs=[train_trains],
    hint=tr("Set the seed inside `train`, before the model is made and the images shuffled."),
)
def equal_seeds_repeat(run: Run) -> None:
    """`train` gives the same losses and the same accuracy for the same seed, whatever was computed in between."""
    first, _, again = run.once(trainings)
    worst = int(np.abs(again.losses - first.losses).argmax())
    once, twice = first.losses[worst], again.losses[worst]
    expect(
        np.allclose(again.losses, first.losses, rtol=1e-4, atol=1e-7),
        tr(
            "The loss of epoch {epoch} is {once}, and with the same seed again {twice}.",
            epoch=worst + 1,
            once=f"{once:.6f}",
            twice=f"{twice:.6f}",
        ),
    )
    expect(
        abs(first.accuracy - again.accuracy) <= 0.02,
        tr(
            "The accuracy is {once}, and {twice} with the same seed.",
            once=percent(first.accuracy),
            twice=percent(again.accuracy),
        ),
    )


@check(points=1, needs=[train_trains], hint=tr("Is the seed that is set the argument `seed`?"))
def other_seeds_differ(run: Run) -> None:
    """`train` gives other losses for another seed."""
    first, other, _ = run.once(trainings)
    expect(
        not np.allclose(first.losses[: len(other.losses)], other.losses, rtol=1e-4, atol=0),
        tr(
            "`train` gives the same losses for two different seeds: {loss} in the first epoch.",
            loss=f"{first.losses[0]:.6f}",
        ),
    )


@check(
    points=2,
    needs=[train_trains],
    hint=tr("Measure each epoch by itself with `timed`; seconds, not milliseconds."),
)
def train_measures_its_epochs(run: Run) -> str:
    """`train` tells the seconds of every epoch: together no more than the call takes, and a good part of it."""
    found = run.once(trainings)
    for one in found:
        shown = tr(", ").join(seconds_told(second, ".4g") for second in one.seconds)
        expect(
            (one.seconds > 0).all(),
            tr("`train` measures {seconds} seconds for its epochs: none takes no time.", seconds=shown),
        )
        expect(
            one.seconds.sum() <= 1.02 * one.waited,
            tr(
                "`train` measures {seconds} seconds for its epochs, but the whole call takes {waited} s.",
                seconds=shown,
                waited=seconds_told(one.waited, ".3g"),
            ),
        )
    measured_by_timed(run)
    best = max(found, key=lambda one: one.seconds.sum() / one.waited)
    expect(
        best.seconds.sum() >= 0.05 * best.waited,
        tr(
            "`train` measures {seconds} s for all epochs together, but the call takes {waited} s.",
            seconds=seconds_told(best.seconds.sum(), ".4g"),
            waited=seconds_told(best.waited, ".3g"),
        ),
    )
    return tr(
        "{seconds} s an epoch, for {digits} digits",
        seconds=seconds_told(best.seconds.mean(), ".3f"),
        digits=SAMPLES,
    )


# ---------------------------------------------------------------------- the table, and the accuracies


def rows(run: Run) -> dict[str, dict[str, float]]:
    """The rows of `table` by the kind of device; accuracies from 0 to 1."""
    table = run.value("table")
    expect(isinstance(table, dict), tr("`table` is {found}, not a dictionary.", found=told(table)))
    expect(bool(table), tr("`table` is empty."), tr("It has a row for each of your devices, the CPU at least."))
    found = {}
    for device, row in table.items():
        name = plain(str(device), 20)
        quoted = repr(name)
        kind = name.lower().partition(":")[0]
        unknown = tr("`table` has a row {name}.", name=quoted)
        expect(kind in ("cpu", "cuda", "mps"), unknown, tr("Its keys are the names of devices."))
        no_row = tr("The row {name} of `table` is {found}, not a dictionary.", name=quoted, found=told(row))
        expect(isinstance(row, dict), no_row)
        missing = [f'"{key}"' for key in ("epoch", "training", "accuracy") if key not in row]
        expect(not missing, tr("The row {name} of `table` has no {keys}.", name=quoted, keys=listed(missing)))
        numbers = {key: one_number(row[key], f'`table["{name}"]["{key}"]`') for key in ("epoch", "training")}
        share = accuracy(row["accuracy"], tr("The accuracy of the row {name}", name=quoted))
        found[kind] = numbers | {"accuracy": share / 100 if share > 1 else share}
    return found


@check(
    points=2,
    needs=[train_measures_its_epochs],
    hint=tr("Take the seconds and the accuracy from what `train` returns."),
)
def table_is_filled(run: Run) -> str:
    """`table` has a row for each device of the machine: seconds of an epoch and of the training, and the accuracy."""
    found = run.once(rows)
    present = run.value("devices") if run.has("devices") else []
    present = [one for one in present if isinstance(one, str)] if isinstance(present, list) else []
    missing = [plain(one, 20) for one in present if one.partition(":")[0] not in found]
    no_row = tr("`table` has no row for {devices}.", devices=listed(missing))
    expect(not missing, no_row, tr("A row for each of `devices`."))
    epochs = run.value("EPOCHS") if run.has("EPOCHS") else None
    for kind, row in found.items():
        epoch, training = row["epoch"], row["training"]  # the training may have had to wake the device up
        told_epoch = seconds_told(epoch, ".4g")
        expect(epoch > 0, tr("An epoch on {kind} takes {seconds} s in `table`.", kind=kind, seconds=told_epoch))
        expect(
            not isinstance(epochs, int) or 0.98 * epochs * epoch <= training <= 100 * epochs * epoch,
            tr(
                "In `table`, {kind} needs {epoch} s for an epoch and {training} s for {epochs} of them.",
                kind=kind,
                epoch=told_epoch,
                training=seconds_told(training, ".4g"),
                epochs=epochs,
            ),
            tr('"epoch" is the mean over the epochs, "training" their sum.'),
        )
        told_accuracy = percent(row["accuracy"])
        low = tr("In `table`, the accuracy on {kind} is {accuracy}.", kind=kind, accuracy=told_accuracy)
        expect(row["accuracy"] > 0.3, low)
        expect_of_trainings(run, [row["accuracy"]], low)
    if "cpu" in found:
        expect_plausible(run, found["cpu"]["epoch"])
    return ", ".join(
        tr("{kind} {seconds} s an epoch", kind=kind, seconds=seconds_told(row["epoch"], ".3g"))
        for kind, row in found.items()
    )


def as_in_the_notebook(run: Run) -> tuple[list[int], list[Training]]:
    """Two trainings with what the notebook trains on, as often as it does, and the seeds, two of the five, of each."""
    images, others = dataset("mnist").training(run.data), run.visible("mnist")
    train = Digits(images.pixels[:MOST_TRAINING], images.labels[:MOST_TRAINING])
    val = Digits(others.pixels[:MOST_VALIDATION], others.labels[:MOST_VALIDATION])
    epochs = run.value("EPOCHS") if run.has("EPOCHS") else None
    often = epochs if isinstance(epochs, int) and 1 <= epochs <= 20 else 5
    seeds = [int(seed) for seed in run.rng.choice(5, size=2, replace=False)]
    found = [trained(run, train, val, seed, often) for seed in seeds]
    return seeds, [replace(one, accuracy=one.accuracy / 100 if one.accuracy > 1 else one.accuracy) for one in found]


def expect_of_trainings(run: Run, accuracies: Sequence[float], message: str) -> None:
    """Fail unless these can be accuracies of the notebook's own `train`: near those of two trainings asked for here,
    and each a number of images out of all, as far as it is written out."""
    hint = tr("Keep what `train` returns, without rounding it.")
    near = [one.accuracy for one in run.once(as_in_the_notebook)[1]]
    low, high = min(near) - ACCURACY_APART, max(near) + ACCURACY_APART
    n = min(MOST_VALIDATION, len(run.visible("mnist")))
    for share in accuracies:
        expect(low <= share <= high, message, tr("Asked now, `train` ends at {accuracy}.", accuracy=percent(near[0])))
        digits = min(12, len(repr(float(share)).partition(".")[2]))
        right = next((m for m in (n, len(run.visible("mnist"))) if _is_share_of(share, m, digits)), None)
        of = tr("{accuracy} is no share of {n} images.", accuracy=percent(share, 2), n=n)
        expect(right is not None, of, hint)


def _is_share_of(share: float, n: int, digits: int) -> bool:
    """Whether so many of n images make this share, rounded to so many decimals."""
    return abs(share - round(share * n) / n) <= max(1e-6, 0.5 * 10.0**-digits if digits <= 3 else 0.0)


def expect_plausible(run: Run, epoch: float) -> None:
    """Fail if an epoch of the notebook's takes thirty times less or more than in the same trainings asked for here."""
    likely = [one.seconds.mean() for one in run.once(as_in_the_notebook)[1]]
    expect(
        min(likely) / 30 <= epoch <= 30 * max(likely),
        tr(
            "An epoch on cpu takes {seconds} s in `table`; from the trainings asked for now, {likely} s.",
            seconds=seconds_told(epoch, ".4g"),
            likely=seconds_told(float(np.mean(likely)), ".3g"),
        ),
        tr("Are these seconds, of an epoch of your own machine?"),
    )


@check(
    points=1,
    needs=[train_trains],
    hint=tr("`train(…)` returns three things: keep the last one, for each of the five seeds."),
)
def accuracies_are_of_five_seeds(run: Run) -> str:
    """`accuracies` holds the accuracies of five trainings, which differ a little."""
    found = expect_shape(
        run.array("accuracies").squeeze(), (5,), "`accuracies`", tr("One number for each of the seeds 0 to 4.")
    )
    expect(np.isfinite(found).all(), tr("{what} holds NaN or infinite numbers.", what="`accuracies`"))
    found = found / 100 if found.max() > 1 else found
    lowest, highest = found.min(), found.max()
    expect(
        lowest > 0.3 and highest <= 1,
        tr("`accuracies` go from {lowest} to {highest}.", lowest=f"{lowest:.4g}", highest=f"{highest:.4g}"),
    )
    same = tr("`accuracies` are all the same: {accuracy}.", accuracy=percent(lowest, 2))
    expect(lowest < highest, same, tr("Five seeds make five networks."))
    apart = tr("`accuracies` go from {lowest} to {highest}.", lowest=percent(lowest), highest=percent(highest))
    expect(highest - lowest < 0.2, apart, tr("Train each to the end."))
    expect_of_trainings(run, found.tolist(), apart)
    for seed, again in zip(*run.once(as_in_the_notebook), strict=True):
        expect(
            abs(again.accuracy - found[seed]) <= SAME_SEED,
            tr(
                "`accuracies` has {claimed} for the seed {seed}; asked now, `train` gives another accuracy for it.",
                claimed=percent(found[seed], 2),
                seed=seed,
            ),
            tr("The seeds are 0, 1, 2, 3 and 4, in this order, with the sets from above and `EPOCHS` epochs."),
        )
    return tr("{lowest} to {highest}", lowest=percent(lowest, 2), highest=percent(highest, 2))


@check(points=2, hint=tr("The square root of p (1 − p) / n."))
def standard_error_is_right(run: Run) -> None:
    """`standard_error` gives the standard error of an accuracy."""
    cases = [(float(run.rng.uniform(0.02, 0.98)), int(run.rng.integers(20, 50_000))) for _ in range(5)]
    few = (float(run.rng.uniform(0.2, 0.8)), int(run.rng.integers(4, 12)))  # here n - 1 is something else
    for accuracy, n in [*cases, few, (0.5, 1), (1.0, 200), (0.0, 200)]:
        what = f"`standard_error({accuracy:.4g}, {n})`"
        found = one_number(run.call("standard_error", accuracy, n), what)
        expect_close(found, np.sqrt(accuracy * (1 - accuracy) / n), what, rtol=1e-3, atol=1e-9)


REASONS = closed_answer("113-reasons", "bdf62efb400842dd97af34076f9dca56")
# What explains nothing, and why not.
NO_REASONS = [
    (closed_answer("113-reason", "33938f9933aa0da57124af4e721488b9"), tr("What decides how many steps an epoch has?")),
    (
        closed_answer("113-reason", "506cece5ca2ac04a8b78692e3b658a7f"),
        tr("An accuracy is a mean over all validation images: try what shuffling them does to it."),
    ),
    (
        closed_answer("113-reason", "9f83463f5e4c5b89df246cb27213a62c"),
        tr("Ask a trained network twice in `eval()` mode: does it ever change its mind?"),
    ),
]


AS_NUMBERS = tr("Write them as a list of numbers, without quotation marks: `[7, 8]`.")


@check(points=2, hint=tr("One reason more: what if the seed is fixed, and the device is another?"))
def reasons_are_right(run: Run) -> None:
    """`reasons` are the statements that explain why the accuracies differ."""
    value = run.value("reasons")
    message = tr("`reasons` is {found}, not a list of numbers.", found=told(value))
    texts = isinstance(value, str) or (isinstance(value, list | tuple) and any(isinstance(one, str) for one in value))
    expect(isinstance(value, list | tuple | np.ndarray) and not texts, message, AS_NUMBERS if texts else "")
    numbers = np.unique(numeric(value, "`reasons`"))
    expect(np.isfinite(numbers).all(), tr("{what} holds NaN or infinite numbers.", what="`reasons`"))
    message = tr("`reasons` holds {n} numbers.", n=numbers.size)
    expect(0 < numbers.size <= 6, message, tr("Write the numbers of the statements."))
    hints = [hint for statement, hint in NO_REASONS if any(statement.matches(number) for number in numbers)]
    expect_closed(numbers, REASONS, "`reasons`", hint=hints[0] if hints else "")
