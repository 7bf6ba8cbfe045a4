"""`%load_ext grader` and `%grade`, in an IPython shell and in a real kernel."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager

from grader.exercise import Exercise
from grader.grading import Graded
from grader.magic import GradedNotebook, this_notebook
from grader.workspace import remove
from tests.conftest import CHECKS, running

WAIT_S = 120


@pytest.fixture
def shell() -> InteractiveShell:
    made = InteractiveShell()
    made.run_line_magic("load_ext", "grader")
    return made


def test_a_notebook_is_graded_as_it_is_saved(
    shell: InteractiveShell, make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    exercise, path = make_exercise(CHECKS), write_notebook("x = '<b>4</b>'")
    shown = shell.run_line_magic("grade", f"{path} --exercise {exercise.folder} --data sample --sandbox auto")
    assert isinstance(shown, GradedNotebook)
    assert shown.report.status == "failed"
    html, text = shown._repr_html_(), repr(shown)
    assert "<code>x</code> is three." in html
    assert "✗ failed" in html
    assert "0/1" in html
    assert "&lt;b&gt;4&lt;/b&gt;" in html
    assert "<b>4" not in html
    assert "failed ✗" in text
    assert "`x` is three." in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_wrong_command_is_told(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.run_line_magic("grade", "nowhere.ipynb") is None
    assert "There is no nowhere.ipynb." in capsys.readouterr().out


def test_nothing_tells_which_notebook_it_is(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert shell.run_line_magic("grade", "--seed 1") is None
    assert "Name it: `%grade NOTEBOOK.ipynb`." in capsys.readouterr().out


def test_which_notebook_this_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    one, other = tmp_path / "one.ipynb", tmp_path / "other.ipynb"
    one.touch()
    assert this_notebook({}) == one, "the only one that lies here"
    other.touch()
    assert this_notebook({}) is None
    assert this_notebook({"__vsc_ipynb_file__": str(other)}) == other, "VS Code tells it"
    monkeypatch.setenv("JPY_SESSION_NAME", "course/week 1/other.ipynb")
    assert this_notebook({}) == other, "Jupyter tells it, from its own root folder"
    monkeypatch.setenv("JPY_SESSION_NAME", "b2f4-console")
    assert this_notebook({}) is None
    assert this_notebook({"__vsc_ipynb_file__": object()}) is None


def test_a_notebook_that_holds_it_can_be_graded(grade_cells: Callable[..., Graded]) -> None:
    """Students leave the cell in what they hand in."""
    graded = grade_cells("%load_ext grader", "x = 3", "%grade\n%grade --seed 1")
    assert graded.report.status == "passed"
    assert graded.report.execution.status == "ok"
    assert "is being graded" in json.dumps(graded.notebook)


# ---------------------------------------------------------------------- in a real kernel


class Kernel:
    """A student's own kernel, in which cells are run."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self._client = manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=WAIT_S)

    def start(self, cell: str) -> str:
        return str(self._client.execute(cell))

    def outputs(self, asked: str) -> list[dict[str, Any]]:
        """What a cell showed, when it is done."""
        found = []
        while True:
            message = self._client.get_iopub_msg(timeout=WAIT_S)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            if message["msg_type"] not in ("status", "execute_input"):
                found.append({"kind": message["msg_type"], **message["content"]})

    def run(self, cell: str) -> list[dict[str, Any]]:
        return self.outputs(self.start(cell))

    def family(self) -> list[psutil.Process]:
        """What the kernel has started."""
        return psutil.Process(self.manager.provisioner.pid).children(recursive=True)

    def close(self) -> None:
        self._client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="g-"))
    yield folder
    remove(folder)


@pytest.fixture
def kernel(scratch: Path, tmp_path: Path) -> Iterator[Kernel]:
    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path), env=os.environ | {"TMPDIR": str(scratch)})
    made = Kernel(manager)
    yield made
    made.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def warm_ones(processes: list[psutil.Process]) -> set[int]:
    """The outermost of each: a guard stands before the process itself, and its kernels are called as it is."""
    ours = {one.pid: one for one in processes if any(word.endswith("zygote.py") for word in one.cmdline()[:6])}
    return {pid for pid, one in ours.items() if one.ppid() not in ours}


def test_in_a_real_kernel(
    kernel: Kernel, scratch: Path, make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    """The report is shown once, the second comes from the same processes, an interrupt ends a grading and no more."""
    exercise = make_exercise(CHECKS, cell_s=1000, total_s=1000)
    path = write_notebook("print('epoch 7')", "x = 4")
    ask = f"%grade {path} --exercise {exercise.folder} --data sample"
    shown = kernel.run(f"%load_ext grader\n{ask}")
    told = [one["data"]["text/plain"] for one in shown if "data" in one]
    assert [text for text in told if "`x` is 4." in text] == [told[-1]], "the report is shown once"
    (result,) = [one for one in shown if one["kind"] == "execute_result"]
    assert "failed" in result["data"]["text/html"]
    assert [text for text in told if text.startswith("Running")][-1] == "Running cell 2 of 2"
    assert told[-2].startswith("It took ")

    until(lambda: len(warm_ones(kernel.family())) == 1)
    family = kernel.family()
    write_notebook("x = 3")
    assert "passed" in json.dumps(kernel.run(ask))
    assert warm_ones(kernel.family()) == warm_ones(family), "the same warm process"

    write_notebook("print('begun')\nopen('running', 'w').close()\nwhile True: pass")
    asked = kernel.start(ask)
    until(lambda: running(scratch) == 1)
    kernel.manager.interrupt_kernel()
    assert "KeyboardInterrupt" in json.dumps(kernel.outputs(asked))
    until(lambda: running(scratch) == 0)
    write_notebook("x = 3")
    assert "passed" in json.dumps(kernel.run(ask))
    assert warm_ones(kernel.family()) == warm_ones(family), "still the same"

    assert "There is no nowhere.ipynb." in json.dumps(kernel.run("%grade nowhere.ipynb"))
    family = kernel.family()
    kernel.manager.shutdown_kernel(now=False)
    assert not psutil.wait_procs(family, WAIT_S)[1], "nothing that it started is left"
    until(lambda: not list(scratch.iterdir()))


def test_a_kernel_that_is_killed_leaves_nothing_running(
    kernel: Kernel, scratch: Path, make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    exercise = make_exercise(CHECKS, cell_s=1000, total_s=1000)
    path = write_notebook("open('running', 'w').close()\nwhile True: pass")
    kernel.start(f"%load_ext grader\n%grade {path} --exercise {exercise.folder} --data sample")
    until(lambda: running(scratch) == 1)
    family = kernel.family()
    psutil.Process(kernel.manager.provisioner.pid).kill()
    assert not psutil.wait_procs(family, WAIT_S)[1]
    until(lambda: not list(scratch.iterdir()))
