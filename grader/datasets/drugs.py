"""Reviews of drugs with a rating from 1 to 10: the set of Drugs.com, or seeded ones that need nothing.

The real set (Gräßer et al. 2018, UCI 462) is not downloaded: whoever uses it has to agree to its terms and get it
from UCI. It is read from its two files, or from the archive that holds them, wherever these lie in the data folder.

The notebook gets all training reviews and half of the test reviews as ``drugs/drugsComTrain_raw.tsv`` and
``drugs/drugsComTest_raw.tsv``, in the set's own form. Many people's reviews stand in the set several times, under
each name of a drug: test reviews that are in the training file word for word, or a second time among the test
reviews, are left out, so that nothing is judged on what may be known by heart.
"""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
import numpy.typing as npt

from grader.datasets.base import Choice, Dataset, build_once
from grader.datasets.drug_generator import AILMENTS, DRUGS, generate
from grader.datasets.drug_generator import VERSION as SAMPLE_VERSION
from grader.errors import DataMissing, UsageError
from grader.language import grouped, mark, tr
from grader.places import cache_root, data_root

HOME = "https://archive.ics.uci.edu/dataset/462/drug+review+dataset+drugs+com"
ARCHIVES = ("drugsCom_raw.zip", "drug+review+dataset+drugs+com.zip")
FOLDER = "drugs"
TRAIN, TEST = "drugsComTrain_raw", "drugsComTest_raw"
LEAST = {TRAIN: 160_000, TEST: 53_000}  # rows: the real files have 161,297 and 53,766
SUFFIXES = (".tsv", ".csv")  # UCI's, and Kaggle's copy of it
COLUMNS = ("", "drugName", "condition", "review", "rating", "date", "usefulCount")
INDEX_VERSION = 1

SAMPLE_SEED = 712
SAMPLE_TRAIN, SAMPLE_TEST, SAMPLE_HELDOUT = 4000, 500, 1000
ALIKE = 4000

_MOST_BYTES = 300_000_000  # of one file; the real ones have 85 and 28 million

Row = list[str]
"""One review as the files have it, in the order of `COLUMNS`."""


@dataclass(frozen=True)
class RatedReviews:
    """Texts and their ratings.

    Attributes
    ----------
    texts
        N reviews, as one reads them: without quotation marks around them, without HTML's entities.
    ratings
        int64 (N,), 1 to 10.
    """

    texts: list[str]
    ratings: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


class NotTheSet(Exception):
    """What was read is not the whole set; the message says what is wrong with it."""


class DrugReviews(Dataset):
    """Drugs.com's reviews, or generated ones whose rating hangs on intensity and negation."""

    name: ClassVar[str] = "drugs"
    title: ClassVar[str] = mark("Drug reviews of Drugs.com (Gräßer et al. 2018)")
    fetchable = False  # who uses them has to agree to their terms

    def full_is_here(self) -> bool:
        return bool(_sources())

    def fetch(self) -> None:
        if not self.full_is_here():
            raise DataMissing(
                tr("The drug reviews cannot be fetched for you: who uses them has to agree to their terms."),
                tr(
                    "Download {archive} from {address}, then `grade data add {archive}`; "
                    "or go on with the embedded sample (`--data sample`).",
                    archive=ARCHIVES[0],
                    address=HOME,
                ),
            )

    def recognises(self, source: Path) -> bool:
        try:
            return _locate(source) is not None
        except OSError:
            return False

    def add(self, source: Path) -> None:
        try:
            located = _locate(source)
            if located is None:
                raise NotTheSet(tr("it does not hold its two files"))
            _whole(located)
        except (NotTheSet, OSError) as reason:
            raise UsageError(
                tr(
                    "{path} is not the whole set of drug reviews: {reason}.",
                    path=source,
                    reason=_first_line(reason),
                ),
                tr(
                    "Give the archive {archive} from {address}, or the folder that holds {train} and {test}.",
                    archive=ARCHIVES[0],
                    address=HOME,
                    train=f"{TRAIN}.tsv",
                    test=f"{TEST}.tsv",
                ),
            ) from reason
        try:
            _take(located, data_root() / FOLDER)
        except OSError as reason:
            raise UsageError(
                tr(
                    "The drug reviews could not be copied to {folder}: {reason}.",
                    folder=data_root(),
                    reason=_first_line(reason),
                ),
                tr("Let GRADER_DATA name a folder that you may write to and that has room for {size}.", size="200 MB"),
            ) from reason

    def view(self, choice: Choice) -> Path:
        if choice != "full":
            folder = cache_root() / "views" / f"drugs-sample-{SAMPLE_VERSION}"
            return build_once(folder, lambda draft: _write_files(_sample_rows(), draft / FOLDER))
        view, _ = self._full_cache()
        return view

    def training(self, choice: Choice) -> RatedReviews:
        """Return the training reviews, as the notebook has them."""
        with (self.view(choice) / FOLDER / f"{TRAIN}.tsv").open("rb") as stream:
            return _reviews(_rows(stream))

    def visible(self, choice: Choice) -> RatedReviews:
        if choice != "full":
            return _reviews(_sample_rows()[TEST])
        _, index = self._full_cache()
        return _read_index(index / "visible.json")

    def heldout(self, choice: Choice, rng: np.random.Generator) -> RatedReviews:
        if choice != "full":
            texts, ratings = generate(SAMPLE_HELDOUT, rng, unseen_words=True, avoid=_sample_texts())
            return RatedReviews(texts, ratings)
        _, index = self._full_cache()
        reviews = _read_index(index / "heldout.json")
        order = rng.permutation(len(reviews))
        return RatedReviews([reviews.texts[i] for i in order], reviews.ratings[order])

    def alike(self, choice: Choice, rng: np.random.Generator) -> RatedReviews:
        if choice != "full":
            return RatedReviews(*generate(ALIKE, rng, avoid=_sample_texts()))
        reviews = self.heldout(choice, rng)
        return RatedReviews(reviews.texts[:ALIKE], reviews.ratings[:ALIKE])

    def _full_cache(self) -> tuple[Path, Path]:
        """The view and the grader's index of the real set, both made from one reading of it."""
        view = cache_root() / "views" / f"drugs-full-{INDEX_VERSION}"
        index = cache_root() / "index" / f"drugs-full-{INDEX_VERSION}"
        if not (view.is_dir() and index.is_dir()):
            files = _read_full()
            visible, heldout = _split(files)
            build_once(index, lambda draft: _write_index(visible, heldout, draft))
            build_once(view, lambda draft: _write_files({TRAIN: files[TRAIN], TEST: visible}, draft / FOLDER))
        return view, index


