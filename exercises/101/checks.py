"""Exercise 101: a shallow network as joints, regions, slopes and active units; Problem 3.4's version of it.

The functions are judged on networks picked at grading time, and the cases that trip a formula (a unit without a
slope, two joints at one place) apart from the others. Of the picture it is only judged that a line is drawn in it: the
teacher looks at the rest.
"""

from __future__ import annotations

import io
import math
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from scipy import ndimage

from grader.checks import check, expect, expect_close, expect_shape, fail, ngettext, numeric, tensor, tr
from grader.errors import CallFailed

if TYPE_CHECKING:
    from grader.run import Run

PHI = np.array([-0.23, -1.3, 1.3, 0.66])
THETA = np.array([[-0.2, 0.4], [-0.9, 0.9], [1.1, -0.7]])
NEW_THETA = np.array([[-0.2, 0.4], [-0.9, 0.9], [-1.05, 0.7]])

STEP_BY_STEP = tr("Go step by step, as the pictures do: pre-activations, ReLU, times their φ, sum, and φ₀.")
FORMULA = tr("Solve θ₀ + θ₁·x = 0 for x, unit by unit, and sort what you get.")
EVERYWHERE = tr("Joints may lie anywhere, close to each other or far out: compute them, each by itself.")
INSIDE = tr("Take one place inside each region, and look at the sign of every pre-activation there.")
ADDS = tr("A unit that is active in a region adds φ·θ₁ to the slope there; one that is clipped adds nothing.")
ONE_REGION = tr("Without a joint there is one region, the whole axis: its row or slope is still to be given.")


# ---------------------------------------------------------------------- what is right


