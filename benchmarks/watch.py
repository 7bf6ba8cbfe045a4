"""How long a student waits after a save: from the file's replacement to the report of ``grade PATH --watch``.

``python benchmarks/watch.py [--saves N] [--exercises 100 110]``, with sample data. Each save changes a comment of the
reference's and replaces the file, as Jupyter and editors do. The cells' own time is that of the report; the rest is
the grader's: noticing, a kernel, the checks, the report. The first report waits for the warm process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import ROOT, write
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from grader.authoring import read_reference
from grader.exercise import Exercise, find_exercise


class Watch:
    """The command at work on a notebook of its own."""

    def __init__(self, exercise: Exercise, folder: Path) -> None:
        self._reference = read_reference(exercise)
        self._path = folder / exercise.description.notebook
        self._saves = 0
        self.save()
        grade = str(Path(sys.executable).with_name("grade"))
        command = [grade, str(self._path), "--exercise", str(exercise.folder), "--data", "sample", "--watch", "--json"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0
        )

    def save(self) -> float:
        """Put a new version in the old one's place; when that was done."""
        self._saves += 1
        draft = self._path.with_name(".draft")
        write(_edited(self._reference, self._saves), draft)
        draft.replace(self._path)
        return time.perf_counter()

    def report(self) -> tuple[dict[str, Any], float]:
        """The next report, and when it came."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("`grade --watch` ended")
        return json.loads(line), time.perf_counter()

    def close(self) -> None:
        """End it, as a person would."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()


def _edited(reference: NotebookNode, save: int) -> NotebookNode:
    edited = NotebookNode(json.loads(json.dumps(reference), object_hook=NotebookNode))
    cell = next(cell for cell in edited.cells if cell.cell_type == "code")
    cell.source += f"\n# save {save}"
    return edited


def measure(exercise_id: str, saves: int) -> tuple[float, list[tuple[float, float]]]:
    """Seconds until the first report; and of each save after it, the cells' own beside them."""
    exercise = find_exercise(exercise_id, ROOT)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        watch = Watch(exercise, Path(folder))
        try:
            report, first = watch.report()
            found = []
            for _ in range(saves):
                time.sleep(1)  # a person does not save while the report is being printed
                saved = watch.save()
                report, told = watch.report()
                if report["status"] != "passed":
                    sys.exit(f"the reference of {exercise_id} is {report['status']}")
                found.append((told - saved, report["execution"]["seconds"]))
            return first - begun, found
        finally:
            watch.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--exercises", nargs="+", default=["100", "110"])
    parser.add_argument("--saves", type=int, default=5)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    table = Table("exercise", "first s", "save to report s", "of these the cells s", "the rest s", "median", box=None)
    for exercise in arguments.exercises:
        first, found = measure(exercise, arguments.saves)
        rest = [seconds - cells for seconds, cells in found]
        columns = ([seconds for seconds, _ in found], [cells for _, cells in found], rest)
        told = (" ".join(f"{number:.2f}" for number in column) for column in columns)
        table.add_row(exercise, f"{first:.1f}", *told, f"{statistics.median(rest):.2f}")
    Console(width=150).print(table)
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start")


if __name__ == "__main__":
    main()
