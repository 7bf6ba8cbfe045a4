"""From the bytes of a file to JSON: outputs left out, any encoding; and what a file is that is no notebook."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from grader.language import mark, tr
from grader.text import size, swells

# The most that a file may have, and the most that may be left of it without its outputs.
MAX_BYTES = 200_000_000
MAX_KEPT = 20_000_000
# The outputs of a smaller file may as well be parsed: that is quicker than to look for them.
_SMALL = 1_000_000
_CHUNK = 1 << 20
_MAX_PARSED = 60_000_000
_MAX_BRACKETS = 1_000_000


class Unreadable(Exception):
    """The file is no notebook that can be run; the text is a sentence for its author."""


# ---------------------------------------------------------------------- outputs, left out while the file is read


def contents(file: BinaryIO) -> bytes:
    """The bytes of a notebook's file; of a large one without its outputs, of which no more than a piece is held.

    Raises
    ------
    Unreadable
        There is too much of it even so.
    """
    first = file.read(_SMALL)
    second = file.read(_CHUNK)
    if not second:
        return first
    kept = bytearray()
    for part in _without_outputs(_in_utf8(first + second, file)):
        kept += part
        if len(kept) > MAX_KEPT:
            raise Unreadable(
                tr(
                    "The notebook has more than {most} beside its outputs. "
                    "Take pasted pictures and data out of it, and save it again.",
                    most=size(MAX_KEPT),
                )
            )
    return bytes(kept)


def _in_utf8(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The file in pieces; in UTF-8 where it is in UTF-16 or 32, anything else as it is."""
    name = json.detect_encoding(first)
    wide = None if name.startswith("utf-8") else codecs.getincrementaldecoder(name)(errors="replace")
    left, chunk = MAX_BYTES, first
    while chunk:
        yield chunk if wide is None else wide.decode(chunk).encode("utf-8", "replace")
        left -= len(chunk)
        chunk = file.read(max(0, min(_CHUNK, left)))


# In JSON no text holds a quote that has no backslash before it, so that this is a key wherever it stands.
_OUTPUTS = re.compile(rb'(?<!\\)"outputs"\s{0,40}:\s{0,40}[\[{]')
_LONGEST_KEY = 100
_NO_BRACKETS = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]++")
_REST_OF_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


