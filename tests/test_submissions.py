"""Submissions to the course's exercises, honest and cheating, with the checks that must fail each.

``tests/submissions/ID.toml`` holds them as patches of the reference: `fails` names exactly the checks that have to
fail, and all others pass or cannot be judged for want of these. Where it is empty, everything has to pass: the same
solution written another way.
"""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path

import pytest

from grader.authoring import Patch, read_patches, read_reference
from grader.exercise import load
from grader.grading import Options
from grader.kernel.warm import Warm
from grader.validation import Row, grade_notebook, try_row

HERE = Path(__file__).parent
SUBMISSIONS = {
    f"{path.stem}-{patch.name}": (path.stem, patch)
    for path in sorted((HERE / "submissions").glob("*.toml"))
    for patch in read_patches(path, "submission")
}


def chosen(each: int, names: Container[str]) -> dict[str, tuple[str, Patch]]:
    """The first honest and the first cheating ones of these exercises; all where every mode is asked for."""
    if os.environ.get("GRADER_TEST_EVERY_MODE"):
        return SUBMISSIONS
    found: dict[tuple[str, bool], list[str]] = {}
    for key, (name, patch) in SUBMISSIONS.items():
        found.setdefault((name, bool(patch.fails)), []).append(key)
    return {key: SUBMISSIONS[key] for (name, _), keys in found.items() if name in names for key in keys[:each]}


NAMES = {name for name, _ in SUBMISSIONS.values()}
TRAIN = {name for name in NAMES if load(HERE.parent / "exercises" / name).description.data}
TRIED = chosen(3, NAMES - TRAIN - {"102", "113"}) | chosen(1, TRAIN | {"102", "113"})
IN_BOTH = chosen(1, {"100"})


@pytest.mark.parametrize(("name", "patch"), TRIED.values(), ids=TRIED)
def test_submission(name: str, patch: Patch, warm: Warm | None) -> None:
    exercise = load(HERE.parent / "exercises" / name)
    row = Row(patch.name, patch.apply(read_reference(exercise)), "small", frozenset(patch.fails), patch.shares)
    result = try_row(exercise, row, Options(data="small", warm=warm))
    assert result.faults == [], patch.says
    assert result.report.status == ("failed" if patch.fails else "passed")


@pytest.mark.parametrize(("name", "patch"), IN_BOTH.values(), ids=IN_BOTH)
def test_a_kernel_of_its_own_gives_the_same_verdict(name: str, patch: Patch, warm: Warm | None) -> None:
    exercise = load(HERE.parent / "exercises" / name)
    notebook = patch.apply(read_reference(exercise))
    reports = [grade_notebook(notebook, exercise, Options(data="small", warm=kind)) for kind in (None, warm)]
    cold, forked = ([(check.name, check.status, check.score) for check in report.checks] for report in reports)
    assert cold == forked
    assert reports[0].status == reports[1].status
    assert reports[0].sandbox == reports[1].sandbox


def test_every_exercise_has_honest_and_cheating_ones() -> None:
    for name in sorted(NAMES):
        fails = [bool(patch.fails) for other, patch in SUBMISSIONS.values() if other == name]
        assert any(fails), f"no submission to {name} has to fail"
        assert not all(fails), f"no submission to {name} has to pass"
