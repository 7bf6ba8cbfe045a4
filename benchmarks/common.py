"""What the benchmarks share: timed commands, the notebook's code as a plain script, a class of students."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import nbformat
from memory import Memory
from nbformat import NotebookNode

from grader.authoring import read_patches, read_reference, starter_of
from grader.datasets import Choice
from grader.exercise import Exercise
from grader.workspace import Workspace

ROOT = Path(__file__).parent.parent


def timed(
    command: list[str],
    cwd: Path,
    environment: dict[str, str] | None = None,
    accepted: tuple[int, ...] = (0,),
    memory: Memory | None = None,
) -> tuple[float, str]:
    """Wall-clock seconds of a command, and what it printed; the end of all if its exit code is not accepted.

    Parameters
    ----------
    memory
        Watches the command and its children, if given.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with nullcontext() if memory is None else memory.watching(process.pid):
        out, errors = process.communicate()
    seconds = time.perf_counter() - begun
    if process.returncode not in accepted:
        sys.exit(f"{' '.join(command)} failed:\n{(errors or out)[-2000:]}")
    return seconds, out


def plain_script(notebook: Path) -> str:
    """The notebook's code, as one script."""
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")


def plain_seconds(exercise: Exercise, choice: Choice, **environment: str) -> float:
    """Seconds of the reference's code as a plain script, from start to exit.

    It is run by ``python`` in a folder where `./data` is what the notebook gets.
    """
    names = exercise.description.data
    with tempfile.TemporaryDirectory() as folder, Workspace(exercise.reference, names, choice) as workspace:
        script = Path(folder) / "script.py"
        script.write_text(plain_script(exercise.reference), encoding="utf-8")
        everything = {**os.environ, "MPLBACKEND": "agg", **environment}
        return timed([sys.executable, str(script)], workspace.folder, everything)[0]


# ---------------------------------------------------------------------- what students hand in


@dataclass(frozen=True)
class Student:
    """Who hands in what, and whether it is right."""

    name: str
    notebook: NotebookNode
    right: bool


def mixed(exercise: Exercise, number: int) -> list[Student]:
    """A class of which every other notebook is right; the rest are the starter and the known mistakes in turn."""
    reference = read_reference(exercise)
    mistakes = read_patches(exercise.solution_folder / "mistakes.toml", "mistake")
    wrong = cycle([starter_of(reference), *[mistake.apply(reference) for mistake in mistakes]])
    return [_student(i, next(wrong) if i % 2 else reference, right=i % 2 == 0) for i in range(number)]


def all_right(exercise: Exercise, number: int) -> list[Student]:
    """A class whose notebooks are all right, so that each trains as long as the others."""
    return [_student(i, read_reference(exercise), right=True) for i in range(number)]


def _student(number: int, notebook: NotebookNode, right: bool) -> Student:
    """No two notebooks are alike: a comment in the first code cell tells whose it is."""
    name = f"s{number + 1:04}"
    own = copy.deepcopy(notebook)
    first = next(cell for cell in own.cells if cell.cell_type == "code")
    first.source = f"# {name}\n{first.source}"
    return Student(name, own, right)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook's file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
