"""The executed notebook as a page shows it: cells and their outputs, none of which runs, loads, or leaves its place.

However large a notebook is, its part of the page stays below :data:`MOST_BYTES`, and takes a bounded time.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

from grader.language import ngettext, tr
from grader.render.html.cleaning import drawing, markup, picture, printed, text
from grader.render.html.formulas import formula
from grader.render.html.prose import rendered
from grader.report import CellReport, ExecutionReport
from grader.text import size

MOST_BYTES = 4_500_000
MOST_PICTURES = 60
_MOST_PIXELS = 2_500_000  # bytes of pictures, as the page holds them
_MOST_TEXT = MOST_BYTES - _MOST_PIXELS
_MOST_PROSE = 200_000  # characters of markdown that are rendered
_MOST_FORMULAS = 3000
_MOST_COLOURED = 300_000  # characters of code
_MOST_SOURCE = 20_000  # of one cell
_MOST_OUTPUT = 20_000  # of one output, of which the beginning and the end are shown
_MOST_OUTPUTS = 40  # of one cell
_MOST_LINES = 60  # of one output; more are folded away
_MOST_MARKUP = 200_000  # of one output


@dataclass
class Shown:
    """A cell, ready to be put into the page.

    Attributes
    ----------
    number
        Of a code cell, as in ``In [3]``; None of a markdown cell.
    report
        How it ended and how long it took.
    source
        Rendered.
    """

    number: int | None
    report: CellReport | None
    source: Markup
    outputs: list[Markup] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What the cell is called."""
        return self.report.told if self.report else str(self.number)

    @property
    def anchor(self) -> str:
        return f"cell-{self.number}"


@dataclass
class _Room:
    """What is left of the page, for text and for pictures."""

    letters: int = _MOST_TEXT
    pictures: int = MOST_PICTURES
    pixels: int = _MOST_PIXELS
    prose: int = _MOST_PROSE
    formulas: int = _MOST_FORMULAS
    coloured: int = _MOST_COLOURED

    def take(self, piece: Markup) -> Markup | None:
        """The piece, if there is room for it. If there is none, there is none for anything after it either."""
        self.letters -= len(piece) if piece.isascii() else len(piece.encode("utf-8", "replace"))
        if self.letters < 0:
            return None
        self.formulas -= piece.count("<math")
        return piece

    def picture(self, address: str) -> bool:
        """Whether there is room for this picture; then it is taken."""
        if self.pictures <= 0 or len(address) > self.pixels:
            return False
        self.pictures -= 1
        self.pixels -= len(address)
        return True


def shown_cells(notebook: NotebookNode, execution: ExecutionReport) -> Iterator[Shown]:
    """The cells that a page has room for, in their order; what it has none for is told in a cell of its own."""
    room, reports = _Room(), {cell.id: cell for cell in execution.cells}
    number = 0
    for place, cell in enumerate(notebook.cells):
        code = cell.get("cell_type") == "code"
        number += code
        source = room.take(_code(cell, room) if code else _prose(cell, room))
        if source is None:
            left = len(notebook.cells) - place
            told = ngettext("{n} more cell is not shown here.", "{n} more cells are not shown here.", left)
            yield Shown(None, None, _note(told))
            return
        if code:
            report = reports.get(str(cell.get("id", "")))
            yield Shown(report.number if report else number, report, source, list(_outputs(cell, room)))
        elif source:
            yield Shown(None, None, source)


# ---------------------------------------------------------------------- sources


def _prose(cell: Mapping[str, Any], room: _Room) -> Markup:
    source, attachments = str(cell.get("source", "")), cell.get("attachments")
    room.prose -= len(source)
    if room.prose < 0:
        return Markup("<pre>{}</pre>").format(text(source))
    return rendered(source, attachments if room.pictures > 0 else None, formulas=room.formulas > 0)


def _code(cell: Mapping[str, Any], room: _Room) -> Markup:
    source = text(cell.get("source", ""))
    if len(source) > _MOST_SOURCE or room.coloured < 0:
        return _cut(source, Markup.escape)
    room.coloured -= len(source)
    return coloured(source)


_CLASSES: dict[_TokenType, str] = {
    Comment: "hc",
    Keyword: "hk",
    Operator.Word: "hk",
    String: "hs",
    Number: "hn",
    Name.Function: "hf",
    Name.Class: "hf",
    Name.Decorator: "hf",
    Name.Builtin: "hb",
    Name.Exception: "hb",
}


@functools.lru_cache(maxsize=2048)
def coloured(source: str) -> Markup:
    """Python in colours: spans of a few classes."""
    return Markup("".join(_spans(source)))


def _spans(source: str) -> Iterator[str]:
    for kind, part in _lexer().get_tokens(source):
        name, told = _class(kind), html.escape(part)
        yield f'<span class="{name}">{told}</span>' if name else told


