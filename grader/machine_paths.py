"""Folders of this machine in what a notebook says: students read it, and whose machine graded is nothing to them."""

from __future__ import annotations

import functools
import re
import site
import sysconfig
from contextlib import suppress
from pathlib import Path

# Where a path may begin: not within another one; behind a colour of the traceback's.
_BEGINS = r"(?:(?<![\w./\\~-])|(?<=\x1b\[\dm)|(?<=\x1b\[\d\dm))"
# Packages of any environment, also of one that this Python borrows. The limit keeps a long line of slashes cheap.
_WITHIN = r"(?:[A-Za-z]:)?[/\\][^\s'\"<>()\x1b]{0,200}?"
_PACKAGES = _WITHIN + "(?:site|dist)-packages"
# Where a notebook is run (:mod:`grader.scratch`).
_SCRATCH = _WITHIN + "grade-[a-z0-9_]{8}"


@functools.cache
def _folders() -> list[tuple[str, str]]:
    """This machine's folders, and what is said instead; the longest first."""
    paths = sysconfig.get_paths()
    said = dict.fromkeys([paths["purelib"], paths["platlib"], site.getusersitepackages()], "site-packages")
    said[paths["stdlib"]] = Path(paths["stdlib"]).name
    said[str(Path(__file__).parent)] = "grader"
    with suppress(RuntimeError):  # a user without one
        said[str(Path.home())] = "~"
    real = {str(Path(folder).resolve()): instead for folder, instead in said.items()}
    return sorted(((one, instead) for one, instead in (real | said).items() if len(one) > 1), key=lambda x: -len(x[0]))


@functools.cache
def _known() -> re.Pattern[str]:
    folders = "|".join(re.escape(folder) for folder, _ in _folders())
    return re.compile(rf"{_BEGINS}(?:(?P<packages>{_PACKAGES})|(?P<scratch>{_SCRATCH})|(?P<known>{folders}))(?=[/\\])")


def unplaced(text: str) -> str:
    """A text without the folders of this machine: `site-packages/numpy/core.py`."""
    if not ("/" in text or "\\" in text):
        return text
    said = dict(_folders())

    def instead(found: re.Match[str]) -> str:
        return said[found["known"]] if found["known"] else "." if found["scratch"] else "site-packages"

    return _known().sub(instead, text)
