"""Unpacking archives that anybody may have made: every file is written by us, within limits, and nothing else is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from grader.intake.listed import on_platform
from grader.intake.names import clean, left_out, shown
from grader.scratch import remove
from grader.text import plain, size

# What archives may unpack to, in bytes that really come out of them.
CLASS_BYTES = 20_000_000_000
SUBMISSION_BYTES = 200_000_000
CLASS_ENTRIES = 100_000
SUBMISSION_ENTRIES = 20_000

Kind = Literal["duplicate", "missing", "several", "unreadable", "refused", "ignored"]


class ArchiveRefused(Exception):
    """An archive is not unpacked; the text says why, as the end of a sentence."""


@dataclass
class Room:
    """What one student's archives may still unpack to, all of them together: nobody takes the room of others."""

    bytes: int = field(default_factory=lambda: SUBMISSION_BYTES)
    entries: int = field(default_factory=lambda: SUBMISSION_ENTRIES)


def room_for_class() -> Room:
    """What the archive of a whole class may unpack to."""
    return Room(CLASS_BYTES, CLASS_ENTRIES)


@dataclass(frozen=True)
class Note:
    """Something about an entry of an archive that was unpacked."""

    entry: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: Literal["file", "folder", "other"]
    time: float
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@contextmanager
def _reading() -> Iterator[None]:
    """Translate what goes wrong in reading an archive. Writing has no place in here: a full disk is no bad archive."""
    try:
        yield
    except ArchiveRefused:
        raise
    except Exception as error:  # of a damaged archive the libraries raise whatever comes: struct.error, KeyError ...
        raise ArchiveRefused("it is damaged, or no archive") from error


class _Measured(io.RawIOBase):
    """A file of which no large piece is read at once, and where told so nothing far behind and nothing twice.

    Lists of contents and long names are read into memory whole, as large as the archive says they are.
    """

    _PIECE = 16_000_000

    def __init__(self, file: IO[bytes], forward: int | None = None) -> None:
        self._file = file
        self._forward = forward

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self._forward is not None and not (whence == os.SEEK_SET and self._file.tell() <= offset <= self._forward):
            # Backwards, a compressed file would be unpacked from its start again, for every entry.
            raise ArchiveRefused("it is damaged, or unpacks to more than may be")
        return self._file.seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        most = self._PIECE + 1
        piece = self._file.read(most if size is None or not 0 <= size < most else size)
        if len(piece) > self._PIECE:
            raise ArchiveRefused("its list of contents is too long")
        return piece


_PACKED: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


def _entries(archive: Path, most: int) -> Iterator[_Entry]:
    """What an archive holds, in its own order. Of a tar, each entry must be read before the next is asked for."""
    with archive.open("rb") as raw:
        start = raw.read(6)
        raw.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(_Measured(raw)) as opened:
                yield from _of_zip(opened)
            return
        opener = next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)
        unpacked: Any = opener(raw) if opener else raw
        # Headers and padding come on top of what the entries hold.
        measured = _Measured(unpacked, forward=most + 2_000 * CLASS_ENTRIES)
        with tarfile.open(fileobj=measured, mode="r:") as tar:
            yield from _of_tar(tar)


def names(archive: Path, most: int) -> Iterator[str]:
    """What is in an archive, by the names of its files and folders, at most so many; none where it is refused."""
    with suppress(ArchiveRefused), _reading():
        for entry in islice(_entries(archive, CLASS_BYTES), most):
            yield entry.name


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in archive.infolist():
        if info.flag_bits & 0x41:
            raise ArchiveRefused("it is locked with a password")
        name = info.orig_filename
        if not info.flag_bits & 0x800:  # then it is read as cp437, which many that write UTF-8 do not say
            with suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        kind = stat.S_IFMT(info.external_attr >> 16)
        is_folder = name.endswith(("/", "\\")) or kind == stat.S_IFDIR
        fine = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        when = 0.0
        with suppress(ValueError, OverflowError):
            when = time.mktime((*info.date_time, 0, 0, -1))

        def opened(info: zipfile.ZipInfo = info) -> AbstractContextManager[IO[bytes]]:
            return archive.open(info)

        yield _Entry(name, "folder" if is_folder and fine else "file" if fine else "other", when, opened)


def _of_tar(archive: tarfile.TarFile) -> Iterator[_Entry]:
    for member in archive:
        if member.size < 0:
            raise ArchiveRefused("it is damaged: it has an entry of less than nothing")
        fine = member.isreg() and not member.issparse()  # a sparse file is large out of nothing

        def opened(member: tarfile.TarInfo = member) -> AbstractContextManager[IO[bytes]]:
            file = archive.extractfile(member)
            assert file is not None  # it is a regular file
            return file

        yield _Entry(
            member.name, "folder" if member.isdir() else "file" if fine else "other", float(member.mtime), opened
        )


