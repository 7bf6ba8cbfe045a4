"""Processors, among notebooks that run side by side: who takes too many waits, and whoever waited has longer (Linux).

A control group gives every notebook an equal share, and so does Linux by itself where it groups processes by session.
What is here holds where neither does: a notebook's processes and threads beyond some run only when nobody else wants
to; and the time that a notebook waits for a processor, though it has not had its share, is not counted as its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

# Processes and threads that may run like anybody's: the kernel with some workers, and torch's own threads.
_PROCESSES = max(4, os.cpu_count() or 1)
_THREADS = 16 + 2 * (os.cpu_count() or 1)
_NANO = 1e-9


class Processors:
    """How a notebook's processes share the processors with others; to be looked at again and again."""

    def __init__(self) -> None:
        self._tamed: set[int] = set()
        self._before: tuple[float, float, float] | None = None

    def waited(self, processes: Sequence[psutil.Process], main: int) -> float:
        """Seconds since the last look that the notebook waited for a processor and had none.

        What counts is the thread that runs the cells: that it was ready to run, and was not run. A notebook whose
        processes have had a processor's worth of time meanwhile has kept itself waiting.

        Parameters
        ----------
        main
            The process that runs the cells.
        """
        delay = _run_delay(main)
        if delay is None:
            return 0.0
        now, used = time.monotonic(), sum(map(_used, processes))
        before, self._before = self._before, (now, used, delay)
        if before is None:
            return 0.0
        passed = now - before[0]
        return max(0.0, min(delay - before[2], passed - max(0.0, used - before[1])))

    def tame(self, processes: Sequence[psutil.Process], main: int) -> None:
        """Let what a notebook starts beyond some processes and threads run only when nobody else wants to."""
        if not hasattr(os, "SCHED_IDLE"):
            return
        others = [one.pid for one in processes if one.pid != main]
        threads = [*_threads(main)[_THREADS:]]
        for pid in others[_PROCESSES:]:
            threads += _threads(pid)
        for thread in set(threads) - self._tamed:
            with suppress(OSError):
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
                self._tamed.add(thread)


def _run_delay(pid: int) -> float | None:
    """Seconds that the first thread of a process was ready to run, and was not run; None where nobody counts them."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * _NANO
    except (OSError, ValueError, IndexError):
        return None


def _used(process: psutil.Process) -> float:
    """Seconds of processors' time of a process and of its children that have ended."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _threads(pid: int) -> list[int]:
    """Threads of a process, the oldest first as long as the numbers do not begin anew."""
    with suppress(OSError):
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
    return []
