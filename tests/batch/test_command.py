"""`grade batch`, as a teacher types it: a class of small notebooks, workers that die, batches that are stopped."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from grader.batch import teacher
from grader.exercise import Exercise
from grader.kernel import sandbox
from grader.workers.crew import usual_workers
from tests.batches import (
    ENDLESS,
    Batch,
    command,
    gradebook,
    graded,
    grades,
    hand_in,
    started,
    surroundings,
    written,
)
from tests.conftest import running, thorough
from tests.formats.test_marimo import book, cell


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
    assert "5 students: 1 full marks, 1 passed, 2 not passed, 1 missing." in done.stdout
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


def test_a_class_in_several_formats(folder: Path, quick_batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    files = {
        "bob/small.py": book(cell("x = z"), cell("z = 3")),
        "cid/small.py": "# %%\nz = 3\n# %%\nx = z\n",
        "dan/small.qmd": "```{python}\nx = 2\n```\n",
        "eve/small.py": "x = 3\n",
        "fay/small.pdf": "%PDF-1.7",
    }
    for name, text in files.items():
        path = folder / "in" / name
        path.parent.mkdir()
        path.write_text(text)
    assert quick_batch().returncode == 1
    found = gradebook(folder)
    statuses = {name: found[name]["status"] for name in ("ann", "bob", "cid", "dan", "eve", "fay")}
    assert statuses == {"dan": "failed", "eve": "failed", "fay": "failed"} | dict.fromkeys(
        ("ann", "bob", "cid"), "passed"
    )
    said = {name: (folder / "out" / "students" / name / "report.json").read_text("utf-8") for name in ("eve", "fay")}
    assert "is a Python script" in said["eve"]
    assert "is a PDF" in said["fay"]

    before = written(folder)
    (folder / "in" / "bob" / "small.py").write_text(files["bob/small.py"].replace("def _():", "def named():", 1))
    (folder / "in" / "cid" / "small.py").write_text(files["cid/small.py"] + "# %%\nx = 2\n")
    assert quick_batch().returncode == 1
    assert {name for name, when in written(folder).items() if before[name] != when} == {"cid"}, (
        "names of cells change nothing"
    )


def test_where_somebody_is_missing_not_everybody_passed(folder: Path, quick_batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    assert quick_batch().returncode == 0
    (folder / "in" / "eve").mkdir()
    (folder / "in" / "eve" / "essay.txt").write_text("I have no notebook")
    assert quick_batch().returncode == 1


@pytest.mark.parametrize("which", ["write_grades", "write_gradebook", "write_summary"])
def test_a_gradebook_that_cannot_be_written_says_that_the_results_are_there(
    which: str, folder: Path, quick_batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "out" / "draft"), None, "grade.book")

    hand_in(folder, "ann", "x = 3")
    with monkeypatch.context() as patch:
        patch.setattr(teacher, which, full)
        done = quick_batch()
    assert done.returncode == 3
    told = " ".join(done.stderr.split())
    assert "grade.book cannot be written: No space left on device." in told
    assert "Every student's result is there." in told
    assert "Nothing was graded" not in told
    before = written(folder)
    assert quick_batch().returncode == 0
    assert written(folder) == before, "nothing is graded twice"


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
    found = grades(folder)
    assert [found[student]["status"] for student in students] == ["passed", "failed"] * 4
    for student, twin in zip(students, students[:2] * 4, strict=True):
        assert found[student] | {"submission": ""} == found[twin] | {"submission": ""}
    assert list((folder / "tmp").iterdir()) == []  # what the killed ones left is swept away


@pytest.mark.skipif(os.name == "nt", reason="process groups")
@pytest.mark.parametrize("by", ["SIGINT", pytest.param("SIGHUP", marks=thorough)])
def test_ctrl_c_or_a_closed_terminal_keeps_what_is_finished(by: str, exercise: Exercise, folder: Path) -> None:
    hand_in(folder, "quick", "x = 3")
    hand_in(folder, "slow-1", ENDLESS)
    hand_in(folder, "slow-2", ENDLESS)
    with started(exercise, folder) as process:
        until = time.monotonic() + 60
        while running(folder / "tmp") < 2 or not written(folder):
            assert time.monotonic() < until
            time.sleep(0.05)
        os.killpg(process.pid, getattr(signal, by))
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + getattr(signal, by)
    assert err.splitlines()[-1] == "Stopped."
    found = gradebook(folder)
    assert [found[name]["status"] for name in ("quick", "slow-1", "slow-2")] == ["passed", "pending", "pending"]
    assert list((folder / "tmp").iterdir()) == []


def test_two_batches_into_one_folder(exercise: Exercise, folder: Path, batch: Batch) -> None:
    hand_in(folder, "slow", ENDLESS)
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


def test_without_a_sandbox_it_warns_loudly(folder: Path, quick_batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    done = quick_batch("--sandbox", "off")
    assert done.returncode == 0, done.stderr
    assert "WARNING: these notebooks run without some of what should hold them: " in done.stderr
    assert "no network" in done.stderr
    broken = sandbox.broken_promises(sandbox.examine().layers)
    assert ("WARNING" in quick_batch("--fresh", "--sandbox", "auto").stderr) == bool(broken)
