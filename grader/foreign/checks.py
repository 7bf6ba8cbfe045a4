"""The tests of an imported exercise, as checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from grader.checks.check import Check, Passed
from grader.checks.expect import partial
from grader.foreign.nbgrader_points import points_of
from grader.foreign.seeds import Seeding
from grader.foreign.surroundings import Surroundings, surroundings
from grader.foreign.testing import run_test
from grader.foreign.tests_file import FOLDER, Test, TestsFile, Tool, code_of
from grader.language import decimal, tr
from grader.run import Run
from grader.text import number

# Libraries that tests use and that take their time to be imported.
_LARGE = ("numpy", "pandas", "pytest", "scipy", "sklearn", "torch")


def checks_of(file: TestsFile, folder: Path, solution: Path, cells: Iterable[str]) -> tuple[Check, ...]:
    """Checks of the tests, in their order.

    Parameters
    ----------
    folder, solution
        Of the exercise, and where its reference lies: there the tests are whole.
    cells
        The code of the reference, or of the starter where there is none.

    Raises
    ------
    ExerciseError
        A test has no code.
    """
    around, seeding = surroundings(cells), Seeding(file.seed)
    return tuple(_check(test, file, folder, solution, around, seeding) for test in judged(file, solution))


def judged(file: TestsFile, solution: Path) -> list[Test]:
    """The tests that can be judged here: students have nothing of those that are hidden."""
    return [one for one in file.test if not one.hidden or (solution / FOLDER / f"{one.name}.py").is_file()]


def codes_of(file: TestsFile, folder: Path, solution: Path) -> dict[str, str]:
    """The tests' code, by their cells."""
    return {
        one.cell: code_of(one, folder, solution) for one in judged(file, solution) if one.cell and one.form != "written"
    }


def _check(test: Test, file: TestsFile, folder: Path, solution: Path, around: Surroundings, seeding: Seeding) -> Check:
    by_hand = test.form == "written"
    return Check(
        name=test.name,
        title=test.title,
        points=test.points,
        needs=(),
        hint="",
        when="live",
        function=_open if by_hand else _judging(test, file.tool, folder, solution, around, seeding),
        hidden=test.hidden,
        after=test.cell,
        manual=by_hand,
        verified=None if by_hand else test.verified,
        together=test.group if file.all_or_nothing else "",
        packages=tuple(one for one in test.usual_packages if one in _LARGE),
    )


def _open(run: Run) -> None:
    """Nothing is judged here."""


def _judging(
    test: Test, tool: Tool, folder: Path, solution: Path, around: Surroundings, seeding: Seeding
) -> Callable[[Run], Passed]:
    code, beside = code_of(test, folder, solution), folder / FOLDER / f"{test.name}.py"
    visible = code_of(test, folder, folder) if beside.is_file() else ""

    def judge(run: Run) -> Passed:
        outcome = run_test(run, test, code, around, visible, seeding.begin(run, test.group))
        given = points_of(outcome.value, code, test.points) if tool == "nbgrader" else None
        if given is not None and given < test.points:
            said = {"given": decimal(number(given)), "most": decimal(number(test.points))}
            partial(given / test.points, tr("The test gives {given} of {most} points.", **said))
        return Passed(test.success, "word" if outcome.verified == "word" else "outside")

    return judge
