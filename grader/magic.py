"""`%grade` in a notebook: the same checks, as a table below the cell.

The notebook is graded as it is saved, by the command `grade` in a process of its own: what the kernel holds has no part
in it.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from grader.language import preferred, speaking, tr


def register(shell: Any) -> None:
    """Give the shell its magic."""
    shell.register_magic_function(_Magic(shell), magic_name="grade")


class _Magic:
    """``%grade [NOTEBOOK] [options of the command]``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, line: str) -> GradedNotebook | None:
        with speaking(preferred()):
            return self._grade(line)

    def _grade(self, line: str) -> GradedNotebook | None:
        words = shlex.split(line)
        if not words or words[0].startswith("-"):
            found = this_notebook(self._shell.user_ns)
            if found is None:
                print(tr("Nothing tells which notebook this is. Name it: `%grade NOTEBOOK.ipynb`."))
                return None
            words = [str(found), *words]
        path = Path(words[0]).expanduser()
        saved = time.strftime("%X", time.localtime(path.stat().st_mtime)) if path.is_file() else ""
        # The name goes after all options: it may begin with a dash.
        command = [sys.executable, "-m", "grader.cli", "notebook", *words[1:], "--json", "--", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        if not done.stdout.strip():
            print(done.stderr.strip() or tr("The grader said nothing."))
            return None
        return GradedNotebook(done.stdout, saved)


def this_notebook(names: dict[str, Any]) -> Path | None:
    """The notebook that this kernel belongs to, as Jupyter or VS Code tells it, or the only one that lies here."""
    told = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")
    if type(told) is str and told.endswith(".ipynb"):
        for place in (Path(told), Path.cwd() / Path(told).name):  # Jupyter tells it from its own root folder
            if place.is_file():
                return place
    here = [path for path in sorted(Path.cwd().glob("*.ipynb")) if not path.name.startswith(".")]
    return here[0] if len(here) == 1 else None


class GradedNotebook:
    """A report, which Jupyter shows as a table, and a terminal as text.

    Parameters
    ----------
    report
        As JSON, as the command printed it.
    saved
        When the notebook was saved, for a person.
    """

    def __init__(self, report: str, saved: str = "") -> None:
        from grader.report import Report

        self.report = Report.model_validate_json(report)
        self.saved = saved

    def _repr_html_(self) -> str:
        from grader.render.html.cell import cell_table

        return cell_table(self.report, self.saved)

    def __repr__(self) -> str:
        from rich.console import Console

        from grader.render.console import render

        console = Console(file=io.StringIO(), width=80, color_system=None, highlight=False, markup=False)
        console.print(render(self.report))
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()
