"""A process that grades one notebook after another for `%grade`, with a warm process at hand.

A kernel of the student's starts it (:mod:`grader.magic`) and asks on its standard input, a line of JSON for each
command; it answers on its standard output: lines that tell how far it has got, and one with all that the command
printed. It ends when its standard input does, whatever it is doing then. It is the command itself that grades.
"""

from __future__ import annotations

import _thread
import io
import json
import os
import signal
import sys
import threading
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn

from grader.cli import endings, exit_code
from grader.commands import common

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.grading import Options
    from grader.kernel.warm import Warm


class Serving(common.Standing):
    """Keeps the warm process for as long as notebooks of the same kind are graded."""

    def __init__(self, answers: io.TextIOBase) -> None:
        self._answers = answers
        self._kept = ExitStack()
        self._kind: object = None
        self._warm: Warm | None = None

    def say(self, what: str, number: int, of: int, text: str = "", /) -> None:
        """Pass on how far a notebook has got."""
        self.answer(step=[what, number, of, text])

    def answer(self, **content: Any) -> None:
        """Write a line."""
        with suppress(OSError):  # whoever asked is gone, which is noticed elsewhere
            print(json.dumps(content), file=self._answers, flush=True)

    def warm(self, exercise: Exercise, options: Options) -> Warm | None:
        """The one that there is, if it fits; else another takes its place."""
        from grader.datasets import choose
        from grader.kernel.warm import NoFork, warmed
        from grader.workers.crew import Needs, views_of

        names = exercise.description.data
        needs = Needs(names, choose(names, options.data), options.device)
        if self._kind != (needs, os.environ.get("GRADER_DATA")):
            self.close()
            self._warm = self._kept.enter_context(warmed(views_of(needs), options.device))
            self._kind = needs, os.environ.get("GRADER_DATA")
            if self._warm is not None:
                with suppress(NoFork):  # then every notebook has a kernel of its own
                    self._warm.begin()
        return self._warm

    def close(self) -> None:
        """End the warm process."""
        self._kind = self._warm = None
        self._kept.close()


def main() -> NoReturn:
    """Entry point of the process."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what checks print must not get among the answers
    common.standing = serving = Serving(answers)
    if sys.platform == "linux":
        from grader.kernel import linux

        linux.die_with_parent(signal.SIGTERM)  # also where something else holds its standard input open
    questions: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(questions,), daemon=True).start()
    with endings() as heard, suppress(KeyboardInterrupt):
        try:
            while not heard and (question := questions.get()):
                _serve(serving, **json.loads(question))
        finally:
            serving.close()
    sys.exit(0)


def _read(questions: SimpleQueue[str]) -> None:
    """Read questions; at their end, end what is being done, too."""
    for line in sys.stdin:
        questions.put(line)
    questions.put("")
    if sys.platform == "win32":  # where a signal would end it without another word
        _thread.interrupt_main()
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def _serve(serving: Serving, words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Do what a command does, in a folder and with an environment, and tell what it printed."""
    told, complained = io.StringIO(), io.StringIO()
    sys.argv = ["grade", *words]
    os.environ.clear()
    os.environ.update(environment)
    with redirect_stdout(told), redirect_stderr(complained):
        os.chdir(folder)
        code = exit_code()
    serving.answer(code=code, told=told.getvalue(), complained=complained.getvalue())
