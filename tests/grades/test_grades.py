"""Grades: from reports, rules and overrides; and as files, which whoever shows or exports them reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grader.errors import UsageError
from grader.exercise import Exercise
from grader.grades.gradebook import load_summary, statuses, summary, with_grades, write_gradebook, write_summary
from grader.grades.grades import Grade, Grades, Override, load_grades, write_grades
from grader.grades.overrides import load_overrides, override, who, write_overrides
from grader.grades.policy import grades_of, with_override
from grader.grades.results import Results
from grader.grades.rules import DAY_S, Rules
from grader.grades.store import Attempts, distinct
from grader.grading import Graded
from grader.intake.attempt import Attempt, HandedIn, Remark
from grader.report import Report
from grader.submission import Submission
from tests.conftest import listing, notebook
from tests.grades.test_gradebook import CHECKS, handed, judged
from tests.test_report import report

DEADLINE = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def exercise(make_exercise: Callable[..., Exercise]) -> Exercise:
    return make_exercise(CHECKS)


def made(
    exercise: Exercise,
    reports: dict[str, Report],
    rules: Rules | None = None,
    given: Sequence[Override] = (),
    handed_in: HandedIn | None = None,
    **counted: Attempt,
) -> Grades:
    of_each = statuses(reports, handed_in or handed(*reports))
    return grades_of(exercise, of_each, reports, counted, rules, {one.student: one for one in given}, {"Ann": "7"})


def by_hand(student: str, score: float, reason: str = "a recount") -> Override:
    return Override(student=student, score=score, reason=reason)


# ---------------------------------------------------------------------- computed


def test_a_grade_is_what_the_report_says(exercise: Exercise) -> None:
    remarks = (Remark("Moe", "missing", "There is no notebook."),)
    waiting = handed("Ann", "Bob", "Pia", remarks=remarks)
    found = made(exercise, {"Ann": judged(), "Bob": judged("passed", "error")}, handed_in=waiting)
    told = [(one.student, one.status, one.score, one.earned, one.max_score, one.number) for one in found.grades]
    assert told == [
        ("Ann", "passed", 3.5, 3.5, 3.5, "7"),
        ("Bob", "ungraded", None, None, 3.5, ""),
        ("Moe", "missing", None, None, 3.5, ""),
        ("Pia", "pending", None, None, 3.5, ""),
    ]
    assert (found.exercise, found.max_score, found.rules) == ("small", 3.5, "")


def test_rules_take_from_what_was_earned(exercise: Exercise) -> None:
    rules = Rules.model_validate({"deadline": DEADLINE, "late": {"per_day": "10 %"}})
    counted = Attempt(
        Submission(Path("in/ann.ipynb"), "Ann"), DEADLINE + timedelta(days=1.5), number=2, of=3, late_s=1.5 * DAY_S
    )
    one = made(exercise, {"Ann": judged()}, rules, Ann=counted).grades[0]
    assert (one.score, one.earned, one.penalty) == (2.8, 3.5, 0.7)
    assert (one.attempt, one.attempts, one.late_seconds, one.place) == (2, 3, 1.5 * DAY_S, "in/ann.ipynb")
    assert one.handed_in == "2026-03-04T00:00:00+00:00"
    assert one.status == "passed"  # what the notebook does is one thing, when it came another


def test_an_override_is_what_counts_and_leaves_the_rest(exercise: Exercise) -> None:
    given = [by_hand("Ann", 1), by_hand("Pia", 2), by_hand("Nobody", 3)]
    one, two = made(exercise, {"Ann": judged()}, given=given, handed_in=handed("Ann", "Pia")).grades
    assert (one.score, one.earned, one.status, one.override) == (1, 3.5, "passed", given[0])
    assert (two.score, two.earned, two.status) == (2, None, "pending")
    assert with_override(one, None) == one.model_copy(update={"score": 3.5, "override": None})
    assert with_override(two, None).score is None


def test_a_score_without_rules_is_not_rounded(exercise: Exercise) -> None:
    third = judged(score=1 / 3)
    assert made(exercise, {"Ann": third}).grades[0].score == third.score


def test_the_summary_counts_what_goes_to_the_platform(exercise: Exercise, tmp_path: Path) -> None:
    reports = {"Ann": judged(), "Bob": judged()}
    rules = Rules.model_validate({"deadline": DEADLINE, "late": {"per_day": "1 point"}})
    late = Attempt(Submission(Path("in/bob.ipynb"), "Bob"), number=1, late_s=DAY_S)
    grades = made(exercise, reports, rules, [by_hand("Ann", 9)], Bob=late)
    one = summary(exercise, reports, handed(*reports), 1, grades)
    assert one.scores is not None
    assert (one.scores.lowest, one.scores.highest, one.scores.histogram[-1]) == (2.5, 9, 1)
    assert (one.late, one.penalty, [given.score for given in one.overrides]) == (1, 1, [9])
    assert one.rules.startswith("The newest attempt counts; deadline 2026-03-02 12:00 +0000")
    write_summary(tmp_path, one)
    assert load_summary(tmp_path) == one
    assert with_grades(one, made(exercise, reports, rules, Bob=late)).overrides == []


def test_columns_for_rules_come_last_and_only_where_there_are_any(exercise: Exercise, tmp_path: Path) -> None:
    reports = {"Ann": judged(), "Bob": judged("failed", "failed")}

    def rows(grades: Grades) -> list[dict[str, str]]:
        path = write_gradebook(tmp_path, exercise, reports, handed(*reports), grades)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, strict=True))[1:]

    plain = rows(made(exercise, reports))
    assert list(plain[0])[-1] == "submission"
    given = rows(made(exercise, reports, given=[by_hand("Ann", 1.5, "=1+1")]))
    assert list(given[0]) == [
        *plain[0],
        *("earned", "penalty", "late", "attempt", "attempts", "handed_in", "override", "reason"),
    ]
    assert given[0] | {"score": "3.5", "percent": "100.0"} == plain[0] | {
        "earned": "3.5",
        "penalty": "",
        "late": "",
        "attempt": "",
        "attempts": "",
        "handed_in": "",
        "override": "1.5",
        "reason": "'=1+1",
    }
    assert given[1]["override"] == given[1]["reason"] == ""


# ---------------------------------------------------------------------- grades.json


def test_grades_come_back_from_the_disk(tmp_path: Path) -> None:
    grades = Grades(
        exercise="small",
        title="Pieni",
        max_score=3,
        rules="The best counts.",
        grades=[Grade(student="Mäkelä", status="failed", score=2, max_score=3, override=by_hand("Mäkelä", 2))],
    )
    assert write_grades(tmp_path, grades) == tmp_path / "grades.json"
    assert load_grades(tmp_path) == grades
    assert listing(tmp_path) == ["grades.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema_version": 2}', '{"exercise": "a", "title": "b", "max_score": 1, "more": 1}']
)
def test_damaged_grades_are_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"There is no grades\.json"):
        load_grades(tmp_path)
    (tmp_path / "grades.json").write_text(text)
    with pytest.raises(UsageError, match=r"grades\.json is damaged") as wrong:
        load_grades(tmp_path)
    assert "grade batch" in wrong.value.advice


# ---------------------------------------------------------------------- overrides.json


def test_overrides_come_back_from_the_disk(tmp_path: Path) -> None:
    assert load_overrides(tmp_path) == {}
    given = {"Bob": by_hand("Bob", 1), "Ann": by_hand("Ann", 2.5, "Kurssikoe, ”hyvä”")}
    write_overrides(tmp_path, given)
    assert load_overrides(tmp_path) == given
    assert [one["student"] for one in json.loads((tmp_path / "overrides.json").read_text())["overrides"]] == [
        "Ann",
        "Bob",
    ]


@pytest.mark.parametrize(
    "change",
    [{"score": -1}, {"score": float("nan")}, {"reason": " "}, {"score": "many"}, {"who": "me"}, {"reason": None}],
)
def test_damaged_overrides_are_told(tmp_path: Path, change: dict[str, Any]) -> None:
    one = {"student": "Ann", "score": 1, "reason": "r"} | change
    (tmp_path / "overrides.json").write_text(json.dumps({"overrides": [one]}))
    with pytest.raises(UsageError, match=r"overrides\.json is damaged"):
        load_overrides(tmp_path)


def test_an_override_tells_who_gave_it_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "teacher\x1b[1m")
    one = override("Ann", 0, "copied\nfrom Bob\x1b]0;x\x07")
    assert (one.score, one.reason, one.by) == (0, "copied from Bob", "teacher")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(one.when)) < timedelta(minutes=5)

    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert override("Ann", 1, "r").by == ""


@pytest.mark.parametrize(
    ("name", "found"), [("Ann", "Ann"), ("ann", "ann"), ("ÅSA", "Åsa"), ("A\u030asa", "Åsa"), ("bob berg", "Bob Berg")]
)
def test_who_is_meant(name: str, found: str) -> None:
    assert who(name, ["Ann", "ann", "Åsa", "Bob Berg"]) == found


@pytest.mark.parametrize(
    ("name", "near"), [("ANN", "'Ann' or 'ann'"), ("Bob Burg", "'Bob Berg'"), ("berg", "'Bob Berg'"), ("", "gradebook")]
)
def test_who_is_not_clear(name: str, near: str) -> None:
    with pytest.raises(UsageError) as wrong:
        who(name, ["Ann", "ann", "Bob Berg"])
    assert near in wrong.value.advice


# ---------------------------------------------------------------------- attempts that are kept


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


@pytest.fixture
def attempt(tmp_path: Path) -> Callable[..., Attempt]:
    """A notebook that Ann handed in."""

    def write(source: str, when: datetime | None = None, **more: Any) -> Attempt:
        path = tmp_path / "in" / f"{source.replace(' ', '')}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook(source)))
        return Attempt(Submission(path, "Ann"), when, **more)

    return write


def graded(source: str, status: str = "failed") -> Graded:
    return Graded(report(status, student="Ann"), notebook(source), {"plot.png": b"a picture"})


def test_attempts_keep_their_numbers(results: Results, attempt: Callable[..., Attempt]) -> None:
    keeper = Attempts(results)
    first = keeper.plan("Ann", [attempt("x = 1", DEADLINE, key="one")], None)
    assert [(one.number, one.handed_in) for one in first] == [(1, DEADLINE)]
    day = timedelta(days=1)
    now = [attempt("x = 2", DEADLINE + day, key="two"), attempt("x = 1", DEADLINE + 2 * day, key="one")]
    second = Attempts(results).plan("Ann", now, None)
    # The same notebook, downloaded again: it was handed in when it first was.
    assert [(one.number, one.handed_in, one.submission) for one in second] == [
        (1, DEADLINE, now[1].submission),
        (2, DEADLINE + day, now[0].submission),
    ]
    third = Attempts(results).plan("Ann", [attempt("x = 3", key="three")], None)
    assert [(one.number, one.handed_in, one.gone) for one in third] == [
        (1, DEADLINE, True),
        (2, DEADLINE + day, True),
        (3, None, False),
    ]
    told = attempt("x = 2", DEADLINE + 5 * day, told=True, key="two")
    assert Attempts(results).plan("Ann", [told], None)[1].handed_in == DEADLINE + 5 * day


def test_what_was_graded_before_attempts_were_kept_becomes_one(
    results: Results, attempt: Callable[..., Attempt]
) -> None:
    results.save("Ann", "old", graded("x = 1"))
    found = Attempts(results).plan("Ann", [attempt("x = 2", key="new")], DEADLINE)
    assert [(one.number, one.handed_in, one.gone) for one in found] == [
        (1, DEADLINE, True),
        (2, None, False),
    ]
    assert results.read("Ann", "old", 1) == report(student="Ann")
    assert (results.folder("Ann", 1) / "files" / "plot.png").read_bytes() == b"a picture"
    assert (results.folder("Ann", 1) / "executed.ipynb").is_file()


def test_the_same_notebook_is_not_graded_again_for_becoming_an_attempt(
    results: Results, attempt: Callable[..., Attempt]
) -> None:
    results.save("Ann", "key", graded("x = 1"))
    one = attempt("x = 1", key="key")
    assert [kept.number for kept in Attempts(results).plan("Ann", [one], DEADLINE)] == [1]
    assert results.have(one.submission, "key", 1) is not None
    results.save("Bob", "unreadable", Graded(report(student="Bob"), None))  # it was never run
    Attempts(results).plan("Bob", [replace(one, key="unreadable")], None)
    assert results.read("Bob", "unreadable", 1) is not None
    # Under other circumstances it is the same attempt still.
    again = Attempts(results).plan("Ann", [replace(one, key="another key")], None)
    assert [(kept.number, kept.handed_in) for kept in again] == [(1, DEADLINE)]


def test_what_was_not_graded_before_is_no_attempt(results: Results, attempt: Callable[..., Attempt]) -> None:
    results.save("Ann", "old", graded("x = 1", "ungraded"))
    assert [one.number for one in Attempts(results).plan("Ann", [attempt("x = 2", key="new")], None)] == [1]


def test_damaged_marks_are_as_if_they_were_not_there(results: Results, attempt: Callable[..., Attempt]) -> None:
    Attempts(results).plan("Ann", [attempt("x = 1", key="one")], None)
    (results.folder("Ann", 1) / "attempt.json").write_text("{")
    (results.folder("Ann", 1).parent / "x").mkdir()
    assert [one.number for one in Attempts(results).plan("Ann", [attempt("x = 2", key="two")], None)] == [2]


def test_a_copy_is_whole_and_made_once(results: Results) -> None:
    results.save("Ann", "key", graded("x = 1"), 2)
    results.copy("Ann", 2, 0)
    own = results.folder("Ann")
    assert results.read("Ann", "key") == report(student="Ann")
    assert listing(own / "files") == ["plot.png"]
    before = (own / "report.json").stat().st_mtime_ns
    results.copy("Ann", 2, 0)
    assert (own / "report.json").stat().st_mtime_ns == before
    results.save("Ann", "other", Graded(report("passed", student="Ann")), 1)
    results.copy("Ann", 1, 0)
    assert results.read("Ann", "other") == report("passed", student="Ann")
    assert listing(own) == [
        "attempts",
        *(f"attempts/{name}" for name in listing(own / "attempts")),
        "key.json",
        "report.json",
    ]


def test_the_same_notebook_twice_is_one_attempt(attempt: Callable[..., Attempt]) -> None:
    late = DEADLINE + timedelta(days=1)
    found = distinct([attempt("x = 1", key="a"), attempt("x = 1", late, key="b"), attempt("x = 1", DEADLINE, key="a")])
    assert [one.key for one in found] == ["a", "b"]
    assert [one.handed_in for one in found] == [DEADLINE, late]
