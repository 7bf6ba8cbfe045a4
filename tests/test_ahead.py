"""Questions that go along with another: fewer ways there and back, and the same answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.errors import CallFailed, SubmissionFault
from grader.kernel import probe
from grader.run import Run
from tests.fakes import LocalKernel, Reply, run_of

CALLS = [[n] for n in range(5)]


def double(n: Any) -> Any:
    if isinstance(n, int) and n == 3:
        raise ValueError("not three")
    return np.asarray(n) * 2.0


def made(**namespace: Any) -> tuple[Run, LocalKernel]:
    kernel = LocalKernel(**{"f": double, **namespace})
    run = run_of(kernel)
    run.begin("one")
    return run, kernel


def answers(run: Run, calls: list[list[Any]], name: str = "f") -> list[Any]:
    """What each call gives, or says in its place."""
    found = []
    for args in calls:
        try:
            found.append(np.asarray(run.call(name, *args)).tolist())
        except SubmissionFault as fault:
            found.append(fault.message)
    return found


def test_foreseen_calls_are_answered_together_and_alike() -> None:
    plain, _ = made()
    run, kernel = made()
    run.foresee("f", CALLS)
    assert kernel.requests == []
    assert answers(run, CALLS) == answers(plain, CALLS)
    assert len(kernel.requests) == 1
    with pytest.raises(CallFailed, match="not three"):
        run.call("f", 3)  # an answer counts once
    assert len(kernel.requests) == 2


def test_arrays_and_the_same_call_twice() -> None:
    calls: list[list[Any]] = [[np.arange(3.0)], [np.ones((2, 2))], [np.arange(3.0)], [1]]
    run, kernel = made()
    run.foresee("f", calls)
    assert answers(run, calls) == [[0, 2, 4], [[2, 2], [2, 2]], [0, 2, 4], 2]
    assert len(kernel.requests) == 1


def test_what_is_not_asked_as_foreseen_is_asked_in_its_turn() -> None:
    run, kernel = made(g=lambda n: n + 1, x=7)
    run.foresee("f", CALLS)
    assert answers(run, [[9]]) == [18]  # another one first
    assert run.value("x") == 7
    assert len(kernel.requests) == 2
    assert answers(run, CALLS[:2]) == [0, 2]
    assert answers(run, [[4], [2]], "g") == [5, 3]
    assert answers(run, [[4], [2]]) == [8, 4]  # in any order
    assert len(kernel.requests) == 5
    run.foresee("f", CALLS)
    assert run.call("f", 1, unchanged=True) == 2
    assert answers(run, CALLS[:1]) == [0]
    run.begin("two")
    assert answers(run, CALLS[1:2]) == [2]
    assert len(kernel.requests) == 8
    run.foresee("f", [])
    assert answers(run, CALLS[:1]) == [0]


def test_many_calls_are_asked_in_parts() -> None:
    run, kernel = made()
    calls = [[n] for n in range(100, 220)]
    run.foresee("f", calls)
    assert answers(run, calls) == [2 * n for (n,) in calls]
    assert len(kernel.requests) == 1 + 120 - 51


def test_slow_or_large_answers_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(probe, "monotonic", lambda: now[0])

    def slow(n: int) -> int:
        now[0] += 0.06
        return n

    run, kernel = made(slow=slow, large=lambda n: np.full(200_000, float(n)))
    run.foresee("slow", CALLS)
    assert answers(run, CALLS, "slow") == [0, 1, 2, 3, 4]
    assert len(kernel.requests) == 4  # two, and the others
    run.foresee("large", CALLS)
    assert [one[0] for one in answers(run, CALLS, "large")] == [0, 1, 2, 3, 4]
    assert len(kernel.requests) == 9


def test_what_was_interrupted_ends_it() -> None:
    asked = []

    def interrupted(n: int) -> int:
        asked.append(n)
        if n == 1:
            raise KeyboardInterrupt
        return n

    kernel = LocalKernel(f=interrupted)
    run = run_of(kernel)
    run.foresee("f", CALLS)
    assert run.call("f", 0) == 0
    assert asked == [0, 1]


LIES: list[Any] = [
    None,
    3,
    {},
    [3],
    [[{"ok": 1}]],
    [[{"ok": 1}, -1]],
    [[{"ok": 1}, True]],
    [[{"ok": 1}, 2.0]],
    [[{"ok": 1}, 10**30]],
    [[[], 0]],
    [[{"ok": 1}, 0]] * 9,
    [[{"ok": 1}, 1], [{"ok": 1}, 1]],
]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_who_answers_along_otherwise_is_asked_one_by_one(lie: Any) -> None:
    class Lying(LocalKernel):
        def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Reply:
            more = request.pop("ahead", None)
            reply = super().ask(request, buffers[: len(buffers) - sum(n for _, n in more or [])], seconds)
            return reply if more is None else Reply({**reply.content, "ahead": lie}, reply.buffers)

    kernel = Lying(f=double)
    run = run_of(kernel)
    run.foresee("f", CALLS)
    assert answers(run, CALLS[:3]) == [0, 2, 4]
    assert len(kernel.requests) == 3


def test_a_function_that_does_not_end_is_not_waited_for_again(grade_cells: Any) -> None:
    checks = """
from grader.checks import *

@check(points=1)
def all_are_right(run):
    "`f` is right."
    calls = [[n] for n in range(5)]
    run.foresee("f", calls)
    for (n,) in calls:
        expect_call(run, "f", [n], 2 * n)
"""
    endless = "def f(n):\n    while n == 3: pass\n    return 2 * n"
    for source, status in (
        ("def f(n): return 2 * n", "passed"),
        ("def f(n): return n * n", "failed"),
        (endless, "failed"),
    ):
        report = grade_cells(source, checks=checks, answer_s=1).report
        assert report.checks[0].status == status, report.checks[0].message
    assert report.checks[0].message == "`f(…)` took too long to answer."
