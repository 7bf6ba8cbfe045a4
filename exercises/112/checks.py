"""Exercise 112: a training logged for TensorBoard, read back, and the epoch where it begins to over-fit.

Two kinds of checks: while the kernel lives, its functions and its model are asked; after it has ended, the event
files that it left are read. What the notebook claims is compared with what the files say, and that with what its
model does.
"""

from __future__ import annotations

import numpy as np

from grader.checks import (
    Run,
    check,
    expect,
    expect_call,
    expect_close,
    expect_count,
    expect_finite,
    expect_keys,
    expect_list,
    listed,
    ngettext,
    percent,
    plain,
    tr,
)

from .course import TRAINING, VALIDATION, expect_a_course, expect_ends, measured
from .log import BEGIN, FOLDER, TAGS, event_files, expect_epochs, expect_tags, logged, logged_curves, show_logged
from .losses import for_best_epoch, for_stop_epoch, last_lowest, lowest, patient, turning

FEWEST_EPOCHS = 10
EACH = tr("`writer.add_scalar(tag, number, epoch)` after every epoch, for each of the two.")

# ---------------------------------------------------------------------- the functions, on curves picked here


@check(points=2, hint=tr("The lowest of all, wherever it stands; the first epoch has the number 1."))
def best_epoch_is_right(run: Run) -> None:
    """`best_epoch` gives the epoch with the lowest validation loss."""
    for losses in for_best_epoch(run.rng):
        usual = {
            tr("Of several epochs with the lowest loss it is the first."): last_lowest(losses),
            tr("The loss may fall further after its first rise."): turning(losses),
            tr("Epochs are counted from 1, the items of a list from 0."): lowest(losses) - 1,
        }
        expect_call(run, "best_epoch", [losses], lowest(losses), usual=usual)


@check(points=3, hint=tr("Count the epochs since the last new lowest loss; where there is one, begin again from 0."))
def stop_epoch_is_right(run: Run) -> None:
    """`stop_epoch` gives the epoch after which patience has run out, or the last one."""
    for losses, patience in for_stop_epoch(run.rng):
        right = patient(losses, patience)
        best = lowest(losses[:right])
        usual = {
            tr("That is the best epoch so far: asked is the one after which the training stops."): best,
            tr("It stops as soon as so many epochs in a row have brought nothing new."): right + 1,
            tr("Epochs are counted from 1; the training stops after that one."): right - 1,
        }
        expect_call(run, "stop_epoch", [losses, patience], right, usual=usual)


# ---------------------------------------------------------------------- the model, and what the notebook read back


@check(points=1, hint=tr("Train it on `train_images` and `train_labels` until it makes hardly a mistake there."))
def model_knows_its_digits(run: Run) -> str:
    """`model` recognises the 200 training digits, at least 95 % of them."""
    accuracy = run.once(measured).train_accuracy
    expect(
        accuracy >= 0.95,
        tr("`model` recognises {accuracy:.1%} of the first {n} training digits.", accuracy=accuracy, n=TRAINING),
    )
    return percent(accuracy)


def claimed(run: Run) -> dict[str, np.ndarray]:
    """What `curves` holds under the four tags, as arrays."""
    found = expect_keys(run.value("curves"), (), "curves")
    by_tag = {key.lower(): numbers for key, numbers in found.items() if type(key) is str}
    values_only = tr("A tag has a list of numbers, the values only.")
    return {tag: expect_list(by_tag[tag], f'`curves["{tag}"]`', values_only) for tag in TAGS if tag in by_tag}


@check(points=1, hint=tr("Call `read_curves` with the folder of your run, after its writer has been closed."))
def curves_has_lists_of_numbers(run: Run) -> None:
    """`curves` is a dictionary with a list of numbers for each tag."""
    found = run.once(claimed)
    keys = tr("Its keys are the tags {tags}.", tags=listed(TAGS))
    expect("loss/val" in found, tr("`curves` has no list for loss/val."), keys)
    empty = listed([tag for tag, numbers in found.items() if not len(numbers)])
    nothing = tr("Nothing was read: is the writer closed?")
    expect(not empty, tr("`curves` has an empty list for {tags}.", tags=empty), nothing)


@check(
    points=1,
    needs=[curves_has_lists_of_numbers],
    hint=tr("It is the epoch with the lowest validation loss of your run."),
)
def overfit_epoch_is_right(run: Run) -> str:
    """`overfit_epoch` is the best epoch of your own training."""
    losses = run.once(claimed)["loss/val"]
    expect_finite(losses, '`curves["loss/val"]`')
    found = expect_count(run.value("overfit_epoch"), int(losses.argmin()) + 1, "`overfit_epoch`")
    return tr("epoch {found} of {n}", found=found, n=len(losses))


# ---------------------------------------------------------------------- the event files


