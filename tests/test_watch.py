"""`grade PATH --watch`: every save is graded, and of several only the latest."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import pytest

from grader import watch
from grader.exercise import Exercise, Target
from grader.scratch import remove
from grader.watch import Watcher
from tests.conftest import CHECKS, SAMPLE, notebook, running, thorough
from tests.formats.test_marimo import book, cell

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
def watched(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path], request: pytest.FixtureRequest
) -> Iterator[Watched]:
    exercise = make_exercise(CHECKS, cell_s=1000, total_s=1000)
    path = write_notebook("x = 1", name=getattr(request, "param", "small.ipynb"))
    if path.suffix == ".py":
        path.write_text(book(cell("x = 1")))
    scratch = Path(tempfile.mkdtemp(prefix="g-"))
    command = [sys.executable, "-m", "grader.cli", str(path), "--exercise", str(exercise.folder)]
    with subprocess.Popen(
        [*command, "--data", "small", "--watch", "--json"],
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


@thorough
@pytest.mark.parametrize("watched", ["small.py"], indirect=True)
def test_every_save_of_a_marimo_notebook_is_graded(watched: Watched) -> None:
    assert watched.next()["checks"][0]["message"] == "`x` is 1."
    watched.path.write_text(book(cell("x = y"), cell("y = 3")))
    assert watched.next()["status"] == "passed"
    watched.path.write_text(book(cell("x = y"), cell("y = 3")).replace("0.25.2", "0.30.0"))
    watched.path.write_text(book(cell("x = y"), cell("y = 2", "@app.cell\ndef two():")))
    assert watched.next()["checks"][0]["message"] == "`x` is 2.", "nothing was said of marimo's version"


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


class Quiet:
    """In place of a process that grades: keeps what it is given, and of which nothing is ever found."""

    listen = None

    def __init__(self) -> None:
        self.tasks: list[Any] = []
        self.stopped = 0

    def submit(self, _: object, task: Any) -> Future[Any]:
        self.tasks.append(task)
        return Future()

    def stop(self) -> None:
        self.stopped += 1


def test_what_is_half_written_is_looked_at_again_before_anything_is_said(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    exercise, path, process, said = make_exercise(CHECKS), write_notebook("x = 1"), Quiet(), list[Any]()
    target = Target(path, exercise)
    watcher = Watcher(target, SAMPLE, [process], said.append, lambda: nullcontext(Mute()), said.append)  # type: ignore[list-item]

    def looks() -> tuple[int, bool]:
        watcher.look()
        return len(process.tasks), watcher.unsettled

    assert looks() == (1, False)
    whole, checks = path.read_bytes(), (exercise.folder / "checks.py").read_text()
    path.write_bytes(b"")
    assert looks() == (1, True)
    path.write_bytes(whole[:40])
    assert looks() == looks() == (1, True)
    path.write_bytes(whole.replace(b"x = 1", b"x = 2"))
    assert looks() == (2, False), "at once, since it is whole"
    (exercise.folder / "exercise.toml").write_text((exercise.folder / "exercise.toml").read_text()[:30])
    assert looks() == (2, True)
    make_exercise(checks)
    assert looks() == (2, False)
    path.write_bytes(whole[:40])
    assert looks() == (2, True)
    monkeypatch.setattr(watch, "_SETTLES_S", 0)
    assert looks() == looks() == (3, False), "it has stayed like this: that is told, once"
    assert said == []


class Mute:
    def say(self, *_: object) -> None: ...


# ---------------------------------------------------------------------- what the terminal shows meanwhile

TRAINS = """
import os, time
for epoch in range(8):
    print(f"epoch {epoch} \\x1b[2J\\x1b]0;mine\\x07\\u202e[red]")
open("running", "w").close()
while not os.path.exists("go"):
    time.sleep(0.05)
x = 3
"""


class Screen:
    """A terminal that the command writes to, and all that it has written."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.shown = ""
        self._here, there = pty.openpty()
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=there, stderr=there, process_group=0
        )
        os.close(there)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                self.shown += os.read(self._here, 10_000).decode("utf-8", "replace")
            except OSError:
                return


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@pytest.mark.parametrize(
    "more", [pytest.param([], id="once"), pytest.param(["--watch"], marks=thorough, id="watching")]
)
def test_the_last_line_that_a_cell_printed_is_shown_while_it_runs(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path], more: list[str]
) -> None:
    exercise, path = make_exercise(CHECKS, cell_s=1000, total_s=1000), write_notebook("y = 1", TRAINS)
    scratch = Path(tempfile.mkdtemp(prefix="g-"))
    command = [sys.executable, "-m", "grader.cli", str(path), "--exercise", str(exercise.folder), "--data", "small"]
    environment = os.environ | {"TMPDIR": str(scratch), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    screen = Screen([*command, *more], environment)
    try:
        until(lambda: "Running cell 2 of 2: epoch 7" in screen.shown)
        (found,) = [Path(top) for top, _, files in os.walk(scratch) if "running" in files]
        (found / "go").touch()
        until(lambda: "every check passed" in screen.shown or "1/1" in screen.shown)
    finally:
        screen.process.send_signal(signal.SIGINT)
        screen.process.wait(WAIT_S)
        remove(scratch)
    assert "\x1b[2J" not in screen.shown
    assert "]0;" not in screen.shown
    assert "\u202e" not in screen.shown
    assert re.search(r"epoch 7 \[red\]", screen.shown), "what is printed is no markup"


def test_a_line_for_each_cell_where_there_is_no_terminal(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    exercise, path = make_exercise(CHECKS), write_notebook("x = 1", "x = 2", "print('loss'); x = 3")
    command = [sys.executable, "-m", "grader.cli", str(path), "--exercise", str(exercise.folder), "--data", "small"]
    with (
        (tmp_path / "said").open("w+") as said,
        subprocess.Popen(
            [*command, "--watch"], stdout=subprocess.PIPE, stderr=said, text=True, process_group=0
        ) as process,
    ):
        assert process.stdout is not None
        until(lambda: "1/1" in process.stdout.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 130
        said.seek(0)
        lines = said.read().splitlines()
    assert [line for line in lines if line.startswith("Running")] == [f"Running cell {n} of 3" for n in (1, 2, 3)]
    assert "loss" not in "".join(lines)
