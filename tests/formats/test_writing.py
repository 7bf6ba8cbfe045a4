"""Notebooks written in the formats of text, and read again."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from grader.authoring import read_reference
from grader.exercise import load
from grader.formats.notebook import cells
from grader.formats.writing import Format, Unwritable, form_of, written
from grader.grading import Options, grade
from grader.kernel.warm import Warm
from grader.submission import Submission
from tests.conftest import ROOT, notebook, thorough

EXERCISES = sorted(path.name for path in (ROOT / "exercises").iterdir() if (path / "exercise.toml").is_file())
# Those whose reference is done in a second or two.
QUICK = ("100", "104", "111", "700")
NAMES: dict[Format, str] = {
    "marimo": "a.py",
    "percent": "a.py",
    "markdown": "a.md",
    "myst": "a.md",
    "rmarkdown": "a.qmd",
}


def code(text: str, name: str = "a.py") -> list[str]:
    return [one.source for one in cells(text.encode(), name) if one.kind == "code"]


def as_marimo(*sources: str, keep: tuple[str, ...] = ()) -> list[str]:
    text = written(notebook(*sources), "marimo", keep)
    ast.parse(text)
    return code(text)


@pytest.mark.parametrize("form", NAMES)
def test_what_is_written_is_read_again(form: Format) -> None:
    made = nbformat.v4.new_notebook(
        cells=[
            new_markdown_cell('# Title\n\n`x`, and """quotes""" \\'),
            new_code_cell("import math", id="imports"),
            new_markdown_cell("text  \nover lines\n\n- a\n  - b"),
            new_code_cell(
                'text = """\n  a\nb\n"""\n\n\ndef f(x):\n    # a remark\n    return math.pi * x', id="function"
            ),
            new_code_cell("print(f(3), text)"),
        ]
    )
    text = written(made, form)
    assert form_of(text.encode(), NAMES[form]) == form
    read = cells(text.encode(), NAMES[form])
    ours = [(one.cell_type, one.source) for one in made.cells]
    assert [(one.kind, one.source) for one in read if one.source != "import marimo as mo"] == ours
    assert {"imports", "function"} <= {one.id for one in read}


def test_arguments_and_returns_are_computed() -> None:
    text = written(
        notebook(
            "a = b = 1", "import numpy as np", "def f(x):\n    return a * x", "c = f(np.pi)\n_own = 1", "print(c)"
        ),
        "marimo",
    )
    read = ast.parse(text)
    heads = [ast.unparse(one.args) for one in read.body if isinstance(one, ast.FunctionDef)]
    returns = [ast.unparse(one.body[-1]) for one in read.body if isinstance(one, ast.FunctionDef) and one.body]
    assert heads == ["", "", "a", "f, np", "c"]
    assert returns == ["return (a,)", "return (np,)", "return (f,)", "return (c,)", "return"]


def test_setup_functions_and_classes_have_their_own_forms() -> None:
    made = notebook("import math", "def f(x):\n    return x", "class A:\n    pass", "def g(x):\n    return y", "y = 1")
    made.cells[0].id = "setup"
    text = written(made, "marimo")
    assert "with app.setup:\n    import math\n" in text
    assert "@app.function\ndef f(x):" in text
    assert "@app.class_definition\nclass A:" in text
    assert "@app.cell\ndef _(y):\n    def g(x):" in text


@pytest.mark.parametrize(
    ("sources", "keep", "become"),
    [
        (("for i in range(3): x = i", "i = 2"), (), ["for _i in range(3): x = _i", "i = 2"]),
        (("i = 1", "print(i)", "i = 2"), (), ["i = 1", "print(i)", "_i = 2"]),
        (("i = 1", "i = 2"), ("i",), ["_i = 1", "i = 2"]),
        (("i = 1", "i = 2\nprint(i)"), (), ["_i = 1", "i = 2\nprint(i)"]),
    ],
)
def test_names_of_several_cells_are_made_a_cells_own(
    sources: tuple[str, ...], keep: tuple[str, ...], become: list[str]
) -> None:
    assert as_marimo(*sources, keep=keep) == become


@pytest.mark.parametrize(
    "sources",
    [
        ("i = 1", "print(i)", "i = 2", "print(i)"),
        ("i = 1", "i = i + 1", "print(i)"),
        ("i = 1", "i += 1"),
    ],
)
def test_what_marimo_could_not_run_is_told(sources: tuple[str, ...]) -> None:
    with pytest.raises(Unwritable, match="`i` is defined in several cells"):
        written(notebook(*sources), "marimo")


def test_magics_that_only_show_are_left_out_and_what_is_no_python_is_kept_as_text() -> None:
    text = written(notebook("%matplotlib inline\nimport os", "x = = 3"), "marimo")
    assert code(text) == ["import os", "x = = 3"]
    assert "app._unparsable_cell(" in text
    assert code(written(notebook("%matplotlib inline\nimport os", "!ls"), "percent")) == [
        "%matplotlib inline\nimport os",
        "!ls",
    ]


def test_pictures_that_a_cell_carries_go_along() -> None:
    made = notebook("x = 3")
    picture = {"a.png": {"image/png": "aGVsbG8="}}
    made.cells.insert(0, new_markdown_cell("![](attachment:a.png)", attachments=picture))
    for form in ("marimo", "percent"):
        assert "(data:image/png;base64,aGVsbG8=)" in written(made, form)


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("form", ["marimo", "percent"])
def test_every_reference_can_be_written(name: str, form: Format) -> None:
    exercise = load(ROOT / "exercises" / name)
    reference = read_reference(exercise)
    text = written(reference, form, exercise.description.names)
    ast.parse(text)
    read = cells(text.encode(), "a.py")
    assert [one.refused for one in read if one.refused] == []
    told = [one.source for one in read if one.kind == "code" and one.source != "import marimo as mo"]
    assert len(told) == sum(cell.cell_type == "code" for cell in reference.cells)


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else thorough) for name in EXERCISES])
@pytest.mark.parametrize("form", ["marimo", "percent"])
def test_every_reference_has_full_marks_in_every_format(
    name: str, form: Format, tmp_path: Path, warm: Warm | None
) -> None:
    exercise = load(ROOT / "exercises" / name)
    path = tmp_path / "a.py"
    path.write_text(written(read_reference(exercise), form, exercise.description.names), "utf-8")
    report = grade(Submission(path), exercise, Options(data="small", warm=warm)).report
    assert report.status == "passed", (report.execution.error, report.next)


@pytest.mark.skipif(not (find_spec("marimo") or os.environ.get("MARIMO_PYTHON")), reason="marimo is not installed")
@pytest.mark.parametrize("name", EXERCISES)
def test_marimo_itself_reads_them_and_runs_them_in_that_order(name: str, tmp_path: Path) -> None:
    """By marimo's own library, of this environment or of another one (MARIMO_PYTHON)."""
    exercise = load(ROOT / "exercises" / name)
    path = tmp_path / "a.py"
    path.write_text(written(read_reference(exercise), "marimo", exercise.description.names), "utf-8")
    ask = (
        "import sys; from marimo._ast.app import InternalApp; from marimo._ast.load import load_app;"
        "from marimo._runtime.dataflow import topological_sort as order;"
        "app = InternalApp(load_app(sys.argv[1])); codes = app.cell_manager.cell_data_at;"
        "print([codes(one).code for one in order(app.graph, app.graph.cells.keys())])"
    )
    command = [os.environ.get("MARIMO_PYTHON", sys.executable), "-W", "ignore", "-c", ask, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [one for one in ast.literal_eval(done.stdout) if "mo.md(" not in one and one.strip()]
    ours = [re.sub(r"_cell\d+_", "_", one) for one in code(path.read_text("utf-8"))]
    assert ours == [one.strip("\n") for one in theirs]
