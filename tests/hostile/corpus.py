"""The corpus: one notebook an attack or accident, with the verdict that it has to get.

A notebook is the honest one with cells before and after it, or with cells of it replaced. The fields of an
entry are those of :class:`Entry`; the files in ``corpus/`` are its themes.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_notebook

from grader.report import CheckReport, Report

HERE = Path(__file__).parent
CHECKS = ("x", "double", "model", "greeting", "notes", "found", "taken")

HONEST = {
    "answers": "x = 42",
    "double": "def double(v):\n    return 2 * v",
    "train": """
import torch

torch.manual_seed(0)
labels = torch.arange(400) % 2
points = torch.randn(400, 2) + (labels * 3.2 - 1.6)[:, None]
model = torch.nn.Linear(2, 2)
with torch.no_grad():
    centres = torch.stack([points[labels == kind].mean(0) for kind in (0, 1)])
    model.weight.copy_(centres)
    model.bias.copy_(-(centres**2).sum(1) / 2)
print("training is done")
""",
    "notes": 'with open("notes.txt", "w") as file:\n    file.write(f"x is {x}\\n")',
}


HELPERS = """
import ctypes, os, sys

def attempt(function):
    try:
        return repr(function())
    except Exception:
        return ""

def read(path, most=40):
    try:
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""

def listing(path):
    try:
        return " ".join(os.listdir(path))[:4000]
    except OSError:
        return ""
"""


@dataclass(frozen=True)
class Entry:
    """One notebook and its verdict.

    Attributes
    ----------
    says
        What it tries, in a sentence.
    before, after
        Sources of cells around the honest notebook.
    instead
        Cells of the honest notebook, by id, that are replaced; an empty text removes one.
    status
        What ``execution.status`` may be.
    cell
        The cell that the report blames, by its id; None where it blames none, "any" where it may blame any.
    error
        Pattern that ``execution.error`` matches.
    lost
        Checks that do not pass, with a pattern that their message matches. All others pass: the attack neither
        gains a point nor costs one.
    maybe_lost
        Checks that an attack may cost its author, as it goes, though their answers are honest.
    counted
        It is stopped by the number of processes that a user may have, which Linux does not count for root, nor for
        root who plays an ordinary user in a namespace: only run as the user who runs the tests.
    group
        Cheap entries of one group that do not disturb each other may share a kernel. Each has one cell, in
        ``after``, and leaves what it got in ``found[name]``.
    control
        Without a sandbox the attack works, so that it is the sandbox which stops it.
    heavy
        It fills memory, disk or the process table up to the limit: run alone.
    seconds
        Longest that its execution may take: far more than it does, for a machine that is busy with other things. What
        a notebook makes the grader wait for is counted by `late`.
    cell_s
        Time that one of its cells has, where it is other than the exercise's: the endless ones end sooner.
    late
        Most questions of the checks that may run out of their time: as many as checks ask, unless it is less.
    files
        Files that lie beside the notebook: name and contents.
    """

    name: str
    theme: str
    says: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    instead: dict[str, str] = field(default_factory=dict)
    status: tuple[str, ...] = ("ok",)
    cell: str | None = None
    error: str = ""
    lost: dict[str, str] = field(default_factory=dict)
    maybe_lost: tuple[str, ...] = ()
    counted: bool = False
    group: str = ""
    control: bool = False
    heavy: bool = False
    seconds: float = 90
    cell_s: float = 0
    late: int = 4
    files: dict[str, str] = field(default_factory=dict)

    def cells(self, told: str = "places = {}; process = 0") -> dict[str, str]:
        """Sources by id of cell, in order; in the first the notebook is told where to look."""
        before = {f"before-{n}": source for n, source in enumerate(self.before, 1)}
        honest = {name: source for name, source in (HONEST | self.instead).items() if source}
        after = {self.cell_id(n): source for n, source in enumerate(self.after, 1)}
        return {"told": f"{HELPERS}\n{told}"} | before | honest | after

    def cell_id(self, number: int = 1) -> str:
        """Id of a cell of `after`."""
        return f"{self.name}-{number}"


def load() -> list[Entry]:
    """All entries, theme by theme."""
    entries = []
    for path in sorted((HERE / "corpus").glob("*.toml")):
        for table in tomllib.loads(path.read_text("utf-8"))["notebook"]:
            entries.append(_entry(path.stem, table))
    return entries


def _entry(theme: str, table: dict[str, Any]) -> Entry:
    status = table.pop("status", "ok")
    table["status"] = (status,) if isinstance(status, str) else tuple(status)
    if lost := set(table.get("lost", {})) - set(CHECKS):
        raise ValueError(f"{table['name']}: no checks {lost}")
    return Entry(theme=theme, **{name: tuple(v) if type(v) is list else v for name, v in table.items()})


def combined(entries: list[Entry]) -> Entry:
    """One notebook of several entries' cells, each with the id that it would have alone."""
    cells = {one.cell_id(): one.after[0] for one in entries}

    class Combined(Entry):
        def cell_id(self, number: int = 1) -> str:
            return list(cells)[number - 1]

    return Combined("combined", "", "", before=("found = {}",), after=tuple(cells.values()))


def write(folder: Path, cells: dict[str, str], files: dict[str, str] | None = None) -> Path:
    """A notebook of these cells in a folder of its own; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, source in cells.items():
        cell = new_code_cell(source.strip("\n"))
        cell["id"] = name
        made.append(cell)
    path = folder / "hostile.ipynb"
    path.write_text(json.dumps(new_notebook(cells=made)))
    for other, text in (files or {}).items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_text(text)
    return path


def complaints(entry: Entry, report: Report) -> list[str]:
    """In what the report is not as the entry says."""
    wrong = []
    execution = report.execution
    if execution.status not in entry.status:
        wrong.append(f"status is {execution.status}")
    blamed = execution.cell and list(entry.cells())[execution.cell - 1]
    if entry.cell != "any" and blamed != entry.cell:
        wrong.append(f"cell {blamed} is blamed")
    if not re.search(entry.error, execution.error or ""):
        wrong.append("the error is another one")
    if execution.seconds > entry.seconds:
        wrong.append(f"it took {execution.seconds} s")
    if wrong:
        wrong.append(f"the error is {execution.error!r}")
    if entry.theme != "harmless" and report.status not in ("passed", "failed"):
        wrong.append(f"it is {report.status}")
    for check in report.checks:
        wrong += _complaints(entry, check)
    return wrong


def _complaints(entry: Entry, check: CheckReport) -> list[str]:
    told = f"check {check.name} {check.status}: {check.message!r}"
    if check.score != (check.max_score if check.status == "passed" else 0) or check.status == "error":
        return [told]
    if check.name in entry.lost:
        fine = check.status != "passed" and re.search(entry.lost[check.name], check.message)
    else:
        fine = check.status == "passed" or check.name in entry.maybe_lost
    return [] if fine else [told]
