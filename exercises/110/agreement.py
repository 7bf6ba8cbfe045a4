"""Whether `history` is that of this model: its ends are where the model is, on the images that it says."""

from __future__ import annotations

import math

import numpy as np

from grader.checks import Run, as_shares, expect, tr

from .history import History, ends
from .losses import Losses, sample_losses, summed_batches
from .network import accuracy, heldout_classes

DIVIDE = tr("A mean over images: the sum of `loss.item() * len(labels)` over all batches, divided by their number.")


def expect_learning(history: History, measured: float) -> None:
    """Fail unless the curves of a model that has learned show it."""
    loss, best = history["train_loss"], as_shares(history["train_acc"]).max()
    expect(
        len(loss) == 1 or loss[1:].min() < loss[0],
        tr("`train_loss` never falls below its first value, {first:.4g}, though the model has learned.", first=loss[0]),
        tr("Set the running sum of the losses back to zero at the start of every epoch."),
    )
    expect(
        best > 0.3,
        tr(
            "`train_acc` is {best:.1%} at best, though the model recognises {measured:.1%} of the test images.",
            best=best,
            measured=measured,
        ),
        tr("Divide the number of right answers by the number of images that were looked at."),
    )


def refuse_known_images(run: Run, measured: float) -> None:
    """Fail if the model knows the test images in ./data far better than others."""
    labels = run.heldout("mnist").labels
    unseen = float((run.once(heldout_classes) == labels).mean())
    few = min(len(run.visible("mnist")), len(labels))
    expect(
        measured - unseen <= 0.03 + 4 * math.sqrt(2 * max(unseen * (1 - unseen), 0.01) / few),
        tr(
            "The model recognises {measured:.1%} of the test images in ./data and {unseen:.1%} of others: it knows "
            "those images, so that they validate nothing.",
            measured=measured,
            unseen=unseen,
        ),
        tr("Keep the test images out of the training."),
    )


def validated_here(history: History, measured: float, n: int) -> bool:
    """Whether an end of `val_acc` is what the model does on the test images in ./data."""
    accuracies = as_shares(history["val_acc"])
    return any(abs(accuracies[end] - measured) <= 0.006 + 0.5 / n for end in ends(history))


def expect_validation(run: Run, history: History, outputs: np.ndarray, measured: float) -> None:
    """Fail unless `val_acc` and `val_loss` end where the model is, on images like the test images in ./data."""
    labels = run.visible("mnist").labels
    accuracies, losses = as_shares(history["val_acc"]), history["val_loss"]
    near = 0.02 + 4 * math.sqrt(2 * measured * (1 - measured) / len(labels))
    fitting = [end for end in ends(history) if abs(accuracies[end] - measured) <= near]
    expect(
        bool(fitting),
        tr(
            "`val_acc` ends at {claimed:.1%}; the model recognises {measured:.1%} of the test images in ./data.",
            claimed=accuracies[-1],
            measured=measured,
        ),
        tr("Compute it from this model, in `eval()` mode, after each epoch."),
    )
    kinds = sample_losses(outputs, labels)
    # Other images than these have another loss, few of them quite another one.
    apart = 2.5 if run.data == "full" else 5
    ok = any(
        one.mean() / apart <= losses[end] <= apart * one.mean() + 0.02 for end in fitting for one in kinds.values()
    )
    claimed, does = losses[fitting[0]], kinds["cross-entropy"].mean()
    expect(
        ok,
        tr(
            "`val_loss` ends at {claimed:.4g}; the model's loss on the test images in ./data is {does:.4g}.",
            claimed=claimed,
            does=does,
        ),
        DIVIDE,
    )
    those_of_data = [end for end in fitting if abs(accuracies[end] - measured) <= 1e-3]
    summed = [batch for end in those_of_data for batch in summed_batches(kinds, losses[end])]
    expect(
        not summed,
        tr(
            "`val_loss` ends at {end:.4g}: that is the sum over batches of {batch} images, not their mean.",
            end=claimed,
            batch=summed[0] if summed else "",
        ),
        DIVIDE,
    )


def expect_training(history: History, outputs: np.ndarray, labels: np.ndarray) -> None:
    """Fail unless `train_acc` and `train_loss` end where the model is, as far as a running mean can.

    While an epoch goes on the network still learns; dropout and images that are turned about make it harder, so
    that accuracy and loss may be worse than those of the finished network, together. They are hardly better.
    """
    kinds, seen = sample_losses(outputs, labels), accuracy(outputs, labels)
    accuracies, losses = as_shares(history["train_acc"]), history["train_loss"]
    fitting = [end for end in ends(history) if seen - 0.45 <= accuracies[end] <= seen + 0.05]
    expect(
        bool(fitting),
        tr(
            "`train_acc` ends at {claimed:.1%}; the model recognises {seen:.1%} of the training images.",
            claimed=accuracies[-1],
            seen=seen,
        ),
        tr("Count the right answers of an epoch, and divide by the number of images that were looked at."),
    )

    def within(end: int, loss: float) -> bool:
        worse = max(5 * loss + 0.04, 6 * (1 - accuracies[end]) + 0.03)
        return bool(loss / 3 - 1e-4 <= losses[end] <= worse)

    expect(
        any(within(end, one.mean()) for end in fitting for one in kinds.values()),
        tr(
            "`train_loss` ends at {claimed:.4g}; the model's loss on the training images is {does:.4g}.",
            claimed=losses[fitting[0]],
            does=kinds["cross-entropy"].mean(),
        ),
        DIVIDE,
    )
    expect_cost_of_mistakes(losses, accuracies, kinds)


def expect_cost_of_mistakes(losses: np.ndarray, accuracies: np.ndarray, kinds: Losses) -> None:
    """Whatever is misread gives its own digit less than a half: it costs at least ln 2."""
    if set(kinds) == {"cross-entropy"} or losses[-1] < kinds["cross-entropy"].mean() * 3:
        low = (1 - accuracies) * math.log(2)
        worst = int((low - losses).argmax())
        expect(
            losses[worst] >= 0.5 * low[worst] - 0.02,
            tr(
                "In epoch {epoch}, `train_loss` is {loss:.4g} where `train_acc` is {accuracy:.1%}: so few right "
                "answers cost more.",
                epoch=worst + 1,
                loss=losses[worst],
                accuracy=accuracies[worst],
            ),
            DIVIDE,
        )


def refuse_training_data(
    history: History, outputs: np.ndarray, labels: np.ndarray, answers: np.ndarray, train_labels: np.ndarray
) -> None:
    """Fail if what stands as validation is what the model does on its training images.

    Accuracy alone cannot tell on few images; the loss can, since it is several times smaller there. Both
    have to speak for the training images: a lucky validation set of a student's own is not taken for them.
    """
    measured, trained = accuracy(outputs, labels), accuracy(answers, train_labels)
    seen = sample_losses(answers, train_labels)["cross-entropy"].mean()
    unseen = sample_losses(outputs, labels)["cross-entropy"].mean()
    claim, loss = as_shares(history["val_acc"])[-1], history["val_loss"][-1]
    expect(
        unseen < 1.5 * seen or loss > math.sqrt(seen * unseen) or abs(claim - measured) <= abs(claim - trained),
        tr(
            "`val_acc` and `val_loss` are those of the training images; on the test images in ./data the model "
            "has {measured:.1%}.",
            measured=measured,
        ),
        tr("Validate on images that the model was not trained on: only they show over-fitting."),
    )
