"""Time, memory, processes and files, watched by a thread that no notebook can hold up."""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Protocol

import psutil

from grader.budget import Budget
from grader.kernel.cgroup import ControlGroup
from grader.kernel.memory import memory_of, opened
from grader.kernel.processors import Processors

Alarm = Literal["cell", "total", "answer", "memory", "files", "processes"]

# From the interrupt to the kill: time for `finally` blocks and for a CUDA kernel to end.
GRACE_S = 2.0
_LOOK_EVERY_S = 0.2
# A notebook that waits for processors has so many times its time by the clock, at the most.
_LONGEST = 3.0
# A closed folder, and one so deep that its path is too long to be named: what lies in there is to be overlooked.
_HIDDEN = (errno.EACCES, errno.ENAMETOOLONG)


class Victim(Protocol):
    """What the watchdog watches."""

    @property
    def main(self) -> int | None:
        """The process that runs the cells; None as long as there is none."""

    @property
    def contained(self) -> bool:
        """Whether its processes are in namespaces of their own."""

    def processes(self) -> list[psutil.Process]:
        """It and all that it started."""

    def interrupt(self) -> None:
        """As Ctrl-C would."""

    def destroy(self) -> None:
        """Kill the process and all that it started."""


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants, as far as they still are there."""
    try:
        pids = _descendants(pid)
    except OSError:  # not Linux, or one without these lists: look at every process of the system
        with suppress(psutil.Error):
            parent = psutil.Process(pid)
            return [parent, *parent.children(recursive=True)]
        return []
    found = []
    for one in pids:
        with suppress(psutil.Error):
            found.append(psutil.Process(one))
    return found


def _descendants(pid: int) -> list[int]:
    """Numbers of a process and its descendants, from the lists of children that Linux keeps."""
    pids = [pid]
    for one in pids:
        try:
            threads = os.listdir(f"/proc/{one}/task")  # noqa: PTH208
        except FileNotFoundError:
            if Path("/proc/self/task").exists():
                continue  # it has ended
            raise
        for thread in threads:
            try:
                with open(f"/proc/{one}/task/{thread}/children", encoding="ascii") as file:  # noqa: PTH123
                    pids += map(int, file.read().split())
            except (FileNotFoundError, ProcessLookupError):
                if not Path("/proc/thread-self/children").exists():
                    raise
    return pids


def overfull(folders: Sequence[Path], max_bytes: float, max_files: int) -> bool:
    """Whether folders hold more than this; no link is followed, and looking ends where the answer is known."""
    used = files = 0
    waiting = [str(folder) for folder in folders]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError as error:
            if error.errno in _HIDDEN:
                return True
            continue
        with entries:
            for entry in entries:
                files += 1
                try:
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                except OSError as error:  # mostly: gone meanwhile
                    if error.errno in _HIDDEN:
                        return True
                if used > max_bytes or files > max_files:
                    return True
    return False


class Watchdog:
    """Interrupts, then kills, what takes too long; kills at once what takes too much.

    Parameters
    ----------
    folders
        All that the notebook may write to; the scratch folder first.

    Attributes
    ----------
    alarm
        The limit that was overstepped since it was last taken, if any.
    peak_memory
        Most bytes that the tree of processes was seen to hold.
    memory
        Bytes that it held when it was last looked at.
    group
        The control group that the processes are in, if there is one.
    """

    def __init__(self, victim: Victim, budget: Budget, *folders: Path) -> None:
        self.victim = victim
        self.budget = budget
        self.folders = folders
        self._device = folders[0].stat().st_dev
        self.peak_memory = self.memory = 0
        self.killed = False
        self.group: ControlGroup | None = None
        self.alarm: Alarm | None = None
        self._processors = Processors()
        self._waited = 0.0
        self._deadline: float | None = None  # by its own clock, and the latest by everybody's
        self._latest = 0.0
        self._reason: Alarm = "cell"
        self._interrupted = False
        self._wakes = 0.0  # when the thread that watches the clock looks at it next
        self._changed = threading.Condition()
        self._closed = threading.Event()

    def now(self) -> float:
        """Seconds, by a clock that stands still while the notebook waits for a processor that others have."""
        return time.monotonic() - self._waited

    @contextmanager
    def limit(self, seconds: float, reason: Alarm) -> Iterator[None]:
        """Give what happens inside `seconds` to end by itself; after that it is interrupted, then killed."""
        with self._changed:
            self._reason, self._interrupted = reason, False
            self._set_deadline(seconds)
        try:
            yield
        finally:
            with self._changed:
                self._deadline = None

    def take_alarm(self) -> Alarm | None:
        """The alarm since the last call, once."""
        ran_out = self.group is not None and not self.killed and self.group.ran_out()
        with self._changed:
            alarm, self.alarm = self.alarm, None
            if ran_out:
                self.killed = True
                return "memory"
            return alarm

    def interrupt_now(self, then_kill_in: float = GRACE_S) -> None:
        """Interrupt before the time is over, for a reason of the caller's; kill if that does not help."""
        with self._changed:
            if self._deadline is not None and not self._interrupted:
                self._interrupted = True
                self._set_deadline(then_kill_in)
                self.victim.interrupt()

    def end(self) -> None:
        """Kill it for another reason than a limit: nobody waits for it any more."""
        with self._changed:
            if self._closed.is_set() or self.killed:
                return
            self.killed = True
        self.victim.destroy()

    def _set_deadline(self, seconds: float) -> None:
        begins = time.monotonic()
        self._deadline, self._latest = self.now() + seconds, begins + _LONGEST * seconds
        if begins + seconds < self._wakes:  # mostly it will look earlier anyway, and need not be woken
            self._changed.notify_all()

    def start(self) -> None:
        """Begin to watch: the clock and the rest in a thread each, since a fork bomb makes the rest slow to look at."""
        for look in (self._watch_clock, self._watch_means):
            threading.Thread(target=look, name=f"watchdog{look.__name__}", daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()

    def _watch_clock(self) -> None:
        with self._changed:
            while not self._closed.is_set():
                self._look_at_clock()
                left = self._left()
                self._wakes = math.inf if left is None else time.monotonic() + left
                self._changed.wait(left)

    def _left(self) -> float | None:
        """Seconds until the clock has to be looked at again."""
        if self._deadline is None:
            return None
        return max(0.0, min(self._deadline - self.now(), self._latest - time.monotonic()))

    def _watch_means(self) -> None:
        while not self._closed.is_set():
            self._look_at_means()
            self._closed.wait(_LOOK_EVERY_S)

    def _look_at_clock(self) -> None:
        if self._left() != 0:
            return
        if self._interrupted:
            self._deadline, self.killed = None, True
            self.victim.destroy()
        else:
            self.alarm, self._interrupted = self._reason, True
            self._set_deadline(GRACE_S)
            self.victim.interrupt()

    def _look_at_means(self) -> None:
        if self.killed:
            return
        limit = self.budget.memory_mb * 1_000_000
        processes = self.victim.processes()
        if len(processes) > self.budget.processes:  # first, since it makes all else slow to look at
            self._kill("processes")
            return
        if not processes:  # it has ended
            return
        main = self.victim.main
        if main is not None:
            self._processors.tame(processes, main)
            self._waited += self._processors.waited(processes, main)
        unnamed, held = opened(processes, self._device)
        self.memory = used = memory_of(processes, limit, main if self.victim.contained else None, held)
        self.peak_memory = max(self.peak_memory, used)
        if used > limit:
            self._kill("memory")
        elif overfull(
            self.folders,
            self.budget.files_mb * 1_000_000 - unnamed,
            self.budget.files,
        ):
            self._kill("files")

    def _kill(self, reason: Alarm) -> None:
        with self._changed:
            if self._closed.is_set() or self.killed:
                return
            self.alarm, self.killed = reason, True
        self.victim.destroy()
