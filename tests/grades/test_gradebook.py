"""The class in two files: gradebook.csv and summary.json."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from grader.exercise import Exercise
from grader.grades.gradebook import Summary, summary, write_gradebook, write_summary
from grader.intake.attempt import HandedIn, Remark
from grader.report import CheckReport, DataReport, ExecutionReport, Report
from grader.submission import Submission
from tests.test_report import report

CHECKS = '''
from grader.checks import *

@check(points=1)
def first(run):
    """The first."""

@check(points=2.5, needs=first)
def second(run):
    """The second."""
'''


def judged(first: str = "passed", second: str = "passed", message: str = "No.", **more: object) -> Report:
    """A report of the two checks."""
    points = {"first": 1, "second": 2.5}
    checks = [
        CheckReport(
            name=name,
            title=f"The {name}.",
            status=status,  # type: ignore[arg-type]
            score=points[name] if status == "passed" else 0,
            max_score=points[name],
            message=message if status in ("failed", "error") else "",
        )
        for name, status in (("first", first), ("second", second))
    ]
    status = "passed" if first == second == "passed" else "ungraded" if "error" in (first, second) else "failed"
    score = sum(one.score for one in checks)
    return report(**({"status": status, "checks": checks, "score": score, "max_score": 3.5} | more))  # type: ignore[arg-type]


def handed(*students: str, remarks: tuple[Remark, ...] = ()) -> HandedIn:
    return HandedIn(tuple(Submission(Path(f"in/{one}.ipynb"), one) for one in students), remarks)


@pytest.fixture
def exercise(make_exercise: Callable[..., Exercise]) -> Exercise:
    return make_exercise(CHECKS)


@pytest.fixture
def rows(exercise: Exercise, tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Write a gradebook of these reports and read it back: a dict a row."""

    def read(reports: dict[str, Report], handed_in: HandedIn | None = None) -> list[dict[str, str]]:
        path = write_gradebook(tmp_path, exercise, reports, handed_in or handed(*reports))
        assert path == tmp_path / "gradebook.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, strict=True))

    return read


# ---------------------------------------------------------------------- gradebook.csv


def test_a_row_a_student_and_a_column_a_check(rows: Callable[..., list[dict[str, str]]]) -> None:
    execution = ExecutionReport(status="error", seconds=12.34, cell=3)
    possible, ada, bob = rows(
        {
            "Bob": judged("failed", "skipped", execution=execution, data=DataReport(name="sample", sets=["mnist"])),
            "Ada": judged("passed", "failed"),
        }
    )
    assert ada == {
        "student": "Ada",
        "status": "failed",
        "score": "1",
        "max_score": "3.5",
        "percent": "28.6",
        "verdict": "not passed",
        "first": "1",
        "second": "0",
        "execution": "ok",
        "cell": "",
        "seconds": "0.0",
        "data": "",
        "submission": "a.ipynb",
    }
    assert list(ada.values()) != list(bob.values())
    assert (bob["score"], bob["percent"], bob["execution"], bob["cell"], bob["seconds"], bob["data"]) == (
        *("0", "0.0", "error", "3", "12.3", "sample"),
    )
    assert (possible["student"], possible["score"], possible["max_score"]) == ("points possible", "3.5", "3.5")
    assert (possible["first"], possible["second"], possible["status"]) == ("1", "2.5", "")


def test_not_graded_is_no_zero(rows: Callable[..., list[dict[str, str]]]) -> None:
    remarks = (Remark("Moe", "missing", "There is no notebook."), Remark("Rex", "refused", "Locked."))
    waiting = handed("Ann", "Pia", remarks=(*remarks, Remark("Ann", "duplicate", "Twice."), Remark("", "ignored", "x")))
    _, *students = rows({"Ann": judged("passed", "error")}, waiting)
    assert [(one["student"], one["status"]) for one in students] == [
        ("Ann", "ungraded"),
        ("Moe", "missing"),
        ("Pia", "pending"),
        ("Rex", "missing"),
    ]
    for one in students:
        assert (one["score"], one["percent"], one["first"], one["second"]) == ("", "", "", "")
        assert one["max_score"] == "3.5"
    assert students[2]["submission"].endswith("Pia.ipynb")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\x00=", "\u200e=", "\ufeff=", "＝", "x;="])
def test_no_name_is_a_formula(rows: Callable[..., list[dict[str, str]]], tmp_path: Path, start: str) -> None:
    name = f"{start}HYPERLINK(1)"
    one = rows({name: judged(submission=f"{start}cmd|' /C calc'!A0")})[1]
    for cell in (one["student"], one["submission"]):
        assert cell.lstrip()[0] not in "=+-@\t\r＝＋－＠"
        assert "'" in cell
    assert not any(c < " " and c != "\n" for c in (tmp_path / "gradebook.csv").read_text("utf-8-sig"))


def test_names_that_csv_must_quote_come_back_the_same(rows: Callable[..., list[dict[str, str]]]) -> None:
    names = ['Comma, "Quote"', "Mäkelä, Åsa", "O'Neill", "名前"]
    assert [one["student"] for one in rows({name: judged() for name in names})[1:]] == names


def test_a_line_break_in_a_name_makes_no_row(rows: Callable[..., list[dict[str, str]]]) -> None:
    found = rows({'Eve\nAda,passed,3.5\n"': judged("failed", "failed")})
    assert [one["score"] for one in found] == ["3.5", "0"]


def test_excel_is_told_that_it_is_utf_8(rows: Callable[..., list[dict[str, str]]], tmp_path: Path) -> None:
    rows({"Mäkelä": judged()})
    raw = (tmp_path / "gradebook.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfstudent,")
    assert "Mäkelä".encode() in raw


