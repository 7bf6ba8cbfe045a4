"""The progress line: which cell is being run, and the time it has taken."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class CellProgress:
    """A line on the terminal that is rewritten; plain lines, one a cell, where there is no terminal."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self.console = console
        self.quiet = quiet
        self.live = console.is_terminal and not quiet
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def __enter__(self) -> CellProgress:
        if self.live:
            self.progress.start()
            self.progress.add_task("Starting the kernel")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.progress.stop()

    def say(self, what: str, number: int, of: int) -> None:
        """Tell what is being done now: the cell or the check of this number."""
        text = f"Running cell {number} of {of}" if what == "cell" else f"Check {number} of {of}"
        if self.live:
            for task in self.progress.tasks:
                self.progress.remove_task(task.id)
            self.progress.add_task(text)
        elif not self.quiet and what == "cell":
            self.console.print(text, style="dim")
