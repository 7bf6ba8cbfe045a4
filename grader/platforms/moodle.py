"""Moodle: the offline grading worksheet, filled in, and the zip of feedback files.

Moodle takes both back at "Upload grading worksheet" and "Upload multiple feedback files in a zip". It knows students by
their number in the assignment: `Participant 12345` in the sheet, `Full Name_12345_assignsubmission_file_` in archives.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.intake.listed import on_moodle
from grader.intake.names import composed
from grader.language import speaking
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
from grader.platforms.sheets import Sheet, SheetRow, as_number, html_cell, read
from grader.render.feedback import OURS, as_html
from grader.text import plain

# What Moodle's language packs call the columns: English, Finnish, German. Packs differ from version to version, and of
# other languages the columns are known by what is in them and by their order, which is Moodle's own in all of them.
_COLUMNS = {
    "id": ("identifier", "tunniste", "tunnistenumero", "tunnistetieto", "id"),
    "name": ("full name", "koko nimi", "nimi", "vollständiger name", "vor- und nachname", "name"),
    "email": ("email address", "email", "sähköpostiosoite", "sähköposti", "e-mail-adresse", "e-mail"),
    "other": (
        "id number",
        "username",
        "tunnistenumero",
        "opiskelijanumero",
        "käyttäjätunnus",
        "id-nummer",
        "anmeldename",
    ),
    "grade": ("grade", "arvosana", "arviointi", "pisteet", "bewertung"),
    "max": (
        *(
            "maximum grade",
            "maksimiarvosana",
            "enimmäisarvosana",
            "korkein arvosana",
            "suurin arvosana",
            "maksimipisteet",
        ),
        *("suurin mahdollinen arvosana", "bestwertung", "bestbewertung", "beste bewertung", "maximale bewertung"),
    ),
    "team": (
        "group",
        "groups",
        "ryhmä",
        "ryhmät",
        "gruppe",
        "gruppen",
        "groupe",
        "groupes",
        "grupp",
        "grupper",
        "grupo",
        "grupos",
    ),
    "scale": ("scale", "asteikko", "arviointiasteikko", "bewertungsskala", "skala"),
    "open": (
        *("grade can be changed", "arvosanaa voidaan muuttaa", "arvosana voidaan muuttaa", "arvosanaa voi muuttaa"),
        *("arvosanan voi muuttaa", "arvosana muutettavissa", "arvosanan muuttaminen sallittu"),
        *("bewertung kann geändert werden", "bewertung änderbar"),
    ),
    "feedback": (
        *("feedback comments", "palautekommentit", "palaute kommentteina", "palautekommentti", "palaute"),
        *("feedback als kommentar", "feedback-kommentare", "feedbackkommentare", "feedback als kommentare"),
    ),
}
_POINT_SPOKEN = {"grade"}  # headers of languages that write decimals with a point
_NO = {
    *(
        "no",
        "ei",
        "nein",
        "non",
        "nej",
        "nei",
        "não",
        "nee",
        "nie",
        "ne",
        "nu",
        "nem",
        "hayır",
        "όχι",
        "нет",
        "ні",
        "не",
    ),
    *("いいえ", "否", "아니오", "لا", "לא", "tidak", "không", "pa", "ez"),
}
_YES_NO = _NO | {
    *("yes", "kyllä", "ja", "oui", "sí", "si", "sì", "sim", "tak", "ano", "áno", "da", "igen", "evet", "ναι", "да"),
    *("так", "はい", "是", "예", "نعم", "כן", "ya", "có", "taip", "jah", "jā", "bai", "já"),
}
_NO_GRADE = ("", "-")
# "Participant 12345", "Osallistuja 12345", "Teilnehmer/in12345": a word of the language, and the number.
_PARTICIPANT = re.compile(r"[^\W\d_][^\d,;]{0,40}?\s?(\d{1,18})")


@dataclass(frozen=True)
class _Columns:
    """Where what is; None where the sheet has no such column."""

    id: int
    grade: int
    name: int | None
    max: int | None
    open: int | None
    feedback: int | None
    team: int | None
    others: tuple[int, ...]


def fill(raw: bytes, name: str, entries: Sequence[Entry]) -> Filled:
    """The worksheet as it was downloaded, with grades and feedback in it.

    Parameters
    ----------
    raw, name
        The sheet's bytes, and what the file is called.

    Raises
    ------
    UsageError
        It is no such sheet, or it grades with a scale of words.
    """
    sheet = read(raw, name, _known)
    columns = _found(sheet, name)
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
        kept += not _comment(sheet, row, columns, entry)
    if columns.feedback is None:
        done.remarks.append("The sheet has no column for feedback: switch on feedback comments in the assignment.")
    elif kept:
        done.remarks.append(f"Comments that were in the sheet already stay as they are: {kept:,}.")
    done.content = sheet.content()
    return done


def _known(sheet: Sheet) -> int:
    titles = _titles(sheet.rows[0].texts)
    by_name = sum(title in names for title in titles for names in _COLUMNS.values())
    # In a language that nobody here knows, participants' numbers tell what sheet it is.
    numbered = any(_of_participants(sheet.rows[1:], place) for place in range(len(titles)))
    return by_name + (len(titles) if numbered else 0)


def _of_participants(rows: Sequence[SheetRow], place: int) -> bool:
    told = [text for row in rows if (text := row.text(place).strip())]
    return bool(told) and all(map(_PARTICIPANT.fullmatch, told))


def _titles(header: Iterable[str]) -> list[str]:
    return [" ".join(composed(title).split()).casefold() for title in header]


def _found(sheet: Sheet, name: str) -> _Columns:
    """The columns, by what they are called, and where that is not known by what is in them."""
    titles = _titles(sheet.rows[0].texts)
    rows = [row for row in sheet.rows[1:] if any(row.texts)]

    def column(what: str) -> int | None:
        return next((place for word in _COLUMNS[what] for place, title in enumerate(titles) if title == word), None)

    number, grade, most = column("id"), column("grade"), column("max")
    if number is None or not _of_participants(rows, number):
        number = next((place for place in range(len(titles)) if _of_participants(rows, place)), None)
    if number is None:
        raise UsageError(
            f"{plain(name)} has no participants' numbers, as in `Participant 12345`.",
            "Download the grading worksheet anew, as Moodle gives it.",
        )
    if grade is None and most is None:
        grade = _grade_before_its_maximum(rows, number + 1, len(titles))
    if grade is None:
        raise UsageError(
            f"{plain(name)} has no column `Grade` that can be told.",
            "Download the grading worksheet anew, with Moodle in English if need be.",
        )
    if most is None and column("scale") is None and _all(rows, grade + 1, _is_number):
        most = grade + 1  # Moodle writes it there, whatever the language calls it
    if most is None and column("scale") is not None:
        raise UsageError(f"{plain(name)} grades with a scale of words.", "Let the assignment grade with points.")
    changeable = column("open")
    if changeable is None:
        after = range(grade + 1, len(titles))
        changeable = next((one for one in after if _all(rows, one, lambda text: text.casefold() in _YES_NO)), None)
    others = [place for place, title in enumerate(titles) if title in _COLUMNS["email"] + _COLUMNS["other"]]
    others += [place for place in range(len(titles)) if place not in others and _all(rows, place, _is_address)]
    called, feedback = column("name"), column("feedback")
    if called is None and number + 1 < grade and number + 1 not in others and others:
        called = number + 1
    if feedback is None and changeable is not None and changeable + 4 == len(titles):
        feedback = len(titles) - 1  # behind when the work, and when the grade, was changed last
    return _Columns(
        *(number, grade, called, most, changeable, feedback, column("team")),
        tuple(place for place in others if place != number),
    )


def _grade_before_its_maximum(rows: Sequence[SheetRow], first: int, end: int) -> int | None:
    """A column of grades, or of none yet, with the same maximum in all of the next one; None where none is the one."""
    fit = [
        place
        for place in range(first, end - 1)
        if _all(rows, place + 1, _is_number)
        and len({row.text(place + 1).strip() for row in rows}) == 1
        and all(_is_number(text) or text in _NO_GRADE for text in (row.text(place).strip() for row in rows))
    ]
    return fit[0] if len(fit) == 1 else None


def _is_number(text: str) -> bool:
    return as_number(text) is not None


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


def _all(rows: Sequence[SheetRow], place: int, is_such: Callable[[str], bool]) -> bool:
    told = [row.text(place).strip() for row in rows]
    return bool(told) and all(text and is_such(text) for text in told)


def _people(sheet: Sheet, columns: _Columns) -> dict[int, Person]:
    people = {}
    for place, row in enumerate(sheet.rows[1:], 1):
        number = _PARTICIPANT.fullmatch(row.text(columns.id).strip())
        if number:
            others = tuple(row.text(one).strip() for one in columns.others)
            # Whoever hands in as `anna.makela` is anna.makela@… in the sheet.
            others += tuple(one.partition("@")[0] for one in others if "@" in one)
            team = row.text(columns.team).strip()
            people[place] = Person(number[1].lstrip("0") or "0", row.text(columns.name), others, team)
    return people


def _refusal(row: SheetRow, width: int, columns: _Columns, entry: Entry) -> str:
    """Why a row is left as it is; empty where it is filled."""
    if row.text(columns.open).strip().casefold() in _NO:
        return "the sheet says that this grade cannot be changed"
    if len(row.cells) != width:
        return "the row has not as many cells as the header"
    there = row.text(columns.grade).strip()
    if there not in _NO_GRADE and not _is_number(there):
        return f"the sheet says {plain(there, 40)} where the grade belongs, which stays"
    most = as_number(row.text(columns.max))
    if columns.max is not None and most is None:
        return "the row has no maximum grade"
    if most is not None and float(_points(entry, row, columns)) > most:
        return "the grade is above the maximum, which Moodle does not take"
    return ""


def _points(entry: Entry, row: SheetRow, columns: _Columns) -> str:
    score, most = entry.grade.score, as_number(row.text(columns.max))
    assert score is not None, "who has no grade is in no row"
    return f"{scaled(score, entry.grade.max_score, most):.2f}"


def _decimal_mark(sheet: Sheet, columns: _Columns) -> str:
    """As in the sheet's numbers; where none has decimals, as in the language of its header."""
    numbers = [one for one in (columns.max, columns.grade) if one is not None]
    spoken = _titles(sheet.rows[0].texts)[columns.grade]
    return sheet.decimals(numbers) or ("." if spoken in _POINT_SPOKEN else ",")


def _comment(sheet: Sheet, row: SheetRow, columns: _Columns, entry: Entry) -> bool:
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


def sheet_folders(raw: bytes, name: str, entries: Sequence[Entry]) -> tuple[dict[str, list[str]], list[Left]]:
    """What the sheet calls each student, as `Full Name_12345`, all members of a team; and whose row cannot be told."""
    sheet = read(raw, name, _known)
    people = _people(sheet, _found(sheet, name))
    rows, left = matched(entries, people, "moodle")
    folders: dict[str, list[str]] = {}
    for row, entry in rows.items():
        folders.setdefault(entry.student, []).append(folder_of(people[row].name, people[row].number))
    return folders, left
