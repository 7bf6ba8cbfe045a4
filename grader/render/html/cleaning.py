"""What a notebook shows, made harmless: markup by a whitelist, pictures by what they are, text by what it prints."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator

import nh3
from markupsafe import Markup

# ---------------------------------------------------------------------- markup

# Neither headings of ours, nor anything that runs, loads, submits, takes the place of something else, or plays.
_NAMES = (
    "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure h3 h4 h5 "
    "h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr "
    "tt u ul var wbr"
)
_TAGS = set(_NAMES.split())
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "ol": {"start"},
    "details": {"open"},
}
_GONE = {"script", "style", "title", "template", "noscript", "svg", "math", "iframe", "object", "textarea", "select"}
_SPAN = re.compile(r"\d{1,3}")


def markup(text: str) -> Markup:
    """HTML of a notebook's with what is harmless: tables, lists, emphasis, links to pages, pictures that it holds."""
    return Markup(_CLEANER.clean(text))


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if data_picture(value) else None
    if name == "href":
        return value if value.startswith(("https://", "http://", "mailto:")) else None
    if name in ("colspan", "rowspan", "start"):
        return value if _SPAN.fullmatch(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    clean_content_tags=_GONE,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel="noopener noreferrer nofollow",
)


def known_tag(tag: str) -> bool:
    """Whether an element of this name outlives :func:`markup`."""
    return tag in _TAGS


# ---------------------------------------------------------------------- pictures

_MAGIC = {"image/png": (b"\x89PNG\r\n\x1a\n",), "image/jpeg": (b"\xff\xd8\xff",), "image/gif": (b"GIF87a", b"GIF89a")}
MOST_PICTURE = 1_500_000  # characters of base64
_DATA = re.compile(r"data:(image/[a-z]+);base64,([A-Za-z0-9+/=]+)")


def picture(kind: str, text: object) -> str | None:
    """A picture as a `data:` address, or None where it is none: its base64 is read, and its first bytes tell its kind.

    Parameters
    ----------
    kind
        ``image/png``, ``image/jpeg`` or ``image/gif``.
    """
    if not isinstance(text, str) or kind not in _MAGIC or len(text) > MOST_PICTURE:
        return None
    packed = "".join(text.split())
    try:
        raw = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None
    return f"data:{kind};base64,{packed}" if raw.startswith(_MAGIC[kind]) else None


def drawing(text: object) -> str | None:
    """An SVG as a `data:` address for `<img>`, in which nothing runs and nothing loads; None where it is none."""
    if not isinstance(text, str) or "<svg" not in text[:5000] or len(text) > MOST_PICTURE * 3 // 4:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}"


def data_picture(address: str) -> bool:
    """Whether this is the address of a picture that :func:`picture` made, or might have."""
    found = _DATA.fullmatch(address)
    return found is not None and picture(found[1], found[2]) is not None


# ---------------------------------------------------------------------- text

# Control characters, lone surrogates, and marks that let a line read other than it is.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_COLOURS = re.compile(r"\x1b\[([0-9;]{0,40})m")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|.?)")
_OVERWRITTEN = re.compile(r"^[^\n]*\r(?=[^\n])", re.MULTILINE)


def text(value: object) -> str:
    """Text without characters that print nothing or turn others round; what is no string is none."""
    return _CONTROLS.sub("", value.replace("\r\n", "\n")) if isinstance(value, str) else ""


def printed(value: str) -> Markup:
    """What a program printed: as a terminal leaves it, with its sixteen colours, other escape sequences dropped."""
    value = value.replace("\r\n", "\n")
    if "\r" in value:
        value = _OVERWRITTEN.sub("", value)
    return Markup("".join(_coloured(value)) if "\x1b" in value else html.escape(text(value)))


def _coloured(value: str) -> Iterator[str]:
    colour, bold = "", False
    for place, part in enumerate(_COLOURS.split(value)):
        if place % 2:
            colour, bold = _colour(part, colour, bold)
        elif shown := html.escape(text(_ESCAPES.sub("", part))):
            classes = f"{colour}{' ' if colour and bold else ''}{'ansi-bold' if bold else ''}"
            yield f'<span class="{classes}">{shown}</span>' if classes else shown


def _colour(codes: str, colour: str, bold: bool) -> tuple[str, bool]:
    numbers = [int(code) for code in codes.split(";") if code and len(code) < 4] or [0]
    if numbers[0] in (38, 48):  # one of 256 or of millions of colours: its own contrast is anybody's guess
        return colour if numbers[0] == 48 else "", bold
    for number in numbers:
        if number == 0:
            colour, bold = "", False
        elif number in (1, 22):
            bold = number == 1
        elif 30 <= number <= 37 or 90 <= number <= 97:
            colour = f"ansi-{number % 10}"
        elif number == 39:
            colour = ""
    return colour, bold
