"""Canvas: the gradebook as it was exported, with the column of one assignment filled in.

Canvas takes the file back at "Import Grades". It knows students by their number in the column `ID`, which is in the
names of the files that it gives, too: `lovelaceada_1234_56789_110.ipynb`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.errors import UsageError
from grader.intake.names import composed
from grader.platforms.roster import Entry, Filled, Left, Person, fitting, matched, scaled, with_grade
from grader.platforms.sheets import Sheet, SheetRow, as_number, mentioned, read, said_columns, titles_of
from grader.text import listed, plain

_STUDENT, _ID = "student", "id"
_PARTS_OF_NAMES = (("lastname", "firstname"), ("last name", "first name"), ("last_name", "first_name"))
_OTHERS = ("sis user id", "sis login id", "integration id")
_ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<number>\d+)\)", re.DOTALL)
_POSSIBLE = "points possible"
NAMED = ("id", "name")


def fill(
    raw: bytes,
    name: str,
    entries: Sequence[Entry],
    wanted: Sequence[str],
    assignment: str = "",
    columns: Mapping[str, str] | None = None,
    only: bool = True,
) -> Filled:
    """The gradebook with one assignment's points in it.

    Parameters
    ----------
    raw, name
        The sheet's bytes, and what the file is called.
    wanted
        What the assignment may be called: the exercise's title, its id.
    assignment
        What it is called, or its number, where the teacher says so.
    columns
        What the columns `id` and `name` are called, where the teacher says so.
    only
        Whether the only assignment of a sheet is meant, whatever it is called.

    Raises
    ------
    UsageError
        It is no such sheet, or which assignment is meant cannot be told.
    """
    columns = columns or {}
    sheet = read(raw, name, lambda sheet: _known(sheet) + mentioned(sheet, columns))
    titles, said = titles_of(sheet.rows[0].texts), said_columns(sheet, name, columns, NAMED)
    number = said.get("id", _number(sheet, titles))
    names = [said["name"]] if "name" in said else _names(titles, number)
    if number is None or not names:
        raise UsageError(
            f"{plain(name)} has no columns `Student` and `ID`.",
            'Export the gradebook of Canvas anew, or say which they are: --columns id="…" --columns name="…".',
        )
    possible = _possible(sheet, number)
    column = _column(sheet, possible, name, wanted, assignment, only)
    most = as_number(possible.text(column)) if possible is not None else None
    rows, left = matched(with_grade(entries), _people(sheet, titles, names, number), "canvas")
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


def _known(sheet: Sheet) -> int:
    titles = titles_of(sheet.rows[0].texts)
    names = [part for parts in _PARTS_OF_NAMES for part in parts]
    by_name = sum(title in (_STUDENT, _ID, "section", *names, *_OTHERS) for title in titles)
    # In other languages, and in other versions, numbered assignments tell what sheet it is.
    return by_name + sum(_ASSIGNMENT.fullmatch(title) is not None for title in titles)


def _number(sheet: Sheet, titles: Sequence[str]) -> int | None:
    """The column of Canvas's numbers: by its name, else the first of different numbers before the assignments'."""
    if _ID in titles:
        return titles.index(_ID)
    ends = (place for place, title in enumerate(titles) if _ASSIGNMENT.fullmatch(title))
    for place in range(1, next(ends, 0)):
        told = [text for row in sheet.rows[1:] if (text := row.text(place).strip())]
        if told and len(set(told)) == len(told) and all(re.fullmatch("[1-9][0-9]{0,17}", one) for one in told):
            return place
    return None


def _names(titles: Sequence[str], number: int | None) -> list[int]:
    """Columns that make up a student's name, the last name first where there are two; none in no gradebook."""
    wanted = next((parts for parts in ((_STUDENT,), *_PARTS_OF_NAMES) if set(parts) <= set(titles)), ())
    # Whatever the names are called, they stand before the number; which of several is the last name nobody asks.
    return [titles.index(part) for part in wanted] or list(range(min(number or 0, 2)))


def _possible(sheet: Sheet, number: int) -> SheetRow | None:
    """The row of the points possible: above the students, set in, and nobody's."""
    for row in sheet.rows[1:]:
        if row.text(number).strip():
            return None
        told = row.text(0)
        if told.strip().casefold() == _POSSIBLE or (told.startswith("  ") and told.strip()):
            return row
    return None


def _column(
    sheet: Sheet, possible: SheetRow | None, name: str, wanted: Sequence[str], assignment: str, only: bool
) -> int:
    """The assignment's column: the one named, or the only one if that may be, or the only one that fits."""
    found: dict[int, tuple[str, str]] = {}
    for place, title in enumerate(sheet.rows[0].texts):
        match = _ASSIGNMENT.fullmatch(title.strip())
        if match and (possible is None or not _is_read_only(possible.text(place))):
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
            list(found)
            if only and len(found) == 1
            else fitting({place: title for place, (title, _) in found.items()}, wanted)
        )
    if len(fit) != 1:
        what = f"{len(fit)} assignments" if fit else "no assignment"
        known = [plain(f"{title} ({number})", 60) for title, number in list(found.values())[:20]]
        raise UsageError(
            f"{plain(name)} has {what} that may be meant.",
            f"Name it with --assignment; there are {listed(known)}." if known else "Export the gradebook anew.",
        )
    return fit[0]


def _is_read_only(text: str) -> bool:
    """`(read only)`, in whatever language: where a number would stand there is a remark."""
    return text.strip().startswith("(")


def _people(sheet: Sheet, titles: Sequence[str], names: Sequence[int], number: int) -> dict[int, Person]:
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
