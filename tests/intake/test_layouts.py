"""Layouts as teachers have them: nbgrader's, Moodle's, Canvas's, folders and files by students' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import listing
from tests.intake.handed import (
    Find,
    book,
    companions,
    of_files,
    put,
    raw_zip,
    remarks,
    source,
    students,
    tarred,
    text,
    zipped,
)


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


def test_what_nbgrader_notes_is_no_students_file(top: Path, find_in: Find) -> None:
    put(top / "submitted" / "alice" / "small" / "small.ipynb")
    put(top / "submitted" / "bob" / "small" / "timestamp.txt")
    put(top / "submitted" / "carol" / "small" / "timestamp.txt")
    put(top / "submitted" / "carol" / "small" / "report.pdf")
    found = find_in(top)
    assert text(found, "bob", "missing") == "There is no notebook."
    assert text(found, "carol", "missing") == "There is no notebook among 1 file (small/report.pdf)."


def test_nbgrader_with_one_student_and_an_assignment_of_another_name(top: Path, find_in: Find) -> None:
    put(top / "submitted" / "alice" / "ps1" / "problem.ipynb")
    found = find_in(top)
    assert students(found) == ["alice"]
    assert source(found, "alice") == "problem.ipynb"


def test_an_imported_exercise_is_found_by_the_names_that_it_had(top: Path, find_in: Find, tmp_path: Path) -> None:
    imported = "schema = 1\ntool = 'nbgrader'\nsource = 'PS 2/Second part.ipynb'\n"
    (tmp_path / "exercises" / "small" / "tests.toml").write_text(imported)
    for assignment in ("ps 2", "ps3"):
        for notebook in ("First part", "Second part"):
            put(top / "submitted" / "alice" / assignment / f"{notebook}.ipynb")
    found = find_in(top)
    assert found.submissions[0].path.relative_to(top).as_posix() == "submitted/alice/ps 2/Second part.ipynb"
    assert remarks(found) == []


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


@pytest.mark.parametrize(
    ("encoded", "flags"),
    [("Åsa".encode(), 0x800), ("Åsa".encode(), 0), ("Åsa".encode("cp437"), 0), ("A\u030asa".encode(), 0x800)],
    ids=["flag", "no flag", "cp437", "of a Mac"],
)
def test_accents_in_names(top: Path, find_in: Find, encoded: bytes, flags: int) -> None:
    name = encoded + b"_1_assignsubmission_file_small.ipynb"
    path = put(top / "all.zip", raw_zip([(name, book()), (b"Bo_2_assignsubmission_file_a.ipynb", book())], flags))
    assert students(find_in(path)) == ["Bo", "Åsa"]


def test_whose_it_is_stands_in_names_that_are_not_safe_to_write(top: Path, find_in: Find) -> None:
    names = ('Bob "the Bit" Berg', "<b>Eve</b>".replace("/", ""), "\u202eevil gnp", "\U0001f469\u200d\U0001f680 Space")
    files = {f"{name}_{place}_assignsubmission_file/small.ipynb": book() for place, name in enumerate(names, 1)}
    found = find_in(zipped(top / "all.zip", files))
    assert [found.numbers[name] for name in students(found)] == ["1", "2", "3", "4"]
    assert students(found) == ["Bob _the Bit_ Berg", "_b_Eve_b_", "_evil gnp", "\U0001f469_\U0001f680 Space"]


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
    assert students(found) == ["alice", "bob", "carol", "dave", "erin"]
    assert [source(found, name) for name in ("alice", "bob", "carol", "dave")] == ["packed"] * 3 + ["plain"]
    assert companions(found, "alice") == ["deeper.zip", "helper.py"]
    assert remarks(found) == []


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