@check(points=1, when="ended", hint=BEGIN)
def log_is_in_its_folder(run: Run) -> None:
    """There is an event file in the folder `runs/overfit`."""
    folder, _ = run.once(event_files)
    elsewhere = tr("The event file is in {found}, not in {folder}.", found=plain(folder, 60), folder=FOLDER)
    expect(folder == FOLDER, elsewhere)


@check(points=2, when="ended", hint=EACH)
def log_has_both_losses(run: Run) -> None:
    """The log has the tags loss/train and loss/val."""
    expect_tags(run, "loss/train", "loss/val")


@check(points=1, when="ended", hint=EACH)
def log_has_both_accuracies(run: Run) -> None:
    """The log has the tags accuracy/train and accuracy/val."""
    show_logged(run, "accuracy", tr("Accuracy"))
    expect_tags(run, "accuracy/train", "accuracy/val")


@check(points=2, needs=[log_has_both_losses], when="ended", hint=tr("The step is the number of the epoch: 1, 2, 3, …"))
def steps_are_the_epochs(run: Run) -> str:
    """Each tag has one number for every epoch, and the epoch is its step."""
    steps = {tag: [one.step for one in found] for tag, found in run.once(logged).items() if tag in TAGS}
    expect_epochs(steps)
    epochs = len(steps["loss/val"])
    few = ngettext("Only {n} epoch stand in the log.", "Only {n} epochs stand in the log.", epochs)
    expect(epochs >= FEWEST_EPOCHS, few, tr("Train for longer."))
    return ngettext("{n} epoch", "{n} epochs", epochs)


@check(
    points=2,
    needs=[model_knows_its_digits, log_has_both_losses],
    when="ended",
    hint=tr("Log what `evaluate` gives for this model, after each epoch: is every number under its own tag?"),
)
def log_tells_of_the_model(run: Run) -> str:
    """The curves in the log end where `model` is, at its loss and its accuracy, and lead there as a training does."""
    by_tag, model = run.once(logged_curves), run.once(measured)
    expect_ends(by_tag, model)
    expect_a_course(by_tag, {"train": TRAINING, "val": min(VALIDATION, len(run.visible("mnist")))})
    return tr(
        "loss {loss:.3f} and accuracy {accuracy:.1%} on the validation digits",
        loss=model.loss,
        accuracy=model.accuracy,
    )


@check(points=2, needs=[log_has_both_losses], when="ended", hint=tr("Train for more epochs, on 200 digits only."))
def over_fitting_shows(run: Run) -> str:
    """The log shows over-fitting: the validation loss rises in the end, and the training loss goes on falling."""
    show_logged(run, "loss", tr("Loss"))
    by_tag = run.once(logged_curves)
    train, val = by_tag["loss/train"], by_tag["loss/val"]
    n = {"train": len(train), "val": len(val)}
    uneven = tr("There are {train} numbers for loss/train in the log, and {val} for loss/val.", **n)
    expect(len(train) == len(val) >= FEWEST_EPOCHS, uneven)
    best = int(val.argmin())
    there = {"low": val[best], "best": best + 1, "end": val[-1]}
    expect(
        val[-1] >= 1.01 * val[best],
        tr(
            "The validation loss ends at {end:.4f}, its lowest value is {low:.4f} in epoch {best} of {n}: it has not "
            "begun to rise.",
            **there,
            n=len(val),
        ),
    )
    expect(
        train[-1] < train[best] and train[-1] < val[-1],
        tr(
            "The training loss is {low:.4f} in epoch {best} and ends at {end:.4f}, the validation loss at {val:.4f}.",
            low=train[best],
            best=best + 1,
            end=train[-1],
            val=val[-1],
        ),
        tr("The training loss is that of the 200 digits the network learns from. Does each number have its own tag?"),
    )
    return tr("lowest {low:.3f} in epoch {best}, {end:.3f} at the end", **there)


@check(points=2, needs=[curves_has_lists_of_numbers, log_has_both_losses], when="ended")
def curves_are_those_of_the_log(run: Run) -> None:
    """`curves` holds the very numbers that stand in the event file."""
    read = run.once(claimed)
    found = {tag: [one.value for one in ones] for tag, ones in run.once(logged).items() if tag in TAGS}
    missing = listed([tag for tag in found if tag not in read])
    expect(not missing, tr("`curves` lacks {missing}.", missing=missing), tr("Read every tag that the event file has."))
    for tag, right in found.items():
        n = len(read[tag])
        expect(
            n == len(right),
            ngettext(
                '`curves["{tag}"]` holds {n} number, the log {right}.',
                '`curves["{tag}"]` holds {n} numbers, the log {right}.',
                n,
                tag=tag,
                right=len(right),
            ),
            tr("Read the folder after the writer has been closed, and empty it before you train again."),
        )
        if np.isfinite(right).all():
            hint = tr("Give the values as they stand in the file.")
            expect_close(read[tag], right, f'`curves["{tag}"]`', rtol=1e-5, atol=1e-7, hint=hint)
