"""Submissions that are no notebooks: each gets a sentence for its author, and no kernel is started for any."""

from __future__ import annotations

import io
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from rich.console import Console

from grader.dotgrade import keep
from grader.exercise import load
from grader.formats.cell import MAX_CELLS
from grader.grading import Options, grade
from grader.kernel import session
from grader.reading import MAX_BYTES
from grader.render.console import render
from grader.submission import Submission
from tests.hostile import corpus, judging

EXERCISE = load(corpus.HERE / "exercise")


def notebook(*cells: Any, **fields: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **fields}).encode()


def code(source: Any, **fields: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": source, **fields}


# Name, what it is, its bytes, and what its author is told.
CONTENTS: list[tuple[str, str, Callable[[], bytes], str]] = [
    ("nothing", "An empty file.", lambda: b"", "is empty"),
    ("blank", "Nothing but white space.", lambda: b" \n\t" * 1000, "is empty"),
    ("prose", "A text.", lambda: b"Dear teacher, my notebook would not load.", "not JSON"),
    ("half", "A notebook of which only half arrived.", lambda: notebook(code("x = 42"))[:80], "ends in the midst"),
    ("page", "The learning platform's log-in page.", lambda: b"<!DOCTYPE html><html></html>", "is a web page"),
    ("archive", "A zip file with another name.", lambda: b"PK\x03\x04" + os.urandom(3000), "is an archive"),
    ("zeros", "Null bytes.", lambda: b"\0" * 100_000, "nothing but zeros"),
    ("null-in-json", "A null byte in the midst.", lambda: notebook(code("x")).replace(b'"x"', b'"\0"'), "not JSON"),
    ("half-utf-16", "Half of UTF-16.", lambda: notebook(code("x")).decode().encode("utf-16")[:99], "ends in the midst"),
    ("marks", "A line of marks.", lambda: b"<<<<<<< " * 1_000_000, "not JSON"),
    ("quotes", "Quotes.", lambda: b'"' * 5_000_000, "not JSON"),
    ("deep", "Nested a hundred thousand deep.", lambda: b"[" * 100_000 + b"]" * 100_000, "not JSON"),
    ("digits", "A number of a million digits.", lambda: b"1" * 1_000_000, "not JSON"),
    ("nan", "NaN and infinity.", lambda: b"[NaN, -Infinity, 1e999]", "JSON of another kind"),
    ("list", "A list.", lambda: b"[]", "JSON of another kind"),
    ("null", "Nothing, in JSON.", lambda: b"null", "JSON of another kind"),
    ("object", "An object.", lambda: b"{}", "JSON of another kind"),
    ("format-text", "The format is a text.", lambda: notebook(code("x"), nbformat="4"), "JSON of another kind"),
    ("format-true", "The format is true.", lambda: notebook(code("x"), nbformat=True), "JSON of another kind"),
    ("format-2", "A damaged notebook of format 2.", lambda: b'{"nbformat": 2, "worksheets": 7}', "no list of cells"),
    ("cells-text", "Cells that are a text.", lambda: notebook().replace(b"[]", b'"x"'), "no list of cells"),
    ("no-cells", "No cells.", lambda: notebook(), "no code cells"),
    ("cell-null", "A cell that is nothing.", lambda: notebook(None), "Cell 1 of the notebook is damaged"),
    ("cell-kind", "A cell without a kind.", lambda: notebook({"source": "x"}), "Cell 1 of the notebook is damaged"),
    ("source-number", "A source that is a number.", lambda: notebook(code(5)), "Cell 1 of the notebook is damaged"),
    ("source-mixed", "Lines that are none.", lambda: notebook(code(["x", None])), "Cell 1 of the notebook is damaged"),
    ("source-huge", "A cell of 5 MB.", lambda: notebook(code("x" * 5_000_000)), "5,000,000 characters"),
    ("large-metadata", "Much of it.", lambda: notebook(code("x", metadata={"a": "x" * 25_000_000})), "more than 20 MB"),
    ("million-lists", "Empty lists.", lambda: notebook(code("x"), metadata=[[]] * 4_000_000), "too many parts"),
    (
        "million-outputs",
        "Lists in outputs.",
        lambda: notebook(code("x", outputs=[[], 0] * 1_200_000)),
        "too many parts",
    ),
    ("keys", "Outputs.", lambda: b'{"a": [' + b'{"outputs":[]},' * 700_000 + b"0]}", "too many parts"),
    ("no-end", "Outputs without an end.", lambda: b'{"outputs": ' + b"[" * 30_000_000, "ends in the midst"),
    ("in-r", "In R.", lambda: notebook(code("x <- 3\n" * 90_000), metadata={"kernelspec": {"name": "ir"}}), "in R."),
    ("million-cells", "A million cells.", lambda: notebook(*[5] * 1_000_000), "1,000,000 cells"),
    (
        "only-text",
        "No code at all.",
        lambda: json.dumps(new_notebook(cells=[new_markdown_cell("x")])).encode(),
        "no code",
    ),
]


def verdict(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the author of a file is told; it is looked at that no kernel starts, and that it can be shown."""
    monkeypatch.setattr(session.KernelSession, "__init__", None)
    graded = grade(Submission(path), EXERCISE, Options(data="small"))
    report = graded.report
    assert report.execution.status == "invalid"
    assert (report.status, report.score, report.max_score) == ("failed", 0, 8)
    assert {one.status for one in report.checks} == {"skipped"}
    assert judging.unsafe(graded) == []
    assert report.execution.error is not None
    return report.execution.error


@pytest.mark.parametrize(("name", "says", "make", "error"), CONTENTS, ids=[one[0] for one in CONTENTS])
def test_contents(
    name: str, says: str, make: Callable[[], bytes], error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hostile.ipynb"
    path.write_bytes(make())
    began = time.process_time()
    assert error in verdict(path, monkeypatch)
    assert time.process_time() - began < 10


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


KINDS: list[tuple[str, Callable[[Path], None], str]] = [
    ("folder", folder, "is a folder"),
    ("fifo", fifo, "no ordinary file"),
    ("socket", unix_socket, "cannot be opened"),
    ("link-to-passwd", link_to("/etc/passwd"), "not JSON"),
    ("link-to-nothing", link_to("nowhere"), "link to a file that is not there"),
    ("link-to-itself", link_to("hostile.ipynb"), "cannot be opened"),
    ("link-to-zeros", link_to("/dev/zero"), "no ordinary file"),
    ("link-to-the-terminal", link_to("/dev/tty"), "cannot be opened|no ordinary file"),
    ("sparse", sparse, "GB large"),
]


@pytest.mark.parametrize(("name", "make", "error"), KINDS, ids=[one[0] for one in KINDS])
def test_kinds_of_files(
    name: str, make: Callable[[Path], None], error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "nt":
        pytest.skip("files of this kind are not there")
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    make(Path("hostile.ipynb"))
    said = verdict(tmp_path / "hostile.ipynb", monkeypatch)
    assert any(one in said for one in error.split("|"))
    assert "root:" not in said


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


NAMES = (
    "a\nb",
    "\x1b]0;title\x07",
    "\u202egnp.exe",
    "..",
    "-rf",
    "a\ud800",
    "%s%n",
    "[red]",
    "<script>",
    "x" * 200,
    "'\"`$(id)",
)


@pytest.mark.parametrize("name", NAMES, ids=[repr(one)[:20] for one in NAMES])
def test_names_of_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the file is called, the report can be shown and is kept beside it and nowhere else."""
    monkeypatch.setattr(session.KernelSession, "__init__", None)
    inside = tmp_path / "inside"
    inside.mkdir()
    try:
        path = inside / f"{name}.ipynb"
        path.write_bytes(b"{}")
    except (OSError, UnicodeError):
        pytest.skip("this system has no such names")
    graded = grade(Submission(path), EXERCISE, Options(data="small"))
    assert judging.unsafe(graded) == []
    assert keep(graded, path) is not None
    console = Console(file=io.StringIO(), width=80, markup=False)
    console.print(render(graded.report))
    assert names_in(tmp_path) == ["inside"]
    assert names_in(inside) == sorted([".grade", path.name])


def test_nothing_is_kept_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.KernelSession, "__init__", None)
    inside, elsewhere = tmp_path / "inside", tmp_path / "elsewhere"
    inside.mkdir()
    elsewhere.mkdir()
    (inside / "hostile.ipynb").write_bytes(b"{}")
    (inside / ".grade").symlink_to(elsewhere)
    graded = grade(Submission(inside / "hostile.ipynb"), EXERCISE, Options(data="small"))
    assert keep(graded, inside / "hostile.ipynb") is None
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == []


def test_the_largest_that_may_be_read_is_read_soon(tmp_path: Path) -> None:
    path = tmp_path / "hostile.ipynb"
    for contents in (
        notebook(*[code("x = 1")] * MAX_CELLS),
        notebook(code("x", outputs=["A" * 150_000_000, "\n" * 20_000_000])),
        notebook(code("x", metadata={"a": "\0" * 3_000_000})),
    ):
        assert len(contents) <= MAX_BYTES
        path.write_bytes(contents)
        began = time.process_time()
        read = Submission(path).read()
        assert time.process_time() - began < 15
        assert len(json.dumps(read)) < 1_000_000


def test_what_is_beside_the_text_of_a_cell_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "hostile.ipynb"
    evil = {"<script>": "../../../etc", "\x1b[2J": ["\ud800"]}
    cell = code(
        "x = '\ud800'\u202e",
        id="../../etc/passwd",
        outputs=[{"output_type": "display_data", "data": {"image/png": "!"}}],
    )
    path.write_bytes(notebook(cell | {"metadata": evil, "execution_count": "9" * 50}, cell, metadata=evil, extra=evil))
    read = Submission(path).read()
    assert [one.id for one in read.cells] == ["cell-1", "cell-2"]
    assert all(one.outputs == [] and one.metadata == {} and one.execution_count is None for one in read.cells)
    assert "script" not in json.dumps(read)
    assert "ud800" not in json.dumps(read)
