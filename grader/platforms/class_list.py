"""Grades as a plain CSV, by themselves or beside a class list: its rows and columns, with the grades behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grader.errors import UsageError
from grader.intake.names import shown
from grader.pass_mark import WORDS
from grader.platforms.roster import Entry, Filled
from grader.platforms.sheets import Sheet, read, titles_of
from grader.spreadsheet import csv_text, safe
from grader.text import count, listed, number, plain

STUDENT = "student"
_GRADE = ("score", "max_score", "status", "late", "penalty", "override_reason", "verdict")


def alone(entries: Sequence[Entry]) -> Filled:
    """A row a student, for whatever else reads CSV."""
    return _filled([(STUDENT, *_GRADE), *([safe(one.student), *_of(one)] for one in entries)], entries)


def joined(entries: Sequence[Entry], raw: bytes, name: str) -> Filled:
    """A class list with each one's grade behind it, and rows of those whom it does not have.

    Who handed nothing in has a row without a grade. A student is known by what stands in the column `student`, letter
    for letter: nobody is guessed.

    Parameters
    ----------
    raw, name
        The list, a CSV with a column `student` and any others, and what the file is called.

    Raises
    ------
    UsageError
        It is no such list, or has somebody twice.
    """
    sheet = read(raw, name, _known)
    header, *rows = [row.texts for row in sheet.rows if any(text.strip() for text in row.texts)]
    own = titles_of(header).index(STUDENT)
    graded = {_key(one.student): one for one in entries}
    of_list = [[*row, *[""] * (len(header) - len(row))][: len(header)] for row in rows]
    keys = [_key(row[own]) for row in of_list]
    if twice := sorted({key for key in keys if key and keys.count(key) > 1}):
        raise UsageError(
            f"{plain(name)} has {listed([plain(one, 80) for one in twice[:3]])} more than once.", "Leave one row each."
        )
    made = [[*map(safe, row), *_of(graded.get(key))] for row, key in zip(of_list, keys, strict=True)]
    others = [one for one in entries if _key(one.student) not in keys]
    for one in others:
        row = [""] * len(header)
        row[own] = safe(one.student)
        made.append([*row, *_of(one)])
    done = _filled([[*map(safe, header), *_GRADE], *made], entries)
    if others:
        names = listed([plain(one.student, 80) for one in others[:5]] + (["others"] if len(others) > 5 else []))
        done.remarks.append(f"{count(len(others), 'student')} not in the class list, at its end: {names}.")
    return done


def _known(sheet: Sheet) -> int:
    titles = titles_of(sheet.rows[0].texts)
    return len(titles) if titles.count(STUDENT) == 1 else 0


def _key(student: str) -> str:
    """A name as it stands in a CSV that we wrote."""
    return safe(shown(student.strip()))


def _of(entry: Entry | None) -> list[str]:
    """The cells of a grade; empty ones of nobody's."""
    if entry is None:
        return [""] * len(_GRADE)
    grade = entry.grade
    score = "" if grade.score is None else number(round(grade.score, 2))
    late, lost = "yes" if grade.late_seconds > 0 else "", number(round(grade.penalty, 2))
    reason = safe(grade.override.reason) if grade.override is not None else ""
    return [score, number(grade.max_score), grade.status, late, lost, reason, WORDS[grade.verdict]]


def _filled(rows: Iterable[Sequence[str]], entries: Sequence[Entry]) -> Filled:
    return Filled(csv_text(rows).encode("utf-8", "replace"), len(entries))
