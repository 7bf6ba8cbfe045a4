"""What a kernel's signs tell of a cell that is waited for.

A kernel whose parts a notebook has replaced may lose a message: it takes no cell any more, or runs it and the reply
never comes. Nothing else would tell that from a cell that takes its time, which may be an hour. Signs are claims like
all that comes out of a kernel: whoever forges them only has its own cells waited for, or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from grader.kernel.line import BEGUN

# From a cell's end to its reply: ipykernel waits as long as ten seconds for the cell's output to be sent.
_REPLIES_S = 15.0


class Signing(Protocol):
    """Where signs come from: the line to the kernel."""

    def signs(self) -> list[bytes]:
        """Those that have come since they were last asked for."""


class Signs:
    """Follows the signs of one cell after another.

    Parameters
    ----------
    now
        A clock.
    begins_s
        Within how many seconds a kernel that has nothing else to do begins a cell.
    """

    def __init__(self, line: Signing, now: Callable[[], float], begins_s: float) -> None:
        self._line = line
        self._now = now
        self._begins_s = begins_s
        self.sent()

    def sent(self) -> None:
        """A cell is about to be sent."""
        self._line.signs()
        self.begun = False
        self._since = self._now()
        self._ended: float | None = None

    def lost(self) -> bool:
        """Whether nothing will be heard of the cell any more."""
        for sign in self._line.signs():
            self.begun = self.begun or sign == BEGUN
            self._ended = None if sign == BEGUN else self._now()
        if self._ended is not None:
            return self._now() - self._ended > _REPLIES_S
        return not self.begun and self._now() - self._since > self._begins_s
