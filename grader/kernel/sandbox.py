"""What a notebook's process may read, write and do: decided here, put on by :mod:`grader.kernel.launch`.

Each layer is tried when a kernel starts, before the first line of the notebook, and the report names those that
held. What Linux offers is behind this seam; elsewhere a notebook runs in a process of its own with a clean
environment, watched for time, memory and files.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grader.budget import Budget
from grader.errors import UsageError
from grader.kernel import launch
from grader.kernel.cgroup import ControlGroup
from grader.kernel.line import Exchange
from grader.kernel.reach import Reach, device_paths, is_gpu, reach
from grader.language import mark, tr
from grader.packages import ANY, Packages
from grader.text import listed, plain

Mode = Literal["auto", "strict", "off"]

# What holds on every system, whatever it offers.
ALWAYS = (
    mark("own process"),
    mark("clean environment"),
    mark("time limits"),
    mark("memory watched"),
    mark("files watched"),
)

# The layer that is put on from outside.
GROUP = mark("control group")

# A promise is kept when every layer of one of its alternatives holds.
PROMISES: dict[str, tuple[frozenset[str], ...]] = {
    mark("reads and writes only what it may"): (frozenset({"file system view"}), frozenset({"landlock"})),
    mark("no network"): (frozenset({"seccomp"}),),
    mark("no sight of other processes"): (frozenset({"namespaces", "file system view"}),),
    mark("leaves no process behind"): (frozenset({"namespaces"}),),
    mark("no rights beyond an ordinary user's"): (frozenset({"no capabilities", "seccomp"}),),
}

_OWN_FILES = ("/etc/passwd", "/etc/group", "/etc/hosts")

# Ids from here up belong to nobody; each kernel takes one, so that its processes are counted alone.
_FIRST_USER = 0x70000000
_OPEN_FILES = 4096


@dataclass(frozen=True)
class Jail:
    """Where one notebook's process is locked up, and how it is started.

    Attributes
    ----------
    command
        The program and its first arguments; ipykernel's options follow.
    policy
        File that says what the process may.
    status
        File that names the layers that hold, before any of the notebook's code runs.
    sockets
        Folder of the connection file and the kernel's sockets.
    exchange
        Where the process calls before its locks are on.
    ended
        File that says how the process ended: see :meth:`exit_status`.
    locked
        Whether it is locked up by Linux's means.
    """

    command: list[str]
    policy: Path
    status: Path
    sockets: Path
    exchange: Exchange
    ended: Path
    locked: bool = False

    def told(self) -> Locks:
        """What the process said of its locks, before any of the notebook's code ran."""
        said = json.loads(self.status.read_text("utf-8"))
        return Locks(said["layers"], said["seconds"])

    def exit_status(self) -> int | None:
        """How the first process of the PID namespace ended, as `waitpid` says it; None if nobody lived to tell."""
        try:
            return int(self.ended.read_text("ascii"))
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class Locks:
    """Each layer that was tried, with what is in the way of it, or ""; and the seconds that they took."""

    layers: dict[str, str]
    seconds: float = 0.0


def build_jail(
    scratch: Path,
    runtime: Path,
    budget: Budget,
    device: str,
    mode: Mode,
    private: Sequence[Path] = (),
    packages: Packages = ANY,
) -> Jail:
    """Lay out what :mod:`grader.kernel.launch` reads, in an empty folder of the grader's.

    Parameters
    ----------
    scratch
        The notebook's folder.
    runtime
        An empty folder for everything else that the process needs.
    private
        Folders that it may not read, wherever they lie.
    packages
        Which ones it may not import.
    """
    sockets, view_root, described = runtime / "sockets", runtime / "root", runtime / "policy.json"
    for place in (sockets, view_root):
        place.mkdir(mode=0o700)
    locked = mode != "off" and sys.platform == "linux"
    policy: dict[str, Any] = (
        _policy(scratch, sockets, view_root, budget, device, private) if locked else {"folder": str(scratch)}
    )
    word = secrets.token_hex(16)
    exchange = Exchange(runtime, word)
    ended = runtime / "ended"
    ended.write_text("?", encoding="ascii")  # it has its place on the disk before the notebook could fill that
    policy |= {"sandbox": locked, "line": [exchange.address, word], "ended": str(ended)}
    policy |= {"said": sentences(), "packages": packages.model_dump(mode="json")}
    described.write_text(json.dumps(policy), encoding="utf-8")
    status = runtime / "layers.json"  # the process opens it before its locks are on, and cannot reach it afterwards
    # -P: nothing of the working folder, which is the notebook's, is on the path before the locks are on.
    command = [sys.executable, "-P", str(Path(launch.__file__)), str(described), str(status)]
    if locked and bubblewrap_works():
        around = _bubblewrap(
            Reach(policy["view"]["readable"], policy["view"]["hidden"]), policy["devices"], [scratch, runtime]
        )
        command = [*around, "--die-with-parent", *command]
    return Jail(command, described, status, sockets, exchange, ended, locked)


def sentences() -> dict[str, str]:
    """What notebooks are told in their outputs that look for what is not here, in the language that is spoken."""
    return {
        "drive": tr("There is no Google Drive here: files are read from ./data, or from beside the notebook."),
        "secret": tr("There are no secrets and no accounts here: do without, or hand in what they would have brought."),
        "install": tr("Nothing is installed while grading: the notebook runs with the packages that are here."),
        "fetch": tr("There is no network while grading. What the exercise needs lies in ./data: read it from there."),
        "extension": tr("{name} is not installed here: what it offers is passed over."),
        "board": tr("{name} needs a browser: it is passed over."),
    }


