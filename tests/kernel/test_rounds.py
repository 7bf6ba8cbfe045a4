"""Kernels that are ended, from outside and by the notebook itself: nobody loses points through the first, and nobody
gains anything by the second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from grader import grading
from grader.errors import GradingError, KernelStartError
from grader.exercise import Exercise
from grader.grading import Graded, grade
from grader.kernel import sandbox
from grader.kernel.execution import CellOutcome
from grader.kernel.session import KernelSession, Settings
from grader.kernel.warm import Warm, warmed
from grader.report import Report
from grader.rounds import MOST_FROM_OUTSIDE, Round, fatal
from grader.submission import Submission
from tests.conftest import SAMPLE, running
from tests.kernel.test_session import HEAD, X_IS_THREE, check

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="who ended a process is Linux's to tell")

Grade = Callable[..., Graded]

# It waits to be killed in a fork of the warm process, and nowhere else.
WAITS_IN_A_FORK = """
import sys, time
open("running", "w").close()
time.sleep(60 if any("zygote" in part for part in sys.orig_argv) else 0)
x = 3
"""


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[KernelSession]:
    """Every kernel that is started."""
    started: list[KernelSession] = []

    class Counted(KernelSession):
        def __enter__(self) -> KernelSession:
            started.append(self)
            return super().__enter__()

    monkeypatch.setattr(grading, "KernelSession", Counted)
    return started


def statuses(report: Report) -> list[str]:
    return [cell.status for cell in report.execution.cells]


@contextmanager
def doing(work: Callable[[], object]) -> Iterator[None]:
    """Do something over and over, in a thread beside."""
    done = threading.Event()

    def loop() -> None:
        while not done.wait(0.02):
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


# ---------------------------------------------------------------------- from outside


def test_a_warm_process_that_is_killed_costs_nobody_points(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    exercise, path = make_exercise(), write_notebook(WAITS_IN_A_FORK)
    with warmed([]) as warm, ThreadPoolExecutor(2) as pool:
        assert warm is not None
        warm.start()
        assert warm._process is not None
        family = [psutil.Process(warm._process.pid), *psutil.Process(warm._process.pid).children(recursive=True)]
        both = [pool.submit(grade, Submission(path, str(n)), exercise, replace(SAMPLE, warm=warm)) for n in range(2)]
        while running(warm.folder) < 2:
            time.sleep(0.02)
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        reports = [one.result().report for one in both]
    assert [one.status for one in reports] == ["passed", "passed"], reports
    assert [one.execution.status for one in reports] == ["ok", "ok"]


def inner(session: KernelSession) -> list[psutil.Process]:
    """The notebook's own processes, without those that stand before them."""
    return session._process.processes() if session._process.process is not None else []


