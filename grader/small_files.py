"""Reading a file that anybody may have put there."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def contents(path: Path, most: int) -> bytes:
    """Contents of a regular file that is not larger than this.

    Raises
    ------
    OSError, ValueError
        It is not there, is no such file, or is larger.
    """
    return _read(path, most, whole=True)


def beginning(path: Path, most: int = 200_000) -> bytes:
    """How a regular file begins.

    Raises
    ------
    OSError, ValueError
        It is not there, or is no such file.
    """
    return _read(path, most, whole=False)


def _read(path: Path, most: int, whole: bool) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a FIFO would make us wait
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (whole and status.st_size > most):
            raise ValueError("it is no ordinary file, or too large")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(most)
    finally:
        os.close(descriptor)
