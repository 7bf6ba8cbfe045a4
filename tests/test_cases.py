"""Notebooks from outside on which the grader was once wrong, each with what is right.

``tests/cases/NAME.ipynb``, or ``NAME.py``, is graded as it is; ``NAME.toml`` beside it says

- `exercise`: which one it is for; `what` it is and what is `right`, in words;
- `status`, `execution`: of the report and of the run, where they are given;
- `below`, `at_most`, `at_least`: points;
- `fails`, `passes`: words that begin the names of checks, which all have to fail (or not be judged), or to pass;
- `says`: texts that stand in the report's messages; `silent`: texts that stand nowhere in it;
- `hidden`: packages that are not to be imported, whether they are here or not;
- `budget`: what of the exercise's is other: `memory_mb`, or `cell_s` for a cell that does not end;
- `open`: why it is not mended yet: the test has to fail until it is, and fails when it does not;
- `thorough`: tried in `make thorough` alone, `data`: "full" where it is about the real sets.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.exercise import Exercise, load
from grader.grading import Options, grade
from grader.kernel.warm import Warm
from grader.packages import Lack, Packages
from grader.report import Report
from grader.submission import Submission
from tests.conftest import ROOT, thorough

HERE = Path(__file__).parent / "cases"
CASES: dict[str, dict[str, Any]] = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(HERE.glob("*.toml"))
}
NOTEBOOKS = {path.stem: path for path in HERE.iterdir() if path.suffix != ".toml"}


def checked(report: Report, word: str) -> list[str]:
    """Statuses of the checks whose names begin with a word."""
    found = [check.status for check in report.checks if check.name.startswith(word)]
    assert found, f"no check is named {word}…"
    return found


def with_budget(exercise: Exercise, cell_s: float = 0, **budget: Any) -> Exercise:
    """The exercise with another budget."""
    usual = exercise.description.budget
    times = usual.cpu.model_copy(update={"cell_s": cell_s or usual.cpu.cell_s})
    changed = usual.model_copy(update={"cpu": times, **budget})
    return replace(exercise, description=exercise.description.model_copy(update={"budget": changed}))


class Hidden(Packages):
    """Packages that are as if they were not installed."""

    def forbids(self, package: str) -> bool:
        return False

    def lack(self, package: str) -> Lack:
        return "lacking" if package in self.forbidden else super().lack(package)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=thorough if one.get("thorough") else ()) for name, one in CASES.items()]
)
def test_case(name: str, warm: Warm | None, request: pytest.FixtureRequest) -> None:
    case = CASES[name]
    if "open" in case:
        request.applymarker(pytest.mark.xfail(reason=case["open"], strict=True, raises=AssertionError))
    data = case.get("data", "sample")
    if data == "full":
        request.getfixturevalue("full_data")
    exercise = with_budget(load(ROOT / "exercises" / case["exercise"]), **case.get("budget", {}))
    if "hidden" in case:
        description = exercise.description.model_copy(update={"packages": Hidden(forbidden=case["hidden"])})
        exercise = replace(exercise, description=description)
    report = grade(Submission(NOTEBOOKS[name]), exercise, Options(data=data, warm=warm)).report
    told = report.model_dump_json()
    broken = [check.message for check in report.checks if check.status == "error"]
    assert not broken, f"the grader's own fault: {broken}"
    for field, found in {"status": report.status, "execution": report.execution.status}.items():
        assert found == case.get(field, found), told
    assert report.score < case.get("below", float("inf")), told
    assert case.get("at_least", 0) <= report.score <= case.get("at_most", float("inf")), told
    for word in case.get("fails", []):
        assert set(checked(report, word)) <= {"failed", "skipped"}, (word, told)
    for word in case.get("passes", []):
        assert set(checked(report, word)) == {"passed"}, (word, told)
    for text in case.get("says", []):
        assert text in told, (text, told)
    for text in case.get("silent", []):
        assert text not in told, (text, told)


def test_every_case_says_what_is_right() -> None:
    assert set(NOTEBOOKS) == set(CASES)
    verdicts = {"status", "execution", "below", "at_most", "at_least", "fails", "passes", "says"}
    assert [name for name, case in CASES.items() if not verdicts & set(case)] == []


# ---------------------------------------------------------------------- attempt after attempt

TABLE = """
import torch
shown = {shown!r}
count_parameters = lambda *sizes: shown.get("count_parameters(" + ", ".join(map(str, sizes)) + ")", -1)
"""
ASKED = re.compile(r"`(?P<question>[^`]+)`[^`]* is -1(?:, not (?P<answer>\d+))?")


def test_a_table_of_what_earlier_attempts_were_asked_is_of_no_use(warm: Warm | None, tmp_path: Path) -> None:
    """Whoever hands in again, with what the messages told, and works the rest out by hand, gets no further."""
    exercise = load(ROOT / "exercises" / "100")
    options = Options(data="small", warm=warm)
    reference = nbformat.from_dict(json.loads((HERE / "100-same-questions.ipynb").read_text("utf-8")))
    shown: dict[str, int] = {}
    scores, met = [], []
    for _ in range(6):
        reference.cells[-1].source = TABLE.format(shown=shown)
        path = tmp_path / "100.ipynb"
        path.write_text(json.dumps(reference))
        report = grade(Submission(path), exercise, options).report
        scores.append(report.score)
        for check in report.checks:
            if found := ASKED.search(check.message):
                assert found["answer"] is None, "the question and its answer stand side by side"
                sizes = [int(size) for size in re.findall(r"\d+", found["question"])]
                shown[found["question"]] = sum(n * (m + 1) for m, n in pairwise(sizes))
                met.append(found["question"])
    assert set(scores) == {15}  # the honest part
    assert len(set(met)) == len(met) == 18
