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
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a FIFO would make us wait
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise ValueError("it is no ordinary file, or too large")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(most)
    finally:
        os.close(descriptor)