def output(x: np.ndarray, phi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    return phi[0] + np.maximum(0, theta[:, 0] + np.outer(x, theta[:, 1])) @ phi[1:]


def joints(theta: np.ndarray) -> np.ndarray:
    sloping = theta[theta[:, 1] != 0]
    return np.unique(-sloping[:, 0] / sloping[:, 1])


def active(theta: np.ndarray) -> np.ndarray:
    ends = joints(theta)
    places = [ends[0] - 1, *((a + b) / 2 for a, b in pairwise(ends)), ends[-1] + 1] if len(ends) else [0.0]
    return theta[:, 0] + np.outer(places, theta[:, 1]) > 0


def slopes(phi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    return active(theta) @ (phi[1:] * theta[:, 1])


# ---------------------------------------------------------------------- networks to ask about


def some_phi(rng: np.random.Generator, units: int) -> np.ndarray:
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
    return switching_at(rng, places, rng.choice([-1, 1], 5) * rng.uniform(0.3, 2, 5))


def with_far_joints(rng: np.random.Generator) -> np.ndarray:
    """Units that switch far out on either side, and others near 0."""
    near = rng.uniform(-2, -0.5), rng.uniform(0.5, 2)
    places = np.array([*near, rng.uniform(6, 9), rng.uniform(-60, -20), rng.uniform(100, 400)])
    return switching_at(rng, places, rng.choice([-1, 1], 5) * rng.uniform(0.3, 2, 5))


def with_small_slopes(rng: np.random.Generator) -> np.ndarray:
    """Units whose pre-activations hardly rise or fall: they switch all the same."""
    slope = rng.choice([-1, 1], 4) * np.concatenate([rng.uniform(0.0003, 0.0009, 2), rng.uniform(0.3, 2, 2)])
    return switching_at(rng, rng.permutation([-2.5, -1, 0.5, 2]) + rng.uniform(-0.3, 0.3, 4), slope)


def switching_at(rng: np.random.Generator, places: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return rng.permutation(np.column_stack([-slope * places, slope]).round(6))


def with_closer_joints(rng: np.random.Generator) -> np.ndarray:
    """Two units that switch so close to each other that nobody could see two joints; that is for formulas."""
    place = rng.uniform(0.5, 2)
    places = np.array([place, place + rng.uniform(0.005, 0.008), -place])
    return switching_at(rng, places, rng.choice([-1, 1], 3) * rng.uniform(0.3, 2, 3))


ODD = (with_close_joints, with_far_joints, with_small_slopes)


def with_flat_units(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    """The network with more units that never switch: one always on, and two always off, one of them at 0 itself."""
    flat = np.array([[rng.uniform(0.2, 1), 0], [-rng.uniform(0.2, 1), 0], [0, 0]]).round(2)
    return rng.permutation(np.concatenate([theta, flat]))


def with_shared_joint(rng: np.random.Generator) -> np.ndarray:
    """Two pairs of units that switch at one place each, and a single one.

    All numbers are sums of a few powers of two, so that any way to compute the places gives the same ones.
    """
    places = rng.choice(np.arange(-8, 9), 3, replace=False) / 4 + 0.125
    slope = np.array([1, -0.5, 0.5, 2, -1])
    theta = np.column_stack([-slope * places[[0, 0, 1, 1, 2]], slope])
    return rng.permutation(theta)


def ask(run: Run, name: str, *arrays: np.ndarray) -> Any:
    """A function's answer to arrays; whoever wrote it for tensors or for lists is asked with these."""
    try:
        return run.call(name, *arrays)
    except CallFailed as fault:
        for other in ([tensor(a, "float32") for a in arrays], [a.tolist() for a in arrays]):
            try:
                return run.call(name, *other)
            except CallFailed:
                pass
        raise fault


def as_row(value: Any, what: str) -> np.ndarray:
    """Numbers in one row: (n, 1) and (1, n) will do, and a bare number where there is one."""
    array = numeric(value, what)
    return array.ravel() if array.ndim == 0 or (array.ndim == 2 and 1 in array.shape) else array


def call_told(name: str, *arrays: np.ndarray) -> str:
    """A call as the student would type it."""
    return f"`{name}({', '.join(str(a.tolist()) for a in arrays)})`"


# ---------------------------------------------------------------------- the functions


def expect_output(run: Run, phi: np.ndarray, theta: np.ndarray) -> None:
    x = np.append(run.rng.uniform(-4, 4, 40), 0).round(2)
    what = "`network(x, phi, theta)`"  # untranslated
    if len(theta) != 3:
        what = tr("`network(x, phi, theta)` with {n} hidden units", n=len(theta))
    right = output(x, phi, theta)
    found = as_row(ask(run, "network", x, phi, theta), what)
    expect_shape(found, right.shape, what, tr("Asked for 41 places, it has to give 41 numbers."))
    off = np.flatnonzero(~(np.abs(found - right) <= 1e-4 + 1e-4 * np.abs(right)))
    if len(off):
        message = tr(
            "`network` is {found} for phi = {phi}, theta = {theta} and x = {x}.",
            found=f"{found[off[0]]:.4g}",
            phi=phi.tolist(),
            theta=theta.tolist(),
            x=x[off[0]],
        )
        fail(message, STEP_BY_STEP)


@check(points=2)
def network_of_figure_3_3_is_right(run: Run) -> None:
    """`network` gives the output of figure 3.3's network."""
    expect_output(run, PHI, THETA)


@check(points=2)
def other_networks_are_right(run: Run) -> None:
    """`network` gives the output of other networks, with any number of hidden units."""
    for units in (3, 5, 1, 2):
        expect_output(run, some_phi(run.rng, units), some_theta(run.rng, units))


def expect_joints(run: Run, theta: np.ndarray, hint: str) -> None:
    what = call_told("find_joints", theta)
    found = as_row(ask(run, "find_joints", theta), what)
    expect_close(found, joints(theta), what, rtol=1e-3, atol=1e-3, hint=hint)


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
    hint = tr("A unit whose pre-activation has slope 0 crosses 0 nowhere: leave it out before you divide.")
    expect_joints(run, with_flat_units(run.rng, some_theta(run.rng, 3)), hint)
    found = as_row(ask(run, "find_joints", with_flat_units(run.rng, np.empty((0, 2)))), "`find_joints`")
    expect(found.size == 0, tr("`find_joints` finds a joint where no unit ever switches."), hint)


@check(points=1, needs=joints_are_found)
def joint_of_two_units_is_one(run: Run) -> None:
    """`find_joints` gives a place once where two units switch."""
    for _ in range(2):
        expect_joints(run, with_shared_joint(run.rng), tr("Two units that switch at the same place make one joint."))


def expect_active(run: Run, theta: np.ndarray, hint: str) -> None:
    what = call_told("find_active", theta)
    judge_active(ask(run, "find_active", theta), active(theta), what, hint)


def judge_active(value: Any, right: np.ndarray, what: str, hint: str) -> None:
    found = numeric(value, what)
    if found.ndim == 1 and 1 in right.shape and found.size == right.size:  # one region, or one unit
        found = found.reshape(right.shape)
    turned = found.shape != right.shape and found.shape == right.T.shape
    yours_is_turned = tr("Regions are rows, units are columns: yours is turned.")
    expect_shape(found, right.shape, what, yours_is_turned if turned else hint)
    other = tr("{what} holds other numbers than 0 and 1.", what=what)
    expect(np.isin(found, [0, 1]).all(), other, tr("1 is active, 0 is not."))
    wrong = np.argwhere(found != right)
    if len(wrong):
        region, unit = wrong[0]
        message = tr(
            "{what} is wrong about unit {unit} in region {region} from the left.",
            what=what,
            unit=unit + 1,
            region=region + 1,
        )
        fail(message, hint)


@check(points=2)
def active_units_are_right(run: Run) -> None:
    """`find_active` tells which units are active in each region."""
    expect_active(run, THETA, INSIDE)
    for units in (1, 3, 4, 6):
        expect_active(run, some_theta(run.rng, units), INSIDE)
    for odd in ODD:
        expect_active(run, odd(run.rng), INSIDE)


@check(points=1, needs=active_units_are_right)
def active_units_of_odd_networks_are_right(run: Run) -> None:
    """`find_active` knows units that never switch, and two that switch at the same place."""
    expect_active(run, with_flat_units(run.rng, some_theta(run.rng, 3)), INSIDE)
    shared = tr("Units that switch at one place leave no region between them.")
    expect_active(run, with_shared_joint(run.rng), shared)
    expect_active(run, with_flat_units(run.rng, np.empty((0, 2))), ONE_REGION)


def expect_slopes(run: Run, phi: np.ndarray, theta: np.ndarray, hint: str, off: float = 1e-3) -> None:
    what = call_told("find_slopes", phi, theta)
    found = as_row(ask(run, "find_slopes", phi, theta), what)
    expect_close(found, slopes(phi, theta), what, rtol=off, atol=off, hint=hint)


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
    expect_slopes(run, some_phi(run.rng, 6), with_flat_units(run.rng, some_theta(run.rng, 3)), ADDS)
    expect_slopes(run, some_phi(run.rng, 5), with_shared_joint(run.rng), ADDS)
    expect_slopes(run, some_phi(run.rng, 3), with_flat_units(run.rng, np.empty((0, 2))), ONE_REGION)


# ---------------------------------------------------------------------- Problem 3.4


@check(points=1, hint=tr("Only the last row differs from figure 3.3: first the y-intercept, then the slope."))
def new_theta_is_right(run: Run) -> None:
    """`new_theta` holds the parameters of Problem 3.4."""
    expect_close(run.value("new_theta"), NEW_THETA, "`new_theta`", atol=1e-5)


@check(points=1, hint=FORMULA)
def new_joints_are_right(run: Run) -> None:
    """`new_joints` are the joints of Problem 3.4's network."""
    expect_close(as_row(run.value("new_joints"), "`new_joints`"), joints(NEW_THETA), "`new_joints`", atol=6e-4)


@check(points=2, hint=ADDS)
def new_slopes_are_right(run: Run) -> None:
    """`new_slopes` are the slopes of its regions."""
    found = as_row(run.value("new_slopes"), "`new_slopes`")
    if found.shape == (4,) and np.allclose(found, slopes(PHI, THETA), atol=6e-4):
        hint = tr("The third unit has changed: where is it active now?")
        fail(tr("`new_slopes` are the slopes of figure 3.3."), hint)
    expect_close(found, slopes(PHI, NEW_THETA), "`new_slopes`", atol=6e-4)


@check(points=1)
def new_active_is_right(run: Run) -> None:
    """`new_active` tells which units are active in its regions."""
    judge_active(run.value("new_active"), active(NEW_THETA), "`new_active`", INSIDE)


# ---------------------------------------------------------------------- the picture

PICTURE = "picture.png"
LEAST_SIDE = 100
MOST_PIXELS = 9_000_000


@check(points=2, when="ended", hint=tr('Call `plt.savefig("picture.png")` after drawing and before `plt.show()`.'))
def picture_is_drawn(run: Run) -> str:
    """The notebook draws the network and saves it as `picture.png`."""
    expect(PICTURE in run.files("*.png"), tr("The notebook wrote no file named {name}.", name=PICTURE))
    image = read_png(run.file(PICTURE))
    blank = tr("{name} shows no line, or hardly any: did you save it before you drew?", name=PICTURE)
    expect(shows_a_line(image), blank)
    return tr("{width} × {height} pixels", width=image.shape[1], height=image.shape[0])


def shows_a_line(image: np.ndarray) -> bool:
    """Whether a line is drawn in the grey picture (height, width), be it solid, dashed, or points in a row.

    The rest of a picture runs straight across or up (frames, grids, shaded regions, lines along the axes), or is text.
    What is in no straight run is ink. A line is ink that hangs together, by itself or once its gaps are bridged, is
    larger than a letter, and leads from one height to another little by little, which no row of letters does.
    """
    ink = not_straight(image)
    # Dashes in the same row or column are a line along an axis too, and would tie everything together.
    clean = ink & (ink.mean(axis=0) < 0.12) & (ink.mean(axis=1, keepdims=True) < 0.12)
    for bridged in (0, 0.004, 0.01, 0.02):  # of the width, on either side
        source = clean if bridged else ink
        near = ndimage.maximum_filter(source, size=2 * round(bridged * ink.shape[1]) + 1)
        labels, _ = ndimage.label(near, np.ones((3, 3)))
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            height, width = ((side.stop - side.start) / n for side, n in zip(place, ink.shape, strict=True))
            if height + width < 0.25 or (bridged and width < 0.15):
                continue
            part = source[place] & (labels[place] == number)
            if climbs(part, least=max(3, 0.012 * len(ink)), times=3 if bridged else 1.5):
                return True
    return False


def not_straight(image: np.ndarray) -> np.ndarray:
    """Where a picture lies in no long run of one grey, neither across nor up. A large one comes out smaller."""
    ink = ~(in_run(image) | in_run(image.T).T)
    step = math.ceil(math.sqrt(image.size / 640_000))
    height, width = (side // step for side in image.shape)
    squares = ink[: height * step, : width * step].reshape(height, step, width, step)
    return np.asarray(squares.any(axis=(1, 3)))


def in_run(image: np.ndarray) -> np.ndarray:
    """Which pixels have as many of the same grey beside them, in their row, as make a twentieth of it."""
    starts = np.ones(image.shape, dtype=bool)
    starts[:, 1:] = image[:, 1:] != image[:, :-1]
    lengths = np.diff(np.flatnonzero(starts), append=image.size)
    return np.repeat(lengths >= max(8, round(0.05 * image.shape[1])), lengths).reshape(image.shape)


def climbs(part: np.ndarray, least: float, times: float) -> bool:
    """Whether ink leads from one height to another, above or below: by `least`, and by `times` its own thickness."""
    columns = part[:, part.any(axis=0)]
    if columns.shape[1] < 24:
        return False
    least = max(least, times * float(np.median(columns.sum(axis=0))))
    for edge in (columns.argmax(axis=0), columns[::-1].argmax(axis=0)):
        path = np.array([np.median(some) for some in np.array_split(edge, 24)])
        span, steps = np.ptp(path), np.abs(np.diff(path))
        if (
            span < least or steps.max() > 0.37 * span or steps.sum() > 4 * span
        ):  # level; a jump; up and down, as letters
            continue
        if len(np.unique(np.floor((path - path.min()) / span * 5.999))) >= 5:  # of six heights between
            return True
    return False


def read_png(raw: bytes) -> np.ndarray:
    """The picture in grey, (height, width), on white where it is transparent."""
    is_png = len(raw) > 33 and raw[:8] == b"\x89PNG\r\n\x1a\n" and raw[12:16] == b"IHDR"
    expect(is_png, tr("{name} is no PNG file.", name=PICTURE))
    width, height = struct.unpack(">II", raw[16:24])
    sensible = min(width, height) >= LEAST_SIDE and width * height <= MOST_PIXELS
    hint = ngettext(
        "A picture to look at has {side} pixels a side or more, and at most {n} pixel.",
        "A picture to look at has {side} pixels a side or more, and at most {n} pixels.",
        MOST_PIXELS,
        side=LEAST_SIDE,
    )
    message = tr("{name} has {width} × {height} pixels.", name=PICTURE, width=width, height=height)
    expect(sensible, message, hint)
    try:
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as image:
            if image.size != (width, height):
                raise ValueError("a second header says something else")  # untranslated
            painted = image.convert("RGBA")
    except Exception:  # Pillow raises whatever it likes on a broken file
        fail(tr("{name} is a broken PNG file.", name=PICTURE))
        raise AssertionError from None  # not reached: fail() raises
    grey = Image.new("L", painted.size, 255)
    grey.paste(painted.convert("L"), mask=painted.getchannel("A"))
    return np.asarray(grey)
