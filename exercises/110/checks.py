"""Checks of exercise 110: a multi-layer perceptron on MNIST, judged on digits that the notebook never saw."""

import math
import re
from contextlib import suppress

import numpy as np

from grader.checks import (
    check,
    closed_answer,
    confusion,
    expect,
    expect_accuracy,
    expect_closed,
    expect_count,
    expect_shape,
    fail,
    misjudged,
    show,
    show_history,
    tr,
    whole_number,
)
from grader.datasets import Digits, dataset
from grader.errors import SubmissionFault
from grader.language import decimal, grouped

CURVES = ("train_loss", "train_acc", "val_loss", "val_acc")
MNIST_TRAINING_IMAGES = 60_000
PIXELS = 784  # of an image: no network that reads one has fewer weights

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


def ten_outputs(run, images, **how):
    """Ten outputs for each image, however many there are."""
    return expect_shape(run.predict("model", images, several=False, **how), (len(images), 10), "`model(x)`")


def prepared_outputs(run):
    """What the model says of the digits that the notebook sees, with each preparation that may be the right one."""
    digits, first, faults = run.visible("mnist"), {}, []
    for name, prepared in PREPARATIONS.items():
        try:
            first[name] = ten_outputs(run, prepared(some(digits, slice(1000))))
        except SubmissionFault as fault:
            faults.append(fault)
    if not first:
        raise faults[0]
    right = {name: (recognised(outputs) == digits.labels[:1000]).mean() for name, outputs in first.items()}
    near = [name for name in first if right[name] >= max(right.values()) - 0.05]
    if len(digits) <= 1000:
        return {name: first[name] for name in near}
    rest = some(digits, slice(1000, None))
    return {name: np.concatenate([first[name], ten_outputs(run, PREPARATIONS[name](rest))]) for name in near}


def preparation(run):
    """Name of the preparation with which the model is asked, and whether it is surely that of its training.

    Many models read digits that are prepared otherwise as well as their own, so that accuracy alone tells how to
    ask, not how the training was done. A validation loss that is met exactly tells both.
    """
    labels, outputs = run.visible("mnist").labels, run.once(prepared_outputs)
    told = run.once(preparations_told)
    if len(told) == 1:
        return told[0], True
    accuracy = {name: (recognised(one) == labels).mean() for name, one in outputs.items()}
    return max(accuracy, key=accuracy.get), False


def preparations_told(run):
    """Preparations with which the model has the very validation loss that `history` ends with."""
    try:
        claim = run.once(curves)["val_loss"][-1]
    except (SubmissionFault, IndexError):
        return []
    losses = {
        name: sample_losses(outputs, run.visible("mnist").labels)["cross-entropy"].mean()
        for name, outputs in run.once(prepared_outputs).items()
    }
    return [name for name, loss in losses.items() if abs(claim - loss) < 0.002 * loss]


def ask(run, digits, **how):
    """Ten outputs for each digit, prepared as the model wants it."""
    name, _ = run.once(preparation)
    return ten_outputs(run, PREPARATIONS[name](digits), **how)


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
    name, _ = run.once(preparation)
    return run.once(prepared_outputs)[name]


def heldout_outputs(run):
    return ask(run, run.heldout("mnist"))


def heldout_classes(run):
    return recognised(run.once(heldout_outputs))


def moved_digits(run):
    """The held-out digits, each turned, shifted and scaled a little: other ones in every grading."""
    return run.heldout("mnist").moved(run.rng_for("moved"))


def moved_classes(run):
    return recognised(ask(run, run.once(moved_digits)))


