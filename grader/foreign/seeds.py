"""otter's seed for grading: what it sets before each cell, the cells that check included."""

from __future__ import annotations

import random
import weakref
from typing import Annotated

import numpy as np
from pydantic import Field

from grader.record import Frozen
from grader.run import Run


class Seed(Frozen):
    """What is set before each cell of a notebook.

    Attributes
    ----------
    value
        The number.
    variable
        The notebook's name that it is given to; without one the generators of `random` and NumPy are seeded with it.
    """

    value: Annotated[int, Field(ge=0, lt=2**32)]
    variable: Annotated[str, Field(pattern=r"^([^\W\d]\w{0,99})?$")] = ""

    @property
    def source(self) -> str:
        """What is run before each cell."""
        if self.variable:
            return f"{self.variable} = {self.value}"
        return f"__import__('random').seed({self.value}); __import__('numpy').random.seed({self.value})"


class Seeding:
    """Seeds what the tests themselves draw, before the first test of each question."""

    def __init__(self, seed: Seed | None) -> None:
        self._seed = seed
        self._run: weakref.ref[Run] | None = None
        self._question = ""

    def begin(self, run: Run, question: str) -> frozenset[str]:
        """Seed this process's generators if a question begins; names of those that the notebook's have to follow."""
        if self._seed is None or self._seed.variable:
            return frozenset()
        if self._run is None or self._run() is not run or question != self._question:
            self._run, self._question = weakref.ref(run), question
            random.seed(self._seed.value)
            np.random.seed(self._seed.value)
        return frozenset(("random", "numpy"))
