"""When something was handed in: which times of files are believed, and sheets of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.intake.times import TimeSheet, as_moment, nbgrader_time, shared_moments

# ---------------------------------------------------------------------- which times are to be believed


@pytest.mark.parametrize(
    ("times", "shared"),
    [
        ([], set()),
        ([("a", 10)], set()),
        ([("a", 10), ("a", 10), ("a", 11)], set()),  # one student's own
        ([("a", 10), ("b", 11)], {10, 11}),  # all there are
        ([("a", 10), ("b", 11), ("c", 500)], set()),  # two of many may come at the same time
        ([("a", 10), ("b", 12), ("c", 14), ("d", 500)], {10, 12, 14}),
        ([("a", 10), ("b", 12.5), ("c", 15), ("d", 500)], set()),
        # Two downloads, each unpacked at another time.
        ([(name, when) for when in (10, 90) for name in "abc"], {10, 90}),
    ],
)
def test_moments_of_unpacking(times: list[tuple[str, float]], shared: set[float]) -> None:
    assert shared_moments(times) == shared
    assert shared_moments(times[::-1]) == shared


def test_times_that_are_none() -> None:
    now = datetime.now(UTC)
    assert [as_moment(when) for when in (0, -1e18, 1e18, float("nan"), 315532800)] == [None] * 5  # the zip's 1980
    assert as_moment((now + timedelta(days=3)).timestamp()) is None
    assert as_moment(1.7e9) == datetime.fromtimestamp(1.7e9, UTC)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-20 21:59:10.123456 UTC\n", datetime(2026, 11, 20, 21, 59, 10, 123456, UTC)),
        ("2026-11-20 23:59:10.000000 Europe/Helsinki", datetime(2026, 11, 20, 21, 59, 10, tzinfo=UTC)),
        ("2026-11-20 21:59:10", None),
        ("2026-11-20 21:59:10 Nowhere/Land", None),
        ("2026-11-20 21:59:10 ../../etc/passwd", None),
        ("ä", None),
        ("", None),
    ],
)
def test_the_time_that_nbgrader_writes(tmp_path: Path, text: str, when: datetime | None) -> None:
    path = tmp_path / "timestamp.txt"
    path.write_text(text, "utf-8")
    assert nbgrader_time(path) == when
    assert nbgrader_time(tmp_path / "none") is None


# ---------------------------------------------------------------------- a sheet of times

LATE = datetime(2026, 3, 3, 12).astimezone()
SHEETS = {
    "plain": "student,handed_in\nAnn  Lee,2026-03-03 12:00\nZoé,\n",
    "Moodle's": (
        "Identifier,Full name,Status,Last modified (submission),Grade\r\n"
        'Participant 7,Ann Lee,Submitted,"Tuesday, 3 March 2026, 12:00 PM",\r\nParticipant 8,Zoé,-,-,\r\n'
    ),
    "in Finnish": (
        "Tunniste\tKoko nimi\tViimeksi muokattu (palautus)\n"
        "Osallistuja 7\tann lee\ttiistai, 3. maaliskuuta 2026, 12:00\n"
    ),
    "in German": 'Vollständiger Name;Zuletzt geändert (Abgabe)\n"Ann Lee";"Dienstag, 3. März 2026, 12:00"\n',
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("sheet", SHEETS)
def test_a_sheet_of_times(tmp_path: Path, sheet: str, encoding: str) -> None:
    (tmp_path / "sheet.csv").write_bytes(SHEETS[sheet].encode(encoding))
    times = TimeSheet(tmp_path / "sheet.csv")
    assert times.of("Ann Lee") == LATE
    assert times.of("Zoé") is None
    assert times.of("somebody else", "7") == (LATE if "7" in SHEETS[sheet] else None)


def test_two_of_one_name_are_told_apart_by_number_only(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    rows = ["Participant 7,Ann,2026-03-03 12:00", "Participant 8,Ann,2026-03-04 12:00", "Participant 9,Bo,2026-03-05"]
    sheet.write_text("\n".join(["Identifier,Name,handed in", *rows]))
    times = TimeSheet(sheet)
    assert [times.of("Ann"), times.of("Ann_7", "7"), times.of("Ann_8", "8")] == [None, LATE, LATE + timedelta(days=1)]
    assert times.of("Bo") == datetime(2026, 3, 6).astimezone()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not tell who handed in when"),
        ("student,score\nann,3\n", "does not tell who handed in when"),
        ("student,handed_in\nann,yesterday\n", "line 2: 'yesterday' is no date and time"),
        ('student,handed_in\nann,"Tuesday, 31 February 2026, 12:00 PM"\n', "is no date and time"),
        ('student,handed_in\nann,"Tuesday, 3 Maggio 2026, 12:00 PM"\n', "is no date and time"),
        ('student,handed_in\n"ann', "is no CSV"),
    ],
)
def test_a_sheet_that_tells_nothing(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "sheet.csv").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=says):
        TimeSheet(tmp_path / "sheet.csv")


@pytest.mark.parametrize(
    ("told", "hour"), [("12:05 AM", 0), ("9:05 AM", 9), ("12:05 PM", 12), ("9:05 PM", 21), ("9.05", 9)]
)
def test_hours_in_words(tmp_path: Path, told: str, hour: int) -> None:
    (tmp_path / "sheet.csv").write_text(f'student;submitted at\nann;"Tuesday, 3 March 2026, {told}"\n')
    assert TimeSheet(tmp_path / "sheet.csv").of("ann") == datetime(2026, 3, 3, hour, 5).astimezone()