@functools.cache
def _lexer() -> PythonLexer:
    return PythonLexer(stripnl=False, ensurenl=False)


@functools.cache
def _class(kind: _TokenType) -> str:
    """Class of the nearest kind above that has one."""
    return next((_CLASSES[one] for one in reversed(kind.split()) if one in _CLASSES), "")


# ---------------------------------------------------------------------- outputs


def _outputs(cell: Mapping[str, Any], room: _Room) -> Iterator[Markup]:
    outputs = list(_joined(cell.get("outputs", ())))
    for place, output in enumerate(outputs[:_MOST_OUTPUTS]):
        made = _output(output, room)
        if made is not None and (made.startswith("<img ") or room.take(made) is not None):
            yield made
        elif made is not None:
            outputs = outputs[place:]
            break
    else:
        outputs = outputs[_MOST_OUTPUTS:]
    if outputs:
        told = ngettext("{n} more output is not shown here.", "{n} more outputs are not shown here.", len(outputs))
        yield _note(told)


def _joined(outputs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Outputs; what went to one stream without anything between as one."""
    stream, parts = "", list[str]()
    for output in outputs:
        name = str(output.get("name", "")) if output.get("output_type") == "stream" else ""
        if parts and name != stream:
            yield {"output_type": "stream", "name": stream, "text": "".join(parts)}
            parts = []
        stream = name
        if name:
            parts.append(str(output.get("text", "")))
        else:
            yield output
    if parts:
        yield {"output_type": "stream", "name": stream, "text": "".join(parts)}


def _output(output: Mapping[str, Any], room: _Room) -> Markup | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return _folded(Markup('<pre class="{}">{}</pre>').format(name, _cut(output["text"], printed)))
    if kind == "error":
        trace = output.get("traceback")
        lines = [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
        told = "\n".join(lines) or f"{output.get('ename', '')}: {output.get('evalue', '')}"
        return Markup('<pre class="fault">{}</pre>').format(_cut(told, printed))
    data = output.get("data")
    return _shown(data, room) if isinstance(data, Mapping) else None


def _shown(data: Mapping[str, Any], room: _Room) -> Markup | None:
    """The richest form of an output that is harmless and has room."""
    plainly = data.get("text/plain")
    plainly = plainly if isinstance(plainly, str) else ""
    if address := _picture(data):
        if not room.picture(address):
            return _note(tr("A picture is left out here: the page has too many."))
        return Markup('<img src="{}" alt="{}">').format(address, _alt(plainly))
    table = data.get("text/html")
    if isinstance(table, str) and table.strip():
        if len(table) <= _MOST_MARKUP and (cleaned := markup(text(table))).strip():
            return Markup('<div class="rich scrolls" tabindex="0">{}</div>').format(cleaned)
        if not plainly:
            return _note(tr("This output is too large to be shown here."))
    latex = data.get("text/latex")
    if isinstance(latex, str) and latex.strip() and room.formulas > 0:
        return Markup('<div class="scrolls">{}</div>').format(
            formula(text(latex).strip().strip("$").strip(), block=True)
        )
    markdown = data.get("text/markdown")
    if isinstance(markdown, str) and markdown.strip() and len(markdown) <= room.prose:
        room.prose -= len(markdown)
        return Markup('<div class="rich">{}</div>').format(rendered(markdown, formulas=room.formulas > 0))
    return Markup("<pre>{}</pre>").format(_cut(plainly, printed)) if plainly else None


def _picture(data: Mapping[str, Any]) -> str | None:
    for kind in ("image/png", "image/jpeg", "image/gif"):
        if address := picture(kind, data.get(kind)):
            return address
    return drawing(data.get("image/svg+xml"))


def _alt(plainly: str) -> str:
    """What a picture is, as far as the notebook says: matplotlib's `<Figure size 640x480 with 1 Axes>` says nothing."""
    told = " ".join(text(plainly[:300]).split())
    return tr("Picture that the cell drew") if not told or told.startswith("<") else told


def _folded(made: Markup) -> Markup:
    """What is many lines long behind its number of lines."""
    lines = made.count("\n")
    if lines <= _MOST_LINES:
        return made
    told = ngettext("{n} line of output", "{n} lines of output", lines)
    return Markup("<details><summary>{}</summary>{}</details>").format(told, made)


def _cut(told: str, made: Any) -> Markup:
    """The beginning and the end of what is too long, with a note between them."""
    if len(told) <= _MOST_OUTPUT:
        return Markup(made(told))
    half = _MOST_OUTPUT // 2
    left = len(told) - 2 * half
    note = tr("… {size} are left out here …", size=size(left))
    return Markup('{}\n<em class="cut">{}</em>\n{}').format(made(told[:half]), note, made(told[-half:]))


def _note(told: str) -> Markup:
    return Markup('<p class="note">{}</p>').format(told)
