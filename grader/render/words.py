"""Figures in words: for a terminal, and for whoever cannot see them drawn."""

from __future__ import annotations

from grader.figures import Confusion, Curve, Curves, Figure
from grader.language import grouped, tr
from grader.text import number

_PAIRS = 3


def in_words(figure: Figure) -> str:
    """A figure in a sentence; nothing where the check's message says all of it."""
    match figure:
        case Confusion():
            return _confusion(figure)
        case Curves():
            return _curves(figure)
    return ""


def _confusion(figure: Confusion) -> str:
    """What was mistaken for what, the most frequent mistakes first."""
    wrong = [
        (n, right, said)
        for right, row in zip(figure.labels, figure.counts, strict=False)
        for said, n in zip(figure.labels, row, strict=False)
        if n > 0 and right != said
    ]
    most = sorted(wrong, key=lambda one: -one[0])[:_PAIRS]
    if not most:
        return ""
    pairs = ", ".join(tr("{right} for {said} ({n})", right=right, said=said, n=grouped(n)) for n, right, said in most)
    return tr("Mistaken most often: {pairs}.", pairs=pairs)


def _curves(figure: Curves) -> str:
    """Where each curve begins and ends."""
    told = [one for curve in figure.curves if (one := _from_to(curve))]
    if not told:
        return ""
    return tr("{title}: {curves}.", title=figure.title or tr("Curves"), curves="; ".join(told))


def _from_to(curve: Curve) -> str:
    finite = [value for value in curve.values if value is not None]
    if not finite:
        return tr("{name} holds no number", name=curve.name)
    if len(curve.values) == 1:
        return tr("{name} {number}", name=curve.name, number=number(finite[0]))
    first, last = (f"{value:.3g}" for value in (finite[0], finite[-1]))
    return tr("{name} from {first} to {last}", name=curve.name, first=first, last=last)
