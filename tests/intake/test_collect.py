"""Who handed in what: every layout as teachers have it, and archives that mean harm."""

from __future__ import annotations

import io
import json
import lzma
import os
import re
import struct
import tarfile
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.exercise import Exercise
from grader.intake import archives, pieces
from grader.intake.attempt import HandedIn
from grader.intake.collect import find
from grader.intake.names import folder_name, short_hash
from grader.workspace import Workspace
from tests.conftest import listing, notebook

Find = Callable[[Path], HandedIn]


@pytest.fixture
def find_in(make_exercise: Callable[..., Exercise], tmp_path: Path) -> Find:
    """Find submissions of the exercise `small`, whose notebook is `small.ipynb`."""
    exercise = make_exercise()

    def run(path: Path) -> HandedIn:
        return find(path, exercise, tmp_path / "into")

    return run


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "class-of-2026"
    folder.mkdir()
    return folder


def book(mark: str = "x = 3") -> bytes:
    return json.dumps(notebook(mark)).encode()


def put(path: Path, content: bytes | str = b"", when: float | None = None) -> Path:
    """Write a file, and the folders above it; a notebook that says its own name where nothing is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(raw or (book(path.name) if path.suffix == ".ipynb" else b"x"))
    if when is not None:
        os.utime(path, (when, when))
    return path


def students(found: HandedIn) -> list[str | None]:
    return [one.student for one in found.submissions]


def source(found: HandedIn, student: str) -> str:
    """What the notebook of a student says."""
    return str(next(one for one in found.submissions if one.student == student).read().cells[0].source)


def remarks(found: HandedIn) -> list[tuple[str, str]]:
    return [(one.student, one.kind) for one in found.remarks]


def text(found: HandedIn, student: str, kind: str) -> str:
    return " | ".join(one.text for one in found.remarks if (one.student, one.kind) == (student, kind))


def companions(found: HandedIn, student: str) -> list[str]:
    """What comes along with a student's notebook."""
    path = next(one.path for one in found.submissions if one.student == student)
    with Workspace(path, (), "sample") as workspace:
        return [name for name in listing(workspace.folder) if name != "data"]


