"""Movie reviews with their sentiment: IMDb's large review set, or seeded ones that need nothing.

The real set (Maas et al. 2011) is read from ``aclImdb/`` or from its archive, whichever lies in the data
folder. The notebook sees all 25,000 training reviews and every other test review, in the set's own layout;
the grader keeps the other 12,500 test reviews in an index of its own, outside the view.
"""

from __future__ import annotations

import gzip
import io
import random
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from grader.datasets.base import Choice, Dataset, build_once
from grader.datasets.review_generator import VERSION as SAMPLE_VERSION
from grader.datasets.review_generator import generate
from grader.datasets.rewording import reworded
from grader.errors import DataMissing, UsageError
from grader.language import grouped, mark, tr
from grader.places import cache_root, data_root

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
ARCHIVE = "aclImdb_v1.tar.gz"
FOLDER = "aclImdb"
FOLDERS = ("train/pos", "train/neg", "test/pos", "test/neg")
PER_FOLDER = 12_500
TEXT_BYTES = 65_483_508
INDEX_VERSION = 1

SAMPLE_SEED = 710
SAMPLE_TRAIN, SAMPLE_TEST, SAMPLE_HELDOUT = 4000, 500, 1000
ALIKE = 4000

_MEMBER = re.compile(r"(?:\./)?aclImdb/((?:train|test)/(?:pos|neg))/(\d{1,6}_(?:10|[1-9])\.txt)", re.ASCII)
_FILE = re.compile(r"\d{1,6}_(?:10|[1-9])\.txt", re.ASCII)
_MOST_BYTES_A_REVIEW = 100_000  # the longest real one has 14,106
_MOST_BYTES_UNPACKED = 600_000_000  # the public archive, with its unlabelled reviews, has about half of it

Parts = dict[str, dict[str, bytes]]
"""Folder ("train/pos") → file name ("123_8.txt") → text, encoded."""


@dataclass(frozen=True)
class Reviews:
    """Texts and their sentiment.

    Attributes
    ----------
    texts
        N reviews.
    labels
        int64 (N,): 1 for a positive review, 0 for a negative one.
    """

    texts: list[str]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def reworded(self, rng: np.random.Generator) -> Reviews:
        """The same reviews in other words and in another order: who understands them judges them as before.

        IMDb's test set is public. Whoever looks reviews up, by a hash of them or of what they begin or end with,
        finds none of these.
        """
        dice = random.Random(int(rng.integers(2**63)))
        return Reviews([reworded(dice, text) for text in self.texts], self.labels)


class NotTheSet(Exception):
    """What was read is not the whole review set; the message says what is wrong with it."""


