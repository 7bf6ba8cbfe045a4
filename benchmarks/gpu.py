"""A class of training notebooks on one GPU: seconds in all, and the most memory of the GPU, by number of workers.

``python benchmarks/gpu.py`` grades 100 notebooks of exercise 110 with one, two and four workers on the GPU, and, to
compare, some of them on the processor. On a machine without a GPU ``--device cpu`` tries the script itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from batches import grade_batch
from common import ROOT, Student, all_right
from memory import looking
from rich.console import Console
from rich.table import Table

from grader.datasets import Choice, choose
from grader.exercise import find_exercise
from grader.workers.gpus import gpus

EXERCISE = find_exercise("110", ROOT)
_ASK = ["nvidia-smi", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]


class Gpu:
    """The most that all GPUs together were seen to hold, in MB, beyond what they held before; and how busy they were.

    Attributes
    ----------
    memory
        None where there is nobody to ask.
    busy
        Mean of the looks, in per cent of the first GPU.
    """

    def __init__(self) -> None:
        self.memory: int | None = None
        self._busy: list[int] = []

    @property
    def busy(self) -> float | None:
        """Mean of the looks."""
        return sum(self._busy) / len(self._busy) if self._busy else None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look five times a second."""
        before = self._look()
        if before is None:
            yield
            return
        self.memory = 0

        def look() -> None:
            if (now := self._look()) is not None:
                self.memory = max(self.memory or 0, now[0] - before[0])
                self._busy.append(now[1])

        with looking(look):
            yield

    @staticmethod
    def _look() -> tuple[int, int] | None:
        """Memory of all GPUs, and how busy the first is."""
        if shutil.which(_ASK[0]) is None:
            return None
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            told = subprocess.run(_ASK, capture_output=True, text=True, check=True, timeout=5).stdout.split("\n")
            rows = [[int(part) for part in line.split(",")] for line in told if line.strip()]
            return (sum(memory for memory, _ in rows), rows[0][1]) if rows else None
        return None


def measured(students: list[Student], workers: int, choice: Choice, device: str) -> dict[str, float | str | None]:
    """One batch, as a row."""
    gpu = Gpu()
    with gpu.watching():
        batch = grade_batch(EXERCISE, students, workers, choice, device=device)
    return {
        "device": batch.device,
        "notebooks": len(students),
        "workers": workers,
        "seconds": round(batch.seconds, 2),
        "seconds each, no start": round((batch.seconds - batch.start) / len(students), 3),
        "median seconds": None if batch.each is None else round(batch.each, 3),
        "GPU memory, MB": gpu.memory,
        "GPU busy, %": None if gpu.busy is None else round(gpu.busy),
        "layers": ", ".join(batch.layers),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--notebooks", type=int, default=100, help="on the GPU")
    add("--beside", type=int, default=4, help="as many on the processor, to compare; 0 for none")
    add("--workers", type=lambda text: [int(part) for part in text.split(",")], default="1,2,4")
    add("--device", default="cuda", help="cuda, cuda:N; cpu tries the script")
    add("--data", choices=["auto", "full", "sample"], default="auto")
    add("--json", type=Path, help="write the rows into this file as they come")
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not gpus():
        sys.exit("There is no GPU here. Run it where there is one, or try the script with --device cpu.")
    choice = choose(EXERCISE.description.data, arguments.data)
    plan = [(arguments.device, workers, arguments.notebooks) for workers in arguments.workers]
    plan += [("cpu", 2, arguments.beside)] if arguments.beside else []
    rows: list[dict[str, float | str | None]] = []
    for device, workers, number in plan:
        print(f"{number} notebooks, {workers} at a time, {device} …", file=sys.stderr, flush=True)
        rows.append(measured(all_right(EXERCISE, number), workers, choice, device))
        if arguments.json:  # a machine that is lent may be taken back
            arguments.json.write_text(json.dumps({"data": choice, "rows": rows}, indent=2) + "\n")
    table = Table(box=None, header_style="bold", caption=f"data: {choice}", caption_justify="left", pad_edge=False)
    for name in rows[0]:
        table.add_column(name, justify="left" if name in ("device", "layers") else "right")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 220).print(table)


if __name__ == "__main__":
    main()
