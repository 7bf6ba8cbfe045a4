"""What of the file system a notebook may see: the system's libraries, Python, its packages, the data's views.

Folders that are nothing for its eyes may lie inside of those: the grader's own package among the others in
`site-packages`, a course in `/usr/src/app`, a home folder with an environment in it. They are hidden, each with all
that is in it but what is readable by itself.
"""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.places import cache_root, data_root

_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/fonts", "/etc/localtime"),
    *("/etc/mime.types", "/etc/nsswitch.conf", "/etc/os-release", "/etc/ssl/certs", "/etc/ssl/openssl.cnf"),
    *("/etc/matplotlibrc", "/etc/python3", "/etc/magic"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_GPU = ("/sys/devices", "/sys/bus/pci", "/sys/module", "/sys/class/drm", "/usr/local/nvidia")

# What Python needs of a folder that is its prefix and somebody's home or course as well.
_OF_A_PREFIX = ("bin", "lib", "lib64", "include", "share", "etc", "pyvenv.cfg")


@dataclass(frozen=True)
class Reach:
    """Paths that a notebook may read, and folders inside of them that it may not.

    Both are absolute. Whatever lies deeper decides: a readable path may lie in a hidden folder in turn.
    """

    readable: tuple[str, ...]
    hidden: tuple[str, ...]


def reach(data: Sequence[Path], gpu: bool, private: Sequence[Path] = ()) -> Reach:
    """What a notebook may read.

    Parameters
    ----------
    data
        Views of the data sets.
    private
        Folders that it may not, beside what is the grader's own: the course, what was handed in.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises for a user without one
    folders = (*private, *_own(), data_root(), cache_root(), Path(home))
    return _reach(gpu, tuple(map(str, data)), tuple(map(str, folders)))


@functools.lru_cache(256)
def _reach(gpu: bool, data: tuple[str, ...], private: tuple[str, ...]) -> Reach:
    secret = _absolute([*private, *map(os.path.realpath, private)]) - {"/"}
    readable = set(data)
    for path in _installed(gpu):
        readable |= {f"{path}/{name}" for name in _OF_A_PREFIX} if path in secret else {path}
    hidden = {alias for path in readable for alias in _seen_through(path, secret)}
    return _outermost(readable, hidden - readable)


def _seen_through(path: str, secret: Iterable[str]) -> list[str]:
    """What of the secret places is inside of a path, by the names that they have there."""
    real = os.path.realpath(path)
    return [path + one[len(real) :] for one in secret if one.startswith(real + "/")]


@functools.cache
def _installed(gpu: bool) -> tuple[str, ...]:
    """What every notebook may read: the system's libraries, and Python with its packages."""
    # Not sys.path: in a development install the repository is on it, and exercises and solutions lie there.
    named = ("stdlib", "platstdlib", "purelib", "platlib")
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sorted({sysconfig.get_paths()[name] for name in named})]
    if site.ENABLE_USER_SITE and site.USER_SITE:
        python.append(site.USER_SITE)
    # What a .pth file names, as for an environment on top of another one.
    python += [path for path in sys.path if path.endswith("-packages")]
    python += [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if Path(path).is_absolute()]
    paths = _absolute([*_SYSTEM, *(_GPU if gpu else ()), *python, *map(os.path.realpath, python)])
    return tuple(sorted(paths - {"/"}))


@functools.cache
def _own() -> tuple[Path, ...]:
    """The grader's own package, by each of its names; in a checkout the whole of that."""
    packages = {Path(__file__).absolute().parents[1], Path(__file__).resolve().parents[1]}
    installed = {Path(sysconfig.get_paths()[name]) for name in ("purelib", "platlib")}
    checkouts = {one.parent for one in packages if (one.parent / "pyproject.toml").is_file()} - installed
    return tuple(sorted(packages | checkouts))


def _absolute(paths: Iterable[str]) -> set[str]:
    return {os.path.abspath(one) for one in paths}  # noqa: PTH100 - links stay links


def _outermost(readable: set[str], hidden: set[str]) -> Reach:
    """Without the paths about which the folder that they lie in has decided the same already."""
    kept: dict[str, bool] = {}
    for path in sorted(readable | hidden):
        above = path.rpartition("/")[0]
        while above and above not in kept:
            above = above.rpartition("/")[0]
        shown = kept.get(above, False) and not os.path.islink(above)  # noqa: PTH114 - asked for each of many
        if shown != (path in readable):
            kept[path] = path in readable
    return Reach(tuple(p for p, shown in kept.items() if shown), tuple(p for p, shown in kept.items() if not shown))


def device_paths(gpu: bool) -> list[str]:
    """Device files that a notebook may open."""
    nvidia = sorted(str(path) for path in Path("/dev").glob("nvidia*")) if gpu else []
    return [*_DEVICES, *nvidia]


def is_gpu(device: str) -> bool:
    """Whether a device file is one that not every notebook may open."""
    return device not in _DEVICES
