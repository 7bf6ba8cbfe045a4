"""Which of a student's notebooks counts."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path

import pytest

from tests.intake.handed import (
    Find,
    book,
    put,
    remarks,
    source,
    students,
    text,
)


@pytest.mark.parametrize(
    ("names", "taken", "remarked"),
    [
        (["small.ipynb", "scratch.ipynb"], "small.ipynb", []),
        (["Small (1).ipynb", "scratch.ipynb"], "Small (1).ipynb", []),
        (["small-2.ipynb", "scratch.ipynb"], "small-2.ipynb", []),
        (["scratch.ipynb"], "scratch.ipynb", []),
        (["small.ipynb", "small (1).ipynb"], "small (1).ipynb", ["duplicate"]),
        (["small-2.ipynb", "small-10.ipynb"], "small-10.ipynb", ["duplicate"]),
        (["hw.ipynb", "hw-Copy1.ipynb"], "hw-Copy1.ipynb", ["duplicate"]),
        (["z.ipynb", "my small one.ipynb"], "my small one.ipynb", ["several"]),
        (["y.ipynb", "z.ipynb"], "z.ipynb", ["several"]),
    ],
)
def test_several_notebooks(top: Path, find_in: Find, names: list[str], taken: str, remarked: list[str]) -> None:
    for name in names:
        put(top / "alice" / name, when=1e9)
    put(top / "bob" / "small.ipynb")
    found = find_in(top)
    assert source(found, "alice") == taken
    assert remarks(found) == [("alice", kind) for kind in remarked]
    assert all(taken in remark.text for remark in found.remarks)


def test_the_newest_counts(top: Path, find_in: Find) -> None:
    put(top / "alice" / "a" / "small.ipynb", book("newer"), when=2e9)
    put(top / "alice" / "b" / "small.ipynb", book("older"), when=1e9)
    put(top / "bob.ipynb", book("older"), when=1e9)
    put(top / "bob (1).ipynb", book("newer"), when=2e9)
    put(top / "carol.ipynb", book("newer"), when=2e9)
    put(top / "carol" / "small.ipynb", book("older"), when=1e9)
    put(top / "dave (1).ipynb")
    found = find_in(top)
    assert students(found) == ["alice", "bob", "carol", "dave (1)"]
    assert [source(found, name) for name in ("alice", "bob", "carol")] == ["newer"] * 3
    assert remarks(found) == [("alice", "duplicate"), ("bob", "duplicate"), ("carol", "duplicate")]
    assert text(found, "bob", "duplicate") == "2 submissions; the newest counts: bob (1).ipynb."
    assert "carol.ipynb" in text(found, "carol", "duplicate")


def test_the_newest_that_can_be_unpacked_counts(top: Path, find_in: Find) -> None:
    put(top / "alice.ipynb", when=1e9)
    put(top / "alice.zip", "broken", when=2e9)
    found = find_in(top)
    assert students(found) == ["alice"]
    assert remarks(found) == [("alice", "refused"), ("alice", "duplicate")]
    assert "newest with a notebook counts: alice.ipynb" in text(found, "alice", "duplicate")


def test_times_in_an_archive_count(top: Path, find_in: Find) -> None:
    path = top / "hw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, year in (("b/alice/1/small.ipynb", 2024), ("b/alice/2/small.ipynb", 2020), ("b/bob/a.ipynb", 2020)):
            archive.writestr(zipfile.ZipInfo(name, (year, 6, 1, 0, 0, 0)), book(str(year)))
    found = find_in(path)
    assert source(found, "alice") == "2024"
    assert time.localtime(found.submissions[0].path.stat().st_mtime).tm_year == 2024


def test_unreadable_notebooks(top: Path, find_in: Find) -> None:
    put(top / "alice.ipynb", "no JSON")
    put(top / "bob" / "small.ipynb").write_bytes(b"")
    odd = {
        "dave": [7],
        "erin": [{"cell_type": "markdown", "source": "x"}],
        "frank": [{"cell_type": "code", "source": 7}],
    }
    for name, cells in odd.items():
        put(top / f"{name}.ipynb", json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    put(top / "gina.ipynb", "[" * 100_000)
    with put(top / "carol.ipynb").open("r+b") as file:
        file.truncate(201_000_000)
    found = find_in(top)
    names = ["alice", "bob", "carol", "dave", "erin", "frank", "gina"]
    assert students(found) == names  # they get a report that says so
    assert remarks(found) == [(name, "unreadable") for name in names]
    assert "is not JSON" in text(found, "alice", "unreadable")
    assert "small.ipynb: The notebook's file is empty." in text(found, "bob", "unreadable")
    assert "201 MB large" in text(found, "carol", "unreadable")
    assert "no code cells" in text(found, "erin", "unreadable")


def test_what_this_machine_cannot_open_is_no_submission(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(top / "alice.ipynb")
    put(top / "bob.ipynb")
    really = Path.open

    def closed(path: Path, *args: str, **more: str) -> object:
        if path.name == "alice.ipynb":
            raise PermissionError
        return really(path, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", closed)
    found = find_in(top)
    assert students(found) == ["bob"]
    assert remarks(found) == [("alice", "unreadable")]
