"""Moodle: the offline grading worksheet, filled in, and the zip of feedback files.

Moodle takes both back at "Upload grading worksheet" and "Upload multiple feedback files in a zip". It knows students by
their number in the assignment: `Participant 12345` in the sheet, `Full Name_12345_assignsubmission_file_` in archives.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence

from grader.intake.listed import on_moodle
from grader.language import speaking
from grader.platforms.moodle_columns import NO, NO_GRADE, PARTICIPANT, POINT_SPOKEN, Columns, is_number, worksheet
from grader.platforms.roster import (
    Entry,
    Filled,
    Left,
    Person,
    matched,
    place_of,
    platform_number,
    scaled,
    with_grade,
    without_number,
)
from grader.platforms.sheets import Sheet, SheetRow, as_number, html_cell, titles_of
from grader.render.feedback import OURS, as_html
from grader.text import plain


def fill(
    raw: bytes,
    name: str,
    entries: Sequence[Entry],
    columns_said: Mapping[str, str] | None = None,
    *,
    comments: bool = True,
) -> Filled:
    """The worksheet as it was downloaded, with grades and feedback in it.

    Parameters
    ----------
    raw, name
        The sheet's bytes, and what the file is called.
    columns_said
        What columns are called, where the teacher says so; see :func:`grader.platforms.moodle_columns.worksheet`.
    comments
        Whether feedback is filled in.

    Raises
    ------
    UsageError
        It is no such sheet, or it grades with a scale of words.
    """
    sheet, columns = worksheet(raw, name, columns_said or {})
    people = _people(sheet, columns)
    rows, left = matched(with_grade(entries), people, "moodle")
    done = Filled(b"", 0, left)
    mark = _decimal_mark(sheet, columns)
    kept = 0
    for place, entry in rows.items():
        row = sheet.rows[place]
        why = _refusal(row, len(sheet.rows[0].cells), columns, entry)
        if why:
            done.left.append(Left(entry.student, why))
            continue
        sheet.fill(row, columns.grade, _points(entry, row, columns).replace(".", mark))
        done.filled += 1
        kept += comments and not _comment(sheet, row, columns, entry)
    if columns.feedback is None and comments:
        done.remarks.append("The sheet has no column for feedback: switch on feedback comments in the assignment.")
    elif kept:
        done.remarks.append(f"Comments that were in the sheet already stay as they are: {kept:,}.")
    done.content = sheet.content()
    return done


def _people(sheet: Sheet, columns: Columns) -> dict[int, Person]:
    people = {}
    for place, row in enumerate(sheet.rows[1:], 1):
        number = PARTICIPANT.fullmatch(row.text(columns.id).strip())
        if number:
            others = tuple(row.text(one).strip() for one in columns.others)
            # Whoever hands in as `anna.makela` is anna.makela@… in the sheet.
            others += tuple(one.partition("@")[0] for one in others if "@" in one)
            team = row.text(columns.team).strip()
            people[place] = Person(number[1].lstrip("0") or "0", row.text(columns.name), others, team)
    return people


def _refusal(row: SheetRow, width: int, columns: Columns, entry: Entry) -> str:
    """Why a row is left as it is; empty where it is filled."""
    if row.text(columns.open).strip().casefold() in NO:
        return "the sheet says that this grade cannot be changed"
    if len(row.cells) != width:
        return "the row has not as many cells as the header"
    there = row.text(columns.grade).strip()
    if there not in NO_GRADE and not is_number(there):
        return f"the sheet says {plain(there, 40)} where the grade belongs, which stays"
    most = as_number(row.text(columns.max))
    if columns.max is not None and most is None:
        return "the row has no maximum grade"
    if most is not None and float(_points(entry, row, columns)) > most:
        return "the grade is above the maximum, which Moodle does not take"
    return ""


def _points(entry: Entry, row: SheetRow, columns: Columns) -> str:
    score, most = entry.grade.score, as_number(row.text(columns.max))
    assert score is not None, "who has no grade is in no row"
    return f"{scaled(score, entry.grade.max_score, most):.2f}"


def _decimal_mark(sheet: Sheet, columns: Columns) -> str:
    """As in the sheet's numbers; where none has decimals, as in the language of its header."""
    numbers = [one for one in (columns.max, columns.grade) if one is not None]
    spoken = titles_of(sheet.rows[0].texts)[columns.grade]
    return sheet.decimals(numbers) or ("." if spoken in POINT_SPOKEN else ",")


