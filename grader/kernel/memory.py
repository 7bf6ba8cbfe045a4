"""What memory a notebook's processes hold: that which they are seen to hold, and that which Linux holds for them.

Page tables, buffers of sockets and pipes, and files in memory are gigabytes where somebody wishes it, and belong to no
process. A control group counts them; where there is none, they are counted here, at the most that they may be.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# What any notebook may have without a thought: its own channels, and those of some workers.
_FREE_SOCKETS = 64
_USUAL_BUFFER = 212_992  # Linux's own `wmem_default`
_PAGE = 4096
_A_PIPE, _A_SMALL_PIPE = 16 * _PAGE, 2 * _PAGE
_PIPES_OF_A_USER = 16_384 * _PAGE  # Linux's `pipe-user-pages-soft`: beyond it pipes are small ones
_A_DESCRIPTOR = 512
_IN_MEMORY = ("tmp", "dev/shm")


def memory_of(processes: Sequence[psutil.Process], limit: float, first: int | None = None, open_: int = 0) -> int:
    """Bytes that these processes hold, and that are held for them.

    The resident sizes count shared pages once for each process; where they come near the limit the
    proportional ones are asked for, which are exact and slow (Linux only).

    Parameters
    ----------
    first
        The first process of namespaces that are theirs alone; None where they have none.
    open_
        Bytes that hang on their open descriptors.
    """
    hidden = open_ + sum(_tables(one.pid) for one in processes) + (_sockets(first) if first else 0)
    files = _files_in_memory(first) if first else 0
    resident = {process: _resident(process) for process in processes}
    total = hidden + files + sum(resident.values())
    if total <= 0.8 * limit or (len(resident) < 2 and not files):
        return total
    exact = shared = 0
    for process in resident:
        proportional, in_memory = _proportional(process)
        exact += proportional
        shared += in_memory
    return min(total, hidden + exact + max(0, files - shared))


def _kilobytes(path: str, *names: str) -> list[int]:
    """Values of a file of `/proc` whose lines are names, numbers and "kB"; 0 for what is not there."""
    found = dict.fromkeys(names, 0)
    with suppress(OSError, ValueError), open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123
        for line in file:
            name, _, value = line.partition(":")
            if name in found:
                found[name] = int(value.split()[0]) * 1024
    return list(found.values())


def _tables(pid: int) -> int:
    """Page tables, which grow with what is mapped and looked at, and huge pages, which nothing else counts."""
    return sum(_kilobytes(f"/proc/{pid}/status", "VmPTE", "HugetlbPages"))


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _proportional(process: psutil.Process) -> tuple[int, int]:
    """Bytes of a process, shared ones in proportion; and those of them that are files in memory, or might be."""
    exact, shared = _kilobytes(f"/proc/{process.pid}/smaps_rollup", "Pss", "Pss_Shmem")
    if exact:
        return exact, shared
    # Not Linux, or it may not be looked at; or it has ended since it was first asked, as a loader's workers do all
    # at once, and holds nothing any more.
    return _resident(process), 0


def _sockets(first: int) -> int:
    """Most that the buffers of all sockets in the network namespace of a process may hold.

    A sender may go beyond the size of its buffer by half of it; it may not choose another size (see
    :func:`grader.kernel.linux.seccomp`).
    """
    used = 0
    with suppress(OSError, ValueError, IndexError):
        used = int(Path(f"/proc/{first}/net/sockstat").read_text("ascii").split()[2])
    return max(0, used - _FREE_SOCKETS) * _buffer() * 3 // 2


def _buffer() -> int:
    try:
        return int(Path("/proc/sys/net/core/wmem_default").read_text("ascii"))
    except (OSError, ValueError):
        return _USUAL_BUFFER


def _files_in_memory(first: int) -> int:
    """Bytes of the files in the folders that are memory and a notebook's own."""
    total = 0
    for name in _IN_MEMORY:
        with suppress(OSError):
            theirs = f"/proc/{first}/root/{name}"
            if os.stat(theirs).st_dev != os.stat(f"/{name}").st_dev:  # noqa: PTH116
                status = os.statvfs(theirs)
                total += (status.f_blocks - status.f_bfree) * status.f_frsize
    return total


def opened(processes: Sequence[psutil.Process], device: int) -> tuple[int, int]:
    """What these processes hold open (Linux only).

    Returns
    -------
    unnamed : int
        Bytes of the files on `device` that have no name any more.
    held : int
        Most bytes of memory that hang on pipes and descriptors.
    """
    files: dict[int, int] = {}
    pipes: set[int] = set()
    number = 0
    for process in processes:
        with suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as entries:
            for entry in entries:
                number += 1
                with suppress(OSError):
                    status = entry.stat()
                    if stat.S_ISFIFO(status.st_mode):
                        pipes.add(status.st_ino)
                    elif status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode):
                        files[status.st_ino] = status.st_blocks * 512
    in_pipes = min(len(pipes) * _A_PIPE, _PIPES_OF_A_USER + len(pipes) * _A_SMALL_PIPE)
    return sum(files.values()), in_pipes + number * _A_DESCRIPTOR
