"""A process that has imported what notebooks import, and forks a kernel for each: the grader's side of it.

Anybody in the same batch may ask it, from threads and from other processes; all that is shared is a folder.
Forking is for Linux; elsewhere, and whenever it does not work, kernels start the ordinary way.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

# What takes long to import is imported where it is needed: a batch starts this process before anything else.
from grader.kernel.environment import clean_environment
from grader.places import cache_root
from grader.scratch import remove, scratch_folder

PROGRAM = Path(__file__).with_name("zygote.py")
_START_S = 120.0
_ANSWER_S = 20.0
_LOOK_EVERY_S = 0.01
_FONTS = "fontlist-*.json"
_WANTED = "large-wanted"
# Its C library's memory lies in large pages, where Linux offers them: a fork copies an entry for each page.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


class NoFork(Exception):
    """The warm process does not fork: an ordinary kernel has to do."""


class Fork:
    """A kernel's process, forked elsewhere, with what is asked of a `subprocess.Popen`.

    Parameters
    ----------
    descriptor
        Of the process.
    connection
        To the warm process, which closes it once it has written down how the process ended; None where nobody does.
    first
        Whether it is the first process of a PID namespace, and none stands before it.
    """

    def __init__(self, descriptor: int, connection: socket.socket | None = None, first: bool = False) -> None:
        self._descriptor, self._connection = descriptor, connection
        self.first = first
        self._ending = threading.Lock()
        self.pid = _number(descriptor)
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr = None

    def poll(self) -> int | None:
        """None while it runs; its exit status is not known here, so that it is 0 afterwards."""
        if self.returncode is None:
            with suppress(OSError, ValueError):  # another thread may have closed it; it is asked before each question
                if not select.select([self._descriptor], [], [], 0)[0]:
                    return None
            with suppress(subprocess.TimeoutExpired):
                self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        ends = None if timeout is None else time.monotonic() + timeout
        awaited = [one for one in (self._descriptor, self._connection) if one is not None]
        for one in awaited if self.returncode is None else ():
            left = None if ends is None else max(0.0, ends - time.monotonic())
            try:
                if not select.select([one], [], [], left)[0]:
                    raise subprocess.TimeoutExpired("kernel", timeout or 0)
            except (OSError, ValueError):
                if self.returncode is None:
                    raise
        with self._ending:
            if self.returncode is None:  # another thread may have come before
                self.returncode = 0
                os.close(self._descriptor)
                if self._connection is not None:
                    self._connection.close()
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

    It is started ahead, or when it is first needed, and again when it is dead or out of date: packages were installed
    since. Nobody waits for it but who wants a fork.

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

    @property
    def _large(self) -> Path:
        """Where it forks kernels that have imported everything."""
        return self.folder / "large"

    @property
    def needs_views(self) -> bool:
        """Whether it has to be known which data its kernels may read before it can be started."""
        return shutil.which("bwrap") is not None

    def may_read(self, views: Iterable[Path]) -> None:
        """Its kernels may read these views of data sets; it is not started yet, or does not need to know."""
        self.data = tuple(entry.resolve() for view in views for entry in view.iterdir())

    def fork(self, request: dict[str, Any], descriptors: Sequence[int], large: bool = True) -> Fork:
        """A kernel's process.

        Parameters
        ----------
        request
            `arguments` as for :mod:`grader.kernel.launch`, `environment` and `folder`; whether it is to be `locked` up,
            and the file that is to say how it `ended`.
        descriptors
            For what it writes to standard error; and for itself to write 0 to, before anything else.
        large
            Whether it is to have imported all that notebooks import, and not only what nearly all of them do.

        Raises
        ------
        NoFork
        """
        packet = json.dumps(request | {"signature": signature()}).encode()
        if large:
            self.want_large()
        for _ in range(2):
            answer = self._ask(packet, descriptors, large)
            if answer is not None:
                return answer
            self.start()
        raise NoFork

    def want_large(self) -> None:
        """Somebody will want forks that have imported everything: while it imports, it takes that along."""
        with suppress(OSError):
            (self.folder / _WANTED).touch()

    def begin(self) -> None:
        """Start the process, unless it is there or somebody else just did; nobody waits until it can fork.

        Raises
        ------
        NoFork
        """
        try:
            with self._lock.open("w") as lock:
                if _locked(lock, 0) and not self._up_to_date():
                    self._launch(lock.fileno())
        except OSError as error:
            raise NoFork from error

    def start(self) -> None:
        """Start the process, unless somebody else just did, and wait until it can fork.

        Raises
        ------
        NoFork
        """
        ends = time.monotonic() + _START_S
        try:
            with self._lock.open("w") as lock:
                if _locked(lock, ends) and not self._up_to_date():
                    self._launch(lock.fileno())
            with self._lock.open("w") as lock:
                if _locked(lock, ends) and self._up_to_date():
                    return
        except OSError as error:
            raise NoFork from error
        if self._process is not None:
            _kill(self._process)
        raise NoFork

    def close(self) -> None:
        """End the process, if it was started here, and those whose place it took; at once where it was not ready."""
        if self._process is not None:
            if self._listens():
                self._keep_fonts()
            else:
                _kill(self._process)
            self._retired.append(self._process)
            self._process = None
        while self._retired:
            _end(self._retired.pop())

    @property
    def _lock(self) -> Path:
        """A lock that is held by who looks whether the process has to be started, and by itself until it can fork."""
        return self.folder / "lock"

    def _up_to_date(self) -> bool:
        with suppress(OSError):
            return (self.folder / "signature").read_text() == signature() and self._listens()
        return False

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking, suppress(OSError):
            asking.connect(str(self._socket))
            return True
        return False

    def _launch(self, lock: int) -> None:
        if self._process is not None:  # kernels that it forked may be at work, and would end with it
            self._retired.append(self._process)
        for one in (self._socket, self._large):
            one.unlink(missing_ok=True)
        environment = clean_environment(self.folder, self.device)
        self._lend_fonts(Path(environment["MPLCONFIGDIR"]))
        places = map(str, (self._socket, self._large, self.folder / _WANTED))
        self._process = subprocess.Popen(
            [*self._around(), sys.executable, "-P", str(PROGRAM), *places, signature(), str(lock)],
            env=environment | _LARGE_PAGES,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C in the terminal is for the grader, which ends it in its own time
        )
        (self.folder / "signature").write_text(signature())

    def _around(self) -> list[str]:
        if not self.needs_views:
            return []
        from grader.kernel import sandbox

        return sandbox.warm_command(self.folder, self.data, self.device)

    def _lend_fonts(self, place: Path) -> None:
        """The list of this machine's fonts that matplotlib makes each time in a new home: what an earlier one made."""
        with suppress(OSError):
            place.mkdir(exist_ok=True)
            for kept in _fonts().glob(_FONTS):
                shutil.copyfile(kept, place / kept.name)

    def _keep_fonts(self) -> None:
        """Its folder is out of its kernels' reach: what lies there was made before the first of them."""
        from grader.writing import write_whole

        made = Path(clean_environment(self.folder, self.device)["MPLCONFIGDIR"]).glob(_FONTS)
        with suppress(OSError):
            for one in made:
                if not (_fonts() / one.name).exists():
                    _fonts().mkdir(parents=True, exist_ok=True)
                    write_whole(_fonts() / one.name, one.read_bytes(), sync=False)

    def _ask(self, packet: bytes, lent: Sequence[int], large: bool) -> Fork | None:
        """The process that it forked; None if it is not there, or out of date."""
        asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asking.settimeout(_START_S if large else _ANSWER_S)  # it may import for it
        try:
            asking.connect(str(self._large if large else self._socket))
            socket.send_fds(asking, [packet], lent)
            answer, descriptors, _, _ = socket.recv_fds(asking, 100, 1)
        except OSError:
            answer, descriptors = b"", []
        if answer in (b"forked", b"first") and descriptors:
            return Fork(descriptors[0], asking, answer == b"first")
        asking.close()
        return None


def _locked(lock: IO[str], ends: float) -> bool:
    """Lock a file, which somebody else may hold until then; whether that was possible."""
    import fcntl

    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends:
                return False
            time.sleep(_LOOK_EVERY_S)
        else:
            return True


def _fonts() -> Path:
    return cache_root() / "fonts"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it with whatever stands before it, as bubblewrap may."""
    import psutil

    with suppress(psutil.Error):
        for one in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                one.kill()
    process.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it end, which it does when its standard input is closed; and be sure of it."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def warmed(views: Iterable[Path] = (), device: str = "auto") -> Iterator[Warm | None]:
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
    warm = Warm(folder, device=device)
    try:
        warm.may_read(views)
        yield warm
    finally:
        warm.close()
        remove(folder)


def signature() -> str:
    """What changes when packages are installed or removed: times of the folders that they lie in."""
    folders = {sysconfig.get_paths()[name] for name in ("purelib", "platlib")}
    return ",".join(f"{os.stat(folder).st_mtime_ns}" for folder in sorted(folders))  # noqa: PTH116