# --- the real set, as it lies on the disk ---------------------------------------------------------------


@dataclass(frozen=True)
class _Located:
    """Where the two files are: paths in a folder, or names in an archive."""

    place: Path
    files: dict[str, str]

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """The file as a stream of bytes; `NotTheSet` if it cannot be read."""
        try:
            if self.place.is_dir():
                with (self.place / self.files[name]).open("rb") as stream:
                    yield stream
            else:
                with zipfile.ZipFile(self.place) as archive, archive.open(self.files[name]) as member:
                    yield member
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as reason:
            raise NotTheSet(
                tr("it cannot be read as a {kind} archive ({reason})", kind="zip", reason=_first_line(reason))
            ) from reason


def _sources() -> list[_Located]:
    """What in the data folder may hold the real set."""
    folders = [data_root() / FOLDER, data_root()]
    places = [*folders, *(folder / archive for folder in folders for archive in ARCHIVES)]
    return [located for place in places if (located := _locate(place)) is not None]


def _locate(source: Path) -> _Located | None:
    """The two files in a folder or a zip archive; any one of them stands for the folder that it lies in."""
    if source.is_file() and source.suffix in SUFFIXES and source.stem in LEAST:
        source = source.parent
    if source.is_dir():
        sizes = {path.name: path.stat().st_size for path in source.iterdir() if path.is_file()}
    elif source.is_file() and zipfile.is_zipfile(source):
        try:
            with zipfile.ZipFile(source) as archive:
                sizes = {member.filename: member.file_size for member in archive.infolist()}
        except zipfile.BadZipFile:
            return None
    else:
        return None
    for suffix in SUFFIXES:
        files = {}
        for name in LEAST:
            fitting = [path for path in sizes if Path(path).name == name + suffix and sizes[path] <= _MOST_BYTES]
            if fitting:
                files[name] = min(fitting, key=len)
        if len(files) == len(LEAST):
            return _Located(source, files)
    return None


def _read_full() -> dict[str, list[Row]]:
    complaints = []
    for source in _sources():
        try:
            return _whole(source)
        except (NotTheSet, OSError) as reason:
            complaints.append(tr("{path} is damaged: {reason}.", path=source.place, reason=_first_line(reason)))
    raise DataMissing(
        " ".join(complaints) or tr("The drug reviews are not in {folder}.", folder=data_root()),
        tr("Download {archive} from {address}, then `grade data add {archive}`.", archive=ARCHIVES[0], address=HOME),
    )


def _whole(located: _Located) -> dict[str, list[Row]]:
    """The rows of both files; `NotTheSet` unless there are about as many as there should be."""
    files = {}
    for name, least in LEAST.items():
        with located.opened(name) as stream:
            files[name] = list(_rows(stream))
        if len(files[name]) < least:
            raise NotTheSet(
                tr(
                    "{path} has {n} reviews instead of {right} or more",
                    path=located.files[name],
                    n=grouped(len(files[name])),
                    right=grouped(least),
                )
            )
    return files


