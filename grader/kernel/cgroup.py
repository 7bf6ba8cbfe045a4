"""Control groups: Linux's own bound on the memory and the processes of a whole tree of processes, and its share of
the processors, which is the same for each notebook however many processes it starts.

They are there for whoever may make them: root mostly, under version 1, and under version 2 where a group was
delegated with its controllers. The watchdog speaks first; the group is for what is quicker than a look.
"""

from __future__ import annotations

import functools
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_GONE_S = 2.0
_MOST_TOLD = 10_000
_NAME = "grader-"
_CONTROLLERS = ("memory", "pids", "cpu")


class ControlGroup:
    """A new group for one notebook's processes.

    Parameters
    ----------
    memory
        Bytes that all its processes may hold together, of what they take once they are in it.
    processes
        Processes and threads.

    Raises
    ------
    OSError
        This system has none, or this user may not make one.
    """

    def __init__(self, memory: int, processes: int) -> None:
        self._folders: list[Path] = []  # under each controller, the one of memory first; under version 2 one for both
        self._events = -1  # of the group's memory: a descriptor, since it is read again and again
        self._none = b""  # what is read there as long as nothing has happened
        name = f"{_NAME}{os.getpid()}-{secrets.token_hex(6)}"
        try:
            for controller, (parent, unified) in _parents().items():
                _sweep(parent)
                folder = parent / name
                if folder not in self._folders:
                    try:
                        folder.mkdir()
                    except OSError:
                        if controller == "cpu":  # a share of the processors is worth having, and no more
                            continue
                        raise
                    self._folders.append(folder)
                if controller == "cpu":
                    continue
                if controller == "pids":
                    (folder / "pids.max").write_text(str(processes))
                else:
                    (folder / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(memory))
                    events = folder / ("memory.events" if unified else "memory.oom_control")
                    self._events = os.open(events, os.O_RDONLY)
                    self._none = os.pread(self._events, _MOST_TOLD, 0)
        except OSError:
            self.remove()
            raise

    @contextmanager
    def doors(self) -> Iterator[list[int]]:
        """Descriptors through which a process of one thread, which writes 0 to each, comes in by itself.

        To take somebody else in, or one with threads, Linux stops whoever forks until a grace period is over: 12 ms,
        where others are at work. Version 2 has no such doors, and there are none then.
        """
        found: list[int] = []
        try:
            for folder in self._folders:
                with suppress(FileNotFoundError):
                    found.append(os.open(folder / "tasks", os.O_WRONLY | os.O_CLOEXEC))
            yield found
        finally:
            for one in found:
                os.close(one)

    def add(self, pids: Iterable[int]) -> None:
        """Take processes in that are not here yet, and all that they will start."""
        for pid in pids:
            for folder in self._folders:
                with suppress(OSError):  # it has ended meanwhile
                    members = folder / "cgroup.procs"
                    if str(pid) not in members.read_text().split():
                        members.write_text(str(pid))

    def ran_out(self) -> bool:
        """Whether a process was killed since the memory was used up."""
        with suppress(OSError, ValueError):
            told = os.pread(self._events, _MOST_TOLD, 0)
            lines = told.split(b"\n") if told != self._none else ()
            return any(int(line.split()[1]) > 0 for line in lines if line.startswith(b"oom_kill "))
        return False

    def remove(self) -> None:
        """Remove the group, as soon as its processes are gone."""
        if self._events >= 0:
            os.close(self._events)
            self._events = -1
        ends = time.monotonic() + _GONE_S
        while self._folders:
            try:
                self._folders[-1].rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                if time.monotonic() < ends:
                    time.sleep(0.005)
                    continue
            self._folders.pop()


@functools.cache
def _sweep(parent: Path) -> None:
    """Once in each process, remove empty groups of graders that were killed before they could."""
    for folder in parent.glob(f"{_NAME}*"):
        pid = folder.name.removeprefix(_NAME).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with suppress(OSError):  # its processes are still ending
                folder.rmdir()


@functools.cache
def _parents() -> dict[str, tuple[Path, bool]]:
    """For memory, processes and processors: the group that this process is in, and whether it is of version 2.

    Raises
    ------
    OSError
        There are no control groups.
    """
    own: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(",") if controllers else ["unified"], path)
    found: dict[str, tuple[Path, bool]] = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup":
            for controller in {*_CONTROLLERS} & set(options.split(",")):
                found[controller] = _group(place, own.get(controller, "/")), False
        elif kind == "cgroup2":
            folder = _group(place, own.get("unified", "/"))
            given = (folder / "cgroup.subtree_control").read_text().split()
            for controller in {*_CONTROLLERS} & set(given):
                found.setdefault(controller, (folder, True))
    if "memory" not in found:
        raise OSError("no control group whose memory could be bounded")
    return {name: found[name] for name in _CONTROLLERS if name in found}


def _group(mounted: str, path: str) -> Path:
    """Folder of the own group; in a container its path may be the host's."""
    folder = Path(mounted) / path.strip("/")
    return folder if folder.is_dir() else Path(mounted)
