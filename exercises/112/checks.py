"""Exercise 112: a training logged for TensorBoard, read back, and the epoch where it begins to over-fit.

Two kinds of checks: while the kernel lives, its functions and its model are asked; after it has ended, the event
files that it left are read. What the notebook claims is compared with what the files say, and that with what its
model does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    check,
    curves,
    expect,
    expect_close,
    expect_count,
    expect_shape,
    fail,
    ngettext,
    numeric,
    show,
    told,
    tr,
)
from grader.datasets import Digits, dataset
from grader.errors import SubmissionFault
from grader.language import decimal
from grader.text import listed, plain
from grader.tfevents import Scalar, scalars

if TYPE_CHECKING:
    from grader.run import Run

FOLDER = "runs/overfit"
TAGS = ("loss/train", "loss/val", "accuracy/train", "accuracy/val")
TRAINING, VALIDATION = 200, 1000  # digits that the notebook takes of either set, where there are as many
FEWEST_EPOCHS = 10
MOST_FILES, MOST_BYTES = 50, 20_000_000
BEGIN = tr('Begin with `SummaryWriter("runs/overfit")`.')
EACH = tr("`writer.add_scalar(tag, number, epoch)` after every epoch, for each of the two.")

# ---------------------------------------------------------------------- the functions, on curves picked here


def lowest(losses: list[float]) -> int:
    return losses.index(min(losses)) + 1


def patient(losses: list[float], patience: int) -> int:
    """The epoch after which patience has run out, or the last."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best == patience:
            return epoch + 1
    return len(losses)


def curve(rng: np.random.Generator, epochs: int) -> list[float]:
    """A validation loss that falls, turns and rises, with ups and downs, in steps of 0.01: some values come twice."""
    turn = rng.integers(1, epochs + 1)
    ideal = 1 + 2 * np.abs(np.arange(epochs) - turn) / epochs
    return [round(float(loss), 2) for loss in ideal + rng.normal(scale=0.15, size=epochs)]


def fine(rng: np.random.Generator) -> list[float]:
    """Losses that differ in the fifth decimal only."""
    start = rng.uniform(0.2, 0.8)
    return [round(float(start + 1e-5 * step), 5) for step in rng.permutation(9)]


@check(points=2, hint=tr("The lowest of all, wherever it stands; the first epoch has the number 1."))
def best_epoch_is_right(run: Run) -> None:
    """`best_epoch` gives the epoch with the lowest validation loss."""
    rng = run.rng
    picked = [curve(rng, int(epochs)) for epochs in rng.integers(4, 13, size=12)]
    falling = sorted((round(float(loss), 3) for loss in rng.uniform(size=6)), reverse=True)
    twice = [0.9, 0.5, 0.3, 0.6, 0.3, 0.3, 0.8]
    for losses in [*picked, falling, falling[::-1], twice, [0.7], [2.5, 2.5], fine(rng)]:
        what = f"`best_epoch({shown(losses)})`"
        right, last_lowest = lowest(losses), len(losses) - losses[::-1].index(min(losses))
        found = run.call("best_epoch", losses)
        usual = {
            right - 1: tr("Epochs are counted from 1, the items of a list from 0."),
            turning(losses): tr("The loss may fall further after its first rise."),
            last_lowest: tr("Of several epochs with the lowest loss it is the first."),
        }
        expect_count(found, right, what, hint=hint_for(found, usual))


@check(points=3, hint=tr("Count the epochs since the last new lowest loss; where there is one, begin again from 0."))
def stop_epoch_is_right(run: Run) -> None:
    """`stop_epoch` gives the epoch after which patience has run out, or the last one."""
    rng = run.rng
    picked = [(curve(rng, int(epochs)), int(rng.integers(1, 6))) for epochs in rng.integers(4, 16, size=20)]
    level = float(np.round(rng.uniform(0.2, 0.8), 2))
    picked += [
        ([level] * 6, 3),  # what equals the lowest is no new lowest
        ([level + 0.1, level, level + 0.2, level + 0.1, level + 0.05, level - 0.1], 3),  # falling, but not below
        ([0.9, 0.8, 0.9, 0.7, 0.8, 0.6, 0.7, 0.5], 2),  # never two in a row
        ([0.5, 0.4, 0.6], 1),
        ([0.5, 0.6, 0.7], 2),
        ([level], 1),
        (sorted(fine(rng), reverse=True), 3),  # what is lower, be it by little, is a new lowest
    ]
    for losses, patience in picked:
        what = f"`stop_epoch({shown(losses)}, {patience})`"
        right = patient(losses, patience)
        best = lowest(losses[:right])
        found = run.call("stop_epoch", losses, patience)
        usual = {
            right - 1: tr("Epochs are counted from 1; the training stops after that one."),
            right + 1: tr("It stops as soon as so many epochs in a row have brought nothing new."),
            best: tr("That is the best epoch so far: asked is the one after which the training stops."),
        }
        expect_count(found, right, what, hint=hint_for(found, usual))


