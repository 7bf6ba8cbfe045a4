"""Classes that hand in notebooks of several formats, and what is none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.formats.test_marimo import book as of_marimo
from tests.formats.test_marimo import cell
from tests.intake.handed import Find, book, companions, put, remarks, source, students, text, zipped

MARIMO = of_marimo(cell("x = 3")).encode()
PERCENT = b"# %% [markdown]\n# text\n\n# %%\nx = 3\n"
QUARTO = b"---\ntitle: a\n---\n\n```{python}\nx = 3\n```\n"
MYST = b"---\njupytext:\n  formats: md:myst\n---\n\n```{code-cell}\nx = 3\n```\n"
MARKDOWN = b"# Title\n\n```python\nx = 3\n```\n"
FORMATS = {
    "small.ipynb": book("x = 3"),
    "small.py": MARIMO,
    "small (1).py": PERCENT,
    "small.qmd": QUARTO,
    "small.Rmd": QUARTO,
    "small.md": MARKDOWN,
    "mine.md": MYST,
}
CLASS = {f"student {n:02}": list(FORMATS.items())[n % len(FORMATS)] for n in range(30)}


def read(found: object, student: str) -> list[str]:
    """The cells of code of a student."""
    submission = next(one for one in found.submissions if one.student == student)  # type: ignore[attr-defined]
    return [one.source for one in submission.cells() if one.kind == "code"]


def test_a_class_of_thirty_in_folders(top: Path, find_in: Find) -> None:
    for student, (name, content) in CLASS.items():
        put(top / student / name, content)
        put(top / student / "helper.py", "three = 3")
        put(top / student / "README.md", "# How to\n\n```python\nimport helper\n```\n")
    found = find_in(top)
    assert students(found) == sorted(CLASS)
    assert remarks(found) == []
    for student in CLASS:
        assert read(found, student) == ["x = 3"]
        assert companions(found, student) == ["README.md", "helper.py"]


@pytest.mark.parametrize("platform", ["moodle", "canvas"])
def test_the_same_class_in_a_platforms_archive(top: Path, find_in: Find, platform: str) -> None:
    entries: list[tuple[str, bytes]] = []
    for number, (student, (name, content)) in enumerate(CLASS.items(), 1000):
        if platform == "moodle":
            folder = f"{student.title()}_{number}_assignsubmission_file"
            entries += [(f"{folder}/{name}", content), (f"{folder}/helper.py", b"three = 3")]
        else:
            prefix = f"{student.replace(' ', '')}_{number}_{number * 7}"
            entries += [(f"{prefix}_{name}", content), (f"{prefix}_helper.py", b"three = 3")]
    found = find_in(zipped(top / "submissions.zip", entries))
    assert len(found.submissions) == 30
    assert remarks(found) == []
    for one in found.submissions:
        assert read(found, str(one.student)) == ["x = 3"]
        assert companions(found, str(one.student)) == ["helper.py"]


def test_loose_files(top: Path, find_in: Find) -> None:
    put(top / "alice.py", MARIMO)
    put(top / "bob.qmd", QUARTO)
    put(top / "bob_helper.py", "three = 3")
    put(top / "carol.ipynb", book())
    put(top / "dave.py", "x = 3")
    put(top / "notes.md", "# Notes")
    found = find_in(top)
    assert students(found) == ["alice", "bob", "carol"]
    assert companions(found, "bob") == ["bob_helper.py"]
    assert remarks(found) == [("", "ignored"), ("", "ignored")]


def test_of_several_formats_of_one_notebook_the_newest_counts(top: Path, find_in: Find) -> None:
    put(top / "alice" / "small.ipynb", book("old"), when=1e9)
    put(top / "alice" / "small.py", MARIMO, when=2e9)
    put(top / "bob" / "small.ipynb", book("new"), when=2e9)
    put(top / "bob" / "small.py", MARIMO, when=1e9)
    put(top / "carol.ipynb", book("old"), when=1e9)
    put(top / "carol.py", PERCENT, when=2e9)
    put(top / "dave" / "small.ipynb", book("paired"), when=1e9)
    put(top / "dave" / "small.py", PERCENT, when=1e9)
    found = find_in(top)
    assert [read(found, name) for name in students(found) if name] == [["x = 3"], ["new"], ["x = 3"], ["paired"]]
    assert remarks(found) == [(name, "duplicate") for name in ("alice", "bob", "carol", "dave")]
    assert text(found, "alice", "duplicate") == "2 notebooks; the newest counts: small.py."
    assert text(found, "carol", "duplicate") == "2 submissions; the newest counts: carol.py."
    assert companions(found, "alice") == companions(found, "dave") == []


def test_a_module_of_the_notebooks_name_comes_along(top: Path, find_in: Find) -> None:
    put(top / "alice" / "small.ipynb", book())
    put(top / "alice" / "small.py", "three = 3")
    found = find_in(top)
    assert remarks(found) == []
    assert source(found, "alice") == "x = 3"
    assert companions(found, "alice") == ["small.py"]


def test_a_students_archive(top: Path, find_in: Find) -> None:
    zipped(top / "alice" / "work.zip", {"a/small.py": MARIMO, "a/helper.py": b"three = 3"})
    put(top / "bob" / "mine.ipynb")
    found = find_in(top)
    assert read(found, "alice") == ["x = 3"]
    assert companions(found, "alice") == ["helper.py"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("small.py", b"import torch\nx = 3\n", "is a Python script"),
        ("small.pdf", b"%PDF-1.7", "is a PDF"),
        ("small.html", b"<!DOCTYPE html>", "an export to HTML"),
        ("small.docx", b"PK\3\4" + b"\0" * 26 + b"[Content_Types].xml", "of an office program"),
        ("small.txt", b"x is three", "without cells of code"),
        ("small.md", b"# My answer\n\nx is three", "without cells of code"),
        ("small (1).json", book("x = 3"), "under another name"),
    ],
)
def test_what_has_the_notebooks_name_and_is_none_gets_a_report(
    top: Path, find_in: Find, name: str, content: bytes, said: str
) -> None:
    put(top / "alice" / name, content)
    put(top / "bob" / "small.ipynb")
    found = find_in(top)
    assert students(found) == ["alice", "bob"]
    assert remarks(found) == [("alice", "unreadable")]
    assert said in text(found, "alice", "unreadable")
    assert said in found.submissions[0].flaw


def test_markdown_of_another_name_counts_where_there_is_nothing_else(top: Path, find_in: Find) -> None:
    put(top / "alice" / "solution.md", MARKDOWN)
    put(top / "alice" / "README.md", MARKDOWN)
    put(top / "alice" / "helper.py", "three = 3")
    put(top / "bob" / "README.md", MARKDOWN)
    for name in ("one.md", "two.md"):
        put(top / "carol" / name, MARKDOWN)
    put(top / "dave" / "small.pdf", b"%PDF-1.7")
    put(top / "dave" / "solution.md", MARKDOWN)
    put(top / "eve" / "mine.ipynb", book("x = 3"))
    put(top / "eve" / "solution.md", MARKDOWN.replace(b"3", b"4"))
    found = find_in(top)
    assert read(found, "alice") == read(found, "eve") == ["x = 3"]
    assert companions(found, "alice") == ["README.md", "helper.py"]
    assert remarks(found) == [("bob", "missing"), ("carol", "missing"), ("dave", "unreadable")]
    assert "not the name of the exercise's notebook" in text(found, "bob", "missing")


def test_what_is_missing_is_told_what_there_is_instead(top: Path, find_in: Find) -> None:
    put(top / "alice" / "essay.pdf", b"%PDF-1.7")
    put(top / "bob" / "mine.py", b"import torch\n")
    put(top / "carol" / "small.ipynb")
    found = find_in(top)
    assert students(found) == ["carol"]
    assert remarks(found) == [("alice", "missing"), ("bob", "missing")]
    assert "among 1 file (essay.pdf). The file is a PDF" in text(found, "alice", "missing")
    assert "begin each cell with a line `# %%`" in text(found, "bob", "missing")


def test_an_environment_that_was_handed_in_is_looked_through_quickly(top: Path, find_in: Find) -> None:
    put(top / "alice" / "small.py", MARIMO)
    for n in range(2_000):
        put(top / "alice" / "venv" / str(n % 50) / f"module_{n}.py", "x = 3\n" * 20)
    begun = time.process_time()
    found = find_in(top)
    assert time.process_time() - begun < 20  # a guard, no measurement
    assert read(found, "alice") == ["x = 3"]
    assert remarks(found) == []
