"""Imported assignments judged in this very process: what of their tests is verified outside the notebook."""

from __future__ import annotations

import ast
import doctest
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from grader.errors import SubmissionFault
from grader.exercise import load
from grader.foreign import nbgrader, otter
from grader.foreign.seeds import Seed
from grader.foreign.surroundings import Surroundings, parsed, program, surroundings
from grader.foreign.testing import run_test
from grader.foreign.tests_file import Test, code_of
from grader.foreign.whole import Outcome
from grader.foreign.writing import Assignment, write_exercise
from tests.fakes import LocalKernel, run_of
from tests.foreign.nbgrader.course import NAMES, Course
from tests.foreign.otter.assignments import FIXTURES
from tests.foreign.otter.forgeries import FORGED


@dataclass(frozen=True)
class Judged:
    """A test, and what became of it: nothing where it did not pass."""

    test: Test
    code: str
    outcome: Outcome | None


def judge_here(
    cells: Sequence[nbformat.NotebookNode],
    tests: Mapping[str, tuple[Test, str]],
    around: Surroundings,
    instead: Mapping[int, str] | None = None,
    before: str = "",
) -> Iterator[Judged]:
    """Run a notebook's code, and judge each test where its cell stands, else at the end.

    Parameters
    ----------
    tests
        With their code, by name.
    instead
        What is run in place of a cell, by its place.
    before
        What is run before each cell.
    """
    kernel = LocalKernel(__name__="__main__")
    left = dict(tests)

    def behind(cell: str | None) -> Iterator[Judged]:
        for name, (test, code) in list(left.items()):
            if cell in (None, test.cell):
                del left[name]
                outcome = None
                with suppress(SubmissionFault):
                    outcome = run_test(run_of(kernel), test, code, around)
                yield Judged(test, code, outcome)

    for place, cell in enumerate(cells):
        if cell.cell_type == "code":
            source = (instead or {}).get(place, cell.source)
            with suppress(Exception), redirect_stdout(io.StringIO()):
                exec(compile(f"{before}\n{source}", f"<ipython-input-{place}>", "exec"), kernel.namespace)
            yield from behind(cell.id)
    yield from behind(None)


def before_cells(settings: Mapping[str, Any]) -> str:
    """What otter runs before each cell of an assignment with such settings."""
    seed = otter.seed_in(settings, settings.get("generate") or {})
    return seed.source if isinstance(seed, Seed) else ""


@dataclass(frozen=True)
class Asserts:
    """How many asserts an assignment's tests have, by where they are verified once its reference is judged."""

    outside: int = 0
    word: int = 0
    why: tuple[str, ...] = ()

    def __add__(self, other: Asserts) -> Asserts:
        return Asserts(self.outside + other.outside, self.word + other.word, self.why + other.why)

    @property
    def share(self) -> float:
        """Of those that are verified outside."""
        return self.outside / (self.outside + self.word)

    def __str__(self) -> str:
        return f"{self.outside} of {self.outside + self.word} asserts verified outside ({self.share:.1%})"


def asserts_of(one: Assignment, folder: Path, before: str = "") -> Asserts:
    """Import an assignment into a folder, judge its reference there, and count.

    A test counts as the report of a right solution says it was verified. `before` is run before each cell.
    """
    assert one.reference is not None
    written = write_exercise(one, folder / "exercises")
    exercise = load(written.folder)
    assert exercise.imported is not None
    codes = {
        test.name: (test, code_of(test, exercise.imported.folder, exercise.imported.solution))
        for test in exercise.imported.file.test
        if test.form != "written"
    }
    for name, content in one.beside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    notebook = nbformat.from_dict(one.reference)
    instead = exercise.imported.run_instead(notebook)
    around = surroundings(
        instead.get(place, cell.source) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"
    )
    total = Asserts()
    with here(folder):
        for judged in judge_here(notebook.cells, codes, around, instead, before):
            assert judged.outcome is not None, f"{one.id}: the reference does not pass {judged.test.name}"
            number = asserts_in(judged.code, judged.test.form)
            if judged.outcome.verified == "outside":
                total += Asserts(outside=number)
            else:
                why = written.by_word.get(judged.test.name, "it asks an object about what it compares it with")
                total += Asserts(word=number, why=(f"{one.id}, {judged.test.name}: {number}, since {why}",))
    return total


def of_fixtures(folder: Path) -> Iterator[tuple[str, Asserts]]:
    """The same for each fixture of both formats, by name."""
    for name in NAMES:
        Course(name).write_source(folder / name)
        yield name, of_course(folder / name)
    for name, fixture in {**FIXTURES, "forgeries": FORGED}.items():
        of_otter = folder / f"otter-{name}"
        one = otter.read(otter.Source(fixture.write(of_otter, name), name))
        before = before_cells(otter.assigned(fixture.notebook).settings)
        yield of_otter.name, asserts_of(one, of_otter / "imported", before)


def of_course(folder: Path) -> Asserts:
    """The same for all assignments of an nbgrader course."""
    places = nbgrader.places(folder)
    return sum((asserts_of(nbgrader.read(place), folder / "imported" / place.id) for place in places), Asserts())


@contextmanager
def here(folder: Path) -> Iterator[None]:
    """Files and modules of this folder are those of the notebook, and not of one before or after it."""
    own = {path.stem for path in folder.glob("*.py")}
    others = {name: sys.modules.pop(name) for name in own & sys.modules.keys()}
    sys.path.insert(0, str(folder))
    try:
        with chdir(folder):
            yield
    finally:
        sys.path.remove(str(folder))
        for name in own & sys.modules.keys():
            del sys.modules[name]
        sys.modules.update(others)


def asserts_in(code: str, form: str) -> int:
    """How many things a test states: asserts, `assert_…(…)` of libraries, exceptions that have to come, and lines of a
    session that show something. A test that states nothing so, such as one that gives points, counts as one.
    """
    shown = doctest.DocTestParser().get_examples(code) if form == "doctest" else []
    tree = parsed(program(code, form))
    stated = code.count("assert") if tree is None else sum(map(_states, ast.walk(tree)))
    return max(1, stated + sum(bool(one.want) for one in shown))


def _states(node: ast.AST) -> bool:
    match node:
        case ast.Assert(test=ast.Constant(value=False)):  # behind what has to raise, which counts by its `try`
            return False
        case ast.Assert() | ast.Try(orelse=[_, *_]):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.startswith("assert") or name == "raises"
    return False
