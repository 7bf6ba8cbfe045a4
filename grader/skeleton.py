"""What `grade new` writes: an exercise that is small and whole, and shows the ways to judge.

It validates as it stands, so that its author goes from one sound exercise to the next.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.authoring import text_of, write_derived
from grader.datasets import DATASETS
from grader.errors import UsageError
from grader.exercise import course_folder, load
from grader.formats.writing import SUFFIX, Format
from grader.text import plain
from grader.writing import write_whole

_TOML = """\
id = "ID"
title = { en = TITLE_EN, fi = TITLE_FI }
notebook = "NOTEBOOK"
chapter = "ID"
data = []                           # what the notebook finds in ./data: SETS
names = ["weights", "standardise"]  # what the notebook has to define

[budget]                            # what a notebook may take on a student's laptop
memory_mb = 4000
output_mb = 5
cpu = { cell_s = 60, total_s = 120 }
gpu = { cell_s = 60, total_s = 120 }
answer_s = 30
"""

_CHECKS = '''\
"""Checks of exercise ID, in the order in which the student reads them."""

from __future__ import annotations

import numpy as np

from grader.checks import Run, check, expect_answer, expect_close, expect_shape


@check(points=1, hint="Every output has a weight for every input.")
def weights_are_counted(run: Run) -> None:
    """`weights` is the number of weights of the layer."""
    expect_answer(run, "weights")


@check(points=1)
def standardise_keeps_the_shape(run: Run) -> None:
    """`standardise` gives as many numbers as it is given."""
    values = _values(run)
    expect_shape(run.call("standardise", values), values.shape, what="`standardise(values)`")


@check(points=2, needs=[standardise_keeps_the_shape])
def standardise_is_right(run: Run) -> None:
    """`standardise` gives numbers of mean 0 and standard deviation 1."""
    values = _values(run)
    expected = (values - values.mean()) / values.std()
    hint = "Subtract the mean first; then divide by the standard deviation, the root of the variance."
    expect_close(run.call("standardise", values), expected, what="`standardise(values)`", hint=hint)


def _values(run: Run) -> np.ndarray:
    """Numbers that nobody can foresee."""
    return run.rng.normal(5, 3, size=run.rng.integers(4, 9))
'''

_ANSWERS = """\
# Right numbers, and usual wrong ones with a hint for each. Nobody hands this file out: `grade release ID` writes their
# digests into exercises/ID/answers.toml.

[weights]
right = 12
wrong = [[16, "That counts the biases, too."]]
"""

_MISTAKES = """\
# What students really get wrong, as patches of the reference's cells, which are named by their ids.
# `fails` names exactly the checks that have to fail; what needs one of these cannot be judged then.

[[mistake]]
name = "biases-counted"
says = "Counts the biases, too."
fails = ["weights_are_counted"]
[mistake.edits]  # cell id = [[old text, new text], ...]
weights = [["4 * 3", "4 * 3 + 4"]]

[[mistake]]
name = "one-number"
says = "Gives the mean of the numbers, not the numbers."
fails = ["standardise_keeps_the_shape"]
[mistake.cells]  # cell id = the whole new cell
standardise = '''
def standardise(values):
    return values.mean()
'''

[[mistake]]
name = "not-divided"
says = "Moves the numbers, and does not scale them."
fails = ["standardise_is_right"]
[mistake.edits]
standardise = [[" / values.std()", ""]]

[[mistake]]
name = "variance"
says = "Divides by the variance."
fails = ["standardise_is_right"]
[mistake.edits]
standardise = [["values.std()", "values.var()"]]
"""

_TITLE = """\
# ID · TITLE

What this exercise is about, in a sentence or two.

| you define | what it is |
|---|---|
| `weights` | a whole number |
| `standardise(values)` | a function |"""

_WEIGHTS = """\
## A number

A fully connected layer has 3 inputs and 4 outputs. How many weights does it have, its biases not counted?"""

_STANDARDISE = """\
## A function

