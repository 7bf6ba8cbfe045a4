"""Moodle: the gradebook as it was exported ("Plain text file"), with a course's grades filled in.

Moodle takes the file back at "Import", "CSV file": students by their address, and a column for each item. Its columns
are told by what is in them and by how Moodle writes them in every language: names and an address first, then
`Assignment: MNIST 110 (Real)` for each item, and `Course total (Real)` without a colon for the whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.errors import UsageError
from grader.platforms.moodle_columns import NO_GRADE, is_number, of_participants
from grader.platforms.roster import Entry, Filled, Left, Person, fitting, matched, scaled, with_grade
from grader.platforms.sheets import Sheet, SheetRow, mentioned, read, said_columns, titles_of
from grader.text import listed, plain

TOTAL = "total"
NAMED = ("name", "email", TOTAL)
_ITEM = re.compile(r"(?P<title>.*\S)\s*\((?P<shown>[^()]*)\)\s*", re.DOTALL)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def is_worksheet(raw: bytes, name: str) -> bool:
    """Whether it is the grading worksheet of one assignment, which has participants' numbers.

    Raises
    ------
    UsageError
        It is no sheet.
    """
    sheet = read(raw, name, lambda sheet: len(sheet.rows[0].cells))
    return any(of_participants(sheet.rows[1:], place) for place in range(len(sheet.rows[0].cells)))


def fill(
    raw: bytes,
    name: str,
    exercises: Mapping[str, tuple[Sequence[str], Sequence[Entry]]],
    totals: Sequence[Entry],
    columns: Mapping[str, str],
) -> Filled:
    """The gradebook with every exercise's points in it, and the course's percent.

    Parameters
    ----------
    raw, name
        The sheet's bytes, and what the file is called.
    exercises
        By exercise: what its column may be called (title, id), and the students' grades.
    totals
        What the course comes to, in percent.
    columns
        What columns are called, where the teacher says so: of :data:`NAMED`, or of an exercise by its id.

    Raises
    ------
    UsageError
        It is no such sheet, or nothing of the course has a column in it.
    """
    sheet = read(raw, name, lambda sheet: len(sheet.rows[0].cells) + mentioned(sheet, columns))
    said = said_columns(sheet, name, columns, (*NAMED, *(one.casefold() for one in exercises)))
    people = _people(sheet, said)
    items = _items(sheet)
    done, entries = Filled(b""), {TOTAL: totals} | {one: own for one, (_, own) in exercises.items()}
    places: dict[str, int] = {}
    for exercise, (wanted, _) in exercises.items():
        fit = [said[exercise.casefold()]] if exercise.casefold() in said else fitting(items, wanted)
        if len(fit) == 1:
            places[exercise] = fit[0]
        else:
            what = f"{len(fit)} columns may be meant" if fit else "no column is called so"
            done.remarks.append(f"{exercise} is not in it: {what}. Say it with --columns {exercise}=…")
    total = [said[TOTAL]] if TOTAL in said else _totals(sheet, items, places)
    if len(total) == 1:
        places[TOTAL] = total[0]
        done.remarks.append(f"The course is in it in percent, in {plain(sheet.rows[0].text(total[0]), 60)!r}.")
    if not places:
        there = listed([plain(one, 40) for one in sheet.rows[0].texts[:20]])
        raise UsageError(
            f"{plain(name)} has no column for the course or an exercise.",
            f'Say which one is, as in: --columns total="…". There are {there}.',
        )
    if twice := sorted(one for one, place in places.items() if list(places.values()).count(place) > 1):
        raise UsageError(
            f"One column of {plain(name)} may be that of {listed(twice)}.", "Say which is which with --columns."
        )
    mark = sheet.decimals(list(items)) or "."
    students = set[str]()
    for what, place in places.items():
        rows, left = matched(with_grade(entries[what]), people, "moodle")
        done.left += [_of(what, one) for one in left]
        for at, entry in rows.items():
            why = _refusal(sheet.rows[at], place, len(sheet.rows[0].cells))
            if why:
                done.left.append(_of(what, Left(entry.student, why)))
                continue
            score = entry.grade.score
            assert score is not None, "who has no grade is in no row"
            sheet.fill(sheet.rows[at], place, f"{scaled(score, entry.grade.max_score, None):.2f}".replace(".", mark))
            students.add(entry.student)
    done.filled = len(students)
    if places.keys() - {TOTAL}:
        done.remarks.append("The sheet does not say how many points are possible: the exercises' own are in it.")
    done.content = sheet.content()
    return done


def _of(what: str, left: Left) -> Left:
    return Left(left.student if what == TOTAL else f"{left.student} ({what})", left.reason)


def _refusal(row: SheetRow, column: int, width: int) -> str:
    """Why a cell is left as it is; empty where it is filled."""
    if len(row.cells) != width:
        return "the row has not as many cells as the header"
    there = row.text(column).strip()
    if there not in NO_GRADE and not is_number(there):
        return f"the sheet says {plain(there, 40)} there, which stays"
    return ""


def _items(sheet: Sheet) -> dict[int, str]:
    """Columns that hold grades, or none yet, with what the item is called: `Assignment: MNIST (Real)` is MNIST.

    Of an item that has several columns, `(Real)`, `(Percentage)`, `(Feedback)`, it is the one that Moodle writes first.
    """
    found = {}
    shown: str | None = None
    for place, title in enumerate(sheet.rows[0].texts):
        told = [row.text(place).strip() for row in sheet.rows[1:] if any(row.texts)]
        if told and not any(is_number(text) or text in NO_GRADE for text in told):
            continue
        match = _ITEM.fullmatch(title.strip())
        if match and shown is None:
            shown = match["shown"]
        if not match or match["shown"] == shown:
            named = match["title"] if match else title
            found[place] = named.partition(": ")[2] or named
    return found


def _totals(sheet: Sheet, items: Mapping[int, str], places: Mapping[str, int]) -> list[int]:
    """Columns that may be the course's: written as an item's are, and of no kind of activity."""
    return [
        place
        for place in items
        if place not in places.values()
        and (title := _ITEM.fullmatch(sheet.rows[0].text(place).strip()))
        and ":" not in title["title"]
    ]


def _people(sheet: Sheet, said: Mapping[str, int]) -> dict[int, Person]:
    """Who is in which row. Moodle has no number of a student here: names and addresses have to do."""
    rows = [row for row in sheet.rows[1:] if any(row.texts)]
    titles = titles_of(sheet.rows[0].texts)
    addresses = [said["email"]] if "email" in said else [one for one in range(len(titles)) if _all(rows, one)]
    first = addresses[0] if addresses else len(titles)
    names = [said["name"]] if "name" in said else list(range(min(2, first)))
    people = {}
    for place, row in enumerate(sheet.rows[1:], 1):
        if any(row.texts):
            others = [row.text(one).strip() for one in addresses]
            others += [one.partition("@")[0] for one in others]
            called = " ".join(row.text(one).strip() for one in names)
            people[place] = Person(f"row {place}", called, tuple(one for one in others if one))
    return people


def _all(rows: Sequence[SheetRow], place: int) -> bool:
    told = [text for row in rows if (text := row.text(place).strip())]
    return bool(told) and all(map(_ADDRESS.fullmatch, told))
