"""Where the processor time of one notebook goes: exercise 100's reference, graded again and again in one process.

``python benchmarks/cpu.py [--notebooks N] [--json FILE]``; ``--profile kernel|grader`` tells functions instead.

Time of processors (user and system), not of the clock on the wall: what else runs on the machine hardly changes it.
A batch does the same for each notebook, and collects, writes results and pages besides.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import marshal
import os
import pstats
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import forks
from common import ROOT, mixed, write
from rich.console import Console
from rich.table import Table

from grader.exercise import Exercise, find_exercise
from grader.grading import Options, grade
from grader.kernel import warm as starting
from grader.kernel.warm import Warm, warmed
from grader.submission import Submission

_MS = 1000
_WARM_UP = 3  # notebooks that are graded before anything is measured
_ENDED_S = 10.0


def used(who: int) -> float:
    """Seconds of processors' time of this process, or of its children that have ended."""
    told = resource.getrusage(who)
    return told.ru_utime + told.ru_stime


@contextmanager
def watched_forks(profiled: bool) -> Iterator[tuple[Warm, Path]]:
    """A warm process that writes down what its forks take, and where."""
    with warmed([], "cpu") as warm:
        if warm is None:
            sys.exit("Only Linux forks kernels.")
        program = warm.folder / "zygote.py"  # bubblewrap shows this folder to the warm process
        shutil.copy(forks.__file__, program)
        if profiled:
            (warm.folder / "profile").touch()
        own, starting.PROGRAM = starting.PROGRAM, program
        try:
            warm.start()
        finally:
            starting.PROGRAM = own
        yield warm, warm.folder


def ended(folder: Path, number: int) -> list[dict[str, Any]]:
    """What the forks took, once that many notebooks' processes have ended."""
    path, until = folder / "forks.jsonl", time.monotonic() + _ENDED_S
    while time.monotonic() < until:
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        if sum("parts" in row for row in rows) >= number:
            break
        time.sleep(0.05)
    return rows


def measure(exercise: Exercise, notebooks: int, profile: str = "") -> dict[str, float]:
    """Milliseconds a notebook, by part."""
    submission = Submission(exercise.reference)
    watcher = cProfile.Profile()
    with watched_forks(profile == "kernel") as (warm, folder):
        options = Options("sample", "cpu", warm=warm, secret=b"benchmark")

        def once() -> None:
            report = grade(submission, exercise, options).report
            if report.status != "passed":
                sys.exit(f"The reference was not graded as it should be: {report.status}.")

        for _ in range(_WARM_UP):
            once()
        before = ended(folder, _WARM_UP)
        begun, own, children = time.perf_counter(), used(resource.RUSAGE_SELF), used(resource.RUSAGE_CHILDREN)
        if profile == "grader":
            watcher.enable()
        for _ in range(notebooks):
            once()
        watcher.disable()
        seconds = time.perf_counter() - begun
        own, children = used(resource.RUSAGE_SELF) - own, used(resource.RUSAGE_CHILDREN) - children
        rows = ended(folder, _WARM_UP + notebooks)
        if profile == "kernel":
            _show([marshal.loads(path.read_bytes()) for path in folder.glob("*.profile")])
        if profile == "grader":
            pstats.Stats(watcher).sort_stats("tottime").print_stats(45)
    kernels = rows[len(before) :]
    families: dict[int, list[dict[str, Any]]] = {}
    for row in kernels:
        families.setdefault(row["pid"], []).append(row)
    told = [_told(family) for family in families.values() if any("parts" in row for row in family)]
    found = {
        "grader process": own / notebooks * _MS,
        "judging process": children / notebooks * _MS,
        "warm process: its fork": (kernels[-1]["warm"] - before[-1]["warm"]) / notebooks * _MS,
        **{name: statistics.median(one[name] for one in told) for name in told[0]},
    }
    found["all"] = sum(list(found.values())[:4])
    return found | {"by the clock": seconds / notebooks * _MS}