Write a function that takes an array of numbers, moves them so that their mean is 0, and scales them so that their
standard deviation is 1."""

_STANDARDISE_CODE = '''\
def standardise(values):
    """The values moved and scaled to mean 0 and standard deviation 1."""
    ### BEGIN SOLUTION
    return (values - values.mean()) / values.std()
    ### END SOLUTION'''


def new_exercise(
    name: str, near: Path, title: str = "", fi: str = "", notebook: str = "", form: Format = "jupyter"
) -> list[Path]:
    """Write the files of a new exercise into the course that `near` belongs to; their paths.

    Parameters
    ----------
    name
        Its id, the name of its folders.
    title, fi
        What students read, in English and in Finnish.
    notebook
        What comes after the id in the notebook's file name; taken from the title where it is not told.
    form
        The notebook's format.

    Raises
    ------
    UsageError
        The id or the notebook's name is no good, there is such an exercise, or its folders cannot be written to.
    """
    title = plain(title, 200) or "A new exercise"
    fi = plain(fi, 200) or ("Uusi harjoitus" if title == "A new exercise" else title)
    notebook = notebook or _slug(title)
    for text, what, pattern in (
        (name, "id of an exercise", r"[A-Za-z0-9_-]{1,40}"),
        (notebook, "name for a notebook", r"[A-Za-z0-9_-]{1,80}"),
    ):
        if not re.fullmatch(pattern, text):
            raise UsageError(f"{plain(text)!r} is no {what}.", "Use letters from a to z, digits, - and _.")
    course = course_folder(near.absolute())
    folder, solution = course / "exercises" / name, course / "solutions" / name
    for place in (folder, solution):
        if place.exists() or place.is_symlink():
            raise UsageError(f"{plain(str(place))} is already there.", "Choose another id: nothing is overwritten.")
    try:
        told = {"ID": name, "TITLE": title, "FI": fi, "NOTEBOOK": f"{name}_{notebook}{SUFFIX[form]}"}
        return _write(folder, solution, told, form)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}.", "Check your access to it.") from None


def _write(folder: Path, solution: Path, told: dict[str, str], form: Format) -> list[Path]:
    for place in (folder, solution):
        place.mkdir(parents=True)
    values = {
        "ID": told["ID"],
        "NOTEBOOK": told["NOTEBOOK"],
        "SETS": ", ".join(json.dumps(one) for one in DATASETS),
        "TITLE_EN": json.dumps(told["TITLE"], ensure_ascii=False),  # a JSON string is a TOML string, too
        "TITLE_FI": json.dumps(told["FI"], ensure_ascii=False),
    }
    files = {
        folder / "exercise.toml": _filled(_TOML, values),
        folder / "checks.py": _filled(_CHECKS, values),
        solution / told["NOTEBOOK"]: text_of(_reference(told), form),
        solution / "answers.toml": _filled(_ANSWERS, values),
        solution / "mistakes.toml": _MISTAKES,
    }
    for path, text in files.items():
        write_whole(path, text)
    return [*files, *write_derived(load(folder))]


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with its words in capitals replaced, all at once: what is put in is not looked at again."""
    return re.sub(rf"\b({'|'.join(values)})\b", lambda match: values[match[0]], template)


def _reference(told: dict[str, str]) -> nbformat.NotebookNode:
    return new_notebook(
        cells=[
            new_markdown_cell(_filled(_TITLE, told), id="title"),
            new_code_cell("import numpy as np", id="imports"),
            new_markdown_cell(_WEIGHTS, id="weights-text"),
            new_code_cell("weights = 4 * 3  ### SOLUTION", id="weights"),
            new_markdown_cell(_STANDARDISE, id="standardise-text"),
            new_code_cell(_STANDARDISE_CODE, id="standardise"),
            new_code_cell("print(standardise(np.array([1.0, 2.0, 3.0])))", id="try-standardise"),
        ],
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )


def _slug(title: str) -> str:
    """A title as part of a file's name: "Äänen taajuus" is "aanen_taajuus"."""
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", letters)[:60].strip("_") or "exercise"
