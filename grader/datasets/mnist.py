"""MNIST: 70,000 handwritten digits (LeCun, Cortes and Burges 1998), and a small set in the same form.

Of the 10,000 test images a notebook sees those with an even index; the grader judges on the other 5,000.
They are interleaved, not halves, because the first half of MNIST's test set is easier than the second.

The sample is scikit-learn's ``load_digits``: 1,797 real digits of 8×8 pixels (Alpaydin and Kaynak 1998),
here scaled up to 28×28 and split into 1,197 for training, 200 test images that the notebook sees, and 400
held out. The held-out ones are drawn anew each time, moved by a fraction of a pixel and dimmed a little,
so that a notebook that imports scikit-learn cannot look them up.

Those for training are turned, shifted and scaled until there are 60,000 of them, as many as MNIST has: an epoch
has as many steps and teaches as much, and who splits them into 50,000 and 10,000 can. Three epochs of the course's
network then read 95 to 99 % of the held-out digits, as they do with MNIST. The 200 and the 400 stay as few as they
are, since turned copies of them would be no further evidence. All parts are drawn from the same writers: held-out
digits of other writers than those for training are harder than MNIST's (92 %), and would fail a sound network.

The `small` sample has the 1,197 alone.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from grader.datasets.base import Choice, Dataset, build_once
from grader.datasets.idx import read_idx, write_idx
from grader.errors import DataMissing, UsageError
from grader.language import mark, tr
from grader.places import cache_root, data_root

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels, scaled to 0–1: what the course normalises with
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# How far digits are moved at most: degrees, share of their size, pixels. It costs a sound model 1 to 2 % of the real
# digits' accuracy, and of the sample's, which it learned from fewer, 2 to 5 %.
TURN, SCALE, SHIFT = 6, 0.06, 0.75
VIEW_VERSION = 2  # raised whenever what a view holds changes, so that an old cache is not taken for it

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of digits and what they show.

    Attributes
    ----------
    pixels
        uint8 (N, 28, 28), 0 is background and 255 full ink.
    labels
        int64 (N,), 0–9.
    """

    pixels: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | NDArray[np.integer[Any]]) -> Digits:
        """Some of them: ``digits[:200]``, or those of these numbers."""
        return Digits(self.pixels[which], self.labels[which])

    @property
    def scaled(self) -> NDArray[np.float32]:
        """float32 (N, 1, 28, 28) from 0 to 1: what torchvision's ``ToTensor`` gives."""
        return self.pixels[:, None].astype(np.float32) / np.float32(255)

    @property
    def images(self) -> NDArray[np.float32]:
        """float32 (N, 1, 28, 28) normalised as in the course: ``Normalize((0.1307,), (0.3081,))``."""
        return (self.scaled - np.float32(MEAN)) / np.float32(STD)

    def moved(self, rng: np.random.Generator) -> Digits:
        """The same digits, each turned, shifted and scaled a little: a model that reads them knows them still.

        MNIST's test set is public. Whoever looks digits up by their pixels, or by a hash of them, finds none of
        these.
        """
        n = len(self)
        turn, scale = np.deg2rad(rng.uniform(-TURN, TURN, n)), rng.uniform(1 - SCALE, 1 + SCALE, n)
        shift = rng.uniform(-SHIFT, SHIFT, (n, 2, 1, 1))
        pixels = np.empty_like(self.pixels)
        for some in (slice(start, start + 500) for start in range(0, n, 500)):  # of all at once it would be 100 MB
            pixels[some] = _moved(self.pixels[some], turn[some], scale[some], shift[some])
        return Digits(pixels, self.labels)


