"""What a class handed in, written as people and platforms write it; and what was found of it, in short."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from grader.intake.attempt import HandedIn
from grader.workspace import Workspace
from tests.conftest import listing, notebook

Find = Callable[[Path], HandedIn]


def book(mark: str = "x = 3") -> bytes:
    return json.dumps(notebook(mark)).encode()


def put(path: Path, content: bytes | str = b"", when: float | None = None) -> Path:
    """Write a file, and the folders above it; a notebook that says its own name where nothing is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(raw or (book(path.name) if path.suffix == ".ipynb" else b"x"))
    if when is not None:
        os.utime(path, (when, when))
    return path


def students(found: HandedIn) -> list[str | None]:
    return [one.student for one in found.submissions]


def source(found: HandedIn, student: str) -> str:
    """What the notebook of a student says."""
    return str(next(one for one in found.submissions if one.student == student).read().cells[0].source)


def remarks(found: HandedIn) -> list[tuple[str, str]]:
    return [(one.student, one.kind) for one in found.remarks]


def text(found: HandedIn, student: str, kind: str) -> str:
    return " | ".join(one.text for one in found.remarks if (one.student, one.kind) == (student, kind))


def companions(found: HandedIn, student: str) -> list[str]:
    """What comes along with a student's notebook."""
    path = next(one.path for one in found.submissions if one.student == student)
    with Workspace(path, (), "sample") as workspace:
        return [name for name in listing(workspace.folder) if name != "data"]


def zipped(path: Path, entries: dict[str, bytes] | list[tuple[str, bytes]], when: int = 2020) -> Path:
    """A zip of these entries, written as UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(zipfile.ZipInfo(name, (when, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return path


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, target
    return info


def tarred(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """A tar of these entries, packed as its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, {"gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.suffix[1:], "w")) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def of_files(files: dict[str, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(member(name, content), content) for name, content in files.items()]


def raw_zip(entries: list[tuple[bytes, bytes]], flags: int = 0) -> bytes:
    """A zip written byte by byte, with names as no library would write them."""
    body, contents = b"", b""
    for name, content in entries:
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, 0, 0x21, zlib.crc32(content), *2 * [len(content)], len(name), 0
        )
        where = len(body)
        body += b"PK\x03\x04" + common + name + content
        contents += b"PK\x01\x02" + b"\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, where) + name
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(contents), len(body), 0)
    return body + contents + b"PK\x05\x06" + end
