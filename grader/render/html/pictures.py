"""Pictures of numbers, as SVG: an accuracy on its scale, curves with their axes, and how dark a cell of a table is.

The numbers are anybody's: not finite ones are left out, huge ones are drawn at the border, and however many there are,
a picture stays small. Colours and type come from the page's style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.figures import Accuracy, Curve
from grader.language import decimal, grouped

MOST_CURVES = 8
_MOST_POINTS = 400
_MARKED = 30  # up to so many points of a curve have marks of their own
_HUGE = 1e300


def finite(value: object) -> float | None:
    """A number that can be drawn, or None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def share(value: object) -> float:
    """A number as a share between 0 and 1."""
    return min(1.0, max(0.0, finite(value) or 0.0))


def ratio(part: int, whole: int) -> float:
    """`part` of `whole`, whatever they are, as a share between 0 and 1."""
    if whole <= 0 or part <= 0:
        return 0.0
    return part / whole if part < whole else 1.0


def level(part: int, whole: int, levels: int = 5) -> int:
    """How dark a cell is: 0 for nothing, up to `levels`."""
    return math.ceil(ratio(part, whole) * levels)


def told_whole(value: int) -> str:
    """A number of things, whatever it is."""
    return grouped(value) if abs(value) < 10**12 else "…"


def told_number(value: float) -> str:
    """A number beside an axis or in a table: four digits, more of a larger one's."""
    digits, exponent, power = f"{value:.{4 if abs(value) < 1000 else 6}g}".partition("e")
    return decimal(f"{digits}{exponent}{int(power) if power else ''}").replace("-", "−")


# ---------------------------------------------------------------------- accuracy


def accuracy_scale(figure: Accuracy) -> Markup:
    """The interval and the measured share on a scale, against what had to be reached. The text beside says it all."""
    measured, threshold = ratio(figure.hits, figure.n), share(figure.threshold)
    low, high = sorted((share(figure.low), share(figure.high)))
    start = _begin(min(measured, threshold, low))
    width, left, right = 520.0, 14.0, 506.0

    def x(value: float) -> float:
        return round(left + (right - left) * (value - start) / (1 - start), 1)

    ticks = [start + (1 - start) * part / 4 for part in range(5)]
    marks = Markup("").join(
        Markup(
            '<line class="grid" x1="{0}" x2="{0}" y1="22" y2="48"/><text x="{0}" y="64" text-anchor="{1}">{2}</text>'
        ).format(x(tick), ("start", "middle", "middle", "middle", "end")[place], told_percent(tick))
        for place, tick in enumerate(ticks)
    )
    side = "end" if x(threshold) > width / 2 else "start"
    return Markup(
        '<svg class="picture scale" viewBox="0 0 520 70" aria-hidden="true" focusable="false">{marks}'
        '<rect class="track" x="{left}" y="31" width="{whole}" height="8" rx="4"/>'
        '<rect class="interval" x="{low}" y="28" width="{span}" height="14" rx="4"/>'
        '<circle class="measured" cx="{measured}" cy="35" r="6.5"/>'
        '<line class="threshold" x1="{threshold}" x2="{threshold}" y1="18" y2="50"/>'
        '<text class="bound" x="{threshold}" y="13" text-anchor="{side}">{sign} {told}</text></svg>'
    ).format(
        marks=marks,
        left=left,
        whole=right - left,
        low=x(low),
        span=max(2.0, round(x(high) - x(low), 1)),
        measured=x(measured),
        threshold=x(threshold),
        side=side,
        sign=">" if figure.strict else "≥",
        told=told_percent(threshold),
    )


def told_percent(value: float) -> str:
    """A share as a percentage with no more digits than it needs, beside a scale."""
    return decimal(f"{100 * value:.4g}") + "\N{NO-BREAK SPACE}%"


def _begin(least: float) -> float:
    """Where a scale begins that ends with 1: the whole of it, unless all that counts lies near its end."""
    return max(start for start in (0.0, 0.5, 0.8, 0.9) if least - start > 0.02 or start == 0.0)


# ---------------------------------------------------------------------- curves


@dataclass(frozen=True)
class Axis:
    """Numbers from `low` to `high`, with marks at round ones."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a number lies, between 0 and 1."""
        return min(1.0, max(0.0, (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)))


def axis(values: Iterable[float], whole: bool = False) -> Axis:
    """An axis for these numbers.

    Parameters
    ----------
    whole
        Whether they are whole numbers, with no marks between them.
    """
    clamped = [min(_HUGE, max(-_HUGE, value)) for value in values] or [0.0]
    low, high = min(clamped), max(clamped)
    if high / 2 - low / 2 <= 1e-9 * max(abs(low), abs(high), 1e-290):
        room = abs(low) * 0.1 or 0.5
        low, high = low - room, high + room
    step = _step((high - low) / 5)
    if whole:
        step = max(1.0, step)
        first, last = math.ceil(low / step), math.floor(high / step)
    else:  # it begins and ends with a round number, so that no curve runs along its border
        first, last = math.floor(low / step), math.ceil(high / step)
        low, high = first * step, last * step
    return Axis(low, high, tuple(tick * step for tick in range(first, last + 1)))


