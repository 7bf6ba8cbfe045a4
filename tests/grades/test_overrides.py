"""Grades given by hand, as a file and by whose they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grader.errors import UsageError
from grader.grades.grades import Override
from grader.grades.overrides import load_overrides, override, who, write_overrides


def by_hand(student: str, score: float, reason: str = "a recount") -> Override:
    return Override(student=student, score=score, reason=reason)


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
