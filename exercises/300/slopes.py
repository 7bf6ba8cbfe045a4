"""What `gradients` gives: slopes, what wrong ones betray, and how quickly they come."""

from __future__ import annotations

import time

import numpy as np

from grader.checks import CallFailed, Run, TooSlow, expect_close, fail, hint_for, tr

from .asked import asked, asked_pairs
from .networks import Layer, Task, activations, flat, task, tasks

SIGN = tr("The sign is the wrong way round: the loss grows where y − t does.")
QUICK_S = 5.0  # for what takes a hundredth of a second


def own_slopes(run: Run) -> list[tuple[Task, list[Layer]]]:
    """What `gradients` gives, for every task: pairs that fit the layers."""
    return [(one, asked_pairs(run, "gradients", one)) for one in tasks(run.rng)]


def expect_slopes(found: Layer, right: Layer, where: str, hint: str = "") -> None:
    """Fail unless these are the slopes of a layer."""
    for part, own, wanted in zip(("dW", "db"), found, right, strict=True):
        what = tr("`{part}` for {where}", part=part, where=where)
        expect_close(own, wanted, what, rtol=2e-3, atol=2e-3 * float(np.abs(wanted).max()), hint=hint)


def layer_of(number: int, one: Task) -> str:
    return tr("layer {number} of {task}", number=number + 1, task=one.told)


def last_hint(one: Task, found: Layer) -> str:
    """What the slopes of the last layer betray of how they were computed."""
    *_, before, outputs = activations(one.layers, one.xs)
    right, difference = one.slopes()[-1][0], (outputs - one.targets) / one.targets.size
    mean = tr("The loss is a mean: its slope is divided by the number of all outputs, N · K.")
    sigmoid = tr("The neuron's own slope is missing: y (1 − y).")
    usual = [
        (SIGN, -right),
        (tr("The slope of a square u² is 2u."), right / 2),
        *((mean, n * right) for n in (one.targets.size, *one.targets.shape, one.targets.size / 2) if n != 1),
        *((sigmoid, factor * difference.T @ before) for factor in (1, 2)),
    ]
    return hint_for(found[0], usual, rtol=1e-3)


def hidden_hint(one: Task, number: int, found: Layer) -> str:
    """What the slopes of a layer before the last betray."""
    mistakes = {
        "hidden": tr("The sigmoid's slope, y (1 − y), has a part in every layer, not in the last one alone."),
        "whole": tr("What is handed back is made of dZ: the layer's own slope, y (1 − y), is a factor of it."),
        "twice": tr("y (1 − y) is the slope already: y is the neuron's answer, and needs no second sigmoid."),
    }
    usual = {hint: one.slopes(mistake)[number][0] for mistake, hint in mistakes.items()}
    return hint_for(found[0], usual, rtol=1e-3)


def expect_quick(run: Run) -> None:
    """Fail unless a network of 90,000 weights takes far less time than as many runs of it."""
    width = int(run.rng.integers(150, 161))
    one = task(run.rng, [400, width, 90_000 // width - 400, 3], 2, scale=0.1)
    begun = time.monotonic()
    try:
        asked(run, "forward", one.layers, one.xs)
    except CallFailed:
        begun = time.monotonic()  # it takes one layer only, or the like: that is no matter here
    # Loops over plain numbers are as slow on their way back as forward, and no slower: a hundred runs are plenty.
    seconds = QUICK_S + 100 * (time.monotonic() - begun)
    what = tr("`gradients` of a network of {n:,} weights", n=len(flat(one.layers)))
    try:
        own = asked_pairs(run, "gradients", one, what=what, seconds=seconds)
    except TooSlow:
        fail(
            tr("{what} takes longer than {n:,} seconds.", what=what, n=int(seconds)),
            tr("The chain rule needs one way forward and one back for all slopes, not a run of the network for each."),
        )
    for number, right in enumerate(one.slopes()):
        expect_slopes(own[number], right, layer_of(number, one))
