"""Who grades at a terminal without the real data is asked once whether to fetch it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from grader.commands import common
from grader.commands.common import complaints
from grader.errors import DataMissing
from grader.language import mark, tr
from grader.places import cache_root

if TYPE_CHECKING:
    from grader.datasets import Dataset

YES = mark("y")  # what an answer begins with that agrees


def offer_real_data(names: Iterable[str]) -> None:
    """Ask whether to fetch the sets of these names that are not here but within reach, each one once.

    Nothing is asked where nobody can answer: without a terminal, under CI, in a notebook's ``%grade``. Whatever goes
    wrong, the grading goes on with the sample, which is what `auto` means.
    """
    from grader.datasets import DATASETS

    if os.environ.get("CI") or common.standing.say is not None or not _somebody_is_here():
        return
    for name in names:
        one = DATASETS.get(name)
        marker = cache_root() / "offered" / name
        if one is None or not one.fetchable or one.full_is_here() or marker.exists() or not one.within_reach():
            continue
        try:  # before the answer: Ctrl-C is an answer, too
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        except OSError:  # who cannot be remembered would be asked each time
            continue
        if _agreed(one):
            try:
                one.fetch()
            except DataMissing as missing:
                complaints.print(f"{missing.message} {missing.advice}")


def _somebody_is_here() -> bool:
    return complaints.is_terminal and sys.stdin is not None and sys.stdin.isatty()


def _agreed(one: Dataset) -> bool:
    """Whether the person wants this set."""
    complaints.print(
        tr(
            "{title}: the real set is not on this machine, and a sample stands for it. It is a download of {size} MB.",
            title=tr(one.title),
            size=one.download_mb,
        )
    )
    complaints.print(tr("This is asked once; later, `grade data fetch {name}` gets it.", name=one.name))
    try:
        answer = complaints.input(tr("Fetch it now? [y/N]") + " ", markup=False)
    except EOFError:
        return False
    return answer.strip().casefold().startswith(tuple({"y", tr(YES)}))
