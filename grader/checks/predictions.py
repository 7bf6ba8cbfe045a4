"""What a model or a function says of many inputs: one number for each, alone as in a batch, seen as unseen."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import exp, lgamma, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from grader.checks.expect import expect, fail
from grader.language import grouped, tr

if TYPE_CHECKING:
    from grader.run import Run

# ---------------------------------------------------------------------- texts to ask about


def some_visible(run: Run, name: Literal["reviews", "drugs"], count: int) -> list[str]:
    """Some of a data set's test texts that the notebook sees as well, in random order, drawn with `run.rng`."""
    texts: list[str] = run.visible(name).texts
    return [texts[i] for i in run.rng.permutation(len(texts))[:count]]


# ---------------------------------------------------------------------- one number each


def number_each(run: Run, name: str, texts: Sequence[str], hint: str = "", not_finite: str = "") -> np.ndarray:
    """What a function of a list of texts gives: a finite number for each, float64 (N,).

    Parameters
    ----------
    hint
        Where it gives another number of answers.
    not_finite
        Where all of its answers are NaN or infinite.

    Raises
    ------
    SubmissionFault
        It gives more or fewer numbers, or some that are not finite.
    """
    found = run.predict(name, texts)
    if found.size != len(texts):
        message = tr("`{name}(texts)` of {n} texts has shape {shape}.", name=name, n=len(texts), shape=found.shape)
        fail(message, hint or tr("Give one number for each text: shape ({n},).", n=len(texts)))
    found = found.reshape(len(texts))
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong) == len(texts):
        message = tr("`{name}(texts)` gives NaN or an infinite number for every text.", name=name)
        fail(message, not_finite or tr("The model's weights may be NaN: watch the loss; try a smaller learning rate."))
    if len(wrong):
        message = tr(
            "`{name}(texts)` gives NaN or an infinite number for {wrong} of {n} texts, such as {text}.",
            name=name,
            wrong=grouped(len(wrong)),
            n=grouped(len(texts)),
            text=repr(texts[wrong[0]][:60]),
        )
        fail(message, tr("Ask your functions for this text, one after the other: is something divided by 0 there?"))
    return found


def expect_each_by_itself(
    answers: Callable[[Sequence[Any]], np.ndarray],
    inputs: Sequence[Any],
    message: str,
    hint: str = "",
    *,
    apart: float,
    share: float = 0.1,
    first: int = 7,
) -> np.ndarray:
    """Fail unless an input has the same answer whatever stands beside it. Returns the answers.

    It is asked about all, about all turned round, and about the first few.

    Parameters
    ----------
    answers
        What is asked: inputs in, numbers out, shape (N,).
    message
        What to say; it may have a field `{differ}` for how many answers are others, and `{n}` for how many there are.
    apart
        By how much two numbers differ that are two answers.
    share
        Of the answers, which may be others: those that tip over, say, or change where the dropout was left on.
    first
        How many inputs are asked about by themselves.
    """
    found = answers(inputs)
    some = np.concatenate([answers(inputs[:first]), found[first:]])
    for other in (answers(inputs[::-1])[::-1], some):
        others = ~(np.abs(other - found) <= apart)  # NaN, too
        expect(others.mean() <= share, tr(message, differ=int(others.sum()), n=len(inputs)), hint)
    return found


# ---------------------------------------------------------------------- lists of any length

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
    if alone.shape[1] != together.shape[1]:
        fail(tr("{what} gives answers of a different shape from batch to batch.", what=f"`{name}(…)`"))
    if not together.size:
        n = len(picked)
        message = tr("`{name}(texts)` of {n} texts has shape {shape}.", name=name, n=n, shape=together.shape)
        fail(message, tr("Give one number for each text: shape ({n},).", n=n))
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


# ---------------------------------------------------------------------- seen and unseen

# How much better a model does on what it could see than on others of the same kind: in standard errors of chance. For
# a model that learned from neither, each of these is above 4 three times in 100,000.


def better_by_rank(seen: np.ndarray, unseen: np.ndarray) -> float:
    """The rank-sum test: of the margins by which a model is right, on whatever scale it gives them.

    Parameters
    ----------
    seen, unseen
        float64 (N,), (M,): how well it does on each sample, the higher the better.

    Notes
    -----
    H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is stochastically larger than the
    other" (1947), with the correction for ties.
    """
    n, m = len(seen), len(unseen)
    _, place, ties = np.unique(np.concatenate([seen, unseen]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    total = n + m
    spread = n * m / 12 * (total + 1 - float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1)))
    if spread <= 0:  # all are alike
        return 0.0
    return (float(ranks[:n].sum()) - n * (n + 1) / 2 - n * m / 2) / sqrt(spread)


def better_by_mean(seen: np.ndarray, unseen: np.ndarray) -> float:
    """Welch's test of two means: of errors, which have bounds. Parameters as in :func:`better_by_rank`."""
    noise = seen.var() / len(seen) + unseen.var() / len(unseen)
    return float((seen.mean() - unseen.mean()) / sqrt(noise)) if noise > 0 else 0.0


def better_by_count(seen: np.ndarray, unseen: np.ndarray) -> float:
    """Fisher's exact test of two shares: of right answers, few of which are wrong.

    Parameters
    ----------
    seen, unseen
        bool (N,), (M,): whether it is right.
    """
    n, m = len(seen), len(unseen)
    wrong, there = int((~seen).sum()), int((~seen).sum() + (~unseen).sum())
    least = max(0, there - m)
    logs = [_choose(n, k) + _choose(m, there - k) - _choose(n + m, there) for k in range(least, wrong + 1)]
    chance = min(sum(exp(one) for one in logs), 1 - 1e-12)
    return -NormalDist().inv_cdf(max(chance, 1e-300))


def _choose(n: int, k: int) -> float:
    """Logarithm of the binomial coefficient."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
