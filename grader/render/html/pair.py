"""Two students' code side by side, with what is alike marked: a page for the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grader.render.html.templates import sheet, template
from grader.text import percent, plain

if TYPE_CHECKING:
    from grader.similarity import Pair

Parts = Sequence[tuple[str, bool]]

_MOST_SHOWN = 1_000_000


def pair_page(pair: Pair, first: Parts, second: Parts, back: str) -> str:
    """The page as HTML; nothing in it runs or loads anything.

    Parameters
    ----------
    first, second
        Each one's code in parts, and whether a part is alike.
    back
        Address of the class's page.
    """
    shown = pair.model_copy(update={"first": plain(pair.first), "second": plain(pair.second)})
    sides = [
        (shown.first, percent(pair.share_first, 0), _cleaned(first)),
        (shown.second, percent(pair.share_second, 0), _cleaned(second)),
    ]
    return template("pair.html.j2").render(pair=shown, sides=sides, back=back, style=sheet("style.css", "pair.css"))


def _cleaned(parts: Parts) -> list[tuple[str, bool]]:
    return [(plain(text, _MOST_SHOWN, lines=True), alike) for text, alike in parts]
