"""Texts and sequences to try: made up, others each time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from grader.checks import Run

OTHERS = "'’”–…€§5é\u0308"  # not filtered, though many a regular expression would; the last one joins its letter
COMMON = ["The film", "Ja se", "It was not", "Ei ole", "A hero and an", "On hyvä, että"]  # untranslated
OOV_TOKENS = ["<OOV>", "<UNK>", "[Tuntematon]", "Ö?"]


def some_words(run: Run, n: int, vowels: str = "aeiouy") -> list[str]:
    """Different made-up words in lower case, in random order."""
    words: set[str] = set()
    while len(words) < n:
        letters = ["hjklmnprstv", vowels] * int(run.rng.integers(2, 4))
        words.add("".join(str(run.rng.choice(list(some))) for some in letters))
    return mixed(run, sorted(words))


def finnish_words(run: Run, n: int) -> list[str]:
    """The same with ä, ö and å in them."""
    return [f"{letter}{word}" for letter, word in zip("äöå" * n, some_words(run, n, "aeiouyäöå"), strict=False)]


def mixed(run: Run, words: Sequence[str] | np.ndarray) -> list[str]:
    """The same words, texts or characters in random order."""
    return list(run.rng.permutation(list(words)).tolist())


def in_texts(run: Run, words: Sequence[str], n: int) -> list[str]:
    """The words in n texts, in their order, each text with a word or more in it."""
    cuts = np.sort(run.rng.choice(np.arange(1, len(words)), size=n - 1, replace=False)).tolist()
    return [" ".join(words[a:b]) for a, b in pairwise([0, *cuts, len(words)])]


def numbered(words: Sequence[str]) -> dict[str, int]:
    """A `word_index` that has the words in this order."""
    return {word: i for i, word in enumerate(words, 1)}


def some_sequences(run: Run, *lengths: int) -> list[list[int]]:
    """A list of random indices from 1 to 99 for each of the lengths."""
    return [run.rng.integers(1, 100, size=n).tolist() for n in lengths]
