"""What stands for modules that old tests import, and that need not be here to run them."""

from __future__ import annotations

import sys
import types
import unittest
from collections.abc import Callable
from typing import Any


def _nose() -> types.ModuleType:
    """What stands for nose, which no longer installs: its `assert_…` are unittest's by other names."""
    case = unittest.TestCase()
    case.maxDiff = 500
    tools = types.ModuleType("nose.tools")
    for name in dir(case):
        if name.startswith("assert") and name != "assert_":
            spelt = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
            setattr(tools, spelt, getattr(case, name))
    for name, other in (("assert_equals", "assertEqual"), ("assert_items_equal", "assertCountEqual")):
        setattr(tools, name, getattr(case, other))
    tools.eq_ = case.assertEqual  # type: ignore[attr-defined]
    tools.ok_ = case.assertTrue  # type: ignore[attr-defined]

    def raises(*classes: type[BaseException]) -> Any:
        def decorate(function: Any) -> Any:
            def called(*args: Any, **options: Any) -> None:
                with case.assertRaises(classes):  # noqa: PT027 - pytest need not be here
                    function(*args, **options)

            return called

        return decorate

    tools.raises = raises  # type: ignore[attr-defined]
    nose = types.ModuleType("nose")
    nose.tools = tools  # type: ignore[attr-defined]
    return nose


def _otter() -> types.ModuleType:
    """What stands for otter in its tests: a decorator that says of a function that it is one."""

    def test_case(*_: Any, **__: Any) -> Any:
        def decorate(function: Any) -> Any:
            function.grader_test = True
            return function

        return decorate

    files = types.ModuleType("otter.test_files")
    files.test_case = test_case  # type: ignore[attr-defined]
    otter = types.ModuleType("otter")
    otter.test_files = files  # type: ignore[attr-defined]
    return otter


OURS: dict[str, Callable[[], types.ModuleType]] = {"nose": _nose, "otter": _otter}


def part(module: Any, name: str) -> Any:
    """What `import a.b.c` finds, from `a`."""
    for one in name.split(".")[1:]:
        module = getattr(module, one)
    return module


def install() -> None:
    """Let these be imported in this process, whatever else it has by their names."""
    for name, make in OURS.items():
        module: Any = make()
        sys.modules[name] = module
        sys.modules.update({one.__name__: one for one in vars(module).values() if isinstance(one, types.ModuleType)})