def zipped(path: Path, entries: dict[str, bytes] | list[tuple[str, bytes]], when: int = 2020) -> Path:
    """A zip of these entries, written as UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(zipfile.ZipInfo(name, (when, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return path


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, target
    return info


def tarred(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """A tar of these entries, packed as its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, {"gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.suffix[1:], "w")) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def of_files(files: dict[str, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(member(name, content), content) for name, content in files.items()]


# ---------------------------------------------------------------------- layouts


def test_a_folder_of_notebooks(top: Path, find_in: Find) -> None:
    for name in ("bob.ipynb", "alice.ipynb", "Äyskäri Örn.ipynb", "bob_helper.py", "bob.csv"):
        put(top / name)
    for name in (".ipynb_checkpoints/eve.ipynb", "__MACOSX/eve.ipynb", ".grade/eve.ipynb", "._alice.ipynb", ".x"):
        put(top / name)
    put(top / "README.md")
    put(top / "data" / "a.csv")
    found = find_in(top)
    assert students(found) == ["alice", "bob", "Äyskäri Örn"]
    assert source(found, "alice") == "alice.ipynb"
    assert remarks(found) == [("", "ignored"), ("", "ignored")]
    assert "README.md" in text(found, "", "ignored")
    assert "data" in text(found, "", "ignored")
    assert companions(found, "alice") == []
    assert companions(found, "bob") == ["bob.csv", "bob_helper.py"]
    assert listing(top / "data") == ["a.csv"]


def test_a_folder_a_student(top: Path, find_in: Find) -> None:
    put(top / "alice" / "small.ipynb")
    put(top / "alice" / "helper.py")
    put(top / "alice" / ".ipynb_checkpoints" / "small-checkpoint.ipynb")
    put(top / "bob" / "week 3" / "mine.ipynb")
    put(top / "carol" / "essay.pdf")
    (top / "dave").mkdir()
    put(top / "grades.csv")
    found = find_in(top)
    assert students(found) == ["alice", "bob"]
    assert found.submissions[0].path == top / "alice" / "small.ipynb"  # where it lies: nothing is copied
    assert companions(found, "alice") == ["helper.py"]
    assert remarks(found) == [("", "ignored"), ("carol", "missing"), ("dave", "missing")]
    assert text(found, "carol", "missing") == "There is no notebook among 1 file (essay.pdf)."
    assert text(found, "dave", "missing") == "There is no notebook."


def test_a_class_of_one(top: Path, find_in: Find) -> None:
    put(top / "alice" / "small.ipynb")
    assert students(find_in(top)) == ["alice"]


@pytest.mark.parametrize("start", ["course", "course/submitted"])
def test_nbgrader(top: Path, find_in: Find, start: str) -> None:
    course = top / "course"
    for student, assignment in (("alice", "small"), ("alice", "ps2"), ("bob", "Small"), ("carol", "ps2")):
        put(course / "submitted" / student / assignment / f"{assignment.lower()}.ipynb")
        put(course / "submitted" / student / assignment / "timestamp.txt")
    put(course / "source" / "small" / "small.ipynb")
    put(course / "nbgrader_config.py")
    found = find_in(top / start)
    assert students(found) == ["alice", "bob"]
    assert source(found, "alice") == "small.ipynb"
    assert remarks(found) == [("carol", "missing")]  # what she handed in is for another assignment


def test_nbgrader_with_one_student_and_an_assignment_of_another_name(top: Path, find_in: Find) -> None:
    put(top / "submitted" / "alice" / "ps1" / "problem.ipynb")
    found = find_in(top)
    assert students(found) == ["alice"]
    assert source(found, "alice") == "problem.ipynb"


MOODLE_FOLDERS: dict[str, bytes] = {
    "Åsa Öberg_12345_assignsubmission_file_/small.ipynb": book("asa"),
    "Åsa Öberg_12345_assignsubmission_file_/code/helper.py": b"",
    "Åsa Öberg_12345_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
    "Li Wei_7_assignsubmission_file/hw.ipynb": book("first"),
    "Li Wei_8_assignsubmission_file_/hw.ipynb": book("second"),
    "Only Text_9_assignsubmission_onlinetext/onlinetext.html": b"<p>",
    "Jo_Ann O'Neil_10_assignsubmission_file_/report.pdf": b"%PDF",
    "Jo_Ann O'Neil_10_assignfeedback_file_/solution.ipynb": book("the teacher's"),
}
MOODLE_FLAT: dict[str, bytes] = {
    "Åsa Öberg_12345_assignsubmission_file_small.ipynb": book("asa"),
    "Åsa Öberg_12345_assignsubmission_file_helper.py": b"",
    "Åsa Öberg_12345_assignsubmission_onlinetext_onlinetext.html": b"<p>",
    "Li Wei_7_assignsubmission_file_hw.ipynb": book("first"),
    "Li Wei_8_assignsubmission_file_hw.ipynb": book("second"),
    "Only Text_9_assignsubmission_onlinetext_onlinetext.html": b"<p>",
    "Jo_Ann O'Neil_10_assignsubmission_file_report.pdf": b"%PDF",
    "Jo_Ann O'Neil_10_assignfeedback_file_solution.ipynb": book("the teacher's"),
}


@pytest.mark.parametrize("packed", ["zip", "tar.gz", "folder", "zip of the folder"])
@pytest.mark.parametrize("files", [MOODLE_FOLDERS, MOODLE_FLAT], ids=["folders", "flat"])
def test_moodle(top: Path, find_in: Find, files: dict[str, bytes], packed: str) -> None:
    path = top
    if packed == "folder":
        for name, content in files.items():
            put(top / name, content)
    elif packed == "tar.gz":
        path = tarred(top / "all.tar.gz", of_files(files))
    else:
        above = "all submissions/" if packed != "zip" else ""
        path = zipped(top / "all.zip", {above + name: content for name, content in files.items()})
    found = find_in(path)
    assert students(found) == ["Li Wei_7", "Li Wei_8", "Åsa Öberg"]
    assert [source(found, name) for name in ("Li Wei_7", "Li Wei_8", "Åsa Öberg")] == ["first", "second", "asa"]
    assert remarks(found) == [("Jo_Ann O'Neil", "missing"), ("Only Text", "missing")]
    flat = files is MOODLE_FLAT
    assert companions(found, "Åsa Öberg") == (["helper.py"] if flat else ["code", "code/helper.py"])
    assert companions(found, "Li Wei_7") == []


def raw_zip(entries: list[tuple[bytes, bytes]], flags: int = 0) -> bytes:
    """A zip written byte by byte, with names as no library would write them."""
    body, contents = b"", b""
    for name, content in entries:
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, 0, 0x21, zlib.crc32(content), *2 * [len(content)], len(name), 0
        )
        where = len(body)
        body += b"PK\x03\x04" + common + name + content
        contents += b"PK\x01\x02" + b"\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, where) + name
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(contents), len(body), 0)
    return body + contents + b"PK\x05\x06" + end


