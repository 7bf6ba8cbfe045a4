"""Moodle's grading worksheet and its zip of feedback files, read back as Moodle reads them."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.platforms import moodle
from grader.platforms.roster import Entry
from grader.report import Report
from tests.platforms.grades import HOSTILE, SECRET, entry, on_moodle, report

ENGLISH = (
    *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed"),
    *("Last modified (submission)", "Last modified (grade)", "Feedback comments"),
)
FINNISH = (
    *("Tunniste", "Koko nimi", "Sähköpostiosoite", "Tila", "Arvosana", "Maksimiarvosana", "Arvosanaa voidaan muuttaa"),
    *("Viimeksi muokattu (palautus)", "Viimeksi muokattu (arvosana)", "Palautekommentit"),
)
GERMAN = (
    *("ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Bewertung", "Bestwertung"),
    *("Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)", "Zuletzt geändert (Bewertung)"),
    "Feedback als Kommentar",
)
DATE = 'keskiviikko, 18. marraskuuta 2026, 23.59; "myöhässä"'


def row(number: int, name: str, most: str = "100.00", can: str = "Yes", **more: str) -> list[str]:
    told = {"prefix": "Participant ", "grade": "", "feedback": ""} | more
    first, last = told["prefix"] + str(number), [told["grade"], most, can, DATE, "-", told["feedback"]]
    return [first, name, f"s{number}@example.org", "Submitted for grading", *last]


def written(rows: list[list[str]], encoding: str = "utf-8-sig", **dialect: Any) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, **({"lineterminator": "\r\n"} | dialect)).writerows(rows)
    return file.getvalue().encode(encoding)


def rows_of(raw: bytes, encoding: str = "utf-8-sig", delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode(encoding), newline=""), delimiter=delimiter, strict=True))


def imported(
    raw: bytes, words: tuple[str, ...] = ENGLISH, decimal: str = ".", **how: str
) -> dict[int, tuple[Any, str]]:
    """What Moodle takes from a worksheet: the grade by the participant's number, and the feedback.

    As mod/assign/feedback/offline does it: columns by their exact names, the number from what follows the word for a
    participant, the grade from the language's own decimals; what is empty, below zero or above the maximum is skipped.
    """
    header, *rows = rows_of(raw, **how)
    columns = {name: header.index(name) for name in (words[0], words[4], words[8], words[9])}
    found = {}
    for one in rows:
        assert len(one) == len(header)
        number = int("".join(c for c in one[columns[words[0]]] if c.isdigit()))
        told = one[columns[words[4]]].replace(decimal, ".")
        grade = float(told) if told else None
        assert grade is None or 0 <= grade <= float(one[5].replace(decimal, "."))
        found[number] = (grade, one[columns[words[9]]])
    return found


CLASS = [on_moodle("Anna Mäkelä", 101), on_moodle("Bob O'Brien", 102, 7.5), on_moodle("Eve", 103, None)]
SHEET = [list(ENGLISH), row(101, "Anna Mäkelä"), row(102, "Bob O'Brien"), row(103, "Eve"), row(104, "Not Here")]


def test_grades_and_feedback_get_where_they_belong() -> None:
    done = moodle.fill(written(SHEET), "sheet.csv", CLASS)
    found = imported(done.content)
    assert {number: grade for number, (grade, _) in found.items()} == {101: 30, 102: 75, 103: None, 104: None}
    assert (done.filled, done.left) == (2, [])
    assert "3 of 10 points" in found[101][1]
    assert "It is 2, not 3.<br>Hint: Count." in found[101][1]
    assert found[103][1] == found[104][1] == ""


def test_a_student_reads_nothing_of_hidden_checks() -> None:
    text = imported(moodle.fill(written(SHEET), "sheet.csv", CLASS).content)[101][1]
    assert SECRET not in text
    assert "A check of your teacher&#x27;s own" in text
    assert "4711" not in text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("lines", ["\n", "\r\n"])
def test_the_sheet_keeps_its_own_ways(delimiter: str, encoding: str, lines: str) -> None:
    raw = written(SHEET, encoding, delimiter=delimiter, lineterminator=lines)
    done = moodle.fill(raw, "sheet.csv", CLASS).content
    assert imported(done, encoding=encoding, delimiter=delimiter)[102][0] == 75
    before, after = raw.decode(encoding).split(lines), done.decode(encoding).split(lines)
    assert (before[0], before[3:]) == (after[0], after[3:])
    assert done[:3] == raw[:3]


@pytest.mark.parametrize(
    ("words", "prefix", "yes", "no"),
    [
        (ENGLISH, "Participant ", "Yes", "No"),
        (FINNISH, "Osallistuja ", "Kyllä", "Ei"),
        (GERMAN, "Teilnehmer/in", "Ja", "Nein"),
    ],
    ids=["en", "fi", "de"],
)
def test_moodle_speaks_several_languages(words: tuple[str, ...], prefix: str, yes: str, no: str) -> None:
    mark = "." if words is ENGLISH else ","
    most = f"100{mark}00"
    sheet = [list(words)]
    sheet += [
        row(n, name, most, can, prefix=prefix) for n, name, can in ((101, "Anna Mäkelä", yes), (102, "Bob O'Brien", no))
    ]
    done = moodle.fill(written(sheet), "sheet.csv", [on_moodle("Anna Mäkelä", 101, 3.33), CLASS[1]])
    assert f"33{mark}30" in done.content.decode()
    found = imported(done.content, words, mark)
    assert found[101][0] == 33.3
    assert found[102] == (None, "")
    assert [left.student for left in done.left] == ["Bob O'Brien"]
    assert "cannot be changed" in done.left[0].reason


def test_a_word_that_nobody_knows_is_found_by_what_is_in_the_column() -> None:
    words = ["Tunnus", *FINNISH[1:5], "Korkein mahdollinen", "Lukitsematon", *FINNISH[7:]]
    sheet = [words, row(101, "Anna Mäkelä", "50,00", "Kyllä"), row(102, "Bob O'Brien", "50,00", "Ei")]
    done = moodle.fill(written(sheet), "sheet.csv", CLASS)
    assert [one[4] for one in rows_of(done.content)[1:]] == ["15,00", ""]


@pytest.mark.parametrize(("most", "told"), [("10", "7.50"), ("100", "75.00"), ("3", "2.25"), ("7", "5.25")])
def test_without_decimals_in_the_sheet_the_header_tells_the_mark(most: str, told: str) -> None:
    english = [list(ENGLISH), row(102, "Bob O'Brien", most)]
    finnish = [list(FINNISH), row(102, "Bob O'Brien", most)]
    assert rows_of(moodle.fill(written(english), "a.csv", CLASS[1:2]).content)[1][4] == told
    assert rows_of(moodle.fill(written(finnish), "a.csv", CLASS[1:2]).content)[1][4] == told.replace(".", ",")


# ---------------------------------------------------------------------- who is who


def reasons(entries: list[Entry], sheet: list[list[str]]) -> tuple[dict[int, Any], dict[str, str]]:
    done = moodle.fill(written(sheet), "sheet.csv", entries)
    return (
        {number: grade for number, (grade, _) in imported(done.content).items() if grade is not None},
        {left.student: left.reason for left in done.left},
    )


def test_two_of_the_same_name_are_told_apart_by_their_numbers() -> None:
    sheet = [list(ENGLISH), row(1, "Anna Mäkelä"), row(2, "Anna Mäkelä")]
    first = entry("Anna Mäkelä_1", 1, "/c/Anna Mäkelä_1_assignsubmission_file_/110.ipynb")
    second = entry("Anna Mäkelä_2", 2)  # missing, and given a grade by hand: there is no place to look at
    assert reasons([first, second], sheet) == ({1: 10, 2: 20}, {})


def test_nobody_is_guessed() -> None:
    sheet = [list(ENGLISH), row(1, "Anna Mäkelä"), row(2, "Anna Mäkelä"), row(3, "Bob"), row(4, "Eve")]
    entries = [entry("Anna Mäkelä"), entry("Bob"), entry("Carl"), on_moodle("Mallory", 4), on_moodle("Dora", 9)]
    filled, left = reasons(entries, sheet)
    assert filled == {3: 30}
    assert left == {
        "Anna Mäkelä": "2 rows may be meant",
        "Carl": "nobody in the sheet has this name",
        "Mallory": "number 4 is somebody else in the sheet: Eve",
        "Dora": "number 9 is not in the sheet",
    }


def test_two_who_claim_the_same_row_get_nothing() -> None:
    sheet = [list(ENGLISH), row(1, "Anna Mäkelä")]
    filled, left = reasons([entry("Anna Mäkelä"), entry("mäkelä anna")], sheet)
    assert filled == {}
    assert set(left) == {"Anna Mäkelä", "mäkelä anna"}


def test_a_folder_inside_a_submission_is_nobodys_number() -> None:
    place = "/class/Eve/Eve Adams_1_assignsubmission_file_/110.ipynb"
    assert reasons([entry("Eve", 10, place)], [list(ENGLISH), row(1, "Eve Adams"), row(2, "Eve")]) == ({2: 100}, {})


@pytest.mark.parametrize("student", ["s7@example.org", "s7", "Smith, Anna", "anna smith", "ANNA SMITH"])
def test_without_numbers_names_addresses_and_users_are_looked_for(student: str) -> None:
    assert reasons([entry(student)], [list(ENGLISH), row(7, "Anna Smith"), row(8, "Ann Smith")]) == ({7: 30}, {})


def test_of_a_very_long_name_the_beginning_is_known() -> None:
    name = "Ana Maria " * 12
    assert reasons([on_moodle(name, 1)], [list(ENGLISH), row(1, name)])[1] == {}
    assert reasons([on_moodle(name, 1)], [list(ENGLISH), row(1, "Bob")])[0] == {}


def test_what_moodle_leaves_out_of_file_names_makes_no_difference() -> None:
    entries = [on_moodle("Group A-Sean OBrien", 1), on_moodle("Jean Luc", 2)]
    assert reasons(entries, [list(ENGLISH), row(1, "Seán O'Brien"), row(2, 'Jean "Luc"')])[1] == {
        "Group A-Sean OBrien": "number 1 is somebody else in the sheet: Seán O'Brien"  # an accent is another letter
    }


def test_anonymous_marking_has_numbers_only() -> None:
    keep = [0, *range(3, 10)]
    sheet = [[one[place] for place in keep] for one in (list(ENGLISH), row(5, ""), row(6, ""))]
    entries = [entry(f"Participant_{n}", n, f"/c/Participant_{n}_assignsubmission_file_/a.ipynb") for n in (5, 6)]
    done = moodle.fill(written(sheet), "sheet.csv", entries)
    assert [one[2] for one in rows_of(done.content)[1:]] == ["50.00", "60.00"]
    assert done.left == []


# ---------------------------------------------------------------------- what is left alone


def test_a_row_that_lost_a_cell_is_left_as_it_is() -> None:
    raw = written([*SHEET[:2], SHEET[2][:-1]])
    done = moodle.fill(raw, "sheet.csv", CLASS)
    assert [left.student for left in done.left] == ["Bob O'Brien"]
    assert done.content.splitlines()[2] == raw.splitlines()[2]


def test_a_grade_above_the_maximum_is_told_since_moodle_drops_it() -> None:
    filled, left = reasons([on_moodle("Anna", 1, 11, reason="A fine idea.")], [list(ENGLISH), row(1, "Anna")])
    assert filled == {}
    assert "above the maximum" in left["Anna"]


def test_what_the_teacher_wrote_stays_and_what_the_grader_wrote_is_renewed() -> None:
    mine = moodle.fill(written(SHEET), "sheet.csv", CLASS).content
    again = moodle.fill(mine, "sheet.csv", [on_moodle("Anna Mäkelä", 101, 9), *CLASS[1:]])
    assert "9 of 10 points" in imported(again.content)[101][1]
    theirs = [list(ENGLISH), row(101, "Anna Mäkelä", feedback="Well done, Anna!", grade="5.00")]
    done = moodle.fill(written(theirs), "sheet.csv", CLASS)
    assert imported(done.content)[101] == (30, "Well done, Anna!")
    assert "Comments that were in the sheet" in done.remarks[0]


def test_without_a_column_for_feedback_the_grades_get_in() -> None:
    done = moodle.fill(written([one[:-1] for one in SHEET]), "sheet.csv", CLASS)
    assert done.filled == 2
    assert "switch on feedback comments" in done.remarks[0]


def test_a_grade_by_hand_is_shown_with_its_reason() -> None:
    made = on_moodle("Anna Mäkelä", 101, 8, reason="Handed in on paper, & <well>.", report=None, status="missing")
    text = imported(moodle.fill(written(SHEET), "sheet.csv", [made]).content)[101]
    assert text[0] == 80
    assert "Handed in on paper, &amp; &lt;well&gt;." in text[1]


def test_feedback_speaks_the_reports_language() -> None:
    made = on_moodle("Anna Mäkelä", 101, 2.5, report=report(language="fi", execution={"status": "ok"}))
    assert "2,5" in imported(moodle.fill(written(SHEET), "sheet.csv", [made]).content)[101][1]


@pytest.mark.parametrize("text", [*HOSTILE, "=1+1", "a; =1+1", "a;=@-+b", "a < =b", "x = -1; -2", "  =x"])
def test_hostile_text_is_shown_and_never_run(text: str) -> None:
    check = report().checks[1].model_copy(update={"message": text, "title": text, "hint": text})
    made = on_moodle("Anna Mäkelä", 101, report=report(checks=[check]))
    for delimiter in (",", ";"):
        raw = moodle.fill(written(SHEET, delimiter=delimiter), "sheet.csv", [made]).content
        cell = imported(raw, delimiter=delimiter)[101][1]
        for part in cell.split(";"):  # as Excel splits it in some countries
            assert not part.lstrip().startswith(("=", "+", "-", "@"))
        assert "<script" not in cell
        assert "\x1b" not in cell


def test_what_a_code_page_lacks_is_written_as_html() -> None:
    check = report().checks[1].model_copy(update={"message": "≥ 0.5 λ"})
    made = on_moodle("Anna Mäkelä", 101, report=report(checks=[check]))
    done = moodle.fill(written(SHEET, "cp1252"), "sheet.csv", [made]).content
    assert "&#8805; 0.5 &#955;" in imported(done, encoding="cp1252")[101][1]


# ---------------------------------------------------------------------- what is no sheet


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "not the header"),
        (b"PK\x03\x04 workbook", "workbook"),
        (b"\xff\xfeA", "no text"),
        (b"a\0b", "no text"),
        (b"whom,points\nAnna,3\n", "not the header"),
        (written([list(ENGLISH[:4]), row(1, "Anna")[:4]]), "no column `Grade`"),
        (written([list(ENGLISH), ["?", *row(1, "Anna")[1:]]]), "no participants' numbers"),
        (written([list(ENGLISH)]), "no participants' numbers"),
        (written(SHEET) + b'Participant 7,"Bob,', "never closed"),
        (written([[*ENGLISH[:5], "Scale", *ENGLISH[6:]], row(1, "Anna", "Good, Bad")]), "scale of words"),
    ],
)
def test_what_is_no_worksheet_is_refused_in_a_sentence(raw: bytes, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        moodle.fill(raw, "sheet.csv", CLASS)
    assert told in refused.value.message
    assert refused.value.advice


# ---------------------------------------------------------------------- any sheet

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
CODE_PAGE = st.text(st.sampled_from("aäöÖ€ \"';,\t=\r\n<&%-1"), max_size=12)


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[list[str]], bytes, str, str]:
    """A worksheet with columns that nobody knows, as platforms and spreadsheets write it."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    text = CODE_PAGE if encoding == "cp1252" else TEXT
    if quoting == csv.QUOTE_MINIMAL:
        text = text.map(
            lambda one: one.replace("\r", "")
        )  # Python leaves a lone one bare, and reads it as a line's end
    more = draw(st.lists(text.map(lambda one: f"x{one}"), max_size=3))
    rows = [[*ENGLISH, *more]]
    for number in range(1, draw(st.integers(2, 6))):
        made = row(number, f"Student {number}")
        made[2:4] = draw(text), draw(text)
        made[7] = draw(text)
        rows.append([*made, *(draw(text) for _ in more)])
    dialect: dict[str, Any] = {
        "delimiter": draw(st.sampled_from([",", ";", "\t"])),
        "quoting": quoting,
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
    }
    raw = written(rows, encoding, **dialect)
    if draw(st.booleans()):
        raw = raw.removesuffix(dialect["lineterminator"].encode({"utf-16": "utf-16-le"}.get(encoding, encoding)))
    return rows, raw, encoding, dialect["delimiter"]


