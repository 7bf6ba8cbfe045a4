"""A cell as it was handed in, in whatever format, and how large it may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from grader.language import grouped, tr
from grader.reading import Unreadable

MAX_CELLS = 2_000
MAX_SOURCE = 2_000_000
# What a notebook written as text may have in all. A JSON file may be larger, its pictures and data among it.
MAX_TEXT = 2_000_000
# Where the grader keeps, in the metadata of a notebook's cell, what stands there of a cell beside its source.
PLACE = "grader"
# Where nbgrader keeps what it knows a cell by.
NBGRADER = "nbgrader"
MAX_GRADE_ID = 500
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in: `code`, or anything else, which is taken for text.

    Attributes
    ----------
    number
        Its place among the cells of code in the file, from 1, where they may run in another order; else 0.
    name
        What its author calls it; empty where it has no name.
    line
        Where its source begins in a file of text; 0 in one whose lines nobody sees.
    after
        Ids of the cells that it hangs on, where the format tells.
    disabled
        Its author switched it off.
    refused
        Why it cannot run as it stands, as a sentence; empty where it can.
    grade_id
        What nbgrader knows it by; empty where it is none of its cells.
    """

    kind: Literal["code", "markdown"]
    source: str
    id: str
    attachments: dict[str, dict[str, str]] | None = None
    number: int = 0
    name: str = ""
    line: int = 0
    after: tuple[str, ...] = ()
    disabled: bool = False
    refused: str = ""
    grade_id: str = ""

    @property
    def content(self) -> tuple[str, str]:
        """What a verdict hangs on."""
        kind = f"{self.kind}, disabled" if self.disabled else self.kind
        return f"{kind}, {self.grade_id}" if self.grade_id else kind, self.source

    def as_data(self) -> dict[str, Any]:
        """As a notebook of format 4.5 holds it; nbformat's own way looks through each once more."""
        made: dict[str, Any] = {"id": self.id, "cell_type": self.kind, "metadata": {}, "source": self.source}
        if self.line:
            told = {name: getattr(self, name) for name in ("number", "name", "line", "disabled", "refused")}
            made["metadata"] = {PLACE: told | {"after": list(self.after)}}
        if self.grade_id:
            made["metadata"] |= {NBGRADER: {"grade_id": self.grade_id}}
        if self.kind == "code":
            made |= {"execution_count": None, "outputs": []}
        if self.attachments is not None:
            made["attachments"] = self.attachments
        return made


def name_of(cell: dict[str, Any]) -> str:
    """What tests know a notebook's cell by: nbgrader's name for it, or its id."""
    marks = cell.get("metadata", {}).get(NBGRADER, {})
    return str(marks.get("grade_id") or cell.get("id", ""))


def too_many(n: int) -> Unreadable:
    """That a notebook has more cells than may be."""
    return Unreadable(tr("The notebook has {n} cells; {most} is the most.", n=grouped(n), most=grouped(MAX_CELLS)))


def no_code() -> Unreadable:
    """That a notebook has no cells of code."""
    return Unreadable(
        tr("The notebook has no code cells. Make cells of code of those with your answers: in Jupyter, Esc and Y.")
    )
