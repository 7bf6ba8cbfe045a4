"""The teacher's rules: what they may say, what lateness takes, and which attempt counts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.grades.rules import DAY_S, Cost, LateRule, Rules, counting, duration, load_rules, rules_for
from tests.conftest import ROOT

DEADLINE = datetime(2026, 11, 20, 23, 59, tzinfo=timezone(timedelta(hours=2)))


def rules(**told: Any) -> Rules:
    """Rules as a file would say them."""
    return Rules.model_validate({"deadline": DEADLINE} | told)


def written(folder: Path, text: str) -> Rules:
    path = folder / "rules.toml"
    path.write_text(text, "utf-8")
    return load_rules(path)


# ---------------------------------------------------------------------- the file


def test_all_that_a_file_may_say(tmp_path: Path) -> None:
    one = written(
        tmp_path,
        """
        counts = "best"
        deadline = 2026-11-20T23:59:00+02:00
        grace = "15 min"
        times = "sheet.csv"

        [late]
        per_day = "10 %"
        at_most = "2.5 points"
        never_after = "1 week"

        [students."Ada Lovelace"]
        deadline = 2026-11-27T23:59:00+02:00
        reason = "ill"
        """,
    )
    assert (one.counts, one.deadline, one.grace, one.times) == ("best", DEADLINE, 900, "sheet.csv")
    assert one.late == LateRule.model_construct(
        per_day=Cost(0.1, True), at_most=Cost(2.5, False), never_after=7 * DAY_S
    )
    assert one.deadline_of("Ada Lovelace") == DEADLINE + timedelta(days=7)
    assert one.deadline_of("Bob") == DEADLINE
    assert one.told() == (
        "Of several attempts the best counts; deadline 2026-11-20 23:59 +0200; 15 min of grace; 10 % less for each day "
        "that has begun, at most 2.5 points; nothing counts 7 d after the deadline; 1 student with a deadline of their "
        "own."
    )


def test_without_a_word_the_newest_counts(tmp_path: Path) -> None:
    one = written(tmp_path, "")
    assert one == Rules()
    assert (one.counts, one.deadline, one.every_attempt) == ("last", None, False)
    assert one.lateness("ann", datetime(2100, 1, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize(
    "told", ["2026-11-20T23:59:00", "2026-11-20 23:59:00", '"2026-11-20 23:59"', '"2026-11-20T23:59:00"']
)
def test_a_local_time_is_of_this_machine(tmp_path: Path, told: str) -> None:
    assert written(tmp_path, f"deadline = {told}").deadline == datetime(2026, 11, 20, 23, 59).astimezone()


@pytest.mark.parametrize("told", ["2026-11-20", '"2026-11-20"'])
def test_a_day_is_over_at_its_end(tmp_path: Path, told: str) -> None:
    assert written(tmp_path, f"deadline = {told}").deadline == datetime(2026, 11, 21).astimezone()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("15 min", 900), ("15min", 900), ("2 h", 7200), ("1 hour", 3600), ("1.5 days", 129600), ("2 weeks", 1209600)],
)
def test_how_long(told: str, seconds: float) -> None:
    assert rules(grace=told).grace == seconds


@pytest.mark.parametrize(
    "text",
    [
        'counts = "first"',
        "deadline = 12:00:00",
        'deadline = "next week"',
        "deadline = 0001-01-01",
        'grace = "-5 min"',
        'grace = "1e400 d"',
        "grace = true",
        "late = 3",
        'late = { per_day = "-1 point" }',
        'late = { per_day = "10" }',
        "late = { per_day = 0.1 }",
        'late = { per_day = "101 %" }',
        'late = { never_after = "soon" }',
        'students = ["ann"]',
        'students = { ann = "2026-11-20" }',
        "dead_line = 2026-11-20",
        "= 3",
        "\x00",
    ],
)
def test_what_is_wrong_is_one_sentence_and_a_way_out(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        written(tmp_path, text)
    assert "rules.toml" in wrong.value.message
    assert "\n" not in wrong.value.message
    assert wrong.value.message.endswith(".")
    assert "docs/teachers.md" in wrong.value.advice


def test_where_rules_are_found(tmp_path: Path) -> None:
    assert rules_for(None, tmp_path / "nowhere") is None
    (tmp_path / "rules.toml").write_text('counts = "best"')
    (tmp_path / "other.toml").write_text('grace = "1 h"')
    assert rules_for(None, tmp_path) == Rules(counts="best")
    assert rules_for(tmp_path / "other.toml", tmp_path) == rules(deadline=None, grace="1 h")
    with pytest.raises(UsageError, match="There is no"):
        rules_for(tmp_path / "none.toml", tmp_path)


# ---------------------------------------------------------------------- lateness


def test_how_late() -> None:
    one = rules(grace="15 min", students={"Ada": {"deadline": DEADLINE + timedelta(days=7)}})
    late = {minutes: one.lateness("Bob", DEADLINE + timedelta(minutes=minutes)) for minutes in (-1, 0, 15, 16)}
    assert late == {-1: 0, 0: 0, 15: 0, 16: 960}  # it begins at the deadline, not at the end of the grace
    assert one.lateness("Ada", DEADLINE + timedelta(days=7, minutes=15)) == 0
    assert one.lateness("Ada", DEADLINE + timedelta(days=8)) == DAY_S
    assert one.lateness("Bob", None) == 0  # nobody knows


def test_a_deadline_is_the_same_moment_everywhere() -> None:
    assert rules().lateness("Bob", datetime(2026, 11, 20, 21, 59, tzinfo=UTC)) == 0
    assert rules().lateness("Bob", datetime(2026, 11, 20, 22, 0, tzinfo=UTC)) == 60


@pytest.mark.parametrize(
    ("late", "earned", "days", "penalty"),
    [
        ({"per_day": "10 %"}, 10, 0, 0),
        ({"per_day": "10 %"}, 10, 0.001, 1),
        ({"per_day": "10 %"}, 10, 1, 1),
        ({"per_day": "10 %"}, 10, 1.001, 2),
        ({"per_day": "10 %"}, 10, 30, 10),
        ({"per_day": "10 %", "at_most": "50 %"}, 10, 30, 5),
        ({"per_day": "0.5 points"}, 10, 3, 1.5),
        ({"per_day": "0.5 points"}, 1, 3, 1),
        ({"per_day": "0.5 points", "at_most": "20 %"}, 4, 3, 0.8),
        ({"per_day": "10 %", "at_most": "1 point"}, 10, 3, 1),
        ({"per_day": "33 %"}, 1, 1, 0.33),
        ({"per_day": "10 %"}, 3.5, 1, 0.35),
        ({"per_day": "10 %"}, 2.9, 1, 0.29),  # a hundred times that is a little less than 29
        ({"per_day": "10 %"}, 0.55, 1, 0.05),  # rounded down: in the student's favour
        ({"never_after": "7 days"}, 10, 7, 0),
        ({"never_after": "7 days"}, 10, 7.001, 10),
        ({"per_day": "10 %", "at_most": "50 %", "never_after": "7 days"}, 10, 8, 10),
        ({}, 10, 8, 0),
    ],
)
def test_what_it_takes(late: dict[str, str], earned: float, days: float, penalty: float) -> None:
    assert rules(late=late).penalty(earned, days * DAY_S) == pytest.approx(penalty)


costs = st.one_of(
    st.builds(lambda share: Cost(share, True), st.floats(0, 1)),
    st.builds(lambda points: Cost(points, False), st.floats(0, 1e9)),
)
late_rules = st.builds(
    LateRule.model_construct,
    per_day=costs,
    at_most=st.none() | costs,
    never_after=st.none() | st.floats(0, 1e9),
)
points = st.floats(0, 1e6)
seconds = st.floats(0, 1e10)


@given(late_rules, st.floats(0, 1e7), points, seconds, seconds)
def test_never_more_than_was_earned_and_never_less_for_being_later(
    late: LateRule, grace: float, earned: float, one: float, other: float
) -> None:
    told = Rules.model_construct(late=late, grace=grace)
    sooner, later = sorted((one, other))
    assert 0 <= told.penalty(earned, sooner) <= told.penalty(earned, later) <= earned
    assert told.penalty(earned, 0) == 0


# ---------------------------------------------------------------------- which attempt counts


class Made(NamedTuple):
    """What came of an attempt."""

    number: int
    earned: float | None
    at_stake: float
    late_s: float = 0.0


def attempt(number: int, earned: float | None, days_late: float = 0) -> Made:
    return Made(number, earned, 10, days_late * DAY_S)


@pytest.mark.parametrize(
    ("attempts", "number"),
    [
        ([attempt(1, 5)], 1),
        ([attempt(1, 5), attempt(2, 8)], 2),
        ([attempt(1, 8), attempt(2, 5)], 1),
        ([attempt(1, 8), attempt(2, 9, 2)], 1),  # 9 less two days is 7.2
        ([attempt(1, 7), attempt(2, 9, 2)], 2),
        ([attempt(1, 7.2), attempt(2, 9, 2)], 1),  # the same points: what came in time
        ([attempt(1, 5), attempt(2, 5)], 2),  # the same in all: the newest
        ([attempt(1, 0), attempt(2, 10, 9)], 1),  # too late for anything
        ([attempt(1, 5), attempt(2, None)], 2),  # not graded yet, and may be better
        ([attempt(1, 10), attempt(2, None)], 1),  # nothing is better than this
        ([attempt(1, 9), attempt(2, None, 1)], 1),
        ([attempt(1, 8.9), attempt(2, None, 1)], 2),
    ],
)
def test_the_best(attempts: list[Made], number: int) -> None:
    late = {"per_day": "10 %", "never_after": "7 days"}
    assert counting(rules(counts="best", late=late), attempts).number == number


def test_the_last() -> None:
    attempts = [attempt(1, 9), attempt(2, None, 3), attempt(3, None, 8)]
    assert counting(rules(), attempts).number == 3
    assert counting(rules(late={"never_after": "7 days"}), attempts).number == 2
    assert counting(rules(late={"never_after": "1 day"}), attempts[1:]).number == 3  # all too late: the newest of them


@given(st.lists(st.tuples(points, st.floats(0, 30)), min_size=1, max_size=6), late_rules)
def test_no_other_attempt_is_worth_more(made: list[tuple[float, float]], late: LateRule) -> None:
    told = Rules.model_construct(counts="best", late=late)
    attempts = [Made(number, earned, 1e6, days * DAY_S) for number, (earned, days) in enumerate(made, 1)]

    def left(one: Made) -> float:
        assert one.earned is not None
        return one.earned - told.penalty(one.earned, one.late_s)

    assert left(counting(told, attempts)) >= max(map(left, attempts)) - 1e-6


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 min"),
        (60, "1 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86400, "1 d"),
        (86401, "1 d 1 h"),
        (2 * 86400 - 1, "2 d"),
        (100 * 86400, "100 d"),
    ],
)
def test_so_long(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_rules_in_the_documentation_are_rules(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "teachers.md").read_text("utf-8")
    first, second, *_ = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)  # the others are a course's
    assert len(written(tmp_path, first).students) == 1
    assert written(tmp_path, second).times == "sheet.csv"
