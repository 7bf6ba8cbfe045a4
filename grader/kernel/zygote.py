"""The warm process: everything that notebooks import, imported once; each notebook's kernel is a fork of it.

Run as a program, ``python -P zygote.py SOCKET LARGE WANTED SIGNATURE LOCK``, with the environment of a notebook: its
forks share its whole memory, so nothing secret may ever be in it. It listens on a socket of packets; who connects sends
a JSON object (see :mod:`grader.kernel.warm`) with the descriptors of a log and of a control group's doors, and gets
back the fork's process descriptor. How the fork ended is written into the file that the request names before the
connection is closed. LOCK is the descriptor of a file that it was started with locked, and that it lets go of once it
listens, or ends. It ends when its standard input does.

Half of what notebooks import takes as long as torch, and many do without: it is imported when somebody connects to the
second socket, LARGE, by a fork that listens there from then on; or at once, if there is a file WANTED by the time that
torch is imported.

Two processes run this: the first one stays small, waits for the other, and leaves nothing of it behind.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from grader.kernel import linux

if TYPE_CHECKING:
    from grader.kernel.ipython import NotebookKernel

# What nearly every notebook imports, and what ipykernel imports only once it runs.
_USUAL = (
    "numpy",
    "torch",
    "torch.utils.data",
    "ipykernel.comm",
    "IPython.core.completer",
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.payloadpage",
    "IPython.core.pylabtools",
    "IPython.core.ultratb",
    "psutil",
)
# What the others import; torch does so itself as the first optimizer is made.
_FURTHER = (
    "torch._dynamo",
    "torchvision",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
)
_LARGEST_REQUEST = 100_000
_MOST_LENT = 8
_FIRST = 3
# Processes that go on importing, one after the other's death.
_MOST_SECONDS = 3


def main() -> NoReturn:
    """Entry point of the warm process."""
    path, large, wanted, signature, lock = sys.argv[1:]
    guard(int(lock))
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a fifth of the time
    warm = Warm(signature, wanted)
    listeners = [_listening(place) for place in (large, path)]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody in the terminal
    keep()
    fcntl.flock(int(lock), fcntl.LOCK_UN)  # bubblewrap, where it is, holds the file open as long as this lives
    os.close(int(lock))
    warm.serve(*listeners)


def _listening(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(64)
    return listener


def keep() -> None:
    """What is there by now stays: nobody looks for garbage in it."""
    gc.collect()
    gc.freeze()
    gc.enable()


def guard(lock: int) -> None:
    """Go on in a fork, whose parent kills whatever it leaves behind when it ends.

    A kernel's own wish to die with its parent is not enough: a program that a notebook starts from another thread
    does not have it any more. What has lost its parent comes to this process.
    """
    linux.adopt_orphans()
    child = os.fork()
    if child == 0:
        linux.die_with_parent()
        return
    os.close(lock)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    while os.waitpid(-1, 0)[0] != child:
        pass  # a process of a notebook that has no namespaces
    with suppress(ChildProcessError):
        while True:
            for pid in linux.children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)
    os._exit(0)


@dataclass(frozen=True)
class _Forked:
    """A fork: its number, who asked for it and waits for its end, and the file that is to say how it ended."""

    pid: int
    asking: socket.socket
    ended: int


class Warm:
    """What forks are made of, and those that are there.

    Parameters
    ----------
    wanted
        A file that is there where somebody wants forks that have imported everything.
    """

    def __init__(self, signature: str, wanted: str) -> None:
        self._signature = signature
        self._usual_threads = _import_usual()
        self._large = os.path.exists(wanted)  # noqa: PTH110
        if self._large:
            _import(_FURTHER)
        from grader.kernel import ipython, launch

        self._application = ipython.build(launch.probe_code())
        ipython.warm_up(self._application)
        self._namespaces: linux.PidNamespaces | None = None
        with suppress(OSError):
            self._namespaces = linux.PidNamespaces()
        self._forks: dict[int, _Forked] = {}  # by their process descriptors
        self._poll = select.poll()
        self._second = -1  # descriptor of the process that goes on importing, where there is one
        self._seconds = 0

    def serve(self, large: socket.socket, usual: socket.socket | None = None) -> NoReturn:
        """Fork for whoever asks, until there is nobody any more."""
        listeners = {one.fileno(): one for one in (large, usual) if one is not None}
        for descriptor in (0, *listeners):
            self._poll.register(descriptor, select.POLLIN)
        better = linux.huge_pages()
        while True:
            for descriptor in self._ready(better):
                if descriptor == 0:
                    os._exit(0)
                if descriptor in self._forks:
                    self._bury(descriptor)
                elif descriptor == self._second:
                    self._bury_second(large)
                elif not self._large and listeners[descriptor] is large:
                    self._go_on_apart(*listeners.values())
                else:
                    self._answer(listeners[descriptor].accept()[0])

    def _ready(self, meanwhile: Iterator[int]) -> list[int]:
        """Descriptors on which something has come; as long as nothing does, steps are taken that make forks cheap."""
        while not (ready := self._poll.poll(0)) and next(meanwhile, None) is not None:
            pass
        return [descriptor for descriptor, _ in ready or self._poll.poll()]

    def _go_on_apart(self, large: socket.socket, usual: socket.socket) -> None:
        """Fork a process that imports the rest, and leave to it who has asked for that."""
        with _locks_as_they_are():
            pid = os.fork()
        if pid:
            self._poll.unregister(large)
            self._second, self._seconds = os.pidfd_open(pid), self._seconds + 1
            self._poll.register(self._second, select.POLLIN)
            return
        try:
            from grader.kernel import ipython

            linux.die_with_parent()
            usual.close()
            for process, fork in self._forks.items():  # who waits for their ends waits for these to be closed
                os.close(process)
                os.close(fork.ended)
                fork.asking.close()
            self._forks, self._poll, self._large = {}, select.poll(), True
            gc.disable()
            _import(_FURTHER)
            ipython.warm_up(self._application)
            keep()
            self.serve(large)
        finally:
            os._exit(1)

    def _bury_second(self, large: socket.socket) -> None:
        """Another one takes its place, a few times; then who asks is told that there is none."""
        self._poll.unregister(self._second)
        os.waitid(os.P_PIDFD, self._second, os.WEXITED)
        os.close(self._second)
        self._second = -1
        if self._seconds < _MOST_SECONDS:
            self._poll.register(large, select.POLLIN)
        else:
            large.close()

    def _answer(self, asking: socket.socket) -> None:
        """Fork, and send back the fork's process descriptor; or say that this process is out of date."""
        lent: list[int] = []
        try:
            asking.settimeout(5)
            packet, lent, _, _ = socket.recv_fds(asking, _LARGEST_REQUEST, _MOST_LENT)
            request = json.loads(packet)
            if request["signature"] == self._signature:
                self._fork(asking, request, lent)
            else:
                asking.send(b"out of date")
                asking.close()
        except (OSError, ValueError, KeyError):
            asking.close()
        finally:
            for one in lent:
                os.close(one)

    def _fork(self, asking: socket.socket, request: dict[str, Any], lent: list[int]) -> None:
        ended = os.open(request["ended"], os.O_WRONLY | os.O_CLOEXEC)
        namespaces = self._namespaces if request["locked"] else None
        try:
            if namespaces is not None:
                with namespaces.new():
                    pid = self._split(request, lent, first=True)
            else:
                pid = self._split(request, lent, first=False)
            process = os.pidfd_open(pid)
        except OSError:
            os.close(ended)
            raise
        self._forks[process] = _Forked(pid, asking, ended)
        self._poll.register(process, select.POLLIN)
        socket.send_fds(asking, [b"forked" if namespaces is None else b"first"], [process])

    def _split(self, request: dict[str, Any], lent: list[int], first: bool) -> int:
        with _locks_as_they_are():
            pid = os.fork()
        if pid == 0:
            _become_kernel(request, lent, self._application, self._usual_threads, first)
        return pid

    def _bury(self, process: int) -> None:
        """Write down how a fork ended, and tell who waits for it."""
        self._poll.unregister(process)
        fork = self._forks.pop(process)
        _, status = os.waitpid(fork.pid, 0)
        with suppress(OSError):
            os.write(fork.ended, b"%d" % status)
        for descriptor in (process, fork.ended):
            os.close(descriptor)
        fork.asking.close()