class MovieReviews(Dataset):
    """IMDb's 50,000 labelled reviews, or generated ones whose sentiment hangs on word order."""

    name: ClassVar[str] = "reviews"
    title: ClassVar[str] = mark("IMDb movie reviews (Maas et al. 2011)")
    address: ClassVar[str] = URL
    download_mb: ClassVar[int] = 84

    def full_is_here(self) -> bool:
        return bool(_sources())

    def fetch(self) -> None:
        if self.full_is_here():
            return
        import pooch  # here, because it takes longer to import than the rest of this module together

        try:
            data_root().mkdir(parents=True, exist_ok=True)
            pooch.retrieve(URL, known_hash=f"md5:{MD5}", fname=ARCHIVE, path=data_root(), progressbar=True)
        except (OSError, ValueError) as reason:  # no network is an OSError, a wrong checksum a ValueError
            raise DataMissing(
                tr(
                    "The movie reviews could not be fetched into {folder}: {reason}",
                    folder=data_root(),
                    reason=_first_line(reason),
                ),
                tr(
                    "Download {address} where there is a network, then `grade data add {archive}`; "
                    "or go on with the embedded sample (`--data sample`).",
                    address=URL,
                    archive=ARCHIVE,
                ),
            ) from reason

    def recognises(self, source: Path) -> bool:
        try:
            if source.is_dir():
                return _folder_in(source) is not None
            return source.is_file() and next(_archived(source), None) is not None
        except (NotTheSet, OSError):
            return False

    def add(self, source: Path) -> None:
        if not source.exists():
            raise UsageError(tr("There is no {path}.", path=source), tr("Check the path."))
        folder = _folder_in(source)
        try:
            parts = _whole(folder or source)
        except (NotTheSet, OSError) as reason:
            raise UsageError(
                tr("{path} is not the whole IMDb review set: {reason}.", path=source, reason=_first_line(reason)),
                tr(
                    "Give the archive {archive} from {address}, or the folder {folder} unpacked from it.",
                    archive=ARCHIVE,
                    address=URL,
                    folder=FOLDER,
                ),
            ) from reason
        try:
            data_root().mkdir(parents=True, exist_ok=True)
            if folder is None:
                _take_archive(source, data_root() / ARCHIVE)
            else:
                _take_folder(parts, data_root() / FOLDER)
        except OSError as reason:
            raise UsageError(
                tr(
                    "The review set could not be copied to {folder}: {reason}.",
                    folder=data_root(),
                    reason=_first_line(reason),
                ),
                tr("Let GRADER_DATA name a folder that you may write to and that has room for {size}.", size="300 MB"),
            ) from reason

    def view(self, choice: Choice) -> Path:
        if choice != "full":
            folder = cache_root() / "views" / f"reviews-sample-{SAMPLE_VERSION}"
            return build_once(folder, lambda draft: _write_layout(_sample_parts(), draft / FOLDER))
        view, _ = self._full_cache()
        return view

    def training(self, choice: Choice) -> Reviews:
        folder = self.view(choice) / FOLDER
        return _reviews(
            {
                name: {path.name: path.read_bytes() for path in sorted((folder / name).iterdir())}
                for name in ("train/pos", "train/neg")
            }
        )

    def visible(self, choice: Choice) -> Reviews:
        if choice != "full":
            parts = _sample_parts()
            return _reviews({name: parts[name] for name in ("test/pos", "test/neg")})
        _, index = self._full_cache()
        return _read_index(index / "visible.npz")

    def heldout(self, choice: Choice, rng: np.random.Generator) -> Reviews:
        if choice != "full":
            return _fresh_sample(rng)
        _, index = self._full_cache()
        reviews = _read_index(index / "heldout.npz")
        order = rng.permutation(len(reviews))
        return Reviews([reviews.texts[i] for i in order], reviews.labels[order])

    def alike(self, choice: Choice, rng: np.random.Generator) -> Reviews:
        if choice != "full":
            return Reviews(*generate(ALIKE, rng, avoid=_sample_texts()))
        reviews = self.heldout(choice, rng)
        return Reviews(reviews.texts[:ALIKE], reviews.labels[:ALIKE])

    def _full_cache(self) -> tuple[Path, Path]:
        """The view and the grader's index of the real set, both made from one reading of it."""
        view = cache_root() / "views" / f"reviews-full-{INDEX_VERSION}"
        index = cache_root() / "index" / f"reviews-full-{INDEX_VERSION}"
        if not (view.is_dir() and index.is_dir()):
            seen, heldout = _split(_read_full())
            build_once(index, lambda draft: _write_indexes(seen, heldout, draft))
            build_once(view, lambda draft: _write_layout(seen, draft / FOLDER))
        return view, index


# --- the real set, as it lies on the disk ---------------------------------------------------------------


def _sources() -> list[Path]:
    """What in the data folder may hold the real set; found without reading any of it."""
    archive, folder = data_root() / ARCHIVE, _folder_in(data_root())
    return [source for source in (archive if archive.is_file() else None, folder) if source is not None]


def _folder_in(path: Path) -> Path | None:
    """The unpacked set that `path` is, or holds as ``aclImdb``."""
    for folder in (path / FOLDER, path):
        if all((folder / name).is_dir() for name in FOLDERS):
            return folder
    return None


