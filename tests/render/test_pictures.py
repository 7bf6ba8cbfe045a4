"""Pictures of numbers: whatever the numbers are, a small and well-formed picture comes out, and it is true."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.figures import Accuracy, Curve
from grader.render.html.pictures import (
    MOST_CURVES,
    accuracy_scale,
    axis,
    curve_chart,
    level,
    ratio,
    sample_line,
    told_whole,
)

anything = st.floats() | st.sampled_from([1e308, -1e308, 5e-324, 0.0, -0.0]) | st.none()
whole = st.integers() | st.integers(-(10**400), 10**400)


def drawn(svg: str) -> ElementTree.Element:
    """The picture as a tree; every number in it is a number, and within reach of the picture."""
    assert len(svg) < 150_000
    tree = ElementTree.fromstring(svg)
    for one in tree.iter():
        assert not any(re.search(r"nan|inf|\de[+-]?\d", value) for value in one.attrib.values()), one.attrib
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy"):
            assert -50 < float(one.get(name, "0")) < 600, ElementTree.tostring(one)
    return tree


def curve(*values: float | None, name: str = "loss", first: int = 1) -> Curve:
    return Curve(name=name, values=list(values), first=first)


def lines(svg: str) -> list[str]:
    return re.findall(r'class="line" d="([^"]*)"', svg)


# ---------------------------------------------------------------------- accuracy


@given(hits=whole, n=whole, low=st.floats(), high=st.floats(), threshold=st.floats(), strict=st.booleans())
def test_any_accuracy_can_be_drawn(hits: int, n: int, low: float, high: float, threshold: float, strict: bool) -> None:
    made = Accuracy(title="", hits=hits, n=n, low=low, high=high, threshold=threshold, strict=strict)
    drawn(accuracy_scale(made))


def test_an_accuracy_lies_between_the_ends_of_its_interval_and_beyond_its_threshold() -> None:
    tree = drawn(accuracy_scale(Accuracy(hits=97, n=100, low=0.92, high=0.99, threshold=0.9, strict=True)))
    parts = {one.get("class"): one for one in tree.iter()}
    begin = float(parts["interval"].get("x", ""))
    end = begin + float(parts["interval"].get("width", ""))
    measured = float(parts["measured"].get("cx", ""))
    assert float(parts["threshold"].get("x1", "")) < begin < measured < end
    assert parts["bound"].text == "> 90\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(("hits", "first"), [(97, "80"), (30, "0")])
def test_the_scale_begins_where_what_counts_is_to_be_seen(hits: int, first: str) -> None:
    made = Accuracy(hits=hits, n=100, low=hits / 100 - 0.05, high=hits / 100 + 0.02, threshold=0.9, strict=False)
    texts = [one.text or "" for one in drawn(accuracy_scale(made)).iter() if one.text]
    assert texts[0] == f"{first}\N{NO-BREAK SPACE}%"
    assert texts[-1].startswith("≥")


# ---------------------------------------------------------------------- curves


@given(st.lists(st.tuples(st.lists(anything, max_size=40), whole), min_size=1, max_size=3))
def test_any_curves_can_be_drawn(found: list[tuple[list[float | None], int]]) -> None:
    drawn(curve_chart([curve(*values, first=first) for values, first in found], "epoch"))


def test_a_curve_falls_where_its_numbers_do_and_breaks_where_there_is_none() -> None:
    svg = curve_chart([curve(3, 2, None, 1)], "epoch")
    assert drawn(svg) is not None
    (line,) = lines(svg)
    numbers = [float(one) for one in re.findall(r"[\d.]+", line)]
    assert line.count("M") == 2
    assert numbers[0] < numbers[2] < numbers[4]
    assert numbers[1] < numbers[3] < numbers[5]  # downwards is more
    assert svg.count('class="mark"') == 3


def test_a_curve_of_which_every_tenth_number_is_kept_is_as_long_as_the_whole() -> None:
    whole = Curve(name="a", values=[float(place) for place in range(1, 32)])
    thinned = Curve(name="b", values=[1.0, 11.0, 21.0, 31.0], step=10)
    first, second = lines(curve_chart([whole, thinned], "step"))
    assert re.findall(r"[\d.]+", first)[-2:] == re.findall(r"[\d.]+", second)[-2:]


def test_a_point_between_gaps_is_seen_though_no_line_leads_to_it() -> None:
    values: list[float | None] = [None] * 100
    values[50] = 1.0
    assert curve_chart([curve(*values)], "").count('class="mark"') == 1


def test_long_and_many_curves_make_no_large_picture() -> None:
    many = [curve(*[math.sin(place) for place in range(20_000)], name=str(one)) for one in range(30)]
    svg = curve_chart(many, "step")
    drawn(svg)
    assert len(lines(svg)) == MOST_CURVES


def test_curves_differ_in_more_than_colour() -> None:
    made = [sample_line(place) for place in range(4)]
    assert len({re.search(r'class="mark"[^>]* d="([^"]*)"', svg)[1] for svg in made}) == 4  # type: ignore[index]


def test_names_are_no_markup() -> None:
    assert "<script>" not in curve_chart([curve(1, 2)], "<script>alert(1)</script>")


@pytest.mark.parametrize("values", [[0.0], [5.0], [-1e300, 1e300], [1e16, 1e16 + 2], [5e-324, 0.0], [0.1, 0.97]])
def test_an_axis_holds_its_numbers_and_has_a_few_marks(values: list[float]) -> None:
    made = axis(values)
    assert 2 <= len(made.ticks) <= 12
    assert all(made.low <= value <= made.high for value in values)
    assert all(0 <= made.place(value) <= 1 for value in values)
    assert made.low < made.high


def test_an_axis_of_whole_numbers_has_no_marks_between_them() -> None:
    assert axis([1, 3], whole=True).ticks == (1, 2, 3)


# ---------------------------------------------------------------------- tables


@given(whole, whole)
def test_any_share_is_one(part: int, of: int) -> None:
    assert 0 <= ratio(part, of) <= 1
    assert 0 <= level(part, of) <= 5


def test_how_dark_a_cell_is() -> None:
    assert [level(part, 100) for part in (0, 1, 20, 21, 100)] == [0, 1, 1, 2, 5]


@given(whole)
def test_any_number_of_things_can_be_told(n: int) -> None:
    assert len(told_whole(n)) < 20
