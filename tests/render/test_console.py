"""The report in a terminal."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from grader.figures import Accuracy, Confusion, Curve, Curves, Figure, Misjudged
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
        "passed ✓        2/2  The title.",
        "accuracy 97.31 % of 5,000",
        "failed ✗        0/2  The title.",
        "`shallow` is 12.",
        "Hint: The biases are missing.",
        "not judged –    0/2  The title.",
        "grader error !  0/2  The title.",
        "2/8 points, not passed  1 of 4 checks passed.",
        "Device cpu, seed 0, 12.3 s",
    ):
        assert line in text
    kept = "The full report, its page and the executed notebook are in exercises/100/.grade/100"
    assert kept in " ".join(text.split())


def test_it_reads_in_its_order() -> None:
    """The score first; a line that begins with a verdict for each check, and below it what belongs to it."""
    lines = shown(ALL).splitlines()
    assert lines[0] == "100  Counting  2/8 points, not passed"
    begun = lines.index("passed ✓        2/2  The title.")
    assert lines[begun : begun + 9] == [
        "passed ✓        2/2  The title.",
        "    accuracy 97.31 % of 5,000",
        "failed ✗        0/2  The title.",
        "    `shallow` is 12.",
        "    Hint: The biases are missing.",
        "not judged –    0/2  The title.",
        "    Not judged: first “The title” has to pass.",
        "grader error !  0/2  The title.",
        "    The check itself failed: KeyError: 'x'.",
    ]


def test_long_texts_have_the_whole_width() -> None:
    lines = shown(report(checks=[check(title="title " * 20, message="word " * 40, hint="hint " * 40)])).splitlines()
    titles = [line for line in lines if "title" in line]
    assert [line.index("title") for line in titles] == [15, 15]  # beside the verdict, as far as they fit
    for one in ("word", "hint"):
        told = [line.rstrip() for line in lines if line.startswith("    ") and one in line]
        assert len(told) > 2
        assert all(len(line) > 70 for line in told[:-1])


def test_in_a_narrow_window_nothing_stands_beside_anything() -> None:
    lines = shown(ALL, width=40).splitlines()
    begun = lines.index("failed ✗        0/2")
    assert lines[begun : begun + 4] == [
        "failed ✗        0/2",
        "    The title.",
        "    `shallow` is 12.",
        "    Hint: The biases are missing.",
    ]


def test_figures_are_told_in_words() -> None:
    figures: list[Figure] = [
        Accuracy(title="accuracy", hits=9, n=10, low=0.6, high=1, threshold=0.9, strict=True),
        Confusion(labels=["3", "5", "8"], counts=[[90, 9, 1], [2000, 80, 0], [4, 3, 93]]),
        Curves(
            title="Loss",
            x="epoch",
            curves=[
                Curve(name="training", values=[2.3026, 0.5, 0.1234]),
                Curve(name="validation", values=[None, 2.0, 1e300]),
                Curve(name="empty", values=[None]),
                Curve(name="one", values=[0.25]),
            ],
        ),
        Misjudged(wrong=1, n=10, items=[]),
    ]
    text = " ".join(shown(report(checks=[check("passed", figures=figures)])).split())
    assert "Mistaken most often: 5 for 3 (2,000), 3 for 5 (9), 8 for 3 (4)." in text
    assert "Loss: training from 2.3 to 0.123; validation from 2 to 1e+300; empty holds no number; one 0.25." in text
    nothing: list[Figure] = [Confusion(labels=["a", "b"], counts=[[5, 0], [0, 5]]), Curves(curves=[])]
    assert shown(report(checks=[check(figures=nothing)])) == shown(report(checks=[check()]))


def test_in_finnish() -> None:
    finnish = ALL.model_copy(update={"language": "fi", "score": 2.5})
    text = shown(finnish)
    for line in (
        "100  Counting  2,5/8 pistettä",
        "Myös 1 muu solu epäonnistui: 4.",
        "läpäisty ✓            2/2  The title.",
        "hylätty ✗             0/2  The title.",
        "    Vihje: The biases are missing.",
        "ei arvioitu –         0/2  The title.",
        "arvostelijan virhe !  0/2  The title.",
        "2,5/8 pistettä, ei läpäisty  Tarkistuksista läpäisty 1/4.",
        "Seuraavaksi: `shallow` is 12. The biases are missing.",
        "Laite cpu, siemenluku 0, 12,3 s",
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
    assert "a/b/.grade\n" in shown(report(), "a\x1b[2J/b\x1b]0;title\x07/.grade")


def test_circumstances() -> None:
    assert "Sample data, device cpu, seed 7, 0.0 s (a rehearsal" in re.sub(
        r"\s+", " ", shown(report(seed=7, data=DataReport(name="sample", sets=["mnist"])))
    )
    assert "Full data, device cuda" in shown(report(device="cuda", data=DataReport(name="full", sets=["mnist"])))


def test_verdicts() -> None:
    assert "1/1 points, full marks  1 of 1 check passed." in shown(
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


def test_what_stands_above_is_not_said_again() -> None:
    cause = "Cell 3 does not compile: expected ':'."
    again = [check(message=f"`{name}` is not defined.", hint=cause) for name in "ab"]
    dots = [check(message=f"`{name}` is still dots.", hint="Replace them.") for name in "cd"]
    broken = ExecutionReport(status="error", cell=3, error=cause)
    text = shown(report("failed", checks=again + dots, execution=broken, next=cause))
    assert (text.count(cause), text.count("Replace them.")) == (1, 1)
    assert "Next: Mend cell 3," in text