@given(sheets(), st.lists(st.integers(1, 8), unique=True))
def test_every_column_and_row_that_it_came_with_is_kept(
    sheet: tuple[list[list[str]], bytes, str, str], numbers: list[int]
) -> None:
    rows, raw, encoding, delimiter = sheet
    before = rows_of(raw, encoding, delimiter)
    assert moodle.fill(raw, "sheet.csv", []).content == raw
    done = moodle.fill(raw, "sheet.csv", [on_moodle(f"Student {n}", n) for n in numbers])
    after = rows_of(done.content, encoding, delimiter)
    assert len(after) == len(before) == len(rows)
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        filled = number in numbers
        assert [one for place, one in enumerate(new) if place not in (4, 9)] == [
            one for place, one in enumerate(old) if place not in (4, 9)
        ]
        assert (new[4], bool(new[9])) == (("30.00", True) if filled else (old[4], number == 0))


# ---------------------------------------------------------------------- feedback files


def feedback_files(raw: bytes, participants: set[int]) -> dict[int, tuple[str, bytes]]:
    """What Moodle takes from a zip of feedback files: by the participant's number, the file's name and contents.

    As mod/assign/feedback/file does it: of each part of a path what stands between the first underscores.
    """
    found = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            assert not name.startswith("/")
            assert ".." not in name
            parts = name.split("/")
            while parts:
                told = parts.pop(0).split("_", 4)
                if len(told) < 5 or not told[1].isdigit() or int(told[1]) not in participants:
                    continue
                assert (told[2], told[3]) == ("assignsubmission", "file")
                found[int(told[1])] = "/".join([told[4], *parts]).lstrip("/"), archive.read(name)
                break
    return found


