"""How Moodle and Canvas name what they give as "all submissions": whose it is stands in each name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# What a team handed in may lie under the team's name, with the team's own number or with none. Where the name of a
# folder in an archive was not safe to write, a short hash stands behind it (see names.py).
_MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<number>[0-9]+))?_assign(?P<what>submission|feedback)_(?P<how>[a-z]+)(?:-[0-9a-f]{8}|_(?P<rest>.*))?",
    re.DOTALL,
)
# Anonymous students have five letters and digits in the place of a name and a number. Else a letter comes first, or
# one behind digits, and no leading zeros, or `2026_01_15_alice.ipynb` and all of that day would be one student's.
_ON_CANVAS = (
    r"(?:(?P<late_anonymous>(?i:LATE_))?(?P<anonymous>(?i:anon(?:ymous)?)_[A-Za-z0-9]{5})(?P<late_behind>(?i:_LATE))?"
    r"|(?P<late_before>(?i:LATE_))?(?P<name>\d*[^\W\d_].*?)(?P<late>(?i:_LATE))?_(?P<number>[1-9][0-9]*)"
    r"(?P<late_after>(?i:_LATE))?)"
)
_CANVAS = re.compile(_ON_CANVAS + r"_(?P<upload>[1-9][0-9]{0,17})_(?P<rest>.+)", re.DOTALL)
# What a student typed into Canvas's page, or a link: no file was handed in.
_CANVAS_TYPED = re.compile(_ON_CANVAS + r"_(?:text|link|url)\.html", re.DOTALL)

Platform = Literal["moodle", "canvas"]


@dataclass(frozen=True)
class Listed:
    """What the name of an entry in a platform's archive tells.

    Attributes
    ----------
    number
        The platform's number of the student; empty where there is none, as of an anonymous one.
    rest
        The file's own name; empty where the platform's prefix is all there is.
    upload
        Canvas's number of the upload, which grows from one to the next; else 0.
    late
        Canvas says so.
    is_file
        Whether a file was handed in: no text typed into the page, no link, nor the teacher's own feedback.
    """

    platform: Platform
    name: str
    number: str
    rest: str = ""
    upload: int = 0
    late: bool = False
    is_file: bool = True


def on_moodle(name: str) -> Listed | None:
    """What Moodle's name of a file or a folder tells; None where it is no such name."""
    found = _MOODLE.fullmatch(name)
    if found is None:
        return None
    is_file = (found["what"], found["how"]) == ("submission", "file")
    return Listed("moodle", found["name"], found["number"] or "", found["rest"] or "", is_file=is_file)


def on_canvas(file_name: str) -> Listed | None:
    """What Canvas's name of a file tells; None where it is no such name."""
    found = _CANVAS.fullmatch(file_name)
    if found is None:
        return None
    late = any(found[one] for one in ("late", "late_before", "late_after", "late_anonymous", "late_behind"))
    name, number = found["anonymous"] or found["name"], found["number"] or ""
    return Listed("canvas", name, number, found["rest"], int(found["upload"]), late)


def typed_on_canvas(file_name: str) -> Listed | None:
    """The same of what a student typed."""
    found = _CANVAS_TYPED.fullmatch(file_name)
    if found is None:
        return None
    return Listed("canvas", found["anonymous"] or found["name"], found["number"] or "", is_file=False)


def listed(name: str, loose: bool) -> Listed | None:
    """What a platform's name of an entry tells; Canvas names files only, and they lie `loose`."""
    told = on_moodle(name)
    if told is None and loose:
        told = on_canvas(name) or typed_on_canvas(name)
    return told


def on_platform(name: str) -> bool:
    """Whether a file is named as platforms name what was handed in."""
    return on_moodle(name) is not None or on_canvas(name) is not None


BY_PLATFORM = {"moodle": on_moodle, "canvas": on_canvas}
