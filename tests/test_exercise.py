"""Exercises: what their files may say, and finding them from what a person types."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from grader import exercise as module
from grader import grading
from grader.answers import digests_of
from grader.errors import ExerciseError, UsageError
from grader.exercise import Exercise, describe, every_exercise, exercise_folders, find_exercise, find_target, load
from grader.exercise_files import Files, paths_of
from grader.submission import Submission
from grader.workers.tasks import Task, grade_task
from tests import conftest
from tests.conftest import SAMPLE, listing
from tests.fakes import FakeSession

TOML = """
id = "{id}"
title = {{ en = "One", fi = "Yksi" }}
notebook = "{notebook}"
chapter = "100"
"""

CHECKS = '''
from grader.checks import check

@check(points=2)
def one(run):
    """One."""

@check(points=1.5, needs=one)
def two(run):
    """Two."""
'''


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of three exercises, a and b with notebooks of their own and c with b's; the only one around."""
    root = tmp_path / "course"
    for name, notebook in (("a", "a_first.ipynb"), ("b", "b_second.ipynb"), ("c", "b_second.ipynb")):
        folder = root / "exercises" / name
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(TOML.format(id=name, notebook=notebook))
        (folder / "checks.py").write_text(CHECKS)
        (folder / notebook).write_text("{}")
    (root / "solutions" / "a").mkdir(parents=True)
    (root / "solutions" / "a" / "a_first.ipynb").write_text("{}")
    (root / "handed-in").mkdir()
    for notebook in ("a_first.ipynb", "b_second.ipynb", "mine.ipynb"):
        (root / "handed-in" / notebook).write_text("{}")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "site-packages" / "grader" / "exercise.py"))
    monkeypatch.chdir(root)
    return root


# ---------------------------------------------------------------------- what a person types


@pytest.mark.parametrize(
    ("path", "exercise", "notebook", "found"),
    [
        ("exercises/a", None, "exercises/a/a_first.ipynb", "a"),
        ("exercises/a/", None, "exercises/a/a_first.ipynb", "a"),
        ("solutions/a", None, "solutions/a/a_first.ipynb", "a"),
        ("exercises/a/a_first.ipynb", None, "exercises/a/a_first.ipynb", "a"),
        ("exercises/c/b_second.ipynb", None, "exercises/c/b_second.ipynb", "c"),
        ("solutions/a/a_first.ipynb", None, "solutions/a/a_first.ipynb", "a"),
        ("handed-in/a_first.ipynb", None, "handed-in/a_first.ipynb", "a"),
        ("handed-in/mine.ipynb", "b", "handed-in/mine.ipynb", "b"),
        ("handed-in/a_first.ipynb", "b", "handed-in/a_first.ipynb", "b"),
        ("handed-in/mine.ipynb", "exercises/c", "handed-in/mine.ipynb", "c"),
        ("handed-in", "a", "handed-in/a_first.ipynb", "a"),
        ("exercises/../exercises/a", None, "exercises/a/a_first.ipynb", "a"),
    ],
)
def test_target(course: Path, path: str, exercise: str | None, notebook: str, found: str) -> None:
    for start in (Path(path), course / path):
        target = find_target(start, exercise)
        assert target.exercise.id == found
        assert target.notebook.resolve() == (course / notebook).resolve()


def test_of_several_formats_the_newest_is_the_target(course: Path) -> None:
    folder = course / "exercises" / "a"
    for name, text, when in (
        ("a_first.ipynb", "{}", 1e9),
        ("a_first.py", "# %%\nx = 3\n", 2e9),
        ("a_first.qmd", "no cells", 3e9),
        ("other.py", "# %%\nx = 3\n", 3e9),
    ):
        (folder / name).write_text(text)
        os.utime(folder / name, (when, when))
    target = find_target(folder)
    assert target.notebook == folder / "a_first.py"
    assert target.told == (
        "a_first.py is graded, the newest; a_first.ipynb beside it is the same notebook in another format."
    )
    os.utime(folder / "a_first.ipynb", (3e9, 3e9))
    assert find_target(folder).notebook == folder / "a_first.ipynb"
    (folder / "a_first.py").unlink()
    assert find_target(folder).told == ""
    (folder / "a_first.ipynb").unlink()
    with pytest.raises(UsageError):
        find_target(folder)


