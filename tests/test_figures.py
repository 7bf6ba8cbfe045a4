"""What is shown beside checks: within its limits whatever a notebook claims, and there in the reports of the course."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from grader.checks.check import Check
from grader.checks.show import (
    confusion,
    curves,
    misjudged,
)
from grader.errors import CheckFailed, SubmissionFault
from grader.exercise import load
from grader.figures import MOST, Accuracy, Confusion, Curves, Figure, Misjudged, collected, show
from grader.grading import Graded
from grader.report import CheckReport, Report
from grader.run import Run
from grader.workspace import Workspace
from tests.conftest import thorough
from tests.fakes import LocalKernel, run_of
from tests.test_tfevents import event, record, simple

ROOT = Path(__file__).parent.parent
NAN = math.nan


def pixels(picture: str) -> np.ndarray:
    """A picture of a report, as whoever opens it sees it."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture, validate=True))))


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


# ---------------------------------------------------------------------- showing


def test_what_is_shown_stands_beside_the_check_that_is_judged() -> None:
    show(curves({}))  # nothing is being judged: nothing happens
    with collected() as first:
        show(curves({}, "a"))
        with collected() as inner:
            show(curves({}, "b"))
        show(curves({}, "c"))
    show(curves({}, "d"))
    assert [[figure.title for figure in found] for found in (first, inner)] == [["a", "c"], ["b"]]


def test_a_check_shows_so_many_and_no_more() -> None:
    with collected() as found:
        for number in range(MOST + 3):
            show(curves({}, str(number)))
    assert [figure.title for figure in found] == [str(number) for number in range(MOST)]


CHECKS = '''
import numpy as np
from grader.checks import *

@check(points=1)
def one(run):
    """It fails."""
    show(curves({"x": [1.0, float("nan")]}, "before"))
    expect_accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 0]), above=0.9)

@check(points=1)
def two(run):
    """It passes."""
    show(confusion(np.array([0, 1, 1]), np.array([0, 1, 0]), ["no", "yes"]))

@check(points=1)
def three(run):
    """It is broken."""
    show(misjudged(np.array([1]), np.array([0]), ["no", "yes"], texts=["a"]))
    return 1 / 0

@check(points=1, needs=[one])
def four(run):
    """It cannot be judged."""
    show(curves({}))
'''


def test_a_report_holds_them_whatever_the_verdict(grade_cells: Callable[..., Graded]) -> None:
    report = grade_cells("x = 3", checks=CHECKS).report
    one, two, three, four = report.checks
    assert [check.status for check in report.checks] == ["failed", "passed", "error", "skipped"]
    assert [[figure.kind for figure in check.figures] for check in (two, three, four)] == [
        ["confusion"],
        ["misjudged"],
        [],
    ]
    before, accuracy = one.figures
    assert isinstance(before, Curves)
    assert (before.title, before.curves[0].values) == ("before", [1.0, None])
    assert isinstance(accuracy, Accuracy)
    assert (accuracy.hits, accuracy.n, accuracy.threshold, accuracy.strict) == (2, 4, 0.9, True)
    assert 0 < accuracy.low < 0.5 < accuracy.high < 1
    assert Report.model_validate_json(report.model_dump_json()) == report


# ---------------------------------------------------------------------- there and back


FLOATS = st.floats() | st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN])


@st.composite
def made(draw: st.DrawFn) -> list[Figure]:
    """Figures of all kinds, made of anything that may come."""
    n = draw(st.integers(0, 30))

    def arrays(each: st.SearchStrategy[float]) -> np.ndarray:
        numbers: np.ndarray = draw(hnp.arrays(np.float64, n, elements=each))
        return numbers

    said, right = arrays(FLOATS), arrays(st.sampled_from([0.0, 1.0, 2.0]))
    return [
        confusion(said, right, names(3)),
        misjudged(said, right, names(3), texts=[draw(st.text(max_size=5))] * n, sure=arrays(FLOATS)),
        curves(draw(st.dictionaries(st.text(max_size=5), st.lists(FLOATS, max_size=5), max_size=3))),
        Accuracy(hits=1, n=2, low=0.1, high=0.9, threshold=0.5, strict=False),
    ]


@given(made())
def test_a_report_in_json_comes_back_the_same(figures: list[Figure]) -> None:
    report = CheckReport(name="a", title="A.", status="failed", score=0, max_score=1, figures=figures)
    text = report.model_dump_json()
    assert CheckReport.model_validate_json(text) == report
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    matrix = report.figures[0]
    assert isinstance(matrix, Confusion)
    assert sum(map(sum, matrix.counts)) <= len(text)


