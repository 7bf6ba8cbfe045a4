"""Canvas: the gradebook as it was exported, with the column of one assignment filled in.

Canvas takes the file back at "Import Grades". It knows students by their number in the column `ID`, which is in the
names of the files that it gives, too: `lovelaceada_1234_56789_110.ipynb`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.errors import UsageError
from grader.intake.names import composed
from grader.platforms.roster import Entry, Filled, Left, Person, compact, matched, scaled, with_grade
from grader.platforms.sheets import Sheet, SheetRow, as_number, read
from grader.text import listed, plain

_STUDENT, _ID = "student", "id"
_PARTS_OF_NAMES = (("lastname", "firstname"), ("last name", "first name"))
_OTHERS = ("sis user id", "sis login id", "integration id")
_ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<number>\d+)\)", re.DOTALL)
_READ_ONLY = "(read only)"
_POSSIBLE = "points possible"


def fill(raw: bytes, name: str, entries: Sequence[Entry], wanted: Sequence[str], assignment: str = "") -> Filled:
    """The gradebook with one assignment's points in it.

    Parameters
    ----------
    raw, name
        The sheet's bytes, and what the file is called.
    wanted
        What the assignment may be called: the exercise's title, its id.
    assignment
        What it is called, or its number, where the teacher says so.

    Raises
    ------
    UsageError
        It is no such sheet, or which assignment is meant cannot be told.
    """
    sheet = read(raw, name, _known)
    titles = _titles(sheet.rows[0])
    if _ID not in titles or not _names(titles):
        raise UsageError(f"{plain(name)} has no columns `Student` and `ID`.", "Export the gradebook of Canvas anew.")
    possible = next((row for row in sheet.rows[1:] if row.text(0).strip().casefold() == _POSSIBLE), None)
    column = _column(sheet, possible, name, wanted, assignment)
    most = as_number(possible.text(column)) if possible is not None else None
    rows, left = matched(with_grade(entries), _people(sheet, titles), "canvas")
    mark = sheet.decimals([column]) or "."
    done = Filled(b"", 0, left)
    for place, entry in rows.items():
        row, score = sheet.rows[place], entry.grade.score
        assert score is not None, "who has no grade is in no row"
        if len(row.cells) != len(titles):
            done.left.append(Left(entry.student, "the row has not as many cells as the header"))
            continue
        there = row.text(column).strip()
        if there not in ("", "-") and as_number(there) is None:  # EX, N/A: excused, or whatever the teacher wrote
            done.left.append(Left(entry.student, f"the sheet says {plain(there, 40)} there, which stays"))
            continue
        sheet.fill(row, column, f"{scaled(score, entry.grade.max_score, most):.2f}".replace(".", mark))
        done.filled += 1
    if most is None:
        done.remarks.append("The sheet does not say how many points are possible: the exercise's own are in it.")
    done.content = sheet.content()
    return done


def _titles(row: SheetRow) -> list[str]:
    return [" ".join(composed(title).split()).casefold() for title in row.texts]


def _known(sheet: Sheet) -> int:
    titles = [title.strip().casefold() for title in sheet.rows[0].texts]
    names = [part for parts in _PARTS_OF_NAMES for part in parts]
    return sum(title in (_STUDENT, _ID, "section", *names, *_OTHERS) for title in titles)


def _names(titles: Sequence[str]) -> list[int]:
    """Columns that make up a student's name, the last name first where there are two; none in no gradebook."""
    wanted = next((parts for parts in ((_STUDENT,), *_PARTS_OF_NAMES) if set(parts) <= set(titles)), ())
    return [titles.index(part) for part in wanted]


def _column(sheet: Sheet, possible: SheetRow | None, name: str, wanted: Sequence[str], assignment: str) -> int:
    """The assignment's column: the one that is named, or the only one, or the only one that fits the exercise."""
    found: dict[int, tuple[str, str]] = {}
    for place, title in enumerate(sheet.rows[0].texts):
        match = _ASSIGNMENT.fullmatch(title.strip())
        if match and (possible is None or possible.text(place).strip().casefold() != _READ_ONLY):
            found[place] = composed(match["title"]).strip(), match["number"]
    if assignment:
        asked = composed(assignment).strip().casefold()
        fit = [
            place
            for place, (title, number) in found.items()
            if asked in (number, title.casefold(), f"{title} ({number})".casefold())
        ]
    else:
        fit = (
            list(found) if len(found) == 1 else _fitting({place: title for place, (title, _) in found.items()}, wanted)
        )
    if len(fit) != 1:
        what = f"{len(fit)} assignments" if fit else "no assignment"
        known = [plain(f"{title} ({number})", 60) for title, number in list(found.values())[:20]]
        raise UsageError(
            f"{plain(name)} has {what} that may be meant.",
            f"Name it with --assignment; there are {listed(known)}." if known else "Export the gradebook anew.",
        )
    return fit[0]


def _fitting(titles: dict[int, str], wanted: Sequence[str]) -> list[int]:
    """Assignments of the exercise's title, else those with a word of it, its id, in them."""
    same = [place for place, title in titles.items() if compact(title) in {compact(one) for one in wanted}]
    words = {one.casefold() for one in wanted}
    return same or [place for place, title in titles.items() if words & set(re.findall(r"[\w-]+", title.casefold()))]


def _people(sheet: Sheet, titles: Sequence[str]) -> dict[int, Person]:
    names, number = _names(titles), titles.index(_ID)
    others = [place for place, title in enumerate(titles) if title in _OTHERS]
    return {
        place: Person(
            row.text(number).strip(),
            ", ".join(row.text(one).strip() for one in names),
            tuple(row.text(one).strip() for one in others if row.text(one)),
        )
        for place, row in enumerate(sheet.rows[1:], 1)
        if row.text(number).strip()
    }
