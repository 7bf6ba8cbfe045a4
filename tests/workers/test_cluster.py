"""`grade batch --scheduler`: a real Dask cluster, whose workers come, go and die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from grader.exercise import Exercise
from grader.workers import seats as member
from grader.workers.crew import Needs
from grader.workers.seats import Order, Replaced, carry_out
from tests.batches import (
    ENDLESS,
    SLOW,
    Batch,
    gradebook,
    graded,
    grades,
    hand_in,
    started,
    surroundings,
    wait_for,
    written,
)
from tests.conftest import running, thorough

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are killed by signals")


@dataclass
class Dask:
    """A scheduler and its workers, each a process with a folder of its own for temporary files."""

    folder: Path
    address: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        """Start a process of the cluster. It has another secret than the client, as another machine would."""
        (self.folder / name).mkdir()
        around = surroundings(self.folder) | {"TMPDIR": str(self.folder / name), "GRADER_SECRET": "another one"}
        command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=self.folder, env=around | environment, stderr=log, stdout=log
            )

    def worker(self, name: str, threads: int = 1, **environment: str) -> None:
        """Start a worker."""
        options = ["--no-nanny", "--nthreads", str(threads), "--local-directory", str(self.folder / name)]
        self.start(name, "worker", self.address, *options, **environment)

    def running(self, name: str) -> int:
        """How many notebooks a worker is running."""
        return running(self.folder / name)

    def left(self, name: str) -> list[str]:
        """Scratch folders of a worker's that are there."""
        return [path.name for path in (self.folder / name).glob("grade-*")]