def test_a_kernel_that_is_killed_from_outside_again_and_again_is_ungraded(
    grade_cells: Grade, sessions: list[KernelSession], warm: Warm | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warm is not None
    # All of them are forks here: kernels of their own take seconds to start.
    monkeypatch.setattr(grading, "Settings", lambda *settings: replace(Settings(*settings), warm=warm))

    def kill() -> None:
        if running(warm.folder):
            for process in inner(sessions[-1]):
                with suppress(psutil.Error):
                    process.kill()

    with doing(kill), pytest.raises(GradingError, match=f"ended the notebook's process {MOST_FROM_OUTSIDE} times"):
        grade_cells("import time\nopen('running', 'w').close()\ntime.sleep(60)")
    assert len(sessions) == MOST_FROM_OUTSIDE


def test_a_kernel_that_is_killed_while_it_is_asked_is_run_again(
    grade_cells: Grade, sessions: list[KernelSession]
) -> None:
    checks = HEAD + X_IS_THREE + check("asks", 'run.call("answer")')
    answer = "import sys, time\nx = 3\ndef answer():\n    open('running', 'w').close()\n"
    answer += "    time.sleep(60 if any('zygote' in part for part in sys.orig_argv) else 0)"

    def kill() -> None:
        if sessions and (sessions[0].scratch / "running").exists():
            for process in inner(sessions[0]):
                with suppress(psutil.Error):
                    process.kill()

    with doing(kill):
        report = grade_cells(answer, checks=checks).report
    assert report.status == "passed"
    assert len(sessions) == 2


def test_a_fork_that_does_not_come_up_is_a_kernel_of_its_own(
    grade_cells: Grade, monkeypatch: pytest.MonkeyPatch, sessions: list[KernelSession]
) -> None:
    start = KernelSession._start

    def fails_in_a_fork(self: KernelSession) -> None:
        if self.settings.warm is not None:
            raise KernelStartError("gone")
        start(self)

    monkeypatch.setattr(KernelSession, "_start", fails_in_a_fork)
    assert grade_cells("x = 3").report.status == "passed"
    assert len(sessions) == 2


# ---------------------------------------------------------------------- by itself

OWN_ENDS = {
    "leaves": "import os\nos._exit(0)",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "aborts": "import os\nos.abort()",
    "in-a-thread": "import os, threading, time\nthreading.Timer(0.1, os._exit, [0]).start()\ntime.sleep(60)",
    # At these limits Linux itself sends SIGKILL, which would look like one from outside.
    "out-of-cpu": """
import os, resource
for limit in (resource.RLIMIT_CPU, 15):
    for which in (lambda: resource.setrlimit(limit, (1, 1)), lambda: resource.prlimit(0, limit, (1, 1))):
        try:
            which()
        except (OSError, ValueError):
            continue
        while True:
            pass
resource.getrlimit(resource.RLIMIT_CPU)
os._exit(1)
""",
    # None of these reaches the first process of its PID namespace.
    "kills": "import os, signal\nfor n in (9, 15, 1):\n    os.kill(os.getpid(), n)\nos._exit(1)",
    "kills-by-timer": """
import ctypes, os, signal, time
libc = ctypes.CDLL(None)
libc.prctl(1, 9, 0, 0, 0)   # to die with its parent
libc.prctl(22, 1, 0, 0, 0)  # seccomp's strict mode
event = (ctypes.c_int * 16)(0, 0, 9, 0)  # sigev_signo = SIGKILL, SIGEV_SIGNAL
timer, soon = ctypes.c_void_p(), (ctypes.c_long * 4)(0, 0, 0, 1_000_000)
if libc.timer_create(0, event, ctypes.byref(timer)) == 0:
    libc.timer_settime(timer, 0, soon, None)
    time.sleep(0.2)
os._exit(1)
""",
}


@pytest.mark.parametrize("name", OWN_ENDS)
def test_what_a_notebook_does_to_itself_is_its_own(
    name: str, grade_cells: Grade, sessions: list[KernelSession]
) -> None:
    """The kernel is not started again but for what came before."""
    report = grade_cells("x = 3", OWN_ENDS[name], "x = 4").report
    assert (report.execution.status, report.execution.cell, report.execution.judged_before) == ("died", 2, 2)
    assert statuses(report) == ["ok", "died", "not run"]
    assert "run again without it" in (report.execution.error or "")
    assert report.checks[0].status == "passed"
    assert len(sessions) == 2


def test_where_nobody_can_tell_a_second_end_is_the_notebooks(
    grade_cells: Grade, sessions: list[KernelSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "PROMISES", {})
    options = replace(SAMPLE, sandbox="off")
    report = grade_cells("x = 3", "import os\nos.kill(os.getpid(), 9)", options=options).report
    assert (report.execution.status, report.execution.cell) == ("died", 2)
    assert report.status == "passed"
    assert len(sessions) == 3  # a fork, a kernel of its own, and what came before


def test_memory_processes_and_files_are_not_run_again() -> None:
    outcomes = [CellOutcome(1, "a", "ok", 1.0), CellOutcome(2, "b"), CellOutcome(3, "c")]
    for status in ("memory", "processes", "files", "error", "output", "ok"):
        outcomes[1].status = status  # type: ignore[assignment]
        assert fatal(outcomes, alive=False) is None
    for status in ("timeout", "died"):
        outcomes[1].status = status  # type: ignore[assignment]
        assert fatal(outcomes, alive=False) is outcomes[1]
        assert fatal(outcomes, alive=True) is None


def test_rounds_are_few() -> None:
    """Whatever a notebook does, it is run five times at most, each of them within its time."""
    outcomes = [CellOutcome(1, "a", "ok", 8.0), CellOutcome(2, "b", "died", 1.0), CellOutcome(3, "c")]
    this: Round | None = Round()
    assert this is not None
    without = this.without(outcomes[1], outcomes)
    assert without is not None
    assert (without.until, without.seconds, without.alone) == (2, 17.0, False)
    assert without.without(outcomes[0], outcomes) is None
    assert this.without(outcomes[0], outcomes) is None  # there is nothing before it
    doubted = without.again("unknown")
    assert doubted is not None
    assert (doubted.until, doubted.alone, doubted.again("unknown"), doubted.again("itself")) == (2, True, None, None)
    often = doubted
    for _ in range(MOST_FROM_OUTSIDE - 1):
        again = often.again("outside")
        assert again is not None
        often = again
    with pytest.raises(GradingError):
        often.again("outside")


# ---------------------------------------------------------------------- what came before a cell that does not stop

DEAF = {
    "bare-except": "while True:\n    try:\n        time.sleep(0.05)\n    except:\n        pass",
    "ignored": "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "finally": "def f():\n    try:\n        while True: time.sleep(0.01)\n    finally:\n        f()\nf()",
    "in-c": "import torch\nwhile True:\n    try: (10**7)**(10**6)\n    except BaseException: pass",
}


@pytest.mark.parametrize("name", DEAF)
def test_what_came_before_a_cell_that_does_not_stop_is_judged(name: str, grade_cells: Grade) -> None:
    checks = HEAD + X_IS_THREE + check("y_is", 'run.value("y")') + check("z_is", 'run.value("z")')
    checks += check("wrote", 'run.file("made.txt")').replace("points=1", 'points=1, when="ended"')
    cells = ["import random, signal, time\nx = 3", f"y = 1\nopen('made.txt', 'w').close()\n{DEAF[name]}", "z = 1"]
    report = grade_cells(*cells, checks=checks, cell_s=0.5).report
    assert (report.execution.status, report.execution.cell, report.execution.judged_before) == ("timeout", 2, 2)
    assert [one.status for one in report.checks] == ["passed", "failed", "failed", "failed"]
    assert "before cell 2, which ended the kernel" in report.checks[1].message
    assert (report.status, report.execution.missing_packages) == ("failed", [])


def test_what_is_run_again_has_the_same_random_numbers(grade_cells: Grade) -> None:
    checks = HEAD + check("same", 'expect_close(run.value("x"), float(run.output("first").split()[0]), "x")')
    graded = grade_cells("import random\nx = random.random()\nprint(x)", "import os; os._exit(0)", checks=checks)
    assert graded.notebook is not None
    first = float(graded.notebook.cells[0].outputs[0].text)
    assert first == float(grade_cells("import random\nprint(random.random())").notebook.cells[0].outputs[0].text)


def test_a_first_cell_that_ends_the_kernel_leaves_nothing_to_judge(
    grade_cells: Grade, sessions: list[KernelSession]
) -> None:
    report = grade_cells("import os\nos._exit(0)", "x = 3").report
    assert (report.execution.status, report.execution.judged_before) == ("died", None)
    assert [one.status for one in report.checks] == ["skipped"]
    assert len(sessions) == 1
