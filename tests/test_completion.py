"""Shells complete commands, options and exercises: asked as each shell asks, and by bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.exercise import ids_near
from tests.conftest import ROOT, thorough
from tests.test_cli import grade

IDS = ids_near(ROOT)


def offered(shell: str, words: list[str]) -> list[str]:
    """What is offered for the last word."""
    line = " ".join(words)
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_TYPER_COMPLETE_ARGS": line}
    done = grade(cwd=ROOT, _GRADE_COMPLETE=f"complete_{shell}", _TYPER_COMPLETE_FISH_ACTION="get-args", **asked)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["grade", "11"], [one for one in IDS if one.startswith("11")]),
        pytest.param(["grade", "stat"], ["status"], marks=thorough),
        pytest.param(
            ["grade", "notebook", "--exercise", "7"], [one for one in IDS if one.startswith("7")], marks=thorough
        ),
        (["grade", "validate", "100", "10"], [one for one in IDS if one.startswith("10")]),
        pytest.param(["grade", "batch", "3"], [one for one in IDS if one.startswith("3")], marks=thorough),
        (["grade", "110", "--devi"], ["--device"]),  # as of `grade notebook`
    ],
)
def test_what_is_offered(words: list[str], some: list[str]) -> None:
    assert some
    assert offered("bash", words) == some


def test_commands_and_exercises_stand_together() -> None:
    found = offered("bash", ["grade", ""])
    assert {"status", "batch", *IDS} <= set(found)


@pytest.mark.parametrize("shell", ["zsh", pytest.param("fish", marks=thorough)])
def test_other_shells(shell: str) -> None:
    assert [one for one in IDS if any(one in word for word in offered(shell, ["grade", "11"]))] == [
        one for one in IDS if one.startswith("11")
    ]
    assert "_GRADE_COMPLETE" in grade("completion", shell).stdout


def test_bash_itself_completes() -> None:
    bash = shutil.which("bash")
    if bash is None or not Path(sys.executable).with_name("grade").exists():
        pytest.skip("bash, or the command, is not here")
    script = """
    eval "$(grade completion bash)"
    complete -p grade >/dev/null || exit 9
    COMP_WORDS=(grade 11) COMP_CWORD=1
    _grade_completion grade 11 grade
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [one for one in IDS if one.startswith("11")]


def test_an_unknown_shell_is_refused() -> None:
    done = grade("completion", "tcsh")
    assert done.returncode == 2
    assert "tcsh" in done.stderr
