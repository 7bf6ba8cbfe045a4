"""What an author writes beside an exercise: `checks.py`, and modules of its own that it imports.

`checks.py` may import from files beside it, ``from .networks import output``: oracles and inputs, say, so that the
checks themselves read like prose. Such a file belongs to the exercise: no notebook has it beside it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import tomllib
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from grader.errors import ExerciseError
from grader.language import speaking
from grader.small_files import contents

# The grader's process, which judges a whole class, does without them: they are large, and what they load may run code.
_REFUSED = ("torch", "torchvision")


# A stranger may have put files of these names beside a notebook, and each is read before that is run.
MOST_SOURCE = 120_000  # bytes of `checks.py` and all that it imports
MOST_TOML = 50_000


def modules_of(checks: Path) -> list[Path]:
    """`checks.py` and the files beside it that it imports, directly or through each other; itself alone if broken."""
    found, known, room = [checks], {checks}, MOST_SOURCE
    for path in found:  # grows meanwhile
        source = _source(path, room)
        room -= len(source)
        for name in _imported_from_beside(source):
            beside = checks.parent / f"{name}.py"
            if beside not in known and _is_file(beside):
                found.append(beside)
            known.add(beside)
    return found


def belongings(folder: Path) -> list[Path]:
    """What in an exercise's folder is the exercise's alone: the modules of its checks, data sets of its own."""
    files = modules_of(folder / "checks.py")
    try:
        sets = tomllib.loads(contents(folder / "exercise.toml", MOST_TOML).decode()).get("dataset", [])
        files += [folder / one["file"] for one in sets]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # none, or its faults are told elsewhere
        pass
    return [path for path in files if _is_file(path)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, say
        return False


def _source(path: Path, most: int) -> bytes:
    """A module's source; nothing where it is none that can be read, or is larger than this."""
    try:
        return contents(path, most)
    except (OSError, ValueError):
        return b""


def _imported_from_beside(source: bytes) -> Iterator[str]:
    for node in _imports(source):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            if node.module is None:
                yield from (alias.name for alias in node.names)
            else:
                yield node.module.partition(".")[0]


def _imports(source: bytes) -> Iterator[ast.Import | ast.ImportFrom]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # told where it is run
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def run_checks(checks: Path, package: str) -> ModuleType:
    """Import a `checks.py` anew, with what it imports from beside it, as modules of a package that is called so.

    Raises
    ------
    ExerciseError
        It imports torch, is too large, or cannot be run.
    """
    modules = modules_of(checks)
    if sum(path.stat().st_size for path in modules) > MOST_SOURCE:
        raise ExerciseError(
            f"{checks} and what it imports from beside it are larger than {MOST_SOURCE:,} bytes.",
            "Keep tables in files of their own.",
        )
    for path in modules:
        _refuse_torch(path)
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    home = ModuleType(package)
    home.__path__ = [str(checks.parent)]
    sys.modules[package] = home
    importlib.invalidate_caches()  # a file beside may be new
    spec = importlib.util.spec_from_file_location(f"{package}.{checks.stem}", checks)
    assert spec is not None, "a file named .py has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and typing look a module up by its name
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # no __pycache__ among the exercises
    try:
        with speaking("en"):  # what it says is translated when it is said
            spec.loader.exec_module(module)
    except ExerciseError:
        raise
    except Exception as error:
        said, advice = _what_is_wrong(error, checks, package)
        raise ExerciseError(f"{checks} cannot be run: {said}.", advice) from error
    finally:
        sys.dont_write_bytecode = written
    return module


def _what_is_wrong(error: Exception, checks: Path, package: str) -> tuple[str, str]:
    """An error of `checks.py` or of a module beside it, with its place in these, and what to do."""
    said = f"{type(error).__name__}: {error}".replace(f"{package}.", ".").rstrip(".")
    if not isinstance(error, SyntaxError):  # which tells its place itself
        frames = traceback.extract_tb(error.__traceback__)
        here = [frame for frame in frames if Path(frame.filename).parent == checks.parent]
        said += "".join(f" ({Path(frame.filename).name}, line {frame.lineno})" for frame in here[-1:])
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.removeprefix(f"{package}.")
        if name != error.name:
            return said, f"Correct the name, or write {name}.py into {checks.parent}: no other folder is looked into."
        if (checks.parent / f"{name.partition('.')[0]}.py").is_file():
            return said, f"What lies beside is imported with a dot: `from .{name} import …`."
        if name.startswith("grader."):
            return said, "Import what is the grader's from `grader.checks`."
    if isinstance(error, ImportError) and error.name == "grader.checks":
        return said, "docs/authoring.md lists what `grader.checks` has."
    if isinstance(error, TypeError) and str(error).startswith("check()"):
        return said, "Write `@check(points=…)`: docs/authoring.md says what else it takes."
    return said, "Correct it."


def _refuse_torch(path: Path) -> None:
    for node in _imports(_source(path, MOST_SOURCE)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            if name.partition(".")[0] in _REFUSED and getattr(node, "level", 0) == 0:
                raise ExerciseError(
                    f"{path} imports {name} (line {node.lineno}): checks run in the grader's process, without torch.",
                    'Compute with NumPy, send `tensor(array)`, and ask the notebook: `run.call("model.forward", …)`.',
                )