def _parts(name: str) -> list[str] | None:
    """An entry's path, part by part, cleaned; None where the entry is left out, as `left_out` says."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    # What shows as `..` once control characters are gone is no more welcome.
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or any(plain(part) == ".." for part in parts):
        raise ArchiveRefused(f"its entry {shown(name)} leads out of the folder")
    return None if not parts or any(map(left_out, parts)) else [clean(part) for part in parts]


def unpack(archive: Path, into: Path, room: Room, whole_class: bool = False) -> list[Note]:
    """Write what an archive holds into a new folder; whole or, where it is refused, not at all.

    Every file is written by us, into folders that we made: nothing is ever a link, and no name leads out.
    An archive of the whole class may have an entry that is too large, which then is one student's affair.
    """
    most = room.bytes
    left, entries, notes = most, room.entries, list[Note]()
    of_each: Counter[str] = Counter()
    into.mkdir(parents=True)
    try:
        with _reading():
            reader = _entries(archive, most)
        while True:
            with _reading():
                entry = next(reader, None)
            if entry is None:
                break
            entries -= 1
            if entries < 0:
                whose = "the class" if whole_class else "the submission"
                raise ArchiveRefused(
                    f"it brings {whose} over {CLASS_ENTRIES if whole_class else SUBMISSION_ENTRIES:,} files"
                )
            owner = _owner(entry.name) if whole_class else ""
            of_each[owner] += bool(owner)
            if of_each[owner] > SUBMISSION_ENTRIES:
                if of_each[owner] == SUBMISSION_ENTRIES + 1:
                    text = f"Of {shown(owner)} only the first {SUBMISSION_ENTRIES:,} files are looked at."
                    notes.append(Note(entry.name, "ignored", text))
                continue
            left -= _unpack_one(entry, into, left, notes, whole_class)
    except ArchiveRefused:
        remove(into)
        raise
    room.bytes -= most - left
    room.entries = entries
    return notes


def _owner(name: str) -> str:
    """The folder that a platform made for one student, if the entry lies in one; else empty."""
    return next((part for part in name.replace("\\", "/").split("/")[:-1] if on_platform(part)), "")


def _unpack_one(entry: _Entry, into: Path, left: int, notes: list[Note], whole_class: bool) -> int:
    """Write one entry; how many bytes that took."""
    parts = _parts(entry.name)
    if parts is None:
        return 0
    name, target = "/".join(parts), into.joinpath(*parts)
    if len(parts) > 20 or len(name.encode()) > 1_000:
        notes.append(Note(name, "refused", f"{shown(name)} lies too deep in folders and was left out."))
        return 0
    if entry.kind == "other":
        notes.append(Note(name, "refused", f"{shown(name)} is a link or a special file and was left out."))
        return 0
    when = entry.time if 0 <= entry.time < 2**32 else 0.0
    try:
        (target if entry.kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
        if entry.kind == "folder":
            return 0
        if target.is_dir():
            raise FileExistsError
        if target.exists():
            newer = when >= target.stat().st_mtime
            notes.append(Note(name, "duplicate", f"{shown(name)} is twice in the archive; the newest counts."))
            if not newer:
                return 0
    except (FileExistsError, NotADirectoryError):  # the same name is a file and a folder
        notes.append(Note(name, "ignored", f"{shown(name)} is both a file and a folder; the first counts."))
        return 0
    with _reading():
        source = entry.open()
    with source as opened, target.open("wb") as file:
        written = _copy(opened, file, min(left, SUBMISSION_BYTES))
    if written is None and whole_class and left > SUBMISSION_BYTES:
        target.unlink()
        text = f"{shown(name)} is larger than {size(SUBMISSION_BYTES)} and was left out."
        notes.append(Note(name, "refused", text))
        return 0
    if written is None:
        raise ArchiveRefused(
            f"it unpacks to more than {size(CLASS_BYTES if whole_class else min(left, SUBMISSION_BYTES))}"
        )
    os.utime(target, (when, when))
    return written


def _copy(source: IO[bytes], target: IO[bytes], most: int) -> int | None:
    """Copy at most so many bytes; how many there were, None if more."""
    written = 0
    while True:
        with _reading():
            piece = source.read(1 << 18)
        if not piece:
            return written
        written += len(piece)
        if written > most:
            return None
        target.write(piece)
