"""What people look at first, as data: an accuracy with its interval, a confusion matrix, what was misjudged, curves.

A check shows them, whether it passes or fails; reports carry them; pages draw them. Everything in them is plain:
numbers, short texts, small pictures.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from grader.errors import SubmissionFault
from grader.language import tr
from grader.text import plain

MOST = 8  # figures of one check
MOST_CURVES = 8  # of one figure
MOST_POINTS = 1000  # of a curve
MOST_CLASSES = 50
MOST_ITEMS = 24
MOST_TEXT = 1200


class Record(BaseModel):
    """A part of a report: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


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


# ---------------------------------------------------------------------- making


def confusion(predicted: np.ndarray, right: np.ndarray, labels: Sequence[str], title: str = "") -> Confusion:
    """The confusion matrix of classes 0, 1, …; what is none of them is left out.

    Parameters
    ----------
    predicted, right
        Classes as whole numbers, shape (N,); `predicted` is a claim and may hold anything.
    labels
        Their names, at most 50.
    """
    size = len(labels)
    if size > MOST_CLASSES:
        raise ValueError(f"{size} classes are too many to be shown")
    counts = np.zeros((size, size), dtype=np.int64)
    fits = np.isin(predicted, np.arange(size))
    np.add.at(counts, (right[fits].astype(np.int64), predicted[fits].astype(np.int64)), 1)
    return Confusion(title=title, labels=list(labels), counts=counts.tolist())


def misjudged(
    predicted: np.ndarray,
    right: np.ndarray,
    labels: Sequence[str],
    *,
    pictures: np.ndarray | None = None,
    texts: Sequence[str] | None = None,
    sure: np.ndarray | None = None,
    off: np.ndarray | None = None,
    most: int = 12,
    title: str = "",
) -> Misjudged:
    """Samples that were misjudged: first those farthest off, or else those of which the model was surest.

    Parameters
    ----------
    predicted, right
        Classes as whole numbers, shape (N,).
    labels
        Their names.
    pictures
        Grey pictures, shape (N, H, W), 0 to 255; or
    texts
        N texts.
    sure
        Probabilities of what was predicted, shape (N,); NaN where none is known.
    off
        How far off each answer is, shape (N,), where classes have an order.
    """
    wrong = np.flatnonzero(predicted != right)
    first = sure if off is None else off
    if first is not None:
        wrong = wrong[np.argsort(-np.nan_to_num(first[wrong], nan=-1.0), kind="stable")]
    items = [
        Item(
            picture="" if pictures is None else png(pictures[index]),
            text="" if texts is None else plain(texts[index], MOST_TEXT),
            said=_label(predicted[index], labels),
            right=_label(right[index], labels),
            sure=None if sure is None else _finite(sure[index]),
        )
        for index in wrong[: min(most, MOST_ITEMS)].tolist()
    ]
    return Misjudged(title=title, wrong=len(wrong), n=len(right), items=items)


def curves(series: Mapping[str, Sequence[float] | np.ndarray], title: str = "", x: str = "", first: int = 1) -> Curves:
    """Curves by name, eight at most; of long ones every k-th number, so that at most 1,000 are left."""
    made = []
    for name, values in islice(series.items(), MOST_CURVES):
        step = max(1, -(-len(values) // MOST_POINTS))
        kept = [_finite(value) for value in values[::step]]
        made.append(Curve(name=plain(name, 60), values=kept, first=first, step=step))
    return Curves(title=title, x=x, curves=made)


def show_history(history: object) -> None:
    """Show the losses, and the accuracies, of a `history` such as ``{"train_loss": […], "val_loss": […], …}``.

    It is a claim of the notebook's: what in it is no list of numbers is left out.
    """
    lists = {key: values for key, values in history.items() if type(key) is str} if type(history) is dict else {}
    names = {
        **dict.fromkeys(("train_loss", "train_acc"), tr("training")),
        **dict.fromkeys(("val_loss", "val_acc"), tr("validation")),
    }
    for word, title in (("loss", tr("Loss")), ("acc", tr("Accuracy"))):
        numbers = {key: _numbers(values) for key, values in lists.items() if word in key.lower()}
        found = {names.get(key, key): curve for key, curve in numbers.items() if len(curve)}
        if found:
            show(curves(found, title, x=tr("epoch")))


def _numbers(values: object) -> np.ndarray:
    """A claimed list of numbers as an array, which is empty if it is none."""
    from grader.expect import numeric  # here: what it belongs to shows figures itself

    with suppress(SubmissionFault):
        array = numeric(values, "")
        if array.ndim in (1, 2) and array.size == len(array):  # a number may be a tensor of shape (1,)
            return array.ravel()
    return np.empty(0)


def png(picture: np.ndarray) -> str:
    """A grey picture of shape (H, W), 0 to 255, as PNG in base64."""
    from PIL import Image

    file = io.BytesIO()
    grey = np.clip(np.nan_to_num(picture), 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _label(value: float, labels: Sequence[str]) -> str:
    fits = math.isfinite(value) and value == int(value) and 0 <= value < len(labels)
    return labels[int(value)] if fits else "?"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
