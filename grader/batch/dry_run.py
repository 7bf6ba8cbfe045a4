"""`grade batch --dry-run`: the class graded as it would be, into a copy, and who would move.

The copy has what earlier gradings found, so that no more is graded than the batch itself would grade.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from grader.batch.command import Class, run_beside, server_for
from grader.errors import UsageError
from grader.grades.grades import load_grades
from grader.grades.moved import Moves, moved
from grader.grades.results import Results
from grader.grading import Options
from grader.render.batch import moved_table
from grader.result_files import COMMENTS, COURSE, FEEDBACK, GRADES, GROUPS, OVERRIDES, RULES, STAFF
from grader.scratch import remove, scratch_folder
from grader.text import plain

if TYPE_CHECKING:
    from grader.kernel.warm import Warm
    from grader.workers.forkserver import ForkServer

_STUDENTS = "students"


def dry_run(one: Class, options: Options, console: Console, complaints: Console, warm: Warm | None = None) -> int:
    """Tell whose points, verdict or checks would change; nothing is written to the results.

    Returns
    -------
    The exit code: 1 where somebody's would.

    Raises
    ------
    GraderError
        As :func:`dry_run_beside`.
    """
    with server_for(one) as server:
        return 1 if dry_run_beside(one, options, console, complaints, warm, server).students else 0


def dry_run_beside(
    one: Class,
    options: Options,
    console: Console,
    complaints: Console,
    warm: Warm | None,
    server: ForkServer | None,
) -> Moves:
    """As :func:`dry_run`, with processes that others use as well; who would move.

    Raises
    ------
    GraderError
        There are no results to compare with, the command is wrong, or the machine lacks what grading takes.
    """
    load_grades(one.results)
    scratch = scratch_folder()
    try:
        copy = scratch / one.results.resolve().name  # called as it is: so it is told whether it is a course's
        _copy(one.results, copy)
        rules = one.results / RULES
        if one.rules is None and rules.is_file():
            one = replace(one, rules=rules)  # where it lies: it may name a sheet beside it
        groups = one.results / GROUPS
        if one.groups is None and groups.is_file():
            one = replace(one, groups=groups)
        run_beside(replace(one, results=copy, dry_run=True), options, console, complaints, warm, server)
        found = moved(Results(one.results), Results(copy))
    finally:
        remove(scratch)
    console.print(moved_table(found))
    return found


def _copy(results: Path, to: Path) -> None:
    """What gradings found, without the pages."""
    students = results / _STUDENTS

    def pages(folder: str, names: Iterable[str]) -> set[str]:
        return {FEEDBACK, STAFF} & set(names) if Path(folder).parent == students else set()

    course = results.resolve().parent / COURSE
    try:
        to.mkdir()
        if course.is_file():
            shutil.copy2(course, to.parent / COURSE)
        for name in (GRADES, OVERRIDES, COMMENTS):
            if (results / name).is_file():
                shutil.copy2(results / name, to / name)
        if students.is_dir():
            shutil.copytree(students, to / _STUDENTS, symlinks=True, ignore=pages)
    except (OSError, shutil.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not everything can be read"
        raise UsageError(
            f"{plain(str(results))} cannot be copied for the comparison: {reason}.",
            "Check your access to it and the room for temporary files, or wait for a batch that is writing there.",
        ) from None
