"""An exercise: `exercise.toml`, its checks, and where its parts lie."""

from __future__ import annotations

import difflib
import sys
import tomllib
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator

from grader.answers import ClosedAnswer, read_answers
from grader.authored import MOST_TOML, modules_of, run_checks
from grader.budget import Budget
from grader.checks.check import Check
from grader.datasets import DATASETS
from grader.datasets.own import Own, OwnDataset
from grader.errors import ExerciseError, UsageError
from grader.foreign.tests_file import FILE as TESTS
from grader.formats.files import holds_notebook, in_each_format
from grader.formats.notebook import SUFFIXES, instead
from grader.language import tr
from grader.packages import Packages
from grader.pass_mark import USUAL, PassMark
from grader.reading import Unreadable
from grader.record import Frozen, first_fault
from grader.small_files import beginning, contents
from grader.sources import imported
from grader.submission import Submission
from grader.text import listed, plain

if TYPE_CHECKING:
    from grader.foreign.imported import Imported


class Titles(Frozen):
    """The exercise's name, in the course's languages."""

    en: str
    fi: str


class Description(Frozen):
    """What `exercise.toml` says."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    title: Titles
    notebook: Annotated[str, Field(pattern=r"^[\w-][\w.-]*\.(?:ipynb|py|qmd|md|Rmd)$")]
    chapter: str
    data: tuple[str, ...] = ()
    dataset: tuple[OwnDataset, ...] = ()
    names: tuple[str, ...] = ()
    packages: Packages = Packages()
    pass_mark: PassMark = USUAL
    stop_on_error: bool = False
    # Files that the notebook writes and the teacher wants to look at: kept beside its report.
    keep: tuple[Annotated[str, Field(pattern=r"^\w[\w.-]{0,80}$")], ...] = ()
    budget: Budget = Budget()

    @field_validator("dataset")
    @classmethod
    def _of_different_names(cls, sets: tuple[OwnDataset, ...]) -> tuple[OwnDataset, ...]:
        names = [one.name for one in sets]
        if taken := sorted({name for name in names if names.count(name) > 1 or name in DATASETS}):
            raise ValueError(f"there is another data set named {taken[0]}")
        return sets


@dataclass(frozen=True)
class Exercise:
    """An exercise in its folder.

    Attributes
    ----------
    folder
        Holds `exercise.toml`, `checks.py` and the starter.
    description
        What `exercise.toml` says.
    """

    folder: Path
    description: Description

    @property
    def id(self) -> str:
        return self.description.id

    @property
    def starter(self) -> Path:
        """The notebook that students get and edit."""
        return self.folder / self.description.notebook

    @property
    def course(self) -> Path:
        """The folder that holds `exercises/` and `solutions/`."""
        return self.folder.parent.parent

    @property
    def solution_folder(self) -> Path:
        """Where the reference and its mistakes lie: `solutions/ID` beside `exercises/ID`."""
        return self.course / "solutions" / self.folder.name

    @property
    def private(self) -> tuple[Path, ...]:
        """Folders that are nothing for a notebook's eyes."""
        return self.course, self.folder.parent, self.solution_folder.parent

    @property
    def reference(self) -> Path:
        """The reference notebook, in whichever format it is written."""
        named = self.solution_folder / self.description.notebook
        return named if named.exists() else next(iter(in_each_format(named)), named)

    @property
    def hidden_checks(self) -> Path:
        """Checks of the teacher's own, beside the solution: no student gets them. The file need not be there."""
        return self.solution_folder / "checks.py"

    @property
    def modules(self) -> list[Path]:
        """The files whose code judges: both `checks.py`, and what they import from beside them."""
        there = [path for path in (self.folder / "checks.py", self.hidden_checks) if path.is_file()]
        return [module for path in there for module in modules_of(path)]

    @property
    def max_score(self) -> float:
        """Points in all, without those that come on top."""
        return sum(check.points for check in self.checks if not check.bonus)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The tests of an imported exercise, then the checks, in the order of `checks.py`; where the hidden ones are
        present, they come after these.

        Raises
        ------
        ExerciseError
            A file is not there, cannot be run, has no checks, or a check needs one that does not come before it.
        """
        checks: tuple[Check, ...] = ()
        path = self.folder / "checks.py"
        if self.imported is not None:
            checks = self.imported.checks(self.reference)
        elif not path.is_file():
            raise ExerciseError(f"Exercise {self.id} has no checks.py.", f"It belongs into {self.folder}.")
        if path.is_file():
            checks += _checks_of(path, f"_checks_{self.id}")
        if self.hidden_checks.is_file():
            hidden = _checks_of(self.hidden_checks, f"_hidden_checks_{self.id}")
            checks += tuple(replace(check, hidden=True) for check in hidden)
        _validate(checks)
        _ = self.answers  # what is wrong with them is said before anything is graded, here and not on a worker
        return checks

    @cached_property
    def imported(self) -> Imported | None:
        """What was imported of an assignment for another grader; None where the exercise is one of our own.

        Raises
        ------
        ExerciseError
            Its file is wrong.
        """
        if not (self.folder / TESTS).exists():
            return None
        from grader.foreign.imported import imported_in  # what runs other graders' tests takes its time to be imported

        return imported_in(self.folder, self.solution_folder, self.starter)

    @property
    def imports(self) -> list[str]:
        """Packages beyond Python's own that the starter and the reference import, and those that it allows."""
        found = set(self.description.packages.allowed)
        for path in (self.starter, self.reference):
            with suppress(Unreadable):
                cells = Submission(path).read().cells
                found = found.union(*(imported(cell.source) for cell in cells if cell.cell_type == "code"))
        beside = {path.stem for path in self.folder.glob("*.py")}
        return sorted(found - sys.stdlib_module_names - beside)

    @cached_property
    def datasets(self) -> dict[str, Own]:
        """The data sets of the exercise's own, by name."""
        return {one.name: Own(one, self.folder) for one in self.description.dataset}

    @cached_property
    def answers(self) -> dict[str, ClosedAnswer]:
        """The closed answers, by name.

        Raises
        ------
        ExerciseError
            `answers.toml` says something wrong, or is not made of the answers beside the solution.
        """
        return read_answers(self.id, self.folder, self.solution_folder)


