"""Writing files: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_out(path: Path, content: str | bytes) -> None:
    """Write where a person asked for: a file whole or not at all, and into whatever is no ordinary file (`/dev/null`,
    a pipe), which is never replaced by one.

    Raises
    ------
    OSError
        It cannot be written there.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
    else:
        write_whole(path, content)


def write_whole(path: Path, content: str | bytes, sync: bool = True) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile.

    Without `sync` a power cut may leave an empty one: for what is easily made again.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(draft, 0o644)  # noqa: PTH101 - mkstemp gives 0600
        os.replace(draft, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise
