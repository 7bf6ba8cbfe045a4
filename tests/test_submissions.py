"""Submissions to the course's exercises, honest and cheating, with the checks that must fail each.

``tests/submissions/ID.toml`` holds them as patches of the reference: `fails` names exactly the checks that have to
fail, and all others pass or cannot be judged for want of these. Where it is empty, everything has to pass: the same
solution written another way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring import Patch, read_patches, read_reference
from grader.exercise import load
from grader.grading import Options
from grader.kernel.warm import Warm
from grader.validation import Row, try_row

HERE = Path(__file__).parent
SUBMISSIONS = {
    f"{path.stem}-{patch.name}": (path.stem, patch)
    for path in sorted((HERE / "submissions").glob("*.toml"))
    for patch in read_patches(path, "submission")
}


@pytest.mark.parametrize(("name", "patch"), SUBMISSIONS.values(), ids=SUBMISSIONS)
def test_submission(name: str, patch: Patch, warm: Warm | None) -> None:
    exercise = load(HERE.parent / "exercises" / name)
    row = Row(patch.name, patch.apply(read_reference(exercise)), "sample", frozenset(patch.fails))
    result = try_row(exercise, row, Options(data="sample", warm=warm))
    assert result.faults == [], patch.says
    assert result.report.status == ("failed" if patch.fails else "passed")


def test_every_exercise_has_honest_and_cheating_ones() -> None:
    for name in sorted({name for name, _ in SUBMISSIONS.values()}):
        fails = [bool(patch.fails) for other, patch in SUBMISSIONS.values() if other == name]
        assert any(fails), f"no submission to {name} has to fail"
        assert not all(fails), f"no submission to {name} has to pass"
