"""What the notebook's model says of drug reviews, and how far off it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from grader.checks import Run, better_by_mean, expect, number_each, tr

# Standard errors by which a model that did not learn from the test reviews in ./data is never better at them. Those of
# the sample are always the same, and a little harder than most: honest models of eight kinds were between -2 and 0.5.
UNLIKELY = {"sample": 3.25, "full": 4.5}


def stars_of(run: Run, texts: Sequence[str]) -> np.ndarray:
    """`predict(texts)`: a rating for each text, float64 (N,)."""
    return number_each(run, "predict", texts)


def visible_stars(run: Run) -> np.ndarray:
    return stars_of(run, run.visible("drugs").texts)


def heldout_stars(run: Run) -> np.ndarray:
    return stars_of(run, run.heldout("drugs").texts)


def cut_off(stars: np.ndarray) -> np.ndarray:
    cut: np.ndarray = np.clip(stars, 1, 10)
    return cut


def rounded(stars: np.ndarray) -> np.ndarray:
    whole: np.ndarray = np.rint(cut_off(stars)).astype(np.int64)
    return whole


def mean_off(stars: np.ndarray | float, given: np.ndarray) -> float:
    """How many stars these are off, in the mean."""
    return float(np.abs(given - stars).mean())


def in_other_words(rng: np.random.Generator, text: str, others: Sequence[str]) -> str:
    """A text of the same length, whose words are words of the same lengths out of other texts."""
    words: dict[int, list[str]] = {}
    for word in re.findall(r"[a-z]+", " ".join(others).lower()):
        words.setdefault(len(word), []).append(word)

    def another(found: re.Match[str]) -> str:
        choice = words.get(len(found[0]), [found[0]])
        return choice[int(rng.integers(len(choice)))]

    return re.sub(r"[A-Za-z]+", another, text)


def expect_share_of_baseline(run: Run, most: float) -> str:
    """Fail unless the mean error on unseen reviews is at most this share of the baseline's. Returns a sentence."""
    given = run.heldout("drugs").ratings
    error = mean_off(cut_off(run.once(heldout_stars)), given)
    alone = mean_off(float(np.median(run.training("drugs").ratings)), given)
    measured = {"n": len(given), "error": error, "alone": alone, "share": error / alone}
    expect(
        error <= most * alone,
        tr(
            "On {n:,} unseen reviews the model is {error:.3f} stars off, the baseline {alone:.3f}: {share:.0%} of it.",
            **measured,
        ),
    )
    return tr("{error:.3f} stars off, the baseline {alone:.3f}: {share:.0%} of it", **measured)


def expect_test_reviews_unknown(run: Run) -> None:
    """Fail if the model does better on the test reviews in ./data than on others of the same kind."""
    visible, alike = run.visible("drugs"), run.alike("drugs")
    seen = np.abs(visible.ratings - cut_off(run.once(visible_stars)))
    unseen = np.abs(alike.ratings - cut_off(stars_of(run, alike.texts)))
    expect(
        better_by_mean(-seen, -unseen) < UNLIKELY[run.data],
        tr(
            "The model is {seen:.3f} stars off on the test reviews in ./data, and {unseen:.3f} on others.",
            seen=seen.mean(),
            unseen=unseen.mean(),
        ),
        tr("It knows the test reviews, so that they judge nothing: train on the training reviews only."),
    )
