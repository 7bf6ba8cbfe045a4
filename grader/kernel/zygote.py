"""The warm process: everything that notebooks import, imported once; each notebook's kernel is a fork of it.

Run as a program, ``python -P zygote.py SOCKET SIGNATURE LOCK``, with the environment of a notebook: its forks share its
whole memory, so nothing secret may ever be in it. It listens on a socket of packets; who connects sends a JSON
object (see :mod:`grader.kernel.warm`) with the descriptor of a log, and gets back the fork's process descriptor.
How the fork ended is written into the file that the request names before the connection is closed. LOCK is the
descriptor of a file that it was started with locked, and that it lets go of once it listens, or ends. It ends when its
standard input does.

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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from grader.kernel import linux

if TYPE_CHECKING:
    from grader.kernel.ipython import NotebookKernel

# What nearly every notebook imports, and what ipykernel imports only once it runs.
_IMPORTED = (
    "numpy",
    "torch",
    "torch.utils.data",
    "torchvision",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "ipykernel.comm",
    "IPython.core.completer",
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.payloadpage",
    "IPython.core.pylabtools",
    "IPython.core.ultratb",
    "psutil",
)
_LARGEST_REQUEST = 100_000
_FIRST = 3


def main() -> NoReturn:
    """Entry point of the warm process."""
    path, signature, lock = sys.argv[1:]
    guard(int(lock))
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a fifth of the time
    warm = Warm(signature)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(64)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody in the terminal
        gc.collect()
        gc.freeze()
        gc.enable()
        linux.use_huge_pages()
        fcntl.flock(int(lock), fcntl.LOCK_UN)  # bubblewrap, where it is, holds the file open as long as this lives
        os.close(int(lock))
        warm.serve(listener)


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
    """What forks are made of, and those that are there."""

    def __init__(self, signature: str) -> None:
        self._signature = signature
        self._usual_threads = _import_everything()
        from grader.kernel import ipython, launch

        self._application = ipython.build(launch.probe_code())
        ipython.warm_up(self._application)
        self._namespaces: linux.PidNamespaces | None = None
        with suppress(OSError):
            self._namespaces = linux.PidNamespaces()
        self._forks: dict[int, _Forked] = {}  # by their process descriptors
        self._poll = select.poll()

    def serve(self, listener: socket.socket) -> NoReturn:
        """Fork for whoever asks, until there is nobody any more."""
        for descriptor in (listener.fileno(), 0):
            self._poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == 0:
                    os._exit(0)
                if descriptor in self._forks:
                    self._bury(descriptor)
                else:
                    self._answer(listener.accept()[0])

    def _answer(self, asking: socket.socket) -> None:
        """Fork, and send back the fork's process descriptor; or say that this process is out of date."""
        log = -1
        try:
            asking.settimeout(5)
            packet, descriptors, _, _ = socket.recv_fds(asking, _LARGEST_REQUEST, 1)
            (log,) = descriptors
            request = json.loads(packet)
            if request["signature"] == self._signature:
                self._fork(asking, request, log)
            else:
                asking.send(b"out of date")
                asking.close()
        except (OSError, ValueError, KeyError):
            asking.close()
        finally:
            if log >= 0:
                os.close(log)

    def _fork(self, asking: socket.socket, request: dict[str, Any], log: int) -> None:
        ended = os.open(request["ended"], os.O_WRONLY | os.O_CLOEXEC)
        namespaces = self._namespaces if request["locked"] else None
        try:
            if namespaces is not None:
                with namespaces.new():
                    pid = self._split(request, log, first=True)
            else:
                pid = self._split(request, log, first=False)
            process = os.pidfd_open(pid)
        except OSError:
            os.close(ended)
            raise
        self._forks[process] = _Forked(pid, asking, ended)
        self._poll.register(process, select.POLLIN)
        socket.send_fds(asking, [b"forked" if namespaces is None else b"first"], [process])

    def _split(self, request: dict[str, Any], log: int, first: bool) -> int:
        with _locks_as_they_are():
            pid = os.fork()
        if pid == 0:
            _become_kernel(request, log, self._application, self._usual_threads, first)
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


def _import_everything() -> int:
    """Import what notebooks import; how many threads torch would use by itself."""
    import torch

    usual = int(torch.get_num_threads())
    # A fork of a process that ever ran threads of OpenMP's waits for them for ever.
    torch.set_num_threads(1)
    for name in _IMPORTED:
        with suppress(ImportError):
            importlib.import_module(name)
    return usual


def _become_kernel(request: dict[str, Any], log: int, application: NotebookKernel, usual: int, first: bool) -> NoReturn:
    """In the fork: put everything away that is the warm process's own, and go on as `launch` does."""
    try:
        from grader.kernel import launch

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
