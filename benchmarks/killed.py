"""A batch that is killed again and again: what it has written stays, what it finds is what nobody's interruption finds.

``python benchmarks/killed.py``: 60 notebooks of exercise 100, `SIGKILL` at 20 random moments (`--notebooks`, `--kills`,
`--seed`), the same command again after each. The results must be those of a batch that nobody disturbs, none lost,
none graded again after it was written, and nothing left of the batches that were killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from common import ROOT, mixed, write

from grader.exercise import Exercise, load
from grader.scratch import remove

_ENDS_S = 30.0


class Batch:
    """A class, and the command that grades it."""

    def __init__(self, exercise: Exercise, folder: Path, notebooks: int, workers: int) -> None:
        self.folder = folder
        for student in mixed(exercise, notebooks):
            write(student.notebook, folder / "in" / student.name / exercise.description.notebook)
        grade = str(Path(sys.executable).with_name("grade"))
        self.command = [grade, "batch", str(exercise.folder), str(folder / "in"), "--workers", str(workers)]
        (folder / "tmp").mkdir()

    def start(self, out: str) -> subprocess.Popen[bytes]:
        """Start the command; the results go to `out`."""
        return subprocess.Popen(
            [*self.command, "--data", "sample", "-o", str(self.folder / out)],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(self.folder / "tmp")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def written(self, out: str) -> dict[str, tuple[int, int]]:
        """The reports that are there, by student: which file each is, and since when."""
        paths = (self.folder / out).glob("students/*/report.json")
        return {path.parent.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}

    def grades(self, out: str) -> dict[str, Any]:
        """What the reports say, without what differs from one run to the next."""
        found = {}
        for path in (self.folder / out).glob("students/*/report.json"):
            report = json.loads(path.read_text("utf-8"))
            checks = [
                tuple(check[name] for name in ("name", "status", "score", "message")) for check in report["checks"]
            ]
            found[path.parent.name] = (report["status"], report["score"], checks)
        return found

    def left(self) -> list[str]:
        """Scratch folders that are there."""
        return sorted(path.name for path in (self.folder / "tmp").glob("grade-*"))


def killed(batch: Batch, chance: random.Random) -> tuple[int, list[str]]:
    """Start the batch and kill it at some moment; how many results there are then, and what is wrong."""
    before = batch.written("out")
    process = batch.start("out")
    if chance.random() < 0.25:  # as it begins: reading, warming up
        time.sleep(chance.uniform(0.1, 4))
    else:
        wanted = len(before) + chance.randint(1, 5)
        while process.poll() is None and len(batch.written("out")) < wanted:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, _ENDS_S)
    after = batch.written("out")
    wrong = [f"lost: {student}" for student in before.keys() - after.keys()]
    wrong += [
        f"graded again: {student}" for student in before.keys() & after.keys() if before[student] != after[student]
    ]
    return len(after), wrong + [f"outlives the batch: {one}" for one in alive]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebooks", type=int, default=60)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    chance = random.Random(told.seed)
    folder = Path(tempfile.mkdtemp(prefix="g-"))  # a short path: sockets lie below it
    wrong: list[str] = []
    try:
        batch = Batch(load(ROOT / "exercises" / "100"), folder, told.notebooks, told.workers)
        for number in range(1, told.kills + 1):
            there, found = killed(batch, chance)
            wrong += found
            print(f"killed {number:>3} times: {there:>4} of {told.notebooks} results", flush=True)
        before = batch.written("out")
        code = batch.start("out").wait()
        after = batch.written("out")
        wrong += [f"graded again: {student}" for student in before if before[student] != after.get(student)]
        wrong += [f"left behind: {name}" for name in batch.left()]
        print(f"then left alone: {len(after):>4} results, exit code {code}", flush=True)
        batch.start("undisturbed").wait()
        one, other = batch.grades("out"), batch.grades("undisturbed")
        wrong += [
            f"not as undisturbed: {student}"
            for student in one.keys() | other.keys()
            if one.get(student) != other.get(student)
        ]
        wrong += [] if len(other) == told.notebooks else [f"undisturbed: {len(other)} results"]
    finally:
        remove(folder)
    print("\n".join(wrong) or "As if nobody had disturbed it: none lost, none graded again, nothing left behind.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