def _moved(pixels: Pixels, turn: NDArray[np.float64], scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Pixels:
    """Look each new pixel up where it comes from, interpolated between the four pixels around it."""
    place = np.arange(28) - 13.5
    down, right = place[:, None] - shift[:, 0], place[None, :] - shift[:, 1]
    along, across = ((one / scale)[:, None, None] for one in (np.cos(turn), np.sin(turn)))
    framed = np.pad(pixels.astype(np.float64), ((0, 0), (1, 2), (1, 2)))  # what lies outside is background
    rows = np.clip(along * down - across * right + 14.5, 0, 29)
    columns = np.clip(across * down + along * right + 14.5, 0, 29)
    row, column = rows.astype(int), columns.astype(int)
    low, left = rows - row, columns - column
    which = np.arange(len(pixels))[:, None, None]
    upper = framed[which, row, column] * (1 - left) + framed[which, row, column + 1] * left
    lower = framed[which, row + 1, column] * (1 - left) + framed[which, row + 1, column + 1] * left
    moved: Pixels = np.rint(upper * (1 - low) + lower * low).astype(np.uint8)
    return moved


class Mnist(Dataset):
    """The handwritten digits of MNIST, or scikit-learn's in their place."""

    name: ClassVar[str] = "mnist"
    title: ClassVar[str] = mark("MNIST handwritten digits")
    has_small: ClassVar[bool] = True
    address: ClassVar[str] = f"{MIRRORS[0]}train-images-idx3-ubyte.gz"
    download_mb: ClassVar[int] = 12

    def full_is_here(self) -> bool:
        return all(_locate(_raw_folder(), file) for file in FILES)

    def fetch(self) -> None:
        with _writing_to(_raw_folder()) as raw:
            for file in FILES:
                if not _is_right(raw, file):
                    _download(file, raw)

    def recognises(self, source: Path) -> bool:
        return _folder_with_files(source) is not None

    def add(self, source: Path) -> None:
        folder = _folder_with_files(source)
        if folder is None:
            raise UsageError(
                tr("{path} does not hold MNIST's files.", path=source),
                tr(
                    "Name the folder that holds {file} and its three companions (.gz will do).",
                    file=FILES[0].name,
                ),
            )
        contents = {file: _read_verified(folder, file) for file in FILES}  # all are right, or none is taken
        if _raw_folder().is_dir() and folder.samefile(_raw_folder()):
            return
        with _writing_to(_raw_folder()) as raw:
            for file, content in contents.items():
                _write_whole(raw / file.name, content)

    def view(self, choice: Choice) -> Path:
        folder = cache_root() / "views" / f"mnist-{choice}-v{VIEW_VERSION}"
        return build_once(folder, BUILDERS[choice])

    def training(self, choice: Choice) -> Digits:
        """Return the training images, exactly as the notebook's ``train=True`` gives them."""
        raw = self.view(choice) / "MNIST" / "raw"
        return _digits(*(read_idx((raw / file.name).read_bytes()) for file in (TRAIN_IMAGES, TRAIN_LABELS)))

    def visible(self, choice: Choice) -> Digits:
        if choice == "full":
            return _every_second_test_digit(start=0)
        return _render(*_sample_part("visible"))

    def heldout(self, choice: Choice, rng: np.random.Generator) -> Digits:
        if choice == "full":
            digits = _every_second_test_digit(start=1)
            order = rng.permutation(len(digits))
            return digits[order]
        glyphs, labels = _sample_part("heldout")
        order = rng.permutation(len(labels))
        shift = rng.uniform(-0.25, 0.25, (len(labels), 2))  # 0.5 would cost an honest model 1 %, this 0.2 %
        return _render(glyphs[order], labels[order], shift, ink=rng.uniform(0.9, 1, len(labels)))


# ------------------------------------------------------------------------------------------ the real files


@dataclass(frozen=True)
class RawFile:
    """One of MNIST's four files, and how to know that it is right."""

    name: str
    size: int
    md5: str
    gz_md5: str  # of the compressed file, as the mirrors have it (and torchvision lists it)


TRAIN_IMAGES = RawFile(
    "train-images-idx3-ubyte",
    47_040_016,
    "6bbc9ace898e44ae57da46a324031adb",
    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
)
TRAIN_LABELS = RawFile(
    "train-labels-idx1-ubyte", 60_008, "a25bea736e30d166cdddb491f175f624", "d53e105ee54ea40749a09fcbcd1e9432"
)
TEST_IMAGES = RawFile(
    "t10k-images-idx3-ubyte",
    7_840_016,
    "2646ac647ad5339dbf082846283269ea",
    "9fb629c4189551a2d022fa330f9573f3",
)
TEST_LABELS = RawFile(
    "t10k-labels-idx1-ubyte", 10_008, "27ae3e4e09519cfbb04c329615203637", "ec29112dd5afa0611ce80d1b7f02629c"
)
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def _another_copy() -> str:
    return tr("Fetch the set with `grade data fetch mnist`, or add a copy of your own with `grade data add PATH`.")


def _raw_folder() -> Path:
    return data_root() / "MNIST" / "raw"


def _names(file: RawFile) -> tuple[str, ...]:
    """Names under which people have that file: torchvision's, and with a dot as some archives have it."""
    dotted = file.name.replace("-idx", ".idx")
    return file.name, f"{file.name}.gz", dotted, f"{dotted}.gz"


def _locate(folder: Path, file: RawFile) -> Path | None:
    """Find the file, whole as far as its length tells, in a folder."""
    for path in (folder / name for name in _names(file)):
        if path.is_file() and _unpacked_size(path) == file.size:
            return path
    return None


def _unpacked_size(path: Path) -> int:
    """Length of a file, or of what is in it if it is compressed (gzip writes that at the very end)."""
    size = path.stat().st_size
    if path.suffix != ".gz":
        return size
    if size < 18:  # shorter than any gzip file
        return -1
    with path.open("rb") as packed:
        packed.seek(-4, os.SEEK_END)
        return int.from_bytes(packed.read(4), "little")


def _read_verified(folder: Path, file: RawFile) -> bytes:
    """Read one of the four files, whose checksum must be MNIST's."""
    path = _locate(folder, file)
    if path is None:
        raise UsageError(
            tr("{file} is missing from {folder}, or is not whole.", file=file.name, folder=folder),
            _another_copy(),
        )
    content = _unpack(path, file.size)
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != file.md5:
        raise UsageError(
            tr("{path} is not MNIST's {file}: its checksum differs.", path=path, file=file.name),
            _another_copy(),
        )
    return content


def _unpack(path: Path, size: int) -> bytes:
    """Return the contents of a file, raw or compressed, at most one byte more than is expected."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as packed:
            return packed.read(size + 1)
    except (OSError, EOFError, zlib.error) as broken:
        raise UsageError(
            tr("{path} cannot be unpacked: {reason}.", path=path, reason=broken),
            tr("Download it once more; it was cut short or damaged."),
        ) from broken


def _is_right(folder: Path, file: RawFile) -> bool:
    try:
        _read_verified(folder, file)
    except UsageError:
        return False
    return True


def _folder_with_files(source: Path) -> Path | None:
    """Find MNIST's files in what a user named: a data folder, its MNIST, its raw, or one of the files."""
    folder = source.parent if source.is_file() else source
    for candidate in (folder, folder / "raw", folder / "MNIST" / "raw"):
        if all(any((candidate / name).is_file() for name in _names(file)) for file in FILES):
            return candidate
    return None


def _download(file: RawFile, raw: Path) -> None:
    """Fetch one file from the first mirror that has it whole, unpack it and put it in its place."""
    import pooch  # imported late: a grading that has its data should not wait for it

    pooch.get_logger().setLevel("ERROR")  # the progress bar tells enough
    reasons = []
    for mirror in MIRRORS:
        with tempfile.TemporaryDirectory(prefix="grader-mnist-") as scratch:
            try:
                packed = pooch.retrieve(
                    mirror + file.name + ".gz",
                    known_hash=f"md5:{file.gz_md5}",
                    fname=file.name + ".gz",
                    path=scratch,
                    downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
                )
            except (OSError, ValueError) as failed:  # no network, no such page; a checksum that differs
                reasons.append(f"{mirror.split('/')[2]}: {type(failed).__name__}")
                continue
            _write_whole(raw / file.name, _read_verified(Path(packed).parent, file))
            return
    raise DataMissing(
        tr("MNIST's {file} could not be downloaded ({reasons}).", file=file.name, reasons="; ".join(reasons)),
        tr("Check the network and try again, or add a copy that you have with `grade data add PATH`."),
    )


@contextmanager
def _writing_to(folder: Path) -> Iterator[Path]:
    """Make a folder, and say plainly if it or what is in it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as refused:
        raise UsageError(
            tr(
                "The data folder {folder} cannot be written to: {reason}.",
                folder=folder,
                reason=refused.strerror or refused,
            ),
            tr("Name another one in the environment variable GRADER_DATA."),
        ) from refused


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then moved into it."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


# ---------------------------------------------------------------------------------- what comes out of them


def _real(file: RawFile) -> bytes:
    """Read a file of the real set from the data folder."""
    if _locate(_raw_folder(), file) is None:
        raise DataMissing(
            tr("The real data set {name} is not in {folder}.", name=repr("mnist"), folder=data_root()),
            _another_copy(),
        )
    return _read_verified(_raw_folder(), file)


def _digits(pixels: Pixels, labels: Pixels) -> Digits:
    return Digits(pixels, labels.astype(np.int64))


def _every_second_test_digit(start: int) -> Digits:
    images, labels = (read_idx(_real(file))[start::2] for file in (TEST_IMAGES, TEST_LABELS))
    return _digits(images, labels)


def _build_full_view(folder: Path) -> None:
    contents = {file: _real(file) for file in FILES}
    for file in (TEST_IMAGES, TEST_LABELS):
        contents[file] = write_idx(read_idx(contents[file])[::2])
    _write_view(folder, contents)


def _build_sample_view(folder: Path) -> None:
    _write_sample_view(folder, _multiplied(*_sample_part("train")))


def _build_small_view(folder: Path) -> None:
    _write_sample_view(folder, _render(*_sample_part("train")))


BUILDERS = {"full": _build_full_view, "sample": _build_sample_view, "small": _build_small_view}


def _write_sample_view(folder: Path, train: Digits) -> None:
    visible = _render(*_sample_part("visible"))
    contents = {
        TRAIN_IMAGES: train.pixels,
        TRAIN_LABELS: train.labels.astype(np.uint8),
        TEST_IMAGES: visible.pixels,
        TEST_LABELS: visible.labels.astype(np.uint8),
    }
    _write_view(folder, {file: write_idx(array) for file, array in contents.items()})


def _write_view(folder: Path, contents: dict[RawFile, bytes]) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file, content in contents.items():
        (raw / file.name).write_bytes(content)


# --------------------------------------------------------------------------------------------- the sample


SAMPLE_PARTS = {"train": slice(0, 1197), "visible": slice(1197, 1397), "heldout": slice(1397, 1797)}
SAMPLE_TRAINING = 60_000
# How far the digits for training are moved at most: degrees, share of their size, pixels.
SAMPLE_TURN, SAMPLE_SCALE, SAMPLE_SHIFT = 10, 0.1, 1.0
MOVED_ALIKE = 120  # glyphs that share a movement: with one of its own for each, this would take half a minute


def _sample_part(part: str) -> tuple[NDArray[np.float64], Labels]:
    """Return 8×8 glyphs, ink from 0 to 1, and their labels."""
    folder = build_once(cache_root() / "arrays" / f"mnist-sample-v{VIEW_VERSION}", _save_glyphs)
    return np.load(folder / f"{part}-glyphs.npy"), np.load(folder / f"{part}-labels.npy")


def _save_glyphs(folder: Path) -> None:
    from sklearn.datasets import load_digits  # imported late: it takes a second, and only the first time

    glyphs, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    for part, rows in SAMPLE_PARTS.items():
        np.save(folder / f"{part}-glyphs.npy", glyphs[order[rows]].reshape(-1, 8, 8) / 16)
        np.save(folder / f"{part}-labels.npy", labels[order[rows]].astype(np.int64))


def _render(
    glyphs: NDArray[np.float64],
    labels: Labels,
    shift: NDArray[np.float64] | None = None,
    ink: NDArray[np.float64] | None = None,
) -> Digits:
    """Draw 8×8 glyphs as 28×28 images: 20×20 in the middle, as MNIST's are, interpolated bilinearly.

    Parameters
    ----------
    glyphs
        (N, 8, 8), ink from 0 to 1.
    shift
        (N, 2), how far each moves down and to the right, in pixels of the 28×28 image.
    ink
        (N,), what each one's ink is multiplied by.
    """
    shift = np.zeros((len(glyphs), 2)) if shift is None else shift
    ink = np.ones(len(glyphs)) if ink is None else ink
    pixel = np.arange(28) + 0.5 - 14  # centres of the pixels, from the middle of the image
    place = (pixel[None, None, :] - shift[:, :, None]) * 8 / 20 + 3.5  # (N, 2, 28) in glyph coordinates
    weight = np.clip(1 - np.abs(place[..., None] - np.arange(8)), 0, None)  # (N, 2, 28, 8)
    drawn = weight[:, 0] @ glyphs @ weight[:, 1].swapaxes(1, 2)
    pixels = np.rint(drawn * ink[:, None, None] * 255).astype(np.uint8)
    return Digits(pixels, labels)


def _multiplied(glyphs: NDArray[np.float64], labels: Labels) -> Digits:
    """Draw glyphs as :func:`_render` does, turned, shifted and scaled, until there are 60,000; mixed.

    Parameters
    ----------
    glyphs
        (N, 8, 8), ink from 0 to 1. Each is drawn about equally often, the first time as it is.
    """
    rng = np.random.default_rng(110)
    missing = SAMPLE_TRAINING - len(glyphs)
    rounds = -(-missing // len(glyphs))
    which = np.concatenate([rng.permutation(len(glyphs)) for _ in range(rounds)])[:missing]
    framed = np.pad(glyphs.astype(np.float32) * 255, ((0, 0), (1, 2), (1, 2))).reshape(len(glyphs), -1)
    pixels = np.empty((missing, 28 * 28), np.uint8)
    for some in (slice(start, start + MOVED_ALIKE) for start in range(0, missing, MOVED_ALIKE)):
        # A product of matrices would say this in one line. BLAS starts threads for it, which wait for each other where
        # the processors are busy: 38 seconds were seen.
        drawn = sum(weight * framed[which[some, None], corner] for corner, weight in _movement(rng))
        pixels[some] = np.rint(drawn)
    order = rng.permutation(SAMPLE_TRAINING)
    everything = np.concatenate([_render(glyphs, labels).pixels, pixels.reshape(-1, 28, 28)])
    return Digits(everything[order], np.concatenate([labels, labels[which]])[order])


def _movement(rng: np.random.Generator) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """A turn, a shift and a scale: of each pixel, the four cells of a framed 11×11 glyph around it, and their weights.

    Both of shape (784,).
    """
    turn, scale = np.deg2rad(rng.uniform(-SAMPLE_TURN, SAMPLE_TURN)), rng.uniform(1 - SAMPLE_SCALE, 1 + SAMPLE_SCALE)
    place, shift = np.arange(28) + 0.5 - 14, rng.uniform(-SAMPLE_SHIFT, SAMPLE_SHIFT, 2)
    down, right = place[:, None] - shift[0], place[None, :] - shift[1]
    along, across = (one / scale * 8 / 20 for one in (np.cos(turn), np.sin(turn)))
    # The glyph's first cell is the frame's second; what lies outside is background.
    rows = np.clip(along * down - across * right + 4.5, 0, 9.5).ravel()
    columns = np.clip(across * down + along * right + 4.5, 0, 9.5).ravel()
    row, column = rows.astype(np.int64), columns.astype(np.int64)
    low, left = (rows - row).astype(np.float32), (columns - column).astype(np.float32)
    return [
        (11 * row + column, (1 - low) * (1 - left)),
        (11 * row + column + 1, (1 - low) * left),
        (11 * (row + 1) + column, low * (1 - left)),
        (11 * (row + 1) + column + 1, low * left),
    ]
