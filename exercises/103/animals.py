"""Brains and networks in numbers, and which is closest to which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grader.checks import Run, expect_equal, expect_text

SYNAPSES = {  # untranslated
    "roundworm": 7_500,
    "fruit fly": 50_000_000,
    "honey bee": 1_000_000_000,
    "mouse": 100_000_000_000,
    "rat": 448_000_000_000,
    "cat": 10_000_000_000_000,
    "human": 150_000_000_000_000,
}
MODELS = {
    "LeNet-5": 60_000,
    "AlexNet": 60_000_000,
    "GPT-3": 175_000_000_000,
    "Grok-1": 314_000_000_000,
    "GPT-4": 1_760_000_000_000,
}
SOME_ANIMALS = ["pike", "hedgehog", "raven", "moose", "viper", "lynx", "swan", "perch"]


def expect_closest(found: Any, parameters: int, counts: Mapping[str, int], what: str) -> None:
    """Fail unless that is the animal with the smallest ratio to the number of parameters."""
    right = min(counts, key=lambda animal: abs(np.log(counts[animal] / parameters)))
    expect_equal(expect_text(found, what).strip().lower(), right, what)


def some(run: Run) -> Iterator[tuple[int, dict[str, int]]]:
    """Numbers of parameters, each with animals and their numbers."""
    # A little before the middle of two animals and a little behind it, where whole digits, of the animals or of all
    # numbers, say the opposite.
    low, high = (0.13, 0.33), (0.67, 0.87)
    for place, digits in ((0.46, low), (0.46, high), (0.54, low), (0.54, high), (-0.5, low), (1.5, high)):
        n = int(run.rng.integers(3, 7))
        names = [str(name) for name in run.rng.permutation(SOME_ANIMALS)[:n]]
        # Thousandfold steps. Between two of them nearly all numbers are closer to the smaller one by difference.
        powers = 3 + run.rng.uniform(*digits) + 3 * np.arange(n)
        counts = {name: int(10**power) for name, power in zip(names, powers, strict=True)}
        step = {-0.5: 0, 1.5: n - 2}.get(place, int(run.rng.integers(n - 1)))
        parameters = int(10 ** (powers[step] + 3 * place))
        yield parameters, {str(name): counts[str(name)] for name in run.rng.permutation(names)}