def test_target_from_within_its_folder(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course / "exercises" / "a")
    for path in (".", "a_first.ipynb"):
        assert find_target(Path(path)).exercise.id == "a"


def test_a_notebook_elsewhere_finds_the_course_from_the_working_folder(course: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "downloads" / "a_first.ipynb"
    elsewhere.parent.mkdir()
    elsewhere.write_text("{}")
    assert find_target(elsewhere).exercise.id == "a"


@pytest.mark.parametrize(
    ("path", "exercise", "message"),
    [
        ("nothing", None, "There is no nothing."),
        ("nothing.ipynb", None, "There is no nothing.ipynb."),
        ("nothing.ipynb", "a", "There is no nothing.ipynb."),
        ("exercises/a/checks.py", None, "exercises/a/checks.py is no notebook."),
        ("handed-in", None, "handed-in is no exercise."),
        ("exercises", None, "exercises is no exercise."),
        ("handed-in", "c", ""),
        ("handed-in/mine.ipynb", None, "Nothing tells which exercise mine.ipynb is for."),
        ("handed-in/b_second.ipynb", None, "Nothing tells which exercise b_second.ipynb is for."),
        ("handed-in/mine.ipynb", "zzz", "There is no exercise 'zzz'."),
        ("handed-in/mine.ipynb", "handed-in", "There is no exercise 'handed-in'."),
        ("handed-in/mine.ipynb", "~no-such-user-here", "There is no exercise '~no-such-user-here'."),
        ("handed-in/mine.ipynb", "x" * 5000, ""),
        ("~no-such-user-here/a.ipynb", None, "~no-such-user-here/a.ipynb cannot be opened."),
        ("x" * 300 + ".ipynb", None, ""),
        ("evil\x1b[2J.ipynb", None, "There is no evil.ipynb."),
    ],
)
def test_what_cannot_be_graded_is_said_in_one_line(course: Path, path: str, exercise: str | None, message: str) -> None:
    if path == "handed-in" and exercise == "c":
        (course / "handed-in" / "b_second.ipynb").unlink()
    with pytest.raises(UsageError) as caught:
        find_target(Path(path), exercise)
    assert caught.value.message == message or (not message and caught.value.message)
    assert caught.value.advice
    assert not {"\n", "\x1b"} & set(caught.value.message + caught.value.advice)


def test_an_unknown_exercise_is_answered_with_the_known_ones(course: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_exercise("zzz", course)
    assert caught.value.advice == "The exercises are a, b and c."


def test_oddly_named_notebooks_are_targets(course: Path) -> None:
    """What they are is the submission's verdict, see test_submission."""
    folder = course / "exercises" / "a"
    (folder / "folder.ipynb").mkdir()
    (folder / "dangling.ipynb").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.ipynb")
    for name in ("folder.ipynb", "dangling.ipynb", "pipe.ipynb"):
        assert find_target(folder / name).notebook.name == name


def test_without_any_course(tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = tmp_path / "x.ipynb"
    notebook.write_text("{}")
    with pytest.raises(UsageError, match="Nothing tells"):
        find_target(notebook)
    with pytest.raises(UsageError) as caught:
        find_target(notebook, "a")
    assert caught.value.advice == "Go to the folder that holds `exercises/`."
    assert every_exercise(tmp_path) == []


def test_exercises_are_found_from_below_and_listed_by_id(course: Path) -> None:
    assert list(exercise_folders(course / "exercises" / "a")) == ["a", "b", "c"]
    assert [one.id for one in every_exercise(course)] == ["a", "b", "c"]
    told = describe(every_exercise(course)[0], "fi")
    assert (told["id"], told["title"], told["points"], told["data"]) == ("a", "Yksi", 3.5, [])


def test_the_repositorys_own_exercises_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"100", "110"} <= {one.id for one in every_exercise(tmp_path)}


# ---------------------------------------------------------------------- exercise.toml


def test_places(course: Path) -> None:
    one = load(course / "exercises" / "a")
    assert one.starter == (course / "exercises/a/a_first.ipynb").resolve()
    assert one.reference == (course / "solutions/a/a_first.ipynb").resolve()
    assert one.max_score == 3.5
    assert [check.name for check in one.checks] == ["one", "two"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.replace('id = "a"', ""), "`id`"),
        (lambda t: t.replace('id = "a"', 'id = "../a"'), "`id`"),
        (lambda t: t.replace('id = "a"', "id = 100"), "`id`"),
        (lambda t: t.replace("a_first.ipynb", "../a.ipynb"), "`notebook`"),
        (lambda t: t.replace("a_first.ipynb", ".hidden.ipynb"), "`notebook`"),
        (lambda t: t.replace("a_first.ipynb", "a.txt"), "`notebook`"),
        (lambda t: t.replace(', fi = "Yksi"', ""), "`title.fi`"),
        (lambda t: t + "nmaes = []\n", "`nmaes`"),
        (lambda t: t + "[budget]\nmemory_mb = 0\n", "`budget.memory_mb`"),
        (lambda t: t + "[budget]\ncpu = { cell_s = 1 }\n", "`budget.cpu.total_s`"),
        (lambda t: t + "[budget]\nanswer_s = -1\n", "`budget.answer_s`"),
        (lambda t: t + "[budget]\nmemory = 4\n", "`budget.memory`"),
        (lambda t: t + "[", "is no TOML"),
        (lambda t: "\udcff", "is no TOML"),
    ],
)
def test_a_wrong_exercise_toml_says_where(course: Path, change: Callable[[str], str], said: str) -> None:
    path = course / "exercises" / "a" / "exercise.toml"
    path.write_bytes(change(path.read_text()).encode("utf-8", "surrogateescape"))
    with pytest.raises(ExerciseError) as caught:
        load(path.parent)
    assert said in caught.value.message
    assert caught.value.advice


