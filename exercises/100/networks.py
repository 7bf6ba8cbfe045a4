"""How many parameters a fully connected network has, and the usual wrong numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from grader.checks import tr

ALL_BIASES = tr("The biases are missing: one for every unit that arrows point to.")
OUTPUT_BIASES = tr("The biases of the outputs are missing: outputs are computed, as hidden units are.")
HIDDEN_BIASES = tr("The biases of the hidden units are missing: in the chapter's words, Θ has two columns.")
INPUT_BIASES = tr("An input is given, not computed: it has no bias.")
WRONG_END = tr("A bias belongs to the unit that arrows point to, not to the one that they come from.")
SHARED_BIAS = tr("Each unit of a layer has a bias of its own: they do not share one.")
ONE_LAYER = tr("That is one layer only: count the parameters of all layers.")
UNITS = tr("That is the number of units: count the arrows between them, and the biases.")


def count(sizes: Sequence[int]) -> int:
    """Parameters of a network with these layers, inputs and outputs among them."""
    return sum(n * (m + 1) for m, n in pairwise(sizes))


def usual_counts(sizes: Sequence[int]) -> list[tuple[str, int]]:
    """Hints, and the wrong numbers that they belong to."""
    inputs, outputs = sizes[0], sizes[-1]
    weights, biases = sum(m * n for m, n in pairwise(sizes)), sum(sizes[1:])
    return [
        (ALL_BIASES, weights),
        (OUTPUT_BIASES, weights + biases - outputs),
        (HIDDEN_BIASES, weights + outputs),
        (INPUT_BIASES, weights + inputs + biases),
        (WRONG_END, weights + inputs + biases - outputs),
        (SHARED_BIAS, weights + len(sizes) - 1),
        (ONE_LAYER, count(sizes[:2])),
        (ONE_LAYER, count(sizes[-2:])),
        (UNITS, sum(sizes)),
    ]
