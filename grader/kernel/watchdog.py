"""Time, memory, processes and files, watched by a thread that no notebook can hold up."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Protocol

import psutil

from grader.exercise import Budget
from grader.kernel.cgroup import ControlGroup

Alarm = Literal["cell", "total", "answer", "memory", "files", "processes"]

# From the interrupt to the kill: time for `finally` blocks and for a CUDA kernel to end.
GRACE_S = 2.0
_LOOK_EVERY_S = 0.2
# A closed folder, and one so deep that its path is too long to be named: what lies in there is to be overlooked.
_HIDDEN = (errno.EACCES, errno.ENAMETOOLONG)


class Victim(Protocol):
    """What the watchdog watches."""

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


def memory_of(processes: list[psutil.Process], limit: int) -> int:
    """Bytes that these processes hold.

    The resident sizes count shared pages once for each process; where they come near the limit the
    proportional ones are asked for, which are exact and slow (Linux only).
    """
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_info().rss
    if total > 0.8 * limit and len(processes) > 1:
        exact = 0
        for process in processes:
            with suppress(psutil.Error):
                full = process.memory_full_info()
                exact += getattr(full, "pss", full.rss)
        return min(total, exact)
    return total


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


def unnamed(processes: list[psutil.Process], device: int) -> int:
    """Bytes of the files on a device that these processes hold open and that have no name any more (Linux only)."""
    found: dict[tuple[int, int], int] = {}
    for process in processes:
        with suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat()
                    if status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode):
                        found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values())


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
        self._deadline: float | None = None
        self._reason: Alarm = "cell"
        self._interrupted = False
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def limit(self, seconds: float, reason: Alarm) -> Iterator[None]:
        """Give what happens inside `seconds` to end by itself; after that it is interrupted, then killed."""
        with self._changed:
            self._deadline, self._reason, self._interrupted = time.monotonic() + seconds, reason, False
            self._changed.notify_all()
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
                self._deadline, self._interrupted = time.monotonic() + then_kill_in, True
                self.victim.interrupt()
                self._changed.notify_all()

    def start(self) -> None:
        """Begin to watch: the clock and the rest in a thread each, since a fork bomb makes the rest slow to look at."""
        for look in (self._watch_clock, self._watch_means):
            threading.Thread(target=look, name=f"watchdog{look.__name__}", daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _watch_clock(self) -> None:
        with self._changed:
            while not self._closed:
                self._look_at_clock(time.monotonic())
                self._changed.wait(None if self._deadline is None else max(0.0, self._deadline - time.monotonic()))

    def _watch_means(self) -> None:
        while not self._closed:
            self._look_at_means()
            with self._changed:
                self._changed.wait_for(lambda: self._closed, _LOOK_EVERY_S)

    def _look_at_clock(self, now: float) -> None:
        if self._deadline is None or now < self._deadline:
            return
        if self._interrupted:
            self._deadline, self.killed = None, True
            self.victim.destroy()
        else:
            self.alarm, self._interrupted, self._deadline = self._reason, True, now + GRACE_S
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
        self.memory = used = memory_of(processes, limit)
        self.peak_memory = max(self.peak_memory, used)
        if used > limit:
            self._kill("memory")
        elif overfull(
            self.folders,
            self.budget.files_mb * 1_000_000 - unnamed(processes, self._device),
            self.budget.files,
        ):
            self._kill("files")

    def _kill(self, reason: Alarm) -> None:
        with self._changed:
            if self._closed or self.killed:
                return
            self.alarm, self.killed = reason, True
        self.victim.destroy()