def test_each_student_gets_their_own_page() -> None:
    names = [f"{number} {name.replace('/', '_')}" for number, name in enumerate(HOSTILE)]
    entries = [on_moodle(name, number) for number, name in enumerate(names, 1)]
    pages = {one.student: f"page of {number}".encode() for number, one in enumerate(entries, 1)}
    done = moodle.feedback_zip(pages, entries)
    assert done.left == []
    found = feedback_files(done.content, set(range(1, len(names) + 1)))
    assert found == {n: ("feedback.html", f"page of {n}".encode()) for n in range(1, len(names) + 1)}


def test_whose_number_is_not_known_is_told() -> None:
    entries = [entry("Anna_12"), on_moodle("Bob", 2), on_moodle("Bob", 2)]
    done = moodle.feedback_zip(dict.fromkeys(["Anna_12", "Bob"], b"page"), entries)
    assert done.filled == 0  # of two with the same number neither page may come under it
    assert {left.student for left in done.left} == {"Anna_12", "Bob"}


@pytest.mark.parametrize(
    "team",
    [
        *(
            "Team Red",
            "Ryhmä 7",
            "group3",
            "Équipe A",
            "The red team",
            "TeamRed",
            "Teams 4",
            "Projektryhmä",
            "Gruppe_A",
        ),
        *("Pari 3", "Grp-2", "Lag 1", "Equipo Rojo"),
    ],
)
def test_without_a_sheet_no_page_comes_under_a_teams_number(team: str) -> None:
    done = moodle.feedback_zip({team: b"page", "Anna": b"hers"}, [on_moodle(team, 17), on_moodle("Anna", 5)])
    assert feedback_files(done.content, {5}) == {5: ("feedback.html", b"hers")}
    assert "--sheet" in done.left[0].reason