def test_a_check_named_like_a_column_does_not_hide_it(make_exercise: Callable[..., Exercise], tmp_path: Path) -> None:
    exercise = make_exercise(CHECKS.replace("def first", "def score").replace("needs=first", "needs=score"))
    header = write_gradebook(tmp_path, exercise, {}, handed()).read_text("utf-8-sig").splitlines()[0].split(",")
    assert header[6] == "check score"
    assert len(set(header)) == len(header)


def test_checks_that_were_not_run_are_empty(rows: Callable[..., list[dict[str, str]]]) -> None:
    one = judged()
    one.checks = one.checks[:1]
    assert (rows({"Ada": one})[1]["first"], rows({"Ada": one})[1]["second"]) == ("1", "")


# ---------------------------------------------------------------------- summary.json


def test_nobody(exercise: Exercise) -> None:
    one = summary(exercise, {}, handed(), 0.1)
    assert (one.students, one.scores, one.started, one.slowest) == (0, None, None, [])
    assert [check.pass_rate for check in one.checks] == [None, None]


def test_the_class(exercise: Exercise) -> None:
    remarks = (Remark("Moe", "missing", "There is no\nnotebook."),)
    reports = {
        "Ada": judged(started="2026-01-02T00:00:00+00:00"),
        "Bob": judged("passed", "failed", "It is 12."),
        "Cem": judged("passed", "failed", "It is 12."),
        "Dan": judged("passed", "failed", "It is 7.", execution=ExecutionReport(status="timeout", seconds=9, cell=2)),
        "Eve": judged("failed", "skipped", "Not three.", started="2025-12-31T00:00:00+00:00"),
        "Fay": judged("error", "skipped", "The check itself failed."),
    }
    one = summary(exercise, reports, handed(*reports, "Pia", remarks=remarks), 12.3456)
    assert one.students == 8
    assert one.statuses.model_dump() == {"passed": 1, "failed": 4, "ungraded": 1, "missing": 1, "pending": 1}
    assert one.scores is not None
    assert one.scores.model_dump() == {
        "students": 5,
        "mean": 1.3,
        "lowest": 0,
        "q1": 1,
        "median": 1,
        "q3": 1,
        "highest": 3.5,
        "histogram": [1, 0, 3, 0, 0, 0, 0, 0, 0, 1],
    }
    first, second = one.checks
    assert (first.passed, first.failed, first.skipped, first.error, first.pass_rate) == (4, 1, 0, 1, 0.8)
    assert (second.passed, second.failed, second.skipped, second.error, second.pass_rate) == (1, 3, 1, 0, 0.2)
    assert [(said.text, said.students) for said in second.messages] == [("It is 12.", 2), ("It is 7.", 1)]
    assert one.most_failed == ["second", "first"]
    assert len(one.slowest) == 5
    assert one.slowest[0].model_dump() == {"student": "Dan", "seconds": 9, "execution": "timeout", "cell": 2}
    assert [(who.student, who.reason) for who in one.ungraded] == [("Fay", "first: The check itself failed.")]
    assert [told.model_dump() for told in one.remarks] == [
        {"student": "Moe", "kind": "missing", "text": "There is no notebook."}
    ]
    assert (one.data, one.device, one.seed, one.grader) == ([], ["cpu"], [0], ["0.1.0"])
    assert (one.started, one.seconds) == ("2025-12-31T00:00:00+00:00", 12.346)


@pytest.mark.parametrize(
    ("scores", "quarters"),
    [([2.0], (2, 2, 2)), ([0.0, 3.0], (0.75, 1.5, 2.25)), ([0.0, 1, 2, 3, 3.5], (1, 2, 3))],
)
def test_quarters(exercise: Exercise, scores: list[float], quarters: tuple[float, ...]) -> None:
    found = summary(exercise, {f"{n}": judged(score=score) for n, score in enumerate(scores)}, handed(), 0).scores
    assert found is not None
    assert (found.q1, found.median, found.q3) == quarters


@pytest.mark.parametrize(
    ("score", "of", "place"),
    [(0, 1, 0), (1, 1, 9), (0.1 + 0.2, 1, 3), (0.3, 1, 3), (0.29, 1, 2), (6, 10, 6), (0, 0, 0)],
)
def test_the_histograms_tenths(exercise: Exercise, score: float, of: float, place: int) -> None:
    found = summary(exercise, {"Ada": judged(score=score, max_score=of)}, handed("Ada"), 0).scores
    assert found is not None
    assert [n for n, students in enumerate(found.histogram) if students] == [place]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"execution": ExecutionReport(status="error", missing_packages=["pandas"])}, "Not installed here: pandas."),
        ({"execution": ExecutionReport(status="died", error="The worker died.")}, "The worker died."),
        ({}, "Not graded: a check"),
    ],
)
def test_reasons(exercise: Exercise, more: dict[str, object], reason: str) -> None:
    found = summary(exercise, {"Ada": judged("failed", "failed", status="ungraded", **more)}, handed("Ada"), 0)
    assert found.ungraded[0].reason.startswith(reason)
    assert found.scores is None


def test_it_is_json_and_comes_back_the_same(exercise: Exercise, tmp_path: Path) -> None:
    one = summary(exercise, {"Ada": judged()}, handed("Ada"), 1)
    path = write_summary(tmp_path, one)
    assert path == tmp_path / "summary.json"
    assert Summary.model_validate_json(path.read_text("utf-8")) == one
    content = json.loads(path.read_text("utf-8"))
    assert content["schema_version"] == 1
    with pytest.raises(ValidationError):
        Summary.model_validate(content | {"more": 1})
