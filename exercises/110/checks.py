"""Checks of exercise 110: a multi-layer perceptron on MNIST, judged on digits that the notebook never saw."""

import math
from contextlib import suppress

import numpy as np

from grader.check import (
    check,
    closed_answer,
    confusion,
    expect,
    expect_accuracy,
    expect_answer,
    expect_count,
    expect_shape,
    fail,
    misjudged,
    show,
    show_history,
    tr,
)
from grader.datasets import Digits, dataset
from grader.errors import SubmissionFault
from grader.language import decimal, grouped

CURVES = ("train_loss", "train_acc", "val_loss", "val_acc")
MNIST_TRAINING_IMAGES = 60_000

# For a model that is no nn.Module, whose parameters therefore cannot be counted here: the course's network.
PARAMETERS = closed_answer(
    "110-parameters",
    "a536f4388ddd1095f84552b2af9753cd",
    wrong={
        "fa6f9ec8e92a60f206c059a54578a89e": tr("Only the weights are counted: every neuron has a bias as well."),
        "07484b5a1001136e06259097b05a9ded": tr("That is the first layer alone: add the other two."),
    },
)

# The ways in which students prepare the pixels. Which one a model was trained with is found out on digits
# that the notebook sees, never on the held-out ones.
PREPARATIONS = {
    "normalised": lambda digits: digits.images,
    "scaled": lambda digits: digits.scaled,
    "centred": lambda digits: 2 * digits.scaled - 1,
    "pixels": lambda digits: 255 * digits.scaled,
}
DIGITS = [str(digit) for digit in range(10)]


# ----------------------------------------------------------------------------------------- asking the model


def some(digits, indices):
    return Digits(digits.pixels[indices], digits.labels[indices])


def recognised(outputs):
    """Class with the highest output of each image; −1, which is no class, where an output is NaN."""
    return np.where(np.isfinite(outputs).all(axis=1), np.nan_to_num(outputs).argmax(axis=1), -1)


def ten_outputs(run, images):
    """Ten outputs for each image, however many there are."""
    return expect_shape(run.predict("model", images), (len(images), 10), "`model(x)`")


def preparation(run):
    """Name of the preparation with which the model recognises most of the digits that it may know."""
    digits = some(run.visible("mnist"), slice(1000))
    accuracy, faults = {}, []
    for name, prepared in PREPARATIONS.items():
        try:
            outputs = ten_outputs(run, prepared(digits))
        except SubmissionFault as fault:
            faults.append(fault)
        else:
            accuracy[name] = (recognised(outputs) == digits.labels).mean()
    if not accuracy:
        raise faults[0]
    return max(accuracy, key=accuracy.get)


def ask(run, digits):
    """Ten outputs for each digit, prepared as the model wants it."""
    return ten_outputs(run, PREPARATIONS[run.once(preparation)](digits))


def are_probabilities(outputs):
    """Whether the ten numbers of every image are shares that sum to 1."""
    return outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-3)


def sureness(outputs):
    """The probability that the model gives to what it says, for each image; NaN where an output is not finite."""
    sure = np.full(len(outputs), np.nan)
    fine = np.isfinite(outputs).all(axis=1)
    if fine.any():
        some = np.clip(outputs[fine], -1e9, 1e9)
        largest = some.max(axis=1, keepdims=True)
        sure[fine] = largest[:, 0] if are_probabilities(some) else 1 / np.exp(some - largest).sum(axis=1)
    return sure


def percent(share):
    """A share in percent, with one decimal."""
    return decimal(f"{100 * share:.1f}")


def visible_outputs(run):
    return ask(run, run.visible("mnist"))


def heldout_outputs(run):
    return ask(run, run.heldout("mnist"))


def heldout_classes(run):
    return recognised(run.once(heldout_outputs))


