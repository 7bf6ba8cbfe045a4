"""What was measured, as rows of one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.table import Table

GRADER = "grade batch"
OTHERS = ("nbgrader autograde", "otter run")


@dataclass
class Row:
    """One measurement.

    Attributes
    ----------
    seconds
        From the start of the command to its end.
    start
        Of these, until the first notebook's first cell; of a competitor, what it takes once for a class.
    each
        Median over the notebooks of the time from being handed to a worker to the result.
    drift
        Time of the second half of the results to that of the first.
    main_mb, grader_mb, warm_mb, all_mb
        Most memory of the main process; with the workers; with the warm process, too; with the notebooks.
    libraries_mb
        Of `warm_mb`, files of libraries.
    cold
        Kernels that were seen to be started anew instead of forked.
    unreadable
        Processes whose shared pages could not be looked at, and are not in these.
    """

    part: str
    exercise: str
    what: str
    notebooks: int
    workers: int
    seconds: float
    start: float
    each: float | None = None
    drift: float | None = None
    main_mb: float | None = None
    grader_mb: float | None = None
    warm_mb: float | None = None
    all_mb: float | None = None
    libraries_mb: float | None = None
    cold: int = 0
    unreadable: int = 0

    @property
    def per_notebook(self) -> float:
        """Seconds a notebook, the start shared among them."""
        return self.seconds / self.notebooks

    @property
    def without_start(self) -> float:
        """Seconds that one notebook more costs."""
        return (self.seconds - self.start) / self.notebooks

    def for_class_of(self, notebooks: int) -> float:
        """Seconds for a class of another size."""
        return self.start + notebooks * self.without_start


@dataclass
class Figures:
    """Everything that was measured, on which machine, and what has to be said about it."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def find(self, part: str, what: str = GRADER, workers: int | None = None) -> Row | None:
        """The row of this part and name, if it was measured."""
        return next(self.all(part, what, workers), None)

    def all(self, part: str, what: str = "", workers: int | None = None) -> Iterator[Row]:
        """Rows of this part whose names begin so."""
        for row in self.rows:
            if row.part == part and row.what.startswith(what) and workers in (None, row.workers):
                yield row

    def times_faster(self, ours: Row, other: str) -> float | None:
        """How many times as long the competitor takes for the same class."""
        theirs = next((row for row in self.rows if (row.exercise, row.what) == (ours.exercise, other)), None)
        return theirs.for_class_of(ours.notebooks) / ours.seconds if theirs is not None else None

    def table(self) -> Table:
        """All rows, part by part."""
        table = Table(box=None, header_style="bold", caption=self._caption(), caption_justify="left", pad_edge=False)
        for name in ("exercise", "what"):
            table.add_column(name)
        for name in ("notebooks", "workers", "seconds", "a second", "s each", "s each, no start", "median s"):
            table.add_column(name, justify="right")
        for name in ("× nbgrader", "× otter", "main MB", "+ workers", "+ warm", "+ notebooks"):
            table.add_column(name, justify="right")
        last = None
        for row in self.rows:
            if last not in (None, row.part):
                table.add_section()
            last = row.part
            ratios = [self.times_faster(row, other) if row.what.startswith(GRADER) else None for other in OTHERS]
            table.add_row(
                row.exercise,
                row.what,
                f"{row.notebooks:,}",
                str(row.workers),
                f"{row.seconds:.1f}",
                f"{1 / row.per_notebook:.3g}",
                f"{row.per_notebook:.3f}",
                f"{row.without_start:.3f}",
                _number(row.each, 3),
                *(_number(ratio, 1) for ratio in ratios),
                *(_number(size, 0) for size in (row.main_mb, row.grader_mb, row.warm_mb, row.all_mb)),
            )
        return table

    def _caption(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.machine.items())


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
