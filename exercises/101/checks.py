"""Exercise 101: a shallow network as joints, regions, slopes and active units; Problem 3.4's version of it.

The functions are judged on networks picked at grading time, and the cases that trip a formula (a unit without a
slope, two joints at one place) apart from the others. Of the picture it is only judged that a line is drawn in it: the
teacher looks at the rest.
"""

from __future__ import annotations

import numpy as np

from grader.checks import Run, ask, check, expect, expect_close, fail, tr

from .judging import expect_active, expect_joints, expect_output, expect_slopes, judge_active, row
from .networks import ODD, some_phi, some_theta, with_closer_joints, with_flat_units, with_shared_joint
from .oracle import NEW_THETA, PHI, THETA, active, joints, slopes
from .picture import PICTURE, read_png, shows_a_line

FORMULA = tr("Solve θ₀ + θ₁·x = 0 for x, unit by unit, and sort what you get.")
EVERYWHERE = tr("Joints may lie anywhere, close to each other or far out: compute them, each by itself.")
FLAT = tr("A unit whose pre-activation has slope 0 crosses 0 nowhere: leave it out before you divide.")
SHARED = tr("Two units that switch at the same place make one joint.")
INSIDE = tr("Take one place inside each region, and look at the sign of every pre-activation there.")
NOTHING_BETWEEN = tr("Units that switch at one place leave no region between them.")
ADDS = tr("A unit that is active in a region adds φ·θ₁ to the slope there; one that is clipped adds nothing.")
ONE_REGION = tr("Without a joint there is one region, the whole axis: its row or slope is still to be given.")


@check(points=2)
def network_of_figure_3_3_is_right(run: Run) -> None:
    """`network` gives the output of figure 3.3's network."""
    expect_output(run, PHI, THETA)


@check(points=2)
def other_networks_are_right(run: Run) -> None:
    """`network` gives the output of other networks, with any number of hidden units."""
    for units in (3, 5, 1, 2):
        expect_output(run, some_phi(run.rng, units), some_theta(run.rng, units))
    for n in (1, 4):  # one place; and as many as there are units, where a table that is turned has the same shape
        expect_output(run, some_phi(run.rng, 4), some_theta(run.rng, 4), n)


@check(points=2)
def joints_are_found(run: Run) -> None:
    """`find_joints` gives the joints from left to right."""
    expect_joints(run, THETA, FORMULA)
    for units in (1, 3, 4, 6):
        expect_joints(run, some_theta(run.rng, units), FORMULA)
    for odd in (*ODD, with_closer_joints):
        expect_joints(run, odd(run.rng), EVERYWHERE)


@check(points=1, needs=joints_are_found)
def flat_units_have_no_joint(run: Run) -> None:
    """`find_joints` leaves units out that never switch."""
    expect_joints(run, with_flat_units(run.rng, 3), FLAT)
    found = row(ask(run, "find_joints", with_flat_units(run.rng, 0)), "`find_joints`")
    expect(found.size == 0, tr("`find_joints` finds a joint where no unit ever switches."), FLAT)


@check(points=1, needs=joints_are_found)
def joint_of_two_units_is_one(run: Run) -> None:
    """`find_joints` gives a place once where two units switch."""
    for _ in range(2):
        expect_joints(run, with_shared_joint(run.rng), SHARED)


@check(points=2)
def active_units_are_right(run: Run) -> None:
    """`find_active` tells which units are active in each region."""
    for theta in (THETA, *(some_theta(run.rng, units) for units in (1, 3, 4, 6)), *(odd(run.rng) for odd in ODD)):
        expect_active(run, theta, INSIDE)


@check(points=1, needs=active_units_are_right)
def active_units_of_odd_networks_are_right(run: Run) -> None:
    """`find_active` knows units that never switch, and two that switch at the same place."""
    expect_active(run, with_flat_units(run.rng, 3), INSIDE)
    expect_active(run, with_shared_joint(run.rng), NOTHING_BETWEEN)
    expect_active(run, with_flat_units(run.rng, 0), ONE_REGION)


@check(points=2)
def slopes_are_right(run: Run) -> None:
    """`find_slopes` gives the slope of every region from left to right."""
    expect_slopes(run, PHI, THETA, ADDS)
    for units in (1, 3, 4, 6):
        expect_slopes(run, some_phi(run.rng, units), some_theta(run.rng, units), ADDS)
    for odd in ODD:
        theta = odd(run.rng)
        # Measured in float32, far out or within a narrow region, a slope is not exact. A unit more or less is 0.09.
        expect_slopes(run, some_phi(run.rng, len(theta)), theta, ADDS, off=0.02)


@check(points=1, needs=slopes_are_right)
def slopes_of_odd_networks_are_right(run: Run) -> None:
    """`find_slopes` knows units that never switch, and two that switch at the same place."""
    expect_slopes(run, some_phi(run.rng, 6), with_flat_units(run.rng, 3), ADDS)
    # Where a unit counts for nothing, two regions side by side have the same slope, and it is told for both.
    expect_slopes(run, some_phi(run.rng, 4) * [1, 1, 0, 1, 1], some_theta(run.rng, 4), ADDS)
    expect_slopes(run, some_phi(run.rng, 5), with_shared_joint(run.rng), ADDS)
    expect_slopes(run, some_phi(run.rng, 3), with_flat_units(run.rng, 0), ONE_REGION)


# ---------------------------------------------------------------------- Problem 3.4


@check(points=1, hint=tr("Only the last row differs from figure 3.3: first the y-intercept, then the slope."))
def new_theta_is_right(run: Run) -> None:
    """`new_theta` holds the parameters of Problem 3.4."""
    expect_close(run.value("new_theta"), NEW_THETA, "`new_theta`", atol=1e-5)


@check(points=1, hint=FORMULA)
def new_joints_are_right(run: Run) -> None:
    """`new_joints` are the joints of Problem 3.4's network."""
    expect_close(row(run.value("new_joints"), "`new_joints`"), joints(NEW_THETA), "`new_joints`", atol=6e-4)


@check(points=2, hint=ADDS)
def new_slopes_are_right(run: Run) -> None:
    """`new_slopes` are the slopes of its regions."""
    found = row(run.value("new_slopes"), "`new_slopes`")
    if found.shape == (4,) and np.allclose(found, slopes(PHI, THETA), atol=6e-4):
        hint = tr("The third unit has changed: where is it active now?")
        fail(tr("`new_slopes` are the slopes of figure 3.3."), hint)
    expect_close(found, slopes(PHI, NEW_THETA), "`new_slopes`", atol=6e-4)


@check(points=1)
def new_active_is_right(run: Run) -> None:
    """`new_active` tells which units are active in its regions."""
    judge_active(run.value("new_active"), active(NEW_THETA), "`new_active`", INSIDE)


@check(points=2, when="ended", hint=tr('Call `plt.savefig("picture.png")` after drawing and before `plt.show()`.'))
def picture_is_drawn(run: Run) -> str:
    """The notebook draws the network and saves it as `picture.png`."""
    expect(PICTURE in run.files("*.png"), tr("The notebook wrote no file named {name}.", name=PICTURE))
    image = read_png(run.file(PICTURE))
    blank = tr("{name} shows no line, or hardly any: did you save it before you drew?", name=PICTURE)
    expect(shows_a_line(image), blank)
    return tr("{width} × {height} pixels", width=image.shape[1], height=image.shape[0])
