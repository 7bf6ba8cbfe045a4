"""Grades: from reports, rules and overrides; and as files, which whoever shows or exports them reads."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.exercise import Exercise
from grader.grades.gradebook import load_summary, statuses, summary, with_grades, write_gradebook, write_summary
from grader.grades.grades import Grade, Grades, Override, load_grades, write_grades
from grader.grades.policy import grades_of, with_override
from grader.grades.rules import DAY_S, Rules
from grader.intake.attempt import Attempt, HandedIn, Remark
from grader.report import Report
from grader.submission import Submission
from tests.conftest import listing
from tests.grades.test_gradebook import CHECKS, handed, judged

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
        *("earned", "penalty", "late", "attempt", "attempts", "handed_in"),
        *("override", "reason", "adjustment", "comments"),
    ]
    assert given[0] | {"score": "3.5", "percent": "100.0", "verdict": "full marks"} == plain[0] | {
        "earned": "3.5",
        "penalty": "",
        "late": "",
        "attempt": "",
        "attempts": "",
        "handed_in": "",
        "override": "1.5",
        "reason": "'=1+1",
        "adjustment": "",
        "comments": "",
    }
    assert given[1]["override"] == given[1]["reason"] == ""


# ---------------------------------------------------------------------- grades.json


@pytest.mark.parametrize(("mark", "own"), [(0.9, 0.9), (0.5, None)])
def test_grades_from_before_a_class_kept_its_mark_tell_it(tmp_path: Path, mark: float, own: float | None) -> None:
    whole = Grades(exercise="small", title="", max_score=3, grades=[Grade(student="ann", status="passed", max_score=3)])
    whole.grades[0].pass_mark = mark
    (tmp_path / "grades.json").write_text(whole.model_dump_json(exclude={"pass_mark"}))
    assert load_grades(tmp_path).pass_mark == own
    write_grades(tmp_path, load_grades(tmp_path))  # as an override does
    assert load_grades(tmp_path).pass_mark == own


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
