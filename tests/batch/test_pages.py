"""The pages of a results folder: all that belong there, made again only when something changed."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from grader import cli
from grader.batch import pages as module
from grader.batch.pages import sides_of, write_pages
from grader.errors import UsageError
from grader.exercise import Exercise
from grader.grades.grades import GRADES, Grade, Grades, load_grades, write_grades
from grader.grades.results import Results
from grader.report import Report
from grader.result_files import NOTEBOOK
from tests.batches import ENDLESS, Batch, hand_in, started, wait_for
from tests.classes import HOSTILE, judged, members, write_class, write_result


def one(student: str, *statuses: str, **more: Any) -> tuple[Grade, Report]:
    report = judged(student, statuses or ["passed", "failed", "skipped", "failed"], **more)  # type: ignore[arg-type]
    score = None if report.status == "ungraded" else report.score
    return Grade(student=student, status=report.status, score=score, max_score=4, earned=score), report


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_class(tmp_path / "results", [one("ada"), one("bob")])


def times(results: Path) -> dict[str, int]:
    return {path.relative_to(results).as_posix(): path.stat().st_mtime_ns for path in results.rglob("*.html")}


def links(index: Path) -> set[str]:
    return set(re.findall(r'href="(students/[^"]+)"', index.read_text("utf-8")))


# ---------------------------------------------------------------------- all pages


def test_two_pages_a_student_and_one_of_the_class(results: Path) -> None:
    index = write_pages(results)
    assert index == results / "index.html"
    assert set(times(results)) == {
        "index.html",
        *(f"students/{name}/{page}.html" for name in ("ada", "bob") for page in ("feedback", "staff")),
    }
    assert links(index) == set(times(results)) - {"index.html"}


def test_the_students_view_has_nothing_of_the_teachers(results: Path) -> None:
    write_pages(results)
    feedback, staff = (
        (results / "students" / "ada" / name).read_text("utf-8") for name in ("feedback.html", "staff.html")
    )
    assert "The model learns" in staff  # the check of the teacher's own
    assert "The model learns" not in feedback
    assert "which is not enough" not in feedback


@pytest.mark.parametrize("student", [*HOSTILE, "Mäkelä, Åsa", "a b#c?d%20", "CON"])
def test_links_lead_to_pages_whatever_a_student_is_called(student: str, tmp_path: Path) -> None:
    results = write_class(tmp_path / "results", [one(student)])
    found = links(write_pages(results))
    assert len(found) == 2
    for link in found:
        assert re.fullmatch(r"students/[\w.~%-]+/\w+\.html", link)
        assert (results / unquote(link)).resolve().parent == Results(results).folder(student).resolve()
        assert (results / unquote(link)).is_file()


def test_a_page_is_whole_html_with_its_mark_first(results: Path) -> None:
    write_pages(results)
    first, second = (results / "students/ada/staff.html").read_text("utf-8").splitlines()[:2]
    assert re.fullmatch(r"<!doctype html><!-- [0-9a-f]{64} [0-9a-f]{16} -->", first)
    assert second.startswith("<html")


def test_a_teacher_goes_from_student_to_student_and_back(tmp_path: Path) -> None:
    results = write_class(tmp_path / "results", [one(name) for name in (HOSTILE[0], "Bob", "ada", "Åsa")])
    page, seen = Results(results).folder(HOSTILE[0]) / "staff.html", []
    write_pages(results)
    while True:
        text = page.read_text("utf-8")
        assert (
            page.parent / unquote(re.findall(r'href="([^"#]+)">The class', text)[0])
        ).resolve() == results / "index.html"
        assert [*re.findall('rel="prev"', text)] == (['rel="prev"'] if seen else [])
        assert 'rel="' not in (page.parent / "feedback.html").read_text("utf-8").replace('rel="icon"', "")
        seen.append(page.parent)
        following = re.findall(r'href="([^"]+)" rel="next"', text)
        if not following:
            break
        page = (page.parent / unquote(following[0])).resolve()
    assert seen == [Results(results).folder(name) for name in (HOSTILE[0], "ada", "Bob", "Åsa")]


def test_a_notebook_is_read_as_it_lies_in_its_file(results: Path) -> None:
    """There a cell's text is a list of its lines."""
    path = results / "students" / "ada" / NOTEBOOK
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][0] |= {"cell_type": "markdown", "source": ["# The *first*\n", "\n", "second"]}
    path.write_text(json.dumps(notebook), "utf-8")
    write_pages(results)
    page = (results / "students/ada/staff.html").read_text("utf-8")
    assert "The <em>first</em></h" in page
    assert "<p>second</p>" in page


# ---------------------------------------------------------------------- only what changed


def test_what_has_not_changed_is_left_alone(results: Path) -> None:
    write_pages(results)
    before = times(results)
    write_pages(results)
    assert {name for name, time in times(results).items() if time != before[name]} == {"index.html"}