@contextmanager
def _locks_as_they_are() -> Iterator[None]:
    """Fork without making the locks of all loggers anew: no other thread is here that could hold one."""
    name = "_at_fork_reinit_lock_weakset"
    locks = getattr(logging, name, None)
    if locks is None:
        yield
        return
    setattr(logging, name, ())
    try:
        yield
    finally:
        setattr(logging, name, locks)


def _import_usual() -> int:
    """Import what nearly all notebooks import; how many threads torch would use by itself."""
    import torch

    usual = int(torch.get_num_threads())
    # A fork of a process that ever ran threads of OpenMP's waits for them for ever.
    torch.set_num_threads(1)
    _import(_USUAL)
    return usual


def _import(names: Iterable[str]) -> None:
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


def _become_kernel(
    request: dict[str, Any], lent: list[int], application: NotebookKernel, usual: int, first: bool
) -> NoReturn:
    """In the fork: put everything away that is the warm process's own, and go on as `launch` does."""
    try:
        from grader.kernel import launch

        log, *doors = lent
        for door in doors:
            with suppress(OSError):  # who is not inside afterwards is taken in by the grader
                os.write(door, b"0")
        os.setsid()
        linux.die_with_parent()
        nothing = os.open(os.devnull, os.O_RDWR)
        for target, source in ((0, nothing), (1, nothing), (2, log)):
            os.dup2(source, target)
        os.closerange(_FIRST, os.sysconf("SC_OPEN_MAX"))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _take_environment(request["environment"])
        os.chdir(request["folder"])
        sys.modules["tempfile"].tempdir = None  # type: ignore[attr-defined]  # it was looked for in another home

        def application_with_threads() -> Any:
            """After the locks: it may start threads, and a thread that is there keeps its rights."""
            import torch

            torch.set_num_threads(int(request["environment"].get("OMP_NUM_THREADS", usual)))
            return application

        policy, status, connection_file = request["arguments"]
        launch.run(policy, status, connection_file, application_with_threads, first)
    except SystemExit as exit_:
        os._exit(exit_.code if isinstance(exit_.code, int) else 1)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    os._exit(1)


def _take_environment(wanted: dict[str, str]) -> None:
    """Have this environment; most of it is there."""
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


if __name__ == "__main__":
    main()
