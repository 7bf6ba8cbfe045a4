"""Grades a notebook of the corpus and looks at all that comes of it, and at all that is left."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import psutil
from rich.console import Console

from grader.exercise import Exercise, load
from grader.grading import Graded, Options, grade
from grader.kernel import sandbox, signs
from grader.kernel.patience import Patience
from grader.kernel.warm import Warm
from grader.render.console import render
from grader.submission import Submission
from tests.hostile import corpus

# What a process may take to die after it was killed.
DYING_S = 30.0
# What a notebook may cost the grader, whatever it prints, displays, raises or sends.
MEMORY = 60_000_000
# A secret as it is planted; the notebooks name the beginning of it alone.
CANARY = re.compile(r"CANARY-[0-9a-f]{16}")
# Folders of warm processes that have forked the one that imports what many notebooks do without.
_WHOLE: set[Path] = set()


def judge(entry: corpus.Entry, course: Path, told: str, warm: Warm | None = None) -> list[str]:
    """In what the verdict, or the machine afterwards, is not as the entry says."""
    if warm is not None:
        both(warm, course)
    with temporary_folder() as (folder, wrong), nothing_more_in(warm, wrong), little_memory(wrong):
        # A lost reply is to be told sooner than the end of a cell's time, which is short here.
        with questions_in_vain() as late, patch.object(signs, "_REPLIES_S", 4.0):
            graded = run(entry, load(course / "exercises" / "hostile"), told, folder, warm=warm)
        if len(late) > entry.late:
            wrong.append(f"{len(late)} questions ran out of time: {late}")
        wrong += corpus.complaints(entry, graded.report)
        wrong += unsafe(graded)
    return wrong


def both(warm: Warm, course: Path) -> None:
    """Start the warm process, and let it have the fork that imports the rest: neither is a notebook's doing."""
    warm.start()
    if warm.folder not in _WHOLE:
        honest = corpus.Entry("honest", "", "", after=("import matplotlib",))
        with temporary_folder() as (folder, _):
            run(honest, load(course / "exercises" / "hostile"), "", folder, warm=warm)
        _WHOLE.add(warm.folder)


@contextmanager
def questions_in_vain() -> Iterator[list[Any]]:
    """What is waited for meanwhile that does not come, question by question."""
    late: list[Any] = []
    ran_out = Patience.ran_out

    def counted(self: Patience, what: Any, seconds: float) -> None:
        late.append((what, seconds))
        ran_out(self, what, seconds)

    with patch.object(Patience, "ran_out", counted):
        yield late


@contextmanager
def little_memory(wrong: list[str]) -> Iterator[None]:
    """Tell if this process takes far more memory meanwhile than it had before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = psutil.Process().memory_info().rss
    yield
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if int(peak) * 1024 - before > MEMORY:
        wrong.append(f"the grader took {(int(peak) * 1024 - before) / 1e6:.0f} MB more")


@contextmanager
def nothing_more_in(warm: Warm | None, wrong: list[str]) -> Iterator[None]:
    """Tell what a notebook left in the folder of the warm process, or running as a fork of it."""
    if warm is None:
        yield
        return
    names, processes = set(os.listdir(warm.folder)), set(processes_of(warm.folder))  # noqa: PTH208
    yield
    until = time.monotonic() + DYING_S
    while (alive := set(processes_of(warm.folder)) - processes) and time.monotonic() < until:
        time.sleep(0.05)
    wrong += [f"still running: {process}" for process in alive]
    wrong += [f"left behind: {name}" for name in set(os.listdir(warm.folder)) - names]  # noqa: PTH208


def run(
    entry: corpus.Entry,
    exercise: Exercise,
    told: str,
    folder: Path,
    mode: sandbox.Mode = "auto",
    warm: Warm | None = None,
) -> Graded:
    """Grade an entry; its notebook is written into `folder`, and removed again."""
    if entry.cell_s:
        times = exercise.description.budget.cpu.model_copy(update={"cell_s": entry.cell_s})
        budget = exercise.description.budget.model_copy(update={"cpu": times})
        description = exercise.description.model_copy(update={"budget": budget})
        exercise = dataclasses.replace(exercise, description=description)
    path = corpus.write(folder / "handed-in" / "mallory", entry.cells(told), entry.files)
    try:
        return grade(Submission(path), exercise, Options(data="small", sandbox=mode, warm=warm))
    finally:
        shutil.rmtree(folder / "handed-in")


@contextmanager
def temporary_folder() -> Iterator[tuple[Path, list[str]]]:
    """A folder for temporary files of its own, and a list that tells in the end what was left."""
    folder = Path(tempfile.mkdtemp(prefix="grade-tests-", dir="/tmp"))
    folder.chmod(0o755)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    wrong: list[str] = []
    try:
        yield folder, wrong
        wrong += left_in(folder)
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def left_in(folder: Path) -> list[str]:
    """What still is in, or runs in, a folder of temporary files."""
    left = [f"left behind: {name}" for name in os.listdir(folder)]  # noqa: PTH208 - a name may be anything
    left += [f"mounted: {line}" for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line]
    until = time.monotonic() + DYING_S
    while (alive := processes_of(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    return left + [f"still running: {process}" for process in alive]


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes that were started with a path of this folder in their command or environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and str(folder) in f"{process.cmdline()} {process.environ()}":
                found.append(process)
    return found


def unsafe(graded: Graded) -> list[str]:
    """Secrets, and what a terminal would take for commands, in what people are shown."""
    report = graded.report.model_dump_json()
    notebook = nbformat.writes(graded.notebook) if graded.notebook is not None else ""
    wrong = ["a secret is in the report or in the notebook"] if CANARY.search(report + notebook) else []
    console = Console(file=io.StringIO(), width=200, markup=False, highlight=False)
    console.print(render(graded.report))
    shown = [*texts(json.loads(report)), *console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    return wrong + [f"unsafe to show: {text!r}" for text in shown if any(map(is_control, text))]


def is_control(character: str) -> bool:
    """Whether a character is one that moves, hides or turns others."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in [*value.keys(), *value.values()] if isinstance(value, dict) else value:
            yield from texts(item)