def cross_entropy(outputs, labels):
    """Mean cross-entropy of logits (or of log-probabilities, which are logits too)."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


# -------------------------------------------------------------------------------------------------- checks


@check(
    points=2,
    hint=tr("Keep the batch as the first axis (`x.view(-1, 784)` or `nn.Flatten()`) and end with ten neurons."),
)
def model_gives_ten_numbers_per_image(run):
    """`model(x)` has shape (N, 10): ten numbers for each image, for one as for many.

    The same image has to get the same numbers in both, which a function that returns random ones does not
    give, and different images different ones.
    """
    digits = run.visible("mnist")
    size = 2 * int(run.rng.integers(20, 40)) + 1  # odd, so that it divides neither 128 nor 784·128
    images = digits.images[run.rng.choice(len(digits), size, replace=False)]
    batch = expect_shape(run.predict("model", images), (size, 10), tr("`model(x)` of {n} images", n=size))
    of_one = tr("`model(x)` of one image")
    alone = np.concatenate([expect_shape(run.predict("model", images[i : i + 1]), (1, 10), of_one) for i in range(4)])
    expect(
        np.isfinite(batch).all() and np.isfinite(alone).all(),
        tr("`model(x)` holds NaN or infinite numbers."),
        tr("Watch the loss while training: a learning rate that is too high makes the weights explode."),
    )
    spread = batch.std(axis=0).mean()
    expect(
        spread > 0,
        tr("`model(x)` gives the same ten numbers whatever the image."),
        tr("The output has to depend on x: follow x through `forward`, line by line."),
    )
    expect(
        np.abs(alone - batch[:4]).mean() < 0.5 * spread,
        tr("`model(x)` gives an image other numbers alone than in a batch."),
        tr("The answer hangs on the image and the weights only: no random numbers, no mean over the batch."),
    )


@check(
    points=1,
    needs=model_gives_ten_numbers_per_image,
    hint=tr("Return what the last linear layer computes: `CrossEntropyLoss` applies the softmax itself."),
)
def model_returns_logits(run):
    """`model(x)` returns logits, not probabilities.

    Log-probabilities (LogSoftmax) are logits too: the softmax of them is the same distribution.
    """
    outputs = run.once(visible_outputs)
    if are_probabilities(outputs):
        fail(tr("Every row of `model(x)` sums to 1: these are probabilities, so there is a softmax in the model."))
    if outputs.min() >= 0 and outputs.max() <= 1:
        fail(tr("Every number in `model(x)` lies between 0 and 1: there is a sigmoid after the last layer."))
    if outputs.min() >= 0 and (outputs == 0).any():
        fail(tr("No number in `model(x)` is negative and some are 0: there is a ReLU after the last layer."))
    if np.abs(outputs).max() <= 1 and (np.abs(outputs) > 0.99).sum() > 10:
        fail(tr("No number in `model(x)` ever leaves −1…1: there is a tanh after the last layer."))


@check(
    points=2,
    needs=model_gives_ten_numbers_per_image,
    hint=tr("Does every batch end in `loss.backward()` and `optimizer.step()`? Do images and labels belong together?"),
)
def accuracy_is_above_90_percent(run):
    """The model recognises more than 90 % of digits it has never seen."""
    labels = run.heldout("mnist").labels
    reached = expect_accuracy(run.once(heldout_classes), labels, above=0.90)
    return {
        "normalised": tr("{reached}, digits normalised as in the course", reached=reached),
        "scaled": tr("{reached}, digits scaled to 0…1", reached=reached),
        "centred": tr("{reached}, digits scaled to −1…1", reached=reached),
        "pixels": tr("{reached}, digits as pixels 0…255", reached=reached),
    }[run.once(preparation)]


@check(
    points=4,
    needs=model_gives_ten_numbers_per_image,
    hint=tr("Train for more epochs, or with Adam; prepare the test images like the training images."),
)
def accuracy_is_above_95_percent(run):
    """The model recognises more than 95 % of digits it has never seen."""
    classes, digits = run.once(heldout_classes), run.heldout("mnist")
    show(confusion(classes, digits.labels, DIGITS, tr("Which digit was taken for which")))
    show(
        misjudged(
            classes,
            digits.labels,
            DIGITS,
            pictures=digits.pixels,
            sure=sureness(run.once(heldout_outputs)),
            title=tr("Digits that the model misread"),
        )
    )
    return expect_accuracy(classes, digits.labels, above=0.95)


@check(points=1, hint=tr("Each neuron has one weight for each of its inputs, and one bias."))
def parameter_count_is_right(run):
    """`parameter_count` is the number of the model's parameters, weights and biases."""
    claimed = run.value("parameter_count")
    try:
        shapes = run.shapes("model").values()
    except SubmissionFault:  # a function around a model, say: then it is the course's network that counts
        expect_answer(claimed, PARAMETERS, "`parameter_count`")
        return
    sizes = [(math.prod(shape), len(shape)) for shape in shapes]
    total, weights = sum(n for n, _ in sizes), sum(n for n, axes in sizes if axes > 1)
    expect(total > 0, tr("The model has no parameters at all."), tr("Build it of linear layers."))
    forgotten = tr("Only the weights are counted: every neuron has a bias as well.")
    expect_count(claimed, total, "`parameter_count`", hint=forgotten if is_count(claimed, weights) else "")


