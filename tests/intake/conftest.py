"""The exercise `small`, and a folder of what was handed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.exercise import Exercise
from grader.intake.attempt import HandedIn
from grader.intake.collect import find
from tests.intake.handed import Find


@pytest.fixture
def find_in(make_exercise: Callable[..., Exercise], tmp_path: Path) -> Find:
    """Find submissions of the exercise `small`, whose notebook is `small.ipynb`."""
    exercise = make_exercise()

    def run(path: Path) -> HandedIn:
        return find(path, exercise, tmp_path / "into")

    return run


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "class-of-2026"
    folder.mkdir()
    return folder