def _checks_of(path: Path, package: str) -> tuple[Check, ...]:
    """The checks in a file, in their order; `package` is what it and the modules beside it are called."""
    module = run_checks(path, package)
    checks = tuple(value for value in vars(module).values() if isinstance(value, Check))
    if not checks:
        raise ExerciseError(f"{path} has no checks.", "Write functions with @check into it.")
    return checks


def _validate(checks: tuple[Check, ...]) -> None:
    known: set[str] = set()
    for check in checks:
        if check.name in known:
            raise ExerciseError(f"There are two checks named `{check.name}`.", "Give one of them another name.")
        unknown = [name for name in check.needs if name not in known]
        if unknown:
            raise ExerciseError(
                f"The check `{check.name}` needs {unknown[0]!r}, which does not come before it.",
                "Correct the name, or move that check up.",
            )
        known.add(check.name)


def load(folder: Path) -> Exercise:
    """The exercise in a folder.

    Raises
    ------
    ExerciseError
        `exercise.toml` is not there or says something wrong.
    """
    path = folder / "exercise.toml"
    try:
        description = Description.model_validate(tomllib.loads(contents(path, MOST_TOML).decode()))
    except FileNotFoundError:
        raise ExerciseError(
            f"{folder} is no exercise: it has no exercise.toml.", "Name an exercise's folder."
        ) from None
    except OSError as error:
        raise ExerciseError(f"{path} cannot be read: {error.strerror}.", "Check your access to it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExerciseError(f"{path} is no TOML: {error}.", "Correct it.") from None
    except ValidationError as error:
        raise ExerciseError(f"{path}: {first_fault(error)}.", "docs/authoring.md says what may stand there.") from None
    except ValueError as error:
        raise ExerciseError(f"{path} cannot be read: {error}.", "It is a few lines long.") from None
    return Exercise(folder.resolve(), description)


def exercise_folders(near: Path) -> dict[str, Path]:
    """Folders of exercises by id: in `exercises/` of `near` or of a folder above it."""
    for folder in (near, *near.parents):
        found = sorted(toml.parent for toml in (folder / "exercises").glob("*/exercise.toml"))
        if found:
            return {one.name: one for one in found}
    return {}


def course_folder(near: Path) -> Path:
    """The folder that holds `exercises/`: `near` or one above it; `near` itself where there are no exercises yet."""
    return next((folder.parent.parent for folder in exercise_folders(near).values()), near)


@dataclass(frozen=True)
class Target:
    """What a person named on the command line: a notebook, and the exercise that it is for.

    Attributes
    ----------
    others
        The same notebook in other formats, all of them older.
    """

    notebook: Path
    exercise: Exercise
    others: tuple[Path, ...] = ()

    @property
    def told(self) -> str:
        """That there is the same notebook in other formats, and which counts; "" where there is none."""
        if not self.others:
            return ""
        return tr(
            "{file} is graded, the newest; {others} beside it is the same notebook in another format.",
            file=plain(self.notebook.name),
            others=listed([plain(one.name) for one in self.others]),
        )


def find_target(path: Path, exercise: str | None = None) -> Target:
    """What to grade, from an exercise's folder or id, a solution folder, or a notebook.

    Raises
    ------
    UsageError
        There is no such path, or the exercise is neither told nor clear from the path.
    """
    try:
        path = path.expanduser()
        there = path.exists() or path.is_symlink()
    except (OSError, RuntimeError):  # no access, too long a name, no such user
        raise UsageError(
            tr("{path} cannot be opened.", path=plain(str(path))), tr("Check the name and your access to it.")
        ) from None
    if not there:
        folders = _all_folders(Path.cwd())
        if str(path) not in folders:
            raise UsageError(tr("There is no {path}.", path=plain(str(path))), _meant(path, list(folders)))
        path = folders[str(path)]
    if path.is_dir() and path.suffix != SUFFIXES[0]:
        chosen = find_exercise(exercise, path) if exercise else _exercise_of_folder(path)
        named = path / chosen.description.notebook
        notebook, *others = in_each_format(named) or [named]
        if not notebook.exists():
            raise UsageError(
                tr("There is no {file} in {path}.", file=chosen.description.notebook, path=plain(str(path))),
                tr("Name the notebook itself."),
            )
        return Target(notebook, chosen, tuple(others))
    if path.suffix != SUFFIXES[0]:
        _refuse_no_notebook(path)
    return Target(path, find_exercise(exercise, path) if exercise else _exercise_of_notebook(path))


def _meant(path: Path, known: list[str]) -> str:
    """What to name instead of a path that is not there."""
    if close := difflib.get_close_matches(path.name, known, n=1):
        return tr("Did you mean exercise {id}?", id=close[0])
    return tr("Name an exercise folder, or a notebook (.ipynb).")


def _refuse_no_notebook(path: Path) -> None:
    """Say what a file is that has not the suffix of Jupyter's notebooks, where it is none of another format.

    Raises
    ------
    UsageError
    """
    if holds_notebook(path):
        return
    try:
        begins = beginning(path)
    except (OSError, ValueError):
        begins = b""
    advice = instead(begins, path.name) if begins.strip() else tr("Name an exercise folder, or a notebook (.ipynb).")
    raise UsageError(tr("{path} is no notebook.", path=plain(str(path))), advice)


def find_exercise(name: str, near: Path) -> Exercise:
    """The exercise of an id, or in a folder.

    Whoever names one means the one of their own course: a folder that was handed in may hold another of that id, whose
    checks are a stranger's code.

    Raises
    ------
    UsageError
        There is none.
    """
    with suppress(OSError, RuntimeError):
        folder = Path(name).expanduser()
        if (folder / "exercise.toml").is_file():
            return load(folder)
    folders = _all_folders(near) | _all_folders(Path.cwd())
    if name not in folders:
        raise UsageError(tr("There is no exercise {name}.", name=repr(plain(name))), _where_to_look(list(folders)))
    return load(folders[name])


def _where_to_look(known: list[str]) -> str:
    if known:
        return tr("The exercises are {names}.", names=listed(known))
    return tr("Go to the folder that holds `exercises/`.")


def _all_folders(near: Path) -> dict[str, Path]:
    """Exercises near a path, near the working folder, and in the repository that this package lies in."""
    places = (Path(__file__).parent.parent, Path.cwd(), near.absolute())
    found: dict[str, Path] = {}
    for place in places:
        found |= exercise_folders(place)
    return dict(sorted(found.items()))


def ids_near(place: Path) -> list[str]:
    """The ids of all exercises that can be found from a place, without a look into them."""
    return list(_all_folders(place))


def _exercise_of_folder(folder: Path) -> Exercise:
    if (folder / "exercise.toml").is_file():
        return load(folder)
    folders = _all_folders(folder)
    name = folder.resolve().name
    if name in folders:
        return load(folders[name])
    raise UsageError(
        tr("{path} is no exercise.", path=plain(str(folder))), tr("Say which one it is for with --exercise ID.")
    )


def _exercise_of_notebook(notebook: Path) -> Exercise:
    folder = notebook.absolute().parent
    if (folder / "exercise.toml").is_file():
        return load(folder)
    folders = _all_folders(folder)
    if folder.name in folders:
        return load(folders[folder.name])
    same_name = [one for one in map(load, folders.values()) if Path(one.description.notebook).stem == notebook.stem]
    if len(same_name) == 1:
        return same_name[0]
    raise UsageError(
        tr("Nothing tells which exercise {file} is for.", file=plain(notebook.name)),
        tr("Say it with --exercise ID (`grade list`)."),
    )


def every_exercise(near: Path) -> list[Exercise]:
    """The exercises of the course that a place is in, by id; where it is in none, all that can be found from there."""
    return [load(folder) for folder in (exercise_folders(near) or _all_folders(near)).values()]


def elsewhere(near: Path) -> dict[Path, list[str]]:
    """What else is found by its id, not being of the course that `near` is in: ids, by the folder of `exercises/`."""
    own = exercise_folders(near)
    found: dict[Path, list[str]] = {}
    for name, folder in _all_folders(near).items():
        if own and name not in own:
            found.setdefault(folder.parent.parent, []).append(name)
    return found


def describe(exercise: Exercise, language: str = "en") -> dict[str, Any]:
    """What `grade list` says of an exercise."""
    description = exercise.description
    return {
        "id": description.id,
        "title": getattr(description.title, language),
        "notebook": str(exercise.starter),
        "points": exercise.max_score,
        "data": list(description.data),
    }
