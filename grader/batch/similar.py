"""Submissions whose code is alike, written down for the teacher.

::

    results/similar.json       the pairs, those most alike first
    results/similar/1.html     the two sides of the first one
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from grader.render.html.pair import pair_page
from grader.result_files import PAIRS, SIMILAR
from grader.scratch import remove
from grader.similarity import Pair, Similar, code_of, find_similar
from grader.submission import Submission
from grader.writing import write_whole

_MOST_CODE = 200_000  # characters of one student's code that are looked at


def write_similar(results: Path, submissions: Iterable[Submission], starter: str) -> list[Pair]:
    """Write `similar.json`, and a page a pair, into the results folder, unless it is all there."""
    code = {str(one.student): code_of(one)[:_MOST_CODE] for one in submissions}
    of = hashlib.sha256(json.dumps([starter, sorted(code.items()), version("grader")]).encode()).hexdigest()
    there = load_similar(results)
    if there is not None and there.of == of and all((results / pair.page).is_file() for pair in there.pairs):
        return there.pairs
    folder = results / PAIRS
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        remove(folder)
    pairs = []
    for number, match in enumerate(find_similar(code, starter), 1):
        folder.mkdir(exist_ok=True)
        pair = match.pair.model_copy(update={"page": f"{PAIRS}/{number}.html"})
        page = pair_page(
            pair, _parts(code[pair.first], match.first), _parts(code[pair.second], match.second), back="../index.html"
        )
        write_whole(results / pair.page, page)
        pairs.append(pair)
    write_whole(results / SIMILAR, Similar(of=of, pairs=pairs).model_dump_json(indent=2) + "\n")
    return pairs


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
