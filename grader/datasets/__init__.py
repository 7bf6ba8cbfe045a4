"""The course's data sets: real where the user has them, an embedded sample everywhere."""

from __future__ import annotations

from grader.datasets.base import Choice, Dataset, Form, Preference, form_of
from grader.datasets.drugs import DrugReviews, RatedReviews
from grader.datasets.mnist import Digits, Mnist
from grader.datasets.reviews import MovieReviews, Reviews
from grader.errors import DataMissing, ExerciseError
from grader.language import tr
from grader.places import cache_root, data_root

__all__ = [
    "DATASETS",
    "Choice",
    "Dataset",
    "Digits",
    "DrugReviews",
    "Form",
    "Mnist",
    "MovieReviews",
    "Preference",
    "RatedReviews",
    "Reviews",
    "cache_root",
    "choose",
    "data_root",
    "dataset",
    "form_of",
]

DATASETS: dict[str, Dataset] = {one.name: one for one in (Mnist(), MovieReviews(), DrugReviews())}


def dataset(name: str) -> Dataset:
    """The data set of that name; `ExerciseError` if there is none."""
    try:
        return DATASETS[name]
    except KeyError:
        raise ExerciseError(
            f"There is no data set named {name!r}.",
            f"The data sets are {', '.join(DATASETS)}; one of the exercise's own is a [[dataset]], and not in `data`.",
        ) from None


def choose(names: tuple[str, ...], preference: Preference) -> Choice:
    """Which form of its data sets an exercise is graded on: all `full`, or all `sample` (or `small`, if that differs).

    Raises
    ------
    DataMissing
        `full` is asked for, and one of them is not on this machine.
    """
    missing = [name for name in names if preference in ("auto", "full") and not dataset(name).full_is_here()]
    if preference == "full" and missing:
        if dataset(missing[0]).fetchable:
            advice = tr(
                "Fetch it with `grade data fetch {name}`, or add your own copy with `grade data add PATH`.",
                name=missing[0],
            )
        else:
            advice = tr("Add your own copy with `grade data add PATH`.")
        raise DataMissing(
            tr("The real data set {name} is not in {folder}.", name=repr(missing[0]), folder=data_root()), advice
        )
    if preference == "small" and not any(dataset(name).has_small for name in names):
        return "sample"
    if preference != "auto":
        return preference
    return "full" if names and not missing else "sample"