def test_a_figure_of_another_kind_is_refused() -> None:
    report = CheckReport(name="a", title="A.", status="failed", score=0, max_score=1, figures=[curves({})])
    text = report.model_dump_json()
    for wrong in (text.replace('"curves","title"', '"pie","title"'), text.replace('"x":', '"y":')):
        assert wrong != text
        with pytest.raises(ValueError, match="validation error"):
            CheckReport.model_validate_json(wrong)


# ---------------------------------------------------------------------- the checks that show them


def check_of(exercise: str, name: str) -> Check:
    return next(one for one in load(ROOT / "exercises" / exercise).checks if one.name == name)


def judge(check: Check, run: Run) -> tuple[list[Any], SubmissionFault | None]:
    """What a check shows of a run, and why it failed."""
    fault = None
    with collected() as found:
        try:
            check(run)
        except SubmissionFault as failed:
            fault = failed
    return found, fault


def judged(exercise: str, name: str, **namespace: Any) -> tuple[list[Any], SubmissionFault | None]:
    """What a check of the course shows of a notebook with these names, and why it failed."""
    return judge(check_of(exercise, name), run_of(LocalKernel(**namespace)))


@pytest.mark.parametrize(
    ("history", "told", "lengths"),
    [
        ({"train_loss": [1.0, 0.5]}, 'no "train_acc"', [[2]]),
        ({"train_loss": [2], "train_acc": [1], "val_loss": [2, 1], "val_acc": [1]}, "differ", [[1, 2], [1, 1]]),
        ({"train_loss": [2], "train_acc": [1], "val_loss": "?", "val_acc": [1]}, "val_loss", [[1], [1, 1]]),
        ({"train_loss": [], "train_acc": [], "val_loss": [], "val_acc": []}, "empty", []),
        ([1.0], "no dictionary", []),
        (..., "still `...`", []),
    ],
    ids=["one list", "lengths", "no list", "empty", "no dictionary", "placeholder"],
)
def test_110_shows_the_curves_of_a_history_that_fails(history: object, told: str, lengths: list[list[int]]) -> None:
    found, fault = judged("110", "history_has_every_epoch", history=history)
    assert fault is not None
    assert told in fault.message
    assert [[len(curve.values) for curve in figure.curves] for figure in found] == lengths


FALLING, TURNING = [2.0 - step / 8 for step in range(12)], [abs(step - 4) / 4 + 1 for step in range(12)]


@pytest.mark.parametrize(
    ("name", "log", "shown", "told"),
    [
        (
            "over_fitting_shows",
            {"loss/train": FALLING, "loss/val": TURNING, "accuracy/val": [1.0], "other": [1.0]},
            {"Loss": {"training": FALLING, "validation": TURNING}},
            "",
        ),
        (
            "over_fitting_shows",
            {"loss/train": FALLING, "loss/val": [1.0, NAN]},
            {"Loss": {"training": FALLING, "validation": [1.0, None]}},
            "NaN",
        ),
        (
            "log_has_both_accuracies",
            {"accuracy/val": [0.5, 0.75], "loss/val": [1.0]},
            {"Accuracy": {"validation": [0.5, 0.75]}},
            "lacks accuracy/train",
        ),
        ("log_has_both_accuracies", {"loss/val": [1.0]}, {}, "lacks accuracy/train and accuracy/val"),
    ],
    ids=["both losses", "not finite", "one accuracy", "none"],
)
def test_112_shows_the_curves_of_the_event_file(
    name: str, log: dict[str, list[float]], shown: dict[str, Any], told: str, tmp_path: Path
) -> None:
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text("{}")
    with Workspace(notebook, (), "sample") as workspace:
        folder = workspace.folder / "runs" / "overfit"
        folder.mkdir(parents=True)
        records = [
            record(event(step, simple(tag.encode(), value)))
            for tag, values in log.items()
            for step, value in enumerate(values, 1)
        ]
        (folder / "events.out.tfevents.1").write_bytes(b"".join(records))
        run = run_of(LocalKernel(), workspace)
        run.ended = True
        found, fault = judge(check_of("112", name), run)
    assert told in (fault.message if fault else "")
    assert bool(fault) == bool(told)
    assert {figure.title: {curve.name: curve.values for curve in figure.curves} for figure in found} == shown


class Answering(torch.nn.Module):
    """A model whose answer to N pictures is what a function of N gives."""

    def __init__(self, outputs: Callable[[int], torch.Tensor]) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outputs(len(x))


def always(*row: float) -> Callable[[int], torch.Tensor]:
    return lambda n: torch.tensor(row, dtype=torch.float64).repeat(n, 1)


