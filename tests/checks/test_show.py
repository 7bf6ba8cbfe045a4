"""What checks show: matrices, what was misjudged, curves."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image

from grader.checks.show import (
    MOST_CLASSES,
    MOST_CURVES,
    MOST_ITEMS,
    MOST_POINTS,
    MOST_TEXT,
    confusion,
    curves,
    misjudged,
    png,
    show_history,
)
from grader.figures import Curves, Misjudged, collected
from grader.kernel.wire import Opaque
from grader.language import speaking

NAN = math.nan


def pixels(picture: str) -> np.ndarray:
    """A picture of a report, as whoever opens it sees it."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture, validate=True))))


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


# ---------------------------------------------------------------------- confusion matrices


def test_a_confusion_matrix_has_what_is_right_in_its_rows() -> None:
    figure = confusion(np.array([0, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 1, 1, 2]), ["a", "b", "c"], "title")
    assert figure.counts == [[1, 1, 0], [0, 1, 2], [0, 0, 1]]
    assert (figure.labels, figure.title) == (["a", "b", "c"], "title")


@pytest.mark.parametrize("said", [NAN, math.inf, -math.inf, -1, 3, 0.5, 1e300])
def test_what_is_no_class_is_in_no_confusion_matrix(said: float) -> None:
    assert confusion(np.array([said, 1.0]), np.array([0, 0]), names(3)).counts == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_classes_without_number_are_refused() -> None:
    assert len(confusion(np.array([0]), np.array([0]), names(MOST_CLASSES)).counts) == MOST_CLASSES
    with pytest.raises(ValueError, match="too many"):
        confusion(np.array([0]), np.array([0]), names(MOST_CLASSES + 1))


# ---------------------------------------------------------------------- what was misjudged


def shown(figure: Misjudged) -> list[str]:
    return [item.text for item in figure.items]


def test_those_come_first_of_which_the_model_was_surest() -> None:
    right = np.zeros(6, dtype=int)
    said = np.array([1, 0, 1, 1, 2, 1])
    sure = np.array([0.6, 1.0, NAN, 0.9, 0.6, 0.7])
    figure = misjudged(said, right, ["a", "b", "c"], texts=list("012345"), sure=sure, title="title")
    assert shown(figure) == ["3", "5", "0", "4", "2"]  # of equally sure ones the first; then what is not known
    assert [item.sure for item in figure.items] == [0.9, 0.7, 0.6, 0.6, None]
    assert [(item.said, item.right) for item in figure.items][3] == ("c", "a")
    assert (figure.wrong, figure.n, figure.title) == (5, 6, "title")


def test_those_come_first_that_are_farthest_off() -> None:
    figure = misjudged(
        np.array([1, 4, 2, 0]),
        np.array([0, 0, 0, 0]),
        names(5),
        texts=list("0123"),
        off=np.array([0.6, 4.2, 1.9, 0.4]),
        sure=np.array([0.9, 0.5, 0.7, 1.0]),
    )
    assert shown(figure) == ["1", "2", "0"]


def test_without_either_they_stand_in_their_order() -> None:
    assert shown(misjudged(np.array([1, 0, 1]), np.array([0, 0, 0]), names(2), texts=list("012"))) == ["0", "2"]


def test_a_dozen_is_shown_and_two_dozen_at_most() -> None:
    said, right, texts = np.ones(100), np.zeros(100), ["text"] * 100
    assert len(misjudged(said, right, names(2), texts=texts).items) == 12
    many = misjudged(said, right, names(2), texts=texts, most=1000)
    assert (len(many.items), many.wrong, many.n) == (MOST_ITEMS, 100, 100)


@pytest.mark.parametrize("said", [NAN, math.inf, -1, 2, 0.5, 1e300])
def test_what_is_no_class_has_no_name(said: float) -> None:
    figure = misjudged(np.array([said, 1.0]), np.array([1, 1]), ["a", "b"], texts=["x", "y"])
    assert [(item.said, item.right) for item in figure.items] == [("?", "b")]


def test_long_texts_are_cut_and_cleaned() -> None:
    text = "\x1b[31mgood\x1b[0m \u202ebad\n" + "long " * 5000
    (item,) = misjudged(np.array([1]), np.array([0]), names(2), texts=[text]).items
    assert len(item.text) == MOST_TEXT
    assert item.text.startswith("good bad long long")
    assert item.text.endswith("…")


# ---------------------------------------------------------------------- pictures


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_picture_has_the_same_pixels_when_it_is_opened(picture: np.ndarray) -> None:
    opened = pixels(png(picture))
    assert opened.dtype == np.uint8
    assert opened.tolist() == picture.tolist()