def sample_losses(outputs, labels):
    """Loss of each image, by the kinds of loss with which people train: cross-entropy, and what stands in for it."""
    outputs = np.clip(np.nan_to_num(outputs), -1e6, 1e6)
    rows, right = np.arange(len(labels)), np.eye(10)[labels]
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    entropy, spread = -logs[rows, labels], -logs.mean(axis=1)
    margins = np.clip(1 - outputs[rows, labels, None] + outputs, 0, None) * (1 - right)
    others = {
        "squares": ((outputs - right) ** 2).mean(axis=1),
        "brier": ((np.exp(logs) - right) ** 2).mean(axis=1),
        "binary": (np.logaddexp(0, outputs) - right * outputs).mean(axis=1),
        "margins": margins.mean(axis=1),
    }
    if are_probabilities(outputs):
        others["log"] = -np.log(np.clip(outputs[rows, labels], 1e-12, None))
    # What a network was trained with is small; no other loss may excuse a large number.
    losses = {name: loss for name, loss in others.items() if loss.mean() < entropy.mean()}
    for part in (0.05, 0.1, 0.2):  # smoothed labels keep a network from being surer than they are
        if entropy.mean() > -0.5 * math.log(1 - 0.9 * part):
            losses[f"smoothed {part}"] = (1 - part) * entropy + part * spread
    losses["cross-entropy"] = entropy
    return losses


def network(run):
    """Shapes of the weights on which the model's answers hang, whatever it is: a module, a function around one.

    With its weights at zero no network knows anything. Whatever reads digits all the same looks them up, or finds
    the most similar one: no training made it.
    """
    shapes, adjusted = run.weights("model")
    # A data set has a number, or a row of them, for each image, even where it goes by the name of a parameter.
    images = len(dataset("mnist").training(run.data))
    shapes = [shape for shape in shapes if images not in shape]
    if not adjusted:  # a network by hand has numbers that no autograd knows
        with suppress(SubmissionFault):
            adjusted = is_count(run.value("parameter_count"), sum(math.prod(shape) for shape in shapes))
    expect(
        adjusted and sum(math.prod(shape) for shape in shapes) >= PIXELS,  # in whatever shapes they are kept
        tr("Nothing in `model` is a weight that training could have adjusted."),
        A_NETWORK,
    )
    digits = some(run.visible("mnist"), slice(400))
    try:
        knows = (recognised(ask(run, digits)) == digits.labels).mean()
        still = (recognised(ask(run, digits, without="weights")) == digits.labels).mean()
    except SubmissionFault:  # what is wrong with its answers is told elsewhere
        return shapes
    expect(
        knows < 0.5 or still < knows / 2,
        tr(
            "`model` recognises {still}% of the digits when all its weights are zero, {knows}% as it is: the weights "
            "have no part in it.",
            still=percent(still),
            knows=percent(knows),
        ),
        A_NETWORK,
    )
    return shapes


A_NETWORK = tr("Train a network: its answers come from its weights, not from images that are looked up.")


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
    batch = run.predict("model", images, several=False)
    expect_shape(batch, (size, 10), tr("`model(x)` of {n} images", n=size))
    of_one = tr("`model(x)` of one image")
    alone = np.concatenate(
        [expect_shape(run.predict("model", images[i : i + 1], several=False), (1, 10), of_one) for i in range(4)]
    )
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
    reached = expect_accuracy(run.once(heldout_classes), run.heldout("mnist").labels, above=0.90)
    expect_reading(run)
    name, sure = run.once(preparation)
    if not sure:
        return reached
    return {
        "normalised": tr("{reached}, digits normalised as in the course", reached=reached),
        "scaled": tr("{reached}, digits scaled to 0…1", reached=reached),
        "centred": tr("{reached}, digits scaled to −1…1", reached=reached),
        "pixels": tr("{reached}, digits as pixels 0…255", reached=reached),
    }[name]


@check(
    points=4,
    needs=model_gives_ten_numbers_per_image,
    hint=tr("Train for more epochs, or with Adam; prepare the test images like the training images."),
)
def accuracy_is_above_95_percent(run):
    """The model recognises more than 95 % of digits it has never seen.

    MNIST's test digits are public, so that they are shown a second time, each turned, shifted and scaled a little:
    a network reads them hardly worse, a table of them knows none.
    """
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
    reached = expect_accuracy(classes, digits.labels, above=0.95)
    moved = expect_reading(run)
    return tr("{reached}; {moved}", reached=reached, moved=moved)