@pytest.mark.parametrize("others", [["Default group"], ["Team Red", "Team Blue"]])
def test_among_teams_whoever_has_no_teams_name_is_one_as_well(others: list[str]) -> None:
    entries = [on_moodle("Pandas", 17)]
    for number, name in enumerate(others, 20):
        tail = "" if name == "Default group" else f"_{number}"
        entries.append(entry(name, 3, f"/c.zip/{name}{tail}_assignsubmission_file_/110.ipynb"))
    done = moodle.feedback_zip({one.student: b"page" for one in entries}, entries)
    assert done.filled == 0
    assert all("--sheet" in one.reason for one in done.left)


def test_zeros_before_a_number_make_no_other_of_it() -> None:
    padded = entry("Anna", 3, "/c.zip/Anna_007_assignsubmission_file_/110.ipynb")
    done = moodle.feedback_zip({"Anna": b"hers", "Bob": b"his"}, [padded, on_moodle("Bob", 7)])
    assert (done.filled, {one.student for one in done.left}) == (0, {"Anna", "Bob"})
    assert feedback_files(moodle.feedback_zip({"Anna": b"hers"}, [padded]).content, {7}) == {
        7: ("feedback.html", b"hers")
    }
    done = moodle.fill(written([list(ENGLISH), row(7, "Anna")]), "sheet.csv", [padded])
    assert imported(done.content)[7][0] == 30


