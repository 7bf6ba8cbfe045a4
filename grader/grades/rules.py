"""The teacher's rules for a class: which attempt counts, until when, and what it costs to be late.

They are a small TOML file::

    counts = "best"                          # or "last", which is what counts without rules
    deadline = 2026-11-20T23:59:00+02:00
    grace = "15 min"

    [late]
    per_day = "10 %"
    at_most = "50 %"
    never_after = "7 days"

    [students."Ada Lovelace"]
    deadline = 2026-11-27T23:59:00+02:00

What is computed from them here hangs on nothing else: no clock, no file, no notebook.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from grader.errors import UsageError
from grader.intake.times import moment
from grader.pass_mark import PassMark
from grader.record import Frozen, Record, first_fault
from grader.result_files import RULES
from grader.text import count, number, plain

DAY_S = 86_400.0

R = TypeVar("R", bound=Record)

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": DAY_S, "w": 7 * DAY_S}
_DURATION = re.compile(
    r"(?P<n>\d{1,9}(?:\.\d{1,6})?) ?(?:(?P<s>s|sec|seconds?)|(?P<min>min|minutes?)|(?P<h>h|hours?)|(?P<d>d|days?)"
    r"|(?P<w>w|weeks?))"
)
_COST = re.compile(r"(?P<n>\d{1,9}(?:\.\d{1,6})?) ?(?:(?P<share>%)|(?P<points>p|points?))")


# ---------------------------------------------------------------------- what the file may say


@dataclass(frozen=True)
class Cost:
    """What lateness takes: points, or a share of the points that were earned."""

    amount: float
    of_earned: bool

    def of(self, earned: float) -> float:
        """Points that it takes of so many that were earned."""
        return self.amount * earned if self.of_earned else self.amount

    def __str__(self) -> str:
        return f"{number(100 * self.amount)} %" if self.of_earned else f"{number(self.amount)} points"


def _cost(value: Any) -> Cost:
    told = _COST.fullmatch(value.strip()) if isinstance(value, str) else None
    if told is None:
        raise ValueError('say "10 %" (of the points earned) or "0.5 points"')
    amount = float(told["n"])
    if told["share"] and amount > 100:
        raise ValueError("100 % is all that can be taken")
    return Cost(amount / 100, True) if told["share"] else Cost(amount, False)


def _seconds(value: Any) -> float:
    told = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if told is None:
        raise ValueError('say how long as in "15 min", "2 h", "7 days" or "1 week"')
    return float(told["n"]) * next(each for unit, each in _UNITS.items() if told[unit])


Moment = Annotated[datetime, BeforeValidator(moment)]
Duration = Annotated[float, BeforeValidator(_seconds)]
Costs = Annotated[Cost, BeforeValidator(_cost)]


class _Rule(Frozen):
    model_config = ConfigDict(arbitrary_types_allowed=True)


class LateRule(_Rule):
    """What it costs to be late.

    Attributes
    ----------
    per_day
        For each day after the deadline that has begun.
    at_most
        Not more than this in all.
    never_after
        What comes later than so long after the deadline does not count at all.
    """

    per_day: Costs = Cost(0.0, False)
    at_most: Costs | None = None
    never_after: Duration | None = None


class StudentRule(_Rule):
    """What is otherwise for one student; `reason` is for whoever reads the file."""

    deadline: Moment | None = None
    reason: str = ""


class Rules(_Rule):
    """What a teacher says of a class.

    Attributes
    ----------
    counts
        Which of a student's attempts: the newest, or the one with the most points after what lateness takes.
    grace
        Who is not later than this after the deadline is in time. For those who are, lateness begins at the deadline.
    pass_mark
        From which share of the points possible on it is passed; without it the exercise's own holds.
    times
        A CSV of when each student handed in; or `files` to believe the times of the files, whatever they look like.
    students
        By name, as in the gradebook.
    """

    counts: Literal["best", "last"] = "last"
    deadline: Moment | None = None
    grace: Duration = 0.0
    late: LateRule = LateRule()
    pass_mark: PassMark | None = None
    times: str = ""
    students: dict[str, StudentRule] = Field(default_factory=dict)

    @property
    def every_attempt(self) -> bool:
        """Whether anything but the newest attempt can count."""
        return self.counts == "best" or self.late.never_after is not None

    def deadline_of(self, student: str) -> datetime | None:
        own = self.students.get(student)
        return self.deadline if own is None or own.deadline is None else own.deadline

    def lateness(self, student: str, handed_in: datetime | None) -> float:
        """Seconds after the student's deadline; 0 where it was in time, or nobody knows when it was handed in."""
        deadline = self.deadline_of(student)
        if deadline is None or handed_in is None:
            return 0.0
        late = (handed_in - deadline).total_seconds()
        return late if late > self.grace else 0.0

    def too_late(self, late_s: float) -> bool:
        """Whether what is so late does not count any more."""
        return self.late.never_after is not None and late_s > max(self.late.never_after, self.grace)

    def penalty(self, earned: float, late_s: float) -> float:
        """Points that lateness takes of so many that were earned.

        Rounded down to hundredths, in the student's favour; never more than what was earned.
        """
        if late_s <= 0 or earned <= 0:
            return 0.0
        if self.too_late(late_s):
            return earned
        taken = math.ceil(late_s / DAY_S) * self.late.per_day.of(earned)
        if self.late.at_most is not None:
            taken = min(taken, self.late.at_most.of(earned))
        # 0.1 + 0.2 is a little more than 0.3, and 0.29 * 100 a little less than 29.
        return min(earned, math.floor(taken * 100 + 1e-6) / 100)

    def told(self) -> str:
        """The rules in one sentence, for those who read the results."""
        parts = ["of several attempts the best counts" if self.counts == "best" else "the newest attempt counts"]
        if self.deadline is not None:
            parts.append(f"deadline {self.deadline:%Y-%m-%d %H:%M %z}")
        if self.grace:
            parts.append(f"{duration(self.grace)} of grace")
        if self.late.per_day.amount:
            most = "" if self.late.at_most is None else f", at most {self.late.at_most}"
            parts.append(f"{self.late.per_day} less for each day that has begun{most}")
        if self.late.never_after is not None:
            parts.append(f"nothing counts {duration(self.late.never_after)} after the deadline")
        if self.pass_mark is not None:
            parts.append(f"passed from {number(100 * self.pass_mark)} % on")
        others = sum(one.deadline is not None for one in self.students.values())
        if others:
            parts.append(f"{count(others, 'student')} with a deadline of their own")
        sentence = "; ".join(parts)
        return f"{sentence[0].upper()}{sentence[1:]}."


