"""First and last code of the grader's in a notebook's process: lock it up, say how well, start ipykernel.

Run as a program, ``python -P launch.py POLICY STATUS ...``: the policy is a JSON file, STATUS a file for the layers
that hold and the time that they took; what follows is for ipykernel. Nothing of the notebook's folder is imported
before the locks are on.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

# Instead of ipykernel's options: put on the locks, tell which hold, and leave.
PROBE = "--probe"


def main() -> NoReturn:
    """Entry point of the notebook's process."""
    policy, status, *arguments = sys.argv[1:]
    run(policy, status, arguments)


def run(policy_path: str, status: str, arguments: list[str]) -> NoReturn:
    """Lock this process up, write to `status` how well, and be a kernel."""
    with open(policy_path, encoding="utf-8") as file:  # noqa: PTH123
        policy: dict[str, Any] = json.load(file)
    os.unlink(policy_path)  # noqa: PTH108
    layers: dict[str, str] = {}
    seconds = 0.0
    told = open(status, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - out of reach once the locks are on
    if sys.platform == "linux" and policy["sandbox"]:
        from grader.kernel import linux  # the package itself is not readable from inside

        begun = time.perf_counter()
        lock_up(linux, policy, layers)
        seconds = time.perf_counter() - begun
    with told:
        json.dump({"layers": layers, "seconds": seconds}, told)
    if arguments == [PROBE]:
        sys.exit(0)
    start_kernel(arguments, policy["folder"])


def lock_up(linux: Any, policy: dict[str, Any], layers: dict[str, str]) -> None:
    """Put on each layer that this system offers; `layers` gets its name and "" or the reason why it does not hold."""

    def attempt(name: str, action: Any) -> bool:
        try:
            action()
        except (OSError, ValueError) as error:
            layers[name] = str(error)
            return False
        layers[name] = ""
        return True

    layers.update(dict.fromkeys(policy["around"], ""))
    own_files = [policy["folder"], *policy["writable"]]
    seen = False
    if attempt("namespaces", linux.enter_namespaces):
        _go_on_as_first_process(linux)
        seen = attempt("file system view", lambda: linux.build_view(**policy["view"]))
        # Elsewhere all processes of the user would be counted, the teacher's own among them.
        policy["limits"]["NPROC"] = policy["processes"]
    attempt("resource limits", lambda: [linux.limit(name, value) for name, value in policy["limits"].items()])
    if os.geteuid() == 0 and seen:
        for path in own_files:
            _give(path, policy["user"])
        attempt("unprivileged user", lambda: linux.become(policy["user"], policy["user"]))
        linux.die_with_parent()  # a change of user clears it
    rules = [(path, linux.READ) for path in policy["readable"]]
    rules += [(path, linux.DEVICE) for path in policy["devices"]]
    rules += [(path, linux.WRITE) for path in (*own_files, "/dev/shm", *(["/tmp"] if seen else []))]
    # Without a /proc of its own it sees the system's: there it may look at itself alone.
    own = ["/proc"] if seen else ["/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys"]
    rules += [(path, linux.READ) for path in own]
    attempt("landlock", lambda: linux.landlock(rules))
    attempt("no capabilities", linux.drop_capabilities)
    attempt("seccomp", linux.seccomp)


def _go_on_as_first_process(linux: Any) -> None:
    """Fork into the PID namespace; the outer process only passes signals in and the exit status out.

    It takes the inner one with it as it ends. That one's own wish to die with its parent is not enough: a program
    that is started from another thread does not have it any more.
    """
    linux.die_with_parent(signal.SIGTERM)
    child = os.fork()
    if child == 0:
        linux.die_with_parent()
        return
    signal.signal(signal.SIGINT, lambda *_: _send(child, signal.SIGINT))
    signal.signal(signal.SIGTERM, lambda *_: _send(child, signal.SIGKILL))
    while True:
        with contextlib.suppress(InterruptedError):
            _, status = os.waitpid(child, 0)
            break
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


def prepare() -> None:
    """In the warm process: build the shell, once for all its forks."""
    leave_out_the_debugger()
    from ipykernel.compiler import XCachingCompiler
    from ipykernel.zmqshell import ZMQInteractiveShell
    from traitlets.config import Config

    config = Config({"HistoryManager": {"enabled": False}})
    shell = ZMQInteractiveShell.instance(config=config, user_ns={}, compiler_class=XCachingCompiler)
    shell.run_cell("pass", store_history=False, silent=True)  # what is built at first use
    shell.reset(new_session=False)


def leave_out_the_debugger() -> None:
    """Nobody steps through a notebook here, and debugpy is slow to import."""
    there = sys.modules.get("debugpy")
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    import ipykernel.debugger  # noqa: F401 - it remembers that there is none

    if there is None:
        del sys.modules["debugpy"]
    else:
        sys.modules["debugpy"] = there


def start_kernel(arguments: list[str], folder: str) -> NoReturn:
    """Run ipykernel in this process."""
    os.chdir(folder)
    os.environ.pop("JPY_PARENT_PID", None) if sys.platform == "linux" else None
    sys.path[:] = [path for path in sys.path if path]
    leave_out_the_debugger()
    from ipykernel import kernelapp, zmqshell
    from ipykernel.iostream import IOPubThread

    class NotebookKernel(kernelapp.IPKernelApp):  # type: ignore[misc]
        def init_path(self) -> None:  # IPython's does nothing under -P
            add_own_modules()

        def init_shell(self) -> None:
            super().init_shell()
            self.shell.parent = self.shell.kernel = self.kernel  # it may be older than the kernel

    if sys.platform != "win32":
        # Its pipe for the output of child processes is a TCP socket, which the sandbox refuses.
        kernelapp.IOPubThread = lambda socket, pipe=True, **options: IOPubThread(socket, pipe=False, **options)
        zmqshell.system = run_command
    sys.argv = ["ipykernel_launcher", *arguments]
    NotebookKernel.launch_instance(argv=arguments)
    sys.exit(0)


def add_own_modules() -> None:
    """Let modules that lie beside the notebook be imported: as in Jupyter after Python's own, before packages."""
    packages = [n for n, path in enumerate(sys.path) if os.path.basename(path).endswith("-packages")]  # noqa: PTH119
    sys.path.insert(packages[0] if packages else 0, "")


def run_command(command: str) -> Any:
    """Run `!command` of a cell and show what it prints; its exit status.

    IPython's own way wants a pseudo-terminal. There is none in the sandbox, nor anybody who types into one.
    """
    from IPython.utils.process import process_handler

    def show(child: subprocess.Popen[bytes]) -> int:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        for line in io.TextIOWrapper(child.stdout, encoding="utf-8", errors="replace", newline=""):
            print(line, end="", flush=True)
        return child.wait()

    return process_handler(command, show, subprocess.STDOUT)


if __name__ == "__main__":
    main()