@contextmanager
def dask(folder: Path) -> Iterator[Dask]:
    """A scheduler without workers."""
    cluster = Dask(folder)
    file = folder / "scheduler.json"
    try:
        cluster.start("s", "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        cluster.address = json.loads(wait_for(lambda: file.exists() and file.read_text()))["address"]
        yield cluster
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def cluster(folder: Path) -> Iterator[Dask]:
    """A scheduler without workers, and `folder`'s notebooks."""
    with dask(folder) as made:
        yield made


@thorough
def test_a_worker_is_killed_in_the_middle(folder: Path, batch: Batch, exercise: Exercise, cluster: Dask) -> None:
    """Every submission has its result, and it is the one that this machine gives."""
    for number in range(6):
        hand_in(folder, f"student-{number}", SLOW.replace("x = 3", f"x = {number % 2 + 3}"))
    hand_in(folder, "unreadable", "x = 3")
    (folder / "in" / "unreadable" / "small.ipynb").write_text("no notebook")
    hand_in(folder, "with-companions", "from below.helper import x")
    (folder / "in" / "with-companions" / "below").mkdir()
    (folder / "in" / "with-companions" / "below" / "helper.py").write_text("x = 3")
    assert batch(out="here").returncode == 1
    assert len(graded(folder)) == 7
    cluster.worker("a")
    cluster.worker("b")
    with started(exercise, folder, "--scheduler", cluster.address) as process:
        wait_for(lambda: written(folder) and cluster.running("a") and cluster.running("b"))
        cluster.processes["a"].kill()
        _, err = process.communicate(timeout=100)
    assert process.returncode == 1, err
    assert err.count("\n") == 8
    assert grades(folder) == grades(folder, "here")
    assert len(graded(folder)) in (14, 15)  # what it had just judged, it may have judged in vain
    assert cluster.left("b") == []
    assert cluster.processes["b"].poll() is None


@thorough
def test_a_poisonous_notebook_takes_no_worker_down(folder: Path, batch: Batch, cluster: Dask) -> None:
    hand_in(folder, "a-poisonous-one", "x = y = 3")
    for number in range(3):
        hand_in(folder, f"honest-{number}", "x = 3")
    cluster.worker("a", threads=2)
    done = batch("--scheduler", cluster.address)
    assert done.returncode == 3, done.stderr
    found = gradebook(folder)
    assert {found[f"honest-{number}"]["status"] for number in range(3)} == {"passed"}
    assert (found["a-poisonous-one"]["status"], found["a-poisonous-one"]["score"]) == ("ungraded", "")
    assert sorted(graded(folder)) == ["died"] * 2 + ["graded"] * 3
    assert cluster.processes["a"].poll() is None


@thorough
def test_workers_that_come_later_are_used(folder: Path, exercise: Exercise, cluster: Dask) -> None:
    """And when no worker is left, another one is waited for."""
    for number in range(6):
        hand_in(folder, f"student-{number}", SLOW)
    cluster.worker("a")
    with started(exercise, folder, "--scheduler", cluster.address) as process:
        wait_for(lambda: written(folder) and cluster.running("a"))
        cluster.processes["a"].kill()
        cluster.worker("b")
        _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert {row["status"] for name, row in gradebook(folder).items() if name.startswith("student")} == {"passed"}


@thorough
def test_ctrl_c_ends_what_the_workers_do(folder: Path, exercise: Exercise, cluster: Dask) -> None:
    hand_in(folder, "slow-1", ENDLESS)
    hand_in(folder, "slow-2", ENDLESS)
    cluster.worker("a", threads=2)
    with started(exercise, folder, "--scheduler", cluster.address) as process:
        wait_for(lambda: cluster.running("a") == 2)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Stopped."
    wait_for(lambda: cluster.left("a") == [], 40)  # by themselves they would go on for longer
    assert cluster.processes["a"].poll() is None


@thorough
def test_when_the_scheduler_is_gone_it_says_so(folder: Path, exercise: Exercise, cluster: Dask) -> None:
    hand_in(folder, "quick", "x = 3")
    hand_in(folder, "slow", ENDLESS)
    cluster.worker("a", threads=2)
    with started(exercise, folder, "--scheduler", cluster.address) as process:
        wait_for(lambda: written(folder) and cluster.running("a"))
        cluster.processes["s"].kill()
        _, err = process.communicate(timeout=100)
    assert process.returncode == 3
    assert err.splitlines()[-1].startswith(f"The scheduler at {cluster.address} is gone")
    assert [gradebook(folder)[name]["status"] for name in ("quick", "slow")] == ["passed", "pending"]
    wait_for(lambda: cluster.left("a") == [], 40)


def test_a_cluster_of_this_machine(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    hand_in(folder, "bob", "x = 4")
    done = batch("--scheduler", "local")
    assert done.returncode == 1, done.stderr

    assert (gradebook(folder)["ann"]["status"], gradebook(folder)["bob"]["status"]) == ("passed", "failed")
    assert done.stderr.count("\n") == 2
    assert list((folder / "tmp").iterdir()) == []


@thorough
def test_ctrl_c_ends_a_cluster_of_this_machine(folder: Path, exercise: Exercise) -> None:
    hand_in(folder, "slow-1", ENDLESS)
    hand_in(folder, "slow-2", ENDLESS)
    with started(exercise, folder, "--scheduler", "local") as process:
        wait_for(lambda: running(folder / "tmp") == 2)
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "Stopped.\n"
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    assert list((folder / "tmp").iterdir()) == []


# ---------------------------------------------------------------------- what is wrong is said in a sentence


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What was said, where nothing was graded."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


@thorough
def test_nobody_answers(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", "x = 3")
    assert one_line(batch("--scheduler", "tcp://127.0.0.1:1")).startswith("No scheduler answers at tcp://127.0.0.1:1")
    assert one_line(batch("--scheduler", "moon")).startswith("No scheduler answers at moon")


@thorough
def test_nobody_is_there(folder: Path, batch: Batch, cluster: Dask) -> None:
    hand_in(folder, "ann", "x = 3")
    assert "has no workers. Start some: `dask worker tcp://" in one_line(batch("--scheduler", cluster.address))


def test_a_worker_with_another_version(folder: Path, batch: Batch, cluster: Dask, tmp_path: Path) -> None:
    hand_in(folder, "ann", "x = 3")
    (tmp_path / "grader-0.0.9.dist-info").mkdir()
    (tmp_path / "grader-0.0.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: grader\nVersion: 0.0.9")
    cluster.worker("a", PYTHONPATH=str(tmp_path))
    assert "has version 0.0.9 of the grader, and this is" in one_line(batch("--scheduler", cluster.address))
    assert graded(folder) == []


def test_the_package_is_missing(folder: Path, batch: Batch, tmp_path: Path) -> None:
    hand_in(folder, "ann", "x = 3")
    (tmp_path / "distributed.py").write_text("raise ModuleNotFoundError(name='distributed')")
    said = one_line(batch("--scheduler", "local", PYTHONPATH=str(tmp_path)))
    assert said.startswith("Grading on a cluster needs the package distributed")
    assert "grader[cluster]" in said


@thorough
def test_a_worker_without_the_data_costs_no_points(
    folder: Path, make_exercise: Callable[..., Exercise], cluster: Dask, batch: Batch
) -> None:
    make_exercise(more='data = ["mnist"]')
    hand_in(folder, "ann", "x = 3")
    cluster.worker("a", GRADER_DATA=str(folder / "nothing"))
    done = batch("--scheduler", cluster.address, "--data", "full")
    assert done.returncode == 3, done.stderr
    row = gradebook(folder)["ann"]
    assert (row["status"], row["score"]) == ("ungraded", "")
    assert "The real data set 'mnist' is not in" in done.stdout


# ---------------------------------------------------------------------- one worker's side


def test_what_was_meant_for_another_process_is_not_done() -> None:
    order = Order("another", Needs((), "sample", "cpu"), 1, "", 0, (print, (), {}))
    with pytest.raises(Replaced):
        carry_out(order)
    assert member._places == {}