def test_digits_of_other_scripts_are_no_number() -> None:
    arabic = entry("Anna", 3, "/c.zip/Anna_١٧_assignsubmission_file_/110.ipynb")
    done = moodle.feedback_zip({"Anna": b"hers", "Bob": b"his"}, [on_moodle("Bob", 17), on_moodle("Bo", 1), arabic])
    assert feedback_files(done.content, {17}).get(17) != ("feedback.html", b"hers")


def test_a_number_that_two_rows_have_is_nobodys() -> None:
    sheet = written([list(ENGLISH), row(7, "Bob"), row(7, "Eve"), row(8, "Al")])
    done = moodle.fill(sheet, "sheet.csv", [entry("Bob"), entry("Eve"), entry("Al")])
    assert [one[4] for one in rows_of(done.content)[1:]] == ["", "", "30.00"]
    assert {one.student for one in done.left} == {"Bob", "Eve"}


def test_with_a_sheet_nobody_gets_a_page_who_is_not_in_it() -> None:
    others = [on_moodle("Zoe", 104), on_moodle("Anna Mäkelä", 101)]  # 104 is somebody else
    folders, left = moodle.sheet_folders(written(SHEET), "sheet.csv", others)
    done = moodle.feedback_zip({"Zoe": b"z", "Anna Mäkelä": b"a"}, others, folders)
    assert feedback_files(done.content, {101}) == {101: ("feedback.html", b"a")}
    assert [one.student for one in left] == ["Zoe"]


