"""Notebooks of marimo's: their cells, in its order, and what it would not run."""

from __future__ import annotations

import textwrap
import time
from contextlib import suppress

import pytest

from grader.formats import marimo
from grader.formats.cell import MAX_CELLS, Cell
from grader.reading import Unreadable


def cell(source: str, head: str = "@app.cell\ndef _():") -> str:
    """A cell of marimo's, without what it returns."""
    return f"{head}\n{textwrap.indent(source, '    ')}\n    return\n\n\n"


def book(*cells: str) -> str:
    return (
        'import marimo\n\n__generated_with = "0.25.2"\napp = marimo.App()\n\n\n'
        + "".join(cells)
        + ('if __name__ == "__main__":\n    app.run()\n')
    )


def sources(*cells: str) -> list[str]:
    return [one.source for one in marimo.cells(book(*cells))]


def only(text: str) -> Cell:
    (read,) = marimo.cells(book(text))
    return read


def test_cells_as_marimo_writes_them() -> None:
    text = '''# /// script
# dependencies = ["marimo"]
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup(hide_code=True):
    import torch

    # of all cells


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Title

    text
    """)
    return


@app.cell
def first(
    a,
    b,
):
    # above
    c = a + b  # beside
    d = """
    moved
    """
    # below
    return c, d


@app.function
def double(x):
    return 2 * x


@app.class_definition
# a remark
@some.decorator
class Net(torch.nn.Module):
    pass


@app.cell
async def _():
    import asyncio

    await asyncio.sleep(0)
    return (asyncio,)


@app.cell
def _():
    a = 1
    b = 2; return a, b


@app.cell
def _(): return


@app.cell
def _():
    return


app._unparsable_cell(
    r"""
    x = = 3
    """,
    name="broken"
)

if __name__ == "__main__":
    app.run()
'''
    read = marimo.cells(text)
    lines = text.split("\n")
    by_name = {one.name: one for one in read if one.name}
    assert [one.source for one in read] == [
        "import torch\n\n# of all cells",
        "# Title\n\ntext",
        "def double(x):\n    return 2 * x",
        "# a remark\n@some.decorator\nclass Net(torch.nn.Module):\n    pass",
        "import asyncio\n\nawait asyncio.sleep(0)",
        "a = 1\nb = 2",
        '# above\nc = a + b  # beside\nd = """\nmoved\n"""\n# below',
        "",
        "",
        "x = = 3",
    ]
    assert [one.kind for one in read] == ["code", "markdown", *["code"] * 8]
    assert set(by_name) == {"setup", "first", "double", "Net", "broken"}
    assert {one.number for one in by_name.values()} == {1, 2, 3, 4, 7}
    for one in read:
        if one.source and one.kind == "code":
            assert lines[one.line - 1].strip() == one.source.split("\n")[0].strip()
    assert by_name["first"].after == ("setup", "cell-7")


# Cells, and the order that they run in, where it is not that of the file.
ORDERS: list[tuple[list[str], list[int]]] = [
    (["c = b", "b = a", "a = 1"], [2, 1, 0]),
    (["a = 1", "print(a)", "b = 2", "a.append(3)", "print(b)"], []),
    (["def f():\n    return later", "print(f())", "later = 3"], [2, 0, 1]),
    (["print([x for x in range(3)])", "x = 3"], []),
    (["f = lambda x: x", "x = 3"], []),
    (["def f(x=y):\n    x = 2", "y = 3"], [1, 0]),
    (["class A:\n    y = 1\n    def f(self):\n        return y", "y = 3"], [1, 0]),
    (["def f():\n    global g\n    g = 1", "print(g)"], []),
    (["print(g)", "def f():\n    global g\n    g = 1"], [1, 0]),
    (["try:\n    pass\nexcept ValueError as e:\n    print(e)", "e = 3"], []),
    (["x: int = y", "y = 2"], [1, 0]),
    (["import a.b", "print(a)"], []),
    (["print(n)", "if (n := 10) > 5:\n    pass"], [1, 0]),
    (["print(e)", "match m:\n    case [e, *_]:\n        pass", "m = [1]"], [2, 1, 0]),
    (["print(table)", 'table = mo.sql(f"SELECT * FROM frame")', "frame = 3"], [2, 1, 0]),
    (['mo.sql("SELECT a FROM made")', 'mo.sql("CREATE OR REPLACE TABLE made AS SELECT 1 a")'], [1, 0]),
]