def test_a_new_student_is_told_to_the_two_beside_them_alone(results: Path) -> None:
    write_class(results, everybody := [one(name) for name in ("ada", "bob", "cy", "eve")])
    write_pages(results)
    before = times(results)
    everybody.append(one("dan"))
    write_class(results, everybody[-1:])  # the others' reports lie there as they are
    write_grades(results, Grades(exercise="110", title="Digits", max_score=4.0, grades=[of for of, _ in everybody]))
    write_pages(results)
    made = {name for name, time in times(results).items() if time != before.get(name)}
    teachers = {f"students/{name}/staff.html" for name in ("cy", "dan", "eve")}
    assert made == {"index.html", "students/dan/feedback.html", *teachers}  # no student's page tells of others


def change_report(results: Path) -> None:
    write_result(results / "students" / "bob", one("bob", "failed", "failed", "failed", "failed")[1])


def change_grade(results: Path) -> None:
    grades = load_grades(results)
    grades.grades[1].penalty = 0.5
    write_grades(results, grades)


def change_notebook(results: Path) -> None:
    (results / "students/bob/executed.ipynb").write_text(json.dumps({"cells": [], "metadata": {}}))


def cut_page(results: Path) -> None:
    (results / "students/bob/feedback.html").write_bytes(b"")


def lose_page(results: Path) -> None:
    (results / "students/bob/staff.html").unlink()


@pytest.mark.parametrize(
    ("change", "pages"),
    [
        *((one, ("feedback", "staff")) for one in (change_report, change_grade, change_notebook)),
        (cut_page, ("feedback",)),
        (lose_page, ("staff",)),
    ],
)
def test_what_has_changed_is_made_again(results: Path, change: Any, pages: tuple[str, ...]) -> None:
    write_pages(results)
    before = times(results)
    change(results)
    write_pages(results)
    changed = {name for name, time in times(results).items() if time != before.get(name)}
    assert changed == {"index.html", *(f"students/bob/{page}.html" for page in pages)}
    assert (results / "students/bob/feedback.html").stat().st_size > 1000


