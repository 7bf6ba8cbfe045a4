"""Moodle's grading worksheet: which column is what, in any language, and where that cannot be told by what is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.platforms.sheets import Sheet, SheetRow, as_number, mentioned, read, said_columns, titles_of
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
    "maximum": (
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
    "group": (
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
    "changeable": (
        *("grade can be changed", "arvosanaa voidaan muuttaa", "arvosana voidaan muuttaa", "arvosanaa voi muuttaa"),
        *("arvosanan voi muuttaa", "arvosana muutettavissa", "arvosanan muuttaminen sallittu"),
        *("bewertung kann geändert werden", "bewertung änderbar"),
    ),
    "feedback": (
        *("feedback comments", "palautekommentit", "palaute kommentteina", "palautekommentti", "palaute"),
        *("feedback als kommentar", "feedback-kommentare", "feedbackkommentare", "feedback als kommentare"),
    ),
}
POINT_SPOKEN = {"grade"}  # headers of languages that write decimals with a point
NO = {
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
_YES_NO = NO | {
    *("yes", "kyllä", "ja", "oui", "sí", "si", "sì", "sim", "tak", "ano", "áno", "da", "igen", "evet", "ναι", "да"),
    *("так", "はい", "是", "예", "نعم", "כן", "ya", "có", "taip", "jah", "jā", "bai", "já"),
}
NO_GRADE = ("", "-")
# "Participant 12345", "Osallistuja 12345", "Teilnehmer/in12345": a word of the language, and the number.
PARTICIPANT = re.compile(r"[^\W\d_][^\d,;]{0,40}?\s?(\d{1,18})")


@dataclass(frozen=True)
class Columns:
    """Where what is; None where the sheet has no such column."""

    id: int
    grade: int
    name: int | None
    max: int | None
    open: int | None
    feedback: int | None
    team: int | None
    others: tuple[int, ...]


# Columns that a teacher may name.
NAMED = ("id", "name", "email", "group", "grade", "maximum", "changeable", "feedback")


def worksheet(raw: bytes, name: str, columns: Mapping[str, str]) -> tuple[Sheet, Columns]:
    """The worksheet, and where what is in it.

    Parameters
    ----------
    raw, name
        The sheet's bytes, and what the file is called.
    columns
        What the teacher says the columns are called, where that cannot be told; of :data:`NAMED`.

    Raises
    ------
    UsageError
        It is no such sheet, or it grades with a scale of words.
    """
    sheet = read(raw, name, lambda sheet: _known(sheet) + mentioned(sheet, columns))
    return sheet, _found(sheet, name, said_columns(sheet, name, columns, NAMED))


def _known(sheet: Sheet) -> int:
    titles = titles_of(sheet.rows[0].texts)
    by_name = sum(title in names for title in titles for names in _COLUMNS.values())
    # In a language that nobody here knows, participants' numbers tell what sheet it is.
    numbered = any(of_participants(sheet.rows[1:], place) for place in range(len(titles)))
    return by_name + (len(titles) if numbered else 0)


def of_participants(rows: Sequence[SheetRow], place: int) -> bool:
    told = [text for row in rows if (text := row.text(place).strip())]
    return bool(told) and all(map(PARTICIPANT.fullmatch, told))


def _found(sheet: Sheet, name: str, said: Mapping[str, int]) -> Columns:
    """The columns, by what they are called, and where that is not known by what is in them."""
    titles = titles_of(sheet.rows[0].texts)
    rows = [row for row in sheet.rows[1:] if any(row.texts)]

    def column(what: str) -> int | None:
        if what in said:
            return said[what]
        return next((place for word in _COLUMNS[what] for place, title in enumerate(titles) if title == word), None)

    number, grade, most = column("id"), column("grade"), column("maximum")
    if number is None or not of_participants(rows, number):
        number = next((place for place in range(len(titles)) if of_participants(rows, place)), None)
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
            'Say which one it is, as in: --columns grade="Note".',
        )
    if most is None and column("scale") is None and _all(rows, grade + 1, is_number):
        most = grade + 1  # Moodle writes it there, whatever the language calls it
    if most is None and column("scale") is not None:
        raise UsageError(f"{plain(name)} grades with a scale of words.", "Let the assignment grade with points.")
    changeable = column("changeable")
    if changeable is None:
        after = range(grade + 1, len(titles))
        changeable = next((one for one in after if _all(rows, one, lambda text: text.casefold() in _YES_NO)), None)
    others = [place for place, title in enumerate(titles) if title in _COLUMNS["email"] + _COLUMNS["other"]]
    others += [place for what, place in said.items() if what == "email" and place not in others]
    others += [place for place in range(len(titles)) if place not in others and _all(rows, place, _is_address)]
    called, feedback = column("name"), column("feedback")
    if called is None and number + 1 < grade and number + 1 not in others and (others or _differ(rows, number + 1)):
        called = number + 1
    last = len(titles) - 1
    if feedback is None and grade < last - 1 and _all(rows, last - 1, _is_date) and not _all(rows, last, _is_date):
        feedback = last  # behind when the grade was changed last
    return Columns(
        *(number, grade, called, most, changeable, feedback, column("group")),
        tuple(place for place in others if place != number),
    )


def _grade_before_its_maximum(rows: Sequence[SheetRow], first: int, end: int) -> int | None:
    """A column of grades, or of none yet, with the same maximum in all of the next one; None where none is the one."""
    fit = [
        place
        for place in range(first, end - 1)
        if _all(rows, place + 1, is_number)
        and len({row.text(place + 1).strip() for row in rows}) == 1
        and all(is_number(text) or text in NO_GRADE for text in (row.text(place).strip() for row in rows))
    ]
    return fit[0] if len(fit) == 1 else None


def is_number(text: str) -> bool:
    return as_number(text) is not None


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


def _is_date(text: str) -> bool:
    """Whether this is a moment in any language, or the dash for none: it has a year in it."""
    return text in NO_GRADE or (len(text) < 100 and re.search(r"\d{4}", text) is not None)


def _differ(rows: Sequence[SheetRow], place: int) -> bool:
    """Whether these may be people's names: what is said of their work is the same for several."""
    told = [row.text(place).strip() for row in rows]
    return len(told) > 1 and len(set(told)) == len(told) and all(told)


def _all(rows: Sequence[SheetRow], place: int, is_such: Callable[[str], bool]) -> bool:
    told = [row.text(place).strip() for row in rows]
    return bool(told) and all(text and is_such(text) for text in told)
