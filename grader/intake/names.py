"""Names of students, folders and files, as platforms and people give them, made safe to write and to show."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from pathlib import Path

from grader.text import plain

_NAME_BYTES = 200
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]|CONIN\$|CONOUT\$)(?=\.|$)", re.IGNORECASE)
_SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".zip", ".tar", ".tgz", ".tbz2", ".tbz", ".txz")

# "small (1).ipynb", "small-2.ipynb", "small-Copy1.ipynb", "small - Copy.ipynb": the same notebook once more.
_AGAIN = re.compile(r"(?: ?\((?P<a>\d{1,4})\)|-(?P<b>\d{1,3})|-Copy(?P<c>\d{1,3})|(?: - |-)Copy)$")


def composed(name: str) -> str:
    """Accents as part of their letters: the same name from a Mac and from anywhere else."""
    return unicodedata.normalize("NFC", name)


def short_hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _cut(name: str, most: int) -> str:
    """The beginning of a name, so many bytes at most."""
    return name.encode()[:most].decode("utf-8", "ignore")


def _unreserved(name: str) -> str:
    """The name without what Windows, or a shell, would understand in a way of its own."""
    name = re.sub(r"^\.+", lambda dots: "_" * len(dots[0]), name.strip(" ")).rstrip(". ")
    return f"_{name}" if not name or _RESERVED.match(name) else name


def clean(part: str) -> str:
    """One part of an archive entry's path, safe to write. Another name for every part, as in `folder_name`."""
    whole = composed(part)
    kept = "".join("_" if c in '<>:"|?*/\\' or unicodedata.category(c)[0] == "C" else c for c in whole)
    kept = _unreserved(kept)
    if kept == whole and len(kept.encode()) <= _NAME_BYTES:
        return kept
    suffix = Path(kept).suffix
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    return f"{_cut(kept.removesuffix(suffix), 150)}-{short_hash(part)}{suffix}"


def left_out(name: str) -> bool:
    """Whether nobody means this when handing in: checkpoints, `.grade`, dotfiles, what a Mac or Python adds."""
    return name.startswith(".") or name in {"__MACOSX", "__pycache__", "node_modules", "site-packages"}


def is_archive(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def stem(name: str) -> str:
    """The name without `.ipynb`, `.tar.gz` and the like."""
    for suffix in (".ipynb", *_SUFFIXES):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return Path(name).stem


def once(stem: str) -> tuple[str, int]:
    """``"small (2)"`` is ("small", 2): the name that was handed in, and for which time."""
    again = _AGAIN.search(stem)
    if again is None or again.start() == 0:
        return stem, 0
    return stem[: again.start()], int(again["a"] or again["b"] or again["c"] or 1)


def shown(name: str) -> str:
    return plain(name, 80)


# What the short hash of another name looks like when it is appended.
_HASHED = re.compile(r".*-[0-9a-f]{8}", re.IGNORECASE | re.DOTALL)


@functools.lru_cache(50_000)
def folder_name(student: str) -> str:
    """A name for a student's folder or file that is safe on every system, and another for every student.

    Letters (with their accents), digits, ``-``, ``_``, ``.`` and spaces stay. Where anything else is replaced or
    left out, a short hash of the whole name is appended. At most 100 characters, and never more bytes than any
    file system takes, a suffix included.

    Many disks take ``Ann`` and ``ann`` for the same. Of names that differ in case alone, the usual spelling is the
    one without a hash: ``ann`` and ``Ann Lee``, while it is ``Ann-`` and ``ann lee-`` with one.
    """
    kept = "".join(c if c in "-_. " or unicodedata.category(c)[0] in "LNM" else "_" for c in composed(student))
    kept = _unreserved(kept)
    fits = len(kept) <= 100 and len(kept.encode()) <= _NAME_BYTES
    if kept == student == _usual(student) and fits and not _HASHED.fullmatch(kept):
        return kept
    return f"{_cut(kept[:91], _NAME_BYTES - 9)}-{short_hash(student)}"


def _usual(name: str) -> str:
    """The one of all names that differ from this one in case alone which has capitals where people write them.

    That is small letters in one word, as in a user's name, and a capital at the start of each of several words.
    """
    # Which letters are the same differs from disk to disk (`ß` and `ss`, `ı` and `I`): here whatever is on any of them.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", name).upper().casefold())
    words = folded.split(" ")
    return folded if len(words) == 1 else " ".join(word[:1].upper() + word[1:] for word in words)
