"""The files that judging takes, and files as they travel: by their paths in a folder, with contents."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.authored import modules_of
from grader.exercise import Exercise
from grader.foreign.tests_file import FOLDER
from grader.formats.files import in_each_format


@dataclass(frozen=True)
class Files:
    """Files of a folder: paths in it, and contents."""

    contents: tuple[tuple[str, bytes], ...] = ()

    @staticmethod
    def read(paths: Iterable[Path], folder: Path) -> Files:
        """Read files of a folder; what cannot be read is left out."""
        found: list[tuple[str, bytes]] = []
        for path in paths:
            try:
                found.append((path.relative_to(folder).as_posix(), path.read_bytes()))
            except OSError:
                continue
        return Files(tuple(found))

    def write(self, folder: Path) -> None:
        """Write them into a folder."""
        for name, content in self.contents:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def paths_of(exercise: Exercise) -> list[Path]:
    """Every file that judging takes, all in the course's folder: the teacher's hidden checks, and what lies in the
    exercise's folder but for the starter and what tools leave there (`.grade`, `__pycache__`). Of an imported exercise
    also the whole tests, and the notebooks that tell of their surroundings.
    """
    paths = modules_of(exercise.hidden_checks) if exercise.hidden_checks.is_file() else []
    for top, folders, names in os.walk(exercise.folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        paths += [Path(top) / name for name in sorted(names) if not name.startswith(".")]
    if exercise.imported is not None:
        whole = sorted((exercise.solution_folder / FOLDER).glob("*.py"))
        return [*paths, *whole, *([exercise.reference] if exercise.reference.is_file() else [])]
    starters = {exercise.starter, *in_each_format(exercise.starter)}
    return [path for path in paths if path not in starters]
