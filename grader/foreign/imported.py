"""What an exercise has that was imported: its tests as checks, and what becomes of a notebook before it is run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat

from grader.checks.check import Check
from grader.foreign.checks import checks_of, codes_of
from grader.foreign.locked import put_back, run_instead, unanswered
from grader.foreign.otter_cells import without_otter
from grader.foreign.tests_file import FOLDER, TestsFile, read_tests
from grader.formats.cell import name_of
from grader.reading import Unreadable
from grader.submission import Submission


@dataclass(frozen=True)
class Imported:
    """An assignment that was written for another grader.

    Attributes
    ----------
    file
        What `tests.toml` says.
    folder, solution
        The exercise's, and that of its reference, which need not be there.
    starter
        The notebook that students got.
    """

    file: TestsFile
    folder: Path
    solution: Path
    starter: Path

    def checks(self, reference: Path) -> tuple[Check, ...]:
        """The tests, in their order; `reference` tells of the names around them, or the starter where it is not there.

        Raises
        ------
        ExerciseError
            A test has no code.
        """
        cells = _cells(reference if reference.is_file() else self.starter)
        sources = [cell.source for cell in cells if cell.cell_type == "code"]
        return checks_of(self.file, self.folder, self.solution, sources)

    def prepare(self, notebook: nbformat.NotebookNode) -> list[str]:
        """Put cells back that nobody may change, and run nothing of the other grader's; what was done, in sentences."""
        if self.file.tool == "otter":
            without_otter(notebook)
        if not self.file.locked:
            return []
        return put_back(notebook, self.file, [name_of(cell) for cell in _cells(self.starter)])

    def unanswered(self, notebook: nbformat.NotebookNode) -> set[str]:
        """Names of the checks that a person judges, and of which nothing was written."""
        return unanswered(notebook, self.file, _cells(self.starter))

    def run_instead(self, notebook: nbformat.NotebookNode) -> dict[int, str]:
        """What is run in place of cells that hold tests, by their places."""
        return run_instead(notebook, self.file, codes_of(self.file, self.folder, self.solution))

    @property
    def before_cells(self) -> str:
        """What is run before each cell; "" where nothing is."""
        return "" if self.file.seed is None else self.file.seed.source

    @property
    def given(self) -> dict[str, Path]:
        """What lies beside every notebook, whatever was handed in: files by their paths there."""
        names = self.file.files.keys() - {self.starter.name}
        return {name: self.folder / name for name in sorted(names) if not name.startswith((f"{FOLDER}/", "../"))}


def imported_in(folder: Path, solution: Path, starter: Path) -> Imported | None:
    """What was imported into an exercise's folder; None where the exercise is one of our own.

    Raises
    ------
    ExerciseError
        Its file is wrong.
    """
    file = read_tests(folder)
    return None if file is None else Imported(file, folder, solution, starter)


def _cells(path: Path) -> list[nbformat.NotebookNode]:
    """The cells of a notebook; none where it cannot be read, which is told elsewhere."""
    with suppress(Unreadable):
        return list(Submission(path).read().cells)
    return []
