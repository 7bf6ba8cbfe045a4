"""What is left out of IPython's way of a cell is never missed: with and without it, the same comes out."""

from __future__ import annotations

import functools
import warnings
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client import jsonutil

from grader.kernel import quick

COMMANDS = [
    "%time x = 1",
    "x = %time 1",
    "files = !ls",
    "!ls",
    "  !ls",
    "if x:\n    %time y",
    "?print",
    "print?",
    "x = print??",
    "(a,\n b) = !ls",
    "x = \\\n%time 1",
    "x = \\\n  !ls",
    ",f a b",
    ";f a b",
    "/f a",
    "a = 1\r%time a",
    "a = 1\x0c%time a",
    "a = b = !ls",
    "a: int = !ls",
    "'''\n%time\n'''",
    "'''\n'''; x = !ls",
    "f(\n%time\n)",
    "    %time x",
    "x\n\n\n# %\n%%time",
    "!!ls",
]
PLAIN = [
    "a != b",
    "a % b",
    "x = a % b",
    "'%s' % (1,)",
    "a = 3\nb = [a,\n c]",
    "",
    "\n\n",
    "def f():\n    return 1  # !",
]


def shells() -> tuple[Any, Any]:
    """The parts of a shell that transform cells: as they are, and quickly."""
    own, quickly = (SimpleNamespace(input_transformer_manager=TransformerManager()) for _ in range(2))
    quick.leave_plain_cells(quickly)
    return own.input_transformer_manager, quickly.input_transformer_manager


def transformed(manager: TransformerManager, cell: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # IPython warns of odd ends of lines
            return str(manager.transform_cell(cell))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("cell", COMMANDS + PLAIN)
def test_commands_are_found(cell: str) -> None:
    own, quickly = shells()
    assert transformed(quickly, cell) == transformed(own, cell)


@given(
    st.lists(
        st.sampled_from([*"ab=%!?,;/ \n\t\\\"'()#:\r\x0c", "\u2028", "x = ", "'''", "%%", "!ls"]), max_size=12
    ).map("".join)
)
def test_commands_are_found_anywhere(cell: str) -> None:
    own, quickly = shells()
    assert transformed(quickly, cell) == transformed(own, cell)


def test_plain_cells_are_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    own, quickly = shells()
    for manager in (own, quickly):
        monkeypatch.setattr(manager, "do_one_token_transform", lambda lines: taken.append(lines) or (False, lines))
    for cell in PLAIN:
        quickly.transform_cell(cell)
    assert not taken
    own.transform_cell("a = 1")
    assert taken


def test_a_transformer_of_the_notebooks_own_is_used() -> None:
    class Three:
        @classmethod
        def find(cls, tokens: list[list[Any]]) -> Any:
            return cls() if tokens[0][0].string == "two" else None

        start_line = start_col = priority = 0

        def transform(self, lines: list[str]) -> list[str]:
            return ["three\n"]

    _, manager = shells()
    manager.token_transformers.append(Three)
    assert manager.transform_cell("two") == "three\n"


@pytest.mark.parametrize(
    ("cell", "awaits"),
    [
        ("await f()", True),
        ("async with a: pass", True),
        ("[x async for x in y]", True),
        ("async def f():\n    await g()", False),
        ("x = 'await'", False),
        ("x = 1", False),
        ("x = ", False),
    ],
)
def test_whether_a_cell_awaits(cell: str, awaits: bool) -> None:
    shell = SimpleNamespace(autoawait=True)
    shell.should_run_async = functools.partial(InteractiveShell.should_run_async, shell)
    assert shell.should_run_async(cell, transformed_cell=cell) is awaits
    quick.await_where_it_is_said(shell)
    assert shell.should_run_async(cell, transformed_cell=cell) is awaits
    with pytest.raises(TypeError):
        shell.should_run_async(cell)
    assert not shell.should_run_async(cell, preprocessing_exc_tuple=(None, None, None))


@pytest.mark.parametrize(
    "text", ["2026-11-30T21:00:00.123456Z", "2026-11-30T23:00:00.123456+02:00", "2026-11-30T21:00:00.123456+00:00"]
)
def test_dates_are_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = jsonutil._dateutil_parse
    monkeypatch.setattr(jsonutil, "_dateutil_parse", own)
    quick.read_dates_quickly()
    assert jsonutil.parse_date(text) == datetime(2026, 11, 30, 21, 0, 0, 123456, tzinfo=UTC) == own(text)
    once = jsonutil._dateutil_parse
    quick.read_dates_quickly()
    assert jsonutil._dateutil_parse is once
    assert jsonutil.parse_date("no date") == "no date"
