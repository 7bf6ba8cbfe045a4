"""Running a notebook again: where its process was ended from outside, and without a cell that did not end.

Whatever ends a kernel without the notebook's doing costs nobody points: the notebook is run again in a kernel of its
own, which no warm process takes with it, and after some such ends it is ungraded. A notebook cannot choose that: what
it can do to its own process is told from what is done to it (:meth:`grader.kernel.session.KernelSession.ending`), and
where it cannot be told, a second end is its own.

A cell that swallows the interrupt, or ends the kernel, takes with it what was defined before. That is run again
without the cell, with the same seed, in no more time than it took, and judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from grader.errors import GradingError
from grader.kernel.execution import CellOutcome
from grader.kernel.session import Ending
from grader.language import tr

# How often a notebook's process may be ended from outside before somebody has to look.
MOST_FROM_OUTSIDE = 3
# What the cells before may take when they are run again: as long as they took, and what a loaded machine makes of it.
_SLOWER, _SPARE_S = 1.5, 5.0


@dataclass(frozen=True)
class Round:
    """One run of a notebook, and what went before it.

    Attributes
    ----------
    alone
        In a kernel of its own, not in a fork of the warm process.
    until
        The cell that ended the kernel: neither it nor what follows is run.
    seconds
        What all cells may take together; None for the exercise's budget.
    outcomes
        What became of the cells when that one was run, too.
    from_outside
        How often the process was ended without its doing.
    in_doubt
        How often nobody can tell.
    """

    alone: bool = False
    until: int | None = None
    seconds: float | None = None
    outcomes: list[CellOutcome] = field(default_factory=list)
    from_outside: int = 0
    in_doubt: int = 0

    def again(self, ending: Ending | None) -> Round | None:
        """The round after one whose process ended like this; None if that is the notebook's own affair.

        Raises
        ------
        GradingError
            It was ended from outside too often.
        """
        if ending == "outside":
            if self.from_outside + 1 == MOST_FROM_OUTSIDE:
                raise GradingError(
                    tr("Something on this machine ended the notebook's process {n} times.", n=MOST_FROM_OUTSIDE),
                    tr("Most likely its memory ran out: close other programs, and grade it again."),
                )
            return replace(self, alone=True, from_outside=self.from_outside + 1)
        if ending == "unknown" and not self.in_doubt:
            return replace(self, alone=True, in_doubt=1)
        return None

    def without(self, cell: CellOutcome, outcomes: list[CellOutcome]) -> Round | None:
        """The round without a cell that ended the kernel; None if there is nothing before it, or this is that round."""
        before = outcomes[: cell.number - 1]
        if self.until is not None or not before:
            return None
        seconds = _SPARE_S + _SLOWER * sum(one.seconds for one in before)
        return replace(self, until=cell.number, seconds=seconds, outcomes=outcomes)


def fatal(outcomes: list[CellOutcome], alive: bool) -> CellOutcome | None:
    """The cell that ended the kernel and is no attack on the machine's means; None if there is none."""
    last = next((one for one in reversed(outcomes) if one.status != "not run"), None)
    if alive or last is None or last.status not in ("timeout", "died"):
        return None
    return last
