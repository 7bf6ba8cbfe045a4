"""A small class, and `grade batch` on it, as a teacher types it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from grader import cli
from grader.batch import ahead
from grader.batch import command as batch_command
from grader.batch.beside import get_ready
from grader.exercise import Exercise
from grader.kernel.warm import Warm
from grader.scratch import remove
from grader.workers.tasks import Surroundings, begin
from tests.conftest import notebook

CHECKS = '''
import os
from pathlib import Path

from grader.checks import *

def note(text):
    with Path(os.environ["GRADED"]).open("a") as file:
        file.write(f"{text}\\n")

@check(points=1)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")

@check(points=2)
def y_is_harmless(run):
    """`y` is nothing that the check stumbles over."""
    if run.has("y"):
        note("died")
        os.kill(os.getppid(), 9)  # the worker: checks run in a process of their own
        os._exit(1)
    note("graded")
    return f"Whoever has the secret picks {run.rng.integers(10**9)}."
'''

# A notebook that is found out to be running, and takes a while.
SLOW = "import time\nopen('running', 'w').close()\ntime.sleep(1)\nx = 3"
ENDLESS = "open('running', 'w').close()\nwhile True: pass"

Batch = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def exercise(make_exercise: Callable[..., Exercise]) -> Exercise:
    return make_exercise(CHECKS)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where students hand in, the results go, and temporary files are; its path is short, sockets lie below it."""
    made = Path(tempfile.mkdtemp(prefix="g-"))
    (made / "in").mkdir()
    (made / "tmp").mkdir()
    yield made
    remove(made)


def hand_in(folder: Path, student: str, *sources: str) -> None:
    (folder / "in" / student).mkdir(exist_ok=True)
    (folder / "in" / student / "small.ipynb").write_text(json.dumps(notebook(*sources)))


def command(exercise: Exercise, folder: Path, *more: str, out: str = "out") -> list[str]:
    where = [str(exercise.folder), str(folder / "in"), "-o", str(folder / out)]
    return [sys.executable, "-m", "grader.cli", "batch", *where, "--workers", "2", "--data", "small", *more]


@contextmanager
def started(exercise: Exercise, folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`grade batch` at work, in a group of processes of its own; whoever leaves it leaves it dead."""
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        command(exercise, folder, *more), env=surroundings(folder), process_group=0, **pipes
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def surroundings(folder: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(folder / "tmp"), "GRADED": str(folder / "graded")}


@pytest.fixture
def batch(exercise: Exercise, folder: Path) -> Batch:
    """Run the command on what was handed in."""

    def run(*more: str, out: str = "out", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(exercise, folder, *more, out=out),
            env=surroundings(folder) | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=200,
            check=False,
        )

    return run


class Here:
    """A crew of one, in this process, with the kernels of a warm process that is there already."""

    def __init__(self, warm: Warm | None) -> None:
        begin(Surroundings(None if warm is None else warm.folder, warm), lambda *_: None)
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def executors(self) -> list[ThreadPoolExecutor]:
        return [self._thread]

    def steps(self) -> tuple[()]:
        return ()

    def abandon(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class AtOnce(Executor):
    """Does in this process, at once, what it is given; what is for a process of its own is left out."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(None if fn is get_ready else fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def quick_batch(
    exercise: Exercise, folder: Path, warm: Warm | None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[Batch]:
    """Run the command on what was handed in, within this process: for tests of what comes before grading and after."""
    crew = Here(warm)
    monkeypatch.setattr(batch_command, "_crew", lambda *_: nullcontext(crew))
    monkeypatch.setattr(batch_command, "_helpers", lambda *_: [AtOnce()])
    monkeypatch.setattr(batch_command, "forkserver", lambda *_: nullcontext(None))
    monkeypatch.setattr(ahead, "warmed", lambda **_: nullcontext(None))
    monkeypatch.setenv("GRADED", str(folder / "graded"))

    def run(*more: str, out: str = "out", **environment: str) -> subprocess.CompletedProcess[str]:
        _, _, _, *arguments = typed = command(exercise, folder, *more, out=out)
        monkeypatch.setattr(sys, "argv", ["grade", *arguments])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(typed, code, said.out, said.err)

    yield run
    crew.abandon()


def gradebook(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "out" / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def graded(folder: Path) -> list[str]:
    """What the checks wrote down each time that they ran."""
    return (folder / "graded").read_text().split() if (folder / "graded").exists() else []


def written(folder: Path) -> dict[str, int]:
    """The reports that are there, and when each was written."""
    reports = (folder / "out").glob("students/*/report.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in reports}


def grades(folder: Path, out: str = "out") -> dict[str, Any]:
    """What the reports say, without what differs from one run to the next."""
    found = {}
    for path in (folder / out).glob("students/*/report.json"):
        report = json.loads(path.read_text("utf-8"))
        checks = [{name: check[name] for name in ("name", "status", "score", "message")} for check in report["checks"]]
        cells = [(cell["status"], cell["error"]) for cell in report["execution"]["cells"]]
        same = {
            name: report[name] for name in ("status", "score", "max_score", "submission", "data", "seed", "sandbox")
        }
        found[report["student"]] = same | {"checks": checks, "cells": cells}
    return found


def wait_for(condition: Callable[[], Any], seconds: float = 90) -> Any:
    """What `condition` gives as soon as it is true."""
    ends = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < ends, "it did not come in time"
        time.sleep(0.02)
    return result
