"""How `rnn` and `lstm` read sequences, and what is built of them: by a right cell, or by the notebook's own.

Where the notebook's own cell gives other numbers, what is built of it may be right all the same: a mistake in a cell
does not cost all the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import Run, SubmissionFault, expect_shape, numeric, tr

from .asked import asked, call_of, expect_states, matches, several, sizes, some, some_weights, state_like
from .cells import LAST, Kind, States, Step, Weights, read

BATCH_FIRST = tr("The first axis is the batch, the second one the step: `torch.stack(…, dim=1)`.")


def steps(run: Run, kind: Kind) -> list[Step]:
    """The oracle's cell, and the notebook's own if it gives other numbers: what is built of it may be right."""
    return run.once_for(("steps", kind.name), lambda: [kind.step, *other_cell(run, kind)])


def other_cell(run: Run, kind: Kind) -> list[Step]:
    """The notebook's own cell, if it gives other numbers and does make use of all that it is given."""

    def own(x: np.ndarray, states: States, weights: Weights) -> States:
        what = f"`{kind.name}_cell(…)`"
        found = asked(run, f"{kind.name}_cell", x, *states, weights)
        parts = [found] if len(states) == 1 else several(found, len(states), what)
        return tuple(expect_shape(part, states[0].shape, what) for part in parts)

    x, *states = inputs = some(run, 2, 3), *(some(run, 2, 4) for _ in kind.states)
    weights = some_weights(run, 3, 4, kind.parts)
    try:
        found = own(x, tuple(states), weights)
        # One of the others after the other is changed; the weights stay.
        changed = [[-one if i == n else one for i, one in enumerate(inputs)] for n in range(len(inputs))]
        blind = any(np.allclose(found, own(x, tuple(states), weights)) for x, *states in changed)
    except SubmissionFault:
        return []
    return [] if blind or np.allclose(found, kind.step(inputs[0], inputs[1:], weights), 1e-3, 1e-4) else [own]


def fitting(found: Any, options: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The option whose first array was found, else the first of them: the oracle's."""
    return next((option for option in options if matches(found, option[0])), options[0])


def states_measured(run: Run, kind: Kind) -> list[tuple[int, int]]:
    """The states whose gradient may be meant: where a reader gives a wrong last one, that has cost its points."""
    return run.once_for(("measured", kind.name), lambda: [LAST, *other_last(run, kind)])


def other_last(run: Run, kind: Kind) -> list[tuple[int, int]]:
    """Which state the notebook's own reader gives as the last h, by mistake: the first h, or the memory."""
    x, weights = some(run, 2, 6, 3), some_weights(run, 3, 4, kind.parts)
    try:
        _, h, *_ = several(asked(run, kind.name, x, weights), 1 + len(kind.states), f"`{kind.name}(…)`")
    except SubmissionFault:
        return []
    states = read(kind, x, weights)
    taken = [(n, step) for n, step in ((0, 0), (1, -1)) if n < len(states) and state_like(h, states[n][:, step])]
    return taken[:1]


def sequences(run: Run) -> list[tuple[int, int, int, int]]:
    """Sizes of sequences to be read, random ones and others: batch, length, inputs, hidden."""
    return [sizes(run), (1, *sizes(run)[1:]), (2, 1, 3, 4), (2, 25, 3, 5)]


def expect_reading(run: Run, kind: Kind, given: bool = False, to_the_end: bool = False) -> None:
    """`rnn` or `lstm` of sequences, from given states or from none: all its h, and the last states as well."""
    for batch, length, inputs, hidden in sequences(run):
        x, weights = some(run, batch, length, inputs), some_weights(run, inputs, hidden, kind.parts)
        begun = tuple(some(run, batch, hidden) for _ in kind.states) if given else ()
        passed_in = begun if len(begun) < 2 else [begun]  # two states are passed in as a pair
        what = call_of(f"`{kind.name}(x, weights{f', {kind.state}' if given else ''})`", x)
        found = asked(run, kind.name, x, weights, *passed_in, unchanged=to_the_end)
        returns = tr("It returns `states, {state}`.", state=kind.state)
        states, *last = several(found, 1 + len(kind.states), what, returns)
        first_part = tr("{what}, its first part,", what=what)
        states = numeric(states, first_part)
        right = fitting(states, [read(kind, x, weights, begun, step) for step in steps(run, kind)])
        expect_states(states, right[0], first_part, "" if states.shape == right[0].shape else BATCH_FIRST)
        if to_the_end:
            expect_last(kind, last, [one[:, -1] for one in right], what)


def expect_last(kind: Kind, last: list[Any], right: list[np.ndarray], what: str) -> None:
    """The last states, in their order."""
    hint = tr("That is the state after the last step.")
    if all(state_like(one, other) for one, other in zip(last, right[::-1], strict=True)):
        hint = tr("The pair is `(h, c)`: h comes first, then the memory c.")
    for name, found, state in zip(kind.states, last, right, strict=True):
        expect_states(found, state, tr("{what}, its last {name},", what=what, name=name), hint)
