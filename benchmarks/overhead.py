"""What grading costs over plain execution, for a short notebook (100) and a training one (110).

Run it with ``make benchmark``, or ``python benchmarks/overhead.py [--rounds N] [--data full|sample]``.

A *plain script* is the reference notebook's code in one file, run by ``python`` in a folder where `./data`
is what the notebook gets; *grade* is the whole command, from start to exit, sandbox and checks included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from common import ROOT, plain_seconds, timed
from rich.console import Console
from rich.table import Table

from grader.datasets import choose
from grader.exercise import find_exercise
from grader.kernel import sandbox


def measure(exercise_id: str, data: str, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of the plain script, of the whole command, and of the notebook's run within it."""
    exercise = find_exercise(exercise_id, ROOT)
    command = [str(Path(sys.executable).with_name("grade")), str(exercise.solution_folder), "--data", data, "--json"]
    scripts, grades, cells = [], [], []
    choice = choose(exercise.description.data, data)  # type: ignore[arg-type]
    for _ in range(rounds):
        scripts.append(plain_seconds(exercise, choice))
        seconds, out = timed(command, ROOT)
        grades.append(seconds)
        cells.append(json.loads(out)["execution"]["seconds"])
    return scripts, grades, cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", choices=["auto", "full", "sample"], default="auto")
    arguments = parser.parse_args()
    table = Table(
        "exercise", "data", "plain script s", "grade s", "of these the cells s", "overhead s", "ratio", box=None
    )
    for exercise in ("100", "110"):
        names = find_exercise(exercise, ROOT).description.data
        scripts, grades, cells = map(statistics.median, measure(exercise, arguments.data, arguments.rounds))
        data = choose(names, arguments.data) if names else "-"
        numbers = (scripts, grades, cells, grades - scripts, grades / scripts)
        table.add_row(exercise, data, *(f"{number:.2f}" for number in numbers))
    Console().print(table)
    print(f"medians of {arguments.rounds} rounds, {os.cpu_count()} cores")
    told = [sandbox.examine() for _ in range(20)]
    locks = 1000 * statistics.median(one.seconds for one in told)
    print(f"isolation: {locks:.1f} ms a notebook for {', '.join(sandbox.held(told[0].layers)[len(sandbox.ALWAYS) :])}")


if __name__ == "__main__":
    main()