ACCURACY_OF_110, ACCURACY_OF_710 = "accuracy_is_above_95_percent", "accuracy_reaches_80_percent"


@pytest.mark.parametrize(
    ("row", "said", "sure"),
    [
        ((0.0, 0, 0, 3.0, 0, 0, 0, 0, 0, 0), "3", math.exp(3) / (9 + math.exp(3))),  # logits
        ((-1.7e308, 0, 0, 1.7e308, 0, 0, 0, 0, 0, 0), "3", 1.0),
        ((0.05, 0.05, 0.05, 0.55, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05), "3", 0.55),  # probabilities
        ((0.0, 0, 0, NAN, 0, 0, 0, 0, 0, 0), "?", None),
        ((0.0, 0, 0, math.inf, 0, 0, 0, 0, 0, 0), "?", None),
    ],
    ids=["logits", "huge", "probabilities", "NaN", "infinite"],
)
def test_110_shows_digits_with_what_the_model_said_and_how_sure(
    row: Sequence[float], said: str, sure: float | None
) -> None:
    (matrix, digits, accuracy), fault = judged("110", ACCURACY_OF_110, model=Answering(always(*row)))
    assert isinstance(fault, CheckFailed)
    assert isinstance(digits, Misjudged)
    assert len(digits.items) == 12
    assert digits.wrong == accuracy.n - accuracy.hits == accuracy.n - matrix.counts[3][3]
    assert {item.said for item in digits.items} == {said}
    assert said not in {item.right for item in digits.items}
    assert [item.sure for item in digits.items] == [sure if sure is None else pytest.approx(sure, rel=1e-4)] * 12
    assert len({item.picture for item in digits.items}) == 12


@pytest.mark.parametrize("outputs", [lambda n: torch.ones(n, 10, 3), lambda n: torch.ones(n, 1)], ids=["3-D", "one"])
def test_110_takes_answers_of_any_shape(outputs: Callable[[int], torch.Tensor]) -> None:
    found, fault = judged("110", ACCURACY_OF_110, model=Answering(outputs))
    assert fault is not None
    assert "has shape" in fault.message
    assert found == []


