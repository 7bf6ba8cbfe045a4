"""`grade batch SUBMISSIONS`: the exercises of a course, one after another, graded by the same processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from grader.batch.command import Class, run_beside
from grader.course.collect import find_course
from grader.errors import GraderError
from grader.exercise import every_exercise
from grader.grading import Options
from grader.text import listed, plain
from grader.workers.crew import main as crew_main
from grader.workers.forkserver import forkserver

if TYPE_CHECKING:
    from grader.kernel.warm import Warm


@dataclass(frozen=True)
class Outcome:
    """How the grading of an exercise ended; `fault` where it could not be graded at all."""

    exercise: str
    code: int
    fault: str = ""


def run_course(one: Class, options: Options, console: Console, complaints: Console, warm: Warm | None = None) -> int:
    """Grade all exercises; the exit code, the worst of theirs.

    An exercise that cannot be graded costs no other its results.

    Parameters
    ----------
    one
        `submissions` is the course's folder; each exercise has a folder of its own in `results`.

    Raises
    ------
    GraderError
        The command is wrong.
    """
    course = find_course(one.submissions, every_exercise(Path.cwd()))
    if course.ignored:
        names = [plain(name, 60) for name in course.ignored[:10]]
        complaints.print(f"No exercise is called so, or more than one: {listed(names)}. Left out.")
    data = tuple(sorted({name for exercise, _ in course.parts for name in exercise.description.data}))
    outcomes: list[Outcome] = []
    with nullcontext() if one.scheduler is not None else forkserver(crew_main) as server:
        for done, (exercise, place) in enumerate(course.parts, 1):
            told = f"{done} of {len(course.parts)}, {exercise.id}"
            console.rule(f"{told} {plain(exercise.description.title.en)}", align="left")
            part = replace(
                one,
                exercise=exercise.folder,
                submissions=place,
                results=one.results / exercise.id,
                data=data,
                place=told,
            )
            try:
                code = run_beside(part, options, console, complaints, warm, server)
                outcomes.append(Outcome(exercise.id, code))
            except GraderError as error:
                complaints.print(f"{error.message} {error.advice}".strip())
                outcomes.append(Outcome(exercise.id, error.exit_code, error.message))
    return _told(outcomes, complaints)


def _told(outcomes: Sequence[Outcome], complaints: Console) -> int:
    """Say which exercises have no results; the worst exit code."""
    if broken := [one.exercise for one in outcomes if one.fault]:
        complaints.print(f"Not graded, see above: {listed(broken)}. The others' results are whole.")
    return max(one.code for one in outcomes)
