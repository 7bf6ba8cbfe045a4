"""When something was handed in: which times of files can be believed, and what else tells."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from grader.errors import UsageError
from grader.intake.names import composed
from grader.text import plain

_MOST = 20_000_000  # bytes of a sheet
_APART_S = 2.0  # the times of files in a zip are whole pairs of seconds
_CROWD = 3


def moment(value: Any) -> datetime:
    """A moment from a date and a time; without an offset they are of this machine's zone, and a date is its end.

    Raises
    ------
    ValueError
        It is neither.
    """
    told = value
    if isinstance(value, str):
        told = _read(value.strip())
    if isinstance(told, date) and not isinstance(told, datetime):
        told = datetime.combine(told + timedelta(days=1), time.min)
    if not isinstance(told, datetime) or not 1970 < told.year < 9000:
        raise ValueError("say a date and a time as in 2026-11-20T23:59:00+02:00")
    return told if told.tzinfo is not None and told.utcoffset() is not None else told.astimezone()


def _read(text: str) -> date | None:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def shared_moments(times: Iterable[tuple[str, float]]) -> frozenset[float]:
    """Those of the times of students' files that are no hand-in's, but the moment when all of them were unpacked.

    Such are the times of three students or more, or of everybody if there are only two, that follow one another
    within two seconds.

    Parameters
    ----------
    times
        Students, and the times of their files.
    """
    ordered = sorted({(when, student) for student, when in times})
    everybody = len({student for _, student in ordered})
    crowd = max(2, min(_CROWD, everybody))
    shared: set[float] = set()
    run: list[tuple[float, str]] = []
    for one in [*ordered, None]:
        if one is not None and (not run or one[0] - run[-1][0] <= _APART_S):
            run.append(one)
            continue
        if len({student for _, student in run}) >= crowd:
            shared |= {when for when, _ in run}
        run = [one] if one is not None else []
    return frozenset(shared)


def as_moment(seconds: float) -> datetime | None:
    """A file's time; None where it has none: archives have 1980 or nothing, and the future is a clock that is wrong."""
    try:
        when = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return when.astimezone() if datetime(1981, 1, 1, tzinfo=UTC) < when < _tomorrow() else None


def _tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def nbgrader_time(path: Path) -> datetime | None:
    """What nbgrader's `timestamp.txt` says: ``2026-11-20 21:59:10.000000 UTC``."""
    with suppress(OSError, ValueError):  # a zone that nobody knows is a ValueError, too, or a KeyError
        with path.open("rb") as file:
            text = file.read(200).decode("ascii").strip()
        when, _, zone = text.rpartition(" ")
        with suppress(KeyError):
            return datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(zone))
    return None


# ---------------------------------------------------------------------- a sheet of times

_STUDENT = re.compile(r"student|full name|name|user ?name|koko nimi|nimi|opiskelija|vollständiger name", re.IGNORECASE)
_WHEN = re.compile(
    r"handed[ _]in|submitted( at)?|last modified \(submission\)|.*muokattu.*palautu.*|.*palautu.*muokattu.*|palautettu"
    r"|zuletzt geändert \(abgabe\)|senast ändrad \(inlämning\)",
    re.IGNORECASE,
)
_PARTICIPANT = re.compile(r"[^\W\d_]+ (\d+)")  # Moodle's "Participant 12345", in whatever language


class TimeSheet:
    """When students handed in, from a CSV: columns `student` and `handed_in`, or Moodle's grading worksheet.

    Raises
    ------
    UsageError
        It cannot be read, or has no such columns, or what is in them is no time.
    """

    def __init__(self, path: Path) -> None:
        self._name = plain(str(path))
        self._by_number: dict[str, datetime] = {}
        self._by_name: dict[str, datetime | None] = {}
        rows = self._rows(path)
        header = [cell.strip() for cell in rows[0]] if rows else []
        student = next((n for n, cell in enumerate(header) if _STUDENT.fullmatch(cell)), None)
        when = next((n for n, cell in enumerate(header) if _WHEN.fullmatch(cell)), None)
        if student is None or when is None:
            raise UsageError(
                f"{self._name} does not tell who handed in when.",
                "It needs columns `student` and `handed_in`, or is Moodle's grading worksheet.",
            )
        for line, row in enumerate(rows[1:], 2):
            if len(row) > max(student, when) and row[when].strip() not in ("", "-"):
                self._add(row, row[student], self._time(row[when].strip(), line))

    def of(self, student: str, number: str = "") -> datetime | None:
        """When a student handed in, by the platform's number, or else by a name that only one has."""
        return self._by_number.get(number) or self._by_name.get(_known_as(student))

    def _add(self, row: list[str], name: str, when: datetime) -> None:
        participant = next((found[1] for cell in row if (found := _PARTICIPANT.fullmatch(cell.strip()))), None)
        if participant is not None:
            self._by_number[participant] = when
        name = _known_as(name)
        self._by_name[name] = None if name in self._by_name else when  # two of one name: nobody knows which

    def _rows(self, path: Path) -> list[list[str]]:
        try:
            with path.open("rb") as file:
                text = _decoded(file.read(_MOST))
            first = text.partition("\n")[0]
            delimiter = max(",;\t", key=first.count)
            return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        except OSError as error:
            raise UsageError(
                f"{self._name} cannot be read: {error.strerror or error}.", "Check `times` in the rules."
            ) from None
        except (csv.Error, UnicodeError) as error:
            raise UsageError(f"{self._name} is no CSV: {plain(str(error))}.", "Download it again.") from None

    def _time(self, text: str, line: int) -> datetime:
        for read in (moment, _in_words):
            with suppress(ValueError):
                return read(text)
        raise UsageError(
            f"{self._name}, line {line}: {plain(text, 60)!r} is no date and time.", "Write it as 2026-11-20 23:59."
        )


def _known_as(name: str) -> str:
    return " ".join(composed(name).casefold().split())


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


_WORDS = re.compile(
    r"\D*?(?P<day>\d{1,2})\.? +(?P<month>[^\W\d_]+) +(?P<year>\d{4}),? *(?:klo |at )?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?: ?(?P<half>[AP])\.?M\.?)?",
    re.IGNORECASE,
)


def _in_words(text: str) -> datetime:
    """Moodle's "Friday, 20 November 2026, 3:32 PM", in the languages that it is likely to be in."""
    told = _WORDS.fullmatch(text)
    if told is None:
        raise ValueError
    word = told["month"].casefold()
    month = next((n for name, n in _months().items() if word.startswith(name)), None)
    if month is None:
        raise ValueError
    hour = int(told["hour"])
    if told["half"]:
        hour = hour % 12 + 12 * (told["half"] in "Pp")
    return datetime(int(told["year"]), month, int(told["day"]), hour, int(told["minute"])).astimezone()


@functools.cache
def _months() -> Mapping[str, int]:
    """Months by the beginning of their names: "marraskuu" is in "marraskuuta"."""
    from babel import Locale

    return {
        str(name).casefold(): number
        for language in ("en", "fi", "sv", "de", "fr", "es")
        for number, name in Locale(language).months["stand-alone"]["wide"].items()
    }
