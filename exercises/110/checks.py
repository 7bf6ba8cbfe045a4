"""Checks of exercise 110: a multi-layer perceptron on MNIST, judged on digits that the notebook never saw."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np

from grader.checks import (
    Run,
    SubmissionFault,
    check,
    confusion,
    expect,
    expect_accuracy,
    expect_answer,
    expect_count,
    expect_finite,
    fail,
    misjudged,
    show,
    show_history,
    tr,
    whole_number,
)

from .agreement import (
    expect_learning,
    expect_training,
    expect_validation,
    refuse_known_images,
    refuse_training_data,
    validated_here,
)
from .history import expect_possible, history_of
from .losses import are_probabilities
from .network import (
    accuracy,
    expect_reading,
    heldout_classes,
    heldout_outputs,
    is_count,
    outputs_for,
    preparation,
    sureness,
    ten_outputs,
    visible_outputs,
    weights_of_network,
    with_preparation,
)
from .steps import batch_size, batches_used

DIGITS = [str(digit) for digit in range(10)]


@check(
    points=2,
    hint=tr("Keep the batch as the first axis (`x.view(-1, 784)` or `nn.Flatten()`) and end with ten neurons."),
)
def model_gives_ten_numbers_per_image(run: Run) -> None:
    """`model(x)` has shape (N, 10): ten numbers for each image, for one as for many.

    The same image has to get the same numbers in both, which a function that returns random ones does not
    give, and different images different ones.
    """
    digits = run.visible("mnist")
    size = 2 * int(run.rng.integers(20, 40)) + 1  # odd, so that it divides neither 128 nor 784·128
    images = digits.images[run.rng.choice(len(digits), size, replace=False)]
    batch = ten_outputs(run, images, tr("`model(x)` of {n} images", n=size))
    of_one = tr("`model(x)` of one image")
    alone = np.concatenate([ten_outputs(run, images[i : i + 1], of_one) for i in range(4)])
    explodes = tr("Watch the loss while training: a learning rate that is too high makes the weights explode.")
    expect_finite(np.concatenate([batch, alone]), "`model(x)`", explodes)
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
def model_returns_logits(run: Run) -> None:
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
def accuracy_is_above_90_percent(run: Run) -> str:
    """The model recognises more than 90 % of digits it has never seen."""
    reached = expect_accuracy(run.once(heldout_classes), run.heldout("mnist").labels, above=0.90)
    expect_reading(run)
    name, sure = run.once(preparation)
    return with_preparation(reached, name) if sure else reached


@check(
    points=4,
    needs=model_gives_ten_numbers_per_image,
    hint=tr("Train for more epochs, or with Adam; prepare the test images like the training images."),
)
def accuracy_is_above_95_percent(run: Run) -> str:
    """The model recognises more than 95 % of digits it has never seen.

    MNIST's test digits are public, so that they are shown a second time, each turned, shifted and scaled a little:
    a network reads them hardly worse, a table of them knows none.
    """
    classes, digits = run.once(heldout_classes), run.heldout("mnist")
    sure = sureness(run.once(heldout_outputs))
    misread = tr("Digits that the model misread")
    show(confusion(classes, digits.labels, DIGITS, tr("Which digit was taken for which")))
    show(misjudged(classes, digits.labels, DIGITS, pictures=digits.pixels, sure=sure, title=misread))
    reached = expect_accuracy(classes, digits.labels, above=0.95)
    moved = expect_reading(run)
    return tr("{reached}; {moved}", reached=reached, moved=moved)


@check(points=1, hint=tr("Each neuron has one weight for each of its inputs, and one bias."))
def parameter_count_is_right(run: Run) -> None:
    """`parameter_count` is the number of the model's parameters, weights and biases."""
    claimed = run.value("parameter_count")
    weights = run.once(weights_of_network)
    try:
        shapes = run.shapes("model").values()
    except SubmissionFault:  # a function around a model, say: what it hangs on, or the course's network
        if not is_count(claimed, sum(math.prod(shape) for shape in weights)):
            expect_answer(run, "parameter_count")
        return
    total = sum(math.prod(shape) for shape in shapes)
    kernels = sum(math.prod(shape) for shape in shapes if len(shape) > 1)
    expect(total > 0, tr("The model has no parameters at all."), tr("Build it of linear layers."))
    forgotten = tr("Only the weights are counted: every neuron has a bias as well.")
    expect_count(claimed, total, "`parameter_count`", forgotten if is_count(claimed, kernels) else "")


@check(
    points=1,
    hint=tr("Divide the number of training images by the batch size; the last batch may be a smaller one."),
)
def steps_per_epoch_is_right(run: Run) -> None:
    """`steps_per_epoch` is the number of batches in one pass through all training images.

    The images are those that the notebook has; who knows that MNIST has 60,000 is right on the sample too.
    """
    claimed = whole_number(run.value("steps_per_epoch"), "`steps_per_epoch`")
    images = len(run.training("mnist"))
    if claimed in batches_used(run, images):
        return
    batch = batch_size(run)
    forgotten = tr(
        "{batch} does not divide {images:,}: the images that are left over make one more, smaller batch.",
        batch=batch,
        images=images,
    )
    expect_count(claimed, -(-images // batch), "`steps_per_epoch`", forgotten if claimed == images // batch else "")


@check(points=1, hint=tr("Append to all four lists at the end of every epoch."))
def history_has_every_epoch(run: Run) -> None:
    """`history` holds the lists `train_loss`, `train_acc`, `val_loss` and `val_acc`: one number for each epoch."""
    with suppress(SubmissionFault):  # it is judged below
        show_history(run.value("history"))
    history = run.once(history_of)
    epochs = {key: len(curve) for key, curve in history.items()}
    expect(min(epochs.values()) > 0, tr("`history` is empty: no epoch is in it."))
    lengths = ", ".join(f"{key} {n}" for key, n in epochs.items())
    expect(len(set(epochs.values())) == 1, tr("The lists in `history` differ in length: {lengths}.", lengths=lengths))
    for key, curve in history.items():
        expect_possible(key, curve)


@check(points=1, needs=[model_gives_ten_numbers_per_image, history_has_every_epoch])
def history_tells_of_this_model(run: Run) -> None:
    """`history` is this model's: its loss falls, and its validation accuracy is that of unseen digits.

    Whoever validates on the test images of `./data` has the very accuracy that is measured here; whoever
    holds back a part of the training images has one near it.
    """
    run.once(weights_of_network)
    history = run.once(history_of)
    outputs, labels = run.once(visible_outputs), run.visible("mnist").labels
    measured = accuracy(outputs, labels)
    has_learned = measured > 0.5  # a model that learned nothing may say so
    refuse_known_images(run, measured)
    if has_learned:
        expect_learning(history, measured)
    expect_validation(run, history, outputs, measured)
    train = run.training("mnist")
    train = train[run.rng_for("training").choice(len(train), min(len(train), 5000), replace=False)]
    answers = outputs_for(run, train)
    if has_learned:
        expect_training(history, answers, train.labels)
    if not validated_here(history, measured, len(labels)):
        refuse_training_data(history, outputs, labels, answers, train.labels)
