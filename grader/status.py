"""`grade status`: a student's own course, from what `.grade` beside each exercise's notebook holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grader.dotgrade import latest
from grader.exercise import Exercise, describe
from grader.language import mark, ngettext, tr
from grader.pass_mark import WORDS
from grader.record import Record
from grader.render.console import COLOURS, points
from grader.report import headline
from grader.text import plain

Standing = Literal["full", "passed", "pending", "open", "ungraded", "never"]

_WORDS: dict[str, str] = {
    "full": WORDS["full"],
    "passed": WORDS["passed"],
    "pending": WORDS["pending"],
    "open": mark("open"),
    "ungraded": WORDS["ungraded"],
    "never": mark("never graded"),
}
_DONE = ("full", "passed", "pending")


class Begun(Record):
    """Where an exercise stands.

    Attributes
    ----------
    status
        `open` was graded and is not passed; `pending` waits for a person's judgement; `ungraded` was no fault of the
        student's; `never` has no report.
    score
        Points of the newest report; None where there are none yet.
    changed
        The notebook was saved since.
    step
        What to do first, where something is left to do.
    """

    id: str
    title: str
    status: Standing
    score: float | None
    max_score: float
    graded: str | None = None
    changed: bool = False
    step: str = ""


class Status(Record):
    """Where a course stands; `next` is the id of the exercise to go on with, None where all is done."""

    exercises: list[Begun] = Field(default_factory=list)
    score: float
    max_score: float
    next: str | None = None


def status(exercises: Iterable[Exercise], language: str) -> Status:
    """Where each exercise stands, and which to go on with: the first that is open, else the first not begun."""
    begun = [_begun(one, language) for one in exercises]
    by_standing = {one.status: one for one in reversed(begun)}
    following = next((by_standing[one] for one in ("open", "ungraded", "never") if one in by_standing), None)
    return Status(
        exercises=begun,
        score=round(sum(one.score or 0.0 for one in begun), 6),
        max_score=sum(one.max_score for one in begun),
        next=following.id if following is not None else None,
    )


def _begun(exercise: Exercise, language: str) -> Begun:
    told = describe(exercise, language)
    found = latest(exercise.starter)
    if found is None or found.report.exercise != exercise.id:
        step = tr("Edit its notebook, then `grade {id}`.", id=exercise.id)
        return Begun(
            id=told["id"], title=told["title"], status="never", score=None, max_score=told["points"], step=step
        )
    report = found.report
    standing: Standing = "open" if report.verdict == "failed" else report.verdict  # type: ignore[assignment]
    step = {"open": report.first_step, "ungraded": headline(report)}.get(standing, "")
    return Begun(
        id=told["id"],
        title=told["title"],
        status=standing,
        score=None if report.status == "ungraded" else report.score,
        max_score=report.max_score,
        graded=plain(report.started, 60),
        changed=found.changed,
        step=plain(step, 1000),
    )


def render(found: Status) -> RenderableType:
    """What the terminal shows, in the language that is spoken."""
    table = Table(tr("Exercise"), tr("Title"), tr("Points"), "", box=None, header_style="bold")
    for one in found.exercises:
        word = tr(_WORDS[one.status])
        if one.changed:
            word = tr("{standing}, changed since", standing=word)
        score = "–" if one.score is None else points(one.score, one.max_score)
        colour = COLOURS.get("failed" if one.status == "open" else one.status, "dim")
        table.add_row(one.id, Text(one.title), score, Text(word, colour))
    return Group(table, Text(), *_summed(found))


def _summed(found: Status) -> list[Text]:
    begun = [one for one in found.exercises if one.status != "never"]
    if not begun:
        first = found.exercises[0]
        return [Text(tr("Nothing was graded yet. Edit the notebook of exercise {id}, then `grade {id}`.", id=first.id))]
    done = sum(one.status in _DONE for one in begun)
    said = ngettext("{done} of {n} exercise done", "{done} of {n} exercises done", len(found.exercises), done=done)
    score = tr("{points} points", points=points(found.score, found.max_score))
    lines = [Text(f"{said}, {score}.", "bold")]
    following = next((one for one in found.exercises if one.id == found.next), None)
    if following is None:
        return [*lines, Text(tr("Every exercise is done."), "green")]
    step = Text(following.step)
    if following.changed:
        step = Text(tr("Its notebook was changed since it was graded: `grade {id}`.", id=following.id))
    where = tr("Exercise {id}", id=following.id)
    return [*lines, Text.assemble((tr("Next:"), "bold"), f" {where}: ", step)]
