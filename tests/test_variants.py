"""What no check may hang on: the order of cells, comments, names of helpers, the dtype, the device.

Each reference is rewritten as another student would have written it (`tests/variants.py`) and has to get all points.
"""

from __future__ import annotations

from functools import cache

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.authoring import read_reference
from grader.exercise import Exercise, exercise_folders, load
from grader.grading import Options
from grader.kernel.warm import Warm
from grader.report import ExecutionReport
from grader.validation import grade_notebook
from grader.workers.crew import device_class
from tests import variants
from tests.conftest import ROOT, thorough

EXERCISES = list(exercise_folders(ROOT))
# Notebooks that take seconds each.
TRAIN = {"102", "110", "113", "300", "710", "711", "712"}


@cache
def exercise(name: str) -> Exercise:
    return load(ROOT / "exercises" / name)


def reference(name: str) -> nbformat.NotebookNode:
    return read_reference(exercise(name))


def expect_all_points(
    name: str, notebook: nbformat.NotebookNode, warm: Warm | None, device: str = "auto"
) -> ExecutionReport:
    """Grade the notebook, which has to get what the reference gets; how its run went."""
    report = grade_notebook(notebook, exercise(name), Options(data="small", device=device, warm=warm))
    assert [(one.name, one.message) for one in report.checks if one.status != "passed"] == []
    return report.execution


@pytest.mark.parametrize("name", [pytest.param(one, marks=thorough) if one in TRAIN else one for one in EXERCISES])
def test_another_students_notebook(name: str, warm: Warm | None) -> None:
    """Cells gained, lost, split and in another order, comments in Finnish, other names for helpers."""
    run = expect_all_points(name, variants.anothers(reference(name), exercise(name).description.names), warm)
    assert (run.status, run.error) == ("ok", None)


@pytest.mark.parametrize("name", [pytest.param(one, marks=thorough) if one in TRAIN else one for one in EXERCISES])
def test_float64_instead_of_float32(name: str, warm: Warm | None) -> None:
    if "torch" not in "".join(cell.source for cell in reference(name).cells if cell.cell_type == "code"):
        pytest.skip("nothing in it is torch's")
    double = "import torch\ntorch.set_default_dtype(torch.float64)"
    expect_all_points(name, variants.beginning_with(reference(name), double), warm)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_model_on_another_device(name: str, warm: Warm | None) -> None:
    """On the device that the grader offers, and every model that the exercise asks for moved there at the end."""
    device = device_class("auto")
    if device == "cpu":
        pytest.skip("there is no other device here")
    move = f"""
        import torch
        for name in {exercise(name).description.names}:
            if isinstance(globals()[name], torch.nn.Module):
                globals()[name].to({device!r})
    """
    expect_all_points(name, variants.ending_with(reference(name), move), warm, device)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_variant_is_another_notebook(name: str) -> None:
    """Else the tests above would show nothing."""
    before = reference(name)
    wanted = exercise(name).description.names
    assert variants.helpers(before, wanted)
    for change in (variants.split, variants.with_comments, variants.with_others_cells):
        assert sources(change(before)) != sources(before)
    apart = variants.split(before)
    moved = variants.reordered(apart)
    assert sources(moved) != sources(apart)
    assert sorted(sources(moved)) == sorted(sources(apart))


# ---------------------------------------------------------------------- how the variants are made


def book(*cells: str) -> nbformat.NotebookNode:
    """A notebook of these code cells; of text where one begins with "#:"."""
    made = [new_markdown_cell(one) if one.startswith("#:") else new_code_cell(one) for one in cells]
    return new_notebook(cells=made)


