"""The templates of the pages, and what a page's head holds: its style, and the rule that nothing else runs or loads."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from grader.language import decimal, grouped, ngettext, tr
from grader.text import number, percent, size

FOLDER = Path(__file__).parent
_TICKED = re.compile(r"`([^`\n]+)`")


@functools.cache
def template(name: str) -> Template:
    """A template of this folder. Everything that goes in is escaped, unless it is `Markup`."""
    return _environment().get_template(name)


@functools.cache
def sheet(*names: str) -> Markup:
    """Style sheets of this folder as one, to be put into a page's `<style>`; see :func:`source_hash`."""
    return Markup("\n".join((FOLDER / name).read_text("utf-8") for name in names))


@functools.cache
def source_hash(content: str) -> str:
    """What a Content-Security-Policy names a `<style>` or `<script>` with exactly this content by: `'sha256-…'`."""
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def ticked(text: str) -> Markup:
    """A sentence with what stands in backticks as code, as messages and hints have it."""
    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))


def amount(value: float) -> str:
    """Points, seconds and the like in the language that is spoken."""
    return decimal(number(value))


def seconds(value: float) -> str:
    """A time as a person reads it: "4.9 s", and more exactly what is shorter than a second."""
    return decimal(f"{value:.1f}" if value >= 1 else f"{value:.2f}") + "\N{NO-BREAK SPACE}s"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.globals |= {"tr": tr, "ngettext": ngettext, "source_hash": source_hash}
    environment.filters |= {
        "ticked": ticked,
        "amount": amount,
        "decimal": decimal,
        "grouped": grouped,
        "percent": percent,
        "seconds": seconds,
        "size": size,
    }
    return environment
