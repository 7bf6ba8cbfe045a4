"""Text that came from a notebook, made safe to show: in a terminal, in a report, in an error message."""

from __future__ import annotations

import re
import unicodedata

from grader.language import decimal, tr
from grader.language import percent as percent

# CSI and OSC sequences first, so that their parameters vanish with them; then lone two-byte escapes.
_ESCAPES = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|\x1b.?")

# Bidirectional marks and isolates could make a line read other than it is.
_BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF}


def plain(text: object, limit: int = 300, lines: bool = False) -> str:
    """Return `text` without escape sequences, control and direction marks, at most `limit` characters long.

    Parameters
    ----------
    text
        Anything; what is no string is not asked to turn itself into one.
    limit
        Longest result; what is cut shows as an ellipsis.
    lines
        Keep line breaks and tabs (program output) instead of folding white space (a sentence).
    """
    if type(text) is not str:
        return f"<{type(text).__name__}>"
    if len(text) <= limit and text.isascii() and text.isprintable():  # as nearly all is: there is nothing to look for
        return text if lines else " ".join(text.split())
    text = _ESCAPES.sub("", text[: 4 * limit + 4096])
    if lines:
        text = text.replace("\r\n", "\n")
    kept = "".join(c for c in text if (c in "\n\t" if unicodedata.category(c)[0] == "C" else ord(c) not in _BIDI))
    if not lines:
        kept = " ".join(kept.split())
    return kept if len(kept) <= limit else kept[: max(0, limit - 1)] + "…"


def step_told(what: str, number: int, of: int, printed: str = "") -> str:
    """How far a notebook has got, in words.

    Parameters
    ----------
    what, number, of, printed
        As for :class:`grader.judging.Progress`.
    """
    if what == "check":
        return tr("Check {number} of {of}", number=number, of=of)
    cell = tr("Running cell {number} of {of}", number=number, of=of)
    return f"{cell}: {plain(printed)}" if printed else cell


def number(value: float) -> str:
    """A number as a person would write it: whole ones in full, others with six significant digits."""
    return f"{value:.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"


def count(n: int, one: str, many: str | None = None) -> str:
    """``count(2, "check")`` is "2 checks", in English only; thousands are grouped."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """``["a", "b", "c"]`` is "a, b and c"."""
    if len(names) < 2:
        return names[0] if names else ""
    return tr("{some} and {last}", some=", ".join(names[:-1]), last=names[-1])


def size(n: float) -> str:
    """A number of bytes in decimal units: "4.2 GB"."""
    if n < 1000:
        return tr("{n} bytes", n=f"{n:.0f}")
    for unit in ("kB", "MB"):
        n /= 1000
        if n < 1000:
            return f"{n:.0f} {unit}" if n >= 10 else decimal(f"{n:.1f} {unit}")
    return decimal(f"{n / 1000:.1f} GB")


# About what each of these stands for takes in memory: an empty list is three bytes of JSON with its comma.
_WEIGHTS = {b"[": 64, b"{": 200, b",": 32}
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def swells(json: bytes, most: int) -> bool:
    """Whether the lists, dicts and numbers of a JSON text would take more than `most` bytes once it is parsed."""

    if len(json) * max(_WEIGHTS.values()) <= most:
        return False

    def weight(part: bytes) -> int:
        return sum(part.count(mark) * each for mark, each in _WEIGHTS.items())

    # Most texts that hold so many brackets and commas hold them in strings: only then is it worth to look closer.
    return weight(json) > most and weight(_STRINGS.sub(b"", json)) > most
