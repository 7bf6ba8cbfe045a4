"""What people look at first, as data: an accuracy with its interval, a confusion matrix, what was misjudged, curves.

A check shows them, whether it passes or fails; reports carry them; pages draw them. Everything in them is plain:
numbers, short texts, small pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Literal

from pydantic import Field

from grader.record import Record

MOST = 8  # figures of one check


class Accuracy(Record):
    """A share of right answers on data that the notebook never saw.

    Attributes
    ----------
    title
        What was measured.
    hits, n
        Right answers, of how many.
    low, high
        Its 95 % confidence interval.
    threshold
        What had to be reached; `strict` where it had to be exceeded.
    """

    kind: Literal["accuracy"] = "accuracy"
    title: str = ""
    hits: int
    n: int
    low: float
    high: float
    threshold: float
    strict: bool


class Confusion(Record):
    """How often which class was taken for which: `counts[right][said]`."""

    kind: Literal["confusion"] = "confusion"
    title: str = ""
    labels: list[str]
    counts: list[list[int]]


class Item(Record):
    """One sample that was misjudged: a picture (PNG, base64) or a text, what was said, what is right, and how sure.

    Attributes
    ----------
    sure
        The probability that the model gave to what it said, where it tells one.
    """

    picture: str = ""
    text: str = ""
    said: str
    right: str
    sure: float | None = None


class Misjudged(Record):
    """Samples that were misjudged: some of them, and how many there were of how many."""

    kind: Literal["misjudged"] = "misjudged"
    title: str = ""
    wrong: int
    n: int
    items: list[Item]


class Curve(Record):
    """Numbers in their order, at `first`, `first + step`, …; None where one is not finite."""

    name: str
    values: list[float | None]
    first: int = 1
    step: int = 1


class Curves(Record):
    """Curves over the same axis, as a training leaves them.

    Attributes
    ----------
    x
        What the axis counts.
    """

    kind: Literal["curves"] = "curves"
    title: str = ""
    x: str = ""
    curves: list[Curve]


Figure = Annotated[Accuracy | Confusion | Misjudged | Curves, Field(discriminator="kind")]


# ---------------------------------------------------------------------- showing

_shown: ContextVar[list[Figure] | None] = ContextVar("shown", default=None)


@contextmanager
def collected() -> Iterator[list[Figure]]:
    """What a check shows meanwhile."""
    figures: list[Figure] = []
    token = _shown.set(figures)
    try:
        yield figures
    finally:
        _shown.reset(token)


def show(figure: Figure) -> None:
    """Put a figure beside the check that is being judged; outside of one nothing happens."""
    figures = _shown.get()
    if figures is not None and len(figures) < MOST:
        figures.append(figure)
