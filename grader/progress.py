"""How far it has got: the cell that is being run, or where a whole class stands."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from grader.language import tr
from grader.report import Report
from grader.submission import Submission
from grader.text import number, plain, step_told
from grader.workers.crew import Step

_STARTING = "starting"


class CellProgress:
    """A line on the terminal that is rewritten; plain lines, one a cell, where there is no terminal."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self.console = console
        self.quiet = quiet
        self.live = console.is_terminal and not quiet
        self.progress = Progress(
            SpinnerColumn(),
            # What a notebook printed is no markup, and stays on its line.
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def __enter__(self) -> CellProgress:
        if self.live:
            self.progress.start()
            self.progress.add_task(tr("Starting the kernel"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.progress.stop()

    def say(self, what: str, number: int, of: int, printed: str = "") -> None:
        """Tell what is being done now: the cell or the check of this number, and what the cell printed last."""
        text = step_told(what, number, of, printed)
        if self.live and what == "printed":  # the time goes on
            for task in self.progress.tasks:
                self.progress.update(task.id, description=text)
        elif self.live:
            for task in self.progress.tasks:
                self.progress.remove_task(task.id)
            self.progress.add_task(text)
        elif not self.quiet and what == "cell":
            self.console.print(text, style="dim")


class BatchProgress:
    """A table that is rewritten: done, failing, ungraded, who is running where, time left.

    Where there is no terminal, a line for each result.

    Parameters
    ----------
    place
        Which exercise of a course it is; stands before what is told.
    """

    def __init__(self, console: Console, total: int, place: str = "") -> None:
        self.console = console
        self.place = f"{place}: " if place else ""
        self.total = total
        self.reports: list[Report] = []
        self.running: dict[str, tuple[float, str]] = {}
        self.begun = time.monotonic()
        self.live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._shown = 0.0

    def __enter__(self) -> BatchProgress:
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def began(self, submission: Submission) -> None:
        """A submission is being graded."""
        self.running[str(submission.student)] = time.monotonic(), _STARTING

    def at(self, submission: Submission, step: Step) -> None:
        """Which cell is run, or which check."""
        begun, doing = self.running[str(submission.student)]
        if doing == _STARTING:  # the first of a class wait for what is imported once for all: that is nobody's time
            begun = time.monotonic()
        self.running[str(submission.student)] = begun, f"{step.what} {step.number} of {step.of}"

    def finished(self, submission: Submission, report: Report) -> None:
        """Its result is written."""
        begun, _ = self.running.pop(str(submission.student), (time.monotonic(), ""))
        self.reports.append(report)
        if self.live is None:
            took = time.monotonic() - begun
            self.console.print(
                f"{self.place}{len(self.reports)}/{self.total} {plain(str(submission.student), 40)}: {report.status}, "
                f"{number(report.score)}/{number(report.max_score)}, {took:.1f} s"
            )

    def tick(self) -> None:
        """Show it, a few times a second."""
        if self.live is not None and time.monotonic() - self._shown > 0.2:
            self._shown = time.monotonic()
            self.live.update(self.render(), refresh=True)

    def render(self) -> Group:
        """The table as it is now."""
        statuses = [report.status for report in self.reports]
        now = time.monotonic()
        left = ""
        if statuses:
            seconds = (now - self.begun) / len(statuses) * (self.total - len(statuses))
            left = f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"
        head = Text(
            f"{self.place}{len(statuses)} of {self.total} done: {statuses.count('passed')} passed, "
            f"{statuses.count('failed')} failing, {statuses.count('ungraded')} ungraded{left}"
        )
        table = Table(box=None, show_header=False, padding=(0, 2))
        for student, (begun, doing) in sorted(self.running.items()):
            table.add_row(Text(plain(student, 40)), Text(doing), Text(f"{now - begun:.0f} s"))
        return Group(head, table)