def turning(losses: list[float]) -> int:
    """The first epoch after which the loss does not fall."""
    return next((n for n in range(1, len(losses)) if losses[n] >= losses[n - 1]), len(losses))


def hint_for(found: Any, usual: dict[int, str]) -> str:
    return next((hint for number, hint in usual.items() if isinstance(found, int | float) and found == number), "")


def shown(losses: list[float]) -> str:
    text = ", ".join(f"{loss:g}" for loss in losses)
    return f"[{text}]"


# ---------------------------------------------------------------------- the model, and what the notebook read back


@dataclass(frozen=True)
class Measured:
    """What the model does: accuracy on its training digits, loss and accuracy on the validation digits."""

    train_accuracy: float
    loss: float
    accuracy: float


def measured(run: Run) -> Measured:
    """The model, asked with the digits that the notebook has, prepared as the model wants them."""
    train = some(dataset("mnist").training(run.data), TRAINING)
    validation = some(run.visible("mnist"), VALIDATION)
    found: list[Measured] = []
    faults: list[SubmissionFault] = []
    for prepared in (lambda d: d.images, lambda d: d.scaled, lambda d: 2 * d.scaled - 1):
        try:
            known = expect_shape(run.predict("model", prepared(train)), (len(train), 10), "`model(x)`")
            outputs = expect_shape(run.predict("model", prepared(validation)), (len(validation), 10), "`model(x)`")
        except SubmissionFault as fault:
            faults.append(fault)
            continue
        finite = np.isfinite(known).all() and np.isfinite(outputs).all()
        expect(finite, tr("`model(x)` holds NaN or infinite numbers."))
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        right = shifted[np.arange(len(outputs)), validation.labels]
        found.append(
            Measured(
                float((known.argmax(axis=1) == train.labels).mean()),
                float((np.log(np.exp(shifted).sum(axis=1)) - right).mean()),
                float((outputs.argmax(axis=1) == validation.labels).mean()),
            )
        )
    if not found:
        raise faults[0]
    return max(found, key=lambda one: one.train_accuracy)


def percent(share: float) -> str:
    """A share in percent, with one decimal."""
    return decimal(f"{100 * share:.1f}")


def some(digits: Digits, most: int) -> Digits:
    return Digits(digits.pixels[:most], digits.labels[:most])


@check(points=1, hint=tr("Train it on `train_images` and `train_labels` until it makes hardly a mistake there."))
def model_knows_its_digits(run: Run) -> str:
    """`model` recognises the 200 training digits, at least 95 % of them."""
    accuracy = run.once(measured).train_accuracy
    reached = percent(accuracy)
    expect(
        accuracy >= 0.95,
        tr("`model` recognises {accuracy}% of the first {n} training digits.", accuracy=reached, n=TRAINING),
    )
    return tr("{accuracy}%", accuracy=reached)


def claimed(run: Run) -> dict[str, np.ndarray]:
    """What `curves` holds under the four tags, as arrays."""
    found = run.value("curves")
    expect(isinstance(found, dict), tr("`curves` is {found}, not a dictionary.", found=told(found)))
    by_tag = {key.lower(): numbers for key, numbers in found.items() if isinstance(key, str)}
    arrays = {tag: numeric(by_tag[tag], f'`curves["{tag}"]`') for tag in TAGS if tag in by_tag}
    for tag, array in arrays.items():
        if array.ndim == 2 and array.shape[1] == 1:  # each number may be a tensor of shape (1,)
            arrays[tag] = array[:, 0]
        expect_shape(arrays[tag], (None,), f'`curves["{tag}"]`', tr("A tag has a list of numbers, the values only."))
    return arrays


