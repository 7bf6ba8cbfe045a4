"""What a notebook says of a network, compared with what is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import Run, ask, called, expect, expect_call, expect_shape, fail, numeric, tr

from .oracle import active, joints, output, slopes

STEP_BY_STEP = tr("Go step by step, as the pictures do: pre-activations, ReLU, times their φ, sum, and φ₀.")


def row(value: Any, what: str) -> np.ndarray:
    """Numbers in one row: (n, 1) and (1, n) will do, and a bare number where there is one."""
    array = numeric(value, what)
    return array.ravel() if array.ndim == 0 or (array.ndim == 2 and 1 in array.shape) else array


def expect_output(run: Run, phi: np.ndarray, theta: np.ndarray, n: int = 41) -> None:
    """Fail unless `network` gives the output at so many places; at 41, where 0 is among them, and some far out."""
    x = run.rng.uniform(-4, 4, n).round(2)
    if n > 4:
        x[-3:] = 0, *run.rng.uniform([-90, 20], [-20, 90]).round(2)
    what = "`network(x, phi, theta)`"  # untranslated
    if len(theta) != 3:
        what = tr("`network(x, phi, theta)` with {n} hidden units", n=len(theta))
    right = output(x, phi, theta)
    found = row(ask(run, "network", x, phi, theta), what)
    expect_shape(found, right.shape, what, tr("Asked for {n} places, it has to give as many numbers.", n=n))
    off = np.flatnonzero(~(np.abs(found - right) <= 1e-4 + 1e-4 * np.abs(right)))
    if len(off):
        message = tr(
            "`network` is {found:.4g} for phi = {phi}, theta = {theta} and x = {x}.",
            found=found[off[0]],
            phi=phi.tolist(),
            theta=theta.tolist(),
            x=x[off[0]],
        )
        fail(message, STEP_BY_STEP)


def expect_joints(run: Run, theta: np.ndarray, hint: str) -> None:
    """Fail unless `find_joints` gives them."""
    _expect_row(run, "find_joints", [theta], joints(theta), hint)


def expect_slopes(run: Run, phi: np.ndarray, theta: np.ndarray, hint: str, off: float = 1e-3) -> None:
    """Fail unless `find_slopes` gives them, to within `off`."""
    _expect_row(run, "find_slopes", [phi, theta], slopes(phi, theta), hint, off)


def _expect_row(run: Run, name: str, args: list[np.ndarray], right: np.ndarray, hint: str, off: float = 1e-3) -> None:
    what = called(name, *args)
    expect_call(run, name, args, right, hint, what=what, read=lambda found: row(found, what), rtol=off, atol=off)


def expect_active(run: Run, theta: np.ndarray, hint: str) -> None:
    """Fail unless `find_active` tells them."""
    judge_active(ask(run, "find_active", theta), active(theta), called("find_active", theta), hint)


def judge_active(value: Any, right: np.ndarray, what: str, hint: str) -> None:
    """Fail unless a table tells which units are active: a row for each region, a column for each unit."""
    found = numeric(value, what)
    if found.ndim == 1 and 1 in right.shape and found.size == right.size:  # one region, or one unit
        found = found.reshape(right.shape)
    turned = found.shape != right.shape and found.shape == right.T.shape
    yours_is_turned = tr("Regions are rows, units are columns: yours is turned.")
    expect_shape(found, right.shape, what, yours_is_turned if turned else hint)
    other = tr("{what} holds other numbers than 0 and 1.", what=what)
    expect(np.isin(found, [0, 1]).all(), other, tr("1 is active, 0 is not."))
    for region, unit in np.argwhere(found != right):
        message = tr(
            "{what} is wrong about unit {unit} in region {region} from the left.",
            what=what,
            unit=unit + 1,
            region=region + 1,
        )
        fail(message, hint)
