"""Which attempt counts, and what lateness takes, through the command that a teacher types."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grader.exercise import Exercise
from grader.grades.policy import Clock, doubts
from grader.grades.rules import Rules
from grader.intake.attempt import Attempt, HandedIn
from grader.intake.collect import find
from tests.batches import ENDLESS, Batch, gradebook, graded, hand_in, started, wait_for
from tests.conftest import notebook, running

DEADLINE = datetime(2026, 3, 2, 12, tzinfo=UTC)
RIGHT, WRONG = "x = 3", "x = 4"


def rules(folder: Path, *lines: str, name: str = "rules.toml") -> str:
    """Write rules with that deadline; the option that names them."""
    path = folder / name
    path.write_text("\n".join([f"deadline = {DEADLINE.isoformat()}", *lines]))
    return f"--rules={path}"


def put(folder: Path, name: str, source: str, days_late: float | None = None) -> Path:
    """A notebook that was handed in so many days after the deadline."""
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(source)))
    if days_late is not None:
        when = (DEADLINE + timedelta(days=days_late)).timestamp()
        os.utime(path, (when, when))
    return path


def grades(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "out" / "grades.json").read_text("utf-8"))
    return {one["student"]: one for one in found["grades"]}


def shown(folder: Path, student: str, attempt: int | None = None) -> Any:
    """The report in a student's own folder, or of an attempt."""
    own = folder / "out" / "students" / student
    return json.loads(
        ((own if attempt is None else own / "attempts" / str(attempt)) / "report.json").read_text("utf-8")
    )


@pytest.fixture
def batch(quick_batch: Batch) -> Batch:
    return quick_batch


# ---------------------------------------------------------------------- which attempt counts


def test_the_best_attempt_counts_and_the_others_are_kept(folder: Path, batch: Batch) -> None:
    put(folder, "ann/attempt1/small.ipynb", RIGHT, -3)
    put(folder, "ann/attempt2/small.ipynb", WRONG, -1)
    put(folder, "bob/small.ipynb", WRONG, -2)
    (folder / "best.toml").write_text('counts = "best"')
    done = batch("--rules", str(folder / "best.toml"))
    assert done.returncode == 1, done.stderr
    assert "Rules: Of several attempts the best counts." in done.stdout
    assert "2 notebooks; the rules tell which counts." in done.stdout
    found = grades(folder)
    assert (found["ann"]["score"], found["ann"]["attempt"], found["ann"]["attempts"]) == (3, 1, 2)
    assert (found["bob"]["score"], found["bob"]["attempt"], found["bob"]["attempts"]) == (2, 1, 1)
    assert found["ann"]["place"].endswith("attempt1/small.ipynb")
    assert [shown(folder, "ann", n)["score"] for n in (None, 1, 2)] == [3, 3, 2]
    assert shown(folder, "ann") == shown(folder, "ann", 1)
    assert (folder / "out" / "students" / "ann" / "executed.ipynb").is_file()
    row = gradebook(folder)["ann"]
    assert (row["status"], row["score"], row["attempt"], row["attempts"]) == ("passed", "3", "1", "2")

    before = len(graded(folder))
    again = batch("--rules", str(folder / "best.toml"))
    assert "3 results there already" in again.stdout
    assert len(graded(folder)) == before == 3
    assert grades(folder) == found


def test_without_rules_the_newest_counts_and_nothing_else_is_graded(folder: Path, batch: Batch) -> None:
    put(folder, "ann/attempt1/small.ipynb", RIGHT, -3)
    put(folder, "ann/attempt2/small.ipynb", WRONG, -1)
    put(folder, "bob/small.ipynb", RIGHT, -2)
    assert batch().returncode == 1
    assert len(graded(folder)) == 2
    one = grades(folder)["ann"]
    assert (one["score"], one["earned"], one["attempt"], one["attempts"]) == (2, 2, 2, 2)
    assert one["handed_in"] is not None
    assert (one["penalty"], one["late_seconds"], one["override"]) == (0, 0, None)
    assert not (folder / "out" / "students" / "ann" / "attempts").exists()
    assert list(gradebook(folder)["ann"])[-1] == "submission"


