"""Folders of the grader's own on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Folder for what can be made again (views, indexes): `GRADER_CACHE`, else the user's cache folder."""
    named = os.environ.get("GRADER_CACHE")
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_dir("grader"))


def data_root() -> Path:
    """Folder of the real data sets: `GRADER_DATA`, else `data` in the user's cache folder."""
    named = os.environ.get("GRADER_DATA")
    return Path(named).expanduser().absolute() if named else cache_root() / "data"
