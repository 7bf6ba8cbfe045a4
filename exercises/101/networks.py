"""Networks to ask about, picked at grading time."""

from __future__ import annotations

import numpy as np


def some_phi(rng: np.random.Generator, units: int) -> np.ndarray:
    """The output's parameters."""
    return rng.choice([-1, 1], units + 1) * rng.uniform(0.3, 2, units + 1).round(2)


def some_theta(rng: np.random.Generator, units: int) -> np.ndarray:
    """Units with joints well apart that do not come in order, and slopes of both signs (if there are several)."""
    while True:
        slope = rng.choice([-1, 1], units) * rng.uniform(0.3, 2, units)
        theta = np.column_stack([-slope * rng.uniform(-3, 3, units), slope]).round(2)
        places = -theta[:, 0] / theta[:, 1]
        apart = np.diff(np.sort(places)).min(initial=1) > 0.2
        mixed = (np.diff(places) < 0).any() and len(set(np.sign(slope))) == 2
        if apart and (mixed or units == 1):
            return theta


def with_close_joints(rng: np.random.Generator) -> np.ndarray:
    """Two pairs of units that switch close to each other, but at two places each, and a single one."""
    a, b, c = rng.choice([-2, -1, 0, 1, 2], 3, replace=False) + rng.uniform(-0.2, 0.2, 3)
    places = np.array([a, a + rng.uniform(0.021, 0.024), b, b - rng.uniform(0.04, 0.13), c])
    return _switching_at(rng, places, rng.choice([-1, 1], 5) * rng.uniform(0.3, 2, 5))


def with_far_joints(rng: np.random.Generator) -> np.ndarray:
    """Units that switch far out on either side, and others near 0."""
    near = rng.uniform(-2, -0.5), rng.uniform(0.5, 2)
    places = np.array([*near, rng.uniform(6, 9), rng.uniform(-60, -20), rng.uniform(100, 400)])
    return _switching_at(rng, places, rng.choice([-1, 1], 5) * rng.uniform(0.3, 2, 5))


def with_small_slopes(rng: np.random.Generator) -> np.ndarray:
    """Units whose pre-activations hardly rise or fall: they switch all the same."""
    slope = rng.choice([-1, 1], 4) * np.concatenate([rng.uniform(0.0003, 0.0009, 2), rng.uniform(0.3, 2, 2)])
    return _switching_at(rng, rng.permutation([-2.5, -1, 0.5, 2]) + rng.uniform(-0.3, 0.3, 4), slope)


def with_joint_at_zero(rng: np.random.Generator) -> np.ndarray:
    """A unit that switches at 0: whoever asks `if joint:` loses it."""
    places = np.array([0, rng.uniform(-3, -1), rng.uniform(1, 3)])
    return _switching_at(rng, places, rng.choice([-1, 1], 3) * rng.uniform(0.3, 2, 3))


ODD = (with_close_joints, with_far_joints, with_small_slopes, with_joint_at_zero)


def with_closer_joints(rng: np.random.Generator) -> np.ndarray:
    """Two units that switch so close to each other that nobody could see two joints; that is for formulas."""
    place = rng.uniform(0.5, 2)
    places = np.array([place, place + rng.uniform(0.005, 0.008), -place])
    return _switching_at(rng, places, rng.choice([-1, 1], 3) * rng.uniform(0.3, 2, 3))


def _switching_at(rng: np.random.Generator, places: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return rng.permutation(np.column_stack([-slope * places, slope]).round(6)) + 0.0  # no -0.0


def with_flat_units(rng: np.random.Generator, units: int) -> np.ndarray:
    """So many units that switch, and others that never do: one always on, two always off, one of them at 0 itself."""
    theta = some_theta(rng, units) if units else np.empty((0, 2))
    flat = np.array([[rng.uniform(0.2, 1), 0], [-rng.uniform(0.2, 1), 0], [0, 0]]).round(2)
    return rng.permutation(np.concatenate([theta, flat]))


def with_shared_joint(rng: np.random.Generator) -> np.ndarray:
    """Two pairs of units that switch at one place each, and a single one.

    All numbers are sums of a few powers of two, so that any way to compute the places gives the same ones.
    """
    places = rng.choice(np.arange(-8, 9), 3, replace=False) / 4 + 0.125
    slope = np.array([1, -0.5, 0.5, 2, -1])
    return rng.permutation(np.column_stack([-slope * places[[0, 0, 1, 1, 2]], slope]))
