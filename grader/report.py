"""The report: what a grading found, as one record. Renderers are pure functions of it.

Its fields are a contract (``schema_version``): tests, platforms and scripts from outside read them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from grader.figures import Figure
from grader.language import ngettext, tr
from grader.pass_mark import USUAL, Verdict, verdict
from grader.record import Record
from grader.text import listed

Status = Literal["passed", "failed", "ungraded"]
CheckStatus = Literal["passed", "failed", "skipped", "error"]
ExecutionStatus = Literal["ok", "error", "timeout", "memory", "output", "died", "invalid"]


class CellReport(Record):
    """One code cell: its number from 1, as in ``In [3]``, its id, how it ended, how long, and if it is Python.

    `label` is what its author sees of it, where that is another: a name, or its number in the file.
    """

    number: int
    label: str = ""
    id: str
    status: str
    seconds: float
    error: str | None = None
    compiles: bool = True

    @property
    def told(self) -> str:
        """What its author knows it by."""
        return self.label or str(self.number)


class ExecutionReport(Record):
    """How the run of the notebook went.

    Attributes
    ----------
    cell
        Number of the code cell that `status` and `error` are about.
    error
        A sentence for the student.
    missing_packages
        Packages of the course that the notebook imports and this machine lacks.
    judged_before
        Number of a code cell that ended the kernel: those before it were run again without it, and judged.
    put_back
        What became of cells that nobody may change, and somebody did, a sentence each.
    peak_memory
        Most bytes that the notebook's processes were seen to hold.
    """

    status: ExecutionStatus
    seconds: float = 0.0
    cell: int | None = None
    error: str | None = None
    peak_memory: int = 0
    missing_packages: list[str] = Field(default_factory=list)
    judged_before: int | None = None
    put_back: list[str] = Field(default_factory=list)
    cells: list[CellReport] = Field(default_factory=list)

    @property
    def told_cell(self) -> str:
        """What the author knows the cell by that `status` and `error` are about."""
        return next((one.told for one in self.cells if one.number == self.cell), str(self.cell))


class CheckReport(Record):
    """One check: `skipped` could not be judged; `error` is the grader's own fault and costs no points.

    One that was `skipped` because the machine lacks a package of the course names it in `lacks`; its points are open.
    A `hidden` one is the teacher's own: it lies beside the solution, and no student has it. `figures` are what a page
    shows beside it, as data. One that has `failed` may have a share of its points all the same. Those of a `bonus` come
    on top: they are in the report's score, and not in what can be had. A `manual` one is for a person to judge: it is
    skipped, its points are open and in what can be had. `verified` tells of another grader's test whether it was judged
    outside the notebook's process, or rests on its word.
    """

    name: str
    title: str
    status: CheckStatus
    score: float
    max_score: float
    message: str = ""
    hint: str = ""
    seconds: float = 0.0
    hidden: bool = False
    lacks: str = ""
    bonus: bool = False
    manual: bool = False
    verified: Literal["outside", "word"] | None = None
    figures: list[Figure] = Field(default_factory=list)


class DataReport(Record):
    """Which form of the data sets was used, whether it was only a small part of it, and which sets the exercise has."""

    name: Literal["full", "sample"]
    sets: list[str] = Field(default_factory=list)
    small: bool = False


def said_first(checks: list[CheckReport]) -> str:
    """What the first check says that failed, and its hint; of the teacher's own ones nothing."""
    failed = next((one for one in checks if one.status == "failed" and not (one.hidden or one.bonus)), None)
    return f"{failed.message} {failed.hint}".strip() if failed is not None else ""


def said_once(checks: list[CheckReport], execution: ExecutionReport) -> list[CheckReport]:
    """The checks, without the hints that stand above them already: with the cells, or below an earlier check."""
    said = {execution.error}
    told = []
    for check in checks:
        told.append(check.model_copy(update={"hint": ""}) if check.hint in said else check)
        said.add(check.hint)
    return told


class Report(Record):
    """What a grading found; `next` says what to mend first, if anything failed.

    From the share `pass_mark` of the points possible on it is passed. `status` is about the checks: passed if all are.
    """

    schema_version: Literal[1] = 1
    exercise: str
    title: str
    submission: str
    student: str | None = None
    status: Status
    score: float
    max_score: float
    execution: ExecutionReport
    checks: list[CheckReport]
    data: DataReport
    device: str
    seed: int
    sandbox: list[str]
    versions: dict[str, str]
    started: str
    grader: str
    language: str = "en"
    next: str = ""
    pass_mark: float = USUAL

    @property
    def waiting(self) -> list[str]:
        """Names of the checks that a person has still to judge: their points are open."""
        return [one.name for one in self.checks if one.manual and one.status == "skipped"]

    @property
    def verdict(self) -> Verdict:
        """What the points come to."""
        if self.waiting and self.status != "ungraded":
            return "pending"
        if self.status != "failed":
            return "full" if self.status == "passed" else self.status
        found = verdict(self.status, self.score, self.max_score, self.pass_mark)
        return "passed" if found == "full" else found  # a check that is worth nothing failed

    @property
    def first_step(self) -> str:
        """What to mend first, of reports too that were made before there was `next`."""
        return self.next or said_first(self.checks)

    @property
    def lacking(self) -> list[str]:
        """Packages that this machine lacks and for want of which it is not graded; none where a check is broken."""
        if self.status != "ungraded" or any(one.status == "error" for one in self.checks):
            return []
        return sorted({one.lacks for one in self.checks if one.lacks}) or self.execution.missing_packages

    def light(self) -> Report:
        """Without the figures, and the cells at which nothing ended: those of a whole class would fill the memory."""
        checks = [one.model_copy(update={"figures": []}) if one.figures else one for one in self.checks]
        cells = [one for one in self.execution.cells if one.number == self.execution.cell]
        return self.model_copy(
            update={"checks": checks, "execution": self.execution.model_copy(update={"cells": cells})}
        )

    @property
    def exit_code(self) -> int:
        """0 every check passed; 1 graded, not everything; 3 the grader or the machine is at fault."""
        return {"passed": 0, "failed": 1, "ungraded": 3}[self.status]


def headline(report: Report) -> str:
    """The outcome in a sentence."""
    judged = [one for one in report.checks if not one.manual]
    passed = sum(one.status == "passed" for one in judged)
    if report.status == "ungraded":
        if lacking := report.lacking:
            packages = listed(lacking)
            return tr("Not graded: install {packages} first. This costs no points.", packages=packages)
        return tr("Not graded: a check of the grader's is broken. This is not your fault and costs no points.")
    said = ngettext("{passed} of {n} check passed", "{passed} of {n} checks passed", len(judged), passed=passed)
    if open_ := len(report.checks) - len(judged):
        said += "; " + ngettext("your teacher grades {n} answer", "your teacher grades {n} answers", open_)
    return said
