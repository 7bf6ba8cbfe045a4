"""Record what every notebook that the project knows gets, and tell what is other after a change of the code.

    python benchmarks/verdicts.py record before.jsonl 100 101        # or without exercises: all of them
    python benchmarks/verdicts.py compare before.jsonl after.jsonl

The notebooks are those of `grade validate` (reference, starter, mistakes), of `tests/submissions/` and of
`tests/cases/`, on sample data, with the same questions each time. Times, versions and memory are set aside. Points and
statuses have to be alike; sentences are compared apart, since a reworded one is no other verdict.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat

from grader.authoring import read_patches, read_reference, text_of
from grader.datasets import DATASETS
from grader.exercise import Exercise, every_exercise
from grader.grading import Options, grade
from grader.kernel.warm import warmed
from grader.report import Report
from grader.submission import Submission
from grader.validation import rows

ROOT = Path(__file__).parent.parent
SECRET = b"verdicts"


def notebooks(exercise: Exercise) -> Iterator[tuple[str, nbformat.NotebookNode | Path]]:
    """Every notebook of an exercise that this project knows: by name, as a notebook or a file."""
    for row in rows(exercise, Options(data="small")):
        yield f"validate/{row.name}", row.notebook
    reference = read_reference(exercise)
    for patch in read_patches(ROOT / "tests" / "submissions" / f"{exercise.id}.toml", "submission"):
        yield f"submissions/{patch.name}", patch.apply(reference)
    for path in sorted((ROOT / "tests" / "cases").glob("*.toml")):
        case = tomllib.loads(path.read_text("utf-8"))
        if case["exercise"] == exercise.id and "budget" not in case and not case.get("thorough"):
            yield f"cases/{path.stem}", path.with_suffix(".ipynb")


def as_verdict(report: Report) -> dict[str, Any]:
    """What of a report does not change from run to run."""
    execution = report.execution
    return {
        "status": report.status,
        "score": report.score,
        "execution": [execution.status, execution.cell, execution.error, [cell.status for cell in execution.cells]],
        "checks": {
            check.name: {
                "verdict": [check.status, check.score, check.max_score, check.lacks],
                "says": [check.title, check.message, check.hint],
                "figures": [figure.model_dump(mode="json") for figure in check.figures],
            }
            for check in report.checks
        },
    }


def record(path: Path, names: list[str]) -> None:
    """Grade everything and write a line for each notebook."""
    exercises = [one for one in every_exercise(ROOT) if not names or one.id in names]
    with (
        warmed(one.view("sample") for one in DATASETS.values()) as warm,
        ThreadPoolExecutor(2) as pool,
        path.open("w", encoding="utf-8") as file,
    ):
        options = Options(data="small", device="cpu", warm=warm, secret=SECRET)

        def graded(exercise: Exercise, name: str, what: nbformat.NotebookNode | Path) -> dict[str, Any]:
            with tempfile.TemporaryDirectory(prefix="grade-") as folder:
                if not isinstance(what, Path):
                    notebook, what = what, Path(folder) / exercise.description.notebook
                    what.write_text(text_of(notebook), encoding="utf-8")
                report = grade(Submission(what), exercise, options).report
            return {"notebook": f"{exercise.id}/{name}", **as_verdict(report)}

        tried = [(exercise, *one) for exercise in exercises for one in notebooks(exercise)]
        for number, future in enumerate(as_completed([pool.submit(graded, *one) for one in tried]), 1):
            found = future.result()
            file.write(json.dumps(found, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{number} of {len(tried)}  {found['notebook']}: {found['status']}", flush=True)


def read(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {line.pop("notebook"): line for line in lines}


def compare(before: Path, after: Path) -> int:
    """Print what differs; the exit code tells whether a verdict does."""
    old, new = read(before), read(after)
    verdicts = sentences = 0
    for name in sorted(old.keys() & new.keys()):
        one, other = old[name], new[name]
        for key in ("status", "score", "execution"):
            if one[key] != other[key]:
                verdicts += 1
                print(f"{name}: {key} was {one[key]}, is {other[key]}")
        if list(one["checks"]) != list(other["checks"]):
            verdicts += 1
            print(f"{name}: its checks are others")
        for check in one["checks"].keys() & other["checks"].keys():
            was, now = one["checks"][check], other["checks"][check]
            if was["verdict"] != now["verdict"]:
                verdicts += 1
                print(
                    f"{name} {check}: was {was['verdict']} {was['says'][1]!r}, is {now['verdict']} {now['says'][1]!r}"
                )
            elif was["says"] != now["says"]:
                sentences += 1
                print(f"  says  {name} {check}:\n    - {was['says'][1:]}\n    + {now['says'][1:]}")
            elif was["figures"] != now["figures"]:
                sentences += 1
                print(f"  shows {name} {check}: other figures")
    missing = sorted(old.keys() - new.keys())
    print(f"{len(old.keys() & new.keys())} notebooks: {verdicts} verdicts and {sentences} sentences or figures differ")
    if missing:
        print(f"{len(missing)} of the first record are not in the second: {', '.join(missing[:5])}")
    return 1 if verdicts or missing else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record", path, *names]:
            record(Path(path), names)
        case ["compare", one, other]:
            sys.exit(compare(Path(one), Path(other)))
        case _:
            sys.exit(str(__doc__))
