"""A trial of `timed`: what it says of a pretend GPU, beside the grader's own clock."""

from __future__ import annotations

import time

from grader.checks import Run, expect, expect_number, tr


def trial(busy: float, seconds: float) -> str:
    """A trial as messages name it."""
    return f"`trial({busy:.2f}, {seconds:.2f})`"


def tried(run: Run, busy: float, seconds: float) -> float:
    """What `timed` measures in a trial; fails if it cannot have waited for the work."""
    what = trial(busy, seconds)
    begun = time.monotonic()
    measured = expect_number(run.call("trial", busy, seconds), what)
    waited = time.monotonic() - begun
    shown = {"what": what, "measured": measured, "seconds": seconds, "waited": waited}
    expect(
        measured >= 0.9 * seconds,
        tr("{what} measures {measured:.4f} s for work that takes {seconds:.2f} s.", **shown),
        tr("The clock is looked at before the device has finished, or it is a clock that stands still meanwhile."),
    )
    expect(
        waited >= 0.9 * (busy + seconds),
        tr("{what} gives its answer after {waited:.2f} s, when the device cannot have finished.", **shown),
        tr("Leave `trial` and `PretendGPU` as they are, and let `timed` wait for the work."),
    )
    expect(
        measured <= max(1, 2 * waited),
        tr(
            "{what} measures {measured:.1f} for work of {seconds:.2f} seconds, and gives its answer after "
            "{waited:.2f}.",
            **shown,
        ),
        tr("Give seconds, not milliseconds."),
    )
    return measured
