"""Shared fixtures: small exercises and notebooks made on the spot, real data where it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, settings
from nbformat.v4 import new_code_cell, new_notebook

from grader.datasets import DATASETS
from grader.exercise import Exercise, load
from grader.grading import Graded, Options, grade
from grader.kernel.warm import Warm, warmed
from grader.submission import Submission

ROOT = Path(__file__).parent.parent

# A machine may be as slow as it likes.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    _hear_signals()
    # One cache for all workers of this run, and no trace of it in the user's own folders.
    if not hasattr(config, "workerinput"):
        config.stash[_CACHE] = os.environ["GRADER_CACHE"] = tempfile.mkdtemp(prefix="grade-tests-")
        os.environ["GRADER_SECRET"] = "the secret of the tests"
        os.environ["GRADER_LANG"] = "en"  # whoever runs them may sit at a Finnish machine
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # kernels run side by side here
        beside = ROOT.parent / "shared" / "data"
        given = os.environ.pop("GRADER_DATA", str(beside))
        if (Path(given) / "MNIST").is_dir():
            os.environ["GRADER_TEST_DATA"] = str(Path(given).absolute())


def _hear_signals() -> None:
    """Give children the usual signals, where whoever started the tests ignores some: `nohup`, a script's `&`.

    What is ignored stays so in programs that are started; what is handled is as usual in them.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGTERM", "SIGQUIT"):
        one = getattr(signal, name, None)  # Windows lacks some
        if one is not None and signal.getsignal(one) is signal.SIG_IGN:
            signal.signal(one, lambda *_: None)  # the tests themselves go on


def pytest_unconfigure(config: pytest.Config) -> None:
    cache = config.stash.get(_CACHE, None)
    if cache is not None:
        for path in Path(cache).rglob("*"):
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(cache, ignore_errors=True)


_CACHE = pytest.StashKey[str]()


@pytest.fixture
def full_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the real data sets, as GRADER_DATA."""
    folder = os.environ.get("GRADER_TEST_DATA")
    if folder is None:
        pytest.skip("the real data sets are not here (GRADER_DATA)")
    monkeypatch.setenv("GRADER_DATA", folder)
    return Path(folder)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm | None]:
    """A warm process for notebooks that need no kernel of their own, with the samples of all data sets."""
    with warmed(one.view("sample") for one in DATASETS.values()) as process:
        yield process


# What takes long and is told by other, quicker tests as well.
thorough = pytest.mark.skipif(
    not os.environ.get("GRADER_TEST_EVERY_MODE"), reason="takes its time: `make thorough` runs it"
)

EXERCISE = """
id = "{id}"
title = {{ en = "A small exercise", fi = "Pieni harjoitus" }}
notebook = "small.ipynb"
chapter = "100"
{more}
[budget]
memory_mb = 1500
output_mb = 1
cpu = {{ cell_s = {cell_s}, total_s = {total_s} }}
answer_s = {answer_s}
check_s = {check_s}
"""

CHECKS = '''
from grader.checks import *

@check(points=1)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")
'''


@pytest.fixture
def make_exercise(tmp_path: Path) -> Callable[..., Exercise]:
    """Write a small exercise: ``make_exercise(checks, cell_s=60, total_s=120, answer_s=20, more="")``."""

    def make(
        checks: str = CHECKS,
        *,
        cell_s: float = 60,
        total_s: float = 120,
        answer_s: float = 20,
        check_s: float = 60,
        more: str = "",
    ) -> Exercise:
        folder = tmp_path / "exercises" / "small"
        folder.mkdir(parents=True, exist_ok=True)
        limits = {"cell_s": cell_s, "total_s": total_s, "answer_s": answer_s, "check_s": check_s}
        text = EXERCISE.format(id="small", more=more, **limits)
        (folder / "exercise.toml").write_text(text)
        (folder / "checks.py").write_text(checks)
        return load(folder)

    return make


SAMPLE = Options(data="small")


def listing(folder: Path) -> list[str]:
    """Everything in a folder and below it, by name."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def running(folder: Path) -> int:
    """How many notebooks below this folder have written a file named `running`; folders may vanish meanwhile."""
    return sum(top.endswith("notebook") and "running" in files for top, _, files in os.walk(folder))


def notebook(*sources: str) -> nbformat.NotebookNode:
    """A notebook of code cells."""
    return new_notebook(cells=[new_code_cell(source) for source in sources])


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of these code cells beside nothing else; its path."""

    def write(*sources: str, name: str = "small.ipynb") -> Path:
        folder = tmp_path / "handed-in"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(json.dumps(notebook(*sources)))
        return path

    return write


@pytest.fixture
def grade_cells(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path], warm: Warm | None
) -> Callable[..., Graded]:
    """Grade a notebook of these cells in a real kernel: a fork of the warm process, or one of its own if `cold`."""

    def run(
        *sources: str, checks: str = CHECKS, options: Options = SAMPLE, cold: bool = False, **exercise: object
    ) -> Graded:
        options = replace(options, warm=None if cold else warm)
        return grade(Submission(write_notebook(*sources)), make_exercise(checks, **exercise), options)

    return run


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's own folder."""
    return ROOT


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new empty folder, the working folder."""
    folder = tmp_path / "course"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
