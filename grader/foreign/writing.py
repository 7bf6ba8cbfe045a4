"""An assignment that was read becomes an exercise's files; a later import leaves alone what was changed by hand."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat

from grader.digests import digest
from grader.errors import ExerciseError, UsageError
from grader.foreign.reach import Reach, reach
from grader.foreign.seeds import Seed
from grader.foreign.surroundings import surroundings
from grader.foreign.tests_file import FILE, FOLDER, Locked, Test, TestsFile, Tool, quoted, read_tests, text_of
from grader.formats.writing import written
from grader.text import count, plain
from grader.writing import write_whole

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOTEBOOK = re.compile(r"[\w-][\w.-]*\.ipynb")
_OURS = {FILE, "exercise.toml", "checks.py", "answers.toml", "mistakes.toml", "fi.po"}

_TOML = """\
# Written once, by `grade import {tool}`. It is yours: a later import does not touch it.
id = {id}
title = {{ en = {title}, fi = {title} }}
notebook = {notebook}
chapter = {id}

[budget]                            # what a notebook may take on a student's laptop
memory_mb = 4000
output_mb = 5
cpu = {{ cell_s = {cell_s:g}, total_s = {total_s:g} }}
gpu = {{ cell_s = {cell_s:g}, total_s = {total_s:g} }}
answer_s = {answer_s:g}
"""


@dataclass(frozen=True)
class Coded:
    """A test with its code.

    Attributes
    ----------
    visible
        What students have of it; nothing where all of it is hidden.
    whole
        All of it, where some is hidden.
    """

    test: Test
    visible: str
    whole: str = ""

    @property
    def code(self) -> str:
        """All of it."""
        return self.whole or self.visible


@dataclass(frozen=True)
class Assignment:
    """What was read of an assignment for another grader.

    Attributes
    ----------
    id, title
        Of the exercise that is made of it.
    tool, source
        Whose it was, and the notebook's name there.
    notebook
        What the exercise's notebook is to be called.
    starter, reference
        What students get, and the notebook with the solutions; without one there is nothing to prove the tests by.
    beside
        What lies beside the notebook, by path.
    handed_in
        What students hand in beside it: the reference's own.
    cell_s
        Seconds that a cell may take, where the assignment says so.
    seed
        What is set before each cell.
    remarks
        What the teacher has to know, a sentence each.
    """

    id: str
    title: str
    tool: Tool
    source: str
    notebook: str
    starter: nbformat.NotebookNode
    reference: nbformat.NotebookNode | None
    tests: tuple[Coded, ...]
    locked: tuple[Locked, ...] = ()
    all_or_nothing: bool = False
    beside: Mapping[str, bytes] = field(default_factory=dict)
    handed_in: Mapping[str, bytes] = field(default_factory=dict)
    cell_s: float = 120
    seed: Seed | None = None
    remarks: tuple[str, ...] = ()


@dataclass
class Written:
    """What became of an assignment's files.

    Attributes
    ----------
    folder
        The exercise's.
    tests, by_word
        The tests as they are judged, and by name why some of them rest on the notebook's word.
    files, kept, removed
        What was written; what was changed by hand and is as it was, the new version beside it as `NAME.new`; what the
        assignment has no longer.
    """

    folder: Path
    tests: tuple[Test, ...] = ()
    by_word: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)


def write_exercise(one: Assignment, exercises: Path, force: bool = False) -> Written:
    """Write an assignment as an exercise, into a course's folder of exercises; its solution goes beside that.

    Parameters
    ----------
    force
        Overwrite what was changed by hand, but for what is the teacher's anyway (`exercise.toml`, `checks.py`).

    Raises
    ------
    UsageError
        Its id or its notebook's name is none that an exercise may have, an exercise that was not imported has its id,
        or a file cannot be written.
    """
    if not _ID.fullmatch(one.id) or not _NOTEBOOK.fullmatch(one.notebook):
        raise UsageError(
            f"{plain(one.source)} cannot become an exercise named {plain(one.id)!r} with a notebook "
            f"{plain(one.notebook)!r}.",
            "Rename it: letters from a to z, digits, - and _, 40 at most.",
        )
    folder, solution = exercises / one.id, exercises.parent / "solutions" / one.id
    try:
        before = read_tests(folder)
    except ExerciseError as error:
        if not force:
            raise UsageError(error.message, "Correct it, or write all of it anew with --force.") from None
        before = None
    if before is None and not force and (folder / "exercise.toml").exists():
        raise UsageError(
            f"{folder} is an exercise that was not imported.", "Rename the assignment, or import into another folder."
        )
    reaches = _reaches(one)
    one = replace(one, tests=tuple(_reaching(coded, reaches.get(coded.test.name)) for coded in one.tests))
    try:
        done = _write(one, folder, solution, {} if before is None else before.files, force)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}.", "Check your access to it.") from None
    done.tests = tuple(coded.test for coded in one.tests)
    done.by_word = {name: each.reason for name, each in reaches.items() if each.verified == "word"}
    return done


def _reaches(one: Assignment) -> dict[str, Reach]:
    """What each test reaches for, by its name: whether it can be judged outside the notebook's process."""
    notebook = one.starter if one.reference is None else one.reference
    tests = {coded.test.cell for coded in one.tests if coded.test.form != "written"}
    around = surroundings(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and not tests & {cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id")}
    )
    judged = (coded for coded in one.tests if coded.test.form != "written")
    return {coded.test.name: reach(coded.code, coded.test.form, around) for coded in judged}


def _reaching(coded: Coded, found: Reach | None) -> Coded:
    if found is None:
        return coded
    known = {"verified": found.verified, "usual_packages": found.packages}
    return replace(coded, test=coded.test.model_copy(update=known))


def _write(one: Assignment, folder: Path, solution: Path, before: Mapping[str, str], force: bool) -> Written:
    done = Written(folder)
    digests: dict[str, str] = {}
    files = _files(one, folder, solution)
    for path, content in files.items():
        key = Path(os.path.relpath(path, folder)).as_posix()
        there = content_of(path)
        known = before.get(key, "")
        if there is not None and not force and there != content and _digest(there) != known:
            put(newer(path), content)
            done.kept.append(path)
            digests[key] = known  # so that it is not taken for ours the next time
            continue
        if there != content:
            put(path, content)
            done.files.append(path)
        newer(path).unlink(missing_ok=True)
        digests[key] = _digest(content)
    for key in before.keys() - digests.keys():
        path = Path(os.path.normpath(folder / key))
        if not {folder, solution} & set(path.parents):
            continue  # no import wrote there
        there = content_of(path)
        if there is not None and _digest(there) == before[key]:
            path.unlink()
            done.removed.append(path)
        elif there is not None:
            done.kept.append(path)
    if not (folder / "exercise.toml").exists():
        put(folder / "exercise.toml", _toml(one).encode())
        done.files.append(folder / "exercise.toml")
    tests = TestsFile(
        tool=one.tool,
        source=one.source,
        all_or_nothing=one.all_or_nothing,
        seed=one.seed,
        test=tuple(coded.test for coded in one.tests),
        locked=one.locked,
        files={key: known for key, known in digests.items() if known},
    )
    text = text_of(tests).encode()
    if content_of(folder / FILE) != text:
        put(folder / FILE, text)
        done.files.append(folder / FILE)
    return done


def _files(one: Assignment, folder: Path, solution: Path) -> dict[Path, bytes]:
    """Every file that the import makes anew, but for `tests.toml`."""
    files = {folder / name: content for name, content in one.beside.items() if name not in _OURS}
    files[folder / one.notebook] = _notebook(one.starter)
    if one.reference is not None:
        files |= {solution / name: content for name, content in one.handed_in.items() if name not in _OURS}
        files[solution / one.notebook] = _notebook(one.reference)
    for coded in one.tests:
        name = f"{coded.test.name}.py"
        if coded.visible and not coded.test.hidden:
            files[folder / FOLDER / name] = coded.visible.encode()
        if coded.code and (coded.test.hidden or coded.code != coded.visible):
            files[solution / FOLDER / name] = coded.code.encode()
    return files


def _notebook(notebook: nbformat.NotebookNode) -> bytes:
    return written(notebook, "jupyter").encode("utf-8", "replace")


def _toml(one: Assignment) -> str:
    told = {"id": one.id, "title": plain(one.title, 200) or one.id, "notebook": one.notebook}
    return _TOML.format(
        tool=one.tool,
        cell_s=one.cell_s,
        total_s=5 * one.cell_s,
        answer_s=min(30, one.cell_s),
        **{name: quoted(text) for name, text in told.items()},
    )


def told(one: Assignment, done: Written, near: Callable[[Path], str]) -> Iterator[str]:
    """What became of an assignment, in sentences: where it is, how its tests are judged, what was left alone.

    Parameters
    ----------
    near
        How a path is shown.
    """
    judged = [test for test in done.tests if test.form != "written"]
    by_hand = len(done.tests) - len(judged)
    parts = [f"{count(len(judged), 'test')}, {len(judged) - len(done.by_word)} verified outside the notebook"]
    parts += [f"{len(done.by_word)} on its word"] if done.by_word else []
    parts += [f"{count(by_hand, 'answer')} for you to grade"] if by_hand else []
    yield f"{near(done.folder)}: {'; '.join(parts)}."
    for name, reason in done.by_word.items():
        yield f"  {name} rests on the notebook's word: {plain(reason, 200)}."
    for remark in one.remarks:
        yield f"  {remark}"
    if not done.files and not done.removed:
        yield "  Nothing has changed since the last import."
    for path in done.kept:
        new = newer(path)
        beside = f"; the new version is {near(new)}" if new.exists() else ", though the assignment has it no longer"
        yield f"  {near(path)} was changed by hand and stays as it is{beside}."
    for path in done.removed:
        yield f"  {near(path)} is gone: the assignment has it no longer."


def _digest(content: bytes) -> str:
    return digest(content).hex()


def content_of(path: Path) -> bytes | None:
    """What a file holds; None where there is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.read_bytes()
    return None


def newer(path: Path) -> Path:
    """Where the new version of a file goes that was changed by hand."""
    return path.with_name(f"{path.name}.new")


def put(path: Path, content: bytes) -> None:
    """Write a file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
