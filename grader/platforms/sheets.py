"""A platform's sheet, to be filled in and given back: whatever is not filled stays byte for byte as it came.

Delimiter, decimal mark, encoding, line endings and quoting are the sheet's own: platforms differ in them, and so does
what a spreadsheet saves.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.intake.names import composed
from grader.text import listed, plain, size

MAX_BYTES = 20_000_000
DELIMITERS = (",", ";", "\t")

# What makes a spreadsheet take a cell for a formula; after a semicolon too, where Excel splits in some countries.
_FORMULA = re.compile(r"(?:^|;)(?:\s*[=+\-@＝＋－＠]+)+")
_FORMULA_MARKS = re.compile(r"[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:[.,]\d{1,6})?")


def html_cell(html: str) -> str:
    """HTML for a cell that no spreadsheet takes for a formula: what would begin one is written as its number."""
    return _FORMULA.sub(lambda found: _FORMULA_MARKS.sub(lambda mark: f"&#{ord(mark[0])};", found[0]), html)


def as_number(text: str) -> float | None:
    """A number with a decimal point or comma; None for anything else."""
    text = text.strip()
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


@dataclass
class SheetCell:
    """A cell: as it is written, and whether we wrote it."""

    raw: str
    ours: bool = False

    @property
    def quoted(self) -> bool:
        return self.raw.startswith('"')

    @property
    def text(self) -> str:
        """What it says, without the quotation marks around it."""
        if not self.quoted:
            return self.raw
        inner, _, after = self.raw[1:].replace('""', "\0").partition('"')
        return inner.replace("\0", '"') + after.replace("\0", '""')


@dataclass
class SheetRow:
    """Cells, and what ends the line."""

    cells: list[SheetCell]
    end: str

    @property
    def texts(self) -> list[str]:
        return [cell.text for cell in self.cells]

    def text(self, column: int | None) -> str:
        """What a cell says; empty where there is none."""
        return self.cells[column].text if column is not None and column < len(self.cells) else ""


class Sheet:
    """A sheet of a header and rows, as it was written.

    Attributes
    ----------
    encoding
        `utf-8`, `utf-16-le`, `utf-16-be` or `cp1252`.
    rows
        All of them, the header among them.
    """

    def __init__(self, encoding: str, mark: bytes, delimiter: str, rows: list[SheetRow]) -> None:
        self.encoding, self.mark, self.delimiter, self.rows = encoding, mark, delimiter, rows

    def fill(self, row: SheetRow, column: int, text: str) -> None:
        """Put text into a cell, in quotation marks where the cell had some, or the text needs them."""
        needs = {*DELIMITERS, self.delimiter, '"', "\r", "\n"}
        if row.cells[column].quoted or text != text.strip() or any(mark in text for mark in needs):
            text = '"' + text.replace('"', '""') + '"'
        row.cells[column] = SheetCell(text, ours=True)

    def decimals(self, columns: list[int]) -> str | None:
        """The mark that stands before decimals in these columns, where there is a number with some."""
        for row in self.rows:
            for column in columns:
                text = row.text(column).strip()
                if _NUMBER.fullmatch(text) and (mark := re.search("[.,]", text)):
                    return mark[0]
        return None

    def content(self) -> bytes:
        """The sheet as a file's bytes."""
        return self.mark + b"".join(map(self._row, self.rows))

    def _row(self, row: SheetRow) -> bytes:
        cells = (self._encoded(cell) for cell in row.cells)
        return self.delimiter.encode(self.encoding).join(cells) + row.end.encode(self.encoding)

    def _encoded(self, cell: SheetCell) -> bytes:
        if not cell.ours:
            return cell.raw.encode(self.encoding, _KEPT[self.encoding])
        # What the old code page lacks is written as HTML writes it: only feedback has such characters.
        return cell.raw.encode(self.encoding, "xmlcharrefreplace")