def test_what_no_pixel_can_be_is_the_nearest_that_can() -> None:
    picture = np.array([[-5.0, NAN, math.inf], [12.7, 300.0, -math.inf]])
    assert pixels(png(picture)).tolist() == [[0, 0, 255], [12, 255, 0]]


def test_pictures_are_those_of_the_samples() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.uint8)
    figure = misjudged(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), names(2), pictures=pictures)
    assert [pixels(item.picture).tolist() for item in figure.items] == [pictures[1].tolist(), pictures[2].tolist()]
    assert [item.text for item in figure.items] == ["", ""]


# ---------------------------------------------------------------------- curves


def test_curves_are_numbers_or_gaps() -> None:
    figure = curves({"a": [1, NAN, -math.inf, 2.5], "b": np.array([1e308]), "c": []}, "title", x="epoch", first=0)
    assert [(curve.name, curve.values) for curve in figure.curves] == [
        ("a", [1.0, None, None, 2.5]),
        ("b", [1e308]),
        ("c", []),
    ]
    assert [(curve.first, curve.step) for curve in figure.curves] == [(0, 1)] * 3
    assert (figure.title, figure.x) == ("title", "epoch")


@pytest.mark.parametrize(("n", "step"), [(MOST_POINTS, 1), (MOST_POINTS + 1, 2), (3 * MOST_POINTS, 3), (10**6, 1000)])
def test_long_curves_keep_every_so_many_numbers_in_their_places(n: int, step: int) -> None:
    (curve,) = curves({"x": np.arange(1.0, n + 1)}).curves
    assert curve.step == step
    assert len(curve.values) <= MOST_POINTS
    assert curve.values == [curve.first + place * curve.step for place in range(len(curve.values))]


def test_curves_without_number_and_without_end_to_their_names() -> None:
    figure = curves({f"\x1b[1m{number}{'x' * 1000}": [1.0] for number in range(50)})
    assert len(figure.curves) == MOST_CURVES
    assert max(len(curve.name) for curve in figure.curves) == 60
    assert figure.curves[3].name.startswith("3x")


# ---------------------------------------------------------------------- the history of a training


def of_history(history: object) -> dict[str, dict[str, list[float | None]]]:
    """What is shown of a claimed history: by title the curves by name."""
    with collected() as found:
        show_history(history)
    assert all(isinstance(figure, Curves) for figure in found)
    return {
        figure.title: {curve.name: curve.values for curve in figure.curves}
        for figure in found
        if isinstance(figure, Curves)
    }


def test_losses_and_accuracies_are_figures_of_their_own() -> None:
    history = {"train_loss": [2.0, 1.0], "val_loss": [2.5, NAN], "train_acc": [50, 90], "val_acc": np.array([0.5, 0.8])}
    assert of_history(history) == {
        "Loss": {"training": [2.0, 1.0], "validation": [2.5, None]},
        "Accuracy": {"training": [50.0, 90.0], "validation": [0.5, 0.8]},
    }


def test_curves_of_other_names_keep_them() -> None:
    history = {"loss": [1.0], "Test accuracy": [0.5], "seconds": [3.0], "val_loss": [2.0]}
    assert of_history(history) == {"Loss": {"loss": [1.0], "validation": [2.0]}, "Accuracy": {"Test accuracy": [0.5]}}


@pytest.mark.parametrize(
    ("values", "there"),
    [
        ([np.array([1.0]), np.array([2.0])], True),  # an epoch's number may be a tensor of one
        ([np.array(1.0), 2], True),
        (np.array([[1.0], [2.0]]), True),
        ([], False),
        (1.0, False),
        (None, False),
        ("12", False),
        (["a", "b"], False),
        ([[1.0, 2.0], [3.0, 4.0]], False),
        ([[1.0], [2.0, 3.0]], False),
        ([10**400, 2], False),
        ({"a": 1.0}, False),
        (np.array([1 + 2j]), False),
        (np.empty((0, 5)), False),
        (Opaque("ellipsis"), False),
    ],
    ids=repr,
)
def test_what_is_no_list_of_numbers_is_left_out(values: object, there: bool) -> None:
    expected = {"training": [3.0]} | ({"validation": [1.0, 2.0]} if there else {})
    assert of_history({"train_loss": [3.0], "val_loss": values, 5: [1.0], None: [1.0]}) == {"Loss": expected}


@pytest.mark.parametrize("history", [None, [], {}, "loss", 3, np.eye(2), Opaque("History"), {"loss": None}], ids=repr)
def test_what_is_no_history_shows_nothing(history: object) -> None:
    assert of_history(history) == {}


def test_the_names_are_those_of_the_language() -> None:
    with speaking("fi"):
        assert of_history({"train_loss": [1.0], "val_acc": [1.0]}) == {
            "Häviö": {"opetus": [1.0]},
            "Tarkkuus": {"validointi": [1.0]},
        }
