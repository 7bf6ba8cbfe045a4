"""Starts the kernel's process: the running Python, a clean environment, a session of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import LocalProvisioner

from grader.kernel import launch
from grader.kernel.sandbox import Jail
from grader.kernel.watchdog import tree
from grader.text import plain

if TYPE_CHECKING:
    from grader.kernel.warm import Warm


class KernelProvisioner(LocalProvisioner):
    """A kernel process of the running Python, locked up; it can be interrupted and killed from any thread.

    It is a fork of the warm process where there is one.

    Attributes
    ----------
    contained
        Whether it has namespaces of its own.
    main
        The process that runs the cells; None until it is settled.
    """

    contained = False
    main: int | None = None

    def __init__(self, jail: Jail, log: Path, warm: Warm | None = None, **kwargs: Any) -> None:
        super().__init__(kernel_id="", kernel_spec=KernelSpec(language="python"), **kwargs)
        self._jail = jail
        self._log = log
        self._warm = warm
        self._target = 0
        self._family: list[psutil.Process] = []

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        kwargs = await super().pre_launch(**kwargs)
        return kwargs | {"cmd": [*self._jail.command, self.parent.connection_file]}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        # What C code writes to descriptors 1 and 2 must not reach the teacher's terminal.
        with self._log.open("wb") as log:
            if self._warm is not None and (forked := await asyncio.to_thread(self._fork, cmd, kwargs, log.fileno())):
                self.process, self.pid, self.pgid = forked, forked.pid, forked.pid
                return self.connection_info
            kwargs |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": log}
            return await super().launch_kernel(cmd, **kwargs)

    def _fork(self, cmd: list[str], kwargs: dict[str, Any], log: int) -> Any:
        """A fork of the warm process; None if there is none to be had."""
        from grader.kernel.warm import NoFork

        request = {
            "arguments": cmd[-3:],
            "environment": kwargs["env"],
            "folder": str(kwargs["cwd"]),
        }
        assert self._warm is not None
        try:
            return self._warm.fork(request, log)
        except NoFork:
            return None

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
        return [one for one in tree(self.process.pid) if not (self.contained and one.pid == self._target)]

    def pids(self) -> list[int]:
        """The processes that were there before any of the notebook's code ran."""
        return [one.pid for one in self._family]

    def settle(self, contained: bool) -> None:
        """Look, while the process is still ours alone, which one passes signals in: it, or bubblewrap's child."""
        self.contained = contained
        if self.process is not None:
            self._family = tree(self.process.pid)
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
        if hasattr(os, "killpg") and self.pgid and self.pgid > 1 and self.pgid != os.getpgrp():
            with suppress(OSError):
                os.killpg(self.pgid, signal.SIGKILL)
        for process in family:
            with suppress(psutil.Error):
                process.kill()
