"""Checks that do what none should: the grader goes on, and says which check it was."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader import apart
from grader.report import Report
from tests.fakes import LocalKernel, Reply
from tests.test_grading import Bench, checks_of, statuses

pytestmark = pytest.mark.skipif(not apart.FORKS, reason="checks run in the grader's own process here")


@pytest.fixture
def path(make_exercise: Any, write_notebook: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(make_exercise, write_notebook, monkeypatch)


def judged(path: Bench, *bodies: str, **more: Any) -> Report:
    before = set(psutil.Process().children())
    report = path.report(checks_of(*bodies), **more)
    assert set(psutil.Process().children()) <= before, "a process is left"
    return report


BREAKS = {
    "exits": ("raise SystemExit(0)", "SystemExit"),
    "exits at once": ("import os; os._exit(0)", "ended the process"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "generator": ("raise GeneratorExit", "GeneratorExit"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended the process"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "ended the process"),
    "closes the line": ("import os; os.closerange(0, 1000)", "ended the process"),
    "takes memory": ("import numpy; numpy.ones(10**10)", "MemoryError"),
    "takes memory in lists": ("x = []\n    while True: x.append(bytes(10**8))", "MemoryError"),
}


@pytest.mark.parametrize(("body", "told"), BREAKS.values(), ids=BREAKS)
def test_a_check_that_breaks_out_is_in_error_by_name_and_the_others_are_judged(
    path: Bench, body: str, told: str
) -> None:
    report = judged(path, "pass", body, "pass", "fail('no')")
    assert statuses(report) == ["passed", "error", "passed", "failed"]
    assert told in report.checks[1].message
    assert (report.status, report.exit_code) == ("ungraded", 3)


ENDLESS = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(1e6)",
    "lock": "10 ** 10 ** 10",
    "caught": "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    "signals": "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n    while True: pass",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_a_check_that_never_ends_is_ended(path: Bench, body: str) -> None:
    report = judged(path, "return 'one'", body, "pass", check_s=1)
    assert statuses(report) == ["passed", "error", "passed"]
    assert "took more than the 1 second" in report.checks[1].message


def test_what_a_check_starts_does_not_outlive_the_run(path: Bench, tmp_path: Path) -> None:
    left = "import subprocess; return str(subprocess.Popen(['sleep', '1000']).pid)"
    thread = "import threading, time; threading.Thread(target=time.sleep, args=(1e6,)).start()"
    report = judged(path, left, thread)
    assert statuses(report) == ["passed", "passed"]
    child = int(report.checks[0].message)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_what_one_check_has_computed_is_there_for_the_next(path: Bench) -> None:
    once = "return str(run.once(pid))"
    checks = "import os\ndef pid(run): return os.getpid(), run.value('x')\n" + checks_of(
        once, once, "import os; os._exit(1)", once, four="when='ended'"
    )
    report = path.report(checks, kernel=LocalKernel(x=3))
    assert report.checks[0].message == report.checks[1].message
    assert report.checks[3].status == "error", "what it asks cannot be asked any more"
    assert str(os.getpid()) not in report.checks[0].message


def test_how_deep_a_check_may_go_is_its_own_affair(path: Bench) -> None:
    report = path.report(
        checks_of("import sys; sys.setrecursionlimit(99)", "import sys; return str(sys.getrecursionlimit())")
    )
    assert report.checks[1].message == str(sys.getrecursionlimit())


def test_what_checks_print_is_no_result(path: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    assert judged(path, "print('hello', flush=True)").status == "passed"
    assert capfd.readouterr().out == ""


class Slow(LocalKernel):
    """A kernel each of whose answers takes longer than a check may."""

    clock = 0.0

    def ask(self, request: dict[str, Any], buffers: list[bytes], seconds: float | None = None) -> Reply:
        Slow.clock += 20
        return super().ask(request, buffers, seconds)


def test_an_answer_that_comes_late_is_no_matter_of_the_checks(path: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.time, "monotonic", lambda: Slow.clock)
    slow = Slow(f=lambda: 1)
    report = path.report(checks_of("for _ in range(5): run.call('f')"), kernel=slow, check_s=10)
    assert statuses(report) == ["passed"]
    assert Slow.clock == 100


# ---------------------------------------------------------------------- whose fault it is

ARITHMETIC = {
    "overflow": "int(float('inf'))",
    "nan": "int(float('nan'))",
    "huge": "float(10**400)",
    "divided": "1 / 0",
    "floating": "import numpy; numpy.exp(numpy.float64(1e4)) + 10.0 ** 400",
    "domain": "import math; math.log(-1)",
    "digits": "str(10**5000)",
    "deep": "import json; json.dumps(deep())",
    "singular": "import numpy; numpy.linalg.inv(numpy.zeros((2, 2)))",
    "expected": "expect_close([1.0], [float('nan')], 'x')",
}


@pytest.mark.parametrize("body", ARITHMETIC.values(), ids=ARITHMETIC)
def test_arithmetic_on_a_notebooks_value_is_the_notebooks_fault(path: Bench, body: str) -> None:
    deep = "def deep():\n    x = []\n    for _ in range(10**5): x = [x]\n    return x\n"
    asked = f"run.value('x'); {body}"
    cached = f"run.once(value); {body}"
    checks = deep + "def value(run): return run.value('x')\n" + checks_of(asked, cached, cached, body)
    report = path.report(checks, kernel=LocalKernel(x=3))
    assert statuses(report) == ["failed", "failed", "failed", "error"], "without a value it is the check's own fault"
    assert report.checks[0].message == "`x` holds numbers that cannot be computed with."


@pytest.mark.parametrize("body", ["{}['x']", "[][0]", "None.x", "x", "'a' + 1", "raise ValueError('own')"])
def test_a_bug_of_a_check_stays_the_graders(path: Bench, body: str) -> None:
    report = path.report(checks_of(f"run.value('x'); {body}"), kernel=LocalKernel(x=3))
    assert statuses(report) == ["error"]