def _rows(stream: IO[bytes]) -> Iterator[Row]:
    """The reviews of a file, whichever of its two forms it has; those without text or rating are passed over."""
    review, rating = COLUMNS.index("review"), COLUMNS.index("rating")
    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="") as text:
        header = text.readline(10_000)
        delimiter = "\t" if "\t" in header else ","
        names = [name.strip().strip('"\ufeff') for name in header.split(delimiter)]
        if not set(COLUMNS[1:]) <= set(names):
            raise NotTheSet(tr("its first line does not name the columns {columns}", columns=", ".join(COLUMNS[1:])))
        places = [0, *(names.index(name) for name in COLUMNS[1:])]
        try:
            for cells in csv.reader(text, delimiter=delimiter):
                if len(cells) == len(names):
                    row = [cells[place] for place in places]
                    if row[review] and _rating(row[rating]):
                        yield row
        except csv.Error as reason:
            raise NotTheSet(tr("it is no table ({reason})", reason=_first_line(reason))) from reason


def _rating(cell: str) -> int:
    """1 to 10; 0 for anything else. The files have 9.0 for 9."""
    whole, _, fraction = cell.partition(".")
    return int(whole) if whole in set(map(str, range(1, 11))) and not fraction.strip("0") else 0


def _take(located: _Located, target: Path) -> None:
    """Copy both files into the data folder: whole, or not at all."""
    if located.place.is_dir() and target.is_dir() and located.place.samefile(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as draft:
        fresh = Path(draft) / "fresh"
        fresh.mkdir()
        for name, file in located.files.items():
            with located.opened(name) as stream, (fresh / f"{name}{Path(file).suffix}").open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
        if target.exists():
            target.rename(Path(draft) / "old")
        fresh.rename(target)


def _first_line(reason: BaseException) -> str:
    return (str(reason) or type(reason).__name__).splitlines()[0].rstrip(".")


# --- split, view and index ------------------------------------------------------------------------------


def _split(files: dict[str, list[Row]]) -> tuple[list[Row], list[Row]]:
    """The test reviews that the notebook sees, and those that the grader holds: one and the other in turn."""
    known = {_text(row) for row in files[TRAIN]}
    fresh: list[Row] = []
    for row in files[TEST]:
        text = _text(row)
        if text not in known:
            known.add(text)
            fresh.append(row)
    return fresh[0::2], fresh[1::2]


def _text(row: Row) -> str:
    """A review as one reads it."""
    return html.unescape(row[COLUMNS.index("review")]).strip().strip('"').strip()


def _reviews(rows: Iterable[Row]) -> RatedReviews:
    texts, ratings = [], []
    for row in rows:
        texts.append(_text(row))
        ratings.append(_rating(row[COLUMNS.index("rating")]))
    return RatedReviews(texts, np.array(ratings, dtype=np.int64))


def _write_files(files: dict[str, list[Row]], folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, rows in files.items():
        with (folder / f"{name}.tsv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, delimiter="\t", lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)


def _write_index(visible: list[Row], heldout: list[Row], folder: Path) -> None:
    for name, rows in (("visible", visible), ("heldout", heldout)):
        reviews = _reviews(rows)
        content = {"texts": reviews.texts, "ratings": reviews.ratings.tolist()}
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def _read_index(path: Path) -> RatedReviews:
    content = json.loads(path.read_text("utf-8"))
    return RatedReviews(content["texts"], np.array(content["ratings"], dtype=np.int64))


# --- the sample -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _sample_rows() -> dict[str, list[Row]]:
    """The sample's visible reviews, the same on every machine, in the real set's form."""
    rng = np.random.default_rng(SAMPLE_SEED)
    files: dict[str, list[Row]] = {}
    number = 0
    for name, count in ((TRAIN, SAMPLE_TRAIN), (TEST, SAMPLE_TEST)):
        files[name] = []
        for text, rating in zip(*generate(count, rng), strict=True):
            drug, ailment = (
                next((one for one in names if one.lower() in text.lower()), str(rng.choice(names)))
                for names in (DRUGS, AILMENTS)
            )
            date = f"May {rng.integers(1, 32)}, {rng.integers(2008, 2018)}"
            escaped = text.replace("&", "&amp;").replace("'", "&#039;").replace('"', "&quot;")
            useful = str(rng.integers(0, 100))
            files[name].append([str(number), drug, ailment, f'"{escaped}"', f"{rating}.0", date, useful])
            number += 1
    return files


@lru_cache(maxsize=1)
def _sample_texts() -> frozenset[str]:
    return frozenset(text for rows in _sample_rows().values() for text in _reviews(rows).texts)
