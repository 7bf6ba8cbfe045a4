"""What otter and `grade batch` give, question by question, to the submissions of the tests' assignments.

::

    python benchmarks/otter_scores.py            compare, with each other and with what was kept
    python benchmarks/otter_scores.py --write    keep what otter gives beside the assignments

Both get what `otter assign` makes for students.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import nbformat
from common import ROOT, timed
from others import Environment, prepared

from grader.datasets import cache_root

sys.path.insert(0, str(ROOT))  # the assignments are the tests'; first, since some package installs tests of its own
from tests.foreign.otter.assignments import FIXTURES, KEPT, Fixture
from tests.foreign.otter.forgeries import FORGED
from tests.foreign.otter.graded import grade_handed_in, told

ASSIGNMENTS = {**FIXTURES, "forgeries": FORGED}

# otter's own way to grade one notebook, which tells what each question got; `otter run` is made of it.
_GRADE = """
import json, sys
from otter.api import grade_submission
results = grade_submission(sys.argv[1], sys.argv[2], quiet=True)
scores = {name: [file.score, file.possible] for name, file in results.results.items()}
open(sys.argv[3], "w").write(json.dumps(scores))
"""

Scores = dict[str, dict[str, list[float]]]


def main() -> None:
    """Grade them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="ASSIGNMENT", help="all if none")
    parser.add_argument(
        "--environment", type=Path, default=cache_root() / "benchmarks", help="where otter is installed"
    )
    parser.add_argument("--write", action="store_true", help="keep what otter gives beside the assignments")
    arguments = parser.parse_args()
    with prepared(arguments.environment) as (environment, scratch):
        chosen = {name: one for name, one in ASSIGNMENTS.items() if name in (arguments.names or ASSIGNMENTS)}
        given, unexplained = {}, 0
        for name, one in chosen.items():
            given[name] = by_otter(environment, name, one, scratch / name)
            if not arguments.write:
                unexplained += compare(name, one, given[name], scratch / name)
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    if arguments.write:
        KEPT.write_text(json.dumps(kept | given, indent=1, sort_keys=True) + "\n", "utf-8")
        return
    print(f"{unexplained} differences that are not explained")
    if given != {name: kept.get(name) for name in given}:
        sys.exit("otter gives other points than those that were kept.")
    sys.exit(1 if unexplained else 0)


def compare(name: str, one: Fixture, theirs: Scores, folder: Path) -> int:
    """Print what both give to what lies in the folder by now; how many submissions nobody explains."""
    handed_in = {student: folder / student / f"{name}.ipynb" for student in one.submissions}
    ours = grade_handed_in(name, folder / f"{name}.ipynb", handed_in, folder / "here")
    points = {student: {question: got for question, (got, _) in of.items()} for student, of in theirs.items()}
    lines = list(told(name, points, ours))
    print(*(line for line, _ in lines), sep="\n", flush=True)
    return sum(not fine and "NOT EXPLAINED" in line for line, fine in lines)


def by_otter(environment: Environment, name: str, one: Fixture, folder: Path) -> Scores:
    """Assign and grade as otter's manual says; what each question of each submission got, and could get."""
    variables = environment.variables()
    one.write(folder, name)
    timed([environment.command("otter"), "assign", f"{name}.ipynb", "dist"], folder, variables)
    students = nbformat.read(folder / "dist" / "student" / f"{name}.ipynb", as_version=4)
    archive = next((folder / "dist" / "autograder").glob("*.zip"))
    given: Scores = {}
    for student in one.submissions:
        own = folder / student
        own.mkdir()
        nbformat.write(one.handed_in(students, student), own / f"{name}.ipynb")
        command = [str(environment.python), "-c", _GRADE, f"{name}.ipynb", str(archive), "scores.json"]
        timed(command, own, variables)
        scores = json.loads((own / "scores.json").read_text("utf-8"))
        given[student] = {question: [round(points, 4) for points in of] for question, of in scores.items()}
    return given


if __name__ == "__main__":
    main()
