"""What travels to a process that grades, on this machine or on another, and what comes back.

Notebook, companions, exercise and settings travel as they are: no path means anything where they arrive. Data sets
travel by name only.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from grader.errors import GraderError
from grader.exercise import Exercise, load
from grader.exercise_files import Files
from grader.formats.notebook import SUFFIXES
from grader.grading import Graded, Options, grade
from grader.judging import Progress
from grader.language import speaking
from grader.reading import Unreadable
from grader.report import Report
from grader.scratch import remove, scratch_folder
from grader.submission import Submission
from grader.workspace import companions

if TYPE_CHECKING:
    from grader.kernel.warm import Warm


@dataclass(frozen=True)
class Task:
    """One submission to be graded, as it travels.

    Attributes
    ----------
    place, student
        Where a person finds it, and whose it is.
    name
        The file's, which may tell its format.
    notebook
        The file's bytes; empty where they cannot be read, for the reason `flaw`.
    companions
        What lies beside it.
    exercise
        The files that judging takes, as they lie in the course's folder.
    """

    place: str
    student: str | None
    name: str
    notebook: bytes
    flaw: str
    companions: Files
    exercise: Files
    options: Options

    @staticmethod
    def of(submission: Submission, exercise: Files, options: Options) -> Task:
        """A submission's task, read from the disk now."""
        notebook, flaw, beside = b"", "", Files()
        try:
            with speaking(options.language):
                notebook = submission.contents()
            folder = submission.path.absolute().parent
            beside = Files.read(companions(folder, submission.path.name)[0], folder)
        except Unreadable as unreadable:
            flaw = str(unreadable)
        return Task(
            submission.place, submission.student, submission.path.name, notebook, flaw, beside, exercise, options
        )


@dataclass(frozen=True)
class Outcome:
    """What was found, as it travels back: texts, so that nothing of a notebook is ever unpickled as an object.

    Attributes
    ----------
    report
        The report, as JSON.
    notebook
        The notebook as it ran, as JSON; None if it could not be read.
    files
        Files that it wrote and that are to be kept: names and contents.
    failure
        What went wrong in the grader itself, in a sentence or two; then there is no report.
    """

    report: str = ""
    notebook: str | None = None
    files: Files = field(default_factory=Files)
    failure: str = ""

    def graded(self) -> Graded:
        """The report, and the notebook as it ran."""
        notebook = None if self.notebook is None else nbformat.from_dict(json.loads(self.notebook))
        return Graded(Report.model_validate_json(self.report), notebook, dict(self.files.contents))


# ---------------------------------------------------------------------- in the process that grades


@dataclass(frozen=True)
class Surroundings:
    """What a process that grades is given when it begins.

    Attributes
    ----------
    folder
        For what tasks bring along; whoever began the process removes it.
    warm
        The process to fork kernels from.
    machine
        Name of the machine, where that is not the teacher's.
    """

    folder: Path | None = None
    warm: Warm | None = None
    machine: str = ""


_surroundings = Surroundings()
_say: Progress | None = None


def begin(surroundings: Surroundings, say: Progress) -> None:
    """Called in a process that grades, before its first task.

    Parameters
    ----------
    say
        Told which cell is run, or which check.
    """
    global _surroundings, _say
    _surroundings, _say = surroundings, say


def grade_task(task: Task) -> Outcome:
    """Grade a submission. What goes wrong in the grader itself is told, and must not cost the others their grades."""
    try:
        exercise = _laid_out(task.exercise)
        with _arrived(task) as submission:
            graded = grade(submission, exercise, replace(task.options, warm=_surroundings.warm), _say)
    except GraderError as error:
        where = f" This was on {_surroundings.machine}." if _surroundings.machine else ""
        return Outcome(failure=f"{error.message} {error.advice}".strip() + where)
    except Exception as error:
        return Outcome(failure=f"The grader itself failed: {type(error).__name__}: {error}.")
    notebook = None if graded.notebook is None else json.dumps(graded.notebook)
    return Outcome(graded.report.model_dump_json(), notebook, Files(tuple(graded.files.items())))


@contextmanager
def _arrived(task: Task) -> Iterator[Submission]:
    folder = scratch_folder(_surroundings.folder)
    suffix = Path(task.name).suffix.lower()
    path = folder / f"notebook{suffix if suffix in SUFFIXES else SUFFIXES[0]}"
    try:
        task.companions.write(folder)
        path.write_bytes(task.notebook)
        yield Submission(path, task.student, task.place, task.flaw)
    finally:
        remove(folder)


@functools.cache
def _laid_out(files: Files) -> Exercise:
    folder = scratch_folder(_surroundings.folder)
    files.write(folder)
    return load(next(folder.rglob("exercise.toml")).parent)
