"""What is done beside grading: the comparison of the class's code, and the pages of those whose result is there.

A process of its own does it while notebooks run, in the time that kernels and disks leave idle. What it could not do by
then is done afterwards; whatever it made of something that came out otherwise is made again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.grades.grades import Grade
from grader.submission import Submission

_NICE = 10


class Beside:
    """Helpers of a batch. Use as a context manager: on leaving, what they do is finished, or abandoned by who fails.

    Parameters
    ----------
    results
        The folder of results.
    helpers
        Do one thing after another each.
    students
        All who will have pages: each leads to the one before and after.
    of_course
        The pages lead to those of the course, too.
    """

    def __init__(
        self, results: Path, helpers: Iterable[Executor], students: Iterable[str] = (), of_course: bool = False
    ) -> None:
        from grader.batch.pages import course_pages, sides_of

        self._results = results
        self._sides = sides_of(students, course_pages(results, of_course))
        self._helpers = list(helpers)
        self._writing = self._helpers[:-1] or self._helpers  # comparing a large class takes minutes
        self._pages: list[Future[Any]] = []
        self._alike: Future[Any] | None = None
        for one in self._helpers:
            one.submit(get_ready)

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._pages:
            future.cancel()
        for one in self._helpers:
            one.shutdown(cancel_futures=error is not None)

    def compare(self, submissions: Iterable[Submission], starter: str) -> None:
        """Look for submissions that are alike; :meth:`compared` waits for it."""
        from grader.batch.similar import write_similar

        self._alike = self._helpers[-1].submit(write_similar, self._results, list(submissions), starter)

    def compared(self) -> None:
        """Wait for the comparison, and raise what went wrong with it."""
        if self._alike is not None:
            with suppress(CancelledError):
                self._alike.result()

    def page(self, grade: Grade) -> None:
        """Make the pages of a student, some time."""
        from grader.batch.pages import make_for

        helper = self._writing[len(self._pages) % len(self._writing)]
        self._pages.append(
            helper.submit(
                make_for, str(self._results), grade.model_dump_json(), self._sides.get(grade.student, ("", "", ""))
            )
        )

    def leave_the_rest(self) -> None:
        """Begin nothing any more, and wait for the pages that are being made."""
        for future in self._pages:
            if not future.cancel():
                with suppress(BrokenExecutor, OSError):
                    future.result()


def get_ready() -> None:
    """In a helper: give way to those that grade, and import what pages take."""
    os.nice(_NICE)
    import grader.render.html.page  # noqa: F401