@pytest.mark.parametrize(
    ("content", "said"), [("a = " + "[" * 40_000, "is no TOML"), ("# " + "a" * 60_000, "cannot be read")]
)
def test_an_exercise_toml_that_is_too_deep_or_too_large(course: Path, content: str, said: str) -> None:
    (course / "exercises" / "a" / "exercise.toml").write_text(content)
    with pytest.raises(ExerciseError, match=said):
        load(course / "exercises" / "a")


def test_checks_that_are_too_large_to_be_looked_through(course: Path) -> None:
    """Else what they import would come along with a notebook."""
    (course / "exercises" / "a" / "checks.py").write_text("from . import oracle\n" + CHECKS)
    (course / "exercises" / "a" / "oracle.py").write_text("x = 1\n" * 50_000)
    with pytest.raises(ExerciseError, match="larger than 120,000 bytes"):
        _ = load(course / "exercises" / "a").checks


def test_an_exercise_that_is_named_is_not_looked_for_in_a_hand_in_first(course: Path) -> None:
    theirs = course / "handed-in" / "exercises" / "a"
    theirs.mkdir(parents=True)
    (theirs / "exercise.toml").write_text(TOML.format(id="a", notebook="a_first.ipynb"))
    (theirs / "checks.py").write_text("1 / 0")
    assert find_target(course / "handed-in" / "mine.ipynb", "a").exercise.folder == course / "exercises" / "a"
    assert find_target(course / "handed-in", "a").exercise.folder == course / "exercises" / "a"


def test_no_exercise_toml(course: Path) -> None:
    with pytest.raises(ExerciseError, match=r"has no exercise\.toml"):
        load(course / "handed-in")
    (course / "exercises" / "a" / "exercise.toml").unlink()
    (course / "exercises" / "a" / "exercise.toml").mkdir()
    with pytest.raises(ExerciseError, match="cannot be read"):
        load(course / "exercises" / "a")


def test_budgets(make_exercise: Callable[..., Exercise]) -> None:
    budget = make_exercise(cell_s=7, total_s=9).description.budget
    assert budget.seconds("cpu") == (7, 9)
    assert budget.seconds("cuda") == budget.seconds("mps") == (budget.gpu.cell_s, budget.gpu.total_s)


# ---------------------------------------------------------------------- checks.py


def check_of(name: str, needs: str = "()", more: str = "") -> str:
    return f'@check(points=1, needs={needs}{more})\ndef {name}(run):\n    """{name}."""\n\n'


