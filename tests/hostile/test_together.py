"""Honest and hostile notebooks side by side: the honest ones' grades are those that they would have had alone."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, zip_longest
from typing import Any

import pytest

from grader.exercise import load
from grader.kernel.warm import warmed
from grader.report import Report
from tests.hostile import corpus, judging
from tests.hostile.conftest import Places

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is tried here is held by Linux's means")

HOSTILE = (
    *("fork-bomb", "full-disk", "shared-mapping", "daemons", "kills-its-parent"),
    *("endless-in-c", "signals-ignored", "passed-it-says", "huge-exception", "segfault", "spinning-processes"),
)

# Right answers, and wrong ones that lose other points: who mixes up two of them is seen.
HONEST = [
    corpus.Entry(f"honest-{number}", "honest", "", instead=instead)
    for number, instead in enumerate(
        [
            {},
            {"answers": "x = 41"},
            {"double": "def double(v):\n    return v + v"},
            {"double": "def double(v):\n    return v * v"},
            {"notes": "open('notes.txt', 'w').write('x is 7')"},
        ]
        * 2
    )
]


def without_times(report: Report) -> dict[str, Any]:
    """All of a report but what differs from run to run."""
    found = report.model_dump(exclude={"started": True, "submission": True})
    del found["execution"]["seconds"], found["execution"]["peak_memory"]
    for part in (*found["checks"], *found["execution"]["cells"]):
        del part["seconds"]
    return found


def test_the_honest_get_what_they_would_have_had_alone(places: Places) -> None:
    exercise = load(places.exercise)
    hostile = [one for one in corpus.load() if one.name in HOSTILE]
    assert len(hostile) == len(HOSTILE) == 11

    def graded(entry: corpus.Entry) -> Report:
        return judging.run(entry, exercise, places.told(), folder / entry.name, warm=warm).report

    with warmed([]) as warm, judging.temporary_folder() as (folder, wrong):
        assert warm is not None
        warm.start()
        with judging.nothing_more_in(warm, wrong), ThreadPoolExecutor(2) as pool:
            alone = list(pool.map(graded, HONEST))
            mixed = [one for one in chain(*zip_longest(HONEST[::2], HONEST[1::2], hostile)) if one is not None]
            together = dict(zip([one.name for one in mixed], pool.map(graded, mixed), strict=True))
        for entry in HONEST:
            (folder / entry.name).rmdir()
        for entry in hostile:
            (folder / entry.name).rmdir()
    assert wrong == []
    assert [without_times(together[one.name]) for one in HONEST] == [without_times(one) for one in alone]
    assert {one.status for one in alone} == {"passed", "failed"}
    # Their exact verdicts are test_corpus's affair: here three work on two cores, and any may run out of its time.
    assert {together[one.name].status for one in hostile} <= {"passed", "failed"}
    longest = exercise.description.budget.cpu.total_s + 2
    assert [one.name for one in hostile if together[one.name].execution.seconds > longest] == []
