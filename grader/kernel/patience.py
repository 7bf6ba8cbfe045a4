"""Patience with what a notebook's process does not answer in time: nobody waits for the same again and again.

Several checks ask the same function, and one that never ends would cost each of them its whole time. So it has the
usual time once, and then a short try: long enough for a function that was slow with one large input only, or as long
as it is known to take. What runs out of that, too, is not asked again. All that was waited for in vain together has a
bound as well: beyond it everything else that does not answer has no more than a short try.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable

# Of the usual time, and in seconds at the least: what is left to try something again, and to try anything once too much
# was waited for in vain.
_SHORT, _SHORTEST_S = 1 / 6, 2.0
# Times as long as it took at most when it answered.
_LONGER = 3
# Times the usual one, for all that does not answer.
_IN_VAIN = 2


class NotAskedAgain(TimeoutError):
    """It did not answer before, and is not waited for any more."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Patience:
    """How long a notebook's process has to answer each question.

    Parameters
    ----------
    usual
        Seconds that an answer may take.
    most
        Seconds that all of them may take together.
    """

    def __init__(self, usual: float, most: float = math.inf) -> None:
        self._usual = usual
        self._left = most
        self._in_vain = 0.0
        self._late = Counter[Hashable]()
        self._waited: dict[Hashable, float] = {}
        self._took: dict[Hashable, float] = {}

    def seconds(self, what: Hashable, wanted: float) -> float:
        """Seconds for a question about this.

        Raises
        ------
        NotAskedAgain
        TimeoutError
            All of them together have had their time.
        """
        if self._left <= 0:
            raise TimeoutError
        wanted = min(wanted, self._left)
        if self._late[what] > 1:
            raise NotAskedAgain(self._waited[what])
        if self._late[what] or self._spent:
            return min(wanted, max(_SHORT * self._usual, _SHORTEST_S, _LONGER * self._took.get(what, 0.0)))
        return wanted

    def answered(self, what: Hashable, seconds: float) -> None:
        """It answered, after so many seconds."""
        self._left -= seconds
        self._took[what] = max(seconds, self._took.get(what, 0.0))

    def ran_out(self, what: Hashable, seconds: float) -> None:
        """It did not answer in the seconds that it had."""
        self._left -= seconds
        # A check may want to see that something is quick: that it is not tells nothing about other questions.
        if seconds >= self._usual or self._late[what] or self._spent:
            self._late[what] += 2 if self._spent else 1
            self._waited[what] = max(seconds, self._waited.get(what, 0.0))
        self._in_vain += seconds

    @property
    def _spent(self) -> bool:
        return self._in_vain >= _IN_VAIN * self._usual
