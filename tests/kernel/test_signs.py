"""Kernels that lose a cell or its reply: told by their signs, and ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.grading import Graded
from grader.kernel import signs
from grader.kernel.line import BEGUN, ENDED
from grader.kernel.signs import Signs

Grade = Callable[..., Graded]


class Clock:
    """A line whose signs and a clock whose time are told."""

    def __init__(self) -> None:
        self.time = 100.0
        self.waiting: list[bytes] = []

    def now(self) -> float:
        return self.time

    def signs(self) -> list[bytes]:
        come, self.waiting = self.waiting, []
        return come

    def after(self, seconds: float, *come: bytes) -> Clock:
        self.time += seconds
        self.waiting += come
        return self


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def followed(clock: Clock) -> Signs:
    return Signs(clock, clock.now, 30)


def test_a_cell_takes_its_time(clock: Clock, followed: Signs) -> None:
    clock.after(1, BEGUN)
    for _ in range(100):
        clock.after(3600)
        assert not followed.lost()
    assert followed.begun


def test_a_cell_that_is_not_begun_is_lost(clock: Clock, followed: Signs) -> None:
    clock.after(29)
    assert not followed.lost()
    clock.after(2)
    assert followed.lost()
    assert not followed.begun


def test_a_cell_that_has_ended_without_a_reply_is_lost(clock: Clock, followed: Signs) -> None:
    clock.after(1, BEGUN)
    assert not followed.lost()
    clock.after(500, ENDED)
    assert not followed.lost()
    clock.after(14)
    assert not followed.lost()
    clock.after(2)
    assert followed.lost()
    assert followed.begun


def test_the_end_of_the_cell_before_is_not_the_end_of_this_one(clock: Clock, followed: Signs) -> None:
    clock.after(1, BEGUN, ENDED)
    followed.sent()
    clock.after(0, ENDED)
    assert not followed.lost()
    clock.after(1, BEGUN)
    assert not followed.lost()
    clock.after(500)
    assert not followed.lost()


LOST_REPLY = """
session = get_ipython().kernel.session
honest = session.send

def send(stream, kind, *args, **options):
    return {} if kind == "execute_reply" else honest(stream, kind, *args, **options)

session.send = send
"""
NO_FLUSH = """
import sys

class Out:
    def write(self, text): return len(text)
    def flush(self):
        while True: pass

sys.stdout = Out()
"""
DEAF = "get_ipython().kernel.shell_stream.stop_on_recv()"
IN_A_LOOP = (
    "import asyncio\nasync def loop():\n    while True: pass\ntask = asyncio.get_event_loop().create_task(loop())"
)


@pytest.mark.parametrize(
    ("cell", "blamed"),
    [(LOST_REPLY, 2), (NO_FLUSH, 2), (DEAF, 2), (IN_A_LOOP, 2)],
    ids=["no reply", "a loop before the reply", "no cell any more", "a loop between two cells"],
)
def test_nobody_waits_for_a_kernel_that_lost_its_way(
    grade_cells: Grade, monkeypatch: pytest.MonkeyPatch, cell: str, blamed: int
) -> None:
    """… and what came before the cell that did it is judged; a cell that waited for it is not at fault."""
    monkeypatch.setattr(signs, "_REPLIES_S", 0.5)
    report = grade_cells("x = 3", cell, "y = 1", answer_s=2, cell_s=100, total_s=100).report
    assert (report.execution.status, report.execution.cell, report.execution.judged_before) == ("died", blamed, blamed)
    assert f"answered no more after cell {blamed}" in (report.execution.error or "")
    assert [one.status for one in report.execution.cells] == ["ok", "died", "not run"]
    assert report.status == "passed"


def test_cells_that_wait_for_something_are_waited_for(grade_cells: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's loop is free meanwhile, and a task of the cell's before goes on."""
    monkeypatch.setattr(signs, "_REPLIES_S", 0.5)
    background = "import asyncio\nasync def later():\n    await asyncio.sleep(2)\n    global x\n    x = 3\n"
    cells = [background + "task = asyncio.create_task(later())", "await asyncio.sleep(1.5)", "await task"]
    report = grade_cells(*cells, answer_s=1, cell_s=100, total_s=100).report
    assert (report.execution.status, report.status) == ("ok", "passed"), report.execution.error


NO_ANSWER = "import builtins\nbuiltins.map = lambda *args: True"


def test_a_probe_that_cannot_answer_hangs_up(grade_cells: Grade) -> None:
    """Whether anybody waited is told by the words: it would be told as slow."""
    report = grade_cells("x = 3", NO_ANSWER, cell_s=100, total_s=100).report
    assert [one.status for one in report.checks] == ["failed"]
    assert "kernel is dead" in report.checks[0].message
