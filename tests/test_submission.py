"""Reading what was handed in: broken notebooks, byte for byte."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import reading
from grader.formats.cell import MAX_CELLS
from grader.reading import Unreadable
from grader.submission import Submission, parse


def code(source: Any = "x = 3", **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source, **more}


def book(*cells: Any, major: Any = 4, minor: Any = 5, **more: Any) -> dict[str, Any]:
    return {"nbformat": major, "nbformat_minor": minor, "metadata": {}, "cells": list(cells), **more}


def raw(content: Any) -> bytes:
    return json.dumps(content).encode()


def old_cell(source: Any) -> dict[str, Any]:
    return {"cell_type": "code", "language": "python", "collapsed": False, "input": source, "outputs": []}


def old_book(major: int, *cells: Any) -> dict[str, Any]:
    return {"nbformat": major, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": list(cells)}]}


def nested(depth: int) -> Any:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


# ---------------------------------------------------------------------- readable, if only just

READABLE: dict[str, tuple[bytes, list[str]]] = {
    "plain": (raw(book(code(id="a"))), ["x = 3"]),
    "source as lines": (raw(book(code(["x = 1\n", "x = 3"]))), ["x = 1\nx = 3"]),
    "no source": (raw(book(code(), {"cell_type": "code"})), ["x = 3", ""]),
    "byte-order mark": (b"\xef\xbb\xbf" + raw(book(code())), ["x = 3"]),
    "format 4.0, without ids": (raw(book(code(), code("y = 4"), minor=0)), ["x = 3", "y = 4"]),
    "a format of the future": (raw(book(code(), major=9, minor="?")), ["x = 3"]),
    "format 3": (raw(old_book(3, old_cell("x = 3"), {"cell_type": "markdown", "source": "text"})), ["x = 3"]),
    "format 3, source as lines": (raw(old_book(3, old_cell(["x = 1\n", "x = 3"]))), ["x = 1\nx = 3"]),
    "format 3 without outputs": (
        raw(
            old_book(3, {"cell_type": "code", "input": ["x = 3"]}, {"cell_type": "heading", "source": "A", "level": 2})
        ),
        ["x = 3"],
    ),
    "format 3 on two sheets": (
        raw({"nbformat": 3, "worksheets": [{"cells": [old_cell("x = 1")]}, {}, {"cells": [old_cell("y = 2")]}]}),
        ["x = 1", "y = 2"],
    ),
    "format 3 nested deep": (raw(old_book(3, old_cell("x")) | {"metadata": nested(900)}), ["x"]),
    "format 2": (raw(old_book(2, old_cell("x = 3"))), ["x = 3"]),
    "format 2, lines without ends": (raw(old_book(2, old_cell(["x = 1", "x = 3"]))), ["x = 1\nx = 3"]),
    "format 1": (
        raw({"nbformat": 1, "cells": [{"cell_type": "code", "code": "x = 3"}, {"cell_type": "text", "text": "A"}]}),
        ["x = 3"],
    ),
    "a format that never was": (raw(book(code(), major=-1)), ["x = 3"]),
    "UTF-16": (json.dumps(book(code("x = 'ä'")), ensure_ascii=False).encode("utf-16"), ["x = 'ä'"]),
    "UTF-16 without a mark": (json.dumps(book(code())).encode("utf-16-be"), ["x = 3"]),
    "UTF-32": (json.dumps(book(code())).encode("utf-32"), ["x = 3"]),
    "UTF-16 with a line's end of one byte": (json.dumps(book(code())).encode("utf-16") + b"\n", ["x = 3"]),
    "UTF-16 behind another's mark": (b"\xef\xbb\xbf" + json.dumps(book(code())).encode("utf-16"), ["x = 3"]),
    "two byte-order marks": (b"\xef\xbb\xbf" * 2 + raw(book(code())), ["x = 3"]),
    "Latin-1": (json.dumps(book(code("x = 'ä'")), ensure_ascii=False).encode("latin-1"), ["x = 'ä'"]),
    "of Windows": (json.dumps(book(code("x = '€'")), ensure_ascii=False).encode("cp1252"), ["x = '€'"]),
    "zeros at the end": (raw(book(code())) + bytes(500), ["x = 3"]),
    "lone surrogates": (raw(book(code('x = "\ud800"'))), ['x = "?"']),
    "no metadata at all": (raw({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 3"}]}), ["x = 3"]),
    "a kernel of its own": (
        raw(book(code(), metadata={"kernelspec": {"name": "julia", "language": "julia"}})),
        ["x = 3"],
    ),
    "metadata that is none": (raw(book(code(metadata=7, outputs="?", execution_count="?"), metadata=[])), ["x = 3"]),
    "attachments that are none": (
        raw(book(code(), {"cell_type": "markdown", "source": "", "attachments": 5})),
        ["x = 3"],
    ),
    "attachments of numbers": (
        raw(book(code(), {"cell_type": "markdown", "source": "", "attachments": {"a.png": 5, "b": {"image/png": 5}}})),
        ["x = 3"],
    ),
    "attachments nested deep": (
        raw(book(code(), {"cell_type": "markdown", "source": "", "attachments": nested(900)})),
        ["x = 3"],
    ),
    "not-a-number": (b'{"nbformat": 4, "x": NaN, "cells": [{"cell_type": "code", "source": "x = 3"}]}', ["x = 3"]),
    "zero characters": (raw(book(code("x = 3\x00"))), ["x = 3\x00"]),
}


@pytest.mark.parametrize(("content", "sources"), READABLE.values(), ids=READABLE)
def test_readable(content: bytes, sources: list[str]) -> None:
    notebook = parse(content)
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"] == sources
    assert notebook.metadata.get("kernelspec") is None
    nbformat.validate(notebook)
    assert nbformat.reads(nbformat.writes(notebook, ensure_ascii=True), as_version=4) == notebook


def test_every_cell_has_an_id_of_its_own() -> None:
    ids = ["same", "same", "cell-2", None, 7, "not allowed!", "x" * 65, "", "cell-4"]
    notebook = parse(raw(book(*(code(id=one) for one in ids))))
    found = [cell.id for cell in notebook.cells]
    assert len(set(found)) == len(ids)
    assert found[0] == "same"
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in found)


def test_outputs_and_tags_do_not_come_along() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "accuracy: 0.99"}
    notebook = parse(raw(book(code(outputs=[output], execution_count=7, metadata={"tags": ["raises-exception"]}))))
    assert notebook.cells[0].outputs == []
    assert notebook.cells[0].execution_count is None
    assert notebook.cells[0].metadata == {}


def test_pictures_in_the_text_come_along() -> None:
    pictures = {"a.png": {"image/png": "aGVsbG8="}}
    notebook = parse(
        raw(book({"cell_type": "markdown", "source": "![](attachment:a.png)", "attachments": pictures}, code()))
    )
    assert notebook.cells[0].attachments == pictures


def test_cells_that_are_no_code_are_text() -> None:
    kinds = [{"cell_type": kind, "source": "text"} for kind in ("markdown", "raw", "heading", "Code", "")]
    notebook = parse(raw(book(code(), *kinds)))
    assert [cell.cell_type for cell in notebook.cells] == ["code"] + ["markdown"] * 5


# ---------------------------------------------------------------------- unreadable


def marked(mark: str) -> bytes:
    """A notebook with a line in it that a merge left there."""
    return json.dumps(book(code()), indent=1).replace(' "nbformat_minor"', f'{mark}\n "nbformat_minor"').encode()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\t ", "is empty"),
    "a text": (b"Dear teacher, it does not load.", "is not JSON"),
    "half a file": (raw(book(code()))[:-20], "ends in the midst"),
    "half a text": (raw(book(code()))[:60], "ends in the midst"),
    "half a file in UTF-16": (json.dumps(book(code())).encode("utf-16")[:80], "ends in the midst"),
    "a page of the platform's": (b"<!DOCTYPE html><title>Log in</title>", "is a web page"),
    "an export": (
        b'\xef\xbb\xbf\n<?xml version="1.0"?>\n<html><head><title>100</title></head></html>',
        "is a web page",
    ),
    "a zip archive": (b"PK\x03\x04" + bytes(100), "is an archive"),
    "a compressed one": (b"\x1f\x8b\x08" + bytes(range(200)), "is an archive"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", "is a PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "or a picture"),
    "only a mark": (b"\xef\xbb\xbf", "is empty"),
    "null bytes": (bytes(5000), "nothing but zeros"),
    "a pointer of Git LFS's": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n",
        "`git lfs pull`",
    ),
    "a shortcut of Windows's": (b"[InternetShortcut]\r\nURL=https://colab.research.google.com/x\r\n", "a shortcut"),
    "a shortcut of Google's": (raw({"url": "https://docs.google.com/open?id=1", "doc_id": "1"}), "a shortcut"),
    "a shortcut of a Mac's": (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "">\n<plist></plist>',
        "a shortcut",
    ),
    "a script": (b"import torch\n\nx = 3\n", "is a Python script"),
    "marimo's, without a cell": (b"import marimo\n\napp = marimo.App()\n", "no code cells"),
    "marks of a merge": (
        json.dumps(book(code()), indent=1).replace(' "nbformat": 4', '<<<<<<< HEAD\n "nbformat": 4').encode()
        + b"\n=======\n{}\n>>>>>>> origin/main\n",
        "marks of a merge",
    ),
    "the first mark of a merge": (marked("<<<<<<< HEAD"), "marks of a merge"),
    "the last mark of a merge": (marked(">>>>>>>"), "marks of a merge"),
    "marks further in": (marked("   <<<<<<< HEAD"), "marks of a merge"),
    "marks, and the lines of an old Mac": (marked("<<<<<<< HEAD").replace(b"\n", b"\r"), "marks of a merge"),
    "a page that was kept": (b"<!-- saved from url -->\n<html>", "is a web page"),
    "a comma too many": (json.dumps(book(code()), indent=1).replace('"x = 3"', '"x = 3",').encode(), "from line "),
    "nested without end": (b"[" * 100_000, "is not JSON"),
    "a number without end": (b'{"nbformat": 1' + b"0" * 5_000 + b"}", "is not JSON"),
    "a list": (b"[]", "JSON of another kind"),
    "null": (b"null", "JSON of another kind"),
    "no format": (raw({"cells": [code()]}), "JSON of another kind"),
    "format as text": (raw(book(code(), major="4")), "JSON of another kind"),
    "format true": (raw(book(code(), major=True)), "JSON of another kind"),
    "no cells": (raw({"nbformat": 4, "nbformat_minor": 5, "metadata": {}}), "no list of cells"),
    "cells as object": (raw({"nbformat": 4, "cells": {"0": code()}}), "no list of cells"),
    "no code": (raw(book({"cell_type": "markdown", "source": "text"})), "no code cells"),
    "no cell": (raw(book()), "no code cells"),
    "blank code": (raw(book(code(" \n"), code([]))), "no code cells"),
    "a cell that is a number": (raw(book(code(), 7)), "Cell 2 of the notebook is damaged"),
    "a cell that is null": (raw(book(None)), "Cell 1 of the notebook is damaged"),
    "a cell without a kind": (raw(book({"source": "x"})), "Cell 1 of the notebook is damaged"),
    "a source of numbers": (raw(book(code([1, 2]))), "Cell 1 of the notebook is damaged"),
    "a source that is an object": (raw(book(code({"a": 1}))), "Cell 1 of the notebook is damaged"),
    "too many cells": (raw(book(*[code()] * 3_000)), "3,000 cells; 2,000 is the most"),
    "a cell without end": (raw(book(code("#" * 2_000_001))), "2,000,001 characters"),
    "format 3 without worksheets": (raw({"nbformat": 3, "nbformat_minor": 0, "metadata": {}}), "no list of cells"),
    "format 3 with odd worksheets": (raw({"nbformat": 3, "worksheets": 7}), "no list of cells"),
    "in R": (raw(book(code("x <- 3"), metadata={"kernelspec": {"name": "ir"}})), "written in R."),
}


@pytest.mark.parametrize(("content", "said"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.filterwarnings("error")
def test_unreadable(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(content)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_exactly_as_many_cells_as_may_be() -> None:
    assert len(parse(raw(book(*[code()] * MAX_CELLS))).cells) == MAX_CELLS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
fields = st.sampled_from(
    ["cell_type", "source", "metadata", "id", "outputs", "attachments", "input", "language", "level"]
)
cells = st.dictionaries(fields, st.sampled_from(["code", "markdown", "x = 3", ["x"]]) | json_values, max_size=6)


@given(
    st.sampled_from([2, 3, 4, 5]) | json_values,
    st.lists(cells | json_values, max_size=5) | json_values,
    json_values,
)
def test_any_json_is_a_notebook_or_unreadable(major: Any, cells: Any, metadata: Any) -> None:
    for place in ({"cells": cells}, {"worksheets": [{"cells": cells}]}):
        try:
            notebook = parse(raw({"nbformat": major, "nbformat_minor": 0, "metadata": metadata} | place))
        except Unreadable:
            continue
        nbformat.validate(notebook)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_notebook_or_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(content)


# ---------------------------------------------------------------------- files


def unreadable(path: Path) -> str:
    """What is said of a file that cannot be read; bounded, since a FIFO would be waited for without end."""
    said: list[str] = []

    def read() -> None:
        with pytest.raises(Unreadable) as caught:
            Submission(path).read()
        said.append(str(caught.value))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(20)
    assert said, "it still waits, or it was no fault of the file"
    return said[0]


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(raw(book(code())))
    assert Submission(path).read().cells[0].source == "x = 3"
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    assert Submission(link).read().cells[0].source == "x = 3"


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.ipynb").mkdir()
    assert "is a folder" in unreadable(tmp_path / "folder.ipynb")
    (tmp_path / "dangling.ipynb").symlink_to("nowhere")
    assert "is a link to a file that is not there" in unreadable(tmp_path / "dangling.ipynb")
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
    assert "cannot be opened" in unreadable(tmp_path / "loop.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")  # nobody writes into it: must not wait
    assert "no ordinary file" in unreadable(tmp_path / "pipe.ipynb")
    (tmp_path / "device.ipynb").symlink_to("/dev/zero")
    assert "no ordinary file" in unreadable(tmp_path / "device.ipynb")
    assert "cannot be opened" in unreadable(tmp_path / "null\x00.ipynb")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(201_000_000)
    assert "201 MB large; 200 MB is the most" in unreadable(path)


# ---------------------------------------------------------------------- outputs


def picture(letters: int) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBOR" * (letters // 5)}}


BIG = 2_200_000
LARGE: dict[str, dict[str, Any]] = {
    "one picture": {"outputs": [picture(BIG)]},
    "many": {"outputs": [picture(1000)] * (BIG // 1000)},
    "lines": {"outputs": [{"output_type": "stream", "name": "stdout", "text": ['epoch\\[ ]} 1: "ä"\n'] * (BIG // 20)}]},
    "backslashes": {"outputs": [{"text": "\\" * BIG}]},
    "lists": {"outputs": [[[[]], {}, "text"] * (BIG // 20)]},
    "an object": {"outputs": {"text": "x" * BIG}},
    "what looks like a key": {"outputs": [{"text": 'x"outputs": [[[' * (BIG // 15)}]},
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("more", LARGE.values(), ids=LARGE)
def test_outputs_of_any_size_are_left_out(
    more: dict[str, Any], encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_CHUNK", 77_777)
    sources = ['x = {"outputs": [1, {}]}  # "outputs": [', "y = '\\\\'", "z = 'ä]}'"]
    first, second, third = (code(source) for source in sources)
    path = tmp_path / "large.ipynb"
    path.write_bytes(json.dumps(book(first | more, second | more, third, minor=5), ensure_ascii=False).encode(encoding))
    assert path.stat().st_size > BIG
    kept = Submission(path).contents()
    assert len(kept) < 2_000
    assert [cell.source for cell in parse(kept).cells] == sources


def test_of_what_remains_there_may_be_less(tmp_path: Path) -> None:
    path = tmp_path / "large.ipynb"
    text = {"cell_type": "markdown", "source": "", "attachments": {"a.png": {"image/png": "A" * 21_000_000}}}
    path.write_bytes(raw(book(code(), text)))
    assert "more than 20 MB beside its outputs" in unreadable(path)


# ---------------------------------------------------------------------- other languages

R = "library(stats)\nx <- 3\ncount <- function(a, b) {\n  a * b\n}"
JULIA = "using Flux\n\nfunction count(a, b)\n    a * b\nend\nprintln(count(3, 4))"
PYTHON = "import numpy as np\n\ndef count(a, b):\n    return a * b\n\nx = 3"


@pytest.mark.parametrize(
    ("metadata", "source", "told"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}, "language_info": {"name": "R"}}, R, "R"),
        ({"kernelspec": {"name": "ir"}}, "x <- 3", "R"),
        ({}, R, "R"),
        ({"language_info": {"name": "python"}}, R, "R"),
        ({"kernelspec": {"name": "julia-1.10", "language": "julia"}}, JULIA, "Julia"),
        ({"language_info": {"name": "julia"}}, "f(x) = 3x\nusing Flux", "Julia"),
        ({"kernelspec": {"name": "deno"}, "language_info": {"name": "typescript"}}, "const x = 3;", "JavaScript"),
        ({"kernelspec": {"name": "octave"}}, "function r = f(x)\n  r = x .* 2;\nend", "Octave"),
        ({"kernelspec": {"name": "xcpp17", "language": "C++17"}}, "#include <cmath>\nint x = 3;", "C++"),
        ({"kernelspec": {"name": "ir"}, "language_info": {"name": "R"}}, "count = function(a) {\n  a\n}\n\nx = 3", ""),
        ({"kernelspec": {"name": "ir"}}, "count = function(a) {\n  a + 1L\n}", "R"),
        ({"language_info": {"name": "rust"}}, "let x = 3;\nfn f() -> i32 { 3 }", "Rust"),
        ({"kernelspec": {"name": ".net-csharp", "language": "C#"}}, "var x = 3;\nConsole.WriteLine(x);", "C#"),
        ({"kernelspec": {"name": "kotlin", "language": "kotlin"}}, "val x = 3\nfun f() = 3", "Kotlin"),
        ({"kernelspec": {"name": "matlab", "language": "matlab"}}, "x = [1 2 3];\ny = x.^2;", "Octave"),
        ({"kernelspec": {"name": "rust"}}, "x = 3", ""),
        ({"kernelspec": {"name": "ir", "language": "R"}}, PYTHON, ""),
        ({"kernelspec": {"name": "julia"}}, PYTHON, ""),
        ({"kernelspec": {"name": "julia"}}, "x = 3", ""),
        ({"kernelspec": {"name": "sagemath", "language": "sage"}}, PYTHON, ""),
        ({"kernelspec": {"name": "xpython"}}, PYTHON, ""),
        ({}, "%%R\nx <- 3\ny <- 4\nz <- 5", ""),
        ({}, "# x <- 3\nx = 3\nif x<-1:\n    y = 2", ""),
        ({"language_info": 7, "kernelspec": {"language": ["R"]}}, "x = 3", ""),
    ],
)
def test_language(metadata: dict[str, Any], source: str, told: str) -> None:
    content = raw(book(*(code(one) for one in source.split("\n\n")), metadata=metadata))
    if not told:
        assert parse(content)
        return
    with pytest.raises(Unreadable, match=re.escape(f"is written in {told}.")):
        parse(content)
