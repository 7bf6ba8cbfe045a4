"""`grade PATH --watch`: grade again whenever the notebook, what lies beside it, or the exercise is saved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import BrokenExecutor, Future
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from watchfiles import Change, DefaultFilter, watch

from grader.datasets import choose
from grader.errors import GraderError
from grader.exercise import Target, load
from grader.exercise_files import Files, paths_of
from grader.formats.notebook import cells
from grader.grading import Graded, Options
from grader.language import tr
from grader.reading import Unreadable
from grader.submission import Submission
from grader.workers.crew import Machine, Needs, Process
from grader.workers.tasks import Outcome, Task, grade_task

# Files are looked at when nothing has changed for so long: a save is one write, or a draft that takes the file's place.
_QUIET_MS = 20
_LONGEST_MS = 400
# What cannot be read may be half written. It is looked at again, and told when it has stayed so.
_AGAIN_S = 0.1
_SETTLES_S = 0.6
_IDLE_S = 1.0


class Showing(Protocol):
    """Where a person sees how far a notebook has got."""

    def say(self, what: str, number: int, of: int, text: str = "", /) -> object:
        """As :class:`grader.judging.Progress`."""


class Watcher:
    """Grades the latest save of a notebook; what is being graded when a newer one comes is dropped.

    Parameters
    ----------
    processes
        Where it is graded: in the first; in the next one, while the first is put in order again.
    found
        Told what was found; or, in a sentence, why nothing was.
    progress
        Opened for each grading, and closed before anything is told.
    tell
        Called in other threads with what :meth:`heard` is to be called with in this one.

    Attributes
    ----------
    unsettled
        Whether it is worth another look soon.
    """

    def __init__(
        self,
        target: Target,
        options: Options,
        processes: list[Process],
        found: Callable[[Graded | str], None],
        progress: Callable[[], AbstractContextManager[Showing]],
        tell: Callable[[object], None],
    ) -> None:
        self._target = target
        self._options = options
        self._processes = processes
        self._found = found
        self._progress = progress
        self._tell = tell
        self.unsettled = False
        self._last: Hashable = None
        self._held: tuple[Hashable, float] = None, 0.0
        self._running: Future[Outcome] | None = None
        self._shown = ExitStack()
        self._showing: Showing | None = None
        for process in processes:
            process.listen = lambda step, process=process: tell((process, step))

    def look(self) -> None:
        """Grade what lies there now, if it is anything new."""
        try:
            exercise = load(self._target.exercise.folder)
            task = Task.of(
                Submission(self._target.notebook), Files.read(paths_of(exercise), exercise.course), self._options
            )
        except GraderError as error:
            sentence = f"{error.message} {error.advice}"
            if self._is_new(sentence, whole=False):
                self._found(sentence)
            return
        except OSError:  # a file vanished between being listed and being read, as editors' drafts do
            self.unsettled = True
            return
        key, whole = _key(task)
        if self._is_new(key, whole):
            self._grade(task)

    def heard(self, what: object) -> None:
        """Show a step of the grading that goes on, or tell what it has found."""
        if isinstance(what, Future):
            if what is self._running:
                self._running = None
                self._close()
                self._found(_result(what))
                self._make_ready()
        elif isinstance(what, tuple):
            process, step = what
            if process is self._processes[0] and self._showing is not None:
                self._showing.say(step.what, step.number, step.of, step.text)

    def close(self) -> None:
        """Show nothing any more."""
        self._close()

    def _is_new(self, key: Hashable, whole: bool) -> bool:
        """Whether this is something new; what is not whole, only once it has stayed so for a while."""
        self.unsettled = False
        if key == self._last:
            return False
        if not whole:
            if key != self._held[0]:
                self._held = key, time.monotonic()
            self.unsettled = time.monotonic() - self._held[1] < _SETTLES_S
            if self.unsettled:
                return False
        self._last = key
        return True

    def _grade(self, task: Task) -> None:
        if self._running is not None:
            self._close()
            # Its end, and the start of another in its place, take time that the next in line need not wait for.
            threading.Thread(target=self._processes[0].stop, daemon=True).start()
            self._processes.append(self._processes.pop(0))
        self._showing = self._shown.enter_context(self._progress())
        self._running = self._processes[0].submit(grade_task, task)
        self._running.add_done_callback(self._tell)

    def _make_ready(self) -> None:
        """Start those that are not running, so that the next save finds them started."""
        for process in self._processes:
            process.submit(_nothing)

    def _close(self) -> None:
        self._showing = None
        self._shown.close()


def watch_target(
    target: Target,
    options: Options,
    found: Callable[[Graded | str], None],
    progress: Callable[[], AbstractContextManager[Showing]],
) -> None:
    """Grade now and after every save, until Ctrl-C.

    Raises
    ------
    KeyboardInterrupt
    GraderError
        The machine lacks what grading takes.
    """
    choice = choose(target.exercise.description.data, options.data)
    needs = Needs(target.exercise.description.data, choice, options.device)
    events: SimpleQueue[object] = SimpleQueue()
    over = threading.Event()
    noticing = threading.Thread(target=_notice, args=(target, events, over), daemon=True)
    with Machine(needs, 2) as machine:
        watcher = Watcher(target, replace(options, data=choice), list(machine.executors()), found, progress, events.put)
        try:
            noticing.start()
            watcher.look()
            watcher.unsettled = True  # a save may have come before the folders were watched
            while True:
                _wait(watcher, events)
        except BaseException:
            watcher.close()
            machine.abandon()  # a notebook may be running that does not end
            raise
        finally:
            over.set()
            noticing.join(_IDLE_S)


def _wait(watcher: Watcher, events: SimpleQueue[object]) -> None:
    """Wait for the next thing to happen, and see to it."""
    happened: object = None
    with suppress(Empty):
        happened = events.get(timeout=_AGAIN_S if watcher.unsettled else _IDLE_S)
    if isinstance(happened, BaseException):
        raise happened
    if watcher.unsettled or isinstance(happened, _Saved):
        watcher.look()
    watcher.heard(happened)


class _Saved:
    """Something was saved."""


def _notice(target: Target, events: SimpleQueue[object], over: threading.Event) -> None:
    """Tell of each save."""
    folders = {target.notebook.absolute().parent, target.exercise.folder}
    try:
        for _ in watch(
            *sorted(folders),
            watch_filter=_Ours(),
            step=_QUIET_MS,
            debounce=_LONGEST_MS,
            stop_event=over,
            recursive=True,
            ignore_permission_denied=True,
        ):
            events.put(_Saved())
    except BaseException as error:
        events.put(error)


class _Ours(DefaultFilter):
    """What may change a verdict: not what tools and the grader itself leave there, in folders with a dot."""

    def __call__(self, change: Change, path: str) -> bool:
        return super().__call__(change, path) and not any(
            part.startswith(".") or part == "__pycache__" for part in Path(path).parts[-3:]
        )


def _nothing() -> None:
    """What a process does that is only to be there."""


def _result(running: Future[Outcome]) -> Graded | str:
    try:
        outcome = running.result()
    except BrokenExecutor:
        return tr("The process that graded it died. Save the notebook again.")
    return outcome.failure or outcome.graded()


def _key(task: Task) -> tuple[Hashable, bool]:
    """What a verdict hangs on: of the notebook its cells, since Jupyter saves outputs too. And whether it is whole."""
    notebook: Hashable = task.notebook
    whole = False
    with suppress(Unreadable):
        notebook = tuple(cell.content for cell in cells(task.notebook, task.name))
        whole = len(task.notebook) > 0
    return (notebook, task.flaw, task.companions, task.exercise), whole
