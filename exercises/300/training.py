"""How far `train` goes: along the student's own steps, to the error that is asked for, and no farther."""

from __future__ import annotations

import numpy as np

from grader.checks import Run, expect, fail, ngettext, tr

from .asked import asked_pairs
from .networks import Layer, Task, flat, task

MANY_STEPS = 1500  # that `train` has to take: a quarter of a second, where it may take 20,000


def asked_for(one: Task, error: float) -> str:
    """How messages name a question to `train`."""
    return tr("`train` of {task}, asked for a loss of {loss:.5f},", task=one.told, loss=error)


def expect_stop(found: list[Layer], way: list[list[Layer]], first: int, error: float, one: Task) -> None:
    """Fail unless these are the layers after the first so many steps of this way."""
    what = asked_for(one, error)
    nearest = min(range(len(way)), key=lambda step: float(np.abs(flat(found) - flat(way[step])).max()))
    there = np.allclose(flat(found), flat(way[nearest]), 1e-3, 1e-4)
    if there and nearest == first:
        return
    if there and nearest > first:
        late = nearest - first
        message = ngettext("{what} takes {n} step too many.", "{what} takes {n} steps too many.", late, what=what)
        fail(message, tr("Look at the loss before the very first step, too, and at that of the newest layers."))
    reached = one.of(found).loss()
    message = tr(
        "{what} gives layers with a loss of {reached:.5f}. "
        "{steps} of your own steps from the given layers lead to {expected:.5f}.",
        what=what,
        reached=reached,
        steps=first,
        expected=one.of(way[first]).loss(),
    )
    elsewhere = one.of(way[-1]).loss() <= reached <= error
    fail(message, tr("Begin with the layers that it is given.") if elsewhere else "")


def expect_patience(run: Run) -> None:
    """Fail if `train` gives up before more than a thousand steps; the text allows it 20,000.

    Where `step` goes another way than it should, its own check says so, and nobody knows where that leads.
    """
    one, rate = task(run.rng, [2, 3, 1], 5), 0.5
    own = asked_pairs(run, "step", one, rate)
    way = [one]
    while len(way) <= MANY_STEPS:
        way.append(way[-1].downhill(rate))
        if len(way) == 2 and not np.allclose(flat(own), flat(way[-1].layers), 1e-3, 1e-4):
            return
    # Single precision may lead there a little later.
    error, least = way[-1].loss(), way[int(0.95 * MANY_STEPS)].loss()
    if not one.loss() > least > error:
        return
    what = asked_for(one, error)
    reached = one.of(asked_pairs(run, "train", one, rate, error, what=what)).loss()
    message = tr(
        "{what} gives up at a loss of {reached:.5f}; {steps:,} steps lead there.",
        what=what,
        reached=reached,
        steps=MANY_STEPS,
    )
    expect(reached <= least, message, tr("It may take 20,000 steps before it gives up."))
