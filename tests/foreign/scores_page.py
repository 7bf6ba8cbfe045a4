"""Write docs/scores.md: what nbgrader and otter gave to every fixture's submissions, and what is given here.

::

    python -m tests.foreign.scores_page

Theirs stand beside the fixtures, as the scripts in `benchmarks/` found them; ours are theirs and what a fixture says is
given otherwise, which the tests here hold to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.foreign.nbgrader.course import NAMES, Course, expected
from tests.foreign.nbgrader.graded import meant, total
from tests.foreign.otter.assignments import FIXTURES, KEPT
from tests.foreign.otter.forgeries import FORGED
from tests.foreign.otter.graded import OTHERWISE

PAGE = Path(__file__).parents[2] / "docs" / "scores.md"

_HEAD = """# Scores, side by side

What was written for nbgrader and for otter, graded by them and by `grade import` and `grade batch`: the points of
every submission to every assignment in `tests/foreign/`. What honest notebooks get is the same to the hundredth; where
it is not, the reason stands behind it. `+2?` are two tests or answers that wait for a person; *none* is a notebook that
the tool did not get through with.

nbgrader and otter were run by `python benchmarks/scores.py` and `python benchmarks/otter_scores.py`, which grade all of
it anew and say whether anything changed. The page is written by `python -m tests.foreign.scores_page`.
"""

_OF_OTTERS = {
    "right": "Right.",
    "partial": "Right in part.",
    "empty": "Nothing was done.",
    "broken": "It does not run.",
    "forged": "Objects that equal everything.",
}


def page() -> str:
    """The page's whole text."""
    parts = [_HEAD, *map(_of_nbgraders, NAMES), *map(_of_otters, (*FIXTURES, "forgeries"))]
    return "\n".join(parts)


def _of_nbgraders(name: str) -> str:
    course, theirs = Course(name), expected()[name]["scores"]
    rows = []
    for said in course.said["submission"]:
        given, ours = theirs[said["name"]], meant(said, theirs)
        why = said.get("ours", {}).get("why", "") if given != ours else ""
        rows.append((said["says"], total(given) if given else "none", total(ours), why))
    return _table(f"nbgrader: {name}", "nbgrader", rows)


def _of_otters(name: str) -> str:
    rows = []
    fixture = {**FIXTURES, "forgeries": FORGED}[name]
    kept = json.loads(KEPT.read_text("utf-8"))[name]
    for student in fixture.submissions:
        points: Mapping[str, float] = {question: got for question, (got, _) in kept[student].items()}
        other, why = OTHERWISE.get((name, student), ({}, ""))
        says = _OF_OTTERS.get(student) or f"{student[0].upper()}{student[1:]}."
        rows.append((says, total(points), total({**points, **other}), why))
    return _table(f"otter: {name}", "otter", rows)


def _table(title: str, tool: str, rows: Iterable[tuple[str, str, str, str]]) -> str:
    return "\n".join([f"## {title}", "", *_lines(tool, rows), ""])


def _lines(tool: str, rows: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    yield f"| handed in | {tool} | here | why it is not the same |"
    yield "|---|--:|--:|---|"
    for row in rows:
        yield f"| {' | '.join(one.replace('|', chr(92) + '|') for one in row)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
