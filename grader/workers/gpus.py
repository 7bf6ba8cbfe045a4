"""Several notebooks on a GPU, and several GPUs: what the environment of each process that grades says of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

_VISIBLE, _SETTINGS = "CUDA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF"
# The first torch that reads a share of the memory from its settings; older ones refuse what they do not know.
_KNOWS_SHARES = (2, 10)
# What CUDA itself takes beside what torch asks it for.
_FOR_TORCH = 0.95


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA numbers or names them."""
    told = os.environ.get(_VISIBLE)
    if told is not None:
        return [one.strip() for one in told.split(",") if one.strip() not in ("", "-1")]
    found = (re.fullmatch(r"nvidia(\d+)", path.name) for path in Path("/dev").glob("nvidia*"))
    return sorted((match[1] for match in found if match), key=int)


def shares(number: int, device: str, here: list[str]) -> list[Mapping[str, str]]:
    """Environment of each of `number` processes, so that they use all GPUs, and those on the same one share it.

    Parameters
    ----------
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    here
        The GPUs.
    """
    kind, _, one = device.partition(":")
    if kind not in ("auto", "cuda") or not here:
        return [{}] * number
    places = [one or here[place % len(here)] for place in range(number)]
    return [{_VISIBLE: place, **_share(places.count(place))} for place in places]


def _share(together: int) -> dict[str, str]:
    if together == 1 or tuple(int(part) for part in version("torch").split(".")[:2]) < _KNOWS_SHARES:
        return {}
    share = f"per_process_memory_fraction:{_FOR_TORCH / together:.3f}"
    return {_SETTINGS: ",".join(filter(None, [os.environ.get(_SETTINGS), share]))}
