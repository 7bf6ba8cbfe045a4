"""Judging between cells: a check that belongs behind one finds the notebook's names as they are there."""

from __future__ import annotations

import time
from collections.abc import Sequence

import nbformat

from grader.checks.check import Check
from grader.formats.cell import name_of
from grader.judging import Judge
from grader.kernel.execution import CellOutcome


def places(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """Where cells are, by what tests know them by; of several of one name the first."""
    return {name_of(cell): place for place, cell in reversed(list(enumerate(notebook.cells)))}


class Between:
    """Has checks judged while the cells are run.

    Parameters
    ----------
    before
        What became of the cells in the round before, where this is another.

    Attributes
    ----------
    places
        Of the cells behind which there is something to judge: none in most exercises.
    seconds
        What judging has taken, which is none of the cells' time.
    """

    def __init__(
        self,
        notebook: nbformat.NotebookNode,
        checks: Sequence[Check],
        judge: Judge,
        before: list[CellOutcome],
    ) -> None:
        wanted = {check.after for check in checks if check.after}
        self._cells = places(notebook) if wanted else {}
        self.places = frozenset(place for name, place in self._cells.items() if name in wanted)
        self.seconds = 0.0
        self._notebook, self._judge, self._before = notebook, judge, before
        self._known = 0

    def judge(self, place: int, outcomes: list[CellOutcome]) -> None:
        """Judge what belongs behind the cells before this place."""
        begun = time.monotonic()
        self.moved_on(place, outcomes)
        self._judge.judge("live", {name for name, there in self._cells.items() if there < place})
        self.seconds += time.monotonic() - begun

    def moved_on(self, place: int, outcomes: list[CellOutcome]) -> None:
        """All cells before this place have been run."""
        cells = {number: self._notebook.cells[number] for number in range(self._known, place)}
        outputs = {number: cell.outputs for number, cell in cells.items() if cell.cell_type == "code"}
        self._known = place
        self._judge.moved_on(outputs, [one for one in self._before or outcomes if one.index < place])
