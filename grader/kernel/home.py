"""What a notebook finds at home and not here: packages to install, extensions, data sets in folders of its own.

It goes on without them, with a sentence that says so, where it would go on at home.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

_INSTALLERS = re.compile(
    r"(?:^|[;&|]\s*)\s*(?:sudo\s+(?:-\S+\s+)*)?(?:[\w./{}-]*pip[\d.]*|(?:\S*python[\d.]*|\{sys\.executable\})\s+-m\s+pip|uv(?:\s+pip)?|conda|mamba|"
    r"micromamba|apt|apt-get|brew|npm|poetry)\s+(?:-\S+\s+)*(?:install|uninstall|add|remove|update|upgrade|download)\b"
)
_FETCHERS = re.compile(r"(?:^|[;&|]\s*)\s*(?:wget|curl|gdown|git\s+clone|kaggle\s+\w+|aria2c)\b")
_NOT_INSTALLED = "Nothing is installed while grading: the notebook runs with the packages that are here."
_NOT_FETCHED = "There is no network while grading. What the exercise needs lies in ./data: read it from there."
_DIGITS = "train-images-idx3-ubyte"
_NOT_LOADED = "{name} is not installed here: what it offers is passed over."


def answer_to(command: str) -> str:
    """What to say instead of running a command that installs or fetches something; "" for any other."""
    if _INSTALLERS.search(command):
        return _NOT_INSTALLED
    return _NOT_FETCHED if _FETCHERS.search(command) else ""


def answering(run: Callable[[str], Any]) -> Callable[[str], Any]:
    """A way to run commands that answers those at once that would wait for the network."""

    def run_or_answer(command: str) -> Any:
        said = answer_to(str(command))
        if not said:
            return run(command)
        print(said, file=sys.stderr)
        return 1

    return run_or_answer


def make_lenient(shell: Any) -> None:
    """Let IPython's extensions be missing: what they offer is a matter of comfort, and none of the exercise's."""
    manager, caught = shell.extension_manager, shell.getoutput
    load, line_magic, cell_magic = manager.load_extension, shell.run_line_magic, shell.run_cell_magic
    missing: list[str] = []

    def passed_over(name: str) -> None:
        print(_NOT_LOADED.format(name=name), file=sys.stderr)

    def load_extension(name: str) -> Any:
        try:
            return load(name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != name.partition(".")[0]:
                raise
        missing.append(name)
        passed_over(name)
        return None

    def run_line_magic(name: str, line: str, _stack_depth: int = 1) -> Any:
        if missing and shell.find_line_magic(name) is None:
            return passed_over(f"%{name}")
        return line_magic(name, line, _stack_depth=_stack_depth + 1)

    def run_cell_magic(name: str, line: str, cell: str) -> Any:
        if missing and shell.find_cell_magic(name) is None:
            return passed_over(f"%%{name}")
        return cell_magic(name, line, cell)

    def getoutput(command: str, split: bool = True, depth: int = 0) -> Any:
        said = answer_to(command)
        if not said:
            return caught(command, split=split, depth=depth + 1)
        print(said, file=sys.stderr)
        return [] if split else ""

    manager.load_extension, shell.getoutput = load_extension, getoutput
    shell.run_line_magic, shell.run_cell_magic = run_line_magic, run_cell_magic


def find_digits_anywhere(folder: str) -> None:
    """Let torchvision find MNIST where the notebook looks for it, if it is not there and lies in ./data.

    Parameters
    ----------
    folder
        The notebook's own.
    """
    given = os.path.join(folder, "data", "MNIST", "raw")  # noqa: PTH118
    if not os.path.isdir(given):  # noqa: PTH112
        return
    try:
        from torchvision.datasets.mnist import MNIST  # type: ignore[import-untyped]
    except ImportError:
        return
    usual, digits = MNIST.raw_folder.fget, MNIST.resources

    def raw_folder(self: Any) -> str:
        asked: str = usual(self)
        ours = type(self).resources is digits and not os.path.exists(os.path.join(asked, _DIGITS))  # noqa: PTH110, PTH118
        return given if ours else asked

    MNIST.raw_folder = property(raw_folder)