HEAD = "from grader.checks import check, fail\nfrom grader.errors import *\n\n"


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("", "has no checks"),
        ("x = 1", "has no checks"),
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("import no_such_package_here", "ModuleNotFoundError"),
        (HEAD + "raise ExerciseError('of its own', '')", "of its own"),
        (HEAD + "@check(points=1)\ndef one(run): pass", "`one` has no docstring"),
        (HEAD + check_of("one", "['two']") + check_of("two"), "needs 'two', which does not come before it"),
        (HEAD + check_of("one", "['one']"), "needs 'one', which does not come before it"),
        (HEAD + check_of("one") + "other = one", "two checks named `one`"),
    ],
)
def test_wrong_checks(make_exercise: Callable[..., Exercise], checks: str, said: str) -> None:
    with pytest.raises(ExerciseError) as caught:
        _ = make_exercise(checks).checks
    assert said in caught.value.message


def test_no_checks_py(course: Path) -> None:
    (course / "exercises" / "a" / "checks.py").unlink()
    with pytest.raises(ExerciseError, match=r"has no checks\.py"):
        _ = load(course / "exercises" / "a").checks


def test_checks_leave_nothing_among_the_exercises(course: Path) -> None:
    _ = load(course / "exercises" / "a").checks
    assert listing(course / "exercises" / "a") == ["a_first.ipynb", "checks.py", "exercise.toml"]


def test_checks_may_define_dataclasses(make_exercise: Callable[..., Exercise]) -> None:
    more = (
        "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: float\n"
    )
    assert len(make_exercise(more + HEAD + check_of("one")).checks) == 1


def test_checks_may_import_from_beside(make_exercise: Callable[..., Exercise]) -> None:
    """Modules of the author's own, also through each other: never taken for another exercise's of that name."""
    more = "from .oracle import RIGHT\nassert RIGHT == 3\n"
    one = make_exercise(HEAD + check_of("one"))
    (one.folder / "oracle.py").write_text("from . import numbers_of_mine\nRIGHT = numbers_of_mine.THREE\n")
    (one.folder / "numbers_of_mine.py").write_text("THREE = 3\n")
    (one.folder / "helper.py").write_text("")
    (one.folder / "checks.py").write_text(more + HEAD + check_of("one"))
    assert [check.name for check in one.checks] == ["one"]
    assert sorted(path.name for path in one.modules) == ["checks.py", "numbers_of_mine.py", "oracle.py"]
    assert not (one.folder / "__pycache__").exists()
    (one.folder / "numbers_of_mine.py").write_text("THREE = 4\n")  # saved while `--watch` runs
    with pytest.raises(ExerciseError, match="AssertionError"):
        _ = load(one.folder).checks


def test_an_exercise_whose_answers_were_corrected_is_not_graded_by_the_old_ones(course: Path) -> None:
    (course / "solutions" / "a" / "answers.toml").write_text("[x]\nright = 3\n")
    with pytest.raises(ExerciseError, match="is not made of"):
        _ = load(course / "exercises" / "a").checks
    (course / "exercises" / "a" / "answers.toml").write_text(digests_of("a", course / "solutions" / "a"))
    assert load(course / "exercises" / "a").answers["x"].matches(3)
    assert load(course / "exercises" / "a").checks


@pytest.mark.parametrize("line", ["import torch", "import numpy, torch.nn as nn", "from torchvision import datasets"])
def test_torch_is_refused_at_once(make_exercise: Callable[..., Exercise], line: str) -> None:
    with pytest.raises(ExerciseError) as caught:
        _ = make_exercise(HEAD + check_of("one") + f"def inside():\n    {line}\n").checks
    assert "checks run in the grader's process, without torch" in caught.value.message
    assert "(line 9)" in caught.value.message


