"""`grade PATH --watch`: grade again whenever the notebook, what lies beside it, or the exercise is saved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from grader.datasets import choose
from grader.errors import GraderError
from grader.exercise import Target, load
from grader.exercise_files import Files, paths_of
from grader.grading import Graded, Options
from grader.language import tr
from grader.reading import Unreadable
from grader.submission import Submission, cells
from grader.workers.crew import Machine, Needs, Process
from grader.workers.tasks import Outcome, Task, grade_task

_LOOK_EVERY_MS = 100


class Watcher:
    """Grades the latest save of a notebook; what is being graded when a newer one comes is dropped.

    Parameters
    ----------
    process
        Where it is graded.
    found
        Told what was found; or, in a sentence, why nothing was.
    """

    def __init__(
        self, target: Target, options: Options, process: Process, found: Callable[[Graded | str], None]
    ) -> None:
        self._target = target
        self._options = options
        self._process = process
        self._found = found
        self.unsettled = False  # something could not be read just now: it is worth another look
        self._last: Hashable = None
        self._running: Future[Outcome] | None = None

    def look(self) -> None:
        """Grade what lies there now, if it is anything new."""
        try:
            exercise = load(self._target.exercise.folder)
            task = Task.of(
                Submission(self._target.notebook), Files.read(paths_of(exercise), exercise.course), self._options
            )
        except GraderError as error:  # the exercise is just being written
            self._say(f"{error.message} {error.advice}")
            return
        except OSError:  # a file vanished between being listed and being read, as editors' drafts do
            self.unsettled = True
            return
        self.unsettled = False
        if (key := _key(task)) == self._last:
            return
        self._last = key
        if self._running is not None and not self._running.done():
            self._process.stop()
        self._running = self._process.submit(grade_task, task)

    def tell(self) -> None:
        """Tell what was found, once it is."""
        if self._running is None or not self._running.done():
            return
        running, self._running = self._running, None
        try:
            outcome = running.result()
        except BrokenExecutor:
            self._found(tr("The process that graded it died. Save the notebook again."))
        else:
            self._found(outcome.failure or outcome.graded())

    def _say(self, sentence: str) -> None:
        if sentence != self._last:
            self._last = sentence
            self._found(sentence)


def watch_target(target: Target, options: Options, found: Callable[[Graded | str], None]) -> None:
    """Grade now and after every save, until Ctrl-C.

    Raises
    ------
    KeyboardInterrupt
    GraderError
        The machine lacks what grading takes.
    """
    choice = choose(target.exercise.description.data, options.data)
    needs = Needs(target.exercise.description.data, choice, options.device)
    with Machine(needs, 1) as machine:
        watcher = Watcher(target, replace(options, data=choice), machine.executors()[0], found)
        try:
            for changed in _saves(target):
                if changed or watcher.unsettled:
                    watcher.look()
                watcher.tell()
        except BaseException:
            machine.abandon()  # a notebook may be running that does not end
            raise


def _saves(target: Target) -> Iterator[bool]:
    """True at once and after each save; False every now and then."""
    yield True
    folders = {target.notebook.absolute().parent, target.exercise.folder}
    for changes in watch(
        *sorted(folders),
        watch_filter=_Ours(),
        yield_on_timeout=True,
        rust_timeout=_LOOK_EVERY_MS,
        debounce=400,
        recursive=True,
        ignore_permission_denied=True,
    ):
        yield bool(changes)


class _Ours(DefaultFilter):
    """What may change a verdict: not what tools and the grader itself leave there, in folders with a dot."""

    def __call__(self, change: Change, path: str) -> bool:
        return super().__call__(change, path) and not any(
            part.startswith(".") or part == "__pycache__" for part in Path(path).parts[-3:]
        )


def _key(task: Task) -> Hashable:
    """What a verdict hangs on: of the notebook its cells, since Jupyter saves outputs too."""
    try:
        notebook: Hashable = tuple((cell.kind, cell.source) for cell in cells(task.notebook))
    except Unreadable:
        notebook = task.notebook
    return notebook, task.flaw, task.companions, task.exercise
