"""CSV files that people open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from grader.text import plain

_FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")


def safe(text: str) -> str:
    """Text that a spreadsheet shows and does not run: no control characters, and no start of a formula."""
    return _FORMULA.sub(r"\1\2'", plain(text, 400))


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV.

    The mark in front (a BOM) is for Excel, which without it reads the file in the machine's old code page and turns
    Mäkelä into MÃ¤kelÃ¤. pandas, LibreOffice and Moodle's import take it away; Python: "utf-8-sig".
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return "\ufeff" + file.getvalue()
