"""The language in which a person is spoken to: English texts in the code, catalogues of gettext for the others.

A text with values in it is a template, ``tr("{what} is {found}.", what=…, found=…)``, since a translation may want
them in another order; one of several forms is ``ngettext("{n} image", "{n} images", n)``. A field with a format
(``{loss:.3f}``, ``{n:,}``, ``{share:.1%}``) is a number as that language writes it, "97.3 %" or "97,3 %", or a list of
numbers, "0.5, 0.4" or "0,5; 0,4". What an exercise writes down once, while its checks are imported (a hint, say), is
wrapped in ``tr`` too, which then only marks it for the catalogue: it is translated where it is put into a report. The
grader's own modules may be imported in any language, and use ``mark`` for what they write down.

The catalogues are `.po` files, the source and the only form: `grader/locale/fi.po` for the grader, and `fi.po` beside
an exercise's `checks.py`. ``grade translate`` brings them up to date.
"""

from __future__ import annotations

import functools
import gettext
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from pathlib import Path
from string import Formatter
from typing import Any

from grader.errors import ExerciseError

LANGUAGES = ("en", "fi")
_OURS = Path(__file__).parent / "locale"

_spoken: ContextVar[str] = ContextVar("spoken", default="en")
_catalogue: ContextVar[gettext.NullTranslations | None] = ContextVar("catalogue", default=None)


def tr(message: str, /, **values: object) -> str:
    """`message` in the language that is spoken, its `{fields}` filled with the values.

    Without values nothing is filled in, so that braces mean themselves.
    """
    catalogue = _catalogue.get()
    text = catalogue.gettext(message) if catalogue is not None and message else message
    return _TEMPLATES.format(text, **values) if values else text


def mark(message: str, /) -> str:
    """`message` as it is, marked for the catalogue: ``tr`` translates it where it is told."""
    return message


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """The form that goes with `n`, its `{n}` filled with the number, thousands grouped, and other fields likewise."""
    catalogue = _catalogue.get()
    text = catalogue.ngettext(one, many, n) if catalogue is not None else one if n == 1 else many
    return _TEMPLATES.format(text, n=grouped(n), **values)


class _Templates(Formatter):
    """Templates whose formatted numbers are written as in the language that is spoken."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        if format_spec and isinstance(value, list | tuple):
            return (", " if spoken() == "en" else "; ").join(self.format_field(one, format_spec) for one in value)
        if not format_spec or isinstance(value, bool) or not isinstance(value, Real):
            return super().format_field(value, format_spec)
        if format_spec.endswith("%"):
            return percent(float(value), int(re.sub(r"\D", "", format_spec) or 0))
        return _localised(format(value, format_spec))


_TEMPLATES = _Templates()


def percent(share: float, digits: int = 1) -> str:
    """A share between 0 and 1 as a percentage: "97.3 %"."""
    return decimal(f"{100 * share:.{digits}f} %")


def _localised(number: str) -> str:
    return number if spoken() == "en" else number.translate(_MARKS)


# In Finnish, that is: a comma before the decimals, a space between thousands.
_MARKS = str.maketrans({",": "\N{NO-BREAK SPACE}", ".": ","})


def grouped(n: int) -> str:
    """A whole number with its thousands grouped: "5,000", in Finnish "5 000"."""
    return f"{n:,}" if spoken() == "en" else f"{n:,}".replace(",", "\N{NO-BREAK SPACE}")


def decimal(text: str) -> str:
    """A number's text with the decimal mark of the language: "97.3", in Finnish "97,3"."""
    return text if spoken() == "en" else text.replace(".", ",")


def spoken() -> str:
    """The language that is spoken, as a code."""
    return _spoken.get()


def preferred() -> str:
    """The language of whoever sits here: `GRADER_LANG`, else the locale's."""
    for name in ("GRADER_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if told := os.environ.get(name):
            code = told.replace("-", "_").partition("_")[0].partition(".")[0].lower()
            return code if code in LANGUAGES else "en"
    return "en"


def speak(language: str, folder: Path | None = None) -> None:
    """Speak this language from now on, in this thread.

    Parameters
    ----------
    folder
        Where an exercise's own catalogue lies.

    Raises
    ------
    ExerciseError
        A catalogue cannot be read.
    """
    _spoken.set(language)
    _catalogue.set(_catalogues(language, folder))


@contextmanager
def speaking(language: str, folder: Path | None = None) -> Iterator[None]:
    """Speak this language meanwhile; see :func:`speak`."""
    spoken_token, catalogue_token = _spoken.set(_spoken.get()), _catalogue.set(_catalogue.get())
    try:
        speak(language, folder)
        yield
    finally:
        _catalogue.reset(catalogue_token)
        _spoken.reset(spoken_token)


def _catalogues(language: str, folder: Path | None) -> gettext.NullTranslations | None:
    if language == "en":
        return None
    ours = _read(_OURS / f"{language}.po", 0)
    path = None if folder is None else folder / f"{language}.po"
    if path is None or not path.is_file():
        return ours
    return _with_fallback(path, path.stat().st_mtime_ns, ours)


@functools.lru_cache(maxsize=64)
def _with_fallback(path: Path, changed: int, ours: gettext.NullTranslations) -> gettext.NullTranslations:
    catalogue = _read(path, changed)
    catalogue.add_fallback(ours)
    return catalogue


@functools.lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> gettext.GNUTranslations:
    """A catalogue as gettext has it; `changed` is the file's time, so that a newer one is read anew."""
    from babel.messages import mofile, pofile  # only who does not speak English needs them

    try:
        with path.open("rb") as file:
            catalogue = pofile.read_po(file, locale=path.stem, abort_invalid=True)
    except (OSError, ValueError, pofile.PoFileError) as error:
        raise ExerciseError(f"The translations in {path} cannot be read: {error}.", "Correct the file.") from error
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