def _with_threads(budget: Budget) -> int:
    """Processes and threads that the system lets a notebook have; the watchdog speaks up at fewer processes."""
    return budget.processes + 200


def control_group(budget: Budget) -> ControlGroup:
    """A control group for one notebook's processes.

    Raises
    ------
    OSError
        This system offers none, or not to this user.
    """
    if sys.platform != "linux":
        raise OSError("control groups are Linux's")
    return ControlGroup(int(budget.memory_mb * 1_000_000), _with_threads(budget))


def warm_command(folder: Path, data: Sequence[Path], device: str) -> list[str]:
    """What stands before the command of the warm process: bubblewrap, where it is installed.

    Parameters
    ----------
    folder
        Where all scratch folders of its kernels will be.
    data
        Views of the data sets.
    """
    if not bubblewrap_works():
        return []
    gpu = _has_gpu(device)
    return _bubblewrap(reach(data, gpu), device_paths(gpu), [folder])


def _has_gpu(device: str) -> bool:
    return device not in ("cpu", "mps") and any(Path("/dev").glob("nvidia*"))


def _policy(
    scratch: Path, sockets: Path, view_root: Path, budget: Budget, device: str, private: Sequence[Path]
) -> dict[str, Any]:
    gpu = _has_gpu(device)
    links = (scratch / "data").iterdir() if (scratch / "data").is_dir() else ()
    data = [path.resolve() for path in links if path.is_symlink()]
    user = _FIRST_USER + os.getpid() % 10_000_000 * 100 + int.from_bytes(os.urandom(1), "little") % 100
    may, devices = reach(data, gpu, private), device_paths(gpu)
    view = {
        "root": str(view_root),
        "readable": may.readable,
        "hidden": may.hidden,
        "writable": [str(scratch), str(sockets)],
        "devices": devices,
        "files": {
            _OWN_FILES[0]: f"student:x:{user}:{user}::{scratch / '.home'}:/bin/sh\n",
            _OWN_FILES[1]: f"student:x:{user}:\n",
            _OWN_FILES[2]: "127.0.0.1 localhost\n",
        },
        "shared_memory_mb": max(64, budget.memory_mb // 4),
        "own_proc": not bubblewrap_works(),  # the one of bubblewrap's shows no other processes either
    }
    return {
        "folder": str(scratch),
        "readable": [*may.readable, *_OWN_FILES],
        "hidden": may.hidden,
        "writable": [str(sockets)],
        "devices": devices,
        "view": view,
        # Open files: what is sent from process to process hangs on nobody's descriptors, up to this number.
        "limits": {"CORE": 0, "FSIZE": int(budget.files_mb * 1_000_000), "NOFILE": _OPEN_FILES},
        "processes": _with_threads(budget),
        "user": user,
        "around": ["bubblewrap"] if bubblewrap_works() else [],
    }


@functools.cache
def bubblewrap_works() -> bool:
    """Whether bubblewrap is installed and may do here what it does."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    trial = [program, *_ISOLATED, "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        return subprocess.run(trial, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


_ISOLATED = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")


def _bubblewrap(may: Reach, devices: Sequence[str], writable: Sequence[Path]) -> list[str]:
    """The same view once more, built by bubblewrap around all that the process does itself."""
    command = [str(shutil.which("bwrap")), *_ISOLATED, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in sorted((*may.readable, *may.hidden)):
        if path in may.hidden:
            command += ["--tmpfs", path] if Path(path).is_dir() else []
        elif Path(path).is_symlink():
            command += ["--symlink", os.readlink(path), path]  # noqa: PTH115
        elif Path(path).exists():
            command += ["--ro-bind", path, path]
    # The launcher imports itself from here; it builds its own view before anything of the notebook's runs.
    package = str(Path(launch.__file__).parents[1])
    command += ["--ro-bind", package, package]
    for path in filter(is_gpu, devices):
        command += ["--dev-bind", path, path]
    for place in writable:
        command += ["--bind", str(place), str(place)]
    return [*command, "--chdir", str(writable[0])]


def examine(device: str = "cpu") -> Locks:
    """Put on every layer, in a process that does nothing else."""
    with tempfile.TemporaryDirectory(prefix="grade-") as folder:
        scratch, runtime = (Path(folder).resolve() / name for name in ("notebook", "runtime"))
        for place in (scratch, runtime):
            place.mkdir(mode=0o700)
        jail = build_jail(scratch, runtime, Budget(), device, "auto")
        jail.exchange.close()
        command = [*jail.command, launch.PROBE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode or not jail.status.is_file():
            return Locks({"sandbox": plain(done.stderr.strip().rpartition("\n")[2]) or "it does not start"})
        told = jail.told()
    try:
        control_group(Budget()).remove()
        told.layers[GROUP] = ""
    except OSError as error:
        told.layers[GROUP] = str(error)
    return told


def held(layers: Mapping[str, str]) -> list[str]:
    """Names of the layers that hold, for the report."""
    return [*ALWAYS, *[name for name, problem in layers.items() if not problem]]


def broken_promises(layers: Mapping[str, str]) -> list[str]:
    """What these layers do not keep."""
    holding = {name for name, problem in layers.items() if not problem}
    return [promise for promise, ways in PROMISES.items() if not any(way <= holding for way in ways)]


def insist(layers: Mapping[str, str], mode: Mode) -> None:
    """Under ``strict``, refuse to run a notebook where a promise cannot be kept.

    Raises
    ------
    UsageError
    """
    broken = broken_promises(layers)
    if mode == "strict" and broken:
        raise UsageError(
            tr("This system cannot keep these promises: {promises}.", promises=listed([tr(one) for one in broken])),
            tr("See `grade doctor`; --sandbox auto grades with what there is."),
        )