# ---------------------------------------------------------------------- teams

TEAMS_HEADER = [*ENGLISH[:4], "Group", *ENGLISH[4:]]


def in_team(number: int, name: str, team: str) -> list[str]:
    one = row(number, name)
    return [*one[:4], team, *one[4:]]


TEAMS = [
    TEAMS_HEADER,
    in_team(601, "Ada Byte", "Team Red"),
    in_team(602, "Bo Bit", "Team Red"),
    in_team(603, "Cy Core", "Team Blue"),
    in_team(17, "Di Dot", "Team Blue"),
    in_team(605, "Ed Edge", "Default group"),
    in_team(606, "Flo Far", ""),
]
TEAMS_WORK = [
    on_moodle("Team Red", 17, 10),
    on_moodle("Team Blue", 18, 5),
    entry("Default group", 2, "x/Default group_assignsubmission_file_/small.ipynb"),
]


def test_what_a_team_handed_in_is_every_members() -> None:
    done = moodle.fill(written(TEAMS), "teams.csv", TEAMS_WORK)
    grades = {one[1]: one[5] for one in rows_of(done.content)[1:]}
    assert grades == {
        "Ada Byte": "100.00",
        "Bo Bit": "100.00",
        "Cy Core": "50.00",
        "Di Dot": "50.00",
        "Ed Edge": "20.00",
        "Flo Far": "",
    }
    assert (done.filled, done.left) == (5, [])


