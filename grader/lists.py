"""Whether a function that answers a list of texts answers all of it, however long it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from grader.expect import expect
from grader.language import grouped, tr

if TYPE_CHECKING:
    from grader.run import Run

MANY = 1400  # texts, which a list may well have
WORDS = 30  # of each: so many short texts take no longer than a few hundred long ones
EDGES = (300, 100)  # how many at either end are compared
MORE = 0.2  # share by which more answers may differ at the end: a dropout left on changes some anywhere


def expect_whole_list(run: Run, name: str, texts: Sequence[str], apart: float) -> None:
    """Fail if a function answers the texts at the end of a long list otherwise than in a short one.

    Parameters
    ----------
    name
        Of the function: a list of texts in, one number for each of them out.
    texts
        Some tens of them: they come again and again, and only how they begin.
    apart
        By how much two numbers differ that are two answers.
    """
    beginnings = [" ".join(re.findall(r"[\w']+", re.sub("<.*?>", "", text))[:WORDS]) for text in texts]
    picked = run.rng.integers(len(texts), size=MANY + int(run.rng.integers(1, 100)))
    alone, together = (
        run.predict(name, some, batch=len(some)).reshape(len(some), -1)
        for some in (beginnings, [beginnings[i] for i in picked])
    )
    other = ~(np.abs(together - alone[picked]) <= apart).all(axis=1)  # NaN, too
    for edge in EDGES:
        expect(
            other[-edge:].mean() <= other[:edge].mean() + MORE,
            tr(
                "`{name}(texts)` of {n} texts gives those at the end of the list other answers than when they stand in "
                "a short list.",
                name=name,
                n=grouped(len(picked)),
            ),
            tr("A list may be of any length: go through all of it, batch by batch, and join the answers."),
        )
