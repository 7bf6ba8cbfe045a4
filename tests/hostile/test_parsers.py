"""The parsers that face the enemy, asked with anything: the notebook reader, the stream of frames, the answers."""

from __future__ import annotations

import json
import re
import struct
import time
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.formats.cell import MAX_CELLS, MAX_SOURCE
from grader.kernel.zmtp import Reader, Refused, size
from grader.reading import Unreadable
from grader.submission import parse
from grader.text import swells

QUICK = settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])

# Text with everything in it, lone surrogates too.
TEXT = st.text(st.characters(codec=None), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
NASTY = JSON | st.sampled_from(["", "../..", "\x1b[2J", "\0", "\ud800", "‮", 0, -1, 2**63, 10**400, [], {}, [[]]])
KINDS = st.sampled_from(["code", "markdown", "raw", "heading", "", "Code"]) | NASTY
SOURCES = TEXT | st.lists(TEXT, max_size=4) | st.sampled_from(["x = 1", ["x = 1\n", "y"]]) | NASTY


def bent(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Dictionaries with any of these fields, and others."""
    some = st.fixed_dictionaries({}, optional=fields)
    return st.builds(lambda known, more: more | known, some, st.dictionaries(TEXT, NASTY, max_size=2))


OUTPUTS = bent({"output_type": NASTY | st.just("stream"), "text": SOURCES, "data": NASTY, "metadata": NASTY})
CELLS = bent(
    {
        "cell_type": KINDS,
        "id": NASTY | st.just("same"),
        "source": SOURCES,
        "input": SOURCES,
        "outputs": st.lists(OUTPUTS, max_size=2) | NASTY,
        "metadata": NASTY,
        "attachments": NASTY | st.dictionaries(TEXT, st.dictionaries(TEXT, TEXT | NASTY, max_size=2), max_size=2),
        "execution_count": NASTY,
    }
)
NOTEBOOKS = bent(
    {
        "nbformat": st.sampled_from([1, 2, 3, 4, 4, 4, 4, 5]) | NASTY,
        "nbformat_minor": st.integers(0, 6) | NASTY,
        "metadata": NASTY,
        "cells": st.lists(CELLS, max_size=4) | NASTY,
        "worksheets": st.lists(bent({"cells": st.lists(CELLS, max_size=2)}), max_size=2) | NASTY,
    }
)


def reads_or_says_why(raw: bytes, name: str = ".ipynb") -> None:
    """Either a notebook that every tool can take further, or a sentence for its author."""
    try:
        read = parse(raw, name)
    except Unreadable as unreadable:
        said = str(unreadable)
        assert said.endswith(".")
        assert said.isprintable()
        assert len(said) < 300
        return
    nbformat.validate(read)
    written = nbformat.writes(read).encode()  # no lone surrogate is left
    assert len(written) < 20 * len(raw) + 10_000
    assert 1 <= len(read.cells) <= MAX_CELLS
    assert all(len(cell.source) <= MAX_SOURCE and type(cell.source) is str for cell in read.cells)
    assert len({cell.id for cell in read.cells}) == len(read.cells)


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    reads_or_says_why(raw)


@QUICK
@given(JSON)
def test_any_json(value: Any) -> None:
    reads_or_says_why(json.dumps(value).encode())


@QUICK
@given(NOTEBOOKS)
def test_anything_shaped_like_a_notebook(value: dict[str, Any]) -> None:
    reads_or_says_why(json.dumps(value).encode())


@QUICK
@given(NOTEBOOKS, st.data())
def test_notebooks_damaged_on_the_way(value: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        raw = raw or bytearray(b" ")
    reads_or_says_why(bytes(raw))


# Pieces that texts with cells are made of, whole and broken.
LINES = """
import marimo|app = marimo.App()|@app.cell|@app.cell(disabled=True)|@app.function|def _():|def f(a, b):|async def _(x):
class A:|with app.setup:|    return x,|    return|app._unparsable_cell(|if __name__ == "__main__":
    mo.md(r\"\"\"|    \"\"\")
    pass|    x = y|    _x = x|    y = _x|    del x|    global x|    for _ in x: pass|    f"{_x}"|    x = (|)
# %%|# %% [markdown]|# %% [raw] a=b|# In[1]:|# ---|---|# jupytext:|jupytext:|execute:|  eval: false
```|```python|```{python}|```{code-cell}|~~~|````{r}|:a: b|#| eval: false|+++|<!-- #region -->
x = 1|%matplotlib inline|# !ls
"""
PIECES = st.sampled_from([f"{line}\n" for line in re.split(r"[|\n]", LINES)] + ["> ", "\t", "\r", "\f", "\0", "\ud800"])
TEXTS = st.lists(PIECES | TEXT, max_size=25).map("".join).map(lambda text: text.encode("utf-8", "surrogatepass"))


@QUICK
@given(TEXTS, st.sampled_from(["a.py", "a.md", "a.qmd", "a.Rmd", "a.ipynb", "a.txt", "a"]))
def test_anything_shaped_like_a_text_with_cells(raw: bytes, name: str) -> None:
    reads_or_says_why(raw, name)


@QUICK
@given(TEXTS)
def test_anything_shaped_like_a_notebook_of_marimos(raw: bytes) -> None:
    reads_or_says_why(b"app = marimo.App()\n@app.cell\ndef _():\n    x = 1\n" + raw, "a.py")


# ---------------------------------------------------------------------- the stream of frames

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL".ljust(54, b"\0") + b"\0"


def frame(body: bytes, flags: int = 0) -> bytes:
    """A frame as ZMTP 3 writes it."""
    long = len(body) > 255
    return struct.pack(">BQ" if long else ">BB", flags | 2 * long, len(body)) + body


READY = frame(b"\x05READY", 4)
MESSAGES = st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=5), max_size=6)


def sent(message: list[bytes]) -> bytes:
    """A message as ZMTP 3 writes it."""
    return b"".join(frame(part, 1) for part in message[:-1]) + frame(message[-1])


def fed(reader: Reader, stream: bytes, data: st.DataObject) -> list[list[bytes]]:
    """What a reader takes out of a stream that is cut anywhere."""
    found = []
    while stream:
        step = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:step])
        stream = stream[step:]
    return found


@QUICK
@given(MESSAGES, st.data())
def test_messages_are_read_however_they_are_cut(messages: list[list[bytes]], data: st.DataObject) -> None:
    stream = GREETING + READY + b"".join(sent(one) + frame(b"\x04PING", 4) for one in messages)
    assert fed(Reader(10_000), stream, data) == messages


@QUICK
@given(MESSAGES, st.data())
def test_what_is_too_large_is_thrown_away_and_nothing_else(messages: list[list[bytes]], data: st.DataObject) -> None:
    reader = Reader(500)
    found = fed(reader, GREETING + READY + b"".join(map(sent, messages)), data)
    assert found == [one for one in messages if size(one) <= 500]
    assert reader.dropped == len(messages) - len(found)


@QUICK
@given(st.binary(max_size=2000), st.integers(1, 64))
@example(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\0", 3)
def test_any_stream_is_taken_or_refused(stream: bytes, step: int) -> None:
    for start in (b"", GREETING, GREETING + READY):
        reader, given_ = Reader(1000), start + stream
        try:
            for at in range(0, len(given_), step):
                assert all(size(one) <= 1000 for one in reader.feed(given_[at : at + step]))
        except Refused:
            continue


@pytest.mark.parametrize(
    "stream",
    [
        frame(b"x" * 1001),
        frame(b"x" * 500, 1) * 2 + frame(b"x" * 500),
        frame(b"", 1) * 11 + frame(b""),
        frame(b"x" * 500, 1) + frame(b"\x04PING", 4) + frame(b"x" * 500),
        frame(b"x" * 500, 1) + frame(b"x" * 500, 1) + frame(b"\x04PING", 4) + frame(b"y" * 300_000),
    ],
)
def test_of_a_message_that_is_too_large_nothing_is_held(stream: bytes) -> None:
    reader = Reader(1000)
    stream = GREETING + READY + stream
    for at in range(0, len(stream), 100):
        assert reader.feed(stream[at : at + 100]) == []
        assert len(reader._buffer) + sum(map(len, reader._frames)) <= 1100
    assert reader.dropped == 1
    assert reader.feed(sent([b"next"])) == [[b"next"]]


def test_a_length_that_no_memory_has_is_only_counted() -> None:
    reader = Reader(1000)
    assert reader.feed(GREETING + READY + b"\x02" + b"\xff" * 8 + b"x" * 10_000) == []
    assert (reader.dropped, len(reader._buffer)) == (1, 0)


@pytest.mark.parametrize(
    "stream",
    [
        READY + frame(b"x" * 20_000, 4),
        READY + b"\x06" + b"\xff" * 8,
        frame(b"before it is ready"),
        READY * 1001,
    ],
)
def test_what_is_no_zmtp_is_refused(stream: bytes) -> None:
    with pytest.raises(Refused):
        Reader(1000).feed(GREETING + stream)


@pytest.mark.parametrize("version", [b"\x7f\0\0", b"\x7f\x01\0", b"\x7f\x02\0", b"\0\x03\0"])
def test_older_protocols_are_refused(version: bytes) -> None:
    with pytest.raises(Refused):
        Reader(1000).feed((b"\xff" + bytes(8) + version).ljust(64, b"\0"))


# ---------------------------------------------------------------------- JSON that swells


MOST = 24_000_000


def test_json_that_swells_is_seen_before_it_is_parsed() -> None:
    assert swells(b"[" + b"[]," * 400_000 + b"[]]", MOST)
    assert swells(b'[{"":{}}' + b',{"":{}}' * 100_000 + b"]", MOST)
    assert swells(b"[1e9" + b",1e9" * 900_000 + b"]", MOST)


def test_long_texts_and_large_honest_values_do_not_swell() -> None:
    assert not swells(json.dumps({"text": '[1, 2], "{}" \\' * 200_000}).encode(), MOST)
    assert not swells(json.dumps(["l", [["f", "0x1.921fb54442d18p+1"]] * 100_000]).encode(), MOST)


@QUICK
@given(st.binary(max_size=3000))
def test_any_bytes_may_be_asked_whether_they_swell(raw: bytes) -> None:
    assert not swells(raw, MOST)


def test_an_unclosed_text_takes_no_time() -> None:
    for part in (b'"' + b"\\" * 4_000_001, b'"\\"' * 1_500_000, b'["' + b"\\x[{," * 800_000, b"[,{" * 1_000_000 + b'"'):
        began = time.process_time()
        swells(part, MOST)
        assert time.process_time() - began < 2