@pytest.mark.parametrize(("cells", "order"), ORDERS)
def test_cells_run_in_the_order_of_what_they_need(cells: list[str], order: list[int]) -> None:
    assert sources(*map(cell, cells)) == ([cells[place] for place in order] or cells)


def test_the_setup_cell_comes_first() -> None:
    read = marimo.cells(book(cell("import torch\nz = 1", "with app.setup:").replace("    return\n", ""), cell("x = 1")))
    assert [one.source for one in read] == ["import torch\nz = 1", "x = 1"]
    assert read[1].after == ("setup",)


# Two cells, and what becomes of the first one's names and of the second one's: `§` and `$` stand for their prefixes.
PRIVATE = [
    ("§_x = 1\ny = §_x", "$_x = 2"),
    ("_x = 1", "y = 2"),  # nobody else has it
    ("§_x = 1", "print(_x)"),  # to whom it is not defined
    ("__x = 1", "print(__x)"),  # two underscores: everybody's
    ('def f(_a, b=§_x):\n    return [§_x for _i in b], a._x, "_x", {"_x": §_x}\n§_x = 1', "$_x, _a, _i = 1, 2, 3"),
    ("for §_, b in a: print(f'{§_} é {b}')", "$_ = 3"),
    ("def f():\n    global §_g\n    §_g = 1", "$_g = 2"),
    ("class §_A: pass\nasync def §_f(): §_A", "$_A = $_f = 1"),
    ("def f():\n    _x = 1\n    def g():\n        nonlocal _x\n        return _x", "_x = 1"),
    ("f = lambda _x: _x\n§_x = [(§_y := _x) for _x in a]", "$_x = $_y = 1"),
    ("def f(_x: int = §_y) -> §_x: ...\n§_x = §_y = 1\nf(_x=2)", "$_x = $_y = 1"),
]


@pytest.mark.parametrize(("one", "other"), PRIVATE)
def test_names_with_an_underscore_are_a_cells_own(one: str, other: str) -> None:
    before = [text.replace("§", "").replace("$", "") for text in (one, other)]
    after = [text.replace("§", "_cell1").replace("$", "_cell2") for text in (one, other)]
    assert sources(*map(cell, before)) == after


def test_imports_get_other_names_too() -> None:
    one, other = sources(cell("import os as _os, re\nfrom a import _b"), cell("_os = _b = 1"))
    assert one == "import os as _cell1_os, re\nfrom a import _b as _cell1_b"
    assert other == "_cell2_os = _cell2_b = 1"


def test_texts_with_values_over_several_lines_get_the_other_names_too() -> None:
    values: dict[str, object] = {}
    for source in sources(
        cell('_x = 1\nif True:\n    text = f"""\n  {_x}\n {_x:>{_x}} _x\n"""'), cell("_x = 2\ny = _x")
    ):
        exec(source, values)  # our own
    assert values["text"] == "\n  1\n 1 _x\n"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ('mo.md("text")', "markdown"),
        ('mo.md(f"""\n# A\n""")', "markdown"),
        ('mo.md("a" "b")', "markdown"),
        ('mo.md(f"{x}")', "code"),
        ('mo.md("text"); x = 3', "code"),
        ('mo.md("text").callout()', "code"),
        ('other.md("text")', "code"),
    ],
)
def test_a_cell_that_shows_a_text_and_does_nothing_else_is_text(source: str, kind: str) -> None:
    made = marimo.cells(book(cell(source), cell("y = 1")))
    assert made[0].kind == kind


def test_two_cells_that_define_a_name_are_told_both() -> None:
    read = marimo.cells(book(cell("x = 1"), cell("x = 2", "@app.cell\ndef second():"), cell("y = x"), cell("z = 1")))
    assert [bool(one.refused) for one in read] == [True, True, False, False]
    assert read[0].refused == read[1].refused
    assert "`x` is defined in several cells, 1 (line 9) and `second` (line 15)" in read[0].refused
    assert read[2].after == ("cell-1", "second")


def test_a_circle_is_told_with_its_cells_and_names() -> None:
    read = marimo.cells(book(cell("a = c"), cell("b = a"), cell("c = b"), cell("d = a"), cell("x = 1")))
    said = {one.source: one.refused for one in read}
    assert [source for source, one in said.items() if one] == ["a = c", "b = a", "c = b"]
    assert "1 (line 9), 2 (line 15) and 3 (line 21)" in said["a = c"]
    assert "`a`, `b` and `c`" in said["a = c"]
    assert [one.source for one in read][-1] == "x = 1"


