"""Appeals, as a teacher types them: one student again, and who would move before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.exercise import Exercise
from tests.batches import CHECKS, Batch, gradebook, graded, hand_in, written


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files of the results, and when each was written."""
    paths = (path for path in (folder / "out").rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def seed(folder: Path, student: str) -> int:
    return int(json.loads((folder / "out" / "students" / student / "report.json").read_text("utf-8"))["seed"])


def scores(folder: Path) -> dict[str, str]:
    return {name: row["score"] for name, row in gradebook(folder).items() if name != "points possible"}


def harder(exercise: Exercise) -> None:
    """The check of `x` wants another number."""
    (exercise.folder / "checks.py").write_text(CHECKS.replace('run.value("x"), 3', 'run.value("x"), 4'))


def test_one_student_is_graded_again(folder: Path, batch: Batch, exercise: Exercise) -> None:
    for student, source in (("ann", "x = 3"), ("Bob Berg", "x = 4"), ("cid", "x = 3")):
        hand_in(folder, student, source)
    assert batch().returncode == 1
    before, runs = written(folder), len(graded(folder))

    harder(exercise)
    done = batch("--only", "bob berg", "--seed", "7")
    assert done.returncode == 0, done.stdout
    assert "2 results there already, and the others stay as they are." in done.stdout
    assert {name for name, when in written(folder).items() if before[name] != when} == {"Bob Berg"}
    assert len(graded(folder)) == runs + 1
    assert (seed(folder, "Bob Berg"), seed(folder, "ann")) == (7, 0)
    assert scores(folder) == dict.fromkeys(("ann", "Bob Berg", "cid"), "3")

    done = batch("--only", "bob")
    assert done.returncode == 2
    assert "Do you mean 'Bob Berg'?" in done.stderr


def test_of_several_attempts_the_best_still_counts(folder: Path, batch: Batch, exercise: Exercise) -> None:
    hand_in(folder, "ann", "x = 4")
    hand_in(folder, "bob", "x = 3")
    (folder / "rules.toml").write_text('counts = "best"')
    rules = ("--rules", str(folder / "rules.toml"))
    assert batch(*rules).returncode == 1
    harder(exercise)
    assert batch(*rules, "--only", "ann").returncode == 0
    assert scores(folder) == {"ann": "3", "bob": "3"}


def test_a_dry_run_tells_whose_points_would_move(folder: Path, batch: Batch, exercise: Exercise) -> None:
    for student, source in (("ann", "x = 3"), ("bob", "x = 4"), ("cid", "x = 5")):
        hand_in(folder, student, source)
    assert batch("--dry-run").returncode == 2  # nothing to compare with
    assert not (folder / "out").exists()
    assert batch().returncode == 1
    before = everything(folder)

    done = batch("--dry-run")
    assert (done.returncode, everything(folder)) == (0, before), done.stderr
    assert "Nobody's points, verdict or checks would change. Nothing was written." in done.stdout

    harder(exercise)
    hand_in(folder, "cid", "x = 4")
    done = batch("--dry-run")
    assert (done.returncode, everything(folder)) == (1, before)
    told = " ".join(done.stdout.split())
    assert "3 students would move: points of 3, verdict of 3 and checks of 3. Nothing was written." in told
    new = "new checks, or other files beside the notebook"
    assert f"ann 3 → 2 full marks → passed {new} x_is_three passed → failed, −1" in told
    assert f"bob 2 → 3 passed → full marks {new} x_is_three failed → passed, +1" in told
    assert "cid 2 → 3 passed → full marks another notebook x_is_three failed → passed, +1" in told

    done = batch("--dry-run", "--only", "ann", "--seed", "7")
    told = " ".join(done.stdout.split())
    assert "1 student would move: points of 1, verdict of 1 and checks of 1." in told
    assert "ann 3 → 2 full marks → passed another seed: 0 → 7" in told
    assert everything(folder) == before
    assert list((folder / "tmp").iterdir()) == []


def test_new_checks_are_told_as_such(folder: Path, batch: Batch, exercise: Exercise) -> None:
    hand_in(folder, "ann", "x = 3")
    assert batch().returncode == 0
    more = '''
@check(points=2)
def z_is_there(run):
    """`z` is there."""
    run.value("z")
'''
    (exercise.folder / "checks.py").write_text(CHECKS.replace("points=1", "points=4") + more)
    told = " ".join(batch("--dry-run").stdout.split())
    assert "ann 3 → 6 full marks → passed new checks x_is_three passed → passed, +3" in told
    assert "z_is_there not there → failed" in told


def test_a_dry_run_tells_of_verdicts_and_checks_where_the_points_stay(
    folder: Path, batch: Batch, exercise: Exercise
) -> None:
    checks = exercise.folder / "checks.py"
    checks.write_text(CHECKS.replace("points=1", "points=2"))
    for student, source in (("ann", "x = 3"), ("bob", "x = 4")):
        hand_in(folder, student, source)
    assert batch().returncode == 1

    # Other words alone.
    checks.write_text(checks.read_text().replace('3, "`x`"', '3, "The number `x`"'))
    done = batch("--dry-run")
    told = "Nobody's points, verdict or checks would change. Of 1 student the words alone would: 1 message."
    assert (done.returncode, told in " ".join(done.stdout.split())) == (0, True), done.stdout + done.stderr

    # What one check takes another gives.
    swapped = CHECKS.replace("points=1", "points=2").replace('run.value("x"), 3', 'run.value("x"), 4')
    checks.write_text(swapped.replace('    note("graded")', '    expect(run.value("x") != 4, "It is four.")'))
    done = batch("--dry-run")
    told = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "bob 2 new checks, or other files beside the notebook x_is_three failed → passed, +2" in told
    assert "y_is_harmless passed → failed, −2" in told
    assert "2 students would move: points of 1, verdict of 1 and checks of 2." in told

    # Another pass mark, for which nothing is graded.
    checks.write_text(CHECKS.replace("points=1", "points=2"))
    (folder / "rules.toml").write_text('pass_mark = "60 %"')
    done = batch("--dry-run", "--rules", str(folder / "rules.toml"))
    told = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "bob 2 passed → not passed another pass mark: 50 % → 60 %" in told
    assert "1 student would move: verdict of 1. Nothing was written." in told
