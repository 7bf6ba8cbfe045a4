"""The scratch folder that a notebook runs in: its companions, its data, and afterwards what it wrote."""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from grader.authored import belongings
from grader.datasets import Choice, dataset
from grader.datasets.own import Own
from grader.digests import files_digest
from grader.errors import SubmissionFault
from grader.formats.files import in_each_format
from grader.language import tr
from grader.scratch import remove, scratch_folder
from grader.text import plain, size

# Files that lie beside a notebook come along (a helper module, a picture, a small data file) ...
COMPANIONS_MAX_BYTES = 50_000_000
COMPANIONS_MAX_FILES = 500
# ... but not what belongs to the exercise (its translations, too), to tools, or to other notebooks.
_LEFT_OUT = {
    "answers.toml",
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


def companions(beside: Path, notebook: str = "") -> tuple[list[Path], list[Path]]:
    """What comes along from beside a notebook, the small files first, and what is too much and stays behind.

    Links stay out, and the notebook itself in every format. Of somebody's home folder not all is looked at: what lies
    nearest comes first.
    """
    own = _LEFT_OUT | {path.name for path in belongings(beside)}
    if notebook:
        own |= {notebook, *(path.name for path in in_each_format(beside / notebook))}
    files = _files(beside, lambda name: name in own or name.startswith(".") or name.endswith((".ipynb", ".po")))
    taken, left, room = list[Path](), list[Path](), COMPANIONS_MAX_BYTES
    for length, path in sorted((status.st_size, path) for path, status in islice(files, 20 * COMPANIONS_MAX_FILES)):
        if length > room or len(taken) == COMPANIONS_MAX_FILES:
            left.append(path)
        else:
            taken.append(path)
            room -= length
    return taken, left


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


class Workspace:
    """A fresh scratch folder, in the folder `within`; use as a context manager, on leaving it is gone.

    Whatever was handed in, the files that are `given` lie in it, by their paths there.

    Attributes
    ----------
    folder
        Where the notebook runs.
    left_behind
        Companions that were too many or too large to come along.
    companions
        A digest of those that came along.
    name
        The notebook's file's.
    """

    def __init__(
        self,
        notebook: Path,
        data: tuple[str, ...],
        choice: Choice,
        within: Path | None = None,
        own: Iterable[Own] = (),
        given: Mapping[str, Path] | None = None,
    ) -> None:
        self.root = scratch_folder(within)
        self.name = notebook.name
        self.folder = self.root / "notebook"
        self.folder.mkdir()
        self.left_behind: list[str] = []
        own = list(own)
        try:
            self._companions(notebook.absolute().parent, notebook.name, {one.path.name for one in own})
            self._data(data, choice)
            for one in own:
                one.write(self.folder / "data")
            self._lay_over(given or {})
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

    def _companions(self, beside: Path, notebook: str, whole: set[str]) -> None:
        """Copy what comes along, but for what is called as an own data set, which has the rows held out in it."""
        taken, left = ([path for path in paths if path.name not in whole] for paths in companions(beside, notebook))
        self.left_behind = [plain(str(path.relative_to(beside))) for path in left]
        for path in taken:
            target = self.folder / path.relative_to(beside)
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                shutil.copyfile(path, target)
        self.companions = files_digest([self.folder / path.relative_to(beside) for path in taken], self.folder)

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

    def _lay_over(self, given: Mapping[str, Path]) -> None:
        """Put the exercise's own files over what was handed in under their names."""
        for name, path in given.items():
            target = self.folder / name
            if target.is_symlink() or not target.resolve().is_relative_to(self.folder.resolve()):
                continue  # it would end up in a view of the data
            with suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)

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
        missing = SubmissionFault(
            tr("The notebook wrote no file named {file}.", file=plain(name)), tr("Check the name and the folder.")
        )
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
                raise SubmissionFault(
                    tr("The file {file} is too large ({size}).", file=plain(name), size=size(status.st_size))
                )
            return file.read(_READ_LIMIT)
