"""What this machine has: versions, devices, data, and what isolation it offers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from grader.datasets import DATASETS, data_root
from grader.kernel import sandbox
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
        "devices": _devices(),
        "data": {
            "folder": str(data_root()),
            "sets": {name: one.full_is_here() for name, one in DATASETS.items()},
        },
        "isolation": isolation(),
    }


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


def render(found: dict[str, Any]) -> RenderableType:
    """The findings for a terminal."""
    lines = [Text(f"Python {found['python']} on {found['platform']}, {found['cores']} cores")]
    for name, known in found["packages"].items():
        lines.append(Text(f"  {name:<16}{known or 'missing: pip install ' + name}", "" if known else "red"))
    if found["devices"]:
        lines.append(Text(f"Devices: {', '.join(plain(one) for one in found['devices'])}"))
    else:
        lines.append(Text("Devices: torch cannot be loaded. Install it again.", "red"))
    lines.append(Text(f"Real data sets in {found['data']['folder']}"))
    for name, here in found["data"]["sets"].items():
        lines.append(Text(f"  {name:<16}{'here' if here else 'not here: grade data fetch ' + name}"))
    lines.append(Text("Isolation of notebooks"))
    for name, problem in found["isolation"]["layers"].items():
        lines.append(Text(f"  {'no' if problem else 'yes':<5}{name}{' (' + plain(problem) + ')' if problem else ''}"))
    broken = found["isolation"]["broken_promises"]
    if broken:
        lines.append(Text(f"Not promised here: {listed(broken)}. See docs/security.md.", "yellow"))
    return Group(*lines)
