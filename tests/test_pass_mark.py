"""What points come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.grades.grades import Comment, Grade, Override
from grader.grades.policy import with_comments, with_override
from grader.grades.rules import load_rules
from grader.report import CheckReport
from tests.test_report import report


@pytest.mark.parametrize(
    ("score", "mark", "told"),
    [(20, 0.5, "full"), (19, 0.95, "passed"), (18, 0.95, "failed"), (10, 0.5, "passed"), (9.9, 0.5, "failed")],
)
def test_a_grade(score: float, mark: float, told: str) -> None:
    assert Grade(student="a", status="failed", score=score, max_score=20, pass_mark=mark).verdict == told


def test_without_points_it_is_the_status() -> None:
    assert Grade(student="a", status="missing", max_score=20).verdict == "missing"
    assert report("ungraded", score=20, max_score=20).verdict == "ungraded"


def test_a_check_without_points_takes_full_marks_alone() -> None:
    assert report("failed", score=20, max_score=20).verdict == "passed"


def open_question() -> CheckReport:
    return CheckReport(name="why", title="Why.", status="skipped", score=0, max_score=2, manual=True)


def test_what_a_person_has_still_to_judge_makes_it_pending() -> None:
    checks = [CheckReport(name="one", title="One.", status="passed", score=2, max_score=2), open_question()]
    found = report("passed", score=2, max_score=4, checks=checks)
    assert found.verdict == "pending"
    grade = with_comments(Grade(student="a", status="passed", earned=2, score=2, max_score=4), [], found)
    assert (grade.verdict, grade.score, grade.waiting) == ("pending", None, ["why"])
    said = [Comment(id=1, student="a", check="why", text="Well told.", points=2)]
    assert (with_comments(grade, said, found).verdict, with_comments(grade, said, found).score) == ("full", 4)
    by_hand = with_override(grade, Override(student="a", score=1, reason="It is copied."))
    assert (by_hand.verdict, by_hand.waiting) == ("failed", [])


def test_rules_say_it_in_percent(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('pass_mark = "60 %"\n', "utf-8")
    assert load_rules(rules).pass_mark == 0.6
    rules.write_text("pass_mark = 0.6\n", "utf-8")
    with pytest.raises(UsageError, match="60 %"):
        load_rules(rules)
