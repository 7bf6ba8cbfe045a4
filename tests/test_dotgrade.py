"""Keeping the report and the executed notebook beside the notebook."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output

from grader.dotgrade import keep
from grader.grading import Graded
from grader.report import Report
from grader.result_files import PAGE
from grader.writing import write_whole
from tests.conftest import listing, notebook
from tests.test_report import report


def test_what_is_kept_and_where(tmp_path: Path) -> None:
    executed = notebook("x = 3")
    executed.cells[0].outputs = [new_output("stream", name="stdout", text="lone \ud800 surrogate")]
    folder = keep(Graded(report(), executed), tmp_path / "a.ipynb")
    assert folder == tmp_path / ".grade" / "a"
    assert listing(folder) == ["executed.ipynb", "report.html", "report.json"]
    assert Report.model_validate_json((folder / "report.json").read_text("utf-8")) == report()
    assert nbformat.read(folder / "executed.ipynb", as_version=4).cells[0].source == "x = 3"


@pytest.mark.parametrize("hidden", [False, True])
def test_the_page_is_the_students_unless_the_teachers_own_checks_are_there(tmp_path: Path, hidden: bool) -> None:
    one = report()
    one.checks[0].hidden = hidden
    folder = keep(Graded(one, notebook("x = 3")), tmp_path / "a.ipynb")
    assert folder is not None
    page = (folder / PAGE).read_text("utf-8")
    assert "One." in page
    assert ("Seed" in page) == hidden


def test_an_unreadable_notebook_leaves_its_report_only(tmp_path: Path) -> None:
    folder = keep(Graded(report()), tmp_path / "a.ipynb")
    assert folder is not None
    assert listing(folder) == ["report.html", "report.json"]


def test_files_for_the_teacher_are_kept_and_earlier_ones_are_not(tmp_path: Path) -> None:
    keep(Graded(report(), files={"old.png": b"1", "picture.png": b"1"}), tmp_path / "a.ipynb")
    folder = keep(Graded(report(), files={"picture.png": b"2"}), tmp_path / "a.ipynb")
    assert folder is not None
    assert listing(folder / "files") == ["picture.png"]
    assert (folder / "files" / "picture.png").read_bytes() == b"2"
    keep(Graded(report()), tmp_path / "a.ipynb")
    assert listing(folder) == ["report.html", "report.json"]


def test_files_do_not_follow_a_link_of_the_submissions(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / ".grade" / "a"
    folder.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (folder / "files").symlink_to(elsewhere)
    keep(Graded(report(), files={"picture.png": b"2"}), tmp_path / "a.ipynb")
    assert listing(elsewhere) == ["precious"]
    assert (folder / "files" / "picture.png").read_bytes() == b"2"


def test_a_second_grading_takes_the_place_of_the_first(tmp_path: Path) -> None:
    keep(Graded(report()), tmp_path / "a.ipynb")
    folder = keep(Graded(report("passed")), tmp_path / "a.ipynb")
    assert folder is not None
    assert '"status": "passed"' in (folder / "report.json").read_text()
    assert listing(folder) == ["report.html", "report.json"]


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".grade").write_text("a file is in the way")
    assert keep(Graded(report()), tmp_path / "a.ipynb") is None
    assert listing(tmp_path) == [".grade"]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "first\n")

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "second\n")
    assert path.read_text() == "first\n"
    assert listing(tmp_path) == ["report.json"]


def test_text_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "first\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text() == "first\n"
    assert listing(tmp_path) == ["report.json"]


def test_lines_end_the_same_everywhere_and_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, "ä\nb\n")
    assert path.read_bytes() == b"\xc3\xa4\nb\n"
    assert path.stat().st_mode & 0o777 == 0o644
