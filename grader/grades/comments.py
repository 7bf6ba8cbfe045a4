"""What the teacher says of a student's work, with points or without: `comments.json`, which no batch ever writes.

A comment may be of one check; its points then go up to what the check is worth, and down to nothing, whatever the check
gives when the class is graded again. A rubric item is a comment that is said of several: its words and points are kept
under a name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from grader.errors import UsageError
from grader.grades.grades import Comment, RubricItem
from grader.grades.overrides import by_hand, here_and_now
from grader.record import Record
from grader.report import Report
from grader.result_files import COMMENTS
from grader.text import number, plain
from grader.writing import write_whole


class Comments(Record):
    """What `comments.json` holds: comments, those that were taken back, and rubric items by name."""

    schema_version: Literal[1] = 1
    comments: list[Comment] = Field(default_factory=list)
    taken_back: list[Comment] = Field(default_factory=list)
    rubric: dict[str, RubricItem] = Field(default_factory=dict)

    def of(self, student: str) -> list[Comment]:
        """A student's comments, the oldest first."""
        return [one for one in self.comments if one.student == student]

    def item(self, name: str, text: str, points: float | None) -> RubricItem:
        """The item of this name, which is kept from now on.

        Raises
        ------
        UsageError
            There is none yet and nothing is said of it, or it says something else.
        """
        there = self.rubric.get(name)
        if there is None:
            if not text:
                known = ", ".join(plain(one, 40) for one in list(self.rubric)[:20]) or "none yet"
                raise UsageError(
                    f"There is no rubric item {plain(name, 40)!r}: {known}.", "Say what it says, after the student."
                )
            there = self.rubric[name] = RubricItem(text=text, points=points or 0.0)
        if (text and text != there.text) or (points is not None and points != there.points):
            raise UsageError(
                f"The rubric item {plain(name, 40)!r} says something else: {plain(there.text, 100)} "
                f"({signed(there.points)}).",
                "Use it as it is, without words and points, or take another name.",
            )
        return there

    def add(self, student: str, check: str, item: str, told: RubricItem) -> Comment | None:
        """Say something of a student; None where the same was said before."""
        same = (student, check, told.text, told.points)
        if any((one.student, one.check, one.text, one.points) == same for one in self.comments):
            return None
        number_ = 1 + max((one.id for one in (*self.comments, *self.taken_back)), default=0)
        by, when = here_and_now()
        made = Comment(
            id=number_, student=student, check=check, text=told.text, points=told.points, item=item, by=by, when=when
        )
        self.comments.append(made)
        return made

    def take_back(self, number_: int) -> Comment:
        """Take a comment back, by its number; it is kept among those that were.

        Raises
        ------
        UsageError
            There is no such comment.
        """
        for one in self.comments:
            if one.id == number_:
                self.comments.remove(one)
                by, when = here_and_now()
                self.taken_back.append(one.model_copy(update={"until": when, "until_by": by}))
                return one
        raise UsageError(f"There is no comment {number_}.", "`grade comment RESULTS` lists them with their numbers.")


def told_item(text: str, points: float | None) -> RubricItem:
    """What is said just once.

    Raises
    ------
    UsageError
        Nothing is said, or the points are none.
    """
    if not text:
        raise UsageError("There is no comment.", "Say it after the student: points need a reason that can be read.")
    return RubricItem(text=text, points=points or 0.0)


def checked(text: str, points: float | None) -> str:
    """The words of a comment, as they are kept.

    Raises
    ------
    UsageError
        The points are none.
    """
    if points is not None and not math.isfinite(points):
        raise UsageError("These are no points.", "Say a number, as in --points -1.")
    return plain(text, 2000).strip()


def load_comments(results: Path) -> Comments:
    """The comments of a results folder; none where nobody ever said anything.

    Raises
    ------
    UsageError
        The file is damaged.
    """
    path = results / COMMENTS
    found = by_hand(path, Comments, "Put it right, or take it away.")
    points = [*(one.points for one in found.comments), *(one.points for one in found.rubric.values())]
    if not all(map(math.isfinite, points)):
        raise UsageError(f"{plain(str(path))} is damaged: points that are no number.", "Put it right.")
    return found


def write_comments(results: Path, comments: Comments) -> None:
    """Write `comments.json` into the results folder, whole or not at all."""
    write_whole(results / COMMENTS, comments.model_dump_json(indent=2) + "\n")


def adjustment(report: Report | None, comments: Sequence[Comment]) -> float:
    """What comments add to the points of a report: of a check no more than it is worth, and no less than nothing."""
    if report is None or report.status == "ungraded":
        return 0.0
    total = math.fsum(one.points for one in comments if not one.check)
    for check in report.checks:
        given = math.fsum(one.points for one in comments if one.check == check.name)
        if given:
            total += min(max(check.score + given, 0.0), check.max_score) - check.score
    return round(total, 6)


def signed(points: float) -> str:
    """ "+1", "−0.5"; "no points" where it is nothing."""
    return f"{'+' if points > 0 else '−'}{number(abs(points))}" if points else "no points"