def _told(family: list[dict[str, Any]]) -> dict[str, float]:
    """Of the processes of one kernel: milliseconds by part; of which system; page faults by part."""
    (outer,) = (row for row in family if "parts" in row)
    user, system, faults = (sum(row[name] for row in family) for name in ("user", "system", "faults"))
    rest = "the end: memory given back, and what is not above"
    found = {"kernel": (user + system) * _MS}
    found |= {f"  {name}": part * _MS for name, part in zip(forks.PARTS, outer["parts"], strict=True)}
    found[f"  {rest}"] = (user + system - sum(outer["parts"])) * _MS
    found |= {"of the kernel: other threads": outer["threads"] * _MS, "of the kernel: system": system * _MS}
    found |= {"page faults of the kernel": faults}
    found |= {f"  faults, {name}": part for name, part in zip(forks.PARTS, outer["part_faults"], strict=True)}
    return found


class _Told:
    """Statistics of a profiler, as `pstats` takes them."""

    def __init__(self, stats: dict[Any, Any]) -> None:
        self.stats = stats

    def create_stats(self) -> None:
        """They are there."""


def _show(profiles: list[dict[Any, Any]]) -> None:
    """The forks' profiles, added up."""
    told = pstats.Stats(*[_Told(one) for one in profiles])
    print(f"{len(profiles)} notebooks, main thread only; a profiler costs time of its own")
    told.sort_stats("tottime").print_stats(45)
    told.sort_stats("cumulative").print_stats(110)


def alone(exercise: Exercise, rounds: int) -> dict[str, dict[str, float]]:
    """A batch of one notebook beside an import of torch: seconds by the clock, and of processors.

    Forks of the warm process are not in the latter: nobody waits for them.
    """

    def timed(command: list[str]) -> tuple[float, float]:
        begun, before = time.perf_counter(), used(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return time.perf_counter() - begun, used(resource.RUSAGE_CHILDREN) - before

    def batch() -> list[str]:
        folder = Path(tempfile.mkdtemp(dir=scratch))
        for student in mixed(exercise, 1):
            write(student.notebook, folder / "in" / student.name / exercise.description.notebook)
        command = [str(Path(sys.executable).with_name("grade")), "batch", str(exercise.folder), str(folder / "in")]
        return [*command, "-o", str(folder / "out"), "--data", "sample"]

    commands: dict[str, Callable[[], list[str]]] = {
        "import torch, torchvision": lambda: [sys.executable, "-c", "import torch, torchvision"],
        "grade batch, one notebook": batch,
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(rounds):
            for name, command in commands.items():
                took[name].append(timed(command()))
    return {
        name: dict(zip(("seconds", "cpu"), map(statistics.median, zip(*times, strict=True)), strict=True))
        for name, times in took.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--notebooks", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3, help="of a batch of one notebook; 0 for none")
    parser.add_argument("--profile", choices=["kernel", "grader"], help="show functions instead")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    arguments = parser.parse_args()
    exercise = find_exercise("100", ROOT)
    load = os.getloadavg()[0]
    found = measure(exercise, arguments.notebooks, arguments.profile or "")
    if arguments.profile:
        return
    table = Table("exercise 100, a notebook", "ms", box=None)
    for name, value in found.items():
        table.add_row(name, f"{value:.1f}")
    console = Console()
    console.print(table)
    batches = alone(exercise, arguments.rounds) if arguments.rounds else {}
    table = Table("", "s by the clock", "s of processors", box=None)
    for name, took in batches.items():
        table.add_row(name, f"{took['seconds']:.2f}", f"{took['cpu']:.2f}")
    if batches:
        console.print(table)
    print(f"{arguments.notebooks} notebooks, load {load:.1f} at the start, {os.cpu_count()} cores")
    if arguments.json:
        arguments.json.write_text(json.dumps({"ms": found, "batch of one": batches, "load": load}, indent=2) + "\n")


if __name__ == "__main__":
    main()
