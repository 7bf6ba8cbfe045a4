"""What Keras gives, from its documentation and source.

`keras/src/legacy/preprocessing/text.py` and `keras/src/utils/sequence_utils.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def words_of(text: str) -> list[str]:
    text = text.lower().translate({ord(character): " " for character in FILTERS})
    return [word for word in text.split(" ") if word]


def index_of(texts: Sequence[str], oov_token: str | None = None) -> dict[str, int]:
    counts = Counter(word for text in texts for word in words_of(text))
    words = sorted(counts, key=counts.__getitem__, reverse=True)  # stable: the first seen of equals stays first
    return {word: i for i, word in enumerate(words if oov_token is None else [oov_token, *words], 1)}


def sequence_of(
    text: str, word_index: Mapping[str, int], num_words: int | None = None, oov_token: str | None = None
) -> list[int]:
    used = {word: i for word, i in word_index.items() if num_words is None or i < num_words}
    indices = [used.get(word, word_index.get(oov_token or "")) for word in words_of(text)]
    return [index for index in indices if index is not None]


def padded(
    sequences: Sequence[Sequence[int]],
    maxlen: int | None = None,
    padding: str = "pre",
    truncating: str = "pre",
    value: int = 0,
) -> np.ndarray:
    """The sequences as rows, shape (batch, length)."""
    length = max(map(len, sequences)) if maxlen is None else maxlen
    rows = np.full((len(sequences), length), value)
    for row, sequence in zip(rows, sequences, strict=True):
        surplus = max(0, len(sequence) - length)
        kept = sequence[surplus:] if truncating == "pre" else sequence[: len(sequence) - surplus]
        start = length - len(kept) if padding == "pre" else 0
        row[start : start + len(kept)] = kept
    return rows
