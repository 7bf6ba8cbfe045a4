"""`grade batch`, as a teacher types it: a class of small notebooks, workers that die, batches that are stopped."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from grader.batch.workers import usual_workers
from grader.exercise import Exercise
from grader.kernel import sandbox
from grader.workspace import remove
from tests.conftest import notebook, running

CHECKS = '''
import os
from pathlib import Path

from grader.check import *

@check(points=1)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")

@check(points=2)
def y_is_harmless(run):
    """`y` is nothing that the check stumbles over."""
    if run.has("y"):
        with Path(os.environ["GRADED"]).open("a") as file:
            file.write("died\\n")
        os.kill(os.getpid(), 9)
    with Path(os.environ["GRADED"]).open("a") as file:
        file.write("graded\\n")
'''

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


def command(exercise: Exercise, folder: Path, *more: str) -> list[str]:
    where = [str(exercise.folder), str(folder / "in"), "-o", str(folder / "out")]
    return [sys.executable, "-m", "grader.cli", "batch", *where, "--workers", "2", "--data", "sample", *more]


def surroundings(folder: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(folder / "tmp"), "GRADED": str(folder / "graded")}


@pytest.fixture
def batch(exercise: Exercise, folder: Path) -> Batch:
    """Run the command on what was handed in."""

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(exercise, folder, *more),
            env=surroundings(folder),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=200,
            check=False,
        )

    return run


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


def test_a_class(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    hand_in(folder, "bob", "x = 4", "raise SystemExit")
    hand_in(folder, "Çelik [red]", "import os; os._exit(1)")
    (folder / "in" / "dan").mkdir()
    (folder / "in" / "dan" / "small.ipynb").write_text("no notebook")
    (folder / "in" / "eve").mkdir()
    (folder / "in" / "eve" / "essay.txt").write_text("I have no notebook")
    done = batch()
    assert done.returncode == 1, done.stderr
    assert "5 students: 1 passed, 3 failed, 1 missing." in done.stdout
    assert "4/4 " in done.stderr
    found = gradebook(folder)
    assert [found[name]["status"] for name in ("ann", "bob", "Çelik [red]", "dan", "eve")] == [
        *("passed", "failed", "failed", "failed", "missing")
    ]
    assert (found["ann"]["score"], found["bob"]["score"], found["eve"]["score"]) == ("3", "2", "")
    assert json.loads((folder / "out" / "summary.json").read_text())["statuses"]["passed"] == 1
    assert list((folder / "tmp").iterdir()) == []

    before = written(folder)
    hand_in(folder, "bob", "x = 3")
    again = batch()
    assert again.returncode == 1
    assert "3 results there already" in again.stdout
    assert {name for name, when in written(folder).items() if before[name] != when} == {"bob"}
    assert gradebook(folder)["bob"]["status"] == "passed"

    assert batch("--fresh").returncode == 1
    assert all(when != before[name] for name, when in written(folder).items())


@pytest.mark.parametrize(
    ("memory_mb", "processors", "available", "workers"),
    [(1000, 4, 10e9, 4), (4000, 8, 10e9, 2), (4000, 8, 1e9, 1), (100, 1, 10e9, 1)],
)
def test_as_many_workers_as_there_is_room_for(
    memory_mb: float, processors: int, available: float, workers: int
) -> None:
    assert usual_workers(memory_mb, processors, available) == workers


def test_a_worker_that_dies_costs_nobody_else_anything(folder: Path, batch: Batch) -> None:
    for number in range(4):
        hand_in(folder, f"honest-{number}", "x = 3")
    hand_in(folder, "a-poisonous-one", "x = y = 3")
    done = batch()
    assert done.returncode == 3, done.stderr
    found = gradebook(folder)
    assert {found[f"honest-{number}"]["status"] for number in range(4)} == {"passed"}
    assert (found["a-poisonous-one"]["status"], found["a-poisonous-one"]["score"]) == ("ungraded", "")
    report = json.loads((folder / "out" / "students" / "a-poisonous-one" / "report.json").read_text())
    assert "died twice" in report["checks"][0]["message"]
    assert sorted(graded(folder)) == ["died"] * 2 + ["graded"] * 4


def test_a_batch_that_is_killed_goes_on_where_it_was(exercise: Exercise, folder: Path, batch: Batch) -> None:
    """Whenever it is killed: no result is lost or damaged, and none that was written is made again."""
    students = [f"student-{number}" for number in range(8)]
    for number, student in enumerate(students):
        hand_in(folder, student, f"x = {number % 2 + 3}")
    chance = random.Random(4)
    known: dict[str, int] = {}
    for _ in range(3):
        process = subprocess.Popen(
            command(exercise, folder),
            env=surroundings(folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 60
        wanted = len(known) + 1
        while len(written(folder)) < wanted and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.2))
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        until = time.monotonic() + 20
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family):
            assert time.monotonic() < until, "something outlives the batch"
            time.sleep(0.05)
        now = written(folder)
        assert known.items() <= now.items()
        known = now
    assert batch().returncode == 1
    assert known.items() <= written(folder).items()
    found = gradebook(folder)
    assert [found[student]["status"] for student in students] == ["passed", "failed"] * 4


@pytest.mark.skipif(os.name == "nt", reason="process groups")
def test_ctrl_c_keeps_what_is_finished(exercise: Exercise, folder: Path) -> None:
    hand_in(folder, "quick", "x = 3")
    hand_in(folder, "slow-1", "open('running', 'w').close()\nwhile True: pass")
    hand_in(folder, "slow-2", "open('running', 'w').close()\nwhile True: pass")
    process = subprocess.Popen(
        command(exercise, folder),
        env=surroundings(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    try:
        until = time.monotonic() + 60
        while running(folder / "tmp") < 2 or not written(folder):
            assert time.monotonic() < until
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Stopped."
    found = gradebook(folder)
    assert [found[name]["status"] for name in ("quick", "slow-1", "slow-2")] == ["passed", "pending", "pending"]
    assert list((folder / "tmp").iterdir()) == []


def test_two_batches_into_one_folder(exercise: Exercise, folder: Path, batch: Batch) -> None:
    hand_in(folder, "slow", "open('running', 'w').close()\nwhile True: pass")
    with subprocess.Popen(command(exercise, folder), env=surroundings(folder), stdout=-3, stderr=-3) as first:
        try:
            until = time.monotonic() + 60
            while not running(folder / "tmp"):
                assert time.monotonic() < until
                time.sleep(0.05)
            second = batch()
        finally:
            first.send_signal(signal.SIGINT)
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1


def test_without_a_sandbox_it_warns_loudly(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    done = batch("--sandbox", "off")
    assert done.returncode == 0, done.stderr
    assert "WARNING: these notebooks run without some of what should hold them: " in done.stderr
    assert "no network" in done.stderr
    broken = sandbox.broken_promises(sandbox.examine().layers)
    assert ("WARNING" in batch("--fresh", "--sandbox", "auto").stderr) == bool(broken)
