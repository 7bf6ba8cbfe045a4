"""What a check shows beside its verdict: how classes were confused, what was misjudged, curves."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from grader.claims import numeric
from grader.errors import SubmissionFault
from grader.figures import Confusion, Curve, Curves, Item, Misjudged, show
from grader.language import tr
from grader.text import plain

if TYPE_CHECKING:
    from grader.run import Run

MOST_CURVES = 8  # of one figure
MOST_POINTS = 1000  # of a curve
MOST_CLASSES = 50
MOST_ITEMS = 24
MOST_TEXT = 1200


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


def show_any_history(run: Run) -> None:
    """Show the curves of the notebook's `history` where it keeps one, though the exercise asks for none."""
    with suppress(SubmissionFault):
        show_history(run.value("history"))


def _numbers(values: object) -> np.ndarray:
    """A claimed list of numbers as an array, which is empty if it is none."""
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
