"""Why a name is not there; what hangs on a package that this machine lacks, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.grading import Graded
from grader.sources import after_import, defined, text_defines

Grade = Callable[..., Graded]
LACKING = "no_such_package_of_the_course"
MORE = f'packages = ["{LACKING}"]'

CHECKS = '''
from grader.checks import *

@check(points=1)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")

@check(points=2)
def double_doubles(run):
    """`double` doubles."""
    expect_count(run.call("double", 4), 8, "`double(4)`")
'''


def verdicts(graded: Graded) -> list[str]:
    return [check.status for check in graded.report.checks]


# ---------------------------------------------------------------------- what hangs on a missing package

DOUBLE = "def double(v):\n    return 2 * v"
RIGHT = {
    "last cell": ["x = 3", DOUBLE, f"import {LACKING}"],
    "first cell": [f"import {LACKING} as m", "x = 3", DOUBLE],
    "above": [f"import {LACKING} as m\nimport math\nx = int(math.sqrt(9))", DOUBLE],
    "two packages": [f"import {LACKING}.sub\nimport neither_here_nor_there\nx = 3", DOUBLE],
    "among others": [f"import math, {LACKING} as m\nx = int(math.sqrt(9))", DOUBLE],
    "on one line": [f"import {LACKING}; x = 3  # three", DOUBLE],
    "from": [f"from {LACKING} import (\n    a,\n    b as c,\n)\nx = 3", DOUBLE],
    "timed": [f"%%time\nimport {LACKING}\nx = 3", DOUBLE],
    "with magics": [f"%matplotlib inline\n!echo hello\nimport {LACKING} as m\nx = 3", DOUBLE],
    "run once": [f"runs = [1]\nruns.append(1)\nimport {LACKING} as m\nx = len(runs) + 1", DOUBLE],
    "tried": [f"try:\n    import {LACKING}\nexcept ImportError:\n    x = 3", DOUBLE],
    "in a function that does without it": ["x = 3", f"def double(v):\n    import {LACKING} as m\n    return 2 * v"],
    "bound anew": [f"import {LACKING} as m", "import math as m\nx = int(m.sqrt(9))", DOUBLE],
}


@pytest.mark.parametrize("cells", RIGHT.values(), ids=RIGHT)
def test_what_does_not_hang_on_it_passes(grade_cells: Grade, cells: list[str]) -> None:
    graded = grade_cells(*cells, checks=CHECKS, more=MORE)
    assert verdicts(graded) == ["passed", "passed"], graded.report.execution.error
    assert graded.report.status == "passed"


OPEN = {
    "a value": f"import {LACKING} as m\nx = m.three()",
    "in a later cell": f"import {LACKING} as m\n\nx = m.three()",
    "by a detour": f"from {LACKING} import read\n\ntable = read()\n\nx = len(table)",
    "by name": f"import {LACKING}.sub\n\nx = {LACKING}.sub.three()",
    "in a function that is run": f"def three():\n    import {LACKING} as m\n    return m.three()\n\nx = three()",
}


@pytest.mark.parametrize("source", OPEN.values(), ids=OPEN)
def test_what_hangs_on_it_is_not_judged(grade_cells: Grade, source: str) -> None:
    report = grade_cells(*source.split("\n\n"), DOUBLE, checks=CHECKS, more=MORE).report
    assert [check.status for check in report.checks] == ["skipped", "passed"], report.checks
    assert (report.checks[0].lacks, report.status, report.exit_code, report.score) == (LACKING, "ungraded", 3, 2)
    assert report.lacking == report.execution.missing_packages == [LACKING]


@pytest.mark.parametrize(
    "double",
    [
        f"import {LACKING} as m\ndef double(v):\n    return m.double(v)",
        f"def double(v):\n    import {LACKING} as m\n    return m.double(v)",
        f"def double(v):\n    from {LACKING} import double\n    return double(v)",
    ],
)
def test_a_call_that_hangs_on_it_is_not_judged(grade_cells: Grade, double: str) -> None:
    report = grade_cells("x = 3", double, checks=CHECKS, more=MORE).report
    assert [check.status for check in report.checks] == ["passed", "skipped"], report.checks
    assert report.status == "ungraded"


WRONG = {
    "last cell": ["x = 4", "def double(v):\n    return v", f"import {LACKING}"],
    "raised": [f"raise ModuleNotFoundError(\"No module named '{LACKING}'\")", "x = 4"],
    "raised beside": [f"import {LACKING} as m", f"raise ModuleNotFoundError(\"No module named '{LACKING}'\")\nx = 3"],
    "in the same cell": [f"import {LACKING}\nx = 4", f"def double(v):\n    import {LACKING}\n    return v"],
    "raised by the function": [f"def double(v):\n    raise ModuleNotFoundError(\"No module named '{LACKING}'\")"],
    "another name": [f"import {LACKING}s as m", "x = m.three()"],
    "not of the course": [
        "import neither_here_nor_there as m",
        "x = m.three()\ndef double(v):\n    return m.double(v)",
    ],
    "another thing is undefined": [f"import {LACKING} as m", "x = n.three()", "def double(v):\n    return n.double(v)"],
    "in a comment": [f"# import {LACKING} as m\nx = m.three()"],
    "in a text": [f"text = 'import {LACKING} as m'\nx = m.three()"],
    "never": ["y = 3"],
}


@pytest.mark.parametrize("cells", WRONG.values(), ids=WRONG)
def test_nobody_escapes_a_failure(grade_cells: Grade, cells: list[str]) -> None:
    report = grade_cells(*cells, checks=CHECKS, more=MORE).report
    assert [check.status for check in report.checks] == ["failed", "failed"], report.checks
    assert (report.status, report.exit_code) == ("failed", 1)


# ---------------------------------------------------------------------- why a name is not there


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def f(v)\n    return v\nx = 3", "does not compile: expected ':', in line 1, `def f(v)`."),
        ("print('a'\nx = 3", "does not compile: '(' was never closed, in line 1, `print('a'`."),
        ("if True:\nx = 3", "does not compile: expected an indented block"),
        ("  y = 2\nx = 3", "does not compile: unexpected indent, in line 1, `y = 2`."),
        ("<<<<<<< local\nx = 3\n=======\nx = 4\n>>>>>>> remote", "holds the marks of a merge, in line 1."),
        ("1 / 0\nx = 3", "Cell 1 raised ZeroDivisionError: division by zero. Mend that first."),
        ("x_ = 3", "`x` is not defined, but `x_` is."),
        ("X = 3", "`x` is not defined, but `X` is."),
        ("y = 3", "Define `x` in the notebook; mind the spelling."),
        ("def f():\n    x = 3", "Define `x` in the notebook; mind the spelling."),
    ],
)
def test_the_cause_is_told(grade_cells: Grade, source: str, told: str) -> None:
    report = grade_cells(source).report
    said = f"{report.checks[0].message} {report.checks[0].hint}"
    assert told in said
    assert ".py" not in said
    if "compile" in told:
        assert report.next == report.execution.error
        assert not report.execution.cells[0].compiles


def test_the_cell_that_does_not_compile_comes_first(grade_cells: Grade) -> None:
    report = grade_cells(
        "import neither_here_nor_there", "x = 4", "1 / 0", "def double(v)\n    return v", checks=CHECKS
    ).report
    assert report.execution.cell == 4
    assert report.next.startswith("Cell 4 does not compile: expected ':', in line 1, `def double(v)`.")
    assert report.first_step == report.next


# ---------------------------------------------------------------------- texts of cells


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = 3", {"x"}),
        ("a, (b, *c) = 1, (2, 3)\nd: int = 4\ne += 1", {"a", "b", "c", "d", "e"}),
        ("for i in range(3):\n    with open(f) as g:\n        h = 1", {"i", "g", "h"}),
        ("def f(x):\n    y = 1\nclass A:\n    z = 2", {"f", "A"}),
        ("import a.b, c as d\nfrom e import f as g", {"a", "d", "g"}),
        ("%matplotlib inline\nfiles = !ls\nx = 3\nf?", {"files", "x"}),
        ("[k for k in range(3)]\nlambda v: v", set()),
        ("if (n := 3) > 2: pass", {"n"}),
        ("def f(x)\n    y = 1\nz = 2\na == b", {"f", "z"}),
        ("x = (\ny = 3", {"x", "y"}),
        ("%%bash\nx=3", {"x"}),
    ],
)
def test_what_a_cell_defines(source: str, names: set[str]) -> None:
    assert defined(source) == names


def test_what_a_text_would_define() -> None:
    assert text_defines("## Mine\ndef double(v):\n    return v", "double")
    assert text_defines("x = 3", "x")
    for text in ("`x = 3`", "Let x = 3.", "```\nx = 3\n```", "- x = 3", "~~~python\ndef x():\n~~~"):
        assert not text_defines(text, "x"), text


def test_what_is_left_of_a_cell() -> None:
    rest = after_import("a = 1\nimport p as q; b = 2\nc = 3", 2, "p")
    assert rest is not None
    assert (rest.source, rest.names) == ("#\nb = 2\nc = 3", {"q"})
    assert after_import("import os, p, sys", 1, "p").source == "import os, sys"  # type: ignore[union-attr]
    assert after_import("import p", 1, "p").source == ""  # type: ignore[union-attr]
    rest = after_import(
        "y = 1\nif y:\n    z = 2\n    from p import (a as b,\n        c)\n    x = 3", 4, "p", stand_in=True
    )
    assert rest is not None
    assert rest.source == "#\nif y:\n#\n#\n    b = c = get_ipython().absent('p')\n    x = 3"
    for source in (
        "def f():\n    import p\nf()",
        "x = 3",
        "from . import p",
        "(" * 90_000,
    ):
        assert after_import(source, 2, "p") is None, source[:40]
