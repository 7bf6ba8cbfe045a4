"""Who is who: students as they handed in, and the rows of a platform's sheet. Nobody is guessed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grader.grades.grades import Grade
from grader.intake.listed import BY_PLATFORM, Platform
from grader.report import Report
from grader.text import plain


@dataclass(frozen=True)
class Entry:
    """A student's grade, and the report that it comes from, if there is one.

    Attributes
    ----------
    names
        What else the student may be called in a sheet; the first is what people read.
    """

    grade: Grade
    report: Report | None = None
    names: tuple[str, ...] = ()

    @property
    def student(self) -> str:
        return self.grade.student


def with_grade(entries: Sequence[Entry]) -> list[Entry]:
    """Those who have a grade: no grade yet is no zero."""
    return [entry for entry in entries if entry.grade.score is not None]


@dataclass(frozen=True)
class Left:
    """Somebody whose grade did not get into the sheet, and why."""

    student: str
    reason: str


@dataclass
class Filled:
    """A sheet or an archive for a platform.

    Attributes
    ----------
    content
        The file's bytes.
    filled
        How many students' grades are in it.
    left
        Whose grades are not, though they have one.
    remarks
        What the teacher should know besides.
    """

    content: bytes
    filled: int = 0
    left: list[Left] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    """A row of a sheet: the platform's number of the student, the name, and other things that tell who it is.

    Attributes
    ----------
    team
        Whose work counts for this student as well; empty where the sheet knows of no teams.
    """

    number: str
    name: str
    others: tuple[str, ...] = ()
    team: str = ""


def platform_number(platform: Platform, student: str, place: str) -> str:
    """The number that the platform gave a student, as it stands in the name of what was handed in; empty if none.

    Parameters
    ----------
    place
        Where the notebook lies. What lies inside a student's own folder may be named like somebody else's, so the
        first part counts, and only with the student's own name in it.
    """
    for part in re.split(r"[/\\]", place):
        found = BY_PLATFORM[platform](part)
        if found and found.number and _same_name(found.name, found.number, student):
            return found.number.lstrip("0") or "0"
    return ""


def _same_name(name: str, number: str, student: str) -> bool:
    told = compact(plain(name, 80))
    return compact(student) in (told, compact(f"{told}{number}"))


def compact(name: str) -> str:
    """A name's letters and digits: what is left when platforms have taken out what file systems do not like."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in unicodedata.normalize("NFC", folded) if unicodedata.category(c)[0] in "LNM")


def _words(name: str) -> tuple[str, ...]:
    """A name's words, whichever comes first: "Mäkelä, Anna" is "Anna Mäkelä"."""
    return tuple(sorted(word for part in re.split(r"[\s,_]+", name) if (word := compact(part))))


def alike(student: str, name: str) -> bool:
    """Whether this may be the name of somebody who handed in as `student`; a group's name may stand before it.

    Of a very long name the beginning alone is known.
    """
    if student.endswith("…"):
        return compact(name).startswith(compact(student))
    return compact(student).endswith(compact(name)) or set(_words(name)) <= set(_words(student))


def matched(
    entries: Sequence[Entry], people: Mapping[int, Person], platform: Platform
) -> tuple[dict[int, Entry], list[Left]]:
    """Whose work each row is graded by, by the row's place, and whose row cannot be told.

    A team's name has the rows of all its members; of others a number decides, if
    the row's name agrees; else a name that is one row's only.
    """
    by_number: dict[str, list[int]] = {}
    by_name: dict[object, list[int]] = {}
    by_team: dict[str, list[int]] = {}
    for place, person in people.items():
        by_number.setdefault(person.number, []).append(place)
        if compact(person.team):
            by_team.setdefault(compact(person.team), []).append(place)
        for key in {compact(person.name), _words(person.name), *map(str.casefold, person.others)} - {"", ()}:
            by_name.setdefault(key, []).append(place)
    people_called = {compact(person.name) for person in people.values()}
    found: list[tuple[Entry, int]] = []
    left: list[Left] = []
    for entry in entries:
        number = platform_number(platform, entry.student, place_of(entry))
        name = compact(without_number(entry.student, number))
        if name in by_team and name not in people_called:
            found += [(entry, row) for row in by_team[name]]
            continue
        own = _row_of(entry.student, number, people, by_number, by_name)
        for name in entry.names:
            if not isinstance(own, int) and name != entry.student:
                other = _row_of(name, "", people, by_number, by_name)
                own = other if isinstance(other, int) else own
        if isinstance(own, int):
            found.append((entry, own))
        else:
            left.append(Left((entry.names or (entry.student,))[0], own))
    times = Counter(row for _, row in found)
    twice = {entry.student: people[row] for entry, row in found if times[row] > 1}
    left += [Left(one, f"somebody else has the same row: {plain(row.name, 80)}") for one, row in twice.items()]
    return {row: entry for entry, row in found if times[row] == 1}, left


def _row_of(
    student: str,
    number: str,
    people: Mapping[int, Person],
    by_number: Mapping[str, list[int]],
    by_name: Mapping[object, list[int]],
) -> int | str:
    """The row's place, or why it cannot be told; `number` is the platform's, empty where it gives none."""
    if number:
        rows = by_number.get(number, [])
        name = people[rows[0]].name if len(rows) == 1 else ""
        if name and not alike(without_number(student, number), name):
            return f"number {number} is somebody else in the sheet: {plain(name, 80)}"
        why = f"number {number} is not in the sheet"
    else:
        rows = _by_name(student, people, by_number, by_name)
        why = "nobody in the sheet has this name"
    if len(rows) == 1:  # a platform goes by the number alone
        rows = by_number.get(people[rows[0]].number, rows)
    return rows[0] if len(rows) == 1 else f"{len(rows)} rows may be meant" if rows else why


def _by_name(
    student: str,
    people: Mapping[int, Person],
    by_number: Mapping[str, list[int]],
    by_name: Mapping[object, list[int]],
) -> list[int]:
    """Rows of this name; of two students of the same name the number was put behind it, see handed_in.py."""
    keys = {compact(student), _words(student), student.casefold()}
    rows = {row for key in keys for row in by_name.get(key, [])}
    again = re.fullmatch(r"(.+)_(\d{1,18})", student, re.DOTALL)
    if not rows and again:
        numbered = by_number.get(again[2], [])
        return [row for row in numbered if people[row].name and alike(again[1], people[row].name)]
    return sorted(rows)


def place_of(entry: Entry) -> str:
    """Where a student's notebook lies, as far as that is known."""
    return entry.grade.place or (entry.report.submission if entry.report is not None else "")


def without_number(student: str, number: str) -> str:
    """The name alone, where the number was put behind it, perhaps with zeros before it."""
    return re.sub(rf"_0*{re.escape(number)}\Z", "", student) if number else student


def scaled(score: float, of: float, to: float | None) -> float:
    """Points of an exercise as points of a platform, rounded to two decimals."""
    points = score if to is None or not of else score / of * to
    return round(points + 1e-9, 2)


def fitting(titles: Mapping[int, str], wanted: Sequence[str]) -> list[int]:
    """Columns of the exercise's title, else those with a word of it, its id, in their titles."""
    same = [place for place, title in titles.items() if compact(title) in {compact(one) for one in wanted}]
    words = {one.casefold() for one in wanted}
    return same or [place for place, title in titles.items() if words & set(re.findall(r"[\w-]+", title.casefold()))]