# How bytes that are wrong in an encoding are kept as they are; other encodings refuse them, and are not chosen.
_KEPT = {"utf-8": "strict", "utf-16-le": "surrogatepass", "utf-16-be": "surrogatepass", "cp1252": "surrogateescape"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read(raw: bytes, name: str, known: Callable[[Sheet], int]) -> Sheet:
    """A sheet from a file's bytes.

    Parameters
    ----------
    name
        The file's, for a person.
    known
        How many columns of a sheet it knows: the delimiter is the one that gives most.

    Raises
    ------
    UsageError
        It is no such sheet.
    """
    download = "Name the sheet as the platform gave it, or as your spreadsheet saved it as CSV."
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{plain(name)} is larger than {size(MAX_BYTES)}.", download)
    if raw.startswith(b"PK"):
        raise UsageError(f"{plain(name)} is a workbook or a zip, not CSV.", download)
    encoding, mark, text = _decoded(raw)
    if text is None or "\0" in text:
        raise UsageError(f"{plain(name)} is no text that can be read.", download)
    found = [Sheet(encoding, mark, one, _rows(text, one)) for one in DELIMITERS]
    best = max(found, key=lambda sheet: known(sheet) if sheet.rows else 0)
    if not best.rows or not known(best):
        raise UsageError(f"The first line of {plain(name)} is not the header of such a sheet.", download)
    for number, row in enumerate(best.rows, 1):
        if any(cell.quoted and not _closed(cell.raw) for cell in row.cells):
            raise UsageError(f"Row {number} of {plain(name)} has a quotation mark that is never closed.", download)
    return best


def _decoded(raw: bytes) -> tuple[str, bytes, str | None]:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            try:
                return encoding, mark, raw[len(mark) :].decode(encoding, _KEPT[encoding])
            except UnicodeDecodeError:
                return encoding, mark, None
    try:
        return "utf-8", b"", raw.decode("utf-8")
    except UnicodeDecodeError:  # what Excel calls "CSV" in the West
        return "cp1252", b"", raw.decode("cp1252", "surrogateescape")


def _closed(raw: str) -> bool:
    return re.fullmatch(r'"(?:[^"]++|"")*+".*', raw, re.DOTALL) is not None


def _rows(text: str, delimiter: str) -> list[SheetRow]:
    """The rows of a text; joined again they are the text."""
    quoted, bare = r'"(?:[^"]++|"")*+"', rf"[^{delimiter}\r\n]*+"
    cell = re.compile(rf"(?P<raw>{quoted}{bare}|{bare})(?P<end>{delimiter}|\r\n|\r|\n|\Z)")
    rows: list[SheetRow] = []
    cells: list[SheetCell] = []
    place = 0
    while place < len(text) or cells:
        match = cell.match(text, place)
        assert match is not None, "a bare cell may be empty, and something ends it"
        cells.append(SheetCell(match["raw"]))
        place = match.end()
        if match["end"] != delimiter:
            rows.append(SheetRow(cells, match["end"]))
            cells = []
    return rows


# ---------------------------------------------------------------------- which column is what


def titles_of(header: Iterable[str]) -> list[str]:
    """Titles of columns, to be compared."""
    return [" ".join(composed(title).split()).casefold() for title in header]


def columns_typed(typed: Sequence[str]) -> dict[str, str]:
    """What each column is called, by what it is, from `--columns WHAT=TITLE`.

    Raises
    ------
    UsageError
        One is typed otherwise.
    """
    parts = [one.partition("=") for one in typed]
    wrong = next((what for what, equals, title in parts if not (what.strip() and equals and title.strip())), None)
    if wrong is not None:
        raise UsageError(
            f"--columns {plain(wrong, 80)} names no column.", 'Write it like this: --columns grade="Note".'
        )
    return {what.strip().casefold(): title for what, _, title in parts}


def mentioned(sheet: Sheet, columns: Mapping[str, str]) -> int:
    """How many of the columns that the teacher names are in the sheet."""
    return len(set(titles_of(columns.values())) & set(titles_of(sheet.rows[0].texts)))


def said_columns(sheet: Sheet, name: str, columns: Mapping[str, str], known: Sequence[str]) -> dict[str, int]:
    """Where the columns are that the teacher names.

    Parameters
    ----------
    name
        What the file is called.
    columns
        Their titles, by what they are, of `known`.

    Raises
    ------
    UsageError
        The sheet has no such column, or two of them, or nobody knows what it is to be.
    """
    titles, places = titles_of(sheet.rows[0].texts), {}
    for what, title in columns.items():
        if what not in known:
            raise UsageError(f"No column is known as {plain(what, 40)!r}.", f"There are {listed(list(known))}.")
        (wanted,) = titles_of([title])
        if titles.count(wanted) != 1:
            many = "several columns" if wanted in titles else "no column"
            there = listed([plain(one, 40) for one in sheet.rows[0].texts[:20]])
            raise UsageError(f"{plain(name)} has {many} {plain(title, 60)!r}.", f"There are {there}.")
        places[what] = titles.index(wanted)
    return places