def expect_reading(run):
    """Fail unless a network reads the digits: nearly as well when they are moved a little. Returns a sentence.

    What a sound model may lose was measured with ten kinds of models: up to 1.6 % of the real digits, and up to
    5.5 % of the sample's.
    """
    run.once(network)
    labels = run.heldout("mnist").labels
    plain = (run.once(heldout_classes) == labels).mean()
    return expect_accuracy(
        run.once(moved_classes),
        labels,
        at_least=math.floor(100 * (plain - MAY_LOSE[run.data])) / 100,
        what=tr("accuracy on the same digits, turned, shifted and scaled a little"),
        hint=tr("Train a network that reads digits; one that knows pictures by heart knows only these."),
    )


MAY_LOSE = {"full": 0.05, "sample": 0.12}


@check(points=1, hint=tr("Each neuron has one weight for each of its inputs, and one bias."))
def parameter_count_is_right(run):
    """`parameter_count` is the number of the model's parameters, weights and biases."""
    claimed = run.value("parameter_count")
    weights = run.once(network)
    try:
        shapes = list(run.shapes("model").values())
    except SubmissionFault:  # a function around a model, say: what it hangs on, or the course's network
        if not is_count(claimed, sum(math.prod(shape) for shape in weights)):
            expect_closed(claimed, PARAMETERS, "`parameter_count`")
        return
    sizes = [(math.prod(shape), len(shape)) for shape in shapes]
    total, kernels = sum(n for n, _ in sizes), sum(n for n, axes in sizes if axes > 1)
    expect(total > 0, tr("The model has no parameters at all."), tr("Build it of linear layers."))
    forgotten = tr("Only the weights are counted: every neuron has a bias as well.")
    expect_count(claimed, total, "`parameter_count`", hint=forgotten if is_count(claimed, kernels) else "")


