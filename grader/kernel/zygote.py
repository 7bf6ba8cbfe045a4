"""The warm process: everything that notebooks import, imported once; each notebook's kernel is a fork of it.

Run as a program, ``python -P zygote.py SOCKET SIGNATURE LOCK``, with the environment of a notebook: its forks share its
whole memory, so nothing secret may ever be in it. It listens on a socket of packets; who connects sends a JSON
object (see :mod:`grader.kernel.warm`) with the descriptor of a log, and gets back the fork's process descriptor.
LOCK is the descriptor of a file that it was started with locked, and that it lets go of once it listens, or ends.
It ends when its standard input does.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from typing import Any, NoReturn

from grader.kernel import ipython, launch, linux

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
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a fifth of the time
    path, signature, lock = sys.argv[1:]
    usual = _import_everything()
    application = ipython.build(launch.probe_code())
    ipython.warm_up(application)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that end are not waited for
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody in the terminal
        gc.collect()
        gc.freeze()
        gc.enable()
        linux.use_huge_pages()
        fcntl.flock(int(lock), fcntl.LOCK_UN)  # bubblewrap, where it is, holds the file open as long as this lives
        os.close(int(lock))
        while True:
            readable, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in readable:
                os._exit(0)
            asking, _ = listener.accept()
            with asking:
                _answer(asking, signature, application, usual)


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


def _answer(asking: socket.socket, signature: str, application: ipython.NotebookKernel, usual: int) -> None:
    """Fork, and send back the fork's process descriptor; or say that this process is out of date."""
    with suppress(OSError, ValueError, KeyError):
        asking.settimeout(5)
        packet, descriptors, _, _ = socket.recv_fds(asking, _LARGEST_REQUEST, 1)
        if not packet or not descriptors:
            return
        (log,) = descriptors
        try:
            request = json.loads(packet)
            if request["signature"] != signature:
                asking.send(b"out of date")
                return
            pid = os.fork()
            if pid == 0:
                _become_kernel(request, log, application, usual)
            process = os.pidfd_open(pid)
            try:
                socket.send_fds(asking, [b"forked"], [process])
            finally:
                os.close(process)
        finally:
            os.close(log)


def _become_kernel(request: dict[str, Any], log: int, application: ipython.NotebookKernel, usual: int) -> NoReturn:
    """In the fork: put everything away that is the warm process's own, and go on as `launch` does."""
    try:
        os.setsid()
        linux.die_with_parent()
        nothing = os.open(os.devnull, os.O_RDWR)
        for target, source in ((0, nothing), (1, nothing), (2, log)):
            os.dup2(source, target)
        os.closerange(_FIRST, os.sysconf("SC_OPEN_MAX"))
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.default_int_handler)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        tempfile.tempdir = None  # it was looked for in the warm process's own home
        import torch

        torch.set_num_threads(int(request["environment"].get("OMP_NUM_THREADS", usual)))
        policy, status, connection_file = request["arguments"]
        launch.run(policy, status, connection_file, application)
    except SystemExit as exit_:
        os._exit(exit_.code if isinstance(exit_.code, int) else 1)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    os._exit(1)


if __name__ == "__main__":
    main()
