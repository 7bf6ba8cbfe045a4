"""Submissions whose code is alike beyond what the starter gave: places for the teacher to look, no verdicts.

Code is compared as tokens (copydetect: names stand for any name, strings for any string, comments and white space for
nothing) by fingerprints that winnowing picks, as MOSS does. What the starter has counts for nothing, and neither
does what many students write, since the task asks for it.

Notes
-----
S. Schleimer, D. Wilkerson, A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
"""

from __future__ import annotations

import functools
import io
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice, product
from math import comb
from types import ModuleType
from typing import Any, Literal

import numpy as np
from pydantic import Field

from grader.digests import digest
from grader.reading import Unreadable
from grader.record import Record
from grader.submission import Submission
from grader.submission import code_of as code_of_cells

_NOISE = 25  # shortest likeness that counts, in characters of code whose names are one letter each
_WINDOW = 6  # of so many fingerprints one is kept, so that none of 30 characters or more is missed
_LEAST_SHARE = 0.5  # of the shorter side
_LEAST_ALIKE = 80
_MOST_PAIRS = 100
_MOST_OF_A_KIND = 15  # pairs of students who wrote the very same, or the same as one of two
_ROWS = 500  # compared with all others at a time
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
    more
        Pairs that are alike, too, and are not told: at least so many.
    """

    schema_version: Literal[1] = 1
    of: str = ""
    pairs: list[Pair] = Field(default_factory=list)
    more: int = 0


@dataclass(frozen=True)
class Match:
    """A pair, and where in each one's code it is alike: begins and ends, in their order."""

    pair: Pair
    first: list[tuple[int, int]]
    second: list[tuple[int, int]]


def code_of(submission: Submission) -> str:
    """A submission's code, cell by cell; nothing of one that cannot be read."""
    try:
        return code_of_cells(submission.cells())
    except Unreadable:
        return ""


@dataclass(frozen=True)
class Found:
    """What is alike in a class: at most 100 pairs, those most alike first, and how many more there are at least."""

    matches: list[Match]
    more: int = 0


# Digests of codes, and the fingerprints of each, sorted: what takes long to find out, and does not change.
Fingerprints = dict[bytes, "np.ndarray"]


def code_digest(code: str) -> bytes:
    """By which the fingerprints of a code are found again."""
    return digest(code.encode("utf-8", "surrogatepass"))


def find_similar(
    code: Mapping[str, str],
    starter: str,
    digests: Mapping[str, bytes] | None = None,
    known: Fingerprints | None = None,
) -> Found:
    """The pairs of students whose code is alike.

    Parameters
    ----------
    code
        Every student's code, by name; it is asked for where it is needed.
    starter
        What all of them were given.
    digests
        Of each student's code, where they are known.
    known
        Fingerprints that are known already; those of this class are put in.
    """
    digests = digests or {name: code_digest(code[name]) for name in code}
    known = {} if known is None else known
    for name, one in digests.items():
        if one not in known:
            known[one] = _sorted(_fingerprint(code[name]))
    own = _Own.of(digests, known, _sorted(_fingerprint(starter, window=1)))
    alike: list[Pair] = []
    number = 0
    for first, second in own.candidates():
        match = own.match(code, first[0], second[1] if first is second else second[0])
        if match is not None:
            alike += islice(_of_everybody(match.pair, first, second), _MOST_OF_A_KIND)
            number += comb(len(first), 2) if first is second else len(first) * len(second)
    best = sorted(alike, key=_order)[:_MOST_PAIRS]
    found = [own.match(code, pair.first, pair.second) for pair in best]
    matches = sorted((one for one in found if one is not None), key=lambda one: _order(one.pair))
    return Found(matches, number - len(matches))


def _of_everybody(pair: Pair, first: Sequence[str], second: Sequence[str]) -> Iterator[Pair]:
    """The pairs of those who wrote the very same as the one, and as the other."""
    for names in combinations(first, 2) if first is second else product(first, second):
        one, other = sorted(names)
        yield pair.model_copy(update={"first": one, "second": other})


def _order(pair: Pair) -> tuple[float, str, str]:
    return (-_alikeness(pair), pair.first, pair.second)


