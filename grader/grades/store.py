"""The attempts of a class where the best counts: each is kept, whatever is handed in later.

::

    results/students/NAME/attempts/N/report.json …   the result of an attempt, like a student's own (results.py)
    results/students/NAME/attempts/N/attempt.json    which notebook it was, and when it was handed in

Attempts are numbered as they came; a number is never given twice. The one that counts is also what the student's own
folder shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from grader.errors import GradingError
from grader.grades.results import Results
from grader.intake.attempt import Attempt
from grader.record import Record
from grader.result_files import ATTEMPT, NOTEBOOK
from grader.submission import Submission
from grader.text import plain
from grader.writing import write_whole


class Mark(Record):
    """Which notebook an attempt was (`work` is a digest of what it says), and when it was handed in."""

    work: str
    handed_in: AwareDatetime | None = None


class Attempts:
    """The attempts in a folder of results."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def plan(self, student: str, attempts: Sequence[Attempt], when: datetime | None) -> list[Attempt]:
        """A student's attempts, those that were kept before among them, by number. Nothing is graded here.

        Parameters
        ----------
        attempts
            What is handed in now, the oldest first, each with its key, and when, as far as that is known. Of several
            times that were told of an attempt the earliest holds: the same notebook may be downloaded again, and its
            file be newer then.
        when
            When that was handed in which the student's own folder shows, if it is known.
        """
        marks = self._marks(student)
        works = [self.results.work(one.submission) for one in attempts]
        shown = self.results.key_of(student)
        if shown is not None and shown not in {self.results.key_of(student, number) for number in marks}:
            self._adopt(student, shown, works, [one.key for one in attempts], marks, when)
        kept: dict[int, Attempt] = {}
        for attempt, work in zip(attempts, works, strict=True):
            alike = [n for n, mark in marks.items() if mark.work == work and n not in kept]
            # The same notebook may have come twice with other files beside it: those differ in their keys alone.
            alike.sort(key=lambda n: self.results.key_of(student, n) != attempt.key)
            number = alike[0] if alike else self._next(student)
            before = None if attempt.told or number not in marks else marks[number].handed_in
            known = [when for when in (attempt.handed_in, before) if when is not None]
            mark = Mark(work=work, handed_in=min(known, default=None))
            self._write(student, number, mark, marks)
            kept[number] = replace(attempt, number=number, place=number, handed_in=mark.handed_in)
        gone = {number: self._gone(student, number, mark) for number, mark in marks.items()}
        return [one for _, one in sorted((gone | kept).items())]

    def _gone(self, student: str, number: int, mark: Mark) -> Attempt:
        ran = self.results.folder(student, number) / NOTEBOOK
        return Attempt(Submission(ran, student), mark.handed_in, gone=True, number=number, place=number)

    def _adopt(
        self,
        student: str,
        key: str,
        works: Sequence[str],
        keys: Sequence[str],
        marks: dict[int, Mark],
        when: datetime | None,
    ) -> None:
        """Make an attempt of a result that is there from when the newest counted."""
        report = self.results.read(student)
        if report is None or report.status == "ungraded":
            return
        if key in keys:
            work = works[keys.index(key)]
        else:
            executed = self.results.folder(student) / NOTEBOOK
            if not executed.is_file():  # it could not be read then, and was worth nothing
                return
            work = self.results.work(Submission(executed, student))
        known = [n for n, mark in marks.items() if mark.work == work]
        number = known[0] if known else self._next(student)
        self._write(student, number, marks.get(number, Mark(work=work, handed_in=when)), marks)
        self.results.copy(student, 0, number)

    def _next(self, student: str) -> int:
        """A number that no attempt ever had: what is in a damaged one's folder is not written over."""
        numbers = [int(one.name) for one in self._folder(student).glob("*") if one.name.isdecimal()]
        return max(numbers, default=0) + 1

    def _marks(self, student: str) -> dict[int, Mark]:
        found: dict[int, Mark] = {}
        for path in self._folder(student).glob(f"*/{ATTEMPT}"):
            try:
                found[int(path.parent.name)] = Mark.model_validate_json(path.read_bytes())
            except (OSError, ValueError, ValidationError):  # no mark of ours
                continue
        return dict(sorted(found.items()))

    def _write(self, student: str, number: int, mark: Mark, marks: dict[int, Mark]) -> None:
        if marks.get(number) == mark:
            return
        marks[number] = mark
        folder = self.results.folder(student, number)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / ATTEMPT, mark.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise GradingError(
                f"The attempts of {plain(student, 60)} cannot be written: {error.strerror or error}.",
                "Make room or see to your access, and run the same command again: it goes on from here.",
            ) from error

    def _folder(self, student: str) -> Path:
        return self.results.folder(student, 1).parent


def distinct(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The same notebook handed in twice is one attempt, of when it came first."""
    found: dict[str, Attempt] = {}
    for attempt in attempts:
        first = found.setdefault(attempt.key, attempt)
        known = [one.handed_in for one in (first, attempt) if one.handed_in is not None]
        found[attempt.key] = replace(first, handed_in=min(known, default=None))
    return list(found.values())
