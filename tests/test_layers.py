"""Who may import whom: what pyproject.toml says of it holds, and would be heard of if it did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def kept(root: Path) -> bool:
    """Whether the package that lies in this folder keeps the contracts."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Contracts: " in done.stdout, done.stderr
    return done.returncode == 0


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    shutil.copytree(repository / "grader", tmp_path / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "imports"),
    [
        ("", ""),
        ("intake/names.py", "grader.grades.gradebook"),  # a room that knows one above it
        ("intake/names.py", "grader.intake.collect"),  # a circle within a room
        ("kernel/wire.py", "grader.exercise"),
        ("report.py", "grader.grading"),
    ],
)
def test_the_layers_hold_and_a_circle_is_heard_of(copy: Path, module: str, imports: str) -> None:
    if module:
        with (copy / "grader" / module).open("a") as file:
            file.write(f"\n\ndef later():\n    import {imports}\n")
    assert kept(copy) == (not module)
