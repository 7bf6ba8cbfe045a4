"""`grade PATH --watch`: every save is graded, and of several only the latest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import pytest

from grader.exercise import Exercise
from grader.scratch import remove
from tests.conftest import CHECKS, notebook, running

ENDLESS = "open('running', 'w').close()\nwhile True: pass"
WAIT_S = 100


class Watched:
    """The command at work, with what it says line by line."""

    def __init__(self, process: subprocess.Popen[str], path: Path, scratch: Path) -> None:
        self.process = process
        self.path = path
        self.scratch = scratch
        self._said: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line)

    def next(self) -> dict[str, Any]:
        return dict(json.loads(self._said.get(timeout=WAIT_S)))

    def quiet(self) -> bool:
        return self._said.empty()

    def save(self, *cells: str) -> None:
        """As editors do it: a new file in the old one's place."""
        draft = self.path.with_name(".draft")
        draft.write_text(json.dumps(notebook(*cells)))
        draft.replace(self.path)

    def runs(self) -> bool:
        return running(self.scratch) > 0


@pytest.fixture
def watched(make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]) -> Iterator[Watched]:
    exercise = make_exercise(CHECKS, cell_s=1000, total_s=1000)
    path = write_notebook("x = 1")
    scratch = Path(tempfile.mkdtemp(prefix="g-"))
    command = [sys.executable, "-m", "grader.cli", str(path), "--exercise", str(exercise.folder)]
    with subprocess.Popen(
        [*command, "--data", "sample", "--watch", "--json"],
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield Watched(process, path, scratch)
        finally:
            process.kill()
    remove(scratch)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def test_every_save_is_graded(watched: Watched, make_exercise: Callable[..., Exercise]) -> None:
    """The notebook's, a file's beside it, the exercise's; but not that of outputs alone."""
    assert watched.next()["checks"][0]["message"] == "`x` is 1."
    watched.save("x = 3")
    assert watched.next()["status"] == "passed"
    watched.path.write_text("{")
    assert watched.next()["execution"]["status"] == "invalid"
    (watched.path.parent / "helper.py").write_text("two = 2")  # beside a notebook that is broken now
    assert watched.next()["execution"]["status"] == "invalid"
    watched.save("from helper import two as x")
    assert watched.next()["status"] == "failed"
    make_exercise(CHECKS.replace("3, ", "2, "), cell_s=1000, total_s=1000)
    assert watched.next()["status"] == "passed"
    ran = notebook("from helper import two as x")
    ran.cells[0].execution_count = 7
    watched.path.write_text(json.dumps(ran))
    watched.save("x = 1")
    assert watched.next()["checks"][0]["message"] == "`x` is 1.", "nothing was said of outputs"
    assert watched.quiet()


def test_of_several_saves_the_latest_is_graded_until_ctrl_c(watched: Watched) -> None:
    watched.next()
    watched.save(ENDLESS)
    until(watched.runs)
    watched.save("x = 3")
    assert watched.next()["status"] == "passed", "the endless one was ended, and nothing is said of it"
    watched.save(ENDLESS)
    until(watched.runs)
    family = psutil.Process(watched.process.pid).children(recursive=True)
    assert family
    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(WAIT_S) == 130
    assert not psutil.wait_procs(family, WAIT_S)[1], "nothing that it started is left"
    until(lambda: not list(watched.scratch.iterdir()))