@check(points=1, hint=tr("Call `read_curves` with the folder of your run, after its writer has been closed."))
def curves_has_lists_of_numbers(run: Run) -> None:
    """`curves` is a dictionary with a list of numbers for each tag."""
    arrays = run.once(claimed)
    keys = tr("Its keys are the tags {tags}.", tags=listed(TAGS))
    expect("loss/val" in arrays, tr("`curves` has no list for loss/val."), keys)
    empty = listed([tag for tag, array in arrays.items() if not len(array)])
    expect(
        not empty,
        tr("`curves` has an empty list for {tags}.", tags=empty),
        tr("Nothing was read: is the writer closed?"),
    )


@check(
    points=1,
    needs=[curves_has_lists_of_numbers],
    hint=tr("It is the epoch with the lowest validation loss of your run."),
)
def overfit_epoch_is_right(run: Run) -> str:
    """`overfit_epoch` is the best epoch of your own training."""
    losses = run.once(claimed)["loss/val"]
    expect(np.isfinite(losses).all(), tr('A number of `curves["loss/val"]` is NaN or infinite.'))
    found = expect_count(run.value("overfit_epoch"), int(losses.argmin()) + 1, "`overfit_epoch`")
    return tr("epoch {found} of {n}", found=found, n=len(losses))


# ---------------------------------------------------------------------- the event files


def event_files(run: Run) -> tuple[str, list[str]]:
    """The folder of the run, and its event files: `runs/overfit`; if there are none in it, the only other run."""
    names: dict[str, list[str]] = {}
    for name in run.files("*tfevents*"):
        names.setdefault(str(PurePosixPath(name).parent), []).append(name)
    names.pop("runs/example", None)
    folders = [FOLDER] if FOLDER in names else sorted(names)
    if len(folders) != 1:
        fail(tr("The notebook wrote no event file for its training."), BEGIN)
    return folders[0], names[folders[0]]


def logged(run: Run) -> dict[str, list[Scalar]]:
    """What stands in the event files of the run: for each tag its scalars, in the order in which they were written."""
    folder, names = run.once(event_files)
    found: dict[str, list[Scalar]] = {}
    room = MOST_BYTES
    for number, name in enumerate(names, 1):
        raw = run.file(name)
        room -= len(raw)
        expect(
            room >= 0 and number <= MOST_FILES,
            tr("The event files in {folder} are too many or too large.", folder=plain(folder, 60)),
        )
        for one in scalars(raw, name):
            found.setdefault(one.tag.lower(), []).append(one)
    return {tag: sorted(ones, key=lambda one: one.time) for tag, ones in found.items()}


def expect_tags(run: Run, *tags: str) -> None:
    found = run.once(logged)
    missing = listed([tag for tag in tags if tag not in found])
    others = listed([plain(tag, 40) for tag in found if tag not in TAGS][:6])
    folder, _ = run.once(event_files)
    hint = ""
    if run.files(f"{folder}/*/*tfevents*"):
        hint = tr("`add_scalars` makes a run of its own for each curve: use `add_scalar`, with one tag each.")
    if missing and others:
        fail(tr("The log lacks {missing}; it has {others}.", missing=missing, others=others), hint)
    expect(not missing, tr("The log lacks {missing}.", missing=missing), hint)


def show_logged(run: Run, kind: str, title: str) -> None:
    """Show the two curves of a kind, as far as they are in the log."""
    found = run.once(logged)
    names = {f"{kind}/train": tr("training"), f"{kind}/val": tr("validation")}
    values = {name: [one.value for one in found[tag]] for tag, name in names.items() if tag in found}
    if values:
        show(curves(values, title, x=tr("epoch")))


