"""What the watchdog sees of a family of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from grader.kernel import watchdog

# It starts two children and the first of them one more, says so, and they wait to be killed.
FAMILY = """
import os, subprocess, sys, threading, time
wait = "import time; time.sleep(600)"
waiting = [sys.executable, "-c", wait]
first = f"import subprocess; subprocess.Popen({waiting!r}); print(1, flush=True); {wait}"
child = subprocess.Popen([sys.executable, "-c", first], stdout=subprocess.PIPE)
child.stdout.readline()
other = threading.Thread(target=lambda: (subprocess.Popen(waiting), print("ready", flush=True), time.sleep(600)))
other.start()
"""


@pytest.fixture
def family() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        there = psutil.Process(process.pid).children(recursive=True)
        yield process.pid
        for one in [*there, process]:
            one.kill()


def test_a_tree_is_the_process_and_all_that_came_of_it(family: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {family, *(one.pid for one in psutil.Process(family).children(recursive=True))}
    assert len(expected) == 4
    assert {one.pid for one in watchdog.tree(family)} == expected

    def without(_: int) -> list[int]:
        raise FileNotFoundError

    monkeypatch.setattr(watchdog, "_descendants", without)
    assert {one.pid for one in watchdog.tree(family)} == expected


def test_what_has_ended_has_no_tree() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert watchdog.tree(process.pid) == []
    assert os.getpid() in {one.pid for one in watchdog.tree(os.getpid())}
