"""A class in a terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from grader.grades.gradebook import CheckSummary, Counts, Message, Scores, Slow, Summary, Ungraded, Verdicts
from grader.intake.attempt import HandedIn, Remark
from grader.render.batch import glance, remarks_table
from grader.submission import Submission


def shown(one: RenderableType, width: int = 80, **console: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=width, **console).print(one)
    return file.getvalue()


def sums(**more: Any) -> Summary:
    fields: dict[str, Any] = {
        "exercise": "110",
        "title": "MNIST",
        "students": 200,
        "statuses": Counts(passed=120, failed=70, ungraded=4, missing=6),
        "verdicts": Verdicts(full=100, passed=20, failed=70, ungraded=4, missing=6),
        "max_score": 20,
        "scores": Scores(
            students=190,
            mean=14.236,
            lowest=0,
            q1=12,
            median=15,
            q3=18.5,
            highest=20,
            histogram=[1, 0, 0, 9, 10, 20, 30, 40, 60, 20],
        ),
        "checks": [_check("accuracy", 62, skipped=8, messages=[Message(text="It is 93.1 %.", students=18)])],
        "most_failed": ["accuracy"],
        "slowest": [
            Slow(student="Ada", seconds=123.45, execution="timeout", cell=3),
            Slow(student="Bob", seconds=99, execution="ok", cell=None),
        ],
        "ungraded": [Ungraded(student="Eve", reason="accuracy: The check itself failed.")],
        "remarks": [],
        "data": ["full"],
        "device": ["cpu"],
        "seed": [0],
        "grader": ["0.1.0"],
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 3210.5,
    }
    return Summary(**(fields | more))


def _check(name: str, failed: int, **more: Any) -> CheckSummary:
    fields: dict[str, Any] = {"skipped": 0, "error": 0, "messages": []} | more
    passed = 190 - failed - fields["skipped"]
    return CheckSummary(
        name=name, title=f"The {name}.", max_score=4, passed=passed, failed=failed, pass_rate=passed / 190, **fields
    )


def test_everything_is_told() -> None:
    text = shown(glance(sums()))
    for line in (
        "110  MNIST",
        "200 students: 100 full marks, 20 passed, 70 not passed, 4 not graded, 6 missing.",
        "Median 15 of 20 points, the middle half from 12 to 18.5, mean 14.24.",
        "Most often failed",
        "✗ 62  The accuracy.",
        "63 % of 190 passed, 8 not judged",
        "18× It is 93.1 %.",
        "Slowest notebooks",
        "123.5 s  Ada  timeout in cell 3",
        " 99.0 s  Bob",
        "Not graded (this costs nobody points)",
        "Eve  accuracy: The check itself failed.",
        "Full data, device cpu, seed 0, 3,210.5 s",
    ):
        assert line in text


def test_the_histogram() -> None:
    lines = [line.rstrip() for line in shown(glance(sums())).splitlines()]
    start = lines.index("  0–10 %   1  █")
    assert lines[start + 1] == " 10–20 %   ·"
    assert lines[start + 8] == f" 80–90 %  60  {'█' * 40}"
    assert lines[start + 9] == f"90–100 %  20  {'█' * 13}"


def test_only_the_worst_checks_are_told() -> None:
    checks = [_check(f"number_{n}", failed=90 - n) for n in range(9)]
    text = shown(glance(sums(checks=checks, most_failed=[one.name for one in checks])))
    assert "The number_4." in text
    assert "The number_5." not in text


def test_what_is_not_there_is_not_told() -> None:
    nothing = {"scores": None, "checks": [], "most_failed": [], "slowest": [], "ungraded": [], "data": [], "device": []}
    text = shown(glance(sums(**nothing, seed=[], students=0, statuses=Counts(), verdicts=Verdicts())))
    assert text.split() == ["110", "MNIST", "0", "students.", "3,210.5", "s"]


def test_a_rehearsal_says_so() -> None:
    assert "Full and sample data, device cpu and cuda" in shown(
        glance(sums(data=["full", "sample"], device=["cpu", "cuda"]))
    )
    text = " ".join(shown(glance(sums(data=["sample"]))).split())
    assert text.endswith("Sample data, device cpu, seed 0, 3,210.5 s (a rehearsal: the real set is not here)")


def test_without_colours_there_are_no_escape_sequences() -> None:
    assert "\x1b" not in shown(glance(sums()))
    assert "\x1b" in shown(glance(sums()), force_terminal=True, color_system="standard")


EVIL = "[red]x[/red] [/y] :smile: \x1b[2J\x1b]0;title\x07\u202e"


def _evil() -> list[RenderableType]:
    check = _check("c", 3, messages=[Message(text=EVIL, students=2)]).model_copy(update={"title": EVIL})
    summary = sums(
        title=EVIL,
        checks=[check],
        most_failed=["c"],
        slowest=[Slow(student=EVIL, seconds=1, execution="ok", cell=None)],
        ungraded=[Ungraded(student=EVIL, reason=EVIL)],
    )
    return [glance(summary), remarks_table(HandedIn((), (Remark(EVIL, "missing", EVIL),)))]


@pytest.mark.parametrize("which", [0, 1])
def test_names_are_shown_and_never_obeyed(which: int) -> None:
    text = shown(_evil()[which])
    assert "[red]x[/red] [/y] :smile:" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "title" not in text


@pytest.mark.parametrize("width", [80, 40])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = "word " * 60 + "x" * 300
    check = _check("c", 3, messages=[Message(text=long, students=2)]).model_copy(update={"title": long})
    summary = sums(
        title=long,
        checks=[check],
        most_failed=["c"],
        slowest=[Slow(student=long, seconds=12345, execution="timeout", cell=1999)],
        ungraded=[Ungraded(student=long, reason=long)],
    )
    for one in (glance(summary), remarks_table(HandedIn((), (Remark(long, "several", long),)))):
        assert max(map(len, shown(one, width).splitlines())) <= width


# ---------------------------------------------------------------------- before grading


def test_remarks() -> None:
    ann = Submission(Path("ann.ipynb"), "Ann")
    remarks = (Remark("Ann", "duplicate", "2 notebooks; the newest counts."), Remark("", "ignored", "x.txt is none."))
    lines = shown(remarks_table(HandedIn((ann,), remarks))).splitlines()
    assert lines[0].strip() == "1 submission, 2 remarks:"
    assert [line.rstrip() for line in lines[2:]] == [
        "Ann  duplicate  2 notebooks; the newest counts.",
        "     ignored    x.txt is none.",
    ]


def test_no_remarks() -> None:
    ann = Submission(Path("ann.ipynb"), "Ann")
    assert shown(remarks_table(HandedIn((ann, ann), ()))).strip() == "2 submissions."
