"""Folders for a while: made among the system's temporary files, and removed whatever came to lie in them."""

from __future__ import annotations

import functools
import os
import secrets
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

# Locked by the grader that the folder belongs to. The system lets go of the lock when that is gone, however it ended.
_MARK = ".grader"
_locks: dict[Path, int] = {}


def scratch_folder(within: Path | None = None) -> Path:
    """A new folder for what is needed for a while; :func:`remove` takes it away.

    Parameters
    ----------
    within
        The folder to make it in, itself such a one. Without it the folder lies among the system's temporary
        files; what killed graders left there is removed before, once in each process.
    """
    if within is None:
        _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix="grade-", dir=within)).resolve()
    if within is None and sys.platform != "win32":
        draft = folder / f"{_MARK}-draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600)
        _locks[folder] = descriptor
        with suppress(OSError):  # a file system without locks: nobody will take the folder for a dead one's
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            draft.rename(folder / _MARK)  # under this name it has been locked from the first moment
    return folder


@functools.cache
def _sweep(place: Path) -> None:
    """Remove the folders in which there is a mark that no living grader has locked."""
    if sys.platform == "win32":
        return
    for mark in place.glob(f"grade-*/{_MARK}"):
        with suppress(OSError):
            status = mark.parent.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                continue
            descriptor = os.open(mark, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(mark.parent)
            finally:
                os.close(descriptor)


def remove(root: Path) -> None:
    """Remove a folder in which anything may lie: closed folders, links, folders nested thousands deep.

    Folders found inside are moved up to the top before they are looked into, so that no path gets long and
    nothing recurses; no link is followed.
    """
    top, number = str(root), 0
    waiting = [top]
    aside = f"{top}{os.sep}{secrets.token_hex(8)}"  # no name that the notebook could have taken beforehand
    while waiting:
        folder = waiting.pop()
        with suppress(OSError):
            os.chmod(folder, 0o700)  # noqa: PTH101
        entries: list[os.DirEntry[str]] = []
        with suppress(OSError), os.scandir(folder) as found:
            entries = list(found)
        for entry in entries:
            with suppress(OSError):
                if not entry.is_dir(follow_symlinks=False):
                    if os.name == "nt" and not entry.is_symlink():
                        os.chmod(entry.path, stat.S_IWRITE)  # noqa: PTH101
                    os.unlink(entry.path)  # noqa: PTH108
                elif folder == top:
                    waiting.append(entry.path)
                else:
                    number += 1
                    os.chmod(entry.path, 0o700)  # noqa: PTH101 - a folder is moved only by who may write to it
                    os.rename(entry.path, f"{aside}-{number}")  # noqa: PTH104
                    waiting.append(f"{aside}-{number}")
        if folder != top:
            with suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106
    with suppress(OSError):
        root.rmdir()
    descriptor = _locks.pop(root, None)
    if descriptor is not None:
        os.close(descriptor)