def test_a_later_better_one_may_be_worth_less(folder: Path, batch: Batch) -> None:
    put(folder, "ann/1/small.ipynb", WRONG, -1)  # 2 points in time
    put(folder, "ann/2/small.ipynb", RIGHT, 3.5)  # 3 points, four days late
    put(folder, "bob/1/small.ipynb", WRONG, -1)
    put(folder, "bob/2/small.ipynb", RIGHT, 0.5)  # one day
    put(folder, "eve/1/small.ipynb", RIGHT, -2)  # the same notebook twice is one attempt, of when it first came
    put(folder, "eve/2/small.ipynb", RIGHT, 2)
    option = rules(folder, 'counts = "best"', "[late]", 'per_day = "10 %"', 'at_most = "50 %"')
    assert batch(option).returncode == 1
    found = grades(folder)
    assert (found["ann"]["attempt"], found["ann"]["score"], found["ann"]["penalty"]) == (1, 2, 0)
    assert (found["bob"]["attempt"], found["bob"]["score"], found["bob"]["penalty"]) == (2, 2.7, 0.3)
    assert found["bob"]["late_seconds"] == 43200
    assert [found["eve"][name] for name in ("score", "attempts", "late_seconds")] == [3, 1, 0]
    assert len(graded(folder)) == 5
    row = gradebook(folder)["bob"]
    assert [row[name] for name in ("score", "percent", "earned", "penalty", "late")] == [
        "2.7",
        "90.0",
        "3",
        "0.3",
        "12 h",
    ]


def test_a_resubmission_after_grading_loses_nothing(folder: Path, batch: Batch) -> None:
    """Graded by no rules, handed in again and worse, and the best counts from now on."""
    hand_in(folder, "ann", RIGHT)
    hand_in(folder, "bob", RIGHT)
    assert batch().returncode == 0
    hand_in(folder, "ann", WRONG)
    (folder / "out" / "rules.toml").write_text('counts = "best"')  # found by itself
    done = batch()
    assert done.returncode == 0, done.stderr
    found = grades(folder)
    assert (found["ann"]["score"], found["ann"]["attempt"], found["ann"]["attempts"]) == (3, 1, 2)
    assert len(graded(folder)) == 3  # nobody was graded twice for the same
    hand_in(folder, "ann", "x = 5")
    assert batch("--fresh").returncode == 0
    found = grades(folder)
    assert (found["ann"]["score"], found["ann"]["attempt"], found["ann"]["attempts"]) == (3, 1, 3)
    assert (found["bob"]["score"], found["bob"]["attempts"]) == (3, 1)
    assert [shown(folder, "ann", n)["score"] for n in (1, 2, 3)] == [3, 2, 2]


def test_what_comes_too_late_does_not_take_the_place_of_what_came_in_time(folder: Path, batch: Batch) -> None:
    put(folder, "ann/1/small.ipynb", RIGHT, -2)
    put(folder, "ann/2/small.ipynb", WRONG, 9)
    put(folder, "bob/small.ipynb", RIGHT, 9.5)
    option = rules(folder, "[late]", 'never_after = "1 week"')
    assert batch(option).returncode == 0
    found = grades(folder)
    assert (found["ann"]["score"], found["ann"]["attempt"], found["ann"]["attempts"]) == (3, 1, 2)
    assert (found["bob"]["score"], found["bob"]["earned"], found["bob"]["penalty"]) == (0, 3, 3)
    assert len(graded(folder)) == 2


def test_stopped_in_between_nobody_has_half_a_grade(exercise: Exercise, folder: Path, batch: Batch) -> None:
    """An attempt whose turn has not come may be the better one: until then there is no grade."""
    put(folder, "ann/1/small.ipynb", WRONG, -2)
    put(folder, "ann/2/small.ipynb", ENDLESS, -1)
    put(folder, "bob/1/small.ipynb", RIGHT, -2)
    put(folder, "bob/2/small.ipynb", ENDLESS, -1)
    put(folder, "zoe/small.ipynb", WRONG, -1)
    option = rules(folder, 'counts = "best"')

    def reports() -> int:
        return len(list((folder / "out").glob("students/*/attempts/*/report.json")))

    with started(exercise, folder, option) as process:
        wait_for(lambda: running(folder / "tmp") == 2 and reports() == 2)
        process.send_signal(2)
        process.communicate(timeout=60)
    found = grades(folder)
    assert (found["ann"]["status"], found["ann"]["score"]) == ("pending", None)
    assert (found["bob"]["status"], found["bob"]["score"]) == ("passed", 3)  # no better one can come
    assert gradebook(folder)["ann"]["status"] == "pending"


# ---------------------------------------------------------------------- when it was handed in


def of(found: HandedIn, student: str) -> Attempt:
    return found.attempts[student][-1]


def test_the_moment_of_unpacking_is_no_time(folder: Path, batch: Batch) -> None:
    for student in ("ann", "bob", "eve"):
        put(folder, f"{student}/small.ipynb", RIGHT, 4)
    put(folder, "zoe/small.ipynb", RIGHT, 2)
    option = rules(folder, "[late]", 'per_day = "1 point"')
    done = batch(option)
    assert done.returncode == 0, done.stderr
    assert "When 3 students handed in is not known" in done.stderr
    found = grades(folder)
    assert [found[name]["score"] for name in ("ann", "bob", "eve", "zoe")] == [3, 3, 3, 1]
    assert found["ann"]["handed_in"] is None
    assert "1 student late: 2 points taken in all." in done.stdout

    believing = rules(folder, 'times = "files"', "[late]", 'per_day = "1 point"')
    assert batch(believing).returncode == 0
    assert [grades(folder)[name]["score"] for name in ("ann", "zoe")] == [0, 1]


