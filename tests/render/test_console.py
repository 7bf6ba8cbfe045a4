"""The report in a terminal."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from grader.render.console import points, render
from grader.report import CellReport, CheckReport, DataReport, ExecutionReport, Report
from tests.test_report import report


def shown(one: Report, kept: str = "", width: int = 80, **console: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=width, **console).print(render(one, kept))
    return file.getvalue()


def check(status: str = "failed", **more: Any) -> CheckReport:
    fields = {"name": "c", "title": "The title.", "status": status, "score": 0, "max_score": 2}
    return CheckReport(**(fields | more))


ALL = report(
    checks=[
        check("passed", score=2, message="accuracy 97.31 % of 5,000"),
        check("failed", message="`shallow` is 12.", hint="The biases are missing."),
        check("skipped", message="Not judged: first “The title” has to pass."),
        check("error", message="The check itself failed: KeyError: 'x'."),
    ],
    execution=ExecutionReport(
        status="error",
        seconds=12.34,
        cell=3,
        error="Cell 3 raised NameError: name 'x' is not defined.",
        cells=[
            CellReport(number=3, id="a", status="error", seconds=1, error="Cell 3 raised NameError."),
            CellReport(number=4, id="b", status="error", seconds=1, error="Cell 4 raised NameError."),
            CellReport(number=5, id="c", status="ok", seconds=1),
        ],
    ),
    score=2,
    max_score=8,
)


def test_everything_is_told() -> None:
    text = shown(ALL, "exercises/100/.grade/100")
    for line in (
        "100  Counting",
        "Cell 3 raised NameError: name 'x' is not defined.",
        "1 other cell failed as well: 4.",
        "✓ passed        2/2  The title.",
        "accuracy 97.31 % of 5,000",
        "✗ failed        0/2  The title.",
        "`shallow` is 12.",
        "Hint: The biases are missing.",
        "– not judged    0/2  The title.",
        "! grader error  0/2  The title.",
        "2/8 points  1 of 4 checks passed.",
        "Device cpu, seed 0, 12.3 s",
        "The full report and the executed notebook are in exercises/100/.grade/100",
    ):
        assert line in text


def test_without_colours_there_are_no_escape_sequences() -> None:
    assert "\x1b" not in shown(ALL)
    assert "\x1b" in shown(ALL, force_terminal=True, color_system="standard")


@pytest.mark.parametrize("width", [80, 40])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = report(
        title="A " + "very " * 30 + "long title",
        checks=[check(message="word " * 60 + "x" * 200, hint="hint " * 60, title="title " * 30)],
        execution=ExecutionReport(status="timeout", cell=1, error="error " * 60),
    )
    lines = shown(long, "/a/path/" + "x" * 200, width).splitlines()
    assert max(map(len, lines)) <= width


def test_the_teachers_own_checks_are_told_apart() -> None:
    checks = [check(name="a", title="A."), check(name="b", title="B.", hidden=True)]
    told = [line for line in shown(report(checks=checks), width=120).splitlines() if "the teacher's own" in line]
    assert len(told) == 1
    assert "B. (a check of the teacher's own)" in told[0]


def test_text_is_not_taken_for_markup() -> None:
    text = shown(report(title="[red]bold[/red] [/x]", checks=[check(message="[link=x]a[/] :smile:")]))
    assert "[red]bold[/red] [/x]" in text
    assert "[link=x]a[/] :smile:" in text


def test_a_folder_with_an_evil_name_does_nothing_to_the_terminal() -> None:
    assert "are in a/b/.grade" in shown(report(), "a\x1b[2J/b\x1b]0;title\x07/.grade")


def test_circumstances() -> None:
    assert "Sample data, device cpu, seed 7, 0.0 s (a rehearsal" in re.sub(
        r"\s+", " ", shown(report(seed=7, data=DataReport(name="sample", sets=["mnist"])))
    )
    assert "Full data, device cuda" in shown(report(device="cuda", data=DataReport(name="full", sets=["mnist"])))


def test_verdicts() -> None:
    assert "1/1 points  1 of 1 check passed." in shown(
        report("passed", checks=[check("passed", score=1, max_score=1)], score=1, max_score=1)
    )
    assert "costs no points" in shown(report("ungraded", checks=[check("error")]))
    missing = ExecutionReport(status="error", cell=1, error="x", missing_packages=["pandas", "seaborn"])
    assert "install pandas and seaborn first" in re.sub(r"\s+", " ", shown(report("ungraded", execution=missing)))


def test_an_unreadable_notebook() -> None:
    text = shown(report(execution=ExecutionReport(status="invalid", error="The notebook's file is empty.")))
    assert "The notebook's file is empty." in text


@pytest.mark.parametrize(("score", "of", "text"), [(3, 4, "3/4"), (0.5, 1.5, "0.5/1.5"), (0.1 + 0.2, 1, "0.3/1")])
def test_points(score: float, of: float, text: str) -> None:
    assert points(score, of) == text