@check(
    points=1,
    hint=tr("Divide the number of training images by the batch size; the last batch may be a smaller one."),
)
def steps_per_epoch_is_right(run):
    """`steps_per_epoch` is the number of batches in one pass through all training images.

    The images are those that the notebook has; who knows that MNIST has 60,000 is right on the sample too.
    """
    claimed = whole_number(run.value("steps_per_epoch"), "`steps_per_epoch`")
    images = len(dataset("mnist").training(run.data))
    if claimed in batches_used(run, images):
        return
    batch = batch_size(run)
    forgotten = tr(
        "{batch} does not divide {images}: the images that are left over make one more, smaller batch.",
        batch=batch,
        images=grouped(images),
    )
    expect_count(
        claimed,
        -(-images // batch),
        "`steps_per_epoch`",
        hint=forgotten if claimed == images // batch else "",
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
    run.once(network)
    history = run.once(curves)
    outputs, labels = run.once(visible_outputs), run.visible("mnist").labels
    measured = float((recognised(outputs) == labels).mean())
    refuse_known_images(run, measured)
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
    expect_validation(run, history, outputs, measured)
    train = dataset("mnist").training(run.data)
    train = some(train, run.rng_for("training").choice(len(train), min(len(train), 5000), replace=False))
    answers = ask(run, train)
    if measured > 0.5:
        expect_training(history, answers, train.labels)
    if not validated_here(history, measured, len(labels)):
        refuse_training_data(history, outputs, labels, answers, train.labels)


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


def ends(history):
    """Epochs whose weights the model may have: the last, and the best, which may have been put back."""
    return sorted({len(history["val_acc"]) - 1, int(history["val_acc"].argmax()), int(history["val_loss"].argmin())})


def validated_here(history, measured, n):
    """Whether an end of `val_acc` is what the model does on the test images in ./data."""
    accuracies = share(history["val_acc"])
    return any(abs(accuracies[end] - measured) <= 0.006 + 0.5 / n for end in ends(history))


def refuse_known_images(run, measured):
    """Fail if the model knows the test images in ./data far better than others."""
    labels = run.heldout("mnist").labels
    unseen = float((run.once(heldout_classes) == labels).mean())
    few = min(len(run.visible("mnist")), len(labels))
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


def expect_validation(run, history, outputs, measured):
    """Fail unless `val_acc` and `val_loss` end where the model is, on images like the test images in ./data."""
    labels = run.visible("mnist").labels
    accuracies, losses = share(history["val_acc"]), history["val_loss"]
    near = 0.02 + 4 * math.sqrt(2 * measured * (1 - measured) / len(labels))
    fitting = [end for end in ends(history) if abs(accuracies[end] - measured) <= near]
    expect(
        bool(fitting),
        tr(
            "`val_acc` ends at {claimed}%; the model recognises {measured}% of the test images in ./data.",
            claimed=percent(accuracies[-1]),
            measured=percent(measured),
        ),
        tr("Compute it from this model, in `eval()` mode, after each epoch."),
    )
    kinds = sample_losses(outputs, labels)
    # Other images than these have another loss, few of them quite another one.
    apart = 2.5 if run.data == "full" else 5
    ok = any(
        one.mean() / apart <= losses[end] <= apart * one.mean() + 0.02 for end in fitting for one in kinds.values()
    )
    expect(ok, *told_loss("val_loss", losses[fitting[0]], kinds["cross-entropy"].mean()))
    summed = [batch for end in fitting for batch in summed_batches(kinds, losses[end], accuracies[end] - measured)]
    expect(
        not summed,
        tr(
            "`val_loss` ends at {end}: that is the sum over batches of {batch} images, not their mean.",
            end=f"{losses[fitting[0]]:.4g}",
            batch=summed[0] if summed else "",
        ),
        DIVIDE,
    )


def summed_batches(kinds, claimed, off):
    """Sizes of batches whose mean losses add up to what is claimed, where the images are those of ./data."""
    if abs(off) > 1e-3:
        return []
    found = []
    for kind in kinds.values():
        for batch in (16, 20, 25, 32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000, 1024):
            means = [kind[start : start + batch].mean() for start in range(0, len(kind), batch)]
            if any(abs(claimed - one) < 0.02 * one for one in (kind.mean(), np.mean(means))):
                return []
            if len(means) > 1 and abs(claimed - sum(means)) < 0.005 * claimed:
                found.append(batch)
    return found


def expect_training(history, outputs, labels):
    """Fail unless `train_acc` and `train_loss` end where the model is, as far as a running mean can.

    While an epoch goes on the network still learns; dropout and images that are turned about make it harder, so
    that accuracy and loss may be worse than those of the finished network, together. They are hardly better.
    """
    kinds = sample_losses(outputs, labels)
    seen = float((recognised(outputs) == labels).mean())
    accuracies, losses = share(history["train_acc"]), history["train_loss"]
    fitting = [end for end in ends(history) if seen - 0.45 <= accuracies[end] <= seen + 0.05]
    expect(
        bool(fitting),
        tr(
            "`train_acc` ends at {claimed}%; the model recognises {seen}% of the training images.",
            claimed=percent(accuracies[-1]),
            seen=percent(seen),
        ),
        tr("Count the right answers of an epoch, and divide by the number of images that were looked at."),
    )

    def within(end, loss):
        worse = max(5 * loss + 0.04, 6 * (1 - accuracies[end]) + 0.03)
        return loss / 3 - 1e-4 <= losses[end] <= worse

    ok = any(within(end, one.mean()) for end in fitting for one in kinds.values())
    expect(ok, *told_loss("train_loss", losses[fitting[0]], kinds["cross-entropy"].mean()))
    # Whatever is misread gives its own digit less than a half: it costs at least ln 2.
    if set(kinds) == {"cross-entropy"} or losses[-1] < kinds["cross-entropy"].mean() * 3:
        low = (1 - accuracies) * math.log(2)
        worst = int((low - losses).argmax())
        told = {"loss": f"{losses[worst]:.4g}", "accuracy": percent(accuracies[worst]), "epoch": worst + 1}
        expect(
            losses[worst] >= 0.5 * low[worst] - 0.02,
            tr(
                "In epoch {epoch}, `train_loss` is {loss} where `train_acc` is {accuracy}%: so few right answers cost "
                "more.",
                **told,
            ),
            DIVIDE,
        )


def told_loss(key, claimed, does):
    """That a loss ends elsewhere than where the model is, and what to look for."""
    if key == "val_loss":
        message = tr(
            "`val_loss` ends at {claimed}; the model's loss on the test images in ./data is {does}.",
            claimed=f"{claimed:.4g}",
            does=f"{does:.4g}",
        )
    else:
        message = tr(
            "`train_loss` ends at {claimed}; the model's loss on the training images is {does}.",
            claimed=f"{claimed:.4g}",
            does=f"{does:.4g}",
        )
    return message, DIVIDE


DIVIDE = tr("A mean over images: the sum of `loss.item() * len(labels)` over all batches, divided by their number.")


def refuse_training_data(history, outputs, labels, answers, train_labels):
    """Fail if what stands as validation is what the model does on its training images.

    Accuracy alone cannot tell on few images; the loss can, since it is several times smaller there. Both
    have to speak for the training images: a lucky validation set of a student's own is not taken for them.
    """
    measured, accuracy = (recognised(outputs) == labels).mean(), (recognised(answers) == train_labels).mean()
    seen = sample_losses(answers, train_labels)["cross-entropy"].mean()
    unseen = sample_losses(outputs, labels)["cross-entropy"].mean()
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


def batches_used(run, images):
    """How many batches an epoch may have had, by all that tells how the notebook trained.

    Its optimisers have taken so many steps in as many epochs as `history` has; its loaders know how many batches
    they give; `BATCH_SIZE` is said to be the batch size. Where no optimiser's steps divide by the epochs, as where
    there is none, any whole number of the notebook's may be it.
    """
    trained, named, epochs = run.trained(), set(named_batch_sizes(run)), set()
    with suppress(SubmissionFault):
        epochs = {len(curve) + extra for curve in run.once(curves).values() for extra in (0, -1)} - {0, -1}
    used = {steps // n for steps in trained.steps for n in epochs if steps % n == 0 and steps // n > 1}
    used |= {loader.batches for loader in trained.loaders if images / 2 <= loader.samples <= images}
    sizes = named | {loader.batch for loader in trained.loaders if loader.batch}
    numbers = {n for n in [*trained.numbers, *written_numbers(run)] if 1 < n <= MNIST_TRAINING_IMAGES}
    if not used:
        sizes |= numbers
    counts = {images, MNIST_TRAINING_IMAGES}
    counts |= {n for n in numbers if images / 2 <= n < images} if not used else set()
    # Who trained on the sample may tell the steps of the real set, with the batch size that the steps betray.
    betrayed = {n for n in numbers if -(-images // n) in used}
    return (
        used
        | {-(-n // size) for n in counts for size in sizes}
        | {-(-MNIST_TRAINING_IMAGES // size) for size in betrayed}
    )


def written_numbers(run):
    """Whole numbers in the notebook's code."""
    cells = (cell.source for cell in run.notebook.cells if cell.cell_type == "code")
    return {int(n) for source in cells for n in re.findall(r"(?<![\w.])\d{1,6}(?![\w.])", source)}


def named_batch_sizes(run):
    """The notebook's `BATCH_SIZE`, where it has one."""
    for name in ("BATCH_SIZE", "batch_size"):
        with suppress(SubmissionFault):  # not there, or no number
            size = run.array(name)
            if size.size == 1 and 1 <= size.item() <= MNIST_TRAINING_IMAGES:
                yield int(size.item())


def batch_size(run):
    """The batch size that is talked about: the notebook's `BATCH_SIZE`, or its loaders', or the course's 128."""
    loaders = (loader.batch for loader in run.trained().loaders if loader.batch)
    return next(named_batch_sizes(run), next(loaders, 128))


def is_count(claimed, number):
    """Whether a claimed value is this whole number."""
    try:
        expect_count(claimed, number, "")
    except SubmissionFault:
        return False
    return True