def test_what_lies_in_a_students_archive_came_with_the_archive(exercise: Exercise, folder: Path) -> None:
    """The times in it are the student's to choose."""
    made = put(folder, "made/small.ipynb", RIGHT)
    packed = folder / "in" / "ann.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("small.ipynb", (2020, 1, 1, 0, 0, 0)), made.read_bytes())
    shutil.rmtree(made.parent)
    late = (DEADLINE + timedelta(days=2)).timestamp()
    os.utime(packed, (late, late))
    one = of(find(folder / "in", exercise, folder / "tmp" / "a"), "ann")
    assert one.handed_in == DEADLINE + timedelta(days=2)


def test_canvas_says_late_and_not_how_late(exercise: Exercise, folder: Path) -> None:
    put(folder, "leeann_LATE_17_301_small.ipynb", RIGHT, 3)
    put(folder, "berg_18_302_small.ipynb", RIGHT, 9)
    found = find(folder / "in", exercise, folder / "tmp" / "a")
    assert found.numbers == {"leeann": "17", "berg": "18"}
    assert [(of(found, name).handed_in, of(found, name).marked_late) for name in ("leeann", "berg")] == [
        (None, True),
        (None, False),
    ]
    said = doubts(Rules(deadline=DEADLINE), Clock(Rules(), folder).told(found))
    assert said[0].startswith("When 2 students handed in is not known")
    assert said[1:] == ["The platform marks as late, without saying how late: leeann."]


def test_nbgrader_writes_when(exercise: Exercise, folder: Path) -> None:
    put(folder, "submitted/ann/small/small.ipynb", RIGHT, 3)
    (folder / "in/submitted/ann/small/timestamp.txt").write_text("2026-03-01 10:00:00.123456 UTC")
    put(folder, "submitted/bob/small/small.ipynb", RIGHT, 2)
    (folder / "in/submitted/bob/small/timestamp.txt").write_text("yesterday")
    found = find(folder / "in", exercise, folder / "tmp" / "a")
    assert of(found, "ann").handed_in == datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)
    assert of(found, "bob").handed_in == DEADLINE + timedelta(days=2)


def test_a_sheet_tells_when(folder: Path, batch: Batch) -> None:
    put(folder, "ann_7_assignsubmission_file_/small.ipynb", RIGHT, -5)
    put(folder, "Zoé_8_assignsubmission_file_/small.ipynb", RIGHT, 5)
    (folder / "sheet.csv").write_text("Full name,student number,handed_in\nann,1,2026-03-03T12:00:00Z\n")
    done = batch(rules(folder, 'times = "sheet.csv"', "[late]", 'per_day = "1 point"'))
    assert done.returncode == 0, done.stderr
    assert "When Zoé handed in is not known" in done.stderr
    found = grades(folder)
    assert [found["ann"][name] for name in ("score", "late_seconds", "number")] == [2, 86400, "7"]
    assert [found["Zoé"][name] for name in ("score", "late_seconds", "number")] == [3, 0, "8"]


# ---------------------------------------------------------------------- rules that are wrong


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("counts = 'worst'", "`counts` is \"worst\", not 'best' or 'last'"),
        ("deadline = 'soon'", "`deadline`: say a date and a time as in 2026-11-20T23:59:00+02:00"),
        ("grace = 15", "`grace`: say how long as in"),
        ("late = { per_day = '200 %' }", "`late.per_day`: 100 % is all that can be taken"),
        ("late = { perday = '10 %' }", "`late.perday` is nothing that is known here"),
        ("counts = best", "is no TOML"),
        ("times = 'nowhere.csv'", "nowhere.csv cannot be read"),
    ],
)
def test_wrong_rules_are_said_before_anything_is_graded(folder: Path, batch: Batch, text: str, says: str) -> None:
    hand_in(folder, "ann", RIGHT)
    (folder / "rules.toml").write_text(text)
    done = batch("--rules", str(folder / "rules.toml"))
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert graded(folder) == []


def test_forgotten_rules_and_unknown_names_are_told(folder: Path, batch: Batch) -> None:
    hand_in(folder, "ann", RIGHT)
    done = batch(rules(folder, "[students.Anne]", "deadline = 2026-04-01"))
    assert "The rules name Anne, who handed nothing in" in done.stderr
    assert done.returncode == 0
    assert "These results were made by rules, and now there are none." in batch().stderr
    assert "made by rules" not in batch().stderr