def _without_outputs(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same JSON in which the value of each `outputs` is an empty list."""
    skipping, rest = _Skipping(), b""
    for chunk in chunks:
        data, place = rest + chunk, 0
        while place < len(data):
            if skipping.depth:
                place = skipping.over(data, place)
                if skipping.depth:
                    break
            found = _OUTPUTS.search(data, place)
            if found is None:
                break
            yield data[place : found.end() - 1] + b"[]"
            place, skipping.depth = found.end(), 1
        # A key, or a backslash and what it stands before, may be cut in two by the end of a piece.
        end = place if skipping.depth else max(place, len(data) - _LONGEST_KEY)
        if not skipping.depth:
            yield data[place:end]
        rest = data[end:]
    if not skipping.depth:
        yield rest


class _Skipping:
    """Where the end of a list or dict is, when it comes in pieces; `depth` is 0 once it has come."""

    def __init__(self) -> None:
        self.depth = 0
        self._in_text = False
        self._seen = 0

    def over(self, data: bytes, place: int) -> int:
        """Go on from a place: to what follows the end, or to where the next piece has to be added."""
        while place < len(data):
            if self._in_text:
                place = _REST_OF_TEXT.match(data, place).end()  # type: ignore[union-attr]
                if data[place : place + 1] != b'"':
                    return place
                self._in_text = False
                place += 1
            place = _NO_BRACKETS.match(data, place).end()  # type: ignore[union-attr]
            if data[place : place + 1] == b'"':
                self._in_text = True
                place += 1
            elif (run := _BRACKETS.match(data, place)) is not None:
                place = self._count(run)
                if self.depth == 0:
                    return place
        return place

    def _count(self, run: re.Match[bytes]) -> int:
        self._seen += 1
        if self._seen > _MAX_BRACKETS:
            raise too_many_parts()
        marks = run[0]
        closing = marks.count(b"]") + marks.count(b"}")
        if closing < self.depth:
            self.depth += len(marks) - 2 * closing
            return run.end()
        for place, one in enumerate(marks, run.start() + 1):
            self.depth += 1 if one in b"[{" else -1
            if self.depth == 0:
                return place
        return run.end()


def too_many_parts() -> Unreadable:
    """That a file has more parts than anybody waits for."""
    return Unreadable(tr("The notebook has too many parts to be read. Clear its outputs and save it again."))


# ---------------------------------------------------------------------- JSON, in whatever encoding


def notebook_json(raw: bytes) -> dict[str, Any]:
    """The JSON object in a notebook's file.

    Raises
    ------
    Unreadable
        It is none; the sentence says what the file is instead, where that can be told.
    """
    if not raw.strip(_BLANK):
        raise Unreadable(tr(_ZEROS if b"\0" in raw else _EMPTY))
    if swells(raw, _MAX_PARSED):
        raise too_many_parts()
    text = decoded(raw)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_what_it_is(raw, text, error)) from None
    if type(content) is not dict or type(content.get("nbformat")) is not int:
        shortcut = type(content) is dict and ("doc_id" in content or "google.com" in str(content.get("url"))[:2000])
        raise Unreadable(tr(_ON_DRIVE if shortcut else _OTHER_JSON))
    return content


_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLANK = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"


def is_object(raw: bytes) -> bool:
    """Whether a file begins as a JSON object does, or has nothing in it."""
    return raw[:_CHUNK].lstrip(_BLANK)[:1] in (b"{", b"") and not re.match(rb"\s*\{\\rtf", raw)


def decoded(raw: bytes) -> str:
    """The text of a file. What is in no encoding of Unicode's comes from an old editor for Windows, most likely."""
    while raw.startswith(codecs.BOM_UTF8) and raw[3:].startswith(_BOMS):  # an editor put one before another's
        raw = raw[3:]
    name = json.detect_encoding(raw)
    if not name.startswith("utf-8"):
        whole = len(raw) - len(raw) % (2 if "16" in name else 4)  # a line's end of one byte was put behind it
        return raw[:whole].decode(name, "replace").removeprefix("\ufeff").rstrip("\0")
    for encoding in (name, "cp1252"):
        with suppress(ValueError):
            return raw.decode(encoding).rstrip("\0")
    return raw.decode("latin-1")


# ---------------------------------------------------------------------- what it is instead

_EMPTY = mark("The notebook's file is empty. Save the notebook in Jupyter, and hand in the file again.")
_ZEROS = mark("The file holds nothing but zeros: it was not copied whole. Save the notebook, and copy the file again.")
NO_JSON = mark("The file is no notebook: it is not JSON. Hand in what Jupyter saves, a file in .ipynb.")
_OTHER_JSON = mark("The file is no notebook: it is JSON of another kind. Hand in what Jupyter saves, a file in .ipynb.")
_ON_DRIVE = mark(
    "The file is only a shortcut to a notebook that lies elsewhere. Open that, in Colab by way of File, Download, "
    "Download .ipynb, and hand in what you get."
)
_HALF = mark(
    "The file ends in the midst: it was not saved or copied whole. Save the notebook in Jupyter, and hand in the file "
    "again."
)
_MERGE = mark(
    "The file holds the marks of a merge that was not finished (<<<<<<<, =======, >>>>>>>): two versions of the "
    "notebook stand in it side by side. Keep one of them, by `git checkout --ours` or `git checkout --theirs` and the "
    "file's name; then open it in Jupyter, and save it."
)
_PYTHON = mark(
    "The file is a Python script, not a notebook: nothing in it tells where cells begin. Hand in the notebook itself "
    "(.ipynb, or one of marimo's), or begin each cell with a line `# %%`."
)
_TEXT = mark(
    "The file is a text without cells of code, not a notebook. Hand in the notebook itself: the file in .ipynb, or "
    "what marimo, jupytext or Quarto saves."
)
# How files begin that are handed in for notebooks.
_BEGINNINGS = {
    rb"version https://git-lfs": mark(
        "The file is only a pointer of Git LFS's, not the notebook itself. `git lfs pull` fetches that."
    ),
    rb"\[InternetShortcut\]|<\?xml[^>]{0,200}>\s*<!DOCTYPE plist": _ON_DRIVE,
    rb"(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype html|!--|html|head|body|script|meta)": mark(
        "The file is a web page, an export to HTML or a page for logging in, not the notebook. Hand in the notebook "
        "itself, the file in .ipynb."
    ),
    rb"PK\x03\x04.{0,200}?(?:\[Content_Types\]|mimetypeapplication)|\{\\rtf|\xd0\xcf\x11\xe0": mark(
        "The file is a document of an office program, Word's say. Hand in the notebook itself, the file in .ipynb."
    ),
    rb"PK\x03\x04|PK\x05\x06|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ": mark(
        "The file is an archive, not a notebook. Unpack it, and hand in the notebook that is in it."
    ),
    rb"%PDF|\x89PNG|\xff\xd8\xff|GIF8|%!PS": mark(
        "The file is a PDF or a picture. Hand in the notebook itself, the file in .ipynb."
    ),
}
_CODE = re.compile(
    r"^(?:import \w|from [\w.]+ import |def \w+\(|class \w+|# ?%%|# In\[|#!.*python|\w+ = )", re.MULTILINE
)
# One of the marks tells, where somebody has taken out the others; not in what was no notebook before.
_MARK = re.compile(r"(?:^|\r)[ \t]*(?:<{7}|>{7})(?=[ \r\n]|\Z)", re.MULTILINE)


def by_its_beginning(raw: bytes, text: str) -> str:
    """A sentence about a file that shows by how it begins what it is; "" about any other."""
    for beginning, sentence in _BEGINNINGS.items():
        for start in (raw[:2000].lstrip(), text[:2000].lstrip().encode("utf-8", "replace")):
            if re.match(beginning, start, re.IGNORECASE | re.DOTALL):
                return tr(sentence)
    return ""


def no_cells(of_python: bool) -> Unreadable:
    """That a file is a script, or a text, in which nothing is a cell of code."""
    return Unreadable(tr(_PYTHON if of_python else _TEXT))


def _what_it_is(raw: bytes, text: str, error: Exception) -> str:
    """A sentence about a file that is no JSON."""
    if _MARK.search(text) and '"cell_type"' in text:
        return tr(_MERGE)
    if told := by_its_beginning(raw, text):
        return told
    is_object = text.lstrip()[:1] == "{"
    if not is_object and _CODE.search(text[:100_000]):
        return tr(_PYTHON)
    if is_object and isinstance(error, json.JSONDecodeError):
        if error.pos >= len(text.rstrip(" \t\r\n\ufffd")) or error.msg.startswith("Unterminated"):
            return tr(_HALF)
        return tr(
            "The file is no notebook: it is not JSON from line {line} on. Save it again in Jupyter, or take back what "
            "was changed there.",
            line=error.lineno,
        )
    return tr(NO_JSON)
