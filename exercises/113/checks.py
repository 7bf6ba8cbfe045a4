"""Exercise 113: time measured on a device that works behind one's back, and trainings that can be repeated.

Nothing here depends on how fast the machine is, or how busy. Time that the notebook claims is compared with the
grader's own clock, which runs around the question and can only show more; and a pretend GPU, which needs its time
without computing anything, shows whether `timed` waits for it.
"""

from __future__ import annotations

import numpy as np

from grader.checks import (
    Run,
    check,
    expect,
    expect_answer,
    expect_close,
    expect_finite,
    expect_number,
    expect_shape,
    tr,
)

from .again import as_in_the_notebook, expect_of_trainings, expect_plausible, is_of_seed
from .reasons import statements
from .table import devices_without, rows
from .trainings import SAMPLES, expect_measured_by_timed, trainings
from .trial import trial, tried


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
            break
    shown = {"what": trial(busy, seconds), "measured": shortest, "seconds": seconds}
    expect(
        shortest < seconds + busy / 2,
        tr("{what} measures {measured:.2f} s for work that takes {seconds:.2f} s: the earlier work is in it.", **shown),
        tr("Wait for the device before you start the clock."),
    )
    return tr("{measured:.3f} s for work of {seconds:.3f} s", **shown)


@check(points=2, hint=tr("A new model, an optimiser for its parameters, and `epochs` times `train_one_epoch`."))
def train_trains(run: Run) -> str:
    """`train` trains a new network on the set it is given, and tells its losses and its accuracy on the other set."""
    first, mixed_up, _ = run.once(trainings)
    falls = first.losses[-1] < 0.8 * first.losses[0]
    expect(falls, tr("The losses of `train` are {losses:.3f}: they hardly fall.", losses=first.losses.tolist()))
    shown = {"share": first.accuracy, "epochs": len(first.losses), "digits": SAMPLES}
    low = tr("`train` gives an accuracy of {share:.1%} for digits that are easily told apart.", **shown)
    expect(first.accuracy > 0.5, low)
    expect(
        mixed_up.accuracy < 0.4,
        tr(
            "`train` gives an accuracy of {share:.1%} on a validation set whose labels are all wrong.",
            share=mixed_up.accuracy,
        ),
        tr("Compute it from `val_set`, the argument."),
    )
    return tr("accuracy {share:.1%} after {epochs} epochs on {digits} digits", **shown)


@check(
    points=3,
    needs=train_trains,
    hint=tr("Set the seed inside `train`, before the model is made and the images shuffled."),
)
def equal_seeds_repeat(run: Run) -> None:
    """`train` gives the same losses and the same accuracy for the same seed, whatever was computed in between."""
    first, _, again = run.once(trainings)
    worst = int(np.abs(again.losses - first.losses).argmax())
    losses = {"epoch": worst + 1, "once": first.losses[worst], "twice": again.losses[worst]}
    other = tr("The loss of epoch {epoch} is {once:.6f}, and with the same seed again {twice:.6f}.", **losses)
    expect(np.allclose(again.losses, first.losses, rtol=1e-4, atol=1e-7), other)
    accuracies = {"once": first.accuracy, "twice": again.accuracy}
    other = tr("The accuracy is {once:.1%}, and {twice:.1%} with the same seed.", **accuracies)
    expect(abs(first.accuracy - again.accuracy) <= 0.02, other)


@check(points=1, needs=train_trains, hint=tr("Is the seed that is set the argument `seed`?"))
def other_seeds_differ(run: Run) -> None:
    """`train` gives other losses for another seed."""
    first, other, _ = run.once(trainings)
    same = np.allclose(first.losses[: len(other.losses)], other.losses, rtol=1e-4, atol=0)
    loss = first.losses[0]
    message = tr("`train` gives the same losses for two different seeds: {loss:.6f} in the first epoch.", loss=loss)
    expect(not same, message)


@check(points=2, needs=train_trains, hint=tr("Measure each epoch by itself with `timed`; seconds, not milliseconds."))
def train_measures_its_epochs(run: Run) -> str:
    """`train` tells the seconds of every epoch: together no more than the call takes, and a good part of it."""
    found = run.once(trainings)
    for one in found:
        shown = {"seconds": one.seconds.tolist(), "waited": one.waited}
        nothing = tr("`train` measures {seconds:.4g} seconds for its epochs: none takes no time.", **shown)
        expect((one.seconds > 0).all(), nothing)
        more = tr(
            "`train` measures {seconds:.4g} seconds for its epochs, but the whole call takes {waited:.3g} s.",
            **shown,
        )
        expect(one.seconds.sum() <= 1.02 * one.waited, more)
    expect_measured_by_timed(run)
    best = max(found, key=lambda one: one.seconds.sum() / one.waited)
    expect(
        best.seconds.sum() >= 0.05 * best.waited,
        tr(
            "`train` measures {seconds:.4g} s for all epochs together, but the call takes {waited:.3g} s.",
            seconds=best.seconds.sum(),
            waited=best.waited,
        ),
    )
    return tr("{seconds:.3f} s an epoch, for {digits} digits", seconds=best.seconds.mean(), digits=SAMPLES)