@check(points=1, when="ended", hint=BEGIN)
def log_is_in_its_folder(run: Run) -> None:
    """There is an event file in the folder `runs/overfit`."""
    folder, _ = run.once(event_files)
    expect(
        folder == FOLDER,
        tr("The event file is in {found}, not in {folder}.", found=plain(folder, 60), folder=FOLDER),
    )


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
    for tag, numbers in steps.items():
        back = next(((a, b) for a, b in pairwise(numbers) if b <= a), None)
        if back is not None:
            fail(
                tr("The steps of {tag} do not rise: {a} is followed by {b}.", tag=tag, a=back[0], b=back[1]),
                tr("Each epoch has a step of its own; and a run begins in an empty folder, or two get mixed up."),
            )
        first = ", ".join(str(step) for step in numbers[:5])
        expect(
            numbers in (list(range(1, len(numbers) + 1)), list(range(len(numbers)))),
            tr("The steps of {tag} are {first}, …: not 1, 2, 3, …", tag=tag, first=first),
        )
    lengths = ", ".join(f"{tag} {len(numbers)}" for tag, numbers in steps.items())
    expect(
        len({len(numbers) for numbers in steps.values()}) == 1,
        tr("The curves differ in length: {lengths}.", lengths=lengths),
    )
    epochs = len(steps["loss/val"])
    expect(
        epochs >= FEWEST_EPOCHS,
        ngettext("Only {n} epoch stand in the log.", "Only {n} epochs stand in the log.", epochs),
        tr("Train for longer."),
    )
    return ngettext("{n} epoch", "{n} epochs", epochs)


def logged_curves(run: Run) -> dict[str, np.ndarray]:
    """The curves that there are; accuracies from 0 to 1, whether they were logged so or in percent."""
    found = run.once(logged)
    by_tag = {tag: np.array([one.value for one in found[tag]]) for tag in TAGS if tag in found}
    for tag, numbers in by_tag.items():
        low, high = f"{numbers.min():.4g}", f"{numbers.max():.4g}"
        expect(np.isfinite(numbers).all(), tr("{tag} holds NaN or infinite numbers.", tag=tag))
        expect(numbers.min() >= 0, tr("{tag} goes down to {low}, below zero.", tag=tag, low=low))
        if tag.startswith("accuracy"):
            share = tr("An accuracy is a share: 0 to 1.")
            expect(numbers.max() <= 100, tr("{tag} goes up to {high}.", tag=tag, high=high), share)
            by_tag[tag] = numbers / 100 if numbers.max() > 1 else numbers
    return by_tag


@check(
    points=2,
    needs=[model_knows_its_digits, log_has_both_losses],
    when="ended",
    hint=tr("Log what `evaluate` gives for this model, after each epoch: is every number under its own tag?"),
)
def log_tells_of_the_model(run: Run) -> str:
    """The curves in the log end where `model` is, at its loss and its accuracy, and lead there as a training does."""
    by_tag, model = run.once(logged_curves), run.once(measured)
    ends = {-1, int(by_tag["loss/val"].argmin())}  # the best weights may have been kept
    if "accuracy/val" in by_tag:
        ends.add(int(by_tag["accuracy/val"].argmax()))

    def expect_end(tag: str, does: float, within: float) -> None:
        ones = by_tag.get(tag)
        if ones is None:
            return
        # A curve may be shorter than the one whose best epoch this is.
        there = [float(ones[end]) for end in ends if end < len(ones)]
        if all(abs(one - does) > within for one in there):
            fail(told_end(tag, f"{ones[-1]:.4g}", f"{does:.4g}"))

    expect_end("loss/val", model.loss, 0.02 + 0.25 * model.loss)
    expect_end("accuracy/val", model.accuracy, 0.06)
    expect_end("accuracy/train", model.train_accuracy, 0.1)
    expect_a_course(by_tag, {"train": TRAINING, "val": min(VALIDATION, len(run.visible("mnist")))})
    return tr(
        "loss {loss} and accuracy {accuracy}% on the validation digits",
        loss=decimal(f"{model.loss:.3f}"),
        accuracy=percent(model.accuracy),
    )


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
            steps = np.diff(losses)
            bends = np.abs(np.diff(steps))
            straight = (bends <= 1e-3 * np.abs(steps[1:]) + 1e-7) & (np.abs(steps[1:]) > 1e-5)
            expect(
                bool(straight.sum() <= 0.5 * len(straight)),
                tr("loss/{part} changes by the same amount from epoch to epoch: no training does.", part=part),
                COURSE,
            )
        if accuracies is None:
            continue
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
            bool(accuracies.max() - accuracies.min() >= 0.02),
            tr("accuracy/{part} is {accuracy} from the first epoch on.", part=part, accuracy=f"{accuracies[0]:.4g}"),
            COURSE,
        )
        if losses is None or len(losses) != len(accuracies):
            continue
        least = np.log(2) * (1 - accuracies)
        most = np.log(10) * accuracies + 50 * (1 - accuracies)
        off = np.flatnonzero((losses < 0.8 * least - 0.02) | (losses > 1.2 * most + 0.1))
        if len(off) > 1:  # one epoch may have gone astray
            epoch = int(off[0])
            fail(
                tr(
                    "In epoch {epoch}, loss/{part} is {loss} and accuracy/{part} {accuracy}: no network has both.",
                    epoch=epoch + 1,
                    part=part,
                    loss=f"{losses[epoch]:.4g}",
                    accuracy=f"{accuracies[epoch]:.4g}",
                ),
                COURSE,
            )