def _comment(sheet: Sheet, row: SheetRow, columns: Columns, entry: Entry) -> bool:
    """Fill in the feedback, but for a comment that the teacher wrote; whether it is filled in, or cannot be."""
    if columns.feedback is None:
        return True
    there = row.text(columns.feedback).strip()
    if there and not there.startswith(OURS):
        return False
    with speaking(entry.report.language if entry.report is not None else "en"):
        sheet.fill(row, columns.feedback, html_cell(as_html(entry.grade, entry.report)))
    return True


# ---------------------------------------------------------------------- feedback files


def feedback_zip(
    pages: Mapping[str, bytes], entries: Sequence[Entry], folders: Mapping[str, Sequence[str]] | None = None
) -> Filled:
    """A zip of a page for each student, by the names that Moodle knows them by.

    Moodle goes by the number alone, so that nobody's page may stand under a number that could be somebody else's.

    Parameters
    ----------
    pages
        Each student's page.
    folders
        Names of students in the sheet's words, `Full Name_12345`, where a sheet was given: several of a team. Who is
        not in it gets no page.
    """
    done = Filled(b"")
    wanted: list[tuple[Entry, str]] = []
    by_teams = folders is None and _by_teams(entries)
    for entry in entries:
        if entry.student not in pages:
            continue
        named = folders.get(entry.student, []) if folders is not None else [] if by_teams else [_folder(entry)]
        wanted += [(entry, folder) for folder in named if folder]
        if not any(named):
            done.left.append(
                Left(entry.student, _why_no_folder(entry) if folders is None else "the sheet has no such row")
            )
    numbers = Counter(folder.rpartition("_")[2] for _, folder in wanted)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, folder in wanted:
            if numbers[folder.rpartition("_")[2]] > 1:
                done.left.append(Left(entry.student, "somebody else has the same number"))
                continue
            entry_name = zipfile.ZipInfo(f"{folder}_assignsubmission_file_/feedback.html", (1980, 1, 1, 0, 0, 0))
            entry_name.compress_type, entry_name.create_system = zipfile.ZIP_DEFLATED, 3
            entry_name.external_attr = 0o100644 << 16
            archive.writestr(entry_name, pages[entry.student])
            done.filled += 1
    done.content = buffer.getvalue()
    return done


def _why_no_folder(entry: Entry) -> str:
    if platform_number("moodle", entry.student, place_of(entry)):
        return "this looks like a team, whose number is no student's: name the grading worksheet with --sheet"
    return "Moodle's number is not known: name the grading worksheet with --sheet"


# What a team's name has in the languages of Moodle's users, and no person's. A team's number is its own, and may be
# some student's.
_TEAM = re.compile(
    r"team|group|tiimi|ryhm|grupp|gruppe|groupe|équipe|equipe|equipo|grupo|grupa|squadra|групп|команд"
    r"|\b(?:lag|hold)\b|\b(?:lag|hold|pair|pari|par|grp)[ _-]?\d",
    re.IGNORECASE,
)


def _by_teams(entries: Sequence[Entry]) -> bool:
    """Whether the assignment is done in teams: then those whose names do not tell are teams as well."""
    places = [on_moodle(part) for entry in entries for part in re.split(r"[/\\]", place_of(entry))]
    folders = [place for place in places if place]
    called = sum(bool(_TEAM.search(folder.name)) for folder in folders)
    return any(not folder.number for folder in folders) or 2 * called > len(folders)


def _folder(entry: Entry) -> str:
    """`Full Name_12345` of somebody who handed in through Moodle."""
    number = platform_number("moodle", entry.student, place_of(entry))
    name = without_number(entry.student, number)
    return folder_of(name, number) if number and not _TEAM.search(name) else ""


def folder_of(name: str, number: str) -> str:
    """What Moodle calls a student's files: what it takes out of names is taken out, and `_` parts name and number."""
    kept = re.sub(r"[\x00-\x1f\x7f&<>\"`|':\\/]", "", name.replace("_", " ")).strip(". ")
    return f"{kept[:100] or 'student'}_{number}"


def sheet_folders(
    raw: bytes, name: str, entries: Sequence[Entry], columns_said: Mapping[str, str] | None = None
) -> tuple[dict[str, list[str]], list[Left]]:
    """What the sheet calls each student, as `Full Name_12345`, all members of a team; and whose row cannot be told."""
    sheet, columns = worksheet(raw, name, columns_said or {})
    people = _people(sheet, columns)
    rows, left = matched(entries, people, "moodle")
    folders: dict[str, list[str]] = {}
    for row, entry in rows.items():
        folders.setdefault(entry.student, []).append(folder_of(people[row].name, people[row].number))
    return folders, left
