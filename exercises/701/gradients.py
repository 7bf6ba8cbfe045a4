"""How far gradients reach: `gradient_norm`, and what the notebook measures with it on networks of its own."""

from __future__ import annotations

import numpy as np

from grader.checks import (
    Run,
    expect,
    expect_close,
    expect_number,
    expect_shape,
    numeric,
    plain,
    shape_told,
    tr,
    whole_number,
)

from .asked import asked, call_of, several, sizes, some, some_weights
from .cells import Kind, Weights, norm_of
from .readings import states_measured

LENGTHS = (1, 2, 5, 10, 20, 30, 40, 50)  # at which the notebook measures
NUDGED = tr(
    "It is right for short sequences. Measured with a nudge, so small a gradient is lost among rounding errors: "
    "let autograd work it out."
)
LONG_ENOUGH = tr("Measure up to 50 steps, on the networks that the notebook makes.")


def expect_gradient(run: Run, kind: Kind) -> None:
    """`gradient_norm` on sequences of several lengths, some so long that hardly a gradient is left."""
    hint = tr("The gradient of the last h's sum, only that part of it which belongs to `x[:, 0]`, and its norm.")
    for length, batch in ((1, 1), (2, 3), (6, 2), (15, 1)):
        _, _, inputs, hidden = sizes(run)
        x, weights = some(run, batch, length, inputs), some_weights(run, inputs, hidden, kind.parts, scale=0.7)
        options = [norm_of(kind, x, weights, state) for state in states_measured(run, kind)]
        what = call_of(f'`gradient_norm("{kind.name}", x, weights)`', x)
        found = expect_number(asked(run, "gradient_norm", kind.name, x, weights), what, hint)
        right = next((one for one in options if np.isclose(found, one, rtol=1e-2, atol=0)), options[0])
        nudged = length > 6 and abs(found - right) < 1e-3
        expect_close(found, right, what, rtol=1e-2, atol=0, hint=NUDGED if nudged else hint)


def own_weights(run: Run, kind: Kind, x: np.ndarray) -> Weights:
    """The notebook's own weights, if they fit together and the sequence."""
    name = f"{kind.name}_weights"
    found = several(run.value(name), 4, f"`{name}`", tr("It holds the four tensors of one layer."))
    weights = [numeric(one, f"`{name}`") for one in found]
    hidden = weights[1].shape[-1] if weights[1].ndim else 0
    rows = kind.parts * hidden
    fit = [one.shape for one in weights] == [(rows, x.shape[2]), (rows, hidden), (rows,), (rows,)]
    small = fit and 0 < hidden <= 100 and all(bool((np.abs(one) < 100).all()) for one in weights)
    message = tr("`{name}` does not hold the weights of one layer.", name=name)
    expect(small, message, tr("Keep the networks as the notebook makes them."))
    return weights


def sequence_and_lengths(run: Run) -> tuple[np.ndarray, list[int]]:
    """What the notebook measures on."""
    x = expect_shape(run.value("sequence"), (None, None, None), "`sequence`")
    lengths = [whole_number(n, tr("A length in `lengths`")) for n in run.array("lengths").ravel()[:60].tolist()]
    fit = all(1 <= n <= x.shape[1] for n in lengths) and len(lengths) > 1 and x.size <= 2_000
    message = tr("`lengths` does not fit `sequence`, whose shape is {shape}.", shape=shape_told(x.shape))
    expect(fit, message, tr("Keep both as they were."))
    message = tr("`lengths` is {found}.", found=plain(str(lengths), 200))
    named = tr("Measure at the lengths that the notebook names: {lengths}.", lengths=", ".join(map(str, LENGTHS)))
    expect(set(LENGTHS) <= set(lengths), message, named)
    return x, lengths


def expect_norms(run: Run, name: str, kind: Kind, parts: list[np.ndarray], weights: Weights) -> float:
    """The norms that the notebook measured on these sequences. Returns the last one as a share of the first."""
    found = run.array(name).ravel()
    norms = [norm_of(kind, part, weights) for part in parts]
    expect(np.isfinite(norms).all(), tr("The gradient explodes in the notebook's networks."), LONG_ENOUGH)
    left, least = norms[-1] / max(norms[0], 1e-300), 1e-12 * norms[0]
    for state in states_measured(run, kind)[1:]:
        others = [norm_of(kind, part, weights, state) for part in parts]
        norms = others if found.shape == (len(others),) and np.allclose(found, others, 2e-2, least) else norms
    short = found.shape == (len(norms),) and np.allclose(found[:4], norms[:4], 2e-2, 0)
    hint = tr("Measure on `sequence[:, :length]` for each of the `lengths`, with the weights that the notebook makes.")
    expect_close(found, norms, f"`{name}`", rtol=2e-2, atol=least, hint=NUDGED if short else hint)
    return left
