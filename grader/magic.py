"""`%grade` in a notebook: the same checks, as a table below the cell.

The notebook is graded as it is saved, by the command `grade` in a process of its own: what the kernel holds has no part
in it. That process stays, with a warm process at hand, for as long as the kernel lives: the second time is quick.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from grader.language import decimal, preferred, speaking, tr
from grader.text import step_told

_ENDS_S = 5.0


def register(shell: Any) -> None:
    """Give the shell its magic."""
    shell.register_magic_function(_Magic(shell), magic_name="grade")


class _Magic:
    """``%grade [NOTEBOOK] [options of the command]``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._grader: _Grader | None = None

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
        told, complained = self._asked(["notebook", *words[1:], "--json", "--", str(path)])
        if not told.strip():
            print(complained.strip() or tr("The grader said nothing."))
            return None
        return GradedNotebook(told, saved)

    def _asked(self, words: list[str]) -> tuple[str, str]:
        """What the command prints, and what it complains of."""
        if self._grader is None or not self._grader.alive:
            self._grader = _Grader()
        with _Progress(hasattr(self._shell, "kernel")) as progress:
            return self._grader.ask(words, progress.say)


class _Grader:
    """The process that grades (:mod:`grader.serving`). It ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from grader.serving import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # an interrupt of this kernel's is passed on, once
        )
        atexit.register(self.close)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, words: list[str], say: Callable[..., object]) -> tuple[str, str]:
        """Have it do a command; what that printed, and what it complained of.

        Parameters
        ----------
        say
            Told how far it has got.
        """
        assert self._process.stdin is not None
        try:
            question = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}
            print(json.dumps(question), file=self._process.stdin, flush=True)
            if answer := self._answer(say):
                return answer["told"], answer["complained"]
        except KeyboardInterrupt:
            self._stop()
            raise
        except (OSError, ValueError):
            pass
        self.close()
        return "", ""

    def _answer(self, say: Callable[..., object]) -> dict[str, str]:
        """The answer, when it is there; an empty one if none comes."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "step" not in answer:
                return answer
            say(*answer["step"])
        return {}

    def _stop(self) -> None:
        """Have it leave off what it does; end it if that takes too long."""
        if sys.platform != "win32":
            late = threading.Timer(_ENDS_S, self._process.kill)
            late.start()
            with suppress(OSError, ValueError):
                self._process.send_signal(signal.SIGINT)
                if self._answer(lambda *_: None):
                    late.cancel()
                    return
            late.cancel()
        self.close()

    def close(self) -> None:
        """End it, with all that it does."""
        atexit.unregister(self.close)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        try:
            self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Progress:
    """A line below the cell that tells how far it has got; only where there are such, which a terminal has not."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._line: Any = None
        self._begun = time.monotonic()

    def __enter__(self) -> _Progress:
        self._tell(tr("Starting the kernel"))
        return self

    def __exit__(self, *_: object) -> None:
        self._tell(tr("It took {n} s.", n=decimal(f"{time.monotonic() - self._begun:.1f}")))

    def say(self, what: str, number: int, of: int, text: str = "") -> None:
        """Tell what is being done now."""
        self._tell(step_told(what, number, of, text))

    def _tell(self, text: str) -> None:
        from IPython.display import display

        if self._line is not None:
            self._line.update({"text/plain": text}, raw=True)
        elif self._shown:
            self._line = display({"text/plain": text}, raw=True, display_id=True)


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

        console = Console(
            file=io.StringIO(),
            width=80,
            color_system=None,
            highlight=False,
            markup=False,
            force_jupyter=False,  # or it would show the text itself, in a kernel, beside giving it
        )
        console.print(render(self.report))
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()
