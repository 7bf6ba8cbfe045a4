"""What students handed in, in pieces: files by whose they are, before anybody settles which notebook counts."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grader.exercise import Exercise
from grader.foreign.tests_file import read_tests
from grader.formats.files import holds_notebook, is_jupyters, may_be_notebook
from grader.intake import archives
from grader.intake.archives import Kind, Room
from grader.intake.names import composed, is_archive, left_out, once, shown, stem
from grader.text import count
from grader.workspace import COMPANIONS_MAX_BYTES


@dataclass(frozen=True)
class File:
    """A file that was handed in.

    Attributes
    ----------
    name
        Its path within the submission, as the student knows it.
    upload
        Canvas's number of the upload, which grows from one to the next; else 0.
    alone
        Whether only the student's own files lie beside it.
    handed_in
        When it was, where something else than `time` tells: what lies in a student's archive came with the archive.
    marked_late
        Canvas says so.
    """

    path: Path
    name: str
    time: float
    bytes: int
    upload: int = 0
    alone: bool = True
    handed_in: float | None = None
    marked_late: bool = False

    @property
    def age(self) -> tuple[int, float, int, str]:
        """The larger, the newer; of two formats of the same age Jupyter's counts."""
        last = f"{int(is_jupyters(self.name))}{self.name}"
        return self.upload, self.time, once(stem(self.path.name))[1], last

    @cached_property
    def is_notebook(self) -> bool:
        """Whether it is a notebook, whoever means it."""
        return holds_notebook(self.path, Path(self.name).name, meant=False)

    @property
    def counts(self) -> bool:
        """Whether it is a notebook, or could hold one."""
        return is_archive(self.name) or self.is_notebook


@dataclass
class Piece:
    """What came in one piece: a folder, a loose notebook or archive, or all that a platform lists for a student."""

    name: str
    files: list[File] = field(default_factory=list)

    @property
    def age(self) -> tuple[tuple[int, float, int, str], str]:
        return max((file.age for file in self.files if file.counts), default=(0, 0.0, 0, "")), self.name


@dataclass
class Student:
    """Somebody who handed in something; `number` is the platform's, if there is one, `room` what archives may take."""

    name: str
    number: str = ""
    room: Room = field(default_factory=Room)
    pieces: dict[str, Piece] = field(default_factory=dict)
    remarks: list[tuple[Kind, str]] = field(default_factory=list)

    def piece(self, name: str) -> Piece:
        return self.pieces.setdefault(name, Piece(name))

    def remark(self, kind: Kind, text: str) -> None:
        self.remarks.append((kind, text))


def visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not left_out(entry.name)), key=lambda entry: entry.name)


def inside(top: Path, student: Student | None = None) -> list[File]:
    """Regular files in a folder and below it. No link is followed; what is odd is remarked."""
    files: list[File] = []
    odd: dict[str, list[str]] = {"link": [], "special file": [], "closed folder": []}
    waiting, looked = deque([top]), 0
    while waiting and looked < 5 * archives.SUBMISSION_ENTRIES:
        folder = waiting.popleft()
        try:
            entries = visible(folder)
        except OSError:
            odd["closed folder"].append(folder.relative_to(top).as_posix())
            continue
        for entry in entries:
            looked += 1
            path = Path(entry.path)
            name = path.relative_to(top).as_posix()
            if entry.is_symlink():
                if not _leads_into(path, top):
                    odd["link"].append(name)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                with suppress(OSError):  # it went away meanwhile
                    status = entry.stat(follow_symlinks=False)
                    files.append(File(path, name, status.st_mtime, status.st_size))
            else:
                odd["special file"].append(name)
    if student is not None:
        _tell_odd(odd, student)
        if waiting:
            student.remark("ignored", f"Only the first {looked:,} files of the submission were looked at.")
    return files


def thin(folder: Path) -> None:
    """Of what a student's archive held, drop what goes along with no notebook anyway: a class has many archives."""
    files = inside(folder)
    beside = {file.path.parent for file in files if file.is_notebook}
    others = [file for file in files if not file.is_notebook]
    room = COMPANIONS_MAX_BYTES
    for file in sorted(others, key=lambda file: (file.path.parent not in beside, file.bytes)):
        if file.bytes <= room:
            room -= file.bytes
        else:
            file.path.unlink()


def _leads_into(link: Path, top: Path) -> bool:
    try:
        return link.resolve().is_relative_to(top.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def _tell_odd(odd: dict[str, list[str]], student: Student) -> None:
    """One remark of each kind: an environment that was handed in has links by the dozen."""
    for what, names in odd.items():
        if not names:
            continue
        first = shown(names[0]) if len(names) == 1 else f"{shown(names[0])} and others"
        if what == "closed folder":
            student.remark("unreadable", f"{count(len(names), what)} cannot be opened: {first}.")
        elif what == "link":
            verb = "leads" if len(names) == 1 else "lead"
            student.remark("refused", f"{count(len(names), what)} {verb} out of the submission: {first}.")
        else:
            student.remark("refused", f"{count(len(names), what)} cannot be handed in: {first}.")


class Wanted:
    """The notebook that an exercise asks for, known by its name."""

    def __init__(self, exercise: Exercise) -> None:
        self.notebook = composed(exercise.description.notebook)
        self.assignment = {exercise.id.casefold(), stem(self.notebook).casefold()}
        self._stems = {stem(self.notebook).casefold()}
        imported = read_tests(exercise.folder)
        if imported is not None:  # students have it by the names that it had
            folder, _, name = composed(imported.source).casefold().rpartition("/")
            self.assignment |= {folder} if folder else set()
            self._stems.add(stem(name))

    def is_named(self, name: str) -> bool:
        """Whether a notebook has the exercise's name, perhaps for the second time."""
        return may_be_notebook(name) and self.is_called(name)

    def is_called(self, name: str) -> bool:
        """The same of a file of any kind."""
        called = {composed(stem(name)).casefold(), once(composed(stem(name)))[0].casefold()}
        return not called.isdisjoint(self._stems)

    def likeness(self, name: str) -> int:
        """How well a notebook's name fits the exercise's: contains it, is of its number, or neither."""
        told = composed(stem(name)).casefold()
        return next((2 - n for n, part in enumerate(sorted(self.assignment, key=len)[::-1]) if part in told), 0)
