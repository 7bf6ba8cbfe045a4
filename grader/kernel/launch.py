"""First and last code of the grader's in a notebook's process: lock it up, say how well, start ipykernel.

Run as a program, ``python -P launch.py POLICY STATUS CONNECTION``: the policy is a JSON file, STATUS a file for the
layers that hold and the time that they took, CONNECTION ipykernel's connection file. Nothing of the notebook's folder
is imported before the locks are on.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

# Instead of a connection file: put on the locks, tell which hold, and leave.
PROBE = "--probe"


def main() -> NoReturn:
    """Entry point of the notebook's process."""
    policy, status, connection_file = sys.argv[1:]
    run(policy, status, connection_file)


def run(
    policy_path: str,
    status: str,
    connection_file: str,
    build: Callable[[], Any] | None = None,
    first: bool = False,
) -> NoReturn:
    """Lock this process up, write to `status` how well, and be a kernel.

    Parameters
    ----------
    build
        Gives a :class:`~grader.kernel.ipython.NotebookKernel` that is prepared, once the locks are on.
    first
        Whether this is the first process of a PID namespace of its own already.
    """
    with open(policy_path, encoding="utf-8") as file:  # noqa: PTH123
        policy: dict[str, Any] = json.load(file)
    os.unlink(policy_path)  # noqa: PTH108
    probing = connection_file == PROBE
    if not probing:  # what the locks put out of reach, the package itself among it
        import grader
        from grader.kernel import ipython
        from grader.kernel.line import call

        grader.graded = True

        build = build or functools.partial(ipython.build, probe_code())
        line = call(*policy["line"])
    layers: dict[str, str] = {}
    seconds = 0.0
    told = open(status, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - out of reach once the locks are on
    if sys.platform == "linux" and policy["sandbox"]:
        from grader.kernel import linux

        begun = time.perf_counter()
        lock_up(linux, policy, layers, first)
        seconds = time.perf_counter() - begun
    with told:
        json.dump({"layers": layers, "seconds": seconds}, told)
    if probing:
        sys.exit(0)
    assert build is not None
    # After the locks: NumPy starts threads as it is imported, and a thread that is there keeps its rights.
    start_kernel(build(), connection_file, line, policy)


def probe_code() -> types.CodeType:
    """The probe, compiled but not run yet."""
    path = os.path.join(os.path.dirname(__file__), "probe.py")  # noqa: PTH118, PTH120
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return compile(file.read(), "<grader>", "exec")


def lock_up(linux: Any, policy: dict[str, Any], layers: dict[str, str], first: bool) -> None:
    """Put on each layer that this system offers; `layers` gets its name and "" or the reason why it does not hold."""

    def attempt(name: str, action: Any) -> bool:
        try:
            action()
        except (OSError, ValueError) as error:
            layers[name] = str(error)
            return False
        layers[name] = ""
        return True

    os.umask(0o022)  # what is made here is for the notebook's user, whatever the teacher's own folders are
    layers.update(dict.fromkeys(policy["around"], ""))
    own_files = [policy["folder"], *policy["writable"]]
    seen = False
    if attempt("namespaces", lambda: linux.enter_namespaces(first)):
        if not first:
            _go_on_as_first_process(linux, policy["ended"])
        seen = attempt("file system view", lambda: linux.build_view(**policy["view"]))
        # Elsewhere all processes of the user would be counted, the teacher's own among them.
        policy["limits"]["NPROC"] = policy["processes"]
    attempt("resource limits", lambda: [linux.limit(name, value) for name, value in policy["limits"].items()])
    if os.geteuid() == 0 and seen:
        for path in own_files:
            _give(path, policy["user"])
        attempt("unprivileged user", lambda: linux.become(policy["user"], policy["user"]))
        linux.die_with_parent()  # a change of user clears it
    rules = [
        *linux.readable_rules(policy["readable"], [] if seen else policy["hidden"])
    ]  # the view hides them by itself
    rules += [(path, linux.DEVICE) for path in policy["devices"]]
    rules += [(path, linux.WRITE) for path in (*own_files, "/dev/shm", *(["/tmp"] if seen else []))]
    # Without a /proc of its own it sees the system's: there it may look at itself alone.
    own = ["/proc"] if seen else ["/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys"]
    rules += [(path, linux.READ) for path in own]
    attempt("landlock", lambda: linux.landlock(rules))
    attempt("no capabilities", linux.drop_capabilities)
    attempt("seccomp", linux.seccomp)


def _go_on_as_first_process(linux: Any, ended: str) -> None:
    """Fork into the PID namespace; the outer process only passes signals in and the exit status out.

    It writes the status, as `waitpid` gives it, into the file `ended`: of a fork nobody else could tell it, and what
    is written is beyond the reach of everything inside.

    It takes the inner one with it as it ends. That one's own wish to die with its parent is not enough: a program
    that is started from another thread does not have it any more.
    """
    linux.die_with_parent(signal.SIGTERM)
    told = os.open(ended, os.O_WRONLY)
    child = os.fork()
    if child == 0:
        os.close(told)
        linux.die_with_parent()
        return
    signal.signal(signal.SIGINT, lambda *_: _send(child, signal.SIGINT))
    signal.signal(signal.SIGTERM, lambda *_: _send(child, signal.SIGKILL))
    while True:
        with contextlib.suppress(InterruptedError):
            _, status = os.waitpid(child, 0)
            break
    with contextlib.suppress(OSError):
        os.write(told, b"%d" % status)
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


def _send(child: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(child, number)


def _give(path: str, user: int) -> None:
    """Make the notebook's user the owner of its folder and all that is in it; no link is followed."""
    os.chown(path, user, user, follow_symlinks=False)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), user, user, follow_symlinks=False)  # noqa: PTH118


def start_kernel(application: Any, connection_file: str, line: Any, policy: dict[str, Any]) -> NoReturn:
    """Run ipykernel in this process."""
    os.chdir(policy["folder"])
    application.connect(connection_file, line, policy["said"], policy["packages"])
    application.start()
    sys.exit(0)


if __name__ == "__main__":
    main()
