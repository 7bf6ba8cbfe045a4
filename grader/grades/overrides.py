"""Grades that the teacher gave by hand: `overrides.json` in the results folder, which no batch ever writes."""

from __future__ import annotations

import difflib
import getpass
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from grader.errors import UsageError
from grader.grades.grades import Override
from grader.intake.names import composed, shown
from grader.record import Record
from grader.result_files import OVERRIDES
from grader.text import plain
from grader.writing import write_whole

R = TypeVar("R", bound=Record)


class Past(Override):
    """An override that counted until it was replaced or taken back, and who did that."""

    until: str
    until_by: str = ""


class Overrides(Record):
    """What `overrides.json` holds, sorted by student; and those that were replaced or taken back, the oldest first."""

    schema_version: Literal[1] = 1
    overrides: list[Override] = Field(default_factory=list)
    history: list[Past] = Field(default_factory=list)

    def by_student(self) -> dict[str, Override]:
        return {one.student: one for one in self.overrides}


def load_overrides(results: Path) -> dict[str, Override]:
    """The overrides of a results folder, by student; none where nobody ever gave any.

    Raises
    ------
    UsageError
        The file is damaged.
    """
    return _load(results).by_student()


def load_history(results: Path) -> list[Past]:
    """The overrides that were replaced or taken back, the oldest first.

    Raises
    ------
    UsageError
        The file is damaged.
    """
    return _load(results).history


def by_hand(path: Path, kind: type[R], advice: str) -> R:
    """What a file holds that a person gave by hand; an empty one where there is none.

    Parameters
    ----------
    advice
        What to do where it is damaged.

    Raises
    ------
    UsageError
        It cannot be read, or is damaged.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return kind()
    except OSError as error:
        raise UsageError(
            f"{plain(str(path))} cannot be read: {error.strerror or error}.", "Check your access to it."
        ) from None
    except ValidationError:
        raise UsageError(f"{plain(str(path))} is damaged.", advice) from None


def _load(results: Path) -> Overrides:
    path = results / OVERRIDES
    found = by_hand(path, Overrides, "Put it right, or take it away and give these grades again.")
    wrong = [one for one in found.overrides if not math.isfinite(one.score) or one.score < 0 or not one.reason.strip()]
    if wrong:
        raise UsageError(
            f"{plain(str(path))} is damaged: {shown(wrong[0].student)} has no score or no reason.", "Put it right."
        )
    return found


def write_overrides(results: Path, overrides: dict[str, Override]) -> Path:
    """Write `overrides.json` into the results folder, whole or not at all; its path.

    What was there and is not any more goes into the history.
    """
    before = _load(results)
    by, when = here_and_now()
    past = [
        Past(**one.model_dump(), until=when, until_by=by)
        for student, one in before.by_student().items()
        if overrides.get(student) != one
    ]
    found = Overrides(overrides=[one for _, one in sorted(overrides.items())], history=[*before.history, *past])
    write_whole(results / OVERRIDES, found.model_dump_json(indent=2) + "\n")
    return results / OVERRIDES


def override(student: str, score: float, reason: str) -> Override:
    """A grade given by hand, here and now.

    Raises
    ------
    UsageError
        The score is none, or there is no reason.
    """
    reason = plain(reason, 1000).strip()
    if not reason:
        raise UsageError("A grade given by hand needs its reason.", 'Say it with --reason "…".')
    if not math.isfinite(score) or score < 0:
        raise UsageError("That is no score.", "A score is a number of points, 0 or more.")
    by, when = here_and_now()
    return Override(student=student, score=score, reason=reason, by=by, when=when)


def here_and_now() -> tuple[str, str]:
    """Who does something by hand, and when."""
    try:
        by = plain(getpass.getuser(), 80)
    except (OSError, KeyError, ImportError):  # an account without a name
        by = ""
    return by, datetime.now(UTC).isoformat(timespec="seconds")


def who(name: str, students: Sequence[str]) -> str:
    """The student of this name, however it is capitalised.

    Raises
    ------
    UsageError
        Nobody is called so, or more than one is.
    """
    if name in students:
        return name
    folded = composed(name).casefold()
    found = [one for one in students if composed(one).casefold() == folded]
    if len(found) == 1:
        return found[0]
    near = found or _near(folded, students)
    advice = f"Do you mean {' or '.join(repr(plain(one, 80)) for one in near)}?" if near else "See gradebook.csv."
    raise UsageError(f"There is no student {plain(name, 80)!r} in these results.", advice)


def _near(folded: str, students: Sequence[str]) -> list[str]:
    """Names that are spelled nearly so, or of which this is a part."""
    by_folded = {composed(one).casefold(): one for one in students}
    close = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
    parts = [one for one in by_folded if folded and folded in one]
    return [by_folded[one] for one in dict.fromkeys([*close, *parts])][:3]
