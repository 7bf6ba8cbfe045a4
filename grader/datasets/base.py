"""What every data set offers, whichever of its two forms is used.

`full` is the real set, found in the data folder or fetched into it; `sample` is embedded and needs
nothing. A sample is as large as what it stands for, where it can be; `small` is a part of it that trains in a
second, for authors who try their checks. A notebook never sees any of them directly: it gets a *view*, a folder
that is laid out as the libraries expect it and that holds no held-out label. The views are made once and kept in
the cache.
"""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

Form = Literal["full", "sample"]
Choice = Literal["full", "sample", "small"]
Preference = Literal["auto", "full", "sample", "small"]


class Parted(Protocol):
    """A data set as checks ask for it: what a notebook may learn from, what it sees besides, what it never sees."""

    def training(self, choice: Choice) -> Any:
        """The training data, with labels, as the notebook sees it."""

    def visible(self, choice: Choice) -> Any:
        """The part of the test data, with labels, that the notebook can see as well."""

    def heldout(self, choice: Choice, rng: np.random.Generator) -> Any:
        """The test data that no notebook ever sees, in the order (or the fresh draw) that `rng` gives."""

    def alike(self, choice: Choice, rng: np.random.Generator) -> Any:
        """Test data that no notebook ever sees, of the very same kind as the visible part.

        A model that did not learn from the visible part is as good at the one as at the other, but for chance.
        """


class Dataset(ABC):
    """A real data set and its embedded sample, split into what a notebook sees and what it never sees.

    Attributes
    ----------
    fetchable
        Whether its terms let anybody download it without a word.
    has_small
        Whether `small` is another set than `sample`.
    address
        Where the first file of the real set is fetched from; empty where it is not to be had so.
    download_mb
        How much is fetched, in MB.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fetchable: ClassVar[bool] = True
    has_small: ClassVar[bool] = False
    address: ClassVar[str] = ""
    download_mb: ClassVar[int] = 0

    def within_reach(self) -> bool:
        """Whether there is a network that leads to :attr:`address`; asking takes three seconds at most or so."""
        import requests  # imported late: only who lacks the real data asks

        try:
            return bool(self.address) and requests.head(self.address, timeout=3, allow_redirects=True).ok
        except requests.RequestException:
            return False

    @abstractmethod
    def full_is_here(self) -> bool:
        """Whether the real set is complete under :func:`data_root`, or can be made from what lies there."""

    @abstractmethod
    def fetch(self) -> None:
        """Download the real set into :func:`data_root`, with a progress bar and checksums.

        Raises
        ------
        DataMissing
            No mirror could be reached, or what came is not the set.
        """

    @abstractmethod
    def recognises(self, source: Path) -> bool:
        """Whether a file or folder of the user's looks like this set (for ``grade data add``)."""

    @abstractmethod
    def add(self, source: Path) -> None:
        """Take the real set from a file or folder of the user's into :func:`data_root`.

        Raises
        ------
        UsageError
            The file is not this set, or is not whole.
        """

    @abstractmethod
    def view(self, choice: Choice) -> Path:
        """Folder whose entries appear in the notebook's `./data`. Made once, then taken from the cache."""

    @abstractmethod
    def training(self, choice: Choice) -> Any:
        """As in :class:`Parted`."""

    @abstractmethod
    def visible(self, choice: Choice) -> Any:
        """As in :class:`Parted`."""

    @abstractmethod
    def heldout(self, choice: Choice, rng: np.random.Generator) -> Any:
        """As in :class:`Parted`."""

    def alike(self, choice: Choice, rng: np.random.Generator) -> Any:
        """As in :class:`Parted`."""
        return self.heldout(choice, rng)


def form_of(choice: Choice) -> Form:
    """The form of which this is one size."""
    return "full" if choice == "full" else "sample"


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return `folder`, made by ``build(empty_folder)`` if it is not there yet: whole or not at all.

    Two processes may come here at the same time: the first to finish wins, the other's work is dropped.
    The contents are made read-only, so that a notebook run without a sandbox cannot change them by accident.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        build(draft)
        for path in draft.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        draft.chmod(0o755)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        if draft.exists():
            for path in [draft, *(p for p in draft.rglob("*") if p.is_dir())]:
                path.chmod(0o755)
            shutil.rmtree(draft, ignore_errors=True)
    return folder
