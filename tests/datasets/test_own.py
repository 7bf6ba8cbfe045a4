"""Data sets of an exercise's own: a table of which the notebook gets a part."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.datasets import dataset
from grader.datasets.own import Own, OwnDataset
from grader.errors import ExerciseError
from grader.exercise import Exercise, load
from grader.grading import grade
from grader.submission import Submission
from grader.workspace import Workspace, companions
from tests.conftest import SAMPLE, listing

ROWS = [(f"{n}.5", n % 7, "yes" if n % 3 else "no") for n in range(100)]


def table(path: Path, rows: list[tuple[object, ...]] = ROWS) -> Path:  # type: ignore[assignment]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("length", "width", "kind"), *rows])
    return path


def own(folder: Path, **more: object) -> Own:
    told = {"name": "flowers", "file": "flowers.csv", "label": "kind", **more}
    return Own(OwnDataset.model_validate(told), folder)


def numbers(one: object) -> set[float]:
    return set(np.asarray(one).tolist())


def test_every_row_is_in_one_part(tmp_path: Path) -> None:
    table(tmp_path / "flowers.csv")
    flowers = own(tmp_path, test=0.1, heldout=0.3)
    parts = [flowers.heldout("sample", np.random.default_rng(0)), flowers.visible("sample"), flowers.training("sample")]
    assert [len(part) for part in parts] == [30, 10, 60]
    lengths = [numbers(part.columns["length"]) for part in parts]
    assert set.union(*lengths) == {n + 0.5 for n in range(100)}
    assert sum(map(len, lengths)) == 100
    for part in parts:
        assert part.features.shape == (len(part), 2)
        for (length, width), kind in zip(part.features, part.labels, strict=True):
            n = int(length)
            assert (width, kind) == (n % 7, "yes" if n % 3 else "no")


def test_the_split_is_the_same_everywhere_and_another_order_each_time(tmp_path: Path) -> None:
    table(tmp_path / "flowers.csv")
    one, other = (own(tmp_path).heldout("sample", np.random.default_rng(seed)).columns["length"] for seed in (0, 1))
    assert numbers(one) == numbers(other)
    assert list(one) != list(other)


def test_the_notebook_gets_all_but_what_is_held_out(tmp_path: Path) -> None:
    table(tmp_path / "flowers.csv")
    flowers = own(tmp_path)
    (tmp_path / "data").mkdir()
    flowers.write(tmp_path / "data")
    seen = set()
    for name in ("train", "test"):
        with (tmp_path / "data" / "flowers" / f"{name}.csv").open(newline="") as file:
            head, *lines = csv.reader(file)
        assert head == ["length", "width", "kind"]
        seen |= {float(line[0]) for line in lines}
    assert seen == {n + 0.5 for n in range(100)} - numbers(
        flowers.heldout("sample", np.random.default_rng(0)).columns["length"]
    )


def test_a_folder_of_another_data_set_is_not_written_into(tmp_path: Path) -> None:
    table(tmp_path / "flowers.csv")
    (tmp_path / "data" / "MNIST").mkdir(parents=True)
    with pytest.raises(ExerciseError, match=r"'MNIST' is in \./data already"):
        own(tmp_path, name="MNIST").write(tmp_path / "data")


def test_arrays(tmp_path: Path) -> None:
    pictures = np.arange(40 * 4, dtype=np.uint8).reshape(40, 2, 2)
    np.savez(tmp_path / "p.npz", pictures=pictures, kind=np.arange(40))
    one = own(tmp_path, file="p.npz")
    heldout = one.heldout("sample", np.random.default_rng(0))
    assert np.array_equal(heldout.columns["pictures"], pictures[heldout.labels])  # type: ignore[index]
    (tmp_path / "data").mkdir()
    one.write(tmp_path / "data")
    with np.load(tmp_path / "data" / "flowers" / "train.npz") as file:
        assert len(file["pictures"]) == 24


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("", "is empty"),
        ("a,kind\n1\n", "more or fewer columns in row 2"),
        ("a,kind,a\n1,2,3\n", "two columns named 'a'"),
        ("a,b\n1,2\n", "no column named 'kind'"),
        ("a,kind\n1,2\n3,4\n", "some part of them has none"),
        (b"\xff\xfe\x00", "is no CSV file in UTF-8"),
        ("a,kind\n1,x\n,y\n3,z\n", "no number in row 3 of the column 'a'"),
        ("a,kind\n1,x\n2,y\nNA,z\n", "no number in row 4 of the column 'a'"),
    ],
)
def test_wrong_tables(tmp_path: Path, content: str | bytes | None, said: str) -> None:
    path = tmp_path / "flowers.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ExerciseError) as caught:
        own(tmp_path).training("sample")
    assert said in caught.value.message
    assert caught.value.advice


def test_a_set_of_ones_own_that_is_asked_for_by_a_wrong_name() -> None:
    with pytest.raises(ExerciseError) as caught:
        dataset("flower")
    assert "[[dataset]], and not in `data`" in caught.value.advice


def test_texts_that_are_numbers_now_and_then_stay_texts(tmp_path: Path) -> None:
    table(tmp_path / "flowers.csv", [("12" if n % 2 else "B3", "" if n % 3 else "x", n) for n in range(20)])
    training = own(tmp_path).training("sample")
    assert {type(training.columns[name]) for name in ("length", "width")} == {list}
    assert training.features.shape == (12, 0)


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", kind=np.array([{"a": 1}] * 20, dtype=object))
    with pytest.raises(ExerciseError, match=r"no \.npz of plain arrays"):
        own(tmp_path, file="p.npz").training("sample")


CHECKS = '''
import numpy as np
from grader.checks import *

@check(points=1)
def rows_are_counted(run):
    """`n` is the number of training rows."""
    expect_count(run.value("n"), len(run.training("flowers")), what="`n`")

@check(points=1)
def all_is_seen_but_what_is_held_out(run):
    """`lengths` are those of the rows in ./data."""
    heldout = run.heldout("flowers")
    assert not set(run.array("lengths").tolist()) & set(heldout.columns["length"].tolist())
    expect_count(len(run.array("lengths")), len(run.training("flowers")) + len(run.visible("flowers")), what="that")
'''
TOLD = """
[[dataset]]
name = "flowers"
file = "flowers.csv"
label = "kind"
"""
CELL = """
import csv, pathlib
rows = {name: list(csv.DictReader(open(f"data/flowers/{name}.csv"))) for name in ("train", "test")}
n = len(rows["train"])
lengths = [float(row["length"]) for part in rows.values() for row in part]
beside = sorted(path.name for path in pathlib.Path().iterdir())
assert "flowers.csv" not in beside, beside
"""


@pytest.fixture
def exercise(make_exercise: Callable[..., Exercise]) -> Exercise:
    made = make_exercise(CHECKS)
    with (made.folder / "exercise.toml").open("a") as file:
        file.write(TOLD)
    table(made.folder / "flowers.csv")
    return load(made.folder)


def test_a_notebook_is_judged_on_it(exercise: Exercise) -> None:
    notebook = exercise.folder / "mine.ipynb"  # as a student works: in the exercise's own folder
    nbformat.write(new_notebook(cells=[new_code_cell(CELL)]), notebook)
    report = grade(Submission(notebook), exercise, SAMPLE).report
    assert [(one.status, one.message) for one in report.checks] == [("passed", ""), ("passed", "")]


def test_a_hand_in_that_holds_all_of_it_does_not_bring_it_along(exercise: Exercise, tmp_path: Path) -> None:
    """Whoever grades at home has the file, and may hand it in without `exercise.toml`."""
    for folder in (tmp_path / "in", tmp_path / "in" / "below"):
        folder.mkdir()
        table(folder / "flowers.csv")
    (tmp_path / "in" / "mine.csv").write_text("1")
    with Workspace(tmp_path / "in" / "a.ipynb", (), "sample", own=exercise.datasets.values()) as workspace:
        found = [one for one in listing(workspace.folder) if one.endswith(".csv")]
    assert found == ["data/flowers/test.csv", "data/flowers/train.csv", "mine.csv"]


def test_it_is_no_companion_and_comes_along_with_the_bundle(exercise: Exercise) -> None:
    assert "flowers.csv" not in {path.name for path in companions(exercise.folder)[0]}


@pytest.mark.parametrize("name", ["mnist", "reviews"])
def test_its_name_is_its_own(exercise: Exercise, name: str) -> None:
    path = exercise.folder / "exercise.toml"
    path.write_text(path.read_text().replace('"flowers"', f'"{name}"'))
    with pytest.raises(ExerciseError, match=f"another data set named {name}"):
        load(exercise.folder)
