"""Submissions whose code is alike beyond what the starter gave: places for the teacher to look, no verdicts.

Code is compared as tokens (copydetect: names stand for any name, strings for any string, comments and white space for
nothing) by fingerprints that winnowing picks, as MOSS does. What the starter has counts for nothing, and neither
does what many students write, since the task asks for it.

Notes
-----
S. Schleimer, D. Wilkerson, A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from grader.reading import Unreadable
from grader.record import Record
from grader.submission import Submission

_NOISE = 25  # shortest likeness that counts, in characters of code whose names are one letter each
_WINDOW = 6  # of so many fingerprints one is kept, so that none of 30 characters or more is missed
_LEAST_SHARE = 0.5  # of the shorter side
_LEAST_ALIKE = 80
_MOST_PAIRS = 100
_COMMON, _COMMON_SHARE = 4, 0.25  # what more students than so many, and than such a share, write: the task asks for it


class Pair(Record):
    """Two students whose code is alike.

    Attributes
    ----------
    share_first, share_second
        How much of each one's own code the other has, 0 to 1.
    tokens
        How much that is.
    page
        Where both sides are shown, from the results folder.
    """

    first: str
    second: str
    share_first: float
    share_second: float
    tokens: int
    page: str = ""


class Similar(Record):
    """The pairs of a class, those most alike first.

    Attributes
    ----------
    of
        Digest of what was compared.
    """

    schema_version: Literal[1] = 1
    of: str = ""
    pairs: list[Pair] = Field(default_factory=list)


@dataclass(frozen=True)
class Match:
    """A pair, and where in each one's code it is alike: begins and ends, in their order."""

    pair: Pair
    first: list[tuple[int, int]]
    second: list[tuple[int, int]]


def code_of(submission: Submission) -> str:
    """A submission's code, cell by cell; nothing of one that cannot be read."""
    try:
        return "\n\n".join(cell.source for cell in submission.cells() if cell.kind == "code")
    except Unreadable:
        return ""


def find_similar(code: Mapping[str, str], starter: str) -> list[Match]:
    """The pairs of students whose code is alike, those most alike first; at most 100.

    Parameters
    ----------
    code
        Every student's code, by name.
    starter
        What all of them were given.
    """
    names = sorted(code)
    prints = {name: _fingerprint(code[name]) for name in names}
    often = Counter(one for each in prints.values() for one in each.hashes)
    enough = max(_COMMON, int(_COMMON_SHARE * len(names)))
    known = set(_fingerprint(starter, window=1).hashes) | {one for one, n in often.items() if n > enough}
    for one in prints.values():
        _leave_out(one, known)
    matches = [_match(a, b, prints[a], prints[b]) for a, b in _candidates(names, prints)]
    alike = [one for one in matches if one is not None]
    alike.sort(key=lambda one: (-_alikeness(one.pair), one.pair.first, one.pair.second))
    return alike[:_MOST_PAIRS]


# ---------------------------------------------------------------------- fingerprints


def _fingerprint(code: str, window: int = _WINDOW) -> Any:
    import copydetect

    copydetect.utils.hashed_kgrams = _hashes  # its own come of `hash`, which is another in each process
    return copydetect.CodeFingerprint("notebook.py", _NOISE, window, language="python", fp=io.StringIO(code))


def _hashes(text: str, k: int) -> np.ndarray:
    """Hashes of all pieces of `k` characters, the same wherever they are made."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    number = max(0, len(codes) - k + 1)
    found = np.zeros(number, np.uint64)
    for place in range(k if number else 0):
        found = found * np.uint64(0x100000001B3) + codes[place : place + number] + np.uint64(1)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):  # the last step of MurmurHash3: pieces alike lie far apart
        found = (found ^ (found >> np.uint64(33))) * np.uint64(factor)
    return (found ^ (found >> np.uint64(33))).view(np.int64)


def _leave_out(fingerprint: Any, known: set[int]) -> None:
    """Without what everybody has.

    copydetect's own way takes it for granted that no fingerprint comes twice in a file.
    """
    from copydetect.utils import get_token_coverage

    fingerprint.hashes = fingerprint.hashes - known
    fingerprint.hash_idx = {one: places for one, places in fingerprint.hash_idx.items() if one not in known}
    fingerprint.token_coverage = get_token_coverage(fingerprint.hash_idx, fingerprint.k, len(fingerprint.filtered_code))


def _candidates(names: Sequence[str], prints: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs that share many of their fingerprints; found for all at once, since a class has very many pairs."""
    from scipy.sparse import csr_array

    columns: dict[int, int] = {}
    rows, places = [], []
    for row, name in enumerate(names):
        for one in prints[name].hashes:
            rows.append(row)
            places.append(columns.setdefault(one, len(columns)))
    if not columns:
        return []
    has = csr_array((np.ones(len(rows), np.int32), (rows, places)), shape=(len(names), len(columns)))
    shared = (has @ has.T).tocoo()
    sizes = np.asarray(has.sum(axis=1)).ravel()
    upper = shared.row < shared.col
    first, second, n = shared.row[upper], shared.col[upper], shared.data[upper]
    share = n / np.minimum(sizes[first], sizes[second])
    # Fingerprints are a sample: a little less than the share that counts may still be it.
    likely = np.flatnonzero(share >= 0.7 * _LEAST_SHARE)
    likely = likely[np.argsort(-n[likely] * share[likely], kind="stable")][: 10 * _MOST_PAIRS]
    return [(names[first[one]], names[second[one]]) for one in likely.tolist()]


def _match(a: str, b: str, one: Any, other: Any) -> Match | None:
    """How two are alike; None if that is too little to look at."""
    import copydetect

    alike, shares, slices = copydetect.compare_files(one, other)
    first, second = (min(1.0, float(share)) for share in shares)
    if alike < _LEAST_ALIKE or max(first, second) < _LEAST_SHARE:
        return None
    pair = Pair(first=a, second=b, share_first=round(first, 3), share_second=round(second, 3), tokens=int(alike))
    return Match(pair, _places(slices[0]), _places(slices[1]))


def _alikeness(pair: Pair) -> float:
    return pair.tokens * max(pair.share_first, pair.share_second)


def _places(slices: np.ndarray) -> list[tuple[int, int]]:
    """Begins and ends that do not overlap, in their order."""
    places: list[tuple[int, int]] = []
    for begin, end in sorted((int(begin), int(end)) for begin, end in slices.T):
        if places and begin <= places[-1][1]:
            places[-1] = (places[-1][0], max(end, places[-1][1]))
        else:
            places.append((begin, end))
    return places