def _read_full() -> Parts:
    complaints = []
    for source in _sources():
        try:
            return _whole(source)
        except (NotTheSet, OSError) as reason:
            complaints.append(tr("{path} is damaged: {reason}.", path=source, reason=_first_line(reason)))
    raise DataMissing(
        " ".join(complaints) or tr("The movie reviews are not in {folder}.", folder=data_root()),
        tr("Fetch them with `grade data fetch reviews`, or add your own copy with `grade data add PATH`."),
    )


def _whole(source: Path) -> Parts:
    """Every labelled review of an archive or of an unpacked folder; `NotTheSet` unless all are there.

    An archive is judged by what it holds and not by its checksum: repacked ones are as good.
    """
    parts: Parts = {name: {} for name in FOLDERS}
    for folder, name, text in _unpacked(source) if source.is_dir() else _archived(source):
        if name in parts[folder]:
            raise NotTheSet(tr("it holds {path} twice", path=f"{folder}/{name}"))
        parts[folder][name] = text
    for folder, files in parts.items():
        if len(files) != PER_FOLDER:
            raise NotTheSet(
                tr(
                    "{path} has {n} reviews instead of {right}",
                    path=f"{FOLDER}/{folder}",
                    n=grouped(len(files)),
                    right=grouped(PER_FOLDER),
                )
            )
    size = sum(len(text) for files in parts.values() for text in files.values())
    if size != TEXT_BYTES:
        raise NotTheSet(
            tr("its reviews have {n} bytes of text instead of {right}", n=grouped(size), right=grouped(TEXT_BYTES))
        )
    return parts


