"""The warm process of a class, started before anything is read or imported that takes a while.

Importing torch takes longer than all the rest that a batch does before its first notebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grader.kernel.warm import NoFork, Warm, warmed
from grader.result_files import COURSE_JSON, GRADES


@contextmanager
def warmed_ahead(results: Path, device: str, fresh: bool) -> Iterator[Warm | None]:
    """A warm process that is on its way, unless results are there already: then there may be nothing to grade."""
    with warmed(device=device) as warm:
        if fresh or not any((results / name).exists() for name in (GRADES, COURSE_JSON)):
            start_ahead(warm)
        yield warm


def start_ahead(warm: Warm | None) -> None:
    """Start it, where that is possible before it is known what its kernels may read."""
    if warm is not None and not warm.needs_views:
        with suppress(NoFork):  # then every notebook has a kernel of its own
            warm.begin()
