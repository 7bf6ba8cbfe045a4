"""Processes that grade: what they are asked, what they answer, and what becomes of them."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from grader.exercise import Exercise
from grader.exercise_files import Files, paths_of
from grader.grading import Options, grade
from grader.submission import Submission
from grader.workers.crew import Process, Step, main
from grader.workers.forkserver import forkserver
from grader.workers.tasks import Surroundings, Task, grade_task
from tests.batches import wait_for
from tests.conftest import ROOT, listing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")


@pytest.fixture(params=["started", "forked"])
def process(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    """A process that was started anew, and one that was forked: nobody can tell the difference."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    with forkserver(main) if request.param == "forked" else nullcontext() as server:
        if server is None and request.param == "forked":
            pytest.skip("nothing can be forked here")
        made = Process(Surroundings(folder), server=server)
        yield made
        made.shutdown()


def test_it_does_one_thing_after_another(process: Process) -> None:
    first, second = process.submit(os.getpid), process.submit(os.path.join, "a", "b")
    assert first.result(60) == process.submit(os.getpid).result(60) != os.getpid()
    assert second.result(60) == "a/b"


def test_what_a_function_raises_is_raised(process: Process) -> None:
    with pytest.raises(ZeroDivisionError):
        process.submit(divmod, 1, 0).result(60)
    assert process.submit(divmod, 5, 2).result(60) == (2, 1)


def test_what_is_printed_is_no_answer(process: Process) -> None:
    assert process.submit(print, "a check prints this", flush=True).result(60) is None
    assert process.submit(os.system, "echo and this").result(60) == 0


def test_when_it_dies_that_is_told_and_the_next_has_another(process: Process) -> None:
    first = process.submit(os.getpid).result(60)
    with pytest.raises(BrokenExecutor):
        process.submit(os.kill, first, signal.SIGKILL).result(60)
    second = process.submit(os.getpid).result(60)
    assert second != first
    idle = psutil.Process(second)
    idle.kill()  # now it has nothing to do: nobody's work is broken by that
    wait_for(lambda: not idle.is_running() or idle.status() == psutil.STATUS_ZOMBIE)
    assert process.submit(os.getpid).result(60) not in (first, second)


def test_it_can_be_stopped(process: Process) -> None:
    pid = process.submit(os.getpid).result(60)
    future = process.submit(time.sleep, 60)
    wait_for(future.running)
    process.stop()
    with pytest.raises(BrokenExecutor):
        future.result(60)
    assert not psutil.pid_exists(pid)


def test_shut_down_it_is_gone(process: Process) -> None:
    pid = process.submit(os.getpid).result(60)
    process.shutdown()
    assert not psutil.pid_exists(pid)
    process.shutdown()  # and that is no fault


def test_threads_are_for_its_environment(tmp_path: Path) -> None:
    with Process(Surroundings(tmp_path), threads=3) as process:
        assert process.submit(os.getenv, "OMP_NUM_THREADS").result(60) == "3"


PARENT = """
import os, sys, time
from contextlib import nullcontext
from grader.workers.forkserver import forkserver
from grader.workers.tasks import Surroundings
from grader.workers.crew import Process, main
with forkserver(main) if "forked" in sys.argv else nullcontext() as server:
    process = Process(Surroundings(), server=server)
    print(process.submit(os.getpid).result(), flush=True)
    process.submit(time.sleep, 60)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it first ends what it is doing")
@pytest.mark.parametrize("how", ["started", "forked"])
def test_it_dies_with_its_parent(how: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, how], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20)


# ---------------------------------------------------------------------- tasks


@pytest.fixture
def task(make_exercise: Callable[..., Exercise], tmp_path: Path) -> Callable[..., Task]:
    """A task as it arrives: of the folders that it was made from, nothing is there any more."""

    def made(submission: Submission, checks: str, **files: str) -> Task:
        exercise = make_exercise(checks)
        for name, text in files.items():
            (exercise.folder / f"{name}.txt").write_text(text)
        one = Task.of(submission, Files.read(paths_of(exercise), exercise.course), Options(data="small", secret=b"x"))
        shutil.rmtree(exercise.folder)
        if submission.path.exists():
            shutil.rmtree(submission.path.parent)
        return pickle.loads(pickle.dumps(one))  # type: ignore[no-any-return]

    return made


ANSWER_BESIDE = '''
from pathlib import Path
from grader.checks import *

@check(points=1)
def x_is_right(run):
    """`x` is what the file beside the checks says."""
    expect_count(run.value("x"), int((Path(__file__).parent / "answer.txt").read_text()), "`x`")
    return f"{run.rng.integers(10**9)}"
'''


def test_a_task_brings_all_that_it_takes(
    process: Process,
    task: Callable[..., Task],
    make_exercise: Callable[..., Exercise],
    write_notebook: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = write_notebook("from below.helper import x", "steps = 2")
    (path.parent / "below").mkdir()
    (path.parent / "below" / "helper.py").write_text("x = 7")
    exercise = make_exercise(ANSWER_BESIDE)
    (exercise.folder / "answer.txt").write_text("7")
    alone = grade(Submission(path), exercise, Options(data="small", secret=b"x")).report
    one = task(Submission(path, "ann", "class.zip/ann.ipynb"), ANSWER_BESIDE, answer="7")
    future = process.submit(grade_task, one)
    steps = set()
    while not future.done():
        steps.add(process.step())
        time.sleep(0.01)
    outcome = future.result()
    assert outcome.failure == ""
    report = outcome.graded().report
    assert (report.status, report.student, report.submission) == ("passed", "ann", "class.zip/ann.ipynb")
    assert report.checks[0].message == alone.checks[0].message, "it meets the same questions, alone and in a batch"
    assert steps & {Step("cell", 1, 2), Step("cell", 2, 2), Step("check", 1, 1)}
    left = listing(tmp_path / "scratch")
    assert [name for name in left if name.endswith("helper.py")] == []  # the exercise is kept for the next one


def test_what_cannot_be_read_where_it_lies_is_told_alike(
    task: Callable[..., Task], make_exercise: Callable[..., Exercise], tmp_path: Path
) -> None:
    path = tmp_path / "ann" / "small.ipynb"
    path.parent.mkdir()
    os.mkfifo(path)
    here = grade(Submission(path, "ann"), make_exercise(), Options(data="small")).report
    outcome = grade_task(task(Submission(path, "ann"), (make_exercise().folder / "checks.py").read_text()))
    there = outcome.graded().report
    assert here.execution.error == "The notebook is no ordinary file."
    assert there.model_copy(update={"started": ""}) == here.model_copy(update={"started": ""})


def test_what_fails_in_the_grader_is_told_in_a_sentence(
    task: Callable[..., Task], write_notebook: Callable[..., Path]
) -> None:
    outcome = grade_task(task(Submission(write_notebook("x = 3"), "ann"), "1 / 0"))
    assert "checks.py cannot be run: ZeroDivisionError" in outcome.failure
    assert outcome.report == ""