class Scoring(torch.nn.Module):
    """A model whose answer to a row is its first number, scaled."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.scale * rows[:, 0].double()


# Whether there is an e in the review's first letters decides; the model finds it with a logit of 2.
def says_yes(texts: list[str]) -> list[int]:
    return [int("e" in text[:5]) for text in texts]


def numbers_of(texts: list[str]) -> np.ndarray:
    return np.array([[4 if "e" in text[:5] else 0, 1] for text in texts])


class Centred(Scoring):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.scale * (rows[:, 0].double() - 2)


@pytest.mark.parametrize(
    ("names", "sure"),
    [
        ({"encode": numbers_of, "model": Centred(1.0)}, 1 / (1 + math.exp(-2))),
        ({"encode": numbers_of, "model": Scoring(0.25)}, 1.0),  # 0 or 1: probabilities
        ({"encode": numbers_of, "model": Centred(-1.0)}, None),  # labels turned: what is meant is not known
        ({"encode": numbers_of, "model": Centred(NAN)}, None),
        ({"encode": numbers_of}, None),
        ({}, None),
    ],
    ids=["logits", "probabilities", "turned", "NaN", "no model", "nothing"],
)
def test_710_shows_reviews_with_what_the_model_said_and_how_sure(names: dict[str, Any], sure: float | None) -> None:
    run = run_of(LocalKernel(predict=says_yes, **names))
    (matrix, reviews, accuracy), fault = judge(check_of("710", ACCURACY_OF_710), run)
    assert isinstance(fault, CheckFailed)
    held_out = run.heldout("reviews")
    assert (matrix.labels, sum(map(sum, matrix.counts))) == (["negative", "positive"], len(held_out))
    assert reviews.wrong == matrix.counts[0][1] + matrix.counts[1][0] == accuracy.n - accuracy.hits
    assert len(reviews.items) == 12
    for item in reviews.items:
        place = held_out.texts.index(item.text)
        assert item.right == matrix.labels[held_out.labels[place]]
        assert item.said == matrix.labels[says_yes([item.text])[0]] != item.right
        assert item.sure == (None if sure is None else pytest.approx(sure))


def test_710_asks_for_no_more_of_the_reviews_that_were_misjudged() -> None:
    """Which held-out reviews a notebook is asked about must not tell it which of its answers are wrong."""
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return numbers_of(texts)

    run = run_of(LocalKernel(predict=says_yes, encode=encode, model=Centred(1.0)))
    judge(check_of("710", ACCURACY_OF_710), run)
    assert asked == run.heldout("reviews").texts[: len(asked)]
    assert len(asked) > 100


@pytest.mark.parametrize(("exercise", "name"), [("710", ACCURACY_OF_710), ("712", "error_is_below_the_baseline")])
def test_a_history_that_nobody_asked_for_is_shown_too(exercise: str, name: str) -> None:
    predict = says_yes if exercise == "710" else lambda texts: [5.0] * len(texts)
    found, _ = judged(exercise, name, predict=predict, history={"train_loss": [2.0, 1.0], "other": [1]})
    assert [figure.title for figure in found if figure.kind == "curves"] == ["Loss"]


def test_712_shows_the_worst_reviews_and_stars_against_stars() -> None:
    def predict(texts: list[str]) -> list[float]:
        return [1 + text.count("e") % 19 / 2 for text in texts]

    found, fault = judged("712", "error_is_far_below_the_baseline", predict=predict)
    (worst,) = found
    assert fault is not None
    assert len(worst.items) == 12
    off = [abs(predict([item.text])[0] - int(item.right)) for item in worst.items]
    assert off == sorted(off, reverse=True)
    assert off[0] >= 8
    assert [item.said for item in worst.items] == [str(round(predict([item.text])[0])) for item in worst.items]

    found, fault = judged("712", "kappa_is_high", predict=predict)
    (matrix,) = found
    assert fault is not None
    assert matrix.labels == [str(star) for star in range(1, 11)]
    assert sum(map(sum, matrix.counts)) == worst.n
    assert sum(matrix.counts[star][star] for star in range(10)) == worst.n - worst.wrong


# ---------------------------------------------------------------------- the reports of the references


def report_of(exercise: str, folder: Path) -> Report:
    """The report of the reference of an exercise on the sample, as the command gives it."""
    copy = shutil.copytree(ROOT / "solutions" / exercise, folder / exercise, ignore=shutil.ignore_patterns(".*"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grader.cli", copy, "--exercise", ROOT / "exercises" / exercise),
            *("--data", "small", "--json"),
        ],
        env=os.environ | {"GRADER_LANG": "en"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Report.model_validate_json(done.stdout)


FIGURES = {
    "110": {
        "accuracy_is_above_90_percent": ["accuracy", "accuracy"],  # as they are, and moved a little
        "accuracy_is_above_95_percent": ["confusion", "misjudged", "accuracy", "accuracy"],
        "history_has_every_epoch": ["curves", "curves"],
    },
    "710": {
        "accuracy_reaches_80_percent": ["confusion", "misjudged", "accuracy"],
        "accuracy_reaches_85_percent": ["accuracy"],
        "accuracy_reaches_87_percent": ["accuracy"],
    },
}


@pytest.mark.parametrize("exercise", ["110", pytest.param("710", marks=thorough)])
def test_the_report_of_a_reference_holds_its_figures(exercise: str, tmp_path: Path) -> None:
    report = report_of(exercise, tmp_path)
    assert {
        check.name: [figure.kind for figure in check.figures] for check in report.checks if check.figures
    } == FIGURES[exercise]
    for check in report.checks:
        expect_sound(check.figures)


def expect_sound(figures: list[Figure]) -> None:
    """Figures of one check agree with each other, and hold what they promise."""
    by_kind = {figure.kind: figure for figure in reversed(figures)}  # the first of each kind
    accuracy, matrix, wrong = (by_kind.get(kind) for kind in ("accuracy", "confusion", "misjudged"))
    if isinstance(matrix, Confusion) and isinstance(wrong, Misjudged) and isinstance(accuracy, Accuracy):
        right = sum(row[place] for place, row in enumerate(matrix.counts))
        assert (sum(map(sum, matrix.counts)), right) == (accuracy.n, accuracy.hits)
        assert (wrong.n, wrong.wrong) == (accuracy.n, accuracy.n - accuracy.hits)
        assert len(wrong.items) == min(12, wrong.wrong)
        for item in wrong.items:
            assert item.said != item.right
            assert {item.said, item.right} <= set(matrix.labels)
            assert item.sure is not None
            assert 0 < item.sure <= 1
            assert item.text or pixels(item.picture).shape == (28, 28)
        sure = [item.sure or 0.0 for item in wrong.items]
        assert sure == sorted(sure, reverse=True)
    for figure in figures:
        if isinstance(figure, Curves):
            assert [curve.name for curve in figure.curves] == ["training", "validation"]
            assert figure.x == "epoch"
            for curve in figure.curves:
                assert len(curve.values) > 1
                assert all(isinstance(value, float) for value in curve.values)
