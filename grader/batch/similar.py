"""Submissions whose code is alike, written down for the teacher.

::

    results/similar.json       the pairs, those most alike first
    results/similar/1.html     the two sides of the first one
    results/.similar.npz       the fingerprints of each code, so that none has to be made twice
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from grader.render.html.pair import pair_page
from grader.result_files import FINGERPRINTS, PAIRS, SIMILAR
from grader.scratch import remove
from grader.similarity import Fingerprints, Found, Pair, Similar, code_of, find_similar
from grader.submission import Submission
from grader.writing import write_whole

_MOST_CODE = 200_000  # characters of one student's code that are looked at


def write_similar(results: Path, submissions: Iterable[Submission], starter: str) -> list[Pair]:
    """Write `similar.json`, and a page a pair, into the results folder, unless it is all there."""
    found = {str(one.student): one for one in submissions}
    gists = sorted((student, one.gist.code.hex()) for student, one in found.items())
    of = hashlib.sha256(json.dumps([starter, gists, version("grader")]).encode()).hexdigest()
    there = load_similar(results)
    if there is not None and there.of == of and all((results / pair.page).is_file() for pair in there.pairs):
        return there.pairs
    (results / SIMILAR).unlink(missing_ok=True)  # its pages go first, and it is nothing without them
    folder = results / PAIRS
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        remove(folder)
    pairs = []
    code, known = _Codes(found), _read_fingerprints(results)
    digests = {student: one.gist.code for student, one in found.items()}
    alike = Found([]) if len(code) < 2 else find_similar(code, starter, digests, known)
    codes = set(digests.values())
    _write_fingerprints(results, {one: prints for one, prints in known.items() if one in codes})
    for number, match in enumerate(alike.matches, 1):
        folder.mkdir(exist_ok=True)
        pair = match.pair.model_copy(update={"page": f"{PAIRS}/{number}.html"})
        page = pair_page(
            pair, _parts(code[pair.first], match.first), _parts(code[pair.second], match.second), back="../index.html"
        )
        write_whole(results / pair.page, page)
        pairs.append(pair)
    write_whole(results / SIMILAR, Similar(of=of, pairs=pairs, more=alike.more).model_dump_json(indent=2) + "\n")
    return pairs


class _Codes(Mapping[str, str]):
    """The students' code, read where it is asked for: that of a large class would fill the memory."""

    def __init__(self, submissions: Mapping[str, Submission]) -> None:
        self._submissions = submissions

    def __getitem__(self, student: str) -> str:
        return code_of(self._submissions[student])[:_MOST_CODE]

    def __iter__(self) -> Iterator[str]:
        return iter(self._submissions)

    def __len__(self) -> int:
        return len(self._submissions)


def _read_fingerprints(results: Path) -> Fingerprints:
    """What was found out of each code before; nothing where that is not known, or is of another version."""
    try:
        with (results / FINGERPRINTS).open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["grader"]) != version("grader"):
                return {}
            digests, ends, prints = kept["digests"], kept["ends"], kept["prints"]
            if digests.dtype != np.uint8 or prints.dtype != np.int64 or len(digests) != len(ends):
                return {}
            return dict(zip(map(bytes, digests), np.split(prints, ends[:-1]), strict=True))
    except (OSError, ValueError, TypeError, KeyError, IndexError, BadZipFile, EOFError):
        return {}


def _write_fingerprints(results: Path, known: Fingerprints) -> None:
    file = io.BytesIO()
    prints = [*known.values()]
    np.savez(
        file,
        grader=np.array(version("grader")),
        digests=np.array([list(one) for one in known], np.uint8),
        ends=np.cumsum([len(one) for one in prints]),
        prints=np.concatenate(prints) if prints else np.zeros(0, np.int64),
    )
    write_whole(results / FINGERPRINTS, file.getvalue(), sync=False)


def load_similar(results: Path) -> Similar | None:
    """What was found in a class; None if nobody looked yet, or the file is damaged."""
    try:
        return Similar.model_validate_json((results / SIMILAR).read_bytes())
    except (OSError, ValueError):  # pydantic's errors are ValueErrors
        return None


def _parts(code: str, places: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The code in parts: those that are alike, and those between them."""
    parts, at = [], 0
    for begin, end in places:
        parts += [(code[at:begin], False), (code[begin:end], True)]
        at = end
    return [(text, alike) for text, alike in [*parts, (code[at:], False)] if text]