def test_a_teams_page_comes_under_its_members_numbers_and_no_other() -> None:
    folders, left = moodle.sheet_folders(written(TEAMS), "teams.csv", TEAMS_WORK)
    pages = {one.student: one.student.encode() for one in TEAMS_WORK}
    found = feedback_files(moodle.feedback_zip(pages, TEAMS_WORK, folders).content, {17, 601, 602, 603, 605})
    red, blue, other = (("feedback.html", name) for name in (b"Team Red", b"Team Blue", b"Default group"))
    assert found == {601: red, 602: red, 603: blue, 17: blue, 605: other}
    assert left == []


def test_who_is_in_a_team_and_handed_in_alone_is_told() -> None:
    done = moodle.fill(written(TEAMS), "teams.csv", [*TEAMS_WORK, on_moodle("Ada Byte", 601, 9)])
    grades = {one[1]: one[5] for one in rows_of(done.content)[1:]}
    assert (grades["Ada Byte"], grades["Bo Bit"]) == ("", "100.00")
    assert {left.student for left in done.left} == {"Ada Byte", "Team Red"}
    assert all("Ada Byte" in left.reason for left in done.left)


def test_a_name_in_front_is_a_group_that_everybody_handed_in_alone_in() -> None:
    done = moodle.fill(written(TEAMS), "teams.csv", [on_moodle("Team Red-Ada Byte", 601, 9)])
    assert {one[1]: one[5] for one in rows_of(done.content)[1:]}["Ada Byte"] == "90.00"


# ---------------------------------------------------------------------- other languages, and what stays

