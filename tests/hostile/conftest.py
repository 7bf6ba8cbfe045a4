"""Places that hold secrets."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.hostile import corpus


@dataclass(frozen=True)
class Places:
    """Where a notebook would look, if somebody told it; each holds a text that begins with ``CANARY-``."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    canaries: tuple[str, ...] = ()

    @property
    def course(self) -> Path:
        """Exercises and solutions."""
        return self.folder / "course"

    @property
    def exercise(self) -> Path:
        """The exercise, with its checks."""
        return self.course / "exercises" / "hostile"

    def told(self) -> str:
        """A cell that tells the notebook everything."""
        repository = corpus.HERE.parent.parent
        known = {
            "checks": self.exercise / "checks.py",
            "solution": self.folder / "course" / "solutions" / "hostile" / "hostile.ipynb",
            "labels": self.folder / "data" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte",
            "neighbour": self.folder / "handed-in" / "alice" / "hostile.ipynb",
            "results": self.folder / "handed-in" / "alice" / ".grade" / "hostile" / "report.json",
            "key": self.folder / "home" / ".ssh" / "id_ed25519",
            "secret": self.folder / "home" / ".config" / "grader" / "secret",
            "home": self.folder / "home",
            "repository": repository,
            "grader": repository / "grader" / "grading.py",
        }
        return f"places = { ({name: str(path) for name, path in known.items()})!r}\nprocess = {os.getpid()}"


def plant(folder: Path) -> Places:
    """Lay out a course, its data, a home folder and a neighbour's submission, each with a canary."""
    canaries = []

    def canary() -> str:
        canaries.append(f"CANARY-{secrets.token_hex(8)}")
        return canaries[-1]

    folder.chmod(0o755)  # it is the sandbox that has to hold, not the rights of some folder on the way
    places = Places(folder)
    shutil.copytree(corpus.HERE / "exercise", places.exercise)
    with (places.exercise / "checks.py").open("a") as file:
        file.write(f"\n# {canary()}\n")
    for name in (
        "course/solutions/hostile/hostile.ipynb",
        "data/MNIST/raw/t10k-labels-idx1-ubyte",
        "handed-in/alice/hostile.ipynb",
        "handed-in/alice/.grade/hostile/report.json",
        "home/.ssh/id_ed25519",
        "home/.config/grader/secret",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(canary())
    environment = {
        "GRADER_HOSTILE_TOKEN": canary(),
        "AWS_SECRET_ACCESS_KEY": canary(),
        "GRADER_DATA": str(folder / "data"),
        "HOME": str(folder / "home"),
    }
    return Places(folder, environment, tuple(canaries))


@pytest.fixture(scope="session")
def planted() -> Iterator[Places]:
    """Secrets, planted for the whole session."""
    folder = Path(tempfile.mkdtemp(prefix="grade-tests-planted-"))
    yield plant(folder)
    shutil.rmtree(folder)


@pytest.fixture
def places(planted: Places, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Secrets, and the environment of a teacher who has them."""
    for name, value in planted.environment.items():
        monkeypatch.setenv(name, value)
    return planted
