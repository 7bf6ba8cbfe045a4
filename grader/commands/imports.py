"""`grade import`: exercises made of assignments that were written for other graders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.common import app, complaints, console, near

if TYPE_CHECKING:
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
    from grader.foreign.nbgrader_class_list import write_class_list
    from grader.foreign.nbgrader_config import config_near
    from grader.text import count

    for course in dict.fromkeys(config_near(path.absolute().parent).course for path in notebooks):
        try:
            done = write_class_list(course, folder, force)
        except UsageError as error:
            complaints.print(f"{error.message} {error.advice}".strip())
            continue
        if done is None:
            continue
        told = f"{near(done.written)}: {count(done.people, 'student')} of the gradebook."
        told += "" if done.written == done.path else f" {near(done.path)} is another list, and stays as it is."
        command = f"grade export csv RESULTS --sheet {near(done.path)}"
        console.print(f"{told} `{command}` puts a list beside grades.", soft_wrap=True)


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