def _step(rough: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)


_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 508.0, 10.0, 196.0


@dataclass(frozen=True)
class _Series:
    points: list[tuple[float, float] | None]  # None: a gap
    place: int


def curve_chart(curves: Sequence[Curve], x_title: str) -> Markup:
    """Curves over one pair of axes; dashes and marks tell them apart where colours do not."""
    series = [_Series(_points(curve), place) for place, curve in enumerate(curves[:MOST_CURVES])]
    drawn = [point for one in series for point in one.points if point is not None]
    across = axis((point[0] for point in drawn), whole=True)
    up = axis(point[1] for point in drawn)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return (
            round(_LEFT + (_RIGHT - _LEFT) * across.place(point[0]), 1),
            round(_BOTTOM - (_BOTTOM - _TOP) * up.place(point[1]), 1),
        )

    parts = [*_grid(across, up, at)]
    parts += [_drawn([point if point is None else at(point) for point in one.points], one.place) for one in series]
    parts.append(Markup('<text x="{}" y="230" text-anchor="middle">{}</text>').format((_LEFT + _RIGHT) / 2, x_title))
    return Markup(
        '<svg class="picture chart" viewBox="0 0 520 236" aria-hidden="true" focusable="false">{}</svg>'
    ).format(Markup("").join(parts))


def sample_line(place: int) -> Markup:
    """A piece of a curve's line, for the legend."""
    return Markup('<svg class="sample" viewBox="0 0 40 12" width="40" height="12" aria-hidden="true">{}</svg>').format(
        _drawn([(2.0, 6.0), (20.0, 6.0), (38.0, 6.0)], place, marked=[1])
    )


def _points(curve: Curve) -> list[tuple[float, float] | None]:
    """Its points; of many every k-th, so that the page stays small."""
    first, each = (min(10**9, max(-(10**9), n)) for n in (curve.first, curve.step))
    step = -(-len(curve.values) // _MOST_POINTS) or 1
    numbers = [(place, finite(curve.values[place])) for place in range(0, len(curve.values), step)]
    return [None if value is None else (float(first + place * each), value) for place, value in numbers]


def _grid(across: Axis, up: Axis, at: Callable[[tuple[float, float]], tuple[float, float]]) -> Iterator[Markup]:
    for tick in up.ticks:
        _, y = at((across.low, tick))
        yield Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text x="{}" y="{}" text-anchor="end">{}</text>'
        ).format(_LEFT, _RIGHT, _LEFT - 8, y + 4, told_number(tick), y=y)
    for tick in across.ticks:
        x, _ = at((tick, up.low))
        yield Markup(
            '<line class="tick" x1="{x}" x2="{x}" y1="{}" y2="{}"/><text x="{x}" y="{}" text-anchor="middle">{}</text>'
        ).format(_BOTTOM, _BOTTOM + 5, _BOTTOM + 19, told_number(tick), x=x)
    yield Markup('<path class="axis" d="M{0} {1}V{2}H{3}"/>').format(_LEFT, _TOP, _BOTTOM, _RIGHT)


_SHAPES = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "M-3-3h6v6h-6z",
    "M0-4.5L4 3h-8z",
    "M0-4.5L4.5 0L0 4.5L-4.5 0z",
)


def _drawn(points: Sequence[tuple[float, float] | None], place: int, marked: Sequence[int] | None = None) -> Markup:
    """A line through points, and marks at some of them: at all where there are few, else at every k-th."""
    words, pen = list[str](), "M"
    for point in points:
        if point is not None:
            words.append(f"{pen}{point[0]:g} {point[1]:g}")
        pen = "M" if point is None else "L"
    alone = {i for i in range(len(points)) if not any(0 <= j < len(points) and points[j] for j in (i - 1, i + 1))}
    every = 1 if len(points) <= _MARKED else -(-len(points) // 12)
    chosen = marked if marked is not None else sorted({*range(0, len(points), every), *alone})
    shape = _SHAPES[place % len(_SHAPES)]
    marks = Markup("").join(
        Markup('<path class="mark" transform="translate({:g} {:g})" d="{}"/>').format(*point, shape)
        for point in (points[i] for i in chosen)
        if point is not None
    )
    return Markup('<g class="series s{}"><path class="line" d="{}"/>{}</g>').format(place % 4, "".join(words), marks)