def test_another_version_of_the_package_makes_all_again(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pages(results)
    before = times(results)
    monkeypatch.setattr(module, "_package_digest", lambda: b"another")
    write_pages(results)
    assert not set(before.items()) & set(times(results).items())


def test_the_index_alone_links_only_what_is_up_to_date(results: Path) -> None:
    write_pages(results)
    change_report(results)
    before = times(results)
    index = write_pages(results, index_only=True)
    assert links(index) == {"students/ada/feedback.html", "students/ada/staff.html"}
    assert {name for name, time in times(results).items() if time != before[name]} == {"index.html"}
    assert "bob" in index.read_text("utf-8")


def test_many_are_made_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAYS", 5)
    monkeypatch.setattr(module, "cores", lambda: 2)
    found = members(12)
    results = write_class(tmp_path / "results", found)
    said: list[str] = []
    assert len(links(write_pages(results, said.append))) == 2 * sum(report is not None for _, report in found)
    assert said == ["Pages of 11 of 11 students"]


# ---------------------------------------------------------------------- what is damaged or lacking


def test_a_page_that_cannot_be_made_costs_nobody_else_theirs(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pages(results)
    change_report(results)
    made = module._notebook
    monkeypatch.setattr(module, "_notebook", lambda path: made(path) if "ada" in str(path) else 1 / 0)
    change_both = one("ada", "passed", "passed", "passed", "passed")[1]
    write_result(results / "students" / "ada", change_both)
    index = write_pages(results)
    assert links(index) == {"students/ada/feedback.html", "students/ada/staff.html"}
    assert "The pages of 1 student could not be made: bob. ZeroDivisionError" in index.read_text("utf-8")
    assert not (results / "students/bob/feedback.html").exists()  # it told of an earlier report


@pytest.mark.parametrize("name", ["summary.json", "similar.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"pairs": 3}', "[" * 100_000, "\0"])
def test_a_damaged_file_is_left_out_and_told(results: Path, name: str, content: str) -> None:
    (results / name).write_text(content)
    text = write_pages(results).read_text("utf-8")
    assert f"{name} is damaged and left out here." in text
    assert "ada" in text


def test_damaged_grades_are_not_guessed(results: Path) -> None:
    (results / GRADES).write_text('{"exercise": 1}')
    with pytest.raises(UsageError, match="is damaged"):
        write_pages(results)


def test_results_without_grades_are_shown_as_their_reports_say(tmp_path: Path) -> None:
    found = [one("ada"), one("bob", "error", "passed", "passed", "passed")]
    results = write_class(tmp_path / "results", found)
    (results / GRADES).unlink()
    text = write_pages(results).read_text("utf-8")
    assert len(links(results / "index.html")) == 4
    assert re.findall(r'<tr data-status="(\w+)"', text) == ["failed", "ungraded"]


def test_a_report_of_somebody_who_hands_in_nothing_now(results: Path) -> None:
    grades = load_grades(results)
    grades.grades[1] = Grade(student="bob", status="missing", max_score=4)
    write_grades(results, grades)
    assert links(write_pages(results)) == {"students/ada/feedback.html", "students/ada/staff.html"}


# ---------------------------------------------------------------------- the commands


def report_command(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(cli.app, ["report", *arguments])
    return found.exit_code, found.output


def test_the_command_writes_and_opens(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    code, printed = report_command(str(results))
    assert (code, opened) == (0, [])
    assert "index.html" in printed
    code, _ = report_command(str(results), "--open")
    assert opened == [(results / "index.html").as_uri()]


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("x"), lambda path: None])
def test_what_holds_no_results(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no results"):
        write_pages(tmp_path / "none")
    assert not list(tmp_path.rglob("*.html"))


@pytest.mark.parametrize("students", [[], ["ann"], ["bob", "Ann", "eve"]], ids=["nobody", "one", "three"])
def test_each_stands_between_those_before_and_after(students: list[str]) -> None:
    ordered = sorted(students, key=str.casefold)
    sides = sides_of(students)
    assert list(sides) == ordered
    assert [before for before, _, _ in sides.values()] == ["", *ordered][: len(ordered)]
    assert [after for _, after, _ in sides.values()] == [*ordered[1:], ""][: len(ordered)]
    assert {course for _, _, course in sides.values()} <= {""}


def test_a_batch_ends_with_the_pages(batch: Batch, folder: Path) -> None:
    hand_in(folder, "ada", "x = 3")
    hand_in(folder, "bob", "x = 4")
    done = batch()
    assert done.returncode == 1, done.stderr
    assert done.stdout.split()[-1] == str(folder / "out" / "index.html")
    text = (folder / "out" / "index.html").read_text("utf-8")
    assert {unquote(link) for link in links(folder / "out" / "index.html")} == {
        f"students/{student.name}/{name}"
        for student in (folder / "out" / "students").iterdir()
        for name in ("feedback.html", "staff.html")
    }
    assert re.findall(r'<tr data-status="(\w+)"', text) == ["full", "passed"]
    assert "`x`" not in text
    assert "<code>x</code>" in text


# ---------------------------------------------------------------------- made while notebooks run


@pytest.mark.parametrize("rules", ["", 'deadline = 2026-01-01T12:00:00Z\ncounts = "best"\ntimes = "files"\n'])
def test_pages_are_made_as_soon_as_a_result_is_there_and_are_what_the_end_makes_of_it(
    rules: str, batch: Batch, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(folder, "ada", "x = 3")
    hand_in(folder, "bob", "x = 4")
    (folder / "out").mkdir()
    if rules:
        (folder / "out" / "rules.toml").write_text(rules)
    reason = {"student": "bob", "score": 2.5, "reason": "Was ill."}
    (folder / "out" / "overrides.json").write_text(json.dumps({"schema_version": 1, "overrides": [reason]}))
    left: list[int] = []
    make = module._make
    monkeypatch.setattr(module, "_make", lambda jobs, say: left.append(len(jobs)) or make(jobs, say))
    done = batch()
    assert done.returncode == 1, done.stderr
    assert left == [0], "nothing was left to the end"
    assert "Was ill." in (folder / "out" / "students" / "bob" / "feedback.html").read_text("utf-8")
    before = times(folder / "out")
    assert report_command(str(folder / "out"))[0] == 0
    assert {name for name, time in times(folder / "out").items() if time != before[name]} == {"index.html"}


def test_what_a_killed_one_left_is_taken_away(results: Path) -> None:
    draft = results / "students" / "ada" / ".staff.html-killed"
    draft.write_text("half")
    write_pages(results)
    assert not draft.exists()


def test_a_page_that_could_not_be_made_early_is_told_at_the_end(
    batch: Batch, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(folder, "ada", "x = 3")
    monkeypatch.setattr(module, "_notebook", lambda _: 1 / 0)
    done = batch()
    assert done.returncode == 0, done.stderr
    assert "The pages of 1 student could not be made: ada." in (folder / "out" / "index.html").read_text("utf-8")


def test_the_command_makes_them_beside_grading(folder: Path, exercise: Exercise) -> None:
    """In a process of its own: while one notebook runs, the pages of another are there."""
    hand_in(folder, "ada", "x = 3")
    hand_in(folder, "bob", ENDLESS)
    with started(exercise, folder) as process:
        wait_for(lambda: (folder / "out" / "students" / "ada" / "staff.html").exists())
        assert not (folder / "out" / "students" / "bob" / "report.json").exists()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert list((folder / "tmp").iterdir()) == []
    assert "students/ada/staff.html" in links(folder / "out" / "index.html")
