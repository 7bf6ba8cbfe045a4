"""What a notebook finds at home and not here: packages to install, extensions, data sets in folders of its own.

It goes on without them, with a sentence that says so, where it would go on at home.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import os
import re
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

_BEGIN = r"(?:^|[;&|(]\s*)\s*(?:sudo\s+(?:-\S+\s+)*)?(?:\w+=\S*\s+)*"
_INSTALLERS = re.compile(
    _BEGIN + r"(?:[\w./{}-]*pip[\d.x]*|(?:\S*python[\d.]*|\{sys\.executable\})\s+-m\s+(?:pip|uv)|uv(?:\s+pip)?|"
    r"(?:conda|mamba|micromamba)(?:\s+env)?|apt|apt-get|aptitude|brew|npm|poetry|pixi)\s+(?:-\S+\s+)*"
    r"(?:install|uninstall|add|remove|update|upgrade|download|sync|create)\b"
)
_FETCHERS = re.compile(
    _BEGIN + r"(?:wget|curl|gdown|git\s+(?:clone|pull|fetch|lfs)|kaggle\s+\w+|aria2c|huggingface-cli\s+\w+|"
    r"hf\s+(?:auth|download|upload)|wandb\s+login|gsutil|aws\s+s3|(?:\S*python[\d.]*)\s+-m\s+(?:wget|gdown|spacy\s+download))\b"
)
# What would serve pages to a browser, for as long as it is let.
_SERVERS = re.compile(
    _BEGIN + r"(tensorboard|jupyter(?:\s+|-)(?:lab|notebook)|streamlit\s+run|mlflow\s+(?:ui|server)|visdom|ngrok)\b"
)
_DIGITS = "train-images-idx3-ubyte"
_SHELLS = ("bash", "sh", "script", "!", "sx", "system")
_PACKAGE_MAGICS = ("pip", "conda", "mamba", "micromamba", "uv")

# What is said, in the language that is spoken: it comes with the notebook.
_said = {
    "install": "Nothing is installed while grading: the notebook runs with the packages that are here.",
    "fetch": "There is no network while grading. What the exercise needs lies in ./data: read it from there.",
    "extension": "{name} is not installed here: what it offers is passed over.",
    "board": "{name} needs a browser: it is passed over.",
}


def answer_to(command: str) -> str:
    """What to say instead of running a command that installs, fetches or serves something; "" for any other."""
    if _INSTALLERS.search(command):
        return _said["install"]
    if _FETCHERS.search(command):
        return _said["fetch"]
    served = _SERVERS.search(command)
    return _said["board"].format(name=served[1].split()[0]) if served else ""


def answering(run: Callable[[str], Any]) -> Callable[[str], Any]:
    """A way to run commands that answers those at once that would wait for the network."""

    def run_or_answer(command: str) -> Any:
        said = answer_to(str(command))
        if not said:
            return run(command)
        print(said, file=sys.stderr)
        return 1

    return run_or_answer


def answer_programs() -> None:
    """The same for what is started past IPython; there it counts as done, since nothing hangs on it."""
    start, system = subprocess.Popen.__init__, os.system

    def begin(self: Any, args: Any, *others: Any, **options: Any) -> None:
        said = answer_to(_typed(args))
        if said and sys.platform != "win32":
            print(said, file=sys.stderr)
            args = ["/bin/sh", "-c", ":"]
            options = {name: value for name, value in options.items() if name not in ("shell", "executable")}
        start(self, args, *others, **options)

    def run(command: Any) -> int:
        said = answer_to(_typed(command))
        if not said:
            return system(command)
        print(said, file=sys.stderr)
        return 0

    subprocess.Popen.__init__ = begin  # type: ignore[method-assign]
    os.system = run


def _typed(args: Any) -> str:
    """A command as it would be typed."""
    parts = args if isinstance(args, list | tuple) else [args]
    return " ".join(os.fsdecode(one) for one in parts if isinstance(one, str | bytes | os.PathLike))[:10_000]


def _script(lines: str) -> str:
    """The lines of a shell's script, without those that are answered, which it says instead."""
    kept: list[str] = []
    for line in re.sub(r"\\\n", " ", lines).split("\n"):
        said = answer_to(line)
        quoted = said.replace("'", "'\\''")
        kept.append(f"printf '%s\\n' '{quoted}' >&2" if said else line)
    return "\n".join(kept)


def make_lenient(shell: Any) -> None:
    """Let IPython's extensions be missing: what they offer is a matter of comfort, and none of the exercise's."""
    manager, caught = shell.extension_manager, shell.getoutput
    load, line_magic, cell_magic = manager.load_extension, shell.run_line_magic, shell.run_cell_magic

    def passed_over(name: str, key: str = "extension") -> None:
        print(_said[key].format(name=name), file=sys.stderr)

    def load_extension(name: str) -> Any:
        try:
            return load(name)
        except ImportError:
            passed_over(name)
        return None

    def run_line_magic(name: str, line: str, _stack_depth: int = 1) -> Any:
        if name in _PACKAGE_MAGICS and (said := answer_to(f"{name} {line}")):
            print(said, file=sys.stderr)
            return None
        if name == "tensorboard":
            return passed_over("tensorboard", "board")
        if shell.find_line_magic(name) is None:
            return passed_over(f"%{name}")
        try:
            return line_magic(name, line, _stack_depth=_stack_depth + 1)
        except Exception as error:
            if name != "config":
                raise
            print(f"%config {line}: {error}", file=sys.stderr)  # a matter of comfort, too
            return None

    def run_cell_magic(name: str, line: str, cell: str) -> Any:
        if shell.find_cell_magic(name) is None:
            return passed_over(f"%%{name}")
        return cell_magic(name, line, _script(cell) if name in _SHELLS else cell)

    def getoutput(command: str, split: bool = True, depth: int = 0) -> Any:
        said = answer_to(command)
        if not said:
            return caught(command, split=split, depth=depth + 1)
        print(said, file=sys.stderr)
        return [] if split else ""

    manager.load_extension, shell.getoutput = load_extension, getoutput
    shell.run_line_magic, shell.run_cell_magic = run_line_magic, run_cell_magic


def arrive(folder: str, said: dict[str, str], packages: dict[str, list[str]]) -> None:
    """What hangs on the notebook: its folder, its language, the packages that its exercise allows and forbids."""
    _said.update(said)
    find_digits_anywhere(folder)
    if packages["forbidden"]:
        forbid(folder, packages["allowed"], packages["forbidden"])


def forbid(folder: str, allowed: list[str], forbidden: list[str]) -> None:
    """Let the notebook import forbidden packages no more than packages that are not here; libraries may."""
    importing, import_module = builtins.__import__, importlib.import_module

    def refused(package: str) -> bool:
        if package in forbidden or "*" not in forbidden:
            return package in forbidden
        if package in allowed or package in sys.stdlib_module_names or package == "google":
            return False
        return importlib.machinery.PathFinder.find_spec(package, [folder]) is None

    def by_notebook(space: Any) -> bool:
        return space.get("__name__") == "__main__" or str(space.get("__file__", "")).startswith(folder)

    def refuse(package: str, space: Any) -> None:
        if refused(package) and by_notebook(space):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    def notebooks_import(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> types.ModuleType:
        if not level and globals is not None:
            refuse(name.partition(".")[0], globals)
        return importing(name, globals, locals, fromlist, level)

    def notebooks_module(name: str, package: str | None = None) -> types.ModuleType:
        refuse(name.partition(".")[0], sys._getframe(1).f_globals)
        return import_module(name, package)

    builtins.__import__ = notebooks_import
    importlib.import_module = notebooks_module


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
