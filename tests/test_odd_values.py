"""Nobody chooses to be ungraded: whatever a notebook claims, no check is in error.

A kernel that answers every question with one odd claim, whatever it is asked, is put before every check of every
exercise. `make thorough` tries all of the values, `make test` some.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from grader.authored import modules_of
from grader.checks.check import Check
from grader.exercise import Exercise, load
from grader.judging import Judge
from grader.kernel import wire
from grader.report import CheckReport
from tests.conftest import ROOT
from tests.fakes import Reply, run_of

EXERCISES = sorted(path.parent.name for path in (ROOT / "exercises").glob("*/exercise.toml"))

HUGE = 10**400
NUMBERS: list[Any] = [0, 1, -1, 3, 0.5, float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, HUGE, -HUGE, 10**30]
ARRAYS: list[Any] = [
    np.zeros(()),
    np.zeros(0),
    np.zeros((0, 3)),
    np.zeros((3, 0)),
    np.ones((1,)),
    np.full((2, 3), np.nan),
    np.full((3, 2), np.inf),
    np.full((2, 2), 1e308),
    np.full((5,), -1, np.int8),
    np.full((4, 4), np.iinfo(np.int64).min),
    np.full((2, 2), np.iinfo(np.uint64).max),
    np.ones((2, 2), bool),
    np.full((2, 2), 65504, np.float16),
    np.zeros((1,) * 16),
    np.zeros((1000, 10), np.float32),
    np.arange(12.0).reshape(3, 4),
]
TEXTS: list[Any] = ["", "x", "nan", "1e400", "\x00\u202e\ud7ff\U0001f600", "{}{0}{what}%s", "ä" * 5000, "a b c. d, e"]
KEYS: list[Any] = ["", "x", 0, -1, 1.5, float("nan"), float("inf"), HUGE, True, None, (), (1, "a")]


def opaque(name: str) -> wire.Opaque:
    return wire.Opaque(name)


SIMPLE = [None, True, False, *NUMBERS, *TEXTS, *ARRAYS, *map(opaque, ("ellipsis", "function", "type", "Odd", ""))]


def values(exercise: Exercise) -> Iterator[Any]:
    """Odd values: simple ones, alone and in lists, tuples and dictionaries with odd keys and with those asked for."""
    yield from SIMPLE
    names = asked_keys(exercise)
    for one in [*SIMPLE, [], {}, [[]], [{}], {"x": []}]:
        yield [one]
        yield (one, one)
        yield [one, one, one]
        yield [[one, 1.0], [1.0, one]]
        yield (1.0, one)
        yield dict.fromkeys(names, one)
        yield {name: [one, one] for name in names}
        yield {name: dict.fromkeys(names, one) for name in names[:12]}
    yield dict.fromkeys(KEYS, 1)
    yield {key: {other: [1, 2] for other in KEYS} for key in KEYS}
    yield dict.fromkeys(map(str, range(3000)), 1)
    yield [[0.0] * 50 for _ in range(50)]
    yield list(range(2000))
    yield ["word"] * 300
    yield [[i] * i for i in range(20)]


def asked_keys(exercise: Exercise) -> list[str]:
    """Texts in the checks that may be keys or names: all short ones."""
    trees = [ast.parse(path.read_text("utf-8")) for path in modules_of(exercise.folder / "checks.py")]
    found = [one for tree in trees for one in ast.walk(tree)]
    texts = {one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return sorted(text for text in texts if 0 < len(text) <= 12)


def encoded(value: Any, buffers: list[bytes]) -> Any:
    """As the probe would send it; a forged claim may hold what it never sends."""
    match value:
        case wire.Opaque():
            return ["o", value.type_name]
        case list() | tuple():
            return ["l" if isinstance(value, list) else "t", [encoded(item, buffers) for item in value]]
        case dict():
            return ["d", [[encoded(key, buffers), encoded(item, buffers)] for key, item in value.items()]]
    return wire.encode(value, buffers)


class Odd:
    """A kernel that claims one value, in the form that the question wants."""

    alive = True

    def __init__(self, value: Any) -> None:
        self.value = value
        self.asked = 0

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Reply:
        self.asked += 1
        if self.asked > 200:
            raise TimeoutError
        out: list[bytes] = []
        node = encoded(self.value, out)
        match request["do"]:
            case "has":
                node = ["l", [["b", True]]]
            case "predict":
                node = ["t", [node, ["i", "0"], ["i", "1"]]]
        return Reply(json.loads(json.dumps({"ok": node})), out)


def judged(exercise: Exercise, check: Check, value: Any, known: dict[Any, Any]) -> CheckReport:
    run = run_of(Odd(value))
    run.answers = exercise.answers
    run._cache.update(known)
    return Judge(run, (check,), lambda *_: None).judge_one(check)


@pytest.mark.parametrize("name", EXERCISES)
def test_no_value_makes_a_check_break(name: str) -> None:
    exercise = load(ROOT / "exercises" / name)
    live = [check for check in exercise.checks if check.when == "live"]
    drawn = run_of(Odd(None))
    for one in exercise.description.data:
        drawn.heldout(one), drawn.visible(one)
    known = dict(drawn._cache)
    broken: dict[str, str] = {}
    every = 1 if os.environ.get("GRADER_TEST_EVERY_MODE") else 50
    for value in list(values(exercise))[::every]:
        for check in live:
            report = judged(exercise, check, value, known)
            if report.status == "error":
                needed = [judged(exercise, one, value, known).status for one in live if one.name in check.needs]
                if set(needed) <= {"passed"}:  # else it would not have been run
                    broken[check.name] = f"{report.message} on {str(value)[:150]}"
    assert broken == {}