@pytest.mark.parametrize(
    ("encoded", "flags"),
    [("Åsa".encode(), 0x800), ("Åsa".encode(), 0), ("Åsa".encode("cp437"), 0), ("A\u030asa".encode(), 0x800)],
    ids=["flag", "no flag", "cp437", "of a Mac"],
)
def test_accents_in_names(top: Path, find_in: Find, encoded: bytes, flags: int) -> None:
    name = encoded + b"_1_assignsubmission_file_small.ipynb"
    path = put(top / "all.zip", raw_zip([(name, book()), (b"Bo_2_assignsubmission_file_a.ipynb", book())], flags))
    assert students(find_in(path)) == ["Bo", "Åsa"]


def test_canvas(top: Path, find_in: Find) -> None:
    files = {
        "smithanna_101_5001_small.ipynb": book("old"),
        "smithanna_101_5009_small-1.ipynb": book("new"),
        "smithanna_101_5002_helper.py": b"",
        "virtanenville_LATE_102_5003_homework.ipynb": book("ville"),
        "leekim_103_5004_small.ipynb": book("kim 3"),
        "leekim_104_5005_small.ipynb": book("kim 4"),
        "poejoe_105_5006_essay.pdf": b"%PDF",
        "anon_x1_106_5007_small-2.ipynb": book("anon"),
    }
    found = find_in(zipped(top / "submissions.zip", files))
    assert students(found) == ["anon_x1", "leekim_103", "leekim_104", "smithanna", "virtanenville"]
    assert source(found, "smithanna") == "new"
    assert source(found, "virtanenville") == "ville"
    assert remarks(found) == [("poejoe", "missing"), ("smithanna", "duplicate")]
    assert text(found, "smithanna", "duplicate") == "2 notebooks; the newest counts: small-1.ipynb."
    assert companions(found, "smithanna") == ["helper.py"]
    assert companions(found, "leekim_103") == []


@pytest.mark.parametrize(
    ("times", "expected"), [((1, 1, 1), "-10"), ((3, 2, 1), "-2"), ((1, 3, 2), "-9")], ids=["tie", "down", "up"]
)
def test_canvas_resubmissions_by_time_then_number(
    top: Path, find_in: Find, times: tuple[int, int, int], expected: str
) -> None:
    for suffix, when in zip(("-2", "-9", "-10"), times, strict=True):
        put(top / f"smithanna_101_5001_small{suffix}.ipynb", book(suffix), 1e9 + when)
    assert source(find_in(top), "smithanna") == expected


def test_canvas_numbers_its_uploads(top: Path, find_in: Find) -> None:
    put(top / "smithanna_101_5001_small.ipynb", book("first"), when=2e9)  # times are those of the download
    put(top / "smithanna_101_5002_small.ipynb", book("second"), when=1e9)
    assert source(find_in(top), "smithanna") == "second"


def test_dates_in_names_are_not_canvas(top: Path, find_in: Find) -> None:
    for name in ("2026_01_15_alice.ipynb", "2026_01_15_bob.ipynb", "hw_01_02_carol.ipynb"):
        put(top / name)
    assert students(find_in(top)) == ["2026_01_15_alice", "2026_01_15_bob", "hw_01_02_carol"]


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "ZIP"])
@pytest.mark.parametrize("above", ["", "all/", "all/submissions/"])
def test_archives_of_the_class(top: Path, find_in: Find, suffix: str, above: str) -> None:
    files = {f"{above}{name}/small.ipynb": book(name) for name in ("alice", "bob")}
    files |= {f"{above}alice/helper.py": b"", "__MACOSX/x/small.ipynb": b"x", f"{above}.DS_Store": b"x"}
    make = top / f"class.{suffix}"
    path = zipped(make, files) if suffix.lower() == "zip" else tarred(make, of_files(files))
    found = find_in(path)
    assert students(found) == ["alice", "bob"]
    assert source(found, "bob") == "bob"
    assert companions(found, "alice") == ["helper.py"]
    assert found.remarks == ()