WORDS = {
    "fr": (
        *("Identifiant", "Nom complet", "Adresse de courriel", "Statut", "Note", "Note maximale"),
        *("La note peut être modifiée", "Dernière modification (travail remis)", "Dernière modification (note)"),
        "Feedback par commentaires",
    ),
    "sv": (
        *("Identifierare", "Fullständigt namn", "E-postadress", "Status", "Betyg", "Högsta betyg", "Betyg kan ändras"),
        *("Senast ändrad (inlämning)", "Senast ändrad (betyg)", "Återkopplingskommentarer"),
    ),
    "pl": (
        *("Identyfikator", "Pełna nazwa", "Adres e-mail", "Status", "Ocena", "Maksymalna ocena", "Ocenę można zmienić"),
        *("Ostatnia modyfikacja (zadanie)", "Ostatnia modyfikacja (ocena)", "Komentarz zwrotny"),
    ),
    "ja": (
        "識別子",
        "氏名",
        "メールアドレス",
        "ステータス",
        "評点",
        "最大評点",
        "変更可",
        "最終更新",
        "評点更新",
        "コメント",
    ),
    "xx": ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J"),
}
YES = {"fr": ("Oui", "Non"), "sv": ("Ja", "Nej"), "pl": ("Tak", "Nie"), "ja": ("はい", "いいえ"), "xx": ("da", "ne")}


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("mark", [".", ","])
def test_sheets_of_any_language_are_known_by_what_is_in_them(language: str, mark: str) -> None:
    words, (yes, no) = WORDS[language], YES[language]
    most = f"20{mark}00"
    names = {101: ("Anna Mäkelä", yes), 102: ("Bob O'Brien", yes), 103: ("Eve", no)}
    sheet = [list(words), *(row(n, name, most, can, prefix="Participant ") for n, (name, can) in names.items())]
    done = moodle.fill(written(sheet), "sheet.csv", [*CLASS[:2], on_moodle("Eve", 103, 1)])
    found = rows_of(done.content)
    assert [one[4] for one in found] == [words[4], f"6{mark}00", f"15{mark}00", ""]
    assert "3 of 10 points" in found[1][9]
    assert [[*one[:4], *one[5:9]] for one in found] == [[*one[:4], *one[5:9]] for one in sheet]
    assert [left.student for left in done.left] == ["Eve"]
    assert moodle.fill(written(sheet), "s.csv", [entry("Anna Mäkelä")]).filled == 1  # by the name alone


def test_words_in_the_place_of_a_grade_stay_and_are_told() -> None:
    sheet = [list(ENGLISH), row(101, "Anna Mäkelä", grade="excused"), row(102, "Bob O'Brien", grade="1.00")]
    done = moodle.fill(written(sheet), "sheet.csv", CLASS[:2])
    assert [one[4] for one in rows_of(done.content)[1:]] == ["excused", "75.00"]
    assert [(left.student, "excused" in left.reason) for left in done.left] == [("Anna Mäkelä", True)]


def test_the_sheet_tells_the_numbers_too() -> None:
    folders, left = moodle.sheet_folders(written(SHEET), "sheet.csv", [entry("Anna Mäkelä"), entry("Nobody")])
    assert folders == {"Anna Mäkelä": ["Anna Mäkelä_101"]}
    assert [one.student for one in left] == ["Nobody"]
    done = moodle.feedback_zip({"Anna Mäkelä": b"page"}, [entry("Anna Mäkelä")], folders)
    assert feedback_files(done.content, {101}) == {101: ("feedback.html", b"page")}


def test_a_report_is_not_needed_for_the_number() -> None:
    made: Report | None = None
    assert on_moodle("Anna", 1, report=made).report is None
    assert reasons([on_moodle("Anna", 1, report=made)], [list(ENGLISH), row(1, "Anna")]) == ({1: 30}, {})


@pytest.mark.parametrize(
    ("encoding", "odd"), [("cp1252", b"\x81\x8d\xe4"), ("utf-16-le", b"\x00\xd8"), ("utf-16-be", b"\xdc\x00")]
)
def test_bytes_that_mean_nothing_stay_as_they_are(encoding: str, odd: bytes) -> None:
    mark = "" if encoding == "cp1252" else "\ufeff"
    head, place, tail = written(SHEET, "utf-8").decode().partition("Not Here")
    raw = (mark + head + place).encode(encoding) + odd + tail.encode(encoding)
    done = moodle.fill(raw, "sheet.csv", CLASS)
    assert done.filled == 2
    assert done.content.endswith(place.encode(encoding) + odd + tail.encode(encoding))
