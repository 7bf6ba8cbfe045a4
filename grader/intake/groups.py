"""Groups: one submission of several students, by a sheet that tells who belongs together.

The sheet is a CSV with a row for each student: columns `group` and `student`, or what Canvas gives as a group set
(`group_name`, `name`, `canvas_user_id`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import UsageError
from grader.intake.attempt import Attempt, HandedIn, Remark
from grader.intake.names import composed, shown
from grader.text import plain

_MOST = 20_000_000
_TITLES = {
    "group": ("group", "group_name", "group name", "team", "ryhmä"),
    "student": ("student", "name", "full name", "opiskelija", "nimi", "koko nimi"),
    "number": ("canvas_user_id", "number"),
}


@dataclass(frozen=True)
class Member:
    """A student of a group; the platform's number where the sheet has one."""

    name: str
    number: str = ""


@dataclass(frozen=True)
class Shared:
    """What a class handed in, by groups.

    Attributes
    ----------
    handed_in
        One submission for each group, in the name of one of its members.
    others
        The other members, by that one's name.
    """

    handed_in: HandedIn
    others: Mapping[str, tuple[str, ...]]

    def one_of(self, student: str) -> str:
        """In whose name the work of a student is graded."""
        return next((one for one, others in self.others.items() if student in others), student)

    @property
    def everybody(self) -> HandedIn:
        """What was handed in, as every member's own."""
        mine = {str(one.student): one for one in self.handed_in.submissions}
        more = [replace(mine[one], student=other) for one, others in self.others.items() for other in others]
        submissions = sorted([*self.handed_in.submissions, *more], key=lambda one: str(one.student))
        return replace(self.handed_in, submissions=tuple(submissions))


def read_groups(path: Path) -> dict[str, tuple[Member, ...]]:
    """The members of each group.

    Raises
    ------
    UsageError
        The sheet cannot be read, has no such columns, or puts a student into two groups.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST + 1)[: _MOST + 1].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"{plain(str(path))} cannot be read: {reason}.", "Check the name and your access.") from None
    groups: dict[str, list[Member]] = {}
    whose: dict[str, str] = {}
    for group, member in _rows(text, path):
        key = _key(member.name)
        if whose.setdefault(key, group) != group:
            raise UsageError(
                f"{plain(str(path))} has {shown(member.name)} in two groups.", "Leave each student in one of them."
            )
        if member not in groups.setdefault(group, []):
            groups[group].append(member)
    return {group: tuple(members) for group, members in groups.items()}


def _rows(text: str, path: Path) -> Iterator[tuple[str, Member]]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except (ValueError, csv.Error):
        header, rows = [], []
    titles = [" ".join(composed(title).split()).casefold() for title in header]
    places = {
        what: next((titles.index(word) for word in words if word in titles), None) for what, words in _TITLES.items()
    }
    group, student, number = places["group"], places["student"], places["number"]
    if group is None or student is None:
        raise UsageError(f"{plain(str(path))} has no columns `group` and `student`.", "Give each student a row.")
    for row in rows:
        cells = [composed(cell).strip() for cell in row] + [""] * len(titles)
        if cells[group] and cells[student]:
            yield cells[group], Member(cells[student], "" if number is None else cells[number])


def shared(handed_in: HandedIn, groups: Mapping[str, Sequence[Member]]) -> Shared:
    """What was handed in, one submission for each group.

    It may have been handed in under the group's name, or by any of its members; of several the newest counts. Who
    handed nothing in alone is not missing where the group did.
    """
    work = _Work(handed_in)
    others: dict[str, tuple[str, ...]] = {}
    for group, members in groups.items():
        known = [work.student(member) or member.name for member in members]
        work.take(group, known, others)
    return Shared(work.handed_in(), others)


class _Work:
    """Submissions, attempts and remarks while groups are put together."""

    def __init__(self, given: HandedIn) -> None:
        self._given = given
        self._submissions = {str(one.student): one for one in given.submissions}
        self._attempts = dict(given.attempts)
        self._counts = dict(given.hand_ins)
        self._numbers = dict(given.numbers)
        self._remarks = list(given.remarks)
        names = {*self._submissions, *(remark.student for remark in given.remarks if remark.student)}
        self._by_key: dict[str, list[str]] = {}
        for name in names:
            self._by_key.setdefault(_key(name), []).append(name)
        self._by_number = {number: name for name, number in given.numbers.items() if number}

    def student(self, member: Member) -> str:
        """The name under which a member is known already; empty where there is none."""
        found = self._by_number.get(member.number) if member.number else None
        if found is None:
            words = re.split(r"[\s,]+", member.name.strip())
            keys = [_key(member.name), _key("".join([words[-1], *words[:-1]]))]  # Canvas: lovelaceada
            named = [name for key in dict.fromkeys(keys) for name in self._by_key.get(key, [])]
            found = named[0] if len(named) == 1 else None
        return found or ""

    def take(self, group: str, members: list[str], others: dict[str, tuple[str, ...]]) -> None:
        """Let one member stand for a group."""
        of_group = [name for name in self._by_key.get(_key(group), []) if name in self._submissions]
        came = [name for name in (*members, *of_group) if name in self._submissions]
        if not came:
            silent = [name for name in members if not any(one.student == name for one in self._remarks)]
            text = f"The group {shown(group)} handed nothing in."
            self._remarks += [Remark(name, "missing", text) for name in silent]
            return
        newest = max(came, key=lambda name: (self._when(name), -came.index(name)))
        one = newest if newest in members else members[0]
        if len(came) > 1:
            text = f"The group {shown(group)} handed in {len(came)} times: that of {shown(newest)} counts."
            self._remarks.append(Remark(one, "duplicate", text))
        submission, attempts = self._submissions[newest], self._attempts.get(newest, ())
        hand_ins, number = self._counts.get(newest, len(attempts)), self._numbers.get(one, "")
        for name in came:
            for known in (self._submissions, self._attempts, self._counts):
                known.pop(name, None)
            if name not in members:
                self._numbers.pop(name, None)  # a group's number is no student's
        self._submissions[one] = replace(submission, student=one)
        self._attempts[one] = tuple(_of(attempt, one) for attempt in attempts)
        self._counts[one] = hand_ins
        if number:
            self._numbers[one] = number
        # What is said of the files of the one that counts is said of the group's; nobody else is missing.
        gone = {*members, *of_group} - {newest}
        self._remarks = [remark for remark in self._remarks if remark.student not in gone or remark.student == one]
        self._remarks = [
            replace(remark, student=one) if remark.student == newest else remark for remark in self._remarks
        ]
        others[one] = tuple(name for name in members if name != one)

    def _when(self, name: str) -> float:
        attempts = self._attempts.get(name, ())
        return attempts[-1].handed_in.timestamp() if attempts and attempts[-1].handed_in is not None else 0.0

    def handed_in(self) -> HandedIn:
        return replace(
            self._given,
            submissions=tuple(sorted(self._submissions.values(), key=lambda one: str(one.student))),
            attempts=self._attempts,
            hand_ins=self._counts,
            numbers=self._numbers,
            remarks=tuple(sorted(self._remarks, key=lambda remark: remark.student)),
        )


def _of(attempt: Attempt, student: str) -> Attempt:
    return replace(attempt, submission=replace(attempt.submission, student=student))


def _key(name: str) -> str:
    """A name without what platforms take out of names."""
    return "".join(c for c in composed(name).casefold() if c.isalnum())
