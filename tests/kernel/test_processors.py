"""Processors among notebooks that run side by side."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from grader.budget import Budget
from grader.kernel import processors, watchdog
from grader.kernel.processors import Processors
from grader.kernel.watchdog import Watchdog

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells how long a process waited")

MANY = """
import subprocess, sys
wait = [sys.executable, "-c", "input()"]
held = [subprocess.Popen(wait, stdin=subprocess.PIPE) for _ in range(8)]
print("ready", flush=True)
input()
"""


@linux
def test_processes_beyond_some_run_when_nobody_else_wants_to() -> None:
    with subprocess.Popen([sys.executable, "-c", MANY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        tree = watchdog.tree(process.pid)
        shared = Processors()
        shared.tame(tree, process.pid)
        policies = [os.sched_getscheduler(one.pid) for one in tree]
        assert policies[0] == os.SCHED_OTHER
        assert policies.count(os.SCHED_IDLE) == len(tree) - 1 - processors._PROCESSES > 0
        for one in tree:
            one.kill()
        shared.tame(tree, process.pid)  # what has ended is nobody's affair


def test_threads_beyond_some_run_when_nobody_else_wants_to(monkeypatch: pytest.MonkeyPatch) -> None:
    tamed: list[int] = []
    monkeypatch.setattr(processors.os, "SCHED_IDLE", 5, raising=False)
    monkeypatch.setattr(processors.os, "sched_param", lambda priority: None, raising=False)
    monkeypatch.setattr(processors.os, "sched_setscheduler", lambda pid, *_: tamed.append(pid), raising=False)
    monkeypatch.setattr(processors, "_threads", lambda pid: list(range(100)))
    shared = Processors()
    for _ in range(2):
        shared.tame([psutil.Process()], os.getpid())
    assert sorted(tamed) == list(range(processors._THREADS, 100))  # each of them once


@pytest.mark.parametrize(
    ("delays", "used", "waited"),
    [
        ((0.0, 9.0), (0.0, 1.0), 9.0),  # ready to run for nine of ten seconds, and not run
        ((0.0, 9.0), (0.0, 20.0), 0.0),  # its own other processes were
        ((0.0, 9.0), (0.0, 8.0), 2.0),
        ((5.0, 5.5), (3.0, 3.0), 0.5),  # it slept
        ((0.0, 9.0), (5.0, 1.0), 9.0),  # a process of its ended, and its time with it
        ((None, None), (0.0, 0.0), 0.0),  # nobody counts
    ],
)
def test_waiting_counts_where_others_had_the_processors(
    delays: tuple[float | None, float | None],
    used: tuple[float, float],
    waited: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, times, clock = iter(delays), iter(used), iter((100.0, 110.0))
    monkeypatch.setattr(processors, "_run_delay", lambda pid: next(told))
    monkeypatch.setattr(processors, "_used", lambda process: next(times))
    monkeypatch.setattr(processors.time, "monotonic", lambda: next(clock))
    shared = Processors()
    assert shared.waited([psutil.Process()], 1) == 0
    assert shared.waited([psutil.Process()], 1) == pytest.approx(waited)


@linux
def test_linux_counts() -> None:
    assert processors._run_delay(os.getpid()) is not None
    assert processors._run_delay(2**22 + 1) is None
    assert processors._used(psutil.Process()) > 0


class Victim:
    main, contained = os.getpid(), False

    def __init__(self) -> None:
        self.interrupted, self.destroyed = threading.Event(), threading.Event()

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process()]

    def interrupt(self) -> None:
        self.interrupted.set()

    def destroy(self) -> None:
        self.destroyed.set()


def test_who_waits_for_a_processor_has_longer_yet_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processors, "waited", lambda *_: 1000.0)
    monkeypatch.setattr(Processors, "tame", lambda *_: None)
    monkeypatch.setattr(watchdog, "GRACE_S", 0.05)
    victim = Victim()
    watching = Watchdog(victim, Budget(), tmp_path)
    begun = time.monotonic()
    with watching.limit(0.5, "cell"):
        watching._look_at_means()
        watching.start()
        assert victim.interrupted.wait(30)
        assert time.monotonic() - begun >= 1.4
        assert victim.destroyed.wait(30)
    assert watching.take_alarm() == "cell"
    watching.close()