def test_disabled_cells_are_known() -> None:
    read = marimo.cells(book(cell("x = 1", "@app.cell(disabled=True, hide_code=True)\ndef _():"), cell("y = 2")))
    assert [one.disabled for one in read] == [True, False]
    assert read[0].content != read[1].content
    assert read[0].content[1] == "x = 1"


def test_what_this_python_cannot_read_costs_its_cell_alone() -> None:
    broken = "@app.cell\ndef train(a, b):\n    # above\n    c = = a\n    return (\n        c,\n    )\n\n\n"
    read = marimo.cells(book(cell("print(c)"), broken, cell("a = b = 1")))
    assert [one.source for one in read] == ["a = b = 1", "# above\nc = = a", "print(c)"]
    assert (read[1].name, read[1].line) == ("train", 15)


def test_lines_of_a_text_that_begin_as_cells_do_are_text() -> None:
    text = '@app.cell\ndef _():\n    x = """\n@app.cell\ndef fake():\n    y = 2\n"""\n    return (x,)\n\n\n'
    read = marimo.cells(book(text, cell("z = 3")))
    assert [one.source for one in read] == ['x = """\n@app.cell\ndef fake():\n    y = 2\n"""', "z = 3"]


@pytest.mark.parametrize("source", ["return", "x = 3\nif x:\n    return\ny = 4"])
def test_an_early_return_stays_where_it_is(source: str) -> None:
    """The kernel says of it what it says of any `return` outside of a function."""
    assert only(cell(f"{source}\nz = 1")).source == f"{source}\nz = 1"


def test_other_line_ends_tabs_and_empty_files() -> None:
    assert (
        only("@app.cell\ndef _():\n\tx = 1\n\tif x:\n\t\ty = 2\n\treturn x, y\n\n\n").source == "x = 1\nif x:\n\ty = 2"
    )
    for text in (book(), book("@app.cell\ndef _():\n    return\n\n\n"), book(cell('mo.md("text")'))):
        with pytest.raises(Unreadable, match="no code cells"):
            marimo.cells(text)


@pytest.mark.parametrize(
    "text",
    [
        book(cell("x" * 1_000_000)),
        book(cell("x = " + "(" * 10_000)),
        book(cell("x = " + "-" * 40_000 + "1")),
        book(cell("x" + ".y" * 20_000)),
        book(cell("x = " + "[" * 90 + "]" * 90)),
        book(*(f"@app.cell\ndef _():\n    x = (\n    {'a,' * 200}\n" for _ in range(1_500))),
        book(*(cell(f"x{n} = x{(n + 1) % 1500}") for n in range(1_500))),
        book(*(cell("x = 1; _y = 2") for _ in range(1_500))),
        book(cell("x = " + "not " * 12_000 + "y")),
        book(cell("x = " + "lambda: " * 6_000 + "y")),
        book(cell("x = " + "y if z else " * 4_000 + "y")),
        book(cell("x = " + "y[" * 20_000 + "1")),
        book(cell("x = f'" + "{f'" * 20_000)),
        book(cell("if x:\n" + "".join(" " * n + "if x:\n" for n in range(1, 300)))),
        book(cell('mo.sql("create' + " " * 40_000 + '")')),
        book(cell("\0")),
        "@app.cell\n",
        "app = marimo.App()\n@app.cell\ndef",
        "app = marimo.App()\nwith app.setup:",
        "app = marimo.App()\napp._unparsable_cell(3)\n",
        "app = marimo.App()\n@app.cell\nclass A:\n    pass\n",
    ],
    ids=range(21),
)
def test_whatever_the_text_is_it_is_read_or_refused(text: str) -> None:
    begun = time.process_time()
    with suppress(Unreadable):
        assert all(one.line for one in marimo.cells(text))
    assert time.process_time() - begun < 60  # a guard against what grows with the square


@pytest.mark.parametrize("name", ["\\x1b[2J", "a b", "‮", "n" * 61])
def test_what_is_no_name_is_put_into_no_sentence(name: str) -> None:
    assert only(f'app._unparsable_cell("x = = 3", name="{name}")\n').name == ""


def test_too_many_cells() -> None:
    with pytest.raises(Unreadable, match="cells; 2,000 is the most"):
        marimo.cells(book(*(cell(f"x{n} = 1") for n in range(MAX_CELLS + 1))))
