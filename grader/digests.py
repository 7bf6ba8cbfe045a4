"""Digests of what was handed in: by them results are found again, and questions are picked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def digest(*parts: bytes) -> bytes:
    """Of these parts in this order; their lengths go in too, so that no two lists of parts read the same."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.digest()


def sources_digest(cells: Iterable[tuple[str, str]]) -> bytes:
    """What a notebook says, not what it printed: of the kind and the source of each cell."""
    return digest(*(text.encode() for cell in cells for text in cell))


def files_digest(paths: Iterable[Path], folder: Path) -> bytes:
    """Names and contents of files in a folder."""
    return digest(
        *(part for path in paths for part in (os.fsencode(path.relative_to(folder).as_posix()), _file_digest(path)))
    )


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""
