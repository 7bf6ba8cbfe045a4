"""Who handed in what: notebooks found in the folders and archives that teachers have."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from grader.errors import UsageError
from grader.exercise import Exercise
from grader.formats.files import holds_notebook
from grader.intake.archives import ArchiveRefused, names, room_for_class, unpack
from grader.intake.attempt import HandedIn
from grader.intake.chooser import Chooser
from grader.intake.layouts import Layout
from grader.intake.listed import on_platform
from grader.intake.names import is_archive, stem
from grader.intake.pieces import Wanted, visible
from grader.text import plain

_LOOKED_AT = 1_000  # entries of an archive, to see whose it is


def find(path: Path, exercise: Exercise, into: Path, every: bool = False) -> HandedIn:
    """The submissions in a folder or an archive, of whatever layout.

    Known are a folder of notebooks, a folder a student, nbgrader's `submitted/`, what Moodle's and Canvas's
    "download all submissions" give, and archives (zip, tar) of these and in these.

    Parameters
    ----------
    path
        A folder, an archive or a notebook.
    exercise
        Its notebook's name tells which of a student's notebooks is meant.
    into
        An empty folder. Archives are unpacked in it, and files that lie beside those of other students are copied
        to it, so that each notebook has only its own companions beside it.
    every
        Look for every attempt, not for the newest alone.

    Raises
    ------
    UsageError
        There is no such path, its archive is refused, nothing was handed in, or `into` cannot be written to.
    """
    try:
        path = path.expanduser().resolve()
        kind = path.stat().st_mode
    except FileNotFoundError:
        raise UsageError(f"There is no {plain(str(path))}.", "Name a folder or an archive of submissions.") from None
    except (OSError, RuntimeError, ValueError):  # no access, links in a circle, no such user, a NUL
        raise UsageError(f"{plain(str(path))} cannot be opened.", "Check the name and your access to it.") from None
    try:
        into.mkdir(parents=True, exist_ok=True)
        wanted, within = Wanted(exercise), into.resolve()
        found = (_in_folder if stat.S_ISDIR(kind) else _in_file)(path, wanted, within, every)
    except OSError as error:
        raise UsageError(
            f"The submissions cannot be laid out in {plain(str(into))}: {error.strerror or 'it cannot be written to'}.",
            "Check the access to it and the room on the disk.",
        ) from None
    if not found.submissions and all(remark.kind == "ignored" for remark in found.remarks):
        raise UsageError(
            f"There are no submissions in {plain(str(path))}.",
            "Name a folder or an archive of notebooks, or of a folder for each student.",
        )
    return found


def _in_file(path: Path, wanted: Wanted, into: Path, every: bool, nested: bool = False) -> HandedIn:
    """The submissions of an archive, or of the one in it, or the one that a notebook is."""
    if not path.is_file() or not (is_archive(path.name) or holds_notebook(path)):
        raise UsageError(
            f"{plain(path.name)} is neither a folder nor an archive nor a notebook.",
            "Archives are .zip, .tar, .tar.gz, .tar.bz2 and .tar.xz; unpack others first.",
        )
    layout = Layout(wanted)
    if not is_archive(path.name):
        layout.take_file(path, path.name, layout.student("", stem(path.name)), path.name, alone=True)
        return Chooser(layout, wanted, into, every).settled()
    if not os.access(path, os.R_OK):
        raise UsageError(f"{plain(path.name)} cannot be opened.", "Check your access to it.")
    folder = into / "class"
    try:
        notes = unpack(path, folder, room_for_class(), whole_class=True)
    except ArchiveRefused as error:
        raise UsageError(f"{plain(path.name)} is not unpacked: {error}.", "Download or pack it again.") from None
    within = None if nested else _class_within(folder)  # an archive may hold itself
    if within is not None:
        return _in_file(within, wanted, into / "within", every, nested=True)
    top, of_nbgrader = layout.class_folder(folder, stem(path.name))
    layout.read(top, of_nbgrader)
    layout.attribute(notes, top.relative_to(folder).as_posix())
    return Chooser(layout, wanted, into, every, path, folder).settled()


def _in_folder(path: Path, wanted: Wanted, into: Path, every: bool) -> HandedIn:
    """The submissions of a folder."""
    layout = Layout(wanted)
    try:
        within = _class_within(path)
        if within is not None:
            return _in_file(within, wanted, into, every)
        top, of_nbgrader = layout.class_folder(path)
        entries = visible(top)
    except OSError:
        raise UsageError(f"{plain(str(path))} cannot be opened.", "Check your access to it.") from None
    layout.read(top, of_nbgrader, entries)
    return Chooser(layout, wanted, into, every).settled()


def _class_within(folder: Path) -> Path | None:
    """The one archive that a folder holds, where it is a platform's of a whole class, and no student's."""
    entries = visible(folder)
    if len(entries) != 1 or not is_archive(entries[0].name) or not entries[0].is_file(follow_symlinks=False):
        return None
    archive = Path(entries[0].path)
    found = (part for name in names(archive, _LOOKED_AT) for part in name.replace("\\", "/").split("/"))
    return archive if not on_platform(archive.name) and any(map(on_platform, found)) else None