def test_a_flat_class_in_an_archive(top: Path, find_in: Find) -> None:
    found = find_in(zipped(top / "c.zip", {"hw/alice.ipynb": book("a"), "hw/bob.ipynb": book("b")}))
    assert students(found) == ["alice", "bob"]
    assert source(found, "bob") == "b"


def test_archives_of_students(top: Path, find_in: Find) -> None:
    files = {"hw/small.ipynb": book("packed"), "hw/helper.py": b"", "hw/deeper.zip": b"x"}
    zipped(top / "alice.zip", files)
    tarred(top / "bob.tar.gz", of_files(files))
    zipped(top / "carol" / "hw.zip", files)
    put(top / "dave" / "small.ipynb", book("plain"))
    zipped(top / "dave" / "images.zip", {"small.ipynb": book("not this")})
    zipped(top / "erin.zip", {"again.zip": zipped(top.parent / "inner.zip", {"small.ipynb": book()}).read_bytes()})
    found = find_in(top)
    assert students(found) == ["alice", "bob", "carol", "dave"]
    assert [source(found, name) for name in ("alice", "bob", "carol", "dave")] == ["packed"] * 3 + ["plain"]
    assert companions(found, "alice") == ["deeper.zip", "helper.py"]
    assert remarks(found) == [("erin", "missing")]  # one level, no more


def test_archives_in_the_archive_of_the_class(top: Path, find_in: Find) -> None:
    inner = zipped(top / "inner.zip", {"small.ipynb": book("inner"), "helper.py": b""}).read_bytes()
    names = ("Ann_1_assignsubmission_file_/hw.zip", "Bob_2_assignsubmission_file_hw.zip", "leekim_30_44_hw.zip")
    found = find_in(zipped(top / "all.zip", dict.fromkeys(names, inner)))
    assert students(found) == ["Ann", "Bob", "leekim"]
    assert companions(found, "Bob") == ["helper.py"]


def test_one_notebook(top: Path, find_in: Find) -> None:
    put(top / "helper.py")
    found = find_in(put(top / "alice.ipynb"))
    assert students(found) == ["alice"]
    assert companions(found, "alice") == ["helper.py"]


# ---------------------------------------------------------------------- which one counts


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


# ---------------------------------------------------------------------- archives that mean harm


def bomb(path: Path, megabytes: int, name: str = "small.ipynb") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
        for _ in range(megabytes):
            file.write(bytes(1_000_000))
    return path


def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_BYTES", 2_000_000)
    monkeypatch.setattr(archives, "CLASS_BYTES", 5_000_000)


def link_in_zip(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, target


def hostile(kind: str, path: Path) -> Path:
    """An archive of the kind, with a good notebook in front."""
    path = path.with_suffix(".tar" if kind.startswith("tar") else ".tar.gz" if kind.startswith("gz") else ".zip")
    good = {"small.ipynb": book()}
    slips = {"slip": "../evil.txt", "absolute": "/tmp/evil.txt", "drive": "C:\\evil.txt", "back": "a\\..\\..\\evil.txt"}
    if kind in slips:
        zipped(path, good)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(slips[kind]), b"evil")
    elif kind == "tar slip":
        tarred(path, of_files(good | {"../evil.txt": b"evil"}))
    elif kind == "tar absolute":
        tarred(path, of_files(good | {"/tmp/evil.txt": b"evil"}))
    elif kind == "encrypted":
        put(path, raw_zip([(b"small.ipynb", book())], flags=1))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "noise":
        put(path, b"PK\x03\x04" + bytes(range(256)) * 4)
    elif kind == "truncated":
        path.write_bytes(zipped(path, good).read_bytes()[:-40])
    elif kind == "wrong checksum":
        raw = bytearray(raw_zip([(b"small.ipynb", book())]))
        raw[60] ^= 1
        path.write_bytes(raw)
    elif kind in ("tar truncated", "gz truncated"):
        content = os.urandom(40_000)
        path.write_bytes(tarred(path, [(member("small.ipynb", content), content)]).read_bytes()[:20_000])
    elif kind == "tar backwards":  # a size below zero, which would read the same header for ever
        info = member("small.ipynb")
        raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        raw[124:136] = (-512).to_bytes(12, "big", signed=True)
        raw[148:156] = b" " * 8
        raw[148:156] = b"%06o\0 " % sum(raw)
        path.write_bytes(bytes(raw) * 3)
    elif kind == "tar long name":  # its name alone takes all memory
        info = member("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME)
        info.size = 17_000_000
        path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(18_000_000))
    elif kind == "tar names of names":  # each header is read within the one before
        raw = b"".join(
            [member("././@LongLink", b"a", tarfile.GNUTYPE_LONGNAME).tobuf(tarfile.GNU_FORMAT) + bytes(512)] * 3000
        )
        path.write_bytes(raw + bytes(1024))
    else:
        raise AssertionError(kind)
    return path


