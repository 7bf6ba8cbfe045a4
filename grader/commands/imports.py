"""`grade import`: exercises made of assignments that were written for other graders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.common import app, complaints, console, near

if TYPE_CHECKING:
    from grader.foreign.nbgrader_gradebook import Student
    from grader.foreign.writing import Assignment

import_app = typer.Typer(no_args_is_help=True, help="Make exercises of assignments for nbgrader or otter.")
app.add_typer(import_app, name="import")

Output = Annotated[
    Path, typer.Option("--output", "-o", help="The course's folder of exercises; their solutions go beside it.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite also what was changed by hand since the last import.")]


@import_app.command("nbgrader")
def import_nbgrader(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE…",
            help="Notebooks, folders of assignments, or a course (its `source/`).",
            show_default=False,
        ),
    ],
    output: Output = Path("exercises"),
    force: Force = False,
) -> None:
    """Make exercises of nbgrader's assignments; again, and what you changed by hand meanwhile stays."""
    from functools import partial

    from grader.foreign.nbgrader import places, read

    found = [place for source in sources for place in places(source)]
    try:
        write_all([partial(read, place) for place in found], output, force)
    finally:
        _write_class_lists([place.path for place in found], output.expanduser().absolute().parent, force)


def _write_class_lists(notebooks: Iterable[Path], folder: Path, force: bool) -> None:
    """Keep who is in the class, as the gradebook of each course has it."""
    from grader.errors import UsageError
    from grader.foreign.nbgrader_config import config_near
    from grader.foreign.nbgrader_gradebook import students
    from grader.text import count

    for course in dict.fromkeys(config_near(path.absolute().parent).course for path in notebooks):
        try:
            people = students(course)
            if not people:
                continue
            path = folder / "students.csv"
            written = _kept_beside(path, _class_list(people), force)
        except UsageError as error:
            complaints.print(f"{error.message} {error.advice}".strip())
            continue
        told = f"{near(written)}: {count(len(people), 'student')} of the gradebook."
        told += "" if written == path else f" {near(path)} is another list, and stays as it is."
        command = f"grade export csv RESULTS --sheet {near(path)}"
        console.print(f"{told} `{command}` puts a list beside grades.", soft_wrap=True)


def _class_list(people: Iterable[Student]) -> bytes:
    import csv
    import io

    from grader.grades.gradebook import safe

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["student", "first_name", "last_name", "email", "lms_user_id"])
    writer.writerows([*map(safe, (one.id, one.first_name, one.last_name, one.email, one.lms))] for one in people)
    return file.getvalue().encode("utf-8-sig", "replace")  # with a mark in front, for Excel


def _kept_beside(path: Path, content: bytes, force: bool) -> Path:
    """Write a file, or `NAME.new` beside one that says something else; where that content lies now."""
    from grader.errors import UsageError
    from grader.writing import write_whole

    target = path.with_name(f"{path.name}.new") if path.exists() and not force else path
    try:
        if path.is_file() and path.read_bytes() == content:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
    except OSError as error:
        raise UsageError(f"{near(target)} cannot be written: {error.strerror}.", "Check your access to it.") from None
    return target


@import_app.command("otter")
def import_otter(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE…",
            help="Notebooks for `otter assign`, folders that it wrote, or an autograder's zips.",
            show_default=False,
        ),
    ],
    output: Output = Path("exercises"),
    force: Force = False,
) -> None:
    """Make exercises of otter's assignments; again, and what you changed by hand meanwhile stays."""
    from functools import partial

    from grader.foreign import otter
    from grader.scratch import remove, scratch_folder

    found = [one for source in sources for one in otter.sources(source)]
    scratch = scratch_folder()
    try:
        write_all([partial(_read_otter, one, scratch / str(number)) for number, one in enumerate(found)], output, force)
    finally:
        remove(scratch)


def _read_otter(found: Path | tuple[Path, Path], scratch: Path) -> Assignment:
    """An assignment of otter's, for which zips are unpacked into a folder that is not there yet."""
    from grader.errors import UsageError
    from grader.foreign import otter
    from grader.intake.archives import ArchiveRefused, Room, unpack

    path, students = found if isinstance(found, tuple) else (found, None)
    archive = path if path.suffix == ".zip" else otter.zip_beside(path)
    if archive is not None:
        try:
            unpack(archive, scratch, Room())
        except ArchiveRefused as error:
            raise UsageError(f"{near(archive)} is not unpacked: {error}.", "Make it again with otter.") from None
    if archive is path:
        return otter.read(otter.Source(scratch, path.stem))
    return otter.read(otter.Source(path, path.stem, students, scratch if archive is not None else None))


def write_all(readers: Iterable[Callable[[], Assignment]], output: Path, force: bool) -> None:
    """Write an exercise of each assignment that can be read, and tell of each what became of it.

    Raises
    ------
    typer.Exit
        With 2 where one of them cannot be read or written; the others are there.
    """
    from grader.errors import UsageError
    from grader.foreign.writing import told, write_exercise

    failed = False
    for reader in readers:
        try:
            one = reader()
            done = write_exercise(one, output.expanduser().absolute(), force)
        except UsageError as error:
            complaints.print(f"{error.message} {error.advice}".strip())
            failed = True
            continue
        for sentence in told(one, done, near):
            console.print(sentence, soft_wrap=True)
    if failed:
        raise typer.Exit(2)
