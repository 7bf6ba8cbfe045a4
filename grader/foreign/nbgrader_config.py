"""What an nbgrader course's `nbgrader_config.py` sets: read as text, never run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.small_files import contents

FILE = "nbgrader_config.py"
_MOST = 1_000_000
_IGNORED = (".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache")


@dataclass(frozen=True)
class Config:
    """The settings that an import looks at; what is computed in the file counts as not set.

    Attributes
    ----------
    course
        The folder that the file lies in, which paths in it start from.
    values
        By `Class.name`.
    """

    course: Path
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str, usual: str) -> str:
        """A setting that is a text."""
        value = self.values.get(name)
        return value if isinstance(value, str) and value else usual

    def flag(self, name: str, usual: bool) -> bool:
        """A setting that is true or false."""
        value = self.values.get(name)
        return value if isinstance(value, bool) else usual

    @property
    def code_stub(self) -> str:
        """What stands for a solution in code."""
        value = self.values.get("ClearSolutions.code_stub")
        if isinstance(value, dict):
            value = value.get("python")
        return value if isinstance(value, str) else "# YOUR CODE HERE\nraise NotImplementedError()"

    @property
    def seconds(self) -> float | None:
        """Seconds that a cell may take; None where nothing is said."""
        for name in ("Execute.timeout", "ExecutePreprocessor.timeout"):
            value = self.values.get(name)
            if isinstance(value, int | float) and value > 0:
                return float(value)
        return None

    @property
    def ignored(self) -> tuple[str, ...]:
        """Patterns of names that are no part of an assignment."""
        value = self.values.get("CourseDirectory.ignore")
        named = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return tuple(value) if named and value else _IGNORED


def config_near(folder: Path) -> Config:
    """The settings of the course that a folder belongs to; without a file of them, those that nbgrader has anyway."""
    for course in (folder, *folder.parents):
        if (course / FILE).is_file():
            return Config(course, _settings(course / FILE))
        if (course / "gradebook.db").is_file():
            return Config(course)
    source = next((one for one in (folder, *folder.parents) if one.name == "source"), None)
    return Config(folder if source is None else source.parent)


def _settings(path: Path) -> dict[str, Any]:
    """Every `c.Class.name = literal` in the file."""
    found: dict[str, Any] = {}
    try:
        tree = ast.parse(contents(path, _MOST))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return found
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            match target:
                case ast.Attribute(value=ast.Attribute(value=ast.Name(), attr=owner), attr=name):
                    with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                        found[f"{owner}.{name}"] = ast.literal_eval(node.value)
    return found
