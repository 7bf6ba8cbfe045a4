"""`%load_ext grader` and `%grade`, in an IPython shell and in a real kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from grader.exercise import Exercise
from grader.grading import Graded
from grader.magic import GradedNotebook, this_notebook
from tests.conftest import CHECKS


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
