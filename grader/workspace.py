"""The scratch folder that a notebook runs in: its companions, its data, and afterwards what it wrote."""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
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


class Workspace:
    """A fresh scratch folder; use as a context manager, on leaving it is gone.

    Attributes
    ----------
    folder
        Where the notebook runs.
    left_behind
        Companions that were too many or too large to come along.
    """

    def __init__(self, notebook: Path, data: tuple[str, ...], choice: Choice) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="grade-")).resolve()
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

        def open_up(function: object, path: str, _: object) -> None:
            with suppress(OSError):
                Path(path).parent.chmod(0o700)
                Path(path).chmod(0o700)
                function(path)  # type: ignore[operator]

        if sys.version_info >= (3, 12):
            shutil.rmtree(self.root, onexc=open_up)
        else:
            shutil.rmtree(self.root, onerror=open_up)
        shutil.rmtree(self.root, ignore_errors=True)

    def _companions(self, beside: Path) -> None:
        """Copy what lies beside the notebook, the small files first, up to the cap; links stay out."""
        found = []
        for folder, folders, files in os.walk(beside):
            folders[:] = sorted(f for f in folders if f not in _LEFT_OUT and not f.startswith("."))
            here = Path(folder)
            for name in sorted(files):
                path = here / name
                if name in _LEFT_OUT or name.startswith(".") or path.suffix == ".ipynb":
                    continue
                with suppress(OSError):
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode):
                        found.append((status.st_size, path))
            if len(found) > 20 * COMPANIONS_MAX_FILES:  # somebody's home folder: do not walk all of it
                break
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
        found: list[tuple[Path, int, int]] = []
        for folder, folders, files in os.walk(self.folder, followlinks=False):
            folders[:] = [f for f in folders if f != ".home"]
            for name in files:
                path = Path(folder) / name
                with suppress(OSError, ValueError):
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                        found.append((path, status.st_size, status.st_mtime_ns))
            if len(found) > 10_000:
                break
        return found

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
        # Where the system has it, each folder is opened without following a link; elsewhere the path is resolved.
        if path.resolve() != path:
            raise missing
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags)
        except (OSError, ValueError):
            raise missing from None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise missing
            if status.st_size > _READ_LIMIT:
                raise SubmissionFault(f"The file {plain(name)} is too large ({size(status.st_size)}).")
            return file.read(_READ_LIMIT)