@check(
    points=1,
    hint=tr("Divide the number of training images by the batch size; the last batch may be a smaller one."),
)
def steps_per_epoch_is_right(run):
    """`steps_per_epoch` is the number of batches in one pass through all training images.

    The images are those that the notebook has; who knows that MNIST has 60,000 is right on the sample too.
    """
    claimed = run.value("steps_per_epoch")
    batch = batch_size(run)
    images = len(dataset("mnist").training(run.data))
    if is_count(claimed, -(-MNIST_TRAINING_IMAGES // batch)):
        return
    forgotten = tr(
        "{batch} does not divide {images}: the images that are left over make one more, smaller batch.",
        batch=batch,
        images=grouped(images),
    )
    expect_count(
        claimed,
        -(-images // batch),
        "`steps_per_epoch`",
        hint=forgotten if is_count(claimed, images // batch) else "",
    )


@check(points=1, hint=tr("Append to all four lists at the end of every epoch."))
def history_has_every_epoch(run):
    """`history` holds the lists `train_loss`, `train_acc`, `val_loss` and `val_acc`: one number for each epoch."""
    with suppress(SubmissionFault):  # it is judged below
        show_history(run.value("history"))
    epochs = {key: len(curve) for key, curve in run.once(curves).items()}
    expect(min(epochs.values()) > 0, tr("`history` is empty: no epoch is in it."))
    lengths = ", ".join(f"{key} {n}" for key, n in epochs.items())
    expect(len(set(epochs.values())) == 1, tr("The lists in `history` differ in length: {lengths}.", lengths=lengths))
    for key, curve in run.once(curves).items():
        expect(np.isfinite(curve).all(), tr('`history["{key}"]` holds NaN or infinite numbers.', key=key), NOT_FINITE)
        low, high = f"{curve.min():.4g}", f"{curve.max():.4g}"
        expect(
            curve.min() >= 0,
            tr('`history["{key}"]` holds a number below zero: {low}.', key=key, low=low),
            BELOW_ZERO,
        )
        if key.endswith("acc"):
            expect(
                curve.max() <= 100,
                tr('`history["{key}"]` holds {high}, more than 100 %.', key=key, high=high),
                COUNTS,
            )
            # Neither shares nor percent: less than 1 % is a tenth of what guessing gives.
            expect(
                curve.max() <= 1 or curve.min() >= 1,
                tr('`history["{key}"]` goes from {low} to {high}.', key=key, low=low, high=high),
                NEVER_RESET,
            )


@check(points=1, needs=[model_gives_ten_numbers_per_image, history_has_every_epoch])
def history_tells_of_this_model(run):
    """`history` is this model's: its loss falls, and its validation accuracy is that of unseen digits.

    Whoever validates on the test images of `./data` has the very accuracy that is measured here; whoever
    holds back a part of the training images has one near it.
    """
    history = run.once(curves)
    outputs, labels = run.once(visible_outputs), run.visible("mnist").labels
    measured = float((recognised(outputs) == labels).mean())
    heldout = run.heldout("mnist").labels
    unseen = float((run.once(heldout_classes) == heldout).mean())
    few = min(len(labels), len(heldout))
    expect(
        measured - unseen <= 0.03 + 4 * math.sqrt(2 * max(unseen * (1 - unseen), 0.01) / few),
        tr(
            "The model recognises {measured}% of the test images in ./data and {unseen}% of others: it knows those "
            "images, so that they validate nothing.",
            measured=percent(measured),
            unseen=percent(unseen),
        ),
        tr("Keep the test images out of the training."),
    )
    if measured > 0.5:  # a model that learned nothing may say so
        loss = history["train_loss"]
        expect(
            len(loss) == 1 or loss[1:].min() < loss[0],
            tr(
                "`train_loss` never falls below its first value, {first}, though the model has learned.",
                first=f"{loss[0]:.4g}",
            ),
            tr("Set the running sum of the losses back to zero at the start of every epoch."),
        )
        best = share(history["train_acc"]).max()
        expect(
            best > 0.3,
            tr(
                "`train_acc` is {best}% at best, though the model recognises {measured}% of the test images.",
                best=percent(best),
                measured=percent(measured),
            ),
            tr("Divide the number of right answers by the number of images that were looked at."),
        )
    claims = validation_claims(history)
    if any(abs(claim - measured) <= 0.006 + 0.5 / len(labels) for claim in claims):
        return
    noise = 4 * math.sqrt(2 * measured * (1 - measured) / len(labels))
    expect(
        any(abs(claim - measured) <= 0.02 + noise for claim in claims),
        tr(
            "`val_acc` ends at {claimed}%; the model recognises {measured}% of the test images in ./data.",
            claimed=percent(claims[0]),
            measured=percent(measured),
        ),
        tr("Compute it from this model, in `eval()` mode, after each epoch."),
    )
    refuse_training_data(run, history, outputs, measured)


# --------------------------------------------------------------------------------- what the checks ask again

BELOW_ZERO = tr("Cross-entropy and accuracy are never negative; `NLLLoss` wants log-probabilities.")
NOT_FINITE = tr("Print the loss of each batch: a learning rate that is too high makes it explode.")
NEVER_RESET = tr("Set the number of right answers back to zero at the start of every epoch.")
COUNTS = tr("Divide the number of right answers by the number of images, not of batches.")


def curves(run):
    """The four lists of `history` as arrays."""
    history = run.value("history")
    begin = tr("Begin with `history = {'train_loss': [], …}`.")
    expect(type(history) is dict, tr("`history` is no dictionary."), begin)
    found = {}
    for key in CURVES:
        four = tr("It needs the four lists {names}.", names=", ".join(CURVES))
        expect(key in history, tr('`history` has no "{key}".', key=key), four)
        values = history[key]
        if type(values) in (list, tuple):  # each epoch's number may be a tensor of shape (1,)
            values = [v.reshape(()) if isinstance(v, np.ndarray) and v.size == 1 else v for v in values]
        found[key] = expect_shape(values, (None,), f'`history["{key}"]`')
    return found


def share(accuracies):
    """Accuracies from 0 to 1, whether they were kept so or in percent."""
    return accuracies / 100 if accuracies.max() > 1 else accuracies


def validation_claims(history):
    """Validation accuracies that this model may have: the last epoch's, and those of the best epochs."""
    accuracies = share(history["val_acc"])
    return float(accuracies[-1]), float(accuracies.max()), float(accuracies[history["val_loss"].argmin()])


def refuse_training_data(run, history, outputs, measured):
    """Fail if what stands as validation is what the model does on its training images.

    Accuracy alone cannot tell on few images; the loss can, since it is several times smaller there. Both
    have to speak for the training images: a lucky validation set of a student's own is not taken for them.
    """
    train = dataset("mnist").training(run.data)
    train = some(train, run.rng.choice(len(train), min(len(train), 5000), replace=False))
    answers = ask(run, train)
    accuracy = (recognised(answers) == train.labels).mean()
    seen, unseen = cross_entropy(answers, train.labels), cross_entropy(outputs, run.visible("mnist").labels)
    claim, loss = share(history["val_acc"])[-1], history["val_loss"][-1]
    expect(
        unseen < 1.5 * seen or loss > math.sqrt(seen * unseen) or abs(claim - measured) <= abs(claim - accuracy),
        tr(
            "`val_acc` and `val_loss` are those of the training images; on the test images in ./data the model "
            "has {measured}%.",
            measured=percent(measured),
        ),
        tr("Validate on images that the model was not trained on: only they show over-fitting."),
    )


def batch_size(run):
    """The notebook's `BATCH_SIZE` where it has one, else the course's 128."""
    for name in ("BATCH_SIZE", "batch_size"):
        try:
            size = run.array(name)
        except SubmissionFault:  # not there, or no number
            continue
        if size.size == 1 and 1 <= size.item() <= MNIST_TRAINING_IMAGES:
            return int(size.item())
    return 128


def is_count(claimed, number):
    """Whether a claimed value is this whole number."""
    try:
        expect_count(claimed, number, "")
    except SubmissionFault:
        return False
    return True
