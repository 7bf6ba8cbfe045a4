"""Memory of a batch on Linux: sampled over all its processes, what they share counted once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from grader.kernel import launch

EVERY_S = 0.2
_MB = 1_000_000


@contextmanager
def looking(look: Callable[[], object]) -> Iterator[None]:
    """Have somebody look five times a second, in a thread of their own."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Memory:
    """The most that a command and its children were seen to hold, in MB of proportional set size (PSS).

    A page that several processes share counts in each by its share, so that the sum counts it once. Where other
    programs have the same libraries loaded, they have their share of them, too: measure on an idle machine.

    Attributes
    ----------
    main
        The command's own process.
    grader
        It and its workers.
    with_warm
        These and the warm process: all its pages once, however many kernels share them, and all libraries.
    libraries
        What of these is files of libraries, which the system reads again when it needs their place.
    everything
        These and what the notebooks' kernels have for themselves.
    cold
        Kernels that are no forks: the warm process did not answer.
    unreadable
        Processes that this user may not look into: of them, only pages that are surely their own count.
    cost
        Seconds of processor time that the looking took.
    """

    def __init__(self) -> None:
        self.main = self.grader = self.with_warm = self.libraries = self.everything = 0.0
        self.cold: set[int] = set()
        self.unreadable: set[int] = set()
        self.cost = 0.0

    @contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """Look at the process and its children, five times a second."""
        main, before = psutil.Process(pid), self.cost

        def look() -> None:
            with suppress(psutil.NoSuchProcess):
                self._look(main)
            self.cost = before + time.thread_time()

        with looking(look):
            yield

    def _look(self, main: psutil.Process) -> None:
        forking: set[int] = set()
        guards: set[int] = set()  # processes that stand before the warm process
        everything = grader = warm = files = 0.0
        for process in [main, *main.children(recursive=True)]:  # parents before their children
            with suppress(psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
                sizes = self._sizes(process)
                everything += sizes["Pss"]
                files += sizes["Pss_File"]
                if _runs(process, "launch.py") and launch.PROBE not in process.cmdline():
                    self.cold.add(process.pid)
                if process.ppid() in forking or process.pid in self.cold:  # a notebook's kernel, or what it started
                    forking.add(process.pid)
                    warm += sizes["Pss_File"]
                elif _runs(process, "zygote.py"):
                    (forking if process.ppid() in guards else guards).add(process.pid)
                    warm += sizes["Anonymous"] + sizes["Pss_File"]
                else:
                    grader += sizes["Pss"]
                if process is main:
                    self.main = max(self.main, sizes["Pss"])
        self.grader = max(self.grader, grader)
        if grader + warm > self.with_warm:
            self.with_warm, self.libraries = grader + warm, files
        self.everything = max(self.everything, everything)

    def _sizes(self, process: psutil.Process) -> dict[str, float]:
        """Fields of the kernel's own summary, in MB."""
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
        except PermissionError:
            self.unreadable.add(process.pid)
            known = process.memory_info()
            own = (known.rss - known.shared) / _MB
            return {"Pss": own, "Anonymous": own, "Pss_File": 0.0}
        return {name.rstrip(":"): int(kib) * 1024 / _MB for name, kib, *_ in map(str.split, lines)}


def _runs(process: psutil.Process, program: str) -> bool:
    """Whether it runs this program of the grader's; what locks it up only has it among its arguments."""
    return process.name() != "bwrap" and any(part.endswith(program) for part in process.cmdline())