def sources(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


@pytest.mark.parametrize(
    ("cell", "pieces"),
    [
        ("x = 1", ["x = 1"]),
        ("x = 1\ny = 2\n\nz = (3,\n4)", ["x = 1", "y = 2", "\nz = (3,\n4)"]),
        ("x = 1; y = 2\nz = 3", ["x = 1; y = 2", "z = 3"]),
        ("x = 1\ny = 2; z = 3", ["x = 1", "y = 2; z = 3"]),
        (
            "@f\ndef g():\n    return 1\n# of h\n@f\nclass h:\n    pass",
            ["@f\ndef g():\n    return 1", "# of h\n@f\nclass h:\n    pass"],
        ),
        ("for i in x:\n    y\nelse:\n    z\nw  # end", ["for i in x:\n    y\nelse:\n    z", "w  # end"]),
        ("%time x = 1\ny", ["%time x = 1\ny"]),
        ("plt.plot(x)\nplt.show()", ["plt.plot(x)\nplt.show()"]),
        ("# only a comment", ["# only a comment"]),
        ("", [""]),
    ],
)
def test_cells_are_split_between_statements(cell: str, pieces: list[str]) -> None:
    assert sources(variants.split(book(cell))) == pieces


@pytest.mark.parametrize(
    ("cell", "commented"),
    [
        ("x = 1", "x = 1§"),
        ("x = 1  # one", "x = 1  # one"),
        ("x = (1,  # one\n     2)", "x = (1,  # one\n     2)§"),
        ('def f():\n    """A\n    b."""\n\n    return 1', 'def f():§\n    """A\n    b."""§\n\n    return 1§'),
        ("x = '''a\n# none'''\ny = 2", "x = '''a\n# none'''§\ny = 2§"),
    ],
)
def test_statements_are_commented(cell: str, commented: str) -> None:
    (source,) = sources(variants.with_comments(book(cell)))
    assert source.partition("\n")[2] == commented.replace("§", "  # tässä tehdään työ: åäö €")


def test_magics_get_no_comments() -> None:
    assert sources(variants.with_comments(book("%time x = 1", "#: text"))) == ["%time x = 1", "#: text"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["def f(): return g()", "def g(): return 1"], ["def g(): return 1", "def f(): return g()"]),
        (["x = 1", "#: text", "y = 2", "", "z = 3"], ["z = 3", "#: text", "y = 2", "", "x = 1"]),
        (["x = 1", "y = 2", "z = x"], ["y = 2", "x = 1", "z = x"]),
        (["x = 1", "y = x"], ["x = 1", "y = x"]),
        (["x = 1", "x = 2"], ["x = 1", "x = 2"]),
        (["x", "x = 2"], ["x", "x = 2"]),
        (["import a.b", "def f(c=a.b): pass"], ["import a.b", "def f(c=a.b): pass"]),
        (["from a import b as c", "class D(c): pass"], ["from a import b as c", "class D(c): pass"]),
        (["from a import b", "@b()\ndef f(): pass"], ["from a import b", "@b()\ndef f(): pass"]),
        (["x = 1", "class A:\n    y = x"], ["x = 1", "class A:\n    y = x"]),
        (["x = 1", "def f() -> x: pass"], ["x = 1", "def f() -> x: pass"]),
        (["x = 1", "class A:\n    def f(self): return x"], ["class A:\n    def f(self): return x", "x = 1"]),
        (["x = 1", "train()", "y = 2"], ["x = 1", "train()", "y = 2"]),
        (["x = 1", "y = torch.rand(3)"], ["x = 1", "y = torch.rand(3)"]),
        (["x = 1", "y = torch.tensor(3)"], ["y = torch.tensor(3)", "x = 1"]),
        (["x = 1", "y.z = 2"], ["x = 1", "y.z = 2"]),
        (["x = 1", "y[0] = 2"], ["x = 1", "y[0] = 2"]),
        (["x = 1", "class A:\n    y = f()"], ["x = 1", "class A:\n    y = f()"]),
        (["x = 1", "print((y := 2))"], ["x = 1", "print((y := 2))"]),
        (["x = 1", "%time y = 2"], ["x = 1", "%time y = 2"]),
        (["a = 1", "b = a", "c = 2", "d = c"], ["c = 2", "d = c", "a = 1", "b = a"]),
        (["x, (y, z) = 1, (2, 3)", "w = z"], ["x, (y, z) = 1, (2, 3)", "w = z"]),
    ],
)
def test_only_what_python_allows_is_reordered(before: list[str], after: list[str]) -> None:
    assert sources(variants.reordered(book(*before))) == after


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["x = 1"], {"x"}),
        (["wanted = 1"], set()),
        (["import x, y as z", "from a import b", "z = x = b = 1"], set()),
        (["def f(x): y = 1", "class A:\n    z = 1", "x = 1"], {"f", "A"}),
        (["for i, j in x:\n    k = 1", "with x as m:\n    n = 1"], {"i", "j", "k", "m", "n"}),
        (["[p for p in x]", "{p: q for p, q in x}", "lambda r: r"], set()),
        (["x = 1", "y.x = 2"], set()),
        (["x = 1", "f(x=2)"], set()),
        (["x = 1", "globals()['x']"], set()),
        (["x = 1", 'f"{x:.2f}"'], set()),
        (["x = 1", "%time x"], set()),
        (["x = 1", "print('the x of a long sentence')"], {"x"}),
        (["_x = 1", "sum = 2"], set()),
    ],
)
def test_helpers(cells: list[str], found: set[str]) -> None:
    assert variants.helpers(book(*cells), ["wanted"]) == found


def test_helpers_are_renamed_everywhere() -> None:
    cells = ["def f(a):\n    g = 1; return g + h  # g and h", "g, h = f(1), '''\nh'''; wanted = g"]
    assert sources(variants.renamed(book(*cells), ["wanted"])) == [
        "def oma_f(a):\n    oma_g = 1; return oma_g + h  # g and h",
        "oma_g, h = oma_f(1), '''\nh'''; wanted = oma_g",
    ]


def test_cells_are_gained_and_lost_and_numbered_anew() -> None:
    before = book("#: lost", "x = 1", "#: lost", "#: kept")
    after = variants.with_others_cells(before)
    assert [one for one in sources(after) if one in sources(before)] == ["x = 1", "#: kept"]
    assert len(after.cells) == 6
    assert [cell.id for cell in after.cells] == [f"cell-{n}" for n in range(6)]
    assert "id" in before.cells[0]
    assert sources(variants.beginning_with(before, "y"))[:2] == ["y", "#: lost"]
    assert sources(variants.ending_with(before, "y"))[3:] == ["#: kept", "y"]
    nbformat.validate(after)