COURSE = tr("Log what `evaluate` gives after each epoch, as the training goes on.")


def told_end(tag: str, end: str, does: str) -> str:
    """That a curve ends elsewhere than where the model is."""
    return {
        "loss/val": tr(
            "loss/val ends at {end}; the loss of `model` on the validation digits is {does}.", end=end, does=does
        ),
        "accuracy/val": tr(
            "accuracy/val ends at {end}; the accuracy of `model` on the validation digits is {does}.",
            end=end,
            does=does,
        ),
        "accuracy/train": tr(
            "accuracy/train ends at {end}; the accuracy of `model` on the training digits is {does}.",
            end=end,
            does=does,
        ),
    }[tag]


@check(points=2, needs=[log_has_both_losses], when="ended", hint=tr("Train for more epochs, on 200 digits only."))
def over_fitting_shows(run: Run) -> str:
    """The log shows over-fitting: the validation loss rises in the end, and the training loss goes on falling."""
    show_logged(run, "loss", tr("Loss"))
    by_tag = run.once(logged_curves)
    train, val = by_tag["loss/train"], by_tag["loss/val"]
    expect(
        len(train) == len(val) >= FEWEST_EPOCHS,
        tr(
            "There are {train} numbers for loss/train in the log, and {val} for loss/val.",
            train=len(train),
            val=len(val),
        ),
    )
    best = int(val.argmin())
    expect(
        val[-1] >= 1.01 * val[best],
        tr(
            "The validation loss ends at {end}, its lowest value is {low} in epoch {best} of {n}: it has not begun to "
            "rise.",
            end=f"{val[-1]:.4f}",
            low=f"{val[best]:.4f}",
            best=best + 1,
            n=len(val),
        ),
    )
    expect(
        train[-1] < train[best] and train[-1] < val[-1],
        tr(
            "The training loss is {low} in epoch {best} and ends at {end}, the validation loss at {val}.",
            low=f"{train[best]:.4f}",
            best=best + 1,
            end=f"{train[-1]:.4f}",
            val=f"{val[-1]:.4f}",
        ),
        tr("The training loss is that of the 200 digits the network learns from. Does each number have its own tag?"),
    )
    return tr(
        "lowest {low} in epoch {best}, {end} at the end",
        low=decimal(f"{val[best]:.3f}"),
        best=best + 1,
        end=decimal(f"{val[-1]:.3f}"),
    )


@check(points=2, needs=[curves_has_lists_of_numbers, log_has_both_losses], when="ended")
def curves_are_those_of_the_log(run: Run) -> None:
    """`curves` holds the very numbers that stand in the event file."""
    arrays = run.once(claimed)
    found = {tag: ones for tag, ones in run.once(logged).items() if tag in TAGS}
    missing = listed([tag for tag in found if tag not in arrays])
    expect(
        not missing,
        tr("`curves` lacks {missing}.", missing=missing),
        tr("Read every tag that the event file has."),
    )
    for tag, ones in found.items():
        right, numbers = [one.value for one in ones], arrays[tag]
        expect(
            len(numbers) == len(right),
            ngettext(
                '`curves["{tag}"]` holds {n} number, the log {right}.',
                '`curves["{tag}"]` holds {n} numbers, the log {right}.',
                len(numbers),
                tag=tag,
                right=len(right),
            ),
            tr("Read the folder after the writer has been closed, and empty it before you train again."),
        )
        if np.isfinite(right).all():
            what = f'`curves["{tag}"]`'
            hint = tr("Give the values as they stand in the file.")
            expect_close(numbers, right, what, rtol=1e-5, atol=1e-7, hint=hint)