@check(
    points=2,
    needs=train_measures_its_epochs,
    hint=tr("Take the seconds and the accuracy from what `train` returns."),
)
def table_is_filled(run: Run) -> str:
    """`table` has a row for each device of the machine: seconds of an epoch and of the training, and the accuracy."""
    found = rows(run)
    missing = devices_without(run, found)
    expect(not missing, tr("`table` has no row for {devices}.", devices=missing), tr("A row for each of `devices`."))
    epochs = run.value("EPOCHS") if run.has("EPOCHS") else None
    for kind, row in found.items():
        epoch, training = row["epoch"], row["training"]  # the training may have had to wake the device up
        expect(epoch > 0, tr("An epoch on {kind} takes {seconds:.4g} s in `table`.", kind=kind, seconds=epoch))
        expect(
            not isinstance(epochs, int) or 0.98 * epochs * epoch <= training <= 100 * epochs * epoch,
            tr(
                "In `table`, {kind} needs {epoch:.4g} s for an epoch and {training:.4g} s for {epochs} of them.",
                kind=kind,
                epoch=epoch,
                training=training,
                epochs=epochs,
            ),
            tr('"epoch" is the mean over the epochs, "training" their sum.'),
        )
        low = tr("In `table`, the accuracy on {kind} is {share:.1%}.", kind=kind, share=row["accuracy"])
        expect(row["accuracy"] > 0.3, low)
        expect_of_trainings(run, [row["accuracy"]], low)
    if "cpu" in found:
        expect_plausible(run, found["cpu"]["epoch"])
    return ", ".join(
        tr("{kind} {seconds:.3g} s an epoch", kind=kind, seconds=row["epoch"]) for kind, row in found.items()
    )


@check(
    points=1,
    needs=train_trains,
    hint=tr("`train(…)` returns three things: keep the last one, for each of the five seeds."),
)
def accuracies_are_of_five_seeds(run: Run) -> str:
    """`accuracies` holds the accuracies of five trainings, which differ a little."""
    one_each = tr("One number for each of the seeds 0 to 4.")
    found = expect_shape(run.array("accuracies").squeeze(), (5,), "`accuracies`", one_each)
    expect_finite(found, "`accuracies`")
    found = found / 100 if found.max() > 1 else found
    lowest, highest = found.min(), found.max()
    ends = {"lowest": lowest, "highest": highest}
    expect(lowest > 0.3 and highest <= 1, tr("`accuracies` go from {lowest:.4g} to {highest:.4g}.", **ends))
    same = tr("`accuracies` are all the same: {lowest:.2%}.", **ends)
    expect(lowest < highest, same, tr("Five seeds make five networks."))
    apart = tr("`accuracies` go from {lowest:.1%} to {highest:.1%}.", **ends)
    expect(highest - lowest < 0.2, apart, tr("Train each to the end."))
    expect_of_trainings(run, found.tolist(), apart, by_seed=True)
    for seed in run.once(as_in_the_notebook)[0]:
        expect(
            is_of_seed(run, seed, found[seed]),
            tr(
                "`accuracies` has {claimed:.2%} for the seed {seed}; asked now, `train` gives another accuracy for it.",
                claimed=found[seed],
                seed=seed,
            ),
            tr("The seeds are 0, 1, 2, 3 and 4, in this order, with the sets from above and `EPOCHS` epochs."),
        )
    return tr("{lowest:.2%} to {highest:.2%}", **ends)


@check(points=2, hint=tr("The square root of p (1 − p) / n."))
def standard_error_is_right(run: Run) -> None:
    """`standard_error` gives the standard error of an accuracy."""
    cases = [(float(run.rng.uniform(0.02, 0.98)), int(run.rng.integers(20, 50_000))) for _ in range(5)]
    few = (float(run.rng.uniform(0.2, 0.8)), int(run.rng.integers(4, 12)))  # here n - 1 is something else
    for accuracy, n in [*cases, few, (0.5, 1), (1.0, 200), (0.0, 200)]:
        what = f"`standard_error({accuracy:.4g}, {n})`"
        found = expect_number(run.call("standard_error", accuracy, n), what)
        expect_close(found, np.sqrt(accuracy * (1 - accuracy) / n), what, rtol=1e-3, atol=1e-9)


@check(points=2, hint=tr("One reason more: what if the seed is fixed, and the device is another?"))
def reasons_are_right(run: Run) -> None:
    """`reasons` are the statements that explain why the accuracies differ."""
    numbers = statements(run)
    wrong = filter(None, map(run.answer("reason").hint, numbers))  # what explains nothing, and why not
    expect_answer(run, "reasons", next(wrong, ""), value=numbers)
