"""Where nothing was handed in, folders that mean harm, and where a notebook was handed in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.intake import archives
from tests.intake.handed import (
    Find,
    book,
    put,
    remarks,
    source,
    students,
    text,
    zipped,
)

# ---------------------------------------------------------------------- nothing there


@pytest.mark.parametrize("make", ["empty", "only text", "only hidden", "an empty zip"])
def test_nothing_was_handed_in(top: Path, find_in: Find, make: str) -> None:
    path = top
    if make == "only text":
        put(top / "README.md")
    elif make == "only hidden":
        put(top / ".git" / "small.ipynb")
    elif make == "an empty zip":
        path = zipped(top / "a.zip", {})
    with pytest.raises(UsageError, match="There are no submissions in"):
        find_in(path)


def test_paths_that_are_none(top: Path, find_in: Find) -> None:
    (top / "loop").symlink_to("loop")
    os.mkfifo(top / "pipe.zip")
    for path in (top / "missing", top / "loop", top / "nul\x00", top / "x" / ("y" * 300), put(top / "a.rar")):
        with pytest.raises(UsageError) as caught:
            find_in(path)
        assert "\x00" not in caught.value.message
        assert caught.value.advice
    with pytest.raises(UsageError, match="neither a folder"):
        find_in(top / "pipe.zip")


def test_anonymous_students_of_canvas_are_one_each(top: Path, find_in: Find) -> None:
    files = ["anon_ab12c_9201_small.ipynb", "anon_ab12c_9202_small-1.ipynb", "LATE_anon_xyz9q_9203_small.ipynb"]
    files += ["anon_12345_9205_small.ipynb", "anon_Q7r8S_LATE_9206_small.ipynb", "anonymous_aaaaa_9207_small.ipynb"]
    found = find_in(zipped(top / "class.zip", {name: book(name) for name in files}))
    names = ["anon_12345", "anon_Q7r8S", "anon_ab12c", "anon_xyz9q", "anonymous_aaaaa"]
    assert students(found) == names
    assert [found.attempts[name][-1].marked_late for name in names] == [False, True, False, True, False]
    assert source(found, "anon_ab12c") == "anon_ab12c_9202_small-1.ipynb"
    assert remarks(found) == [("anon_ab12c", "duplicate")]


def test_who_typed_into_canvas_is_missing(top: Path, find_in: Find) -> None:
    files = {"lee_101_9001_small.ipynb": book(), "kim_108_text.html": b"<p>see github", "moe_LATE_109_link.html": b"x"}
    files["anon_ab12d_text.html"] = b"<p>nobody knows who"
    found = find_in(zipped(top / "class.zip", files))
    assert students(found) == ["lee"]
    assert remarks(found) == [("anon_ab12d", "missing"), ("kim", "missing"), ("moe", "missing")]


def test_teams_of_moodle_with_and_without_a_number(top: Path, find_in: Find) -> None:
    folders = ["Team Red_17_assignsubmission_file_", "Team Blue_18_assignsubmission_file"]
    folders += ["Default group_assignsubmission_file"]
    found = find_in(zipped(top / "class.zip", {f"{one}/small.ipynb": book(one) for one in folders}))
    assert students(found) == ["Default group", "Team Blue", "Team Red"]
    assert found.numbers == {"Team Blue": "18", "Team Red": "17"}


# ---------------------------------------------------------------------- folders that mean harm


def test_links_in_folders(top: Path, find_in: Find, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret" / "small.ipynb", book("secret"))
    put(top / "alice" / "v3" / "small.ipynb", book("own"))
    (top / "alice" / "latest.ipynb").symlink_to("v3/small.ipynb")
    (top / "bob").mkdir()
    (top / "bob" / "small.ipynb").symlink_to(secret)
    (top / "bob" / "loop").symlink_to("loop")
    (top / "carol").symlink_to(secret.parent)
    (top / "dave").mkdir()
    (top / "dave" / "small.ipynb").symlink_to("../alice/v3/small.ipynb")  # somebody else's work
    os.mkfifo(top / "alice" / "pipe.ipynb")
    (top / "erin.ipynb").symlink_to(secret)
    (top / "frank.zip").symlink_to(zipped(tmp_path / "f.zip", {"small.ipynb": book()}))
    found = find_in(top)
    assert students(found) == ["alice"]
    assert source(found, "alice") == "own"
    refused = [student for student, kind in remarks(found) if kind == "refused"]
    assert refused == ["alice", "bob", "carol", "dave", "erin", "frank"]
    assert "out of the submission: loop and others" in text(found, "bob", "refused")
    assert "special file" in text(found, "alice", "refused")


def test_no_more_is_looked_at_than_need_be(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_ENTRIES", 2)
    put(top / "alice" / "small.ipynb")
    for number in range(30):
        put(top / "alice" / f"d{number}" / "a.txt")
    put(top / "bob" / "small.ipynb")
    found = find_in(top)
    assert students(found) == ["alice", "bob"]
    assert "were looked at" in text(found, "alice", "ignored")


def test_names_of_students_on_disk(top: Path, find_in: Find) -> None:
    for name in ("two\nlines", "two lines", "a\x1b[31mb", os.fsdecode(b"\xe4"), "A\u030asa", "\u00c5sa"):
        put(top / name / "small.ipynb", book(repr(name)))
    found = find_in(top)
    names = [str(one) for one in students(found)]
    assert len(names) == len(set(names)) == 5
    assert all(name and name.isprintable() for name in names)
    assert ("Åsa", "duplicate") in remarks(found)
    assert "ab" in names


def test_case_and_folders(top: Path, find_in: Find) -> None:
    for name in ("a.b", "a_b", "a?b", "a*b"):
        put(top / f"{name}.ipynb", book(name))
    found = find_in(top)
    assert [source(found, str(name)) for name in students(found)] == students(found)
    assert len({one.path.parent for one in found.submissions}) == 4


# ---------------------------------------------------------------------- where it was handed in


def test_it_is_told_where_a_person_finds_it(top: Path, find_in: Find) -> None:
    """Whatever it is read from: from a copy, where it lay beside other students' or in an archive."""
    put(top / "alice" / "small.ipynb")
    put(top / "bob.ipynb")
    zipped(top / "carol.zip", {"work/small.ipynb": book()})
    zipped(top / "dave" / "all.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert {one.student: one.place for one in found.submissions} == {
        "alice": f"{top}/alice/small.ipynb",
        "bob": f"{top}/bob.ipynb",
        "carol": f"{top}/carol.zip/work/small.ipynb",
        "dave": f"{top}/dave/all.zip/small.ipynb",
    }


def test_in_an_archive_of_the_class_it_is_told_by_the_archives_name(top: Path, find_in: Find) -> None:
    inner = zipped(top.parent / "inner.zip", {"hw/small.ipynb": book()}).read_bytes()
    path = zipped(top / "class.zip", {"class/alice/small.ipynb": book(), "class/bob/hand-in.zip": inner})
    assert {one.student: one.place for one in find_in(path).submissions} == {
        "alice": f"{path}/class/alice/small.ipynb",
        "bob": f"{path}/class/bob/hand-in.zip/hw/small.ipynb",
    }
