"""A process that has imported what grading takes, and forks the processes that grade: one import for all of them.

It is a fork of the command itself, made while that has a single thread. Forking is for Linux; elsewhere, and where
there are threads already, processes that grade are started anew.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, NoReturn

from grader.kernel.warm import Fork
from grader.language import speak

_LARGEST = 1_000_000  # an environment
_FIRST = 3


class Forked(Fork):
    """A process that was forked: like a `subprocess.Popen` whose standard input and output are pipes."""

    def __init__(self, descriptor: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        super().__init__(descriptor)
        self.stdin, self.stdout = stdin, stdout


class ForkServer:
    """The process, as the command sees it; :func:`forkserver` makes it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._asking = threading.Lock()

    def fork(self, environment: Mapping[str, str]) -> Forked:
        """A process that does what comes in on its standard input.

        Raises
        ------
        OSError
            There is none to be had.
        """
        (theirs_in, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()
        with contextlib.ExitStack() as stack:
            stdin, stdout = os.fdopen(ours_in, "wb"), os.fdopen(ours_out, "rb")
            failed = stack.enter_context(contextlib.ExitStack())
            failed.callback(stdout.close)
            failed.callback(stdin.close)
            for theirs in (theirs_in, theirs_out):
                stack.callback(os.close, theirs)
            with self._asking:
                socket.send_fds(self._line, [json.dumps(dict(environment)).encode()], [theirs_in, theirs_out])
                answer, descriptors, _, _ = socket.recv_fds(self._line, 100, 1)
            if answer != b"forked" or not descriptors:
                raise OSError("nothing was forked")
            made = Forked(descriptors[0], stdin, stdout)
            failed.pop_all()
            return made


@contextmanager
def forkserver(entry: Callable[[], NoReturn]) -> Iterator[ForkServer | None]:
    """Fork it for a while; None where that is not possible. Whatever is imported later is not in its forks.

    Parameters
    ----------
    entry
        What a fork calls, with its pipes as standard input and output.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        yield None
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        child = os.fork()
    except OSError:
        child = -1
    if child == 0:
        _serve(theirs.fileno(), entry)
    theirs.close()
    try:
        yield ForkServer(ours) if child > 0 else None
    finally:
        ours.close()
        if child > 0:
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _serve(line: int, entry: Callable[[], NoReturn]) -> NoReturn:
    """In the fork: wait for somebody to ask for another."""
    from grader.kernel import linux

    try:
        os.setsid()  # Ctrl-C in the terminal is the command's affair
        linux.die_with_parent()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that end are not waited for
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.dup2(line, _FIRST)
        os.closerange(_FIRST + 1, os.sysconf("SC_OPEN_MAX"))
        gc.freeze()
        speak("en")  # as in a process that was started anew: each task says what its own is
        with socket.socket(fileno=_FIRST) as asked:
            while True:
                packet, descriptors, _, _ = socket.recv_fds(asked, _LARGEST, 2)
                if not packet:
                    break
                pid = os.fork()
                if pid == 0:
                    _become(json.loads(packet), descriptors, entry)
                for one in descriptors:
                    os.close(one)
                process = os.pidfd_open(pid)
                try:
                    socket.send_fds(asked, [b"forked"], [process])
                finally:
                    os.close(process)
    finally:
        os._exit(0)


def _become(environment: Mapping[str, str], descriptors: list[int], entry: Callable[[], NoReturn]) -> NoReturn:
    """In a fork of the fork: be a process of its own."""
    from grader.kernel import linux

    code = 1
    try:
        os.setsid()
        linux.die_with_parent()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        os.closerange(_FIRST, os.sysconf("SC_OPEN_MAX"))
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        for name, number in (("stdout", 1), ("stderr", 2)):
            setattr(sys, name, os.fdopen(number, "w", buffering=1, errors="replace", closefd=False))
        os.environ.clear()
        os.environ.update(environment)
        entry()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        os._exit(code)
