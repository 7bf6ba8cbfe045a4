"""A new exercise: small, whole and sound from the first moment."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from grader.errors import UsageError
from grader.exercise import exercise_folders, load
from grader.kernel.warm import Warm
from grader.skeleton import new_exercise
from grader.validation import validate_all
from tests.batches import Here
from tests.conftest import SAMPLE, listing

# ---------------------------------------------------------------------- grade new


def test_a_new_exercise_in_an_empty_folder(nowhere: Path) -> None:
    paths = new_exercise("105", nowhere, title='The "softmax" — by hand', fi="Softmax käsin")
    name = "105_the_softmax_by_hand.ipynb"
    assert [path.relative_to(nowhere).as_posix() for path in paths] == [
        "exercises/105/exercise.toml",
        "exercises/105/checks.py",
        f"solutions/105/{name}",
        "solutions/105/answers.toml",
        "solutions/105/mistakes.toml",
        f"exercises/105/{name}",
        "exercises/105/answers.toml",
    ]
    assert [one for one in listing(nowhere) if "." in one] == sorted(str(path.relative_to(nowhere)) for path in paths)
    made = load(nowhere / "exercises" / "105")
    assert (made.id, made.starter.name) == ("105", name)
    assert (made.description.title.en, made.description.title.fi) == ('The "softmax" — by hand', "Softmax käsin")
    assert nbformat.read(made.reference, as_version=4).cells[0].source.startswith('# 105 · The "softmax" — by hand\n')
    assert any(check.needs for check in made.checks)
    assert any(check.hint for check in made.checks)


def test_a_new_exercise_is_sound(nowhere: Path, warm: Warm | None) -> None:
    new_exercise("ID", nowhere, title="ID, TITLE and NOTEBOOK")
    with Here(warm) as crew:
        (found,) = validate_all([load(nowhere / "exercises" / "ID")], SAMPLE, crew=crew)
    assert found.faults + [fault for row in found.rows for fault in row.faults] == []
    assert [row.row.name for row in found.rows[:2]] == ["reference", "starter"]
    assert len(found.rows) == 6


def test_a_new_exercise_of_a_course_that_is_there(nowhere: Path) -> None:
    new_exercise("105", nowhere)
    below = nowhere / "exercises" / "105"
    assert new_exercise("106_b", below, notebook="Own-1")[0] == nowhere / "exercises" / "106_b" / "exercise.toml"
    assert load(nowhere / "exercises" / "106_b").description.notebook == "106_b_Own-1.ipynb"
    assert {one.id for one in map(load, exercise_folders(nowhere).values())} == {"105", "106_b"}


@pytest.mark.parametrize(
    ("title", "slug"),
    [("", "a_new_exercise"), ("Äänen taajuus!", "aanen_taajuus"), ("注意", "exercise"), ("x" * 200, "x" * 60)],
)
def test_the_notebooks_name_comes_from_the_title(nowhere: Path, title: str, slug: str) -> None:
    assert new_exercise("105", nowhere, title)[-2].name == f"105_{slug}.ipynb"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "../105"}, "'../105' is no id of an exercise."),
        ({"name": ""}, "'' is no id of an exercise."),
        ({"name": "10\x1b5\n"}, "is no id of an exercise."),
        ({"name": "x" * 41}, "is no id of an exercise."),
        ({"name": "105", "notebook": "a/b"}, "'a/b' is no name for a notebook."),
        ({"name": "105", "notebook": "a.ipynb"}, "'a.ipynb' is no name for a notebook."),
    ],
)
def test_no_good_names(nowhere: Path, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_exercise(near=nowhere, **arguments)
    assert said in caught.value.message
    assert caught.value.advice
    assert listing(nowhere) == []


@pytest.mark.parametrize("place", ["exercises/105", "solutions/105"])
@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_nothing_is_overwritten(nowhere: Path, place: str, what: str) -> None:
    path = nowhere / place
    path.parent.mkdir()
    match what:
        case "folder":
            path.mkdir()
        case "file":
            path.write_text("mine")
        case "link":
            path.symlink_to("nowhere")
    before = listing(nowhere)
    with pytest.raises(UsageError, match="is already there"):
        new_exercise("105", nowhere)
    assert listing(nowhere) == before


def test_a_folder_that_nothing_can_be_written_to(nowhere: Path) -> None:
    (nowhere / "exercises").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        new_exercise("105", nowhere)
