"""`grade batch SUBMISSIONS`: the exercises of a course, one after another, graded by the same processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from grader.batch.command import Class, run_beside, server_for, students_of
from grader.batch.dry_run import dry_run_beside
from grader.course.collect import find_course
from grader.course.gradebook import exercises_in, gradebook
from grader.course.same import names_of
from grader.errors import GraderError, UsageError
from grader.exercise import Exercise, every_exercise
from grader.grades.course_rules import CourseRules, course_rules
from grader.grades.grades import Grades, load_grades
from grader.grades.moved import WHATS, Moves
from grader.grades.overrides import who
from grader.grading import Options
from grader.pass_mark import WORDS
from grader.result_files import GRADES
from grader.text import count, listed, plain

if TYPE_CHECKING:
    from grader.kernel.warm import Warm
    from grader.workers.forkserver import ForkServer


Part = tuple[Exercise, Class]


@dataclass(frozen=True)
class Outcome:
    """How the grading of an exercise ended; `fault` where it could not be graded at all.

    Attributes
    ----------
    moves
        Of a dry run: who would move.
    """

    exercise: str
    code: int
    fault: str = ""
    moves: Moves | None = None


def run_course(one: Class, options: Options, console: Console, complaints: Console, warm: Warm | None = None) -> int:
    """Grade all exercises; the exit code, the worst of theirs.

    An exercise that cannot be graded costs no other its results. With `only` these students are graded again in every
    exercise in which they handed in; the others are left alone.

    Parameters
    ----------
    one
        `submissions` is the course's folder; each exercise has a folder of its own in `results`.

    Raises
    ------
    GraderError
        The command is wrong, or of a dry run: there are no results to compare with.
    """
    course = find_course(one.submissions, every_exercise(Path.cwd()))
    if course.ignored:
        names = [plain(name, 60) for name in course.ignored[:10]]
        complaints.print(f"No exercise is called so, or more than one: {listed(names)}. Left out.")
    parts = [(exercise, _part(one, exercise, place)) for exercise, place in course.parts]
    if one.only:
        parts = _with_students(one.results, parts, one.only, complaints)
    if one.dry_run:
        parts = _with_results(one.results, parts, console)
    data = tuple(sorted({name for exercise, _ in parts for name in exercise.description.data}))
    outcomes: list[Outcome] = []
    with server_for(one) as server:
        for done, (exercise, part) in enumerate(parts, 1):
            told = f"{done} of {len(parts)}, {exercise.id}"
            console.rule(f"{told} {plain(exercise.description.title.en)}", align="left")
            try:
                graded = _graded(replace(part, data=data, place=told), options, console, complaints, warm, server)
                outcomes.append(replace(graded, exercise=exercise.id))
            except GraderError as error:
                complaints.print(f"{error.message} {error.advice}".strip())
                outcomes.append(Outcome(exercise.id, error.exit_code, error.message))
    if one.dry_run:
        console.rule("The course", align="left")
        for line in _would_move(one.results, outcomes):
            console.print(line)
    return _told(outcomes, complaints)


def _part(one: Class, exercise: Exercise, place: Path) -> Class:
    """The command for one exercise, of that for all."""
    return replace(one, exercise=exercise.folder, submissions=place, results=one.results / exercise.id)


def _graded(
    part: Class,
    options: Options,
    console: Console,
    complaints: Console,
    warm: Warm | None,
    server: ForkServer | None,
) -> Outcome:
    if not part.dry_run:
        return Outcome("", run_beside(part, options, console, complaints, warm, server))
    moves = dry_run_beside(part, options, console, complaints, warm, server)
    return Outcome("", 1 if moves.students else 0, moves=moves)


def _with_students(results: Path, parts: Sequence[Part], names: Sequence[str], complaints: Console) -> list[Part]:
    """The exercises in which any of these students handed in, each with those who did.

    Raises
    ------
    UsageError
        Somebody handed in nothing at all, or is called otherwise.
    """
    rules = course_rules(None, results)
    wanted: list[Part] = []
    everybody: list[str] = []
    found: set[str] = set()
    for exercise, part in parts:
        try:
            there = students_of(part)
        except GraderError as error:  # costs no other exercise its results
            complaints.print(f"{exercise.id}: {error.message} {error.advice}".strip())
            continue
        everybody += there
        own = {name: known for name in names if (known := _called(name, there, rules))}
        found |= set(own)
        if own:
            wanted.append((exercise, replace(part, only=tuple(dict.fromkeys(chain.from_iterable(own.values()))))))
    for name in names:
        if name not in found:
            who(name, sorted(set(everybody)))  # says whom it may mean
    return wanted


def _called(name: str, students: Sequence[str], rules: CourseRules) -> list[str]:
    """What this student is called among these, under all names that the rules join; empty where they are not there."""
    known = []
    for one in names_of(name, rules):
        with suppress(UsageError):
            known.append(who(one, students))
    return known


def _with_results(results: Path, parts: Sequence[Part], console: Console) -> list[Part]:
    """The exercises that were graded before: of the others there is nothing to compare with.

    Raises
    ------
    UsageError
        None was.
    """
    fresh = [exercise.id for exercise, part in parts if not (part.results / GRADES).is_file()]
    if len(fresh) == len(parts):
        raise UsageError(
            f"There are no results in {plain(str(results))} to compare with.",
            "Grade the course first: grade batch SUBMISSIONS -o RESULTS.",
        )
    if fresh:
        console.print(f"Not graded before, so that nothing can move: {listed(fresh)}. Left out.")
    return [(exercise, part) for exercise, part in parts if exercise.id not in fresh]


def _would_move(results: Path, outcomes: Sequence[Outcome]) -> Iterator[Text]:
    """Who would move, of what and where, and what the course would come to."""
    found = {one.exercise: one.moves for one in outcomes if one.moves is not None}
    students = {one.student for moves in found.values() for one in moves.students}
    if not students:
        yield Text("Nobody's points, verdict or checks would change. Nothing was written.")
        return
    told = []
    for what in WHATS:
        where = [name for name, moves in found.items() if any(what in one.what for one in moves.students)]
        if where:
            told.append(f"{what} in {listed(where)}")
    yield Text(f"{count(len(students), 'student')} would move: {'; '.join(told)}. Nothing was written.")
    yield from _of_the_course(results, {name: moves.after for name, moves in found.items()})


def _of_the_course(results: Path, after: Mapping[str, Grades]) -> Iterator[Text]:
    """Whose verdict or grade of the whole course would be another."""
    rules = course_rules(None, results)
    there = {name: load_grades(path) for name, path in exercises_in(results).items()}
    were, are = (
        {one.student: one for one in gradebook(classes, {}, rules).people} for classes in (there, {**there, **after})
    )
    for student in sorted(set(were) & set(are)):
        was, is_now = were[student], are[student]
        told = []
        if was.verdict != is_now.verdict:
            told.append(f"{WORDS[was.verdict]} → {WORDS[is_now.verdict]}")
        if was.grade != is_now.grade:
            told.append(f"grade {plain(was.grade, 40) or '–'} → {plain(is_now.grade, 40) or '–'}")
        if told:
            percents = ["–" if one.percent is None else f"{one.percent:.1f} %" for one in (was, is_now)]
            yield Text(f"  {plain(student, 40)}, of the course: {' → '.join(percents)}, {', '.join(told)}")


def _told(outcomes: Sequence[Outcome], complaints: Console) -> int:
    """Say which exercises have no results; the worst exit code."""
    if broken := [one.exercise for one in outcomes if one.fault]:
        complaints.print(f"Not graded, see above: {listed(broken)}. The others' results are whole.")
    return max(one.code for one in outcomes)