def duration(seconds: float) -> str:
    """So long, in the two largest units that it takes: "2 d 3 h"; what is left over counts as one more."""
    minutes = math.ceil(seconds / 60 - 1e-9)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        hours += minutes % 60 > 0
        return f"{days + hours // 24} d" + (f" {hours % 24} h" if hours % 24 else "")
    return f"{hours} h {minutes % 60} min" if hours and minutes % 60 else f"{hours} h" if hours else f"{minutes} min"


# ---------------------------------------------------------------------- which attempt counts


class Weighed(Protocol):
    """What counting looks at: which attempt, the points (None where it is not graded), how late, what was at stake."""

    @property
    def number(self) -> int: ...
    @property
    def earned(self) -> float | None: ...
    @property
    def at_stake(self) -> float: ...
    @property
    def late_s(self) -> float: ...


Found = TypeVar("Found", bound=Weighed)


def counting(rules: Rules, attempts: Sequence[Found]) -> Found:
    """The attempt that counts, of at least one.

    The best is the one with the most points after the penalty; of several, the one that was less late, and then the
    newest. An attempt that is not graded yet counts as long as it could be better than all others: then nobody knows.
    """
    if rules.counts == "last":
        fine = [one for one in attempts if not rules.too_late(one.late_s)]
        return max(fine or attempts, key=lambda one: one.number)

    def left(one: Found) -> float:
        points = one.at_stake if one.earned is None else one.earned
        return round(points - rules.penalty(points, one.late_s), 6)

    def worth(one: Found) -> tuple[float, bool, float, int]:
        return left(one), one.earned is not None, -one.late_s, one.number

    return max(attempts, key=worth)


# ---------------------------------------------------------------------- the file


def load_rules(path: Path) -> Rules:
    """The rules in a file; see :func:`read_rules`."""
    return read_rules(path, Rules)


def read_rules(path: Path, kind: type[R]) -> R:
    """What a teacher's file of rules says, of whichever kind they are.

    Raises
    ------
    UsageError
        It is not there, is no TOML, or says what is no rule.
    """
    name = plain(str(path))
    try:
        return kind.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except FileNotFoundError:
        raise UsageError(f"There is no {name}.", "Name the file of rules with --rules.") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}.", "Check your access to it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is no TOML: {plain(str(error))}.", "Correct it; see docs/teachers.md.") from None
    except ValidationError as error:
        raise UsageError(f"{name}: {first_fault(error)}.", "Correct it; see docs/teachers.md.") from None


def rules_for(named: Path | None, results: Path) -> Rules | None:
    """The rules in the file that is named, or else in `rules.toml` of the results folder, if there is one."""
    if named is not None:
        return load_rules(named.expanduser())
    own = results / RULES
    return load_rules(own) if os.path.lexists(own) else None  # False, too, for a name that no file can have
