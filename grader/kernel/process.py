"""The kernel's process: the running Python, a clean environment, a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from grader.kernel import launch
from grader.kernel.sandbox import Jail
from grader.kernel.watchdog import tree
from grader.text import plain

if TYPE_CHECKING:
    from grader.kernel.warm import Fork, Warm


class KernelProcess:
    """A process of the running Python, locked up; it can be interrupted and killed from any thread.

    It is a fork of the warm process where there is one; a `large` one has imported all that notebooks import.

    Attributes
    ----------
    process
        The process itself, or the one that stands before it; None until it is started.
    contained
        Whether it has namespaces of its own.
    main
        The process that runs the cells; None until it is settled.
    """

    process: subprocess.Popen[bytes] | Fork | None = None
    contained = False
    main: int | None = None

    def __init__(self, jail: Jail, log: Path, warm: Warm | None = None, large: bool = True) -> None:
        self._jail = jail
        self._log = log
        self._warm, self._large = warm, large
        self._target = 0
        self._family: list[psutil.Process] = []

    def start(
        self, connection_file: Path, environment: dict[str, str], folder: Path, doors: Sequence[int] = ()
    ) -> None:
        """Start it; a fork comes into a control group through its `doors`.

        Raises
        ------
        OSError
        """
        command = [*self._jail.command, str(connection_file)]
        # What C code writes to descriptors 1 and 2 must not reach the teacher's terminal.
        with self._log.open("wb") as log:
            self.process = self._fork(command, environment, folder, (log.fileno(), *doors))
            if self.process is None:
                from jupyter_client.launcher import launch_kernel

                self.process = launch_kernel(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=environment,
                    cwd=str(folder),
                )

    def _fork(
        self, command: list[str], environment: dict[str, str], folder: Path, descriptors: Sequence[int]
    ) -> Fork | None:
        """A fork of the warm process; None if there is none to be had."""
        if self._warm is None:
            return None
        from grader.kernel.warm import NoFork

        request = {
            "arguments": command[-3:],
            "environment": environment,
            "folder": str(folder),
            "locked": self._jail.locked,
            "ended": str(self._jail.ended),
        }
        try:
            return self._warm.fork(request, descriptors, self._large)
        except NoFork:
            return None

    @property
    def alive(self) -> bool:
        """Whether it was started, and has not ended."""
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        """Last line that a kernel wrote which did not come up."""
        with suppress(OSError):
            return plain(self._log.read_text("utf-8", "replace")[-2000:].strip().rpartition("\n")[2])
        return ""

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the notebook."""
        if self.process is None:
            return
        with suppress(OSError):
            if sys.platform == "win32":
                from jupyter_client.win_interrupt import send_interrupt

                send_interrupt(self.process.win32_interrupt_event)
            else:
                os.kill(self._target or self.process.pid, signal.SIGINT)

    def processes(self) -> list[psutil.Process]:
        """The kernel and all that it started, without the process that only stands before it."""
        if self.process is None:
            return []
        before = self._target if self.contained and self.main != self._target else None
        return [one for one in tree(self.process.pid) if one.pid != before]

    def pids(self) -> list[int]:
        """The processes that were there before any of the notebook's code ran."""
        return [one.pid for one in self._family]

    def settle(self, contained: bool) -> None:
        """Look, while the process is still ours alone, which one passes signals in: it, or bubblewrap's child."""
        self.contained = contained
        if self.process is not None:
            self._family = tree(self.process.pid)
            if getattr(self.process, "first", False):
                self._target = self.main = self.process.pid
                return
            ours = [one.pid for one in self._family if launch.__file__ in one.cmdline()[:6]]
            self._target = next(iter(ours), self.process.pid)
            inside = [one.pid for one in self._family if one.ppid() == self._target]
            self.main = next(iter(inside), None) if contained else self._target

    def destroy(self) -> None:
        """Kill the kernel and every process that it started, and wait for none of them."""
        if self.process is None:
            return
        # With a PID namespace of its own all its processes die with the first one, at once.
        family = self._family if self.contained else tree(self.process.pid)
        with suppress(OSError):
            self.process.kill()
        group = self.process.pid  # it has a session of its own, and with it a group of its number
        if hasattr(os, "killpg") and group > 1 and group != os.getpgrp():
            with suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        for process in family:
            with suppress(psutil.Error):
                process.kill()
