"""What is right of a shallow network: its output, its joints, which units are active in its regions, and the slopes.

A network is phi, shape (D + 1,), and theta, shape (D, 2), where D is the number of its hidden units.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

# Figure 3.3's network, and Problem 3.4's version of it.
PHI = np.array([-0.23, -1.3, 1.3, 0.66])
THETA = np.array([[-0.2, 0.4], [-0.9, 0.9], [1.1, -0.7]])
NEW_THETA = np.array([[-0.2, 0.4], [-0.9, 0.9], [-1.05, 0.7]])


def output(x: np.ndarray, phi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The output at some places, shape (N,)."""
    y: np.ndarray = phi[0] + np.maximum(0, theta[:, 0] + np.outer(x, theta[:, 1])) @ phi[1:]
    return y


def joints(theta: np.ndarray) -> np.ndarray:
    """The joints from left to right, each once, shape (J,)."""
    sloping = theta[theta[:, 1] != 0]
    return np.unique(-sloping[:, 0] / sloping[:, 1])


def active(theta: np.ndarray) -> np.ndarray:
    """Which units are active in which region, bool (J + 1, D)."""
    ends = joints(theta)
    places = [ends[0] - 1, *((a + b) / 2 for a, b in pairwise(ends)), ends[-1] + 1] if len(ends) else [0.0]
    pre_activations: np.ndarray = theta[:, 0] + np.outer(places, theta[:, 1])
    return pre_activations > 0


def slopes(phi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The slope of each region, shape (J + 1,)."""
    found: np.ndarray = active(theta) @ (phi[1:] * theta[:, 1])
    return found
