"""Exercise 101 sees a line in a picture, however it is drawn, and none in an empty frame, whatever is written on it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import matplotlib.style
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grader.exercise import load
from tests.conftest import ROOT

_ = load(ROOT / "exercises" / "101").checks
oracle: Any = sys.modules["_checks_101.oracle"]
seen: Any = sys.modules["_checks_101.picture"]
Drawing = Callable[[Axes], object]

X = np.linspace(0, 2, 401)
JOINTS = [0.5, 1, 1.5]
NAMED = "The network of Problem 3.4 and that of figure 3.3"


def output(x: np.ndarray) -> np.ndarray:
    return np.asarray(oracle.output(x, oracle.PHI, oracle.NEW_THETA))


def line(axes: Axes, style: str = "-", points: int = 401, limit: float | None = None, **options: Any) -> None:
    x = np.linspace(0, 2, points)
    axes.plot(x, output(x), style, **options)
    if limit:
        axes.set_ylim(-limit, limit)


def words(axes: Axes) -> None:
    axes.set(title=NAMED, xlabel="input x", ylabel="output y of the network")


def straight(axes: Axes, style: str) -> None:
    """What may stand beside a line: a grid, an axis, the joints, the regions."""
    words(axes)
    axes.grid(linestyle=style)
    axes.axhline(0, linestyle=style, color="k")
    for joint in JOINTS:
        axes.axvline(joint, linestyle=style)
        axes.axvspan(joint - 0.5, joint, color=f"C{round(2 * joint)}", alpha=0.2)
        axes.text(joint - 0.4, 0.6, "active:\n1, 2")


def far(axes: Axes) -> None:
    x = np.linspace(-10, 10, 1000)
    axes.plot(x, output(x))
    axes.set_ylim(-1, 1)


def two(axes: Axes) -> None:
    axes.plot(X, np.asarray(oracle.output(X, oracle.PHI, oracle.THETA)), "--", color="grey", label="figure 3.3")
    line(axes, label="Problem 3.4")
    axes.legend()


def beside(drawing: Drawing, style: str) -> Drawing:
    return lambda axes: (drawing(axes), straight(axes, style))


def legend(axes: Axes) -> None:
    axes.plot([], [], label="figure 3.3")
    axes.plot([], [], "o--", label="Problem 3.4, the line of the new network")
    axes.legend(loc="center")


def joints_alone(axes: Axes) -> None:
    axes.plot(JOINTS, output(np.array(JOINTS)), "o", markersize=12)
    axes.axis((0, 2, -1, 1))


def written(size: int) -> Drawing:
    return lambda axes: axes.text(0.5, 0.5, "Problem 3.4\non paper", fontsize=size, ha="center")


DRAWN: dict[str, Drawing] = {
    "plain": line,
    "thin": lambda axes: line(axes, linewidth=0.3),
    "pale": lambda axes: line(axes, linewidth=0.6, alpha=0.3, color="y"),
    "thick": lambda axes: line(axes, linewidth=20),
    "dashed": lambda axes: line(axes, "--"),
    "dotted": lambda axes: line(axes, ":"),
    "corners": lambda axes: line(axes, "r-o", 5),
    "points": lambda axes: line(axes, "o", 50),
    "few points": lambda axes: line(axes, ".", 25),
    "steps": lambda axes: line(axes, points=41, drawstyle="steps"),
    "rough": lambda axes: line(axes, antialiased=False),
    "flat": lambda axes: line(axes, limit=10),
    "flat and dashed": lambda axes: line(axes, "--", limit=10),
    "flat and thick": lambda axes: line(axes, limit=10, linewidth=4),
    "a small part of the frame": far,
    "two": two,
    "filled": lambda axes: axes.fill_between(X, output(X), -1),
    "among straight lines": beside(line, "-"),
    "among dashes": beside(line, "--"),
    "dotted among dots": beside(lambda axes: line(axes, ":", limit=2), ":"),
    "without a frame": lambda axes: (line(axes), axes.axis("off")),
}
EMPTY: dict[str, Drawing] = {
    "nothing": lambda axes: None,
    "words": words,
    "a grid": lambda axes: straight(axes, "-"),
    "dashes": lambda axes: straight(axes, "--"),
    "dots": lambda axes: straight(axes, ":"),
    "level": lambda axes: axes.plot(X, 0 * X, linewidth=12),
    "level and dashed": lambda axes: axes.plot(X, 0 * X, "--"),
    "a legend": legend,
    "the joints alone": joints_alone,
    "small letters": written(10),
    "middling letters": written(20),
    "large letters": written(40),
    "words without a frame": lambda axes: (words(axes), axes.axis("off")),
}
STYLES = ["dark_background", "ggplot", "classic", "seaborn-v0_8-whitegrid"]
SIZES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"figsize": (3, 2)}, {}),
    ({"figsize": (20, 15)}, {}),
    ({"figsize": (3, 9)}, {}),
    ({}, {"dpi": 40}),
    ({}, {"dpi": 300}),
    ({}, {"bbox_inches": "tight"}),
    ({}, {"transparent": True}),
    ({}, {"facecolor": "black"}),
]


def picture(drawing: Drawing, style: str = "default", panels: tuple[int, int] = (1, 1), **how: Any) -> np.ndarray:
    """What the check sees of a figure of so many panels, the same in each."""
    figure_options, save_options = how.get("size", ({}, {}))
    with matplotlib.style.context(style):
        figure = Figure(**figure_options, layout=how.get("layout"))
        FigureCanvasAgg(figure)
        for axes in np.ravel(figure.subplots(*panels)):
            drawing(axes)
        file = io.BytesIO()
        figure.savefig(file, format="png", **save_options)
    return np.asarray(seen.read_png(file.getvalue()))


@pytest.mark.parametrize("drawing", DRAWN.values(), ids=DRAWN)
def test_a_line_is_seen(drawing: Drawing) -> None:
    assert seen.shows_a_line(picture(drawing))


@pytest.mark.parametrize("drawing", EMPTY.values(), ids=EMPTY)
def test_an_empty_frame_has_no_line(drawing: Drawing) -> None:
    assert not seen.shows_a_line(picture(drawing))


@pytest.mark.parametrize("style", STYLES)
def test_in_every_style(style: str) -> None:
    assert seen.shows_a_line(picture(line, style))
    assert seen.shows_a_line(picture(DRAWN["dotted"], style))
    assert not seen.shows_a_line(picture(words, style))
    assert not seen.shows_a_line(picture(EMPTY["a grid"], style))


@pytest.mark.parametrize("size", SIZES, ids=[str(figure | save) for figure, save in SIZES])
def test_in_every_size(size: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert seen.shows_a_line(picture(line, size=size))
    assert not seen.shows_a_line(picture(words, size=size))


@pytest.mark.parametrize("panels", [(1, 2), (3, 3)], ids=str)
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_in_several_panels(panels: tuple[int, int], layout: str | None) -> None:
    size = ({"figsize": (9, 6)}, {})
    assert seen.shows_a_line(picture(line, panels=panels, layout=layout, size=size))
    assert not seen.shows_a_line(picture(EMPTY["a grid"], panels=panels, layout=layout, size=size))


def test_no_picture_is_too_odd() -> None:
    rng = np.random.default_rng(0)
    for shape in [(100, 100), (100, 90_000), (90_000, 100), (3000, 3000)]:
        assert not seen.shows_a_line(np.full(shape, 255, np.uint8))
        assert not seen.shows_a_line(rng.integers(0, 256, shape).astype(np.uint8))
