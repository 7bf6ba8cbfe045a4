"""The scratch folder that a notebook runs in: its companions, its data, and afterwards what it wrote."""

from __future__ import annotations

import fnmatch
import os
import secrets
import shutil
import stat
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from grader.datasets import Choice, dataset
from grader.errors import SubmissionFault
from grader.text import plain, size

# Files that lie beside a notebook come along (a helper module, a picture, a small data file) ...
COMPANIONS_MAX_BYTES = 50_000_000
COMPANIONS_MAX_FILES = 500
# ... but not what belongs to the exercise, to tools, or to other notebooks.
_LEFT_OUT = {
    "checks.py",
    "exercise.toml",
    "mistakes.toml",
    "__pycache__",
    "data",
    "node_modules",
    "site-packages",
}

_READ_LIMIT = 50_000_000
_MAX_FOLDERS = 10_000


def _files(top: Path, leave_out: Callable[[str], bool]) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular files in a folder and those below it, the nearest first; no link is followed, nothing recurses."""
    waiting, looked = deque([top]), 0
    while waiting and looked < _MAX_FOLDERS:
        folder = waiting.popleft()
        looked += 1
        names: list[str] = []
        with suppress(OSError):
            names = sorted(os.listdir(folder))  # noqa: PTH208
        for name in names:
            if leave_out(name):
                continue
            with suppress(OSError):
                status = (folder / name).lstat()
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(folder / name)
                elif stat.S_ISREG(status.st_mode):
                    yield folder / name, status


def remove(root: Path) -> None:
    """Remove a folder in which anything may lie: closed folders, links, folders nested thousands deep.

    Folders found inside are moved up to the top before they are looked into, so that no path gets long and
    nothing recurses; no link is followed.
    """
    waiting, number = [root], 0
    aside = secrets.token_hex(8)  # no name that the notebook could have taken beforehand
    while waiting:
        folder = waiting.pop()
        with suppress(OSError):
            folder.chmod(0o700)
        entries: list[os.DirEntry[str]] = []
        with suppress(OSError), os.scandir(folder) as found:
            entries = list(found)
        for entry in entries:
            with suppress(OSError):
                if not entry.is_dir(follow_symlinks=False):
                    if os.name == "nt" and not entry.is_symlink():
                        os.chmod(entry.path, stat.S_IWRITE)  # noqa: PTH101
                    os.unlink(entry.path)  # noqa: PTH108
                elif folder == root:
                    waiting.append(Path(entry.path))
                else:
                    number += 1
                    os.chmod(entry.path, 0o700)  # noqa: PTH101 - a folder is moved only by who may write to it
                    os.rename(entry.path, root / f"{aside}-{number}")  # noqa: PTH104
                    waiting.append(root / f"{aside}-{number}")
        if folder != root:
            with suppress(OSError):
                folder.rmdir()
    with suppress(OSError):
        root.rmdir()


class Workspace:
    """A fresh scratch folder, in the folder `within`; use as a context manager, on leaving it is gone.

    Attributes
    ----------
    folder
        Where the notebook runs.
    left_behind
        Companions that were too many or too large to come along.
    """

    def __init__(self, notebook: Path, data: tuple[str, ...], choice: Choice, within: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="grade-", dir=within)).resolve()
        self.folder = self.root / "notebook"
        self.folder.mkdir()
        self.left_behind: list[str] = []
        try:
            self._companions(notebook.absolute().parent)
            self._data(data, choice)
        except BaseException:
            self.close()
            raise
        self._given = set(self._walk())

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder, whatever the notebook made of it."""
        remove(self.root)

    def _companions(self, beside: Path) -> None:
        """Copy what lies beside the notebook, the small files first, up to the cap; links stay out."""
        files = _files(beside, lambda name: name in _LEFT_OUT or name.startswith(".") or name.endswith(".ipynb"))
        # Of somebody's home folder not all is looked at: what lies nearest comes first.
        found = [(status.st_size, path) for path, status in islice(files, 20 * COMPANIONS_MAX_FILES)]
        room, places = COMPANIONS_MAX_BYTES, COMPANIONS_MAX_FILES
        for length, path in sorted(found):
            relative = path.relative_to(beside)
            if length > room or places == 0:
                self.left_behind.append(plain(str(relative)))
                continue
            target = self.folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                shutil.copyfile(path, target)
            room, places = room - length, places - 1

    def _data(self, names: tuple[str, ...], choice: Choice) -> None:
        """Lay the views of the data sets into ./data, each entry as a link where the system allows it."""
        data = self.folder / "data"
        data.mkdir()
        for name in names:
            for entry in sorted(dataset(name).view(choice).iterdir()):
                try:
                    (data / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
                except (OSError, NotImplementedError):
                    shutil.copytree(entry, data / entry.name) if entry.is_dir() else shutil.copyfile(
                        entry, data / entry.name
                    )

    # ------------------------------------------------------------------ afterwards

    def written(self, pattern: str = "*") -> list[str]:
        """Names of the files that the notebook wrote or changed, sorted; links and other oddities left out."""
        names = (found[0].relative_to(self.folder).as_posix() for found in self._walk() if found not in self._given)
        return sorted(name for name in names if fnmatch.fnmatch(name, pattern))

    def _walk(self) -> list[tuple[Path, int, int]]:
        """Regular files in the folder, their sizes and times; no link is followed, at most 10,000."""
        files = islice(_files(self.folder, lambda name: name == ".home"), 10_000)
        return [(path, status.st_size, status.st_mtime_ns) for path, status in files if status.st_nlink == 1]

    def read(self, name: str) -> bytes:
        """Contents of a file in the folder, opened so that nothing the notebook made is followed.

        Raises
        ------
        SubmissionFault
            There is no such regular file, or it is too large.
        """
        missing = SubmissionFault(f"The notebook wrote no file named {plain(name)}.", "Check the name and the folder.")
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            raise missing
        path = self.folder.joinpath(*parts)
        try:
            if path.resolve() != path:  # a link somewhere on the way
                raise missing
        except (OSError, RuntimeError, ValueError):  # links in a circle
            raise missing from None
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags)
        except (OSError, ValueError):
            raise missing from None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            os.close(descriptor)
            raise missing
        with os.fdopen(descriptor, "rb") as file:
            if status.st_size > _READ_LIMIT:
                raise SubmissionFault(f"The file {plain(name)} is too large ({size(status.st_size)}).")
            return file.read(_READ_LIMIT)
