"""A data set of an exercise's own: a table beside `exercise.toml`, of which the notebook gets a part.

::

    [[dataset]]
    name = "flowers"
    file = "flowers.csv"     # or an .npz of arrays with as many rows each
    label = "species"        # the column that is to be told
    test = 0.2               # share of the rows that the notebook has as its test data
    heldout = 0.2            # share of the rows that no notebook ever sees

The notebook finds `data/flowers/train.csv` and `data/flowers/test.csv`. Which row is where is drawn from the file's
contents: it is the same on every machine.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from grader.datasets.base import Choice
from grader.errors import ExerciseError
from grader.record import Frozen

Share = Annotated[float, Field(gt=0, lt=1)]
Column = np.ndarray | list[str]

MOST_BYTES = 50_000_000


class OwnDataset(Frozen):
    """What `exercise.toml` says of a data set of the exercise's own."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][\w-]{0,40}$")]
    file: Annotated[str, Field(pattern=r"^[\w-][\w.-]{0,80}\.(csv|npz)$")]
    label: Annotated[str, Field(min_length=1)]
    test: Share = 0.2
    heldout: Share = 0.2


@dataclass(frozen=True)
class Table:
    """Rows of a data set of an exercise's own.

    Attributes
    ----------
    columns
        By name: float64 (N,) where all of a column's entries are numbers, else N texts; arrays (N, …) of an .npz as
        they are.
    label
        Name of the column that is to be told.
    """

    columns: Mapping[str, Column]
    label: str

    def __len__(self) -> int:
        return len(self.columns[self.label])

    @property
    def labels(self) -> Column:
        """The column that is to be told: (N,), or N texts."""
        return self.columns[self.label]

    @property
    def features(self) -> np.ndarray:
        """All other columns of numbers, side by side: float64 (N, features)."""
        numbers = [one for name, one in self.columns.items() if name != self.label and isinstance(one, np.ndarray)]
        return np.column_stack(numbers).astype(np.float64) if numbers else np.empty((len(self), 0))

    def rows(self, places: np.ndarray) -> Table:
        """These rows, in this order."""
        return Table(
            {
                name: one[places] if isinstance(one, np.ndarray) else [one[place] for place in places.tolist()]
                for name, one in self.columns.items()
            },
            self.label,
        )


