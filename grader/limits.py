"""Limits that whoever started the grader put on it (`ulimit`, a service's, a container's) and that may be too tight."""

from __future__ import annotations

import sys

from grader.language import decimal, grouped, mark, tr
from grader.text import listed, size

if sys.platform != "win32":
    import resource

# What grading and the libraries of a course take of each, and then some: only where something failed is it looked at.
_ROOM = {
    "NOFILE": (1024, mark("{n} open files (`ulimit -n`)")),
    "AS": (64 << 30, mark("{size} of address space (`ulimit -v`)")),
    "DATA": (32 << 30, mark("{size} of data (`ulimit -d`)")),
    "STACK": (4 << 20, mark("a stack of {size} (`ulimit -s`)")),
    "NPROC": (512, mark("{n} processes (`ulimit -u`)")),
    "FSIZE": (1 << 30, mark("files of {size} (`ulimit -f`)")),
    "CPU": (600, mark("{n} seconds of a processor (`ulimit -t`)")),
}


def tight() -> str:
    """A sentence about limits that may be why something did not start or ended; "" where there are none."""
    if sys.platform == "win32":
        return ""
    told = []
    for name, (room, text) in _ROOM.items():
        allowed = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
        if allowed != resource.RLIM_INFINITY and allowed < room:
            told.append(tr(text, n=grouped(allowed), size=decimal(size(allowed))))
    if not told:
        return ""
    return tr("Here a process may have no more than {limits}: raise that, and try again.", limits=listed(told))
