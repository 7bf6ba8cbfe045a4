"""What this machine has: versions, devices, data, and what isolation it offers."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from grader.datasets import DATASETS, data_root
from grader.kernel import sandbox
from grader.language import mark, tr
from grader.packages import distribution
from grader.sources import installed
from grader.text import listed, plain

_PACKAGES = (
    "grader",
    "torch",
    "torchvision",
    "numpy",
    "nbclient",
    "ipykernel",
    "jupyter_client",
    "scikit-learn",
    "matplotlib",
)

# Asked in a process of its own: the grader does not import torch, and a broken driver must not take it down.
_DEVICES = """
import json, torch
devices = ["cpu"]
if torch.cuda.is_available():
    devices += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
if torch.backends.mps.is_available():
    devices.append("mps")
print(json.dumps(devices))
"""


def examine() -> dict[str, Any]:
    """Everything that `grade doctor` tells, as plain data."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "course": {name: _version(name) for name in _course_packages()},
        "devices": _devices(),
        "data": {
            "folder": str(data_root()),
            "sets": {name: one.full_is_here() for name, one in DATASETS.items()},
        },
        "isolation": isolation(),
    }


def examine_for(exercise: str, imports: Sequence[str], data: Sequence[str]) -> dict[str, Any]:
    """What an exercise needs, and whether it is here.

    Parameters
    ----------
    imports
        Names that its notebooks import.
    data
        The data sets that it takes.
    """
    return {
        "id": exercise,
        "packages": {name: installed(name) for name in imports},
        "data": {name: DATASETS[name].full_is_here() for name in data},
    }


def _course_packages() -> list[str]:
    """What the course's environment has beyond the grader's own: the extra `course`, as it was installed."""
    with suppress(PackageNotFoundError):
        wanted = requires("grader") or []
        return [re.split(r"[^\w.-]", one)[0] for one in wanted if re.search(r"extra == .course.", one)]
    return []


def isolation() -> dict[str, Any]:
    """What keeps a notebook in its place here: each layer was just put on, and either holds or says why not."""
    layers = sandbox.examine().layers
    return {"layers": dict.fromkeys(sandbox.ALWAYS, "") | layers, "broken_promises": sandbox.broken_promises(layers)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> list[str]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _DEVICES], capture_output=True, text=True, timeout=120, check=False
        )
        return [str(one) for one in json.loads(done.stdout)]
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []


# What the launcher calls its layers: it is the kernel's side, where nothing is translated.
_LAYERS = (
    mark("namespaces"),
    mark("file system view"),
    mark("resource limits"),
    mark("unprivileged user"),
    mark("no capabilities"),
)


def render(found: dict[str, Any]) -> RenderableType:
    """The findings for a terminal."""
    return Group(*_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[Text]:
    yield Text(
        tr(
            "Python {version} on {platform}, {cores} cores",
            version=found["python"],
            platform=found["platform"],
            cores=found["cores"],
        )
    )
    for name, known in found["packages"].items():
        told = known or tr("missing: {command}", command=f"pip install {name}")
        yield Text(f"  {name:<16}{told}", "" if known else "red")
    lacking = [name for name, known in found["course"].items() if known is None]
    if lacking:
        told = tr("missing: {command}", command="pip install 'grader[course]'")
        yield Text(tr("Packages of the course: {names}", names=listed(lacking)))
        yield Text(f"  {told}", "yellow")
    elif found["course"]:
        yield Text(tr("Packages of the course: all here"))
    if found["devices"]:
        yield Text(tr("Devices: {names}", names=", ".join(plain(one) for one in found["devices"])))
    else:
        yield Text(tr("Devices: torch cannot be loaded. Install it again."), "red")
    yield Text(tr("Real data sets in {folder}", folder=found["data"]["folder"]))
    for name, here in found["data"]["sets"].items():
        told = tr("here") if here else tr("not here: {command}", command=f"grade data fetch {name}")
        yield Text(f"  {name:<16}{told}")
    yield Text(tr("Isolation of notebooks"))
    width = max(len(tr("yes")), len(tr("no"))) + 2
    for name, problem in found["isolation"]["layers"].items():
        holds = tr("no") if problem else tr("yes")
        yield Text(f"  {holds:<{width}}{tr(name)}{' (' + plain(problem) + ')' if problem else ''}")
    broken = found["isolation"]["broken_promises"]
    if broken:
        promises = listed([tr(one) for one in broken])
        yield Text(tr("Not promised here: {promises}. See docs/security.md.", promises=promises), "yellow")
    if "exercise" in found:
        yield from _exercise(found["exercise"])


def _exercise(found: dict[str, Any]) -> Iterator[Text]:
    """What an exercise needs, and what of it is missing."""
    yield Text(tr("Exercise {id}", id=found["id"]))
    lacking = [distribution(name) for name, here in found["packages"].items() if not here]
    names = listed([name for name, here in found["packages"].items() if here])
    if names:
        yield Text(f"  {tr('packages here: {names}', names=names)}")
    if lacking:
        yield Text(f"  {tr('missing: {command}', command=' '.join(['pip install', *lacking]))}", "red")
    for name, here in found["data"].items():
        told = tr("here") if here else tr("not here: {command}", command=f"grade data fetch {name}")
        yield Text(f"  {name:<16}{told}", "" if here else "yellow")
