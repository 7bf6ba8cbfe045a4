"""`tests.toml`: the tests of an exercise that was written for another grader, and its cells that nobody may change.

The code of a test lies beside it, `tests/NAME.py`, and where parts of it are hidden from students, whole beside the
solution.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError, field_validator

from grader.errors import ExerciseError
from grader.foreign.seeds import Seed
from grader.record import Frozen, first_fault
from grader.small_files import contents
from grader.text import plain

FILE = "tests.toml"
FOLDER = "tests"
_MOST = 5_000_000  # bytes: the sources of all cells that are put back stand in it
_ADVICE = "Import the assignment again."
_BARE = re.compile(r"[A-Za-z0-9_-]+")

Tool = Literal["nbgrader", "otter"]
Form = Literal["code", "doctest", "function", "written"]
Verified = Literal["outside", "word"]


class Test(Frozen):
    """A test of another grader's.

    Attributes
    ----------
    name, title
        What the check is called, and what the student reads.
    points
        May be none.
    cell
        The cell at whose place it is judged, by nbgrader's `grade_id` or by its id; at the end if there is none.
    form
        How its code is meant: `code` is a cell's; `doctest` a session with its output as text; `function` holds a
        `test_…` that raises where something is wrong; `written` is an answer that a person grades, and has no code.
    group
        The question that it is a part of, in otter's assignments.
    hidden
        Whether students get nothing of it.
    success, failure
        What is said when it passes, and when not.
    verified
        Whether it is judged outside the notebook's process, or rests on the notebook's word.
    usual_packages
        What its code imports, and what it uses of the notebook's imports.
    """

    __test__: ClassVar = False  # it is none of pytest's

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
    title: Annotated[str, Field(max_length=1000)]
    points: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    cell: str = ""
    form: Form = "code"
    group: str = ""
    hidden: bool = False
    success: str = ""
    failure: str = ""
    verified: Verified = "outside"
    usual_packages: tuple[str, ...] = ()


class Locked(Frozen):
    """A cell that is put back over what a student made of it, by nbgrader's `grade_id` or by its id."""

    cell: Annotated[str, Field(min_length=1)]
    kind: Literal["code", "markdown", "raw"]
    source: str


class TestsFile(Frozen):
    """What `tests.toml` says.

    Attributes
    ----------
    tool, source
        Whose assignment it was, and its file's name.
    all_or_nothing
        Whether a group's points are only given together.
    seed
        What is set before each cell.
    files
        Digests of what the import wrote, by paths from here: what differs was changed by hand since.
    """

    __test__: ClassVar = False

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    tool: Tool
    source: str
    all_or_nothing: bool = False
    seed: Seed | None = None
    test: tuple[Test, ...] = ()
    locked: tuple[Locked, ...] = ()
    files: Mapping[str, str] = {}

    @field_validator("test")
    @classmethod
    def _of_different_names(cls, tests: tuple[Test, ...]) -> tuple[Test, ...]:
        names = [one.name for one in tests]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"there are two tests named {twice[0]}")
        return tests


def read_tests(folder: Path) -> TestsFile | None:
    """What the `tests.toml` of an exercise's folder says; None where there is none.

    Raises
    ------
    ExerciseError
        It cannot be read, is no TOML, or says something wrong.
    """
    path = folder / FILE
    try:
        return TestsFile.model_validate(tomllib.loads(contents(path, _MOST).decode()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExerciseError(f"{path} cannot be read: {error.strerror}.", "Check your access to it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExerciseError(f"{path} is no TOML: {error}.", _ADVICE) from None
    except ValidationError as error:
        raise ExerciseError(f"{path}: {first_fault(error)}.", _ADVICE) from None
    except ValueError as error:
        raise ExerciseError(f"{path} cannot be read: {error}.", _ADVICE) from None


def code_of(test: Test, folder: Path, solution: Path) -> str:
    """A test's code: whole where the solution's folder has it so, else the part that students have.

    Raises
    ------
    ExerciseError
        It is not there, or cannot be read.
    """
    whole = solution / FOLDER / f"{test.name}.py"
    path = whole if whole.is_file() else folder / FOLDER / f"{test.name}.py"
    try:
        return contents(path, _MOST).decode()
    except FileNotFoundError:
        raise ExerciseError(f"The code of the test `{test.name}` is not there.", f"It belongs at {path}.") from None
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8, or too large"
        raise ExerciseError(f"{plain(str(path))} cannot be read: {said}.", _ADVICE) from None


def text_of(file: TestsFile) -> str:
    """The file's text; what is as it is anyway is not written."""
    lines = ["# Made by `grade import`; import again rather than edit. What you add belongs into exercise.toml and"]
    lines += ["# checks.py.", "schema = 1"]
    plain_fields = {"tool": file.tool, "source": file.source}
    lines += _fields(plain_fields | ({"all_or_nothing": True} if file.all_or_nothing else {}))
    if file.seed is not None:
        lines += ["", "[seed]", *_fields(file.seed.model_dump(exclude_defaults=True))]
    for table, records in (("test", file.test), ("locked", file.locked)):
        for record in records:
            lines += ["", f"[[{table}]]", *_fields(record.model_dump(exclude_defaults=True))]
    lines += ["", "[files]", *_fields(dict(sorted(file.files.items())))]
    return "\n".join(lines) + "\n"


def _fields(values: Mapping[str, object]) -> Iterable[str]:
    return (f"{key if _BARE.fullmatch(key) else quoted(key)} = {_value(value)}" for key, value in values.items())


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case int() | float():
            return repr(value)
    return quoted(str(value))


def quoted(text: str) -> str:
    """A text as TOML has it on one line: as JSON does, but for two characters that TOML wants escaped as well."""
    said = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return said.replace("\x7f", "\\u007f")