@dataclass(frozen=True)
class _Own:
    """What is each student's own: fingerprints that neither the starter nor many others have.

    Attributes
    ----------
    groups
        Students whose fingerprints are the very same, sorted.
    has
        A row for each group, a column for each fingerprint.
    common
        The fingerprints that count for nothing.
    """

    groups: list[list[str]]
    has: Any
    common: frozenset[int]
    prints: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(digests: Mapping[str, bytes], known: Fingerprints, starter: np.ndarray) -> _Own:
        """Of a class."""
        from scipy.sparse import csr_array

        students: dict[bytes, list[str]] = defaultdict(list)
        for name in sorted(digests):
            students[digests[name]].append(name)
        codes = list(students)
        every = np.concatenate([known[one] for one in codes]) if codes else np.zeros(0, np.int64)
        values, columns = np.unique(every, return_inverse=True)
        sizes = [len(known[one]) for one in codes]
        often = np.bincount(columns, np.repeat([len(students[one]) for one in codes], sizes), len(values))
        enough = max(_COMMON, int(_COMMON_SHARE * len(digests)))
        common = np.isin(values, starter) | (often > enough)
        groups: dict[bytes, list[str]] = defaultdict(list)
        rows: dict[bytes, np.ndarray] = {}
        for one, place in zip(codes, np.split(columns, np.cumsum(sizes)[:-1]) if codes else [], strict=True):
            left = place[~common[place]]
            if len(left):
                rows[left.tobytes()] = left
                groups[left.tobytes()] += students[one]
        order = sorted(groups, key=lambda one: min(groups[one]))
        ends = np.cumsum([0, *(len(rows[one]) for one in order)])
        places = np.concatenate([rows[one] for one in order]) if order else np.zeros(0, np.int64)
        has = csr_array((np.ones(len(places), np.int32), places, ends), shape=(len(order), max(1, len(values))))
        unwanted = {*starter.tolist(), *values[common].tolist()}
        return _Own([sorted(groups[one]) for one in order], has, frozenset(unwanted))

    def candidates(self) -> list[tuple[list[str], list[str]]]:
        """Groups that share many of their fingerprints, those first that share most; a group with itself, too."""
        sizes = np.diff(self.has.indptr)
        several = np.array([at for at, group in enumerate(self.groups) if len(group) > 1], np.int64)
        kept = (several, several, sizes[several].astype(float))
        across = self.has.T.tocsr()
        for begin in range(0, len(self.groups), _ROWS):  # a class has very many pairs, which do not fit into memory
            shared = (self.has[begin : begin + _ROWS] @ across).tocoo()
            first, second, n = shared.row.astype(np.int64) + begin, shared.col.astype(np.int64), shared.data
            share = n / np.minimum(sizes[first], sizes[second])
            # Fingerprints are a sample: a little less than the share that counts may still be it.
            likely = (first < second) & (share >= 0.7 * _LEAST_SHARE)
            found = (first[likely], second[likely], (n * share)[likely])
            kept = tuple(np.concatenate(both) for both in zip(kept, found, strict=True))  # type: ignore[assignment]
            best = np.argsort(-kept[2], kind="stable")[: 10 * _MOST_PAIRS]
            kept = tuple(part[best] for part in kept)  # type: ignore[assignment]
        return [(self.groups[one], self.groups[other]) for one, other in zip(*map(np.ndarray.tolist, kept[:2]))]  # noqa: B905

    def match(self, code: Mapping[str, str], a: str, b: str) -> Match | None:
        """How two students are alike; None if that is too little to look at."""
        return _match(a, b, *(self._print(code, one) for one in (a, b)))

    def _print(self, code: Mapping[str, str], name: str) -> Any:
        if name not in self.prints:
            self.prints[name] = _fingerprint(code[name])
            _leave_out(self.prints[name], self.common)
        return self.prints[name]


# ---------------------------------------------------------------------- fingerprints


def _fingerprint(code: str, window: int = _WINDOW) -> Any:
    return _copydetect().CodeFingerprint("notebook.py", _NOISE, window, language="python", fp=io.StringIO(code))


def _sorted(fingerprint: Any) -> np.ndarray:
    return np.sort(np.fromiter(fingerprint.hashes, np.int64, len(fingerprint.hashes)))


@functools.cache
def _copydetect() -> Any:
    """The library, without the one that it draws reports of its own with, which takes half a second to import."""
    drawing = [name for name in ("matplotlib", "matplotlib.pyplot") if name not in sys.modules]
    sys.modules.update((name, ModuleType(name)) for name in drawing)
    try:
        import copydetect
    finally:
        for name in drawing:
            del sys.modules[name]
    copydetect.utils.hashed_kgrams = _hashes  # its own come of `hash`, which is another in each process
    return copydetect


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


def _leave_out(fingerprint: Any, known: frozenset[int]) -> None:
    """Without what everybody has.

    copydetect's own way takes it for granted that no fingerprint comes twice in a file.
    """
    fingerprint.hashes = fingerprint.hashes - known
    fingerprint.hash_idx = {one: places for one, places in fingerprint.hash_idx.items() if one not in known}
    coverage = _copydetect().utils.get_token_coverage
    fingerprint.token_coverage = coverage(fingerprint.hash_idx, fingerprint.k, len(fingerprint.filtered_code))


def _match(a: str, b: str, one: Any, other: Any) -> Match | None:
    """How two are alike; None if that is too little to look at."""
    alike, shares, slices = _copydetect().compare_files(one, other)
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
