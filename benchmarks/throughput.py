"""A whole class: `grade batch` beside `nbgrader autograde` and `otter run`, on the same notebooks in the same run.

``make benchmark`` measures everything that docs/benchmarks.md tells. Smaller: ``python benchmarks/throughput.py
--notebooks 10 --others 2 --only short others``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from batches import Batch, grade_batch
from common import ROOT, Student, all_right, mixed, plain_seconds
from figures import GRADER, Figures, Row
from memory import Memory
from others import Unavailable, measure, nbgrader, otter, prepared
from rich.console import Console
from statements import statements

from grader.datasets import Choice, cache_root, choose
from grader.exercise import Exercise, find_exercise
from grader.workers.crew import cores

SHORT, TRAINING = (find_exercise(one, ROOT) for one in ("100", "110"))
TWO = 2  # workers, on two cores: what the training notebooks and the sandbox are measured with


# ---------------------------------------------------------------------- the parts


def short(figures: Figures, choice: Choice, arguments: argparse.Namespace) -> None:
    """Exercise 100 with 1, 2 and 4 workers; in a last round, which is not timed, their memory is watched."""
    students = mixed(SHORT, arguments.notebooks)
    runs: dict[int, list[Batch]] = {workers: [] for workers in arguments.workers}
    for _ in range(arguments.rounds):
        for workers, done in runs.items():
            done.append(grade_batch(SHORT, students, workers, choice))
    for workers, done in runs.items():
        memory = Memory()
        grade_batch(SHORT, students, workers, choice, memory=memory)
        figures.rows.append(_row("short", SHORT, students, workers, done, memory))
    figures.machine["isolation"] = ", ".join(done[-1].layers)


def sandbox(figures: Figures, choice: Choice, arguments: argparse.Namespace) -> None:
    """The same batch with the sandbox and without, by turns."""
    students = mixed(SHORT, arguments.notebooks)
    runs: dict[str, list[Batch]] = {"auto": [], "off": []}
    for _ in range(arguments.rounds):
        for mode, done in runs.items():
            done.append(grade_batch(SHORT, students, TWO, choice, mode))
    for mode, done in runs.items():
        figures.rows.append(_row("sandbox", SHORT, students, TWO, done, label=f"{GRADER}, sandbox {mode}"))


def growth(figures: Figures, choice: Choice, arguments: argparse.Namespace) -> None:
    """Exercise 100 for classes of very different sizes, their memory watched all the while."""
    for size in arguments.growth:
        students, memory = mixed(SHORT, size), Memory()
        batch = grade_batch(SHORT, students, TWO, choice, memory=memory)
        figures.rows.append(_row("growth", SHORT, students, TWO, [batch], memory, f"{GRADER}, class of {size:,}"))
    share = memory.cost / batch.seconds
    figures.notes.append(
        f"Looking at the memory of {size:,} notebooks took {share:.0%} of a core, told in their times."
    )


def training(figures: Figures, choice: Choice, arguments: argparse.Namespace) -> None:
    """Exercise 110 with two workers, and as plain scripts: with every core, and with as many as a worker has."""
    students = all_right(TRAINING, arguments.training)
    threads = str(max(1, cores() // TWO))
    every, few = 0.0, 0.0
    for _ in students:
        every += plain_seconds(TRAINING, choice)
        few += plain_seconds(TRAINING, choice, OMP_NUM_THREADS=threads)
    batch, memory = grade_batch(TRAINING, students, TWO, choice), Memory()
    grade_batch(TRAINING, students, TWO, choice, memory=memory)
    figures.rows += [
        Row("training", TRAINING.id, "plain scripts, every core", len(students), 1, every, 0.0),
        Row("training", TRAINING.id, f"plain scripts, OMP_NUM_THREADS={threads}", len(students), 1, few, 0.0),
        _row("training", TRAINING, students, TWO, [batch], memory),
    ]


def others(figures: Figures, choice: Choice, arguments: argparse.Namespace) -> None:
    """The competitors, on the first notebooks of the same classes."""
    classes = {
        "short": (SHORT, mixed(SHORT, arguments.others)),
        "training": (TRAINING, all_right(TRAINING, min(arguments.training, arguments.others))),
    }
    asked = [part for part in classes if part in arguments.only] or list(classes)
    try:
        with prepared(arguments.environment) as (environment, scratch):
            figures.machine |= environment.versions()
            for part in asked:
                exercise, students = classes[part]
                for grade, what in ((nbgrader, "nbgrader autograde"), (otter, "otter run")):
                    handed = students if grade is nbgrader else students[: max(2, len(students) // 2)]
                    _say(f"  {what}, {len(handed)} × {exercise.id} …")
                    folder = scratch / f"{exercise.id}-{grade.__name__}"
                    timing = measure(grade, environment, exercise, handed, choice, folder)
                    figures.rows.append(Row(part, exercise.id, what, len(handed), 1, timing.seconds, timing.start))
    except Unavailable as unavailable:
        figures.notes.append(str(unavailable))


PARTS = {one.__name__: one for one in (short, sandbox, growth, training, others)}


def _row(
    part: str,
    exercise: Exercise,
    students: list[Student],
    workers: int,
    done: list[Batch],
    memory: Memory | None = None,
    label: str = GRADER,
) -> Row:
    """Medians of the rounds."""
    each = [batch.each for batch in done if batch.each is not None]
    drift = [batch.drift for batch in done if batch.drift is not None]
    row = Row(
        part,
        exercise.id,
        label,
        len(students),
        workers,
        statistics.median(batch.seconds for batch in done),
        statistics.median(batch.start for batch in done),
        statistics.median(each) if each else None,
        statistics.median(drift) if drift else None,
    )
    if memory is not None:
        row.main_mb, row.grader_mb = memory.main, memory.grader
        row.warm_mb, row.libraries_mb, row.all_mb = memory.with_warm, memory.libraries, memory.everything
        row.cold, row.unreadable = len(memory.cold), len(memory.unreadable)
    return row


# ---------------------------------------------------------------------- the command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--notebooks", type=int, default=100, help="notebooks of exercise 100")
    add("--workers", type=_numbers, default="1,2,4", help="notebooks at a time, such as 1,2,4")
    add("--rounds", type=int, default=3, help="of each batch of exercise 100; their median counts")
    add("--growth", type=_numbers, default="10,100,1000", help="sizes of classes")
    add("--training", type=int, default=6, help="notebooks of exercise 110")
    add("--others", type=int, default=10, help="notebooks for nbgrader, and half as many for otter; two at least")
    add("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="parts to measure; all if none is named")
    add("--data", choices=["auto", "full", "sample"], default="auto")
    add("--environment", type=Path, default=cache_root() / "benchmarks", help="where nbgrader and otter are installed")
    add("--json", type=Path, help="write all figures into this file")
    arguments = parser.parse_args()
    if min(arguments.notebooks, arguments.training, arguments.others, *arguments.growth) < 2:
        parser.error("a class has two notebooks at least")
    return arguments


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _machine(choice: Choice) -> dict[str, str]:
    """What figures hang on; no name of the machine."""
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "cores": str(cores()),
        "load at the start": busy,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "data": choice,
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    arguments = _arguments()
    choice = choose(TRAINING.description.data, arguments.data)
    figures = Figures(machine=_machine(choice))
    for name, measure_part in PARTS.items():
        if name in arguments.only:
            _say(f"{name} …")
            measure_part(figures, choice, arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(figures.table())
    for statement in statements(figures):
        console.print(statement, soft_wrap=True, highlight=False)
    for note in figures.notes:
        console.print(note, soft_wrap=True, highlight=False)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(figures) | {"claims": statements(figures)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