HOSTILE = {
    "slip": "leads out of the folder",
    "absolute": "leads out of the folder",
    "drive": "leads out of the folder",
    "back": "leads out of the folder",
    "tar slip": "leads out of the folder",
    "tar absolute": "leads out of the folder",
    "encrypted": "locked with a password",
    "empty": "is damaged",
    "noise": "is damaged",
    "truncated": "is damaged",
    "wrong checksum": "is damaged",
    "tar truncated": "is damaged",
    "gz truncated": "is damaged",
    "tar backwards": "is damaged",
    "tar long name": "contents is too long",
    "tar names of names": "is damaged",
}


@pytest.mark.parametrize(("kind", "said"), HOSTILE.items(), ids=HOSTILE)
def test_a_bad_archive_harms_nobody_else(top: Path, find_in: Find, tmp_path: Path, kind: str, said: str) -> None:
    hostile(kind, top / "alice")
    zipped(top / "bob.zip", {"small.ipynb": book()})
    before = listing(tmp_path)
    found = find_in(top)
    assert students(found) == ["bob"]
    assert remarks(found) == [("alice", "refused")]
    assert said in text(found, "alice", "refused")
    new = sorted(set(listing(tmp_path)) - set(before))
    assert all(re.fullmatch(r"into(/students(/(alice|bob)(/1(/archive-1(/small.ipynb)?)?)?)?)?", name) for name in new)
    assert not any("alice/1/archive" in name for name in new)
    assert not Path("/tmp/evil.txt").exists()


@pytest.mark.parametrize(("kind", "said"), HOSTILE.items(), ids=HOSTILE)
def test_a_bad_archive_of_the_class(top: Path, find_in: Find, kind: str, said: str) -> None:
    path = hostile(kind, top / "class")
    with pytest.raises(UsageError) as caught:
        find_in(path)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert "evil.txt" not in str(listing(top.parent))