class Own:
    """A data set of an exercise's own, split into what a notebook sees and what it never sees."""

    def __init__(self, told: OwnDataset, folder: Path) -> None:
        self.told = told
        self.path = folder / told.file

    # It has one form only, be it called full or sample: which of them is asked for says nothing.

    def training(self, choice: Choice) -> Table:
        """The rows that a notebook may learn from."""
        return self._table.rows(self._split[2])

    def visible(self, choice: Choice) -> Table:
        """The test rows that the notebook sees as well."""
        return self._table.rows(self._split[1])

    def heldout(self, choice: Choice, rng: np.random.Generator) -> Table:
        """The rows that no notebook ever sees, in an order that `rng` gives."""
        return self._table.rows(rng.permutation(self._split[0]))

    alike = heldout

    def write(self, data: Path) -> None:
        """Lay out in a notebook's `./data` what it may see."""
        folder = data / self.told.name
        try:
            folder.mkdir()
        except FileExistsError:
            raise ExerciseError(
                f"{self.told.name!r} is in ./data already, from another data set.", "Give yours another name."
            ) from None
        for name, places in (("train", self._split[2]), ("test", self._split[1])):
            places = np.sort(places)
            path = folder / f"{name}{self.path.suffix}"
            if self.path.suffix == ".npz":
                np.savez(path, **self._table.rows(places).columns)  # type: ignore[arg-type]
            else:
                head, *lines = self._lines
                text = io.StringIO(newline="")
                csv.writer(text).writerows([head, *(lines[place] for place in places.tolist())])
                path.write_text(text.getvalue(), encoding="utf-8", newline="")

    # ------------------------------------------------------------------ reading it

    @cached_property
    def _content(self) -> bytes:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ExerciseError(f"{self.path} cannot be read: {error.strerror}.", "Put the data set there.") from None
        if len(content) > MOST_BYTES:
            raise ExerciseError(f"{self.path} is larger than 50 MB.", "Take fewer rows: every notebook gets a copy.")
        return content

    @cached_property
    def _lines(self) -> list[list[str]]:
        try:
            lines = [line for line in csv.reader(io.StringIO(self._content.decode("utf-8-sig"), newline="")) if line]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ExerciseError(f"{self.path} is no CSV file in UTF-8: {error}.", "Save it as one.") from None
        if (off := next((n for n, line in enumerate(lines, 1) if len(line) != len(lines[0])), None)) is not None:
            raise ExerciseError(f"{self.path} has more or fewer columns in row {off}.", "Correct it.")
        head = lines[0] if lines else []
        if len(set(head)) < len(head):
            twice = next(name for name in head if head.count(name) > 1)
            raise ExerciseError(f"{self.path} has two columns named {twice!r}.", "Give one of them another name.")
        return lines

    @cached_property
    def _table(self) -> Table:
        columns = self._arrays() if self.path.suffix == ".npz" else self._columns()
        if self.told.label not in columns:
            known = ", ".join(columns)
            raise ExerciseError(f"{self.path} has no column named {self.told.label!r}.", f"Its columns are {known}.")
        table = Table(columns, self.told.label)
        if len(table) * min(self.told.test, self.told.heldout, 1 - self.told.test - self.told.heldout) < 1:
            raise ExerciseError(
                f"{self.path} has {len(table)} rows: with these shares some part of them has none.",
                "Take more rows, or other shares: `test` and `heldout` are less than 1 together.",
            )
        return table

    def _columns(self) -> dict[str, Column]:
        if not self._lines:
            raise ExerciseError(f"{self.path} is empty.", "Its first row names the columns.")
        head, *lines = self._lines
        return {name: self._typed(name, [line[place] for line in lines]) for place, name in enumerate(head)}

    def _typed(self, name: str, texts: list[str]) -> Column:
        """Numbers where all entries are; texts where they are not, which is no slip of a single missing one."""
        numbers = [_number(text) for text in texts]
        missing = [place for place, text in enumerate(texts) if text.strip().lower() in _MISSING]
        if missing and all(number is not None for place, number in enumerate(numbers) if place not in set(missing)):
            raise ExerciseError(
                f"{self.path} has no number in row {missing[0] + 2} of the column {name!r}.",
                "Fill it in, or leave that row out.",
            )
        if any(number is None for number in numbers):
            return texts
        return np.array(numbers, dtype=np.float64)

    def _arrays(self) -> dict[str, Column]:
        try:
            with np.load(io.BytesIO(self._content), allow_pickle=False) as file:
                arrays: dict[str, Column] = {name: file[name] for name in file.files}
        except Exception as error:  # zipfile, zlib and NumPy raise what they like
            raise ExerciseError(
                f"{self.path} is no .npz of plain arrays: {error}.", "Write one with `np.savez`."
            ) from None
        if len({len(one) if np.ndim(one) else -1 for one in arrays.values()}) != 1:
            raise ExerciseError(f"The arrays in {self.path} have different lengths.", "Each has an entry for each row.")
        return arrays

    @cached_property
    def _split(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places of the rows that are held out, of the test data, and of the training data."""
        seed = int.from_bytes(hashlib.sha256(self._content).digest()[:8], "big")
        places = np.random.default_rng(seed).permutation(len(self._table))
        ends = [round(len(places) * self.told.heldout), round(len(places) * (self.told.heldout + self.told.test))]
        heldout, test, training = np.split(places, ends)
        return heldout, test, training


_MISSING = {"", "na", "n/a", "nan", "null", "none"}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
