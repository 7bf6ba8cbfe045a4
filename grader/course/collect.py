"""Which part of what a course handed in belongs to which exercise.

Known are nbgrader's `submitted/STUDENT/EXERCISE/`, and a folder or an archive for each exercise, in whatever layout
that a class may have.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import UsageError
from grader.exercise import Exercise
from grader.intake.names import is_archive, stem
from grader.intake.pieces import Wanted, visible
from grader.text import listed, plain

_WORD = re.compile(r"[^\W_]+")


@dataclass
class Course:
    """What was handed in, by exercise.

    Attributes
    ----------
    parts
        Each exercise with the folder or archive of its submissions, by the exercises' ids.
    ignored
        Names of what belongs to no exercise.
    """

    parts: list[tuple[Exercise, Path]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def find_course(folder: Path, exercises: Iterable[Exercise]) -> Course:
    """The exercises that were handed in, and where.

    Raises
    ------
    UsageError
        There is no such folder, no exercise is found in it, or one is there twice.
    """
    folder = folder.expanduser()
    known = list(exercises)
    try:
        entries = visible(folder)
        submitted = folder if folder.name == "submitted" else folder / "submitted"
        course = _of_nbgrader(submitted, known) if submitted.is_dir() else _by_exercise(entries, known)
    except FileNotFoundError:
        raise UsageError(f"There is no {plain(str(folder))}.", "Name the folder of a course's submissions.") from None
    except OSError as error:
        raise UsageError(
            f"{plain(str(folder))} cannot be read: {error.strerror or error}.",
            "Name a folder with a folder or an archive for each exercise; of one exercise name that first: "
            "grade batch EXERCISE SUBMISSIONS.",
        ) from None
    if not course.parts:
        raise UsageError(
            f"No exercise's submissions are in {plain(str(folder))}.",
            "Call each folder or archive in it by its exercise (`grade list`); of one exercise name that first: "
            "grade batch EXERCISE SUBMISSIONS.",
        )
    return course


def _of_nbgrader(submitted: Path, known: list[Exercise]) -> Course:
    """`submitted/STUDENT/EXERCISE/`: each exercise is looked for in the whole."""
    there = {
        entry.name
        for student in visible(submitted)
        if student.is_dir(follow_symlinks=False)
        for entry in visible(Path(student.path))
        if entry.is_dir(follow_symlinks=False)
    }
    folded = {name.casefold(): name for name in there}
    course, used = Course(), set[str]()
    for exercise in known:
        own = {folded[name] for name in Wanted(exercise).assignment if name in folded}
        if own:
            course.parts.append((exercise, submitted))
            used |= own
    course.ignored = sorted(there - used)
    return course


def _by_exercise(entries: Iterable[os.DirEntry[str]], known: list[Exercise]) -> Course:
    """`EXERCISE/…` or `EXERCISE.zip`; a platform's archive has the exercise among the words of its name."""
    found: dict[str, Path] = {}
    course = Course()
    for entry in entries:
        path = Path(entry.path)
        if not path.is_dir() and not is_archive(path.name):
            course.ignored.append(path.name)
            continue
        called = path.name if path.is_dir() else stem(path.name)
        fit = [one for one in known if called.casefold() in Wanted(one).assignment]
        if not fit:
            words = set(_WORD.findall(called.casefold()))
            fit = [one for one in known if one.id.casefold() in words]
        if len(fit) != 1:
            course.ignored.append(path.name)
        elif fit[0].id in found:
            raise UsageError(
                f"Two entries may be what was handed in for {fit[0].id}: "
                f"{listed([plain(found[fit[0].id].name, 80), plain(path.name, 80)])}.",
                "Leave one of them in the folder.",
            )
        else:
            found[fit[0].id] = path
    course.parts = [(one, found[one.id]) for one in known if one.id in found]
    return course