def test_links_and_special_files_are_left_out(top: Path, find_in: Find, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.ipynb", book("secret"))
    with zipfile.ZipFile(top / "alice.zip", "w") as archive:
        archive.writestr(*link_in_zip("small.ipynb", str(secret)))
    tarred(
        top / "bob.tar",
        [
            (member("small.ipynb", kind=tarfile.SYMTYPE, target=str(secret)), b""),
            (member("hard.ipynb", kind=tarfile.LNKTYPE, target="../../../../secret.ipynb"), b""),
            (member("pipe.ipynb", kind=tarfile.FIFOTYPE), b""),
            (member("device.ipynb", kind=tarfile.CHRTYPE), b""),
            (member("way", kind=tarfile.SYMTYPE, target=str(tmp_path)), b""),
            (member("way/through.txt", b"evil"), b"evil"),
            (member("mine.ipynb", book("mine")), book("mine")),
        ],
    )
    found = find_in(top)
    assert students(found) == ["bob"]
    assert source(found, "bob") == "mine"
    assert remarks(found) == [("alice", "refused")] + [("bob", "refused")] * 5
    assert "small.ipynb is a link or a special file" in text(found, "bob", "refused")
    assert companions(found, "bob") == ["way", "way/through.txt"]
    assert not (tmp_path / "through.txt").exists()
    assert not any(path.is_symlink() for path in (tmp_path / "into").rglob("*"))


def test_links_in_the_archive_of_the_class_are_told_to_whose_they_are(top: Path, find_in: Find) -> None:
    path = tarred(
        top / "class.tar",
        [
            *of_files({"all/alice/small.ipynb": book(), "all/bob/small.ipynb": book(), "all/notes.txt": b""}),
            (member("all/alice/link", kind=tarfile.SYMTYPE, target="/etc"), b""),
            (member("all/carol/small.ipynb", kind=tarfile.SYMTYPE, target="../bob/small.ipynb"), b""),
            (member("all/link.txt", kind=tarfile.SYMTYPE, target="/etc/passwd"), b""),
        ],
    )
    found = find_in(path)
    assert students(found) == ["alice", "bob"]
    told = [("", "ignored"), ("", "refused"), ("alice", "refused"), ("carol", "refused")]
    assert [one for one in remarks(found) if one[1] != "missing"] == told


def test_bombs(top: Path, find_in: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    bomb(top / "alice.zip", 4)
    zeros = bytes(1_000_000)
    tarred(top / "bob.tar.xz", [(member(f"{n}.bin", zeros), zeros) for n in range(4)])
    put(top / "carol.ipynb")
    found = find_in(top)
    assert students(found) == ["carol"]
    assert remarks(found) == [("alice", "refused"), ("bob", "refused")]
    assert "unpacks to more than 2.0 MB" in text(found, "alice", "refused")
    assert sum(path.stat().st_size for path in (tmp_path / "into").rglob("*") if path.is_file()) < 10_000


def test_a_lie_about_the_size_is_no_way_around(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    raw = bytearray(bomb(top / "alice.zip", 4).read_bytes())
    size = struct.pack("<I", 4_000_000)
    assert raw.count(size) >= 1
    (top / "alice.zip").write_bytes(bytes(raw).replace(size, struct.pack("<I", 1000)))
    put(top / "bob.ipynb")
    found = find_in(top)
    assert students(found) == ["bob"]
    assert remarks(found) == [("alice", "refused")]


def test_refused_archives_take_no_room_from_others(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    for name in "abcdefgh":
        bomb(top / f"{name}.zip", 3)
    zipped(top / "z.zip", {"small.ipynb": book(), "a.bin": bytes(1_900_000)})
    assert students(find_in(top)) == ["z"]


def test_nobody_takes_the_room_of_others(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    for name in "abcde":
        zipped(top / f"{name}.zip", {"small.ipynb": book(), "a.bin": bytes(1_900_000)})
    assert students(find_in(top)) == list("abcde")


def test_twenty_thousand_empty_files_are_their_authors_affair(top: Path, find_in: Find) -> None:
    zipped(top / "Aaron Aas" / "hand-in.zip", {f"junk/{n}": b"" for n in range(19_996)} | {"small.ipynb": book()})
    for name in ("Bea", "Cyd", "Dan"):
        zipped(top / name / "hand-in.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["Aaron Aas", "Bea", "Cyd", "Dan"]
    assert found.remarks == ()


def test_several_archives_of_one_student_share_their_room(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    for number in range(3):
        zipped(top / "alice" / f"{number}.zip", {f"{number}.ipynb": book(), "a.bin": bytes(900_000)})
    zipped(top / "bob" / "hand-in.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["alice", "bob"]
    assert "2.zip is not unpacked" in text(found, "alice", "refused")


def test_what_goes_along_with_no_notebook_is_not_kept(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "COMPANIONS_MAX_BYTES", 100)
    files = {"small.ipynb": book(), "beside.txt": bytes(80), "large.bin": bytes(200), "else/where.txt": bytes(10)}
    zipped(top / "alice.zip", files | {"else/more.txt": bytes(50)})
    (one,) = find_in(top).submissions
    kept = {path.name for path in one.path.parent.rglob("*") if path.is_file()}
    assert kept == {"small.ipynb", "beside.txt", "where.txt"}


def test_in_the_archive_of_the_class_too_limits_are_each_ones_own(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_ENTRIES", 10)
    files = {f"Ann_{n}_assignsubmission_file_/small.ipynb": book() for n in (1, 3)}
    files |= {f"Bob_2_assignsubmission_file_/{n}.txt": b"" for n in range(30)}
    files["Bob_2_assignsubmission_file_/small.ipynb"] = book()
    found = find_in(zipped(top / "class.zip", files))
    assert students(found) == ["Ann_1", "Ann_3"]
    assert "only the first 10 files" in text(found, "Bob", "ignored")


def test_bombs_in_the_archive_of_the_class(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    files = {"x/alice/small.ipynb": bytes(2_500_000), "x/alice/notes.txt": b"", "x/bob/small.ipynb": book()}
    files |= {"x/carol/small.ipynb": book(), "x/carol/1": bytes(1_500_000), "x/carol/2": bytes(1_500_000)}
    found = find_in(zipped(top / "class.zip", files))
    assert students(found) == ["bob"]
    assert ("alice", "refused") in remarks(found)
    assert ("carol", "refused") in remarks(found)
    files |= {f"x/dave/{n}": bytes(1_500_000) for n in range(3)}
    (top.parent / "into").rename(top.parent / "before")
    with pytest.raises(UsageError, match=r"unpacks to more than 5\.0 MB"):
        find_in(zipped(top / "class.zip", files))


def test_as_many_entries_as_may_be(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_ENTRIES", 10)
    monkeypatch.setattr(archives, "CLASS_ENTRIES", 10)
    files = {f"{n}.txt": b"" for n in range(9)} | {"small.ipynb": book()}
    zipped(top / "alice.zip", files | {"one-too-many": b""})
    zipped(top / "bob.zip", files)
    zipped(top / "carol.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["bob", "carol"]  # limits are each one's own
    assert remarks(found) == [("alice", "refused")]
    with pytest.raises(UsageError, match="over 10 files"):
        find_in(top / "alice.zip")


def test_of_a_tar_nothing_is_skipped_beyond_what_may_be(top: Path, find_in: Find) -> None:
    info = member("large.bin", kind=tarfile.GNUTYPE_SPARSE)
    info.size = 10_000_000_000
    with lzma.open(top / "alice.tar.xz", "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    put(top / "bob.ipynb")
    found = find_in(top)
    assert students(found) == ["bob"]
    assert "unpacks to more than may be" in text(found, "alice", "refused")


def test_nothing_is_unpacked_twice() -> None:
    """A packed file that is gone back in starts again from its beginning, for every entry that asks for it."""
    measured = archives._Measured(io.BytesIO(bytes(5000)), forward=4000)
    measured.seek(2000)
    measured.seek(2000)
    for offset in (1999, 0, 4001):
        with pytest.raises(archives.ArchiveRefused):
            measured.seek(offset)


def test_a_list_of_contents_without_end(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives._Measured, "_PIECE", 100_000)
    zipped(top / "alice.zip", {f"{n:0200}.txt": b"" for n in range(500)})
    put(top / "bob.ipynb")
    found = find_in(top)
    assert "list of contents is too long" in text(found, "alice", "refused")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(top: Path, find_in: Find) -> None:
    for student, years in (("alice", (2024, 2020)), ("bob", (2020, 2024)), ("carol", (2020, 2020))):
        with zipfile.ZipFile(top / f"{student}.zip", "w") as archive:
            for number, year in enumerate(years):
                info = zipfile.ZipInfo("small.ipynb", (year, 1, 1, 0, 0, 0))
                archive.writestr(info, book(f"{year}-{number}"))
    tarred(top / "dave.tar", of_files({"small.ipynb": book(), "a": b"", "a/b": b"", "c/d": b"", "c": b""}))
    found = find_in(top)
    assert [source(found, name) for name in ("alice", "bob", "carol")] == ["2024-0", "2024-1", "2020-1"]
    expected = [(name, "duplicate") for name in ("alice", "bob", "carol")] + [("dave", "ignored")] * 2
    assert remarks(found) == expected


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[31mred\x1b[0m",
        "ali\u202eecila",
        "two\nlines",
        "tab\tbell\x07",
        "nul\x00byte",
        'a:b*c?"d"<e>|',
        "CON",
        "aux.h",
        "x" * 300,
        "ä" * 200,
        "dot.",
        "~",
        "-rf",
        "$(touch evil)",
    ],
)
@pytest.mark.parametrize("packer", ["zip", "tar"])
def test_odd_names(top: Path, find_in: Find, tmp_path: Path, name: str, packer: str) -> None:
    if packer == "zip":
        entries = [(f"x/{name}/small.ipynb", book()), ("x/bob/small.ipynb", book()), (f"x/bob/{name}", b"x")]
        path = put(top / "a.zip", raw_zip([(one.encode(), content) for one, content in entries], 0x800))
    else:
        name = name.replace("\x00", "\x01")  # a tar's names end at a NUL
        files = {f"x/{name}/small.ipynb": book(), "x/bob/small.ipynb": book(), f"x/bob/{name}": b"x"}
        path = tarred(top / "a.tar", of_files(files))
    found = find_in(path)
    assert len(found.submissions) == 2
    assert found.remarks == ()
    assert len(companions(found, "bob")) == 1
    for written in (*listing(tmp_path / "into"), *map(str, students(found))):
        assert written.isprintable()
        assert not set(written) & set('<>:"|?*\\')
        assert all(len(part.encode()) <= 255 and part not in ("CON", "aux.h") for part in written.split("/"))


def test_names_that_are_no_unicode(top: Path, find_in: Find) -> None:
    tarred(top / "class.tar", of_files({os.fsdecode(name): book() for name in (b"a\xe4/a.ipynb", b"a\xf6/a.ipynb")}))
    found = find_in(top / "class.tar")
    assert len(set(students(found))) == 2
    for one in found.submissions:
        str(one.student).encode()


def test_deep_folders_are_left_out(top: Path, find_in: Find) -> None:
    zipped(top / "alice.zip", {"small.ipynb": book(), "a/" * 21 + "b": b"", "/".join(["c" * 150] * 10): b""})
    found = find_in(top)
    assert students(found) == ["alice"]
    assert remarks(found) == [("alice", "refused"), ("alice", "refused")]
    assert companions(found, "alice") == []


def test_a_full_disk_is_nobody_s_archive(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(top / "alice.zip", {"small.ipynb": book()})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "utime", full)
    with pytest.raises(UsageError, match="No space left on device"):
        find_in(top)


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


# ---------------------------------------------------------------------- names of folders


@pytest.mark.parametrize("student", ["alice", "Åsa Öberg", "jo_ann-2", "a.b", "王伟", "नमस्ते", "x" * 60])
def test_good_names_stay(student: str) -> None:
    assert folder_name(student) == student


@pytest.mark.parametrize(
    "student",
    [
        *("", ".", "..", "...", " ", "a/b", "a\\b", "../x", ".grade", "a.", "a ", "NUL", "con.txt", "x" * 101),
        *("王" * 100, "a\nb", "a\x00b", "\ud800", "O'Neil", "A\u030asa", "Ann", "ann lee", "ann-0123abcd"),
    ],
)
def test_other_names_change(student: str) -> None:
    name = folder_name(student)
    assert re.search(r"-[0-9a-f]{8}$", name)
    assert name != folder_name(student + "x")


def on_a_disk_without_case(name: str) -> str:
    """The name as no disk is more forgiving: neither case counts, nor how letters are composed."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper().casefold())


@pytest.mark.parametrize(
    "alike",
    [
        *(("ann", "Ann", "ANN", "aNN"), ("Ann Lee", "ann lee", "Ann lee", "ANN LEE"), ("strasse", "straße", "STRASSE")),
        *(
            ("äiti", "Äiti", "A\u0308iti"),
            ("kim", "\u212aim", "KIM"),
            ("ivan", "\u0131van", "Ivan"),
            ("a b", "A B", "a B"),
        ),
        (f"ann-{short_hash('Ann')}", "Ann", "ann"),
    ],
)
def test_names_that_differ_in_case_alone_have_folders_of_their_own(alike: tuple[str, ...]) -> None:
    assert len({on_a_disk_without_case(folder_name(name)) for name in alike}) == len(alike)


@given(st.text(st.characters(), max_size=150), st.text(st.characters(), max_size=150))
def test_any_name_is_safe(one: str, other: str) -> None:
    name = folder_name(one)
    assert 0 < len(name) <= 100
    assert len(name.encode()) <= 220
    assert name[0] != "."
    assert name[-1] not in ". "
    assert not set(name) & set('/\\<>:"|?*\x00\n')
    assert (folder_name(other) == name) == (one == other)
    for alike in (one.upper(), one.lower(), one.swapcase(), one.title()):
        same = on_a_disk_without_case(folder_name(alike)) == on_a_disk_without_case(name)
        assert same == (alike == one)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for start in (b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"):
        path = folder / "a.zip"
        path.write_bytes(start + content)
        target = folder / f"into-{len(start)}"
        try:
            archives.unpack(path, target, archives.Room())
        except archives.ArchiveRefused:
            assert not target.exists()