def _unpacked(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    for name in FOLDERS:
        for path in sorted((folder / name).iterdir()):
            if _FILE.fullmatch(path.name) and path.is_file() and path.stat().st_size <= _MOST_BYTES_A_REVIEW:
                yield name, path.name, path.read_bytes()


def _archived(archive: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield (folder, file name, text) of the reviews in a tar archive, gzipped or not, in one pass.

    Nothing is unpacked to the disk. Members that are not plain files, lie elsewhere (`..`, other folders)
    or are larger than any review are passed over.
    """
    try:
        with _opened(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                if member.size > _MOST_BYTES_UNPACKED:  # tarfile would go on and on to skip it
                    raise NotTheSet(tr("a file in it declares {n} bytes", n=grouped(member.size)))
                found = _MEMBER.fullmatch(member.name)
                if found is None or not member.isreg() or member.size > _MOST_BYTES_A_REVIEW:
                    continue
                content = tar.extractfile(member)
                if content is not None:
                    yield found[1], found[2], content.read()
                tar.members = []  # type: ignore[attr-defined]  # else all headers are kept: 100 MB
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, ValueError) as reason:
        raise NotTheSet(
            tr("it cannot be read as a {kind} archive ({reason})", kind="tar", reason=_first_line(reason))
        ) from reason


def _opened(archive: Path) -> BinaryIO:
    stream = gzip.GzipFile(archive) if _is_gzipped(archive) else archive.open("rb")
    return io.BufferedReader(_Capped(stream, _MOST_BYTES_UNPACKED), 1 << 16)


def _is_gzipped(archive: Path) -> bool:
    """False for a plain .tar: some browsers unzip what they download."""
    with archive.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


class _Capped(io.RawIOBase):
    """Read from a stream, and refuse to read more than `limit` bytes: an archive may unpack to anything."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise NotTheSet(tr("it unpacks to more than {n} bytes", n=grouped(_MOST_BYTES_UNPACKED)))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _take_archive(source: Path, target: Path) -> None:
    """Copy an archive, gzipped if it is not yet: whole or not at all."""
    if target.exists() and source.samefile(target):
        return
    zipped = _is_gzipped(source)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as draft:
        copy = Path(draft) / target.name
        with source.open("rb") as file, copy.open("wb") if zipped else gzip.open(copy, "wb", 3) as out:
            shutil.copyfileobj(file, out, 1 << 20)
        copy.chmod(0o644)
        copy.replace(target)


def _take_folder(parts: Parts, target: Path) -> None:
    """Write the unpacked set; one that lies there already is exchanged for it."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as draft:
        fresh = Path(draft) / "fresh"
        _write_layout(parts, fresh)
        if target.exists():
            target.rename(Path(draft) / "old")
        fresh.rename(target)


def _first_line(reason: BaseException) -> str:
    return (str(reason) or type(reason).__name__).splitlines()[0].rstrip(".")


# --- split, view and index ------------------------------------------------------------------------------


def _split(parts: Parts) -> tuple[Parts, Parts]:
    """What the notebook sees, and what the grader holds: every other test review of each class."""
    seen: Parts = {name: files for name, files in parts.items() if name.startswith("train/")}
    heldout: Parts = {}
    for folder in ("test/pos", "test/neg"):
        names = sorted(parts[folder], key=lambda name: (int(name.partition("_")[0]), name))
        seen[folder] = {name: parts[folder][name] for name in names[0::2]}
        heldout[folder] = {name: parts[folder][name] for name in names[1::2]}
    return seen, heldout


def _write_layout(parts: Parts, folder: Path) -> None:
    for name, files in parts.items():
        (folder / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / name / file).write_bytes(text)


def _write_indexes(seen: Parts, heldout: Parts, folder: Path) -> None:
    tests = {name: files for name, files in seen.items() if name.startswith("test/")}
    for name, parts in (("visible", tests), ("heldout", heldout)):
        texts = [text for files in parts.values() for text in files.values()]
        np.savez(
            folder / f"{name}.npz",
            text=np.frombuffer(b"".join(texts), dtype=np.uint8),
            ends=np.cumsum([len(text) for text in texts], dtype=np.int64),
            labels=_reviews(parts).labels,
        )


def _read_index(path: Path) -> Reviews:
    with np.load(path, allow_pickle=False) as stored:
        text, ends, labels = stored["text"].tobytes(), stored["ends"].tolist(), stored["labels"]
    starts = [0, *ends[:-1]]
    texts = [text[start:end].decode(errors="replace") for start, end in zip(starts, ends, strict=True)]
    return Reviews(texts, labels)


def _reviews(parts: Parts) -> Reviews:
    texts = [text.decode(errors="replace") for files in parts.values() for text in files.values()]
    labels = [int(name.endswith("/pos")) for name, files in parts.items() for _ in files]
    return Reviews(texts, np.array(labels, dtype=np.int64))


# --- the sample -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _sample_parts() -> Parts:
    """The sample's visible reviews, the same on every machine, in the real set's layout."""
    rng = np.random.default_rng(SAMPLE_SEED)
    parts: Parts = {}
    for part, count in (("train", SAMPLE_TRAIN), ("test", SAMPLE_TEST)):
        texts, labels = generate(count, rng)
        stars = rng.integers(0, 4, size=count)
        for folder, label, lowest in ((f"{part}/pos", 1, 7), (f"{part}/neg", 0, 1)):
            chosen = np.flatnonzero(labels == label)
            parts[folder] = {
                f"{number}_{lowest + stars[at]}.txt": texts[at].encode() for number, at in enumerate(chosen)
            }
    return parts


@lru_cache(maxsize=1)
def _sample_texts() -> frozenset[str]:
    return frozenset(_reviews(_sample_parts()).texts)


def _fresh_sample(rng: np.random.Generator) -> Reviews:
    """Reviews that no notebook has seen: half positive, in random order, some of their words unseen too."""
    texts, labels = generate(SAMPLE_HELDOUT, rng, unseen_words=True, avoid=_sample_texts())
    return Reviews(texts, labels)