@pytest.mark.parametrize(
    ("more", "said", "advice"),
    [
        ("from oracle import RIGHT", "No module named 'oracle' (checks.py, line 2).", "`from .oracle import …`"),
        ("from .orcale import RIGHT", "No module named '.orcale' (checks.py, line 2).", "or write orcale.py into"),
        ("from .oracle import WRONG", "cannot import name 'WRONG' from '.oracle'", "Correct it."),
        ("from . import broken", "division by zero (broken.py, line 2).", "Correct it."),
        ("from . import unclosed", "(unclosed.py, line 1).", "Correct it."),
        ("import grader.internals", "No module named 'grader.internals'", "from `grader.checks`"),
        ("from grader.checks import nonsense", "cannot import name 'nonsense'", "lists what `grader.checks` has"),
        ("@check\ndef x(run): ...", "(checks.py, line 2).", "`@check(points=…)`"),
    ],
)
def test_what_is_wrong_with_checks_is_told_with_its_place_and_what_to_do(
    make_exercise: Callable[..., Exercise], more: str, said: str, advice: str
) -> None:
    one = make_exercise(checks=f"from grader.checks import check\n{more}\n{CHECKS}")
    (one.folder / "oracle.py").write_text("RIGHT = 3\n")
    (one.folder / "broken.py").write_text("x = 1\nx / 0\n")
    (one.folder / "unclosed.py").write_text("x = (\n")
    with pytest.raises(ExerciseError) as caught:
        _ = one.checks
    assert said in caught.value.message
    assert "_checks_" not in caught.value.message
    assert advice in caught.value.advice


# ---------------------------------------------------------------------- hidden checks


HIDDEN = CHECKS.replace("one", "three").replace("two", "four").replace("needs=three", "needs=['two', 'three']")


def test_hidden_checks_come_after_the_public_ones(course: Path) -> None:
    (course / "solutions" / "a" / "checks.py").write_text(HIDDEN)
    one = load(course / "exercises" / "a")
    assert [(check.name, check.hidden) for check in one.checks] == [
        *(("one", False), ("two", False)),
        *(("three", True), ("four", True)),
    ]
    assert one.checks[3].needs == ("two", "three")
    assert one.max_score == 7
    assert listing(course / "solutions" / "a") == ["a_first.ipynb", "checks.py"]


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        ("", "solutions/a/checks.py has no checks"),
        ("1 / 0", "solutions/a/checks.py cannot be run"),
        (CHECKS, "two checks named `one`"),
        (HIDDEN.replace("'two'", "'five'"), "`four` needs 'five', which does not come before it"),
    ],
)
def test_wrong_hidden_checks(course: Path, hidden: str, said: str) -> None:
    (course / "solutions" / "a" / "checks.py").write_text(hidden)
    with pytest.raises(ExerciseError) as caught:
        _ = load(course / "exercises" / "a").checks
    assert said in caught.value.message


def test_a_public_check_does_without_the_hidden_ones(course: Path) -> None:
    """Else students, who do not have these, could not grade."""
    (course / "solutions" / "a" / "checks.py").write_text(HIDDEN)
    (course / "exercises" / "a" / "checks.py").write_text(CHECKS.replace("needs=one", "needs='three'"))
    with pytest.raises(ExerciseError, match="needs 'three', which does not come before it"):
        _ = load(course / "exercises" / "a").checks


def test_hidden_checks_travel_to_who_grades_a_class(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (course / "solutions" / "a" / "checks.py").write_text(HIDDEN)
    (course / "solutions" / "a" / "mistakes.toml").write_text("the teacher's own")
    one = load(course / "exercises" / "a")
    files = Files.read(paths_of(one), one.course)
    names = [name for name, _ in files.contents]
    assert names == ["solutions/a/checks.py", "exercises/a/checks.py", "exercises/a/exercise.toml"]
    monkeypatch.setattr(grading, "KernelSession", FakeSession())
    (course / "handed-in" / "mine.ipynb").write_text(nbformat.writes(conftest.notebook("x = 3")))
    report = grade_task(Task.of(Submission(course / "handed-in" / "mine.ipynb"), files, SAMPLE)).graded().report
    assert [(check.name, check.status, check.hidden) for check in report.checks] == [
        *(("one", "passed", False), ("two", "passed", False)),
        *(("three", "passed", True), ("four", "passed", True)),
    ]
    assert report.max_score == 7


def test_an_exercise_is_found_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_target(Path("110")).exercise.id == "110"
    with pytest.raises(UsageError) as refused:
        find_target(Path("1100"))
    assert "Did you mean exercise 110?" in refused.value.advice
