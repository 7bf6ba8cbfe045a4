"""A process that has imported what notebooks import, and forks a kernel for each: the grader's side of it.

Anybody in the same batch may ask it, from threads and from other processes; all that is shared is a folder.
Forking is for Linux; elsewhere, and whenever it does not work, kernels start the ordinary way.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grader.kernel import sandbox, zygote
from grader.kernel.environment import clean_environment
from grader.workspace import remove, scratch_folder

_START_S = 120.0
_ANSWER_S = 20.0


class NoFork(Exception):
    """The warm process does not fork: an ordinary kernel has to do."""


class Fork:
    """A kernel's process, forked elsewhere, with what is asked of a `subprocess.Popen`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.pid = _number(descriptor)
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None

    def poll(self) -> int | None:
        """None while it runs; its exit status is not known, so that it is 0 afterwards."""
        if self.returncode is None and select.select([self._descriptor], [], [], 0)[0]:
            self.returncode = 0
            os.close(self._descriptor)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        if self.returncode is None and not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        self.poll()
        return 0

    def send_signal(self, number: int) -> None:
        """Through its descriptor: no other process can ever be meant."""
        if self.poll() is None:
            with suppress(OSError):
                signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _number(descriptor: int) -> int:
    """The process id, as it is called here: the forking process may be in a PID namespace of its own."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:  # noqa: PTH123
        for line in file:
            if line.startswith("Pid:"):
                return int(line.split()[1])
    raise NoFork


class Warm:
    """The warm process of a batch.

    It is started when it is first needed, and again when it is dead or out of date: packages were installed since.

    Parameters
    ----------
    folder
        An empty folder, for its socket and for all scratch folders; one path, however many processes ask.
    data
        Views of the data sets that its kernels may read.
    device
        What its kernels may see.
    """

    def __init__(self, folder: Path, data: Sequence[Path] = (), device: str = "auto") -> None:
        self.folder = folder
        self.data = tuple(data)
        self.device = device
        self._process: subprocess.Popen[bytes] | None = None
        self._retired: list[subprocess.Popen[bytes]] = []

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "data": self.data, "device": self.device, "_process": None, "_retired": []}

    @property
    def _socket(self) -> Path:
        return self.folder / "warm"

    def fork(self, request: dict[str, Any], log: int) -> Fork:
        """A kernel's process.

        Parameters
        ----------
        request
            `arguments` as for :mod:`grader.kernel.launch`, `environment` and `folder`.
        log
            Descriptor for what it writes to standard error.

        Raises
        ------
        NoFork
        """
        packet = json.dumps(request | {"signature": signature()}).encode()
        for _ in range(2):
            answer = self._ask(packet, log)
            if answer is not None:
                return answer
            self.start()
        raise NoFork

    def start(self) -> None:
        """Start the process, unless somebody else just did.

        Raises
        ------
        NoFork
        """
        import fcntl

        try:
            with (self.folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._up_to_date():
                    self._start()
        except OSError as error:
            raise NoFork from error

    def close(self) -> None:
        """End the process, if it was started here, and those whose place it took."""
        if self._process is not None:
            self._retired.append(self._process)
            self._process = None
        while self._retired:
            _end(self._retired.pop())

    def _up_to_date(self) -> bool:
        with suppress(OSError):
            return (self.folder / "signature").read_text() == signature() and self._listens()
        return False

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking, suppress(OSError):
            asking.connect(str(self._socket))
            return True
        return False

    def _start(self) -> None:
        if self._process is not None:  # kernels that it forked may be at work, and would end with it
            self._retired.append(self._process)
        self._socket.unlink(missing_ok=True)
        command = sandbox.warm_command(self.folder, self.data, self.device)
        command += [sys.executable, "-P", str(Path(zygote.__file__)), str(self._socket), signature()]
        self._process = subprocess.Popen(
            command,
            env=clean_environment(self.folder, self.device),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is for the grader, which ends it in its own time
        )
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], _START_S)[0] or not self._process.stdout.readline():
            self._process.kill()
            raise NoFork
        (self.folder / "signature").write_text(signature())

    def _ask(self, packet: bytes, log: int) -> Fork | None:
        """The process that it forked; None if it is not there, or out of date."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
            asking.settimeout(_ANSWER_S)
            try:
                asking.connect(str(self._socket))
                socket.send_fds(asking, [packet], [log])
                answer, descriptors, _, _ = socket.recv_fds(asking, 100, 1)
            except OSError:
                return None
        return Fork(descriptors[0]) if answer == b"forked" and descriptors else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it end, which it does when its standard input is closed; and be sure of it."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


@contextmanager
def warmed(views: Iterable[Path], device: str = "auto") -> Iterator[Warm | None]:
    """A warm process for as long as it is needed; None where there is no forking.

    Parameters
    ----------
    views
        Folders whose entries may come to be a notebook's `./data`.
    """
    if sys.platform != "linux":
        yield None
        return
    folder = scratch_folder()
    warm = Warm(folder, [entry.resolve() for view in views for entry in view.iterdir()], device)
    try:
        yield warm
    finally:
        warm.close()
        remove(folder)


def signature() -> str:
    """What changes when packages are installed or removed: times of the folders that they lie in."""
    folders = {sysconfig.get_paths()[name] for name in ("purelib", "platlib")}
    return ",".join(f"{os.stat(folder).st_mtime_ns}" for folder in sorted(folders))  # noqa: PTH116
