"""Starts the kernel's process: the running Python, a clean environment, a session of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import site
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import LocalProvisioner

from grader.kernel import launch
from grader.kernel.sandbox import Cell
from grader.kernel.watchdog import tree
from grader.text import plain

if TYPE_CHECKING:
    from grader.kernel.warm import Warm

# What a program needs of the teacher's environment to run at all; credentials and paths of theirs stay out.
_KEPT = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV"),
    *(
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "WINDIR",
        "COMSPEC",
        "PATHEXT",
        "NUMBER_OF_PROCESSORS",
        "PROCESSOR_ARCHITECTURE",
    ),
    *(
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "CUDA_HOME",
        "CUDA_PATH",
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES",
    ),
    *("CUBLAS_WORKSPACE_CONFIG", "PYTORCH_ENABLE_MPS_FALLBACK", "PYTORCH_CUDA_ALLOC_CONF"),
)


def clean_environment(scratch: Path, device: str) -> dict[str, str]:
    """Environment of the notebook: nothing of the grader's, home and caches inside the scratch folder.

    Parameters
    ----------
    device
        ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``: decides which GPUs are visible at all.
    """
    home = scratch / ".home"
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        name: str(home) for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP")
    }
    environment |= {
        name: str(home / name.lower()) for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCH_HOME", "IPYTHONDIR")
    }
    # Threads that wait for each other by spinning make training ten times slower as soon as anything else runs;
    # threads that sleep at once make it half as slow again where nothing does. A short spin is near the best of both.
    environment["GOMP_SPINCOUNT"] = "2000"
    environment |= {
        "USER": "student",
        "LOGNAME": "student",
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "PIP_NO_INDEX": "1",  # what is called past IPython is answered at once, too, and installs nothing anywhere
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    if site.ENABLE_USER_SITE and site.USER_BASE:
        environment["PYTHONUSERBASE"] = site.USER_BASE  # packages of `pip install --user` are found by HOME otherwise
    if os.name == "posix":
        environment["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    if device in ("cpu", "mps"):
        environment["CUDA_VISIBLE_DEVICES"] = ""
    elif device.startswith("cuda:"):
        environment["CUDA_VISIBLE_DEVICES"] = device.removeprefix("cuda:")
    return environment


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

    def __init__(self, cell: Cell, log: Path, warm: Warm | None = None, **kwargs: Any) -> None:
        super().__init__(kernel_id="", kernel_spec=KernelSpec(language="python"), **kwargs)
        self._cell = cell
        self._log = log
        self._warm = warm
        self._target = 0
        self._family: list[psutil.Process] = []

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        kwargs = await super().pre_launch(**kwargs)
        return kwargs | {"cmd": [*self._cell.command, self.parent.connection_file]}

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
