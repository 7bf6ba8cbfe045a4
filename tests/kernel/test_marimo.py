"""Notebooks that use marimo, whether it is installed on this machine or not."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from grader.exercise import Exercise
from grader.grading import Graded, Options, grade
from grader.kernel.warm import Warm
from grader.submission import Submission
from tests.conftest import SAMPLE
from tests.formats.test_marimo import book, cell

Grade = Callable[..., Graded]
START = "import marimo as mo"

# Cells that all have to run, with marimo's own library as without.
USES = {
    "values that elements begin with": [
        "assert mo.ui.slider(1, 9).value == 1 and mo.ui.slider(1, 9, value=4, label='n').value == 4",
        "assert mo.ui.slider(steps=[3, 5]).value == 3",
        "assert list(mo.ui.range_slider(1, 9).value) == [1, 9]",
        "assert mo.ui.number(2, 5, value=3).value == 3",
        "assert mo.ui.checkbox().value is False and mo.ui.switch(True).value is True",
        "assert mo.ui.text('a').value == 'a' and mo.ui.text_area(placeholder='b').value == ''",
        "assert mo.ui.dropdown(['a', 'b'], 'b').value == 'b' and mo.ui.dropdown(['a']).value is None",
        "assert mo.ui.dropdown({'a': 1, 'b': 2}, value='b').value == 2",
        "assert mo.ui.radio(options={'one': 1}, value='one').value == 1",
        "assert mo.ui.multiselect(['a', 'b'], value=['b']).value == ['b'] and mo.ui.multiselect(['a']).value == []",
        "assert mo.ui.run_button().value is False and mo.ui.button(value=3).value == 3",
        "assert list(mo.ui.file().value) == []",
        "assert mo.ui.text('a').form().value is None",
        "assert mo.ui.array([mo.ui.text('a'), mo.ui.number(1, 2)]).value == ['a', 1]",
        "both = mo.ui.dictionary({'a': mo.ui.text('b')})\nassert both.value == {'a': 'b'} and both['a'].value == 'b'",
        "assert mo.ui.date(value='2026-01-02').value",
    ],
    "things to look at": [
        "text = mo.md(f'''\n# {3}\n''')\ntext",
        "mo.hstack([mo.ui.slider(1, 2), mo.md('a')], justify='start')",
        "mo.vstack([text, text.callout(kind='info')])",
        "mo.accordion({'a': text}), mo.callout(text, kind='warn'), mo.center(text)",
        "mo.md(f'{mo.ui.slider(1, 2)} {mo.as_html([1])} {text}')",
        "mo.mermaid('graph TD'), mo.image('a.png'), mo.plain_text('a'), mo.Html('<b>a</b>')",
        "mo.output.append(text)\nmo.output.replace(text)\nmo.output.clear()",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nmo.mpl.interactive(plt.gca())",
        "mo.stat(3, label='a'), mo.tree({'a': [1]})",
    ],
    "what marimo does only where it runs the notebook": [
        "@mo.cache\ndef f(x):\n    return x + 1\nassert f(1) == 2",
        "@mo.persistent_cache\ndef g(x):\n    return x + 1\nassert g(1) == 2",
        "@mo.persistent_cache(name='kept')\ndef h(x):\n    return x + 1\nassert h(1) == 2",
        "with mo.persistent_cache('kept') as kept:\n    y = 3\nassert y == 3 and not kept.hit",
        "@mo.lru_cache(maxsize=3)\ndef k(x):\n    return x\nassert k(1) == 1",
        "from pathlib import Path\nassert Path(mo.notebook_dir()) == Path.cwd()",
        "assert (Path(str(mo.notebook_location())) / 'data').is_dir()",
        "assert not mo.running_in_notebook() and not mo.cli_args().get('a') and mo.app_meta() is not None",
        "get, put = mo.state(1)\nput(2)",
        "with mo.status.spinner('wait'):\n    pass",
        "assert list(mo.status.progress_bar([1, 2], title='t')) == [1, 2]",
        "mo.stop(False)",
    ],
}


@pytest.mark.parametrize("cells", USES.values(), ids=USES)
def test_notebooks_that_use_marimo_run(grade_cells: Grade, cells: list[str]) -> None:
    report = grade_cells(START, *cells, "x = 3").report
    assert report.status == "passed", report.execution.error
    assert [one.error for one in report.execution.cells if one.status != "ok"] == []


def test_whoever_tries_is_told_whether_it_is_there(grade_cells: Grade) -> None:
    told = "try:\n    import marimo\n    x = 3\nexcept ImportError:\n    x = 4"
    assert grade_cells(told).report.status == ("passed" if find_spec("marimo") else "failed")


def test_a_text_is_shown_as_one(grade_cells: Grade) -> None:
    shown = grade_cells(START, "mo.md('''\n    # A title\n    ''')").notebook
    assert shown is not None
    (output,) = shown.cells[1].outputs
    assert "A title" in str(output.data)


CELLS = (
    cell(START, "@app.cell\ndef begins():"),
    cell("mo.stop(True, mo.md('not yet'))\nready = 1", "@app.cell\ndef gate(mo):"),
    cell("y = ready"),
    cell("z = y"),
    cell("x = 3"),
    cell("off = 1", "@app.cell(disabled=True)\ndef _():"),
    cell("w = off"),
)


@pytest.fixture
def graded(make_exercise: Callable[..., Exercise], tmp_path: Path, warm: Warm | None) -> Grade:
    def run(*cells: str, **exercise: object) -> Graded:
        (tmp_path / "handed-in").mkdir(exist_ok=True)
        path = tmp_path / "handed-in" / "small.py"
        path.write_text(book(*cells))
        return grade(Submission(path), make_exercise(**exercise), Options(data=SAMPLE.data, warm=warm))

    return run


CHECKS = '''
from grader.checks import *

@check(points=1)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")

@check(points=1)
def z_is_one(run):
    """`z` is one."""
    expect_count(run.value("z"), 1, "`z`")

@check(points=1)
def off_is_one(run):
    """`off` is one."""
    expect_count(run.value("off"), 1, "`off`")

@check(points=1)
def ready_is_one(run):
    """`ready` is one."""
    expect_count(run.value("ready"), 1, "`ready`")
'''


def test_stop_ends_what_hangs_on_the_cell_and_says_so(graded: Grade) -> None:
    found = graded(*CELLS, checks=CHECKS)
    report = found.report
    statuses = {one.told: one.status for one in report.execution.cells}
    assert statuses == {
        "begins": "ok",
        "gate": "stopped",
        "3": "not run",
        "4": "not run",
        "5": "ok",
        "6": "not run",
        "7": "not run",
    }
    assert report.execution.status == "error"
    assert str(report.execution.error).startswith("Cell `gate` (line 15) ended at `mo.stop`")
    said = {check.name: check.message for check in report.checks}
    assert said["x_is_three"] == ""
    assert said["ready_is_one"] == "`ready` is not defined, since Cell `gate` (line 15) ended at `mo.stop` before it."
    assert said["z_is_one"].endswith("Cell 4 (line 28) was not run, since it hangs on cell `gate` (line 15).")
    assert said["off_is_one"] == "`off` is not defined, since Cell 6 (line 40) is switched off."
    assert found.notebook is not None
    assert [one.output_type for one in found.notebook.cells[1].outputs] in (["display_data"], [])


def test_cells_that_cannot_run_cost_what_hangs_on_them_alone(graded: Grade) -> None:
    report = graded(cell("x = 3"), cell("a = 1"), cell("a = 2"), cell("b = a")).report
    assert report.status == "passed"
    assert "`a` is defined in several cells" in str(report.execution.error)
    assert [one.status for one in report.execution.cells] == ["ok", "error", "error", "not run"]


def test_errors_tell_the_line_in_the_file(graded: Grade) -> None:
    report = graded(cell("y = 1"), cell("def f(:\n    pass", "@app.cell\ndef broken():"), cell("y / 0")).report
    assert "Cell `broken` (line 15) does not compile: invalid syntax, in line 15" in report.next
    assert [one.error for one in report.execution.cells][
        -1
    ] == "Cell 3 (line 22) raised ZeroDivisionError: division by zero."


def test_the_notebook_knows_its_own_name(graded: Grade) -> None:
    report = graded(cell("from pathlib import Path\nx = 3 if (Path(__file__).parent / 'data').is_dir() else 4")).report
    assert report.status == "passed"


def test_an_early_return_costs_its_cell(graded: Grade) -> None:
    report = graded(cell("x = 3"), cell("if x:\n    return\ny = 4")).report
    assert report.status == "passed"
    assert "'return' outside function, in line 16" in str(report.execution.error)
