"""Every exercise of the course, proven: reference, starter and mistakes, a test for each notebook of the matrix."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest

from grader.authoring import read_patches, read_reference, starter_of, text_of
from grader.errors import GraderError
from grader.exercise import Exercise, load
from grader.grading import Options
from grader.kernel.warm import Warm
from grader.validation import MIN_MISTAKES, Row, grade_notebook, rows, try_row

ROOT = Path(__file__).parent.parent
EXERCISES = sorted(path.parent.name for path in (ROOT / "exercises").glob("*/exercise.toml"))


# Notebooks of exercises that take seconds each.
MOST = {"102": 3, "110": 3, "112": 6, "113": 3, "300": 5, "701": 8, "710": 2, "711": 2, "712": 2}


@cache
def exercise(name: str) -> Exercise:
    return load(ROOT / "exercises" / name)


@cache
def matrix(name: str) -> dict[str, Row]:
    """The notebooks on the embedded sample; nothing if the exercise's files are not whole."""
    try:
        return {row.name: row for row in rows(exercise(name), Options(data="small"))}
    except GraderError:
        return {}


def tried(name: str) -> list[str]:
    """The notebooks that are tried here: so few mistakes that each check is failed by one, but all of exercise 100.

    Where a notebook trains for seconds, only the first of these are; `make validate` tries them all, and so does this
    where every mode is asked for.
    """
    every = matrix(name)
    if os.environ.get("GRADER_TEST_EVERY_MODE") or name == "100":
        return list(every)
    chosen = [row for row in ("reference", "starter") if row in every]
    mistakes = {row: set(one.fails or ()) for row, one in every.items() if row not in chosen}
    left = set().union(*mistakes.values())
    while left and len(chosen) < MOST.get(name, 100):
        best = max(mistakes, key=lambda row: len(mistakes[row] & left))
        chosen.append(best)
        left -= mistakes[best]
    return chosen


ALL_ROWS = [pytest.param(name, row, id=f"{name}-{row}") for name in EXERCISES for row in tried(name)]


def test_there_are_exercises() -> None:
    course = "100 101 102 103 104 110 111 112 113 300 700 701 710 711 712"
    assert set(course.split()) <= set(EXERCISES)


@pytest.mark.parametrize(("name", "row"), ALL_ROWS)
def test_row(name: str, row: str, warm: Warm | None) -> None:
    """Full marks for the reference, none for the starter, exactly its checks lost for a mistake."""
    result = try_row(exercise(name), matrix(name)[row], Options(data="small", warm=warm))
    assert result.faults == []
    if row == "reference":
        assert (result.report.status, result.report.execution.status) == ("passed", "ok"), result.report.execution.error
        assert result.report.score == result.report.max_score == exercise(name).max_score
    if row == "starter":
        assert (result.report.status, result.report.score, result.report.exit_code) == ("failed", 0, 1)


# 710 trains for minutes on the real reviews: `grade validate 710 --data full` is for that.
@pytest.mark.full
@pytest.mark.parametrize("name", ["110"])
def test_the_reference_on_the_real_data(name: str, full_data: Path) -> None:
    report = grade_notebook(read_reference(exercise(name)), exercise(name), Options(data="full"))
    assert (report.status, report.data.name) == ("passed", "full"), [check.message for check in report.checks]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_matrix_is_whole(name: str) -> None:
    assert {"reference", "starter"} <= set(matrix(name))
    mistakes = read_patches(exercise(name).solution_folder / "mistakes.toml", "mistake")
    assert len(mistakes) >= MIN_MISTAKES
    assert not [one.name for one in mistakes if not one.fails]
    named = {check for one in mistakes for check in one.fails}
    checks = {check.name for check in exercise(name).checks}
    assert checks - named == set(), "no mistake fails these: nothing shows that they can"
    assert named - checks == set(), "there are no such checks"


@pytest.mark.parametrize("name", EXERCISES)
def test_the_starter_is_what_the_reference_gives(name: str) -> None:
    assert exercise(name).starter.read_text("utf-8") == text_of(starter_of(read_reference(exercise(name)))), (
        f"run `grade release {name}`"
    )


@pytest.mark.parametrize("name", EXERCISES)
def test_the_starter_is_ready_for_students(name: str) -> None:
    one = exercise(name)
    notebook = json.loads(one.starter.read_text("utf-8"))
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"])
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
        assert "SOLUTION" not in "".join(cell["source"])
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    for wanted in one.description.names:
        assert wanted in text, f"nothing tells the student to define `{wanted}`"


@pytest.mark.parametrize("name", EXERCISES)
def test_checks_say_what_they_want(name: str) -> None:
    for check in exercise(name).checks:
        assert check.title.endswith((".", "?")), check.name
        assert len(check.title) < 160, check.name
        assert set(check.needs) <= {other.name for other in exercise(name).checks}


@pytest.mark.parametrize("name", EXERCISES)
def test_the_description_is_whole(name: str) -> None:
    description = exercise(name).description
    assert description.id == name
    assert description.title.en != description.title.fi
    assert description.names
    for device in ("cpu", "cuda"):
        cell, total = description.budget.seconds(device)
        assert cell <= total
