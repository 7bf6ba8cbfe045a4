"""MNIST: its file format, its sample, and (where the real files are) the real set."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grader.datasets import mnist
from grader.datasets.idx import IdxError, read_idx, write_idx
from grader.datasets.mnist import FILES, TEST_LABELS, Digits, Mnist
from grader.errors import DataMissing, UsageError
from grader.places import cache_root, data_root

RAW = Path("MNIST", "raw")
small_arrays = arrays(np.uint8, st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache that the module's tests share: rendering and scikit-learn's import are done once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sample(cache, monkeypatch):
    """The set on a machine that has nothing."""
    monkeypatch.setenv("GRADER_CACHE", str(cache))
    monkeypatch.setenv("GRADER_DATA", str(cache / "no-data"))
    return Mnist()


@pytest.fixture
def full(full_data, cache, monkeypatch):
    """The set on a machine that has the real files."""
    monkeypatch.setenv("GRADER_CACHE", str(cache))
    return Mnist()


@pytest.fixture
def rng():
    return np.random.default_rng(110)


def as_rows(digits: Digits) -> set[tuple[bytes, int]]:
    return {(image.tobytes(), int(label)) for image, label in zip(digits.pixels, digits.labels, strict=True)}


class TestIdx:
    @given(small_arrays)
    def test_reads_what_it_wrote(self, array):
        again = read_idx(write_idx(array))
        assert again.dtype == np.uint8
        np.testing.assert_array_equal(again, array)

    @given(small_arrays, st.data())
    def test_refuses_a_file_that_is_cut_short_or_goes_on(self, array, data):
        content = write_idx(array)
        cut = data.draw(st.integers(0, len(content) - 1))
        with pytest.raises(IdxError):
            read_idx(content[:cut])
        with pytest.raises(IdxError):
            read_idx(content + data.draw(st.binary(min_size=1, max_size=9)))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_exactly_or_refused(self, content):
        try:
            array = read_idx(content)
        except IdxError:
            return
        assert write_idx(array) == content

    @given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4), st.binary(max_size=20))
    def test_a_header_that_lies_about_the_size_is_refused(self, lengths, data):
        header = b"\0\0\x08" + bytes([len(lengths)]) + b"".join(n.to_bytes(4, "big") for n in lengths)
        try:
            array = read_idx(header + data)
        except IdxError:
            return
        assert array.size == len(data) > 0

    @pytest.mark.parametrize("magic", [b"\0\0\x08\0", b"\0\0\x09\1", b"\1\0\x08\1", b"\0\0\x08\4"])
    def test_refuses_another_magic_number(self, magic):
        with pytest.raises(IdxError):
            read_idx(magic + (1).to_bytes(4, "big") * magic[3] + b"\7")


class TestDigits:
    def test_scaled_and_normalised_as_torchvision_does(self, rng):
        digits = Digits(rng.integers(0, 256, (5, 28, 28), dtype=np.uint8), rng.integers(0, 10, 5))
        assert digits.scaled.shape == digits.images.shape == (5, 1, 28, 28)
        assert digits.scaled.dtype == digits.images.dtype == np.float32
        np.testing.assert_allclose(digits.scaled[:, 0], digits.pixels / 255, rtol=1e-6)
        np.testing.assert_allclose(digits.images[:, 0], (digits.pixels / 255 - 0.1307) / 0.3081, rtol=1e-5)
        assert len(digits) == 5

    @pytest.mark.parametrize("which", [slice(2), np.array([4, 0])], ids=["the first", "some"])
    def test_some_of_them(self, rng, which):
        digits = Digits(rng.integers(0, 256, (5, 28, 28), dtype=np.uint8), np.arange(5))
        assert (digits[which].pixels == digits.pixels[which]).all()
        assert (digits[which].labels == digits.labels[which]).all()


class TestSample:
    @pytest.mark.parametrize(("choice", "training"), [("sample", 60_000), ("small", 1197)])
    def test_sizes(self, sample, rng, choice, training):
        parts = (sample.training(choice), sample.visible(choice), sample.heldout(choice, rng))
        assert [len(digits) for digits in parts] == [training, 200, 400]

    def test_there_are_as_many_digits_as_mnist_has_each_moved_otherwise(self, sample):
        """An epoch has as many steps, a split into 50,000 and 10,000 works: what is right on MNIST is right here."""
        digits, own = sample.training("sample"), sample.training("small")
        everything = as_rows(digits)
        assert as_rows(own) <= everything  # each is among them as it is
        assert len(everything) > 59_800  # and hardly one is there twice
        some = digits[:6000]
        assert abs(some.pixels.mean() - own.pixels.mean()) < 1
        assert (digits.pixels[:, 0] > 0).any(axis=1).mean() < 0.03  # hardly one reaches the border
        # They are mixed, and the labels belong to them: the nearest of the others shows the same digit.
        a, b = (one.scaled.reshape(len(one), -1) for one in (some, digits[6000:6400]))
        nearest = ((b**2).sum(1)[:, None] - 2 * b @ a.T + (a**2).sum(1)).argmin(axis=1)
        assert (some.labels[nearest] == digits.labels[6000:6400]).mean() > 0.97
        # Turned and moved as far as they are said to be.
        rows = np.arange(28)
        centre = (some.pixels.sum(axis=2) * rows).sum(axis=1) / some.pixels.sum(axis=(1, 2))
        still = (own.pixels.sum(axis=2) * rows).sum(axis=1) / own.pixels.sum(axis=(1, 2))
        assert 0.4 < np.sqrt(centre.var() - still.var()) < 0.8  # of ±1 pixel: 0.58

    def test_the_view_holds_what_the_notebook_may_see(self, sample):
        raw = sample.view("small") / RAW
        assert sorted(p.name for p in raw.iterdir()) == sorted(file.name for file in FILES)
        visible = sample.visible("small")
        np.testing.assert_array_equal(read_idx((raw / "t10k-images-idx3-ubyte").read_bytes()), visible.pixels)
        np.testing.assert_array_equal(read_idx((raw / "t10k-labels-idx1-ubyte").read_bytes()), visible.labels)

    def test_looks_like_mnist(self, sample):
        digits = sample.training("small")
        assert digits.pixels.dtype == np.uint8
        assert digits.labels.dtype == np.int64
        assert digits.pixels.max() == 255
        assert 25 < digits.pixels.mean() < 45  # MNIST: 33
        border = np.concatenate([digits.pixels[:, :2].ravel(), digits.pixels[:, -2:].ravel()])
        assert not border.any()
        assert set(np.bincount(digits.labels, minlength=10) > 80) == {True}

    def test_is_drawn_anew_each_time_and_repeatable(self, sample):
        first, again, other = (sample.heldout("small", np.random.default_rng(s)) for s in (1, 1, 2))
        np.testing.assert_array_equal(first.pixels, again.pixels)
        np.testing.assert_array_equal(first.labels, again.labels)
        assert (first.labels != other.labels).any()
        assert not as_rows(first) & as_rows(other)

    def test_heldout_images_are_in_no_file_that_the_notebook_has(self, sample, rng):
        seen = {image for part in ("training", "visible") for image, _ in as_rows(getattr(sample, part)("small"))}
        assert not seen & {image for image, _ in as_rows(sample.heldout("small", rng))}

    def test_heldout_digits_stay_recognisable(self, sample, rng):
        """The nearest training image still shows the same digit, so moving and dimming cost little."""
        train, heldout = sample.training("small"), sample.heldout("small", rng)
        a, b = (d.scaled.reshape(len(d), -1) for d in (train, heldout))
        nearest = ((b**2).sum(1)[:, None] - 2 * b @ a.T + (a**2).sum(1)).argmin(axis=1)
        assert (train.labels[nearest] == heldout.labels).mean() > 0.97

    def test_is_no_full_set(self, sample):
        assert not sample.full_is_here()
        for ask in (sample.view, sample.visible, sample.training):
            with pytest.raises(DataMissing) as missing:
                ask("full")
            assert "grade data" in missing.value.advice

    def test_needs_neither_torch_nor_a_second_look_at_sklearn(self, sample):
        sample.view("small")  # now it is cached
        code = (
            "import sys, numpy as np; from grader.datasets.mnist import Mnist; m = Mnist();"
            "m.view('small'), m.visible('small'), m.heldout('small', np.random.default_rng());"
            "sys.exit(bool({'torch', 'torchvision', 'sklearn'} & set(sys.modules)))"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_torchvision_reads_the_view_without_a_network(self, sample, no_network):
        reads_like_torchvision(sample.view("small"), sample.training("small"), sample.visible("small"))


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to connect to anything is an error."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


def reads_like_torchvision(view: Path, training: Digits, visible: Digits) -> None:
    datasets = pytest.importorskip("torchvision").datasets
    for train, expected in ((True, training), (False, visible)):
        found = datasets.MNIST(str(view), train=train, download=True)
        np.testing.assert_array_equal(found.data.numpy(), expected.pixels)
        np.testing.assert_array_equal(found.targets.numpy(), expected.labels)


class TestAdding:
    """With files of the right length and wrong content, or too short: no real set is needed for these."""

    @pytest.fixture
    def folder(self, tmp_path):
        raw = tmp_path / "copy" / RAW
        raw.mkdir(parents=True)
        for file in FILES:
            (raw / file.name).touch()
            with (raw / file.name).open("r+b") as sparse:
                sparse.truncate(file.size)
        return tmp_path / "copy"

    @pytest.mark.parametrize("place", [".", "MNIST", "MNIST/raw", "MNIST/raw/t10k-labels-idx1-ubyte"])
    def test_recognises_the_places_where_people_keep_it(self, sample, folder, place):
        assert sample.recognises(folder / place)

    def test_does_not_recognise_anything_else(self, sample, folder, tmp_path):
        (folder / RAW / FILES[0].name).unlink()
        assert not sample.recognises(folder)
        assert not sample.recognises(tmp_path / "nowhere")
        with pytest.raises(UsageError, match="does not hold"):
            sample.add(folder)

    def test_refuses_another_set_of_the_same_form(self, sample, folder):
        with pytest.raises(UsageError, match="checksum"):
            sample.add(folder)
        assert not data_root().exists()

    def test_refuses_a_file_that_was_cut_short(self, sample, folder):
        with (folder / RAW / FILES[0].name).open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(UsageError, match="not whole"):
            sample.add(folder)

    def test_refuses_a_damaged_archive(self, sample, folder):
        path = folder / RAW / FILES[0].name
        path.unlink()
        packed = bytearray(gzip.compress(bytes(100)))
        packed[10:-8] = b"\xff" * (len(packed) - 18)
        path.with_name(path.name + ".gz").write_bytes(packed[:-4] + FILES[0].size.to_bytes(4, "little"))
        with pytest.raises(UsageError, match="unpacked"):
            sample.add(folder)

    def test_files_of_the_right_length_are_taken_for_the_set_until_they_are_read(self, folder, cache, monkeypatch):
        monkeypatch.setenv("GRADER_DATA", str(folder))
        monkeypatch.setenv("GRADER_CACHE", str(cache))
        assert Mnist().full_is_here()
        with pytest.raises(UsageError, match="checksum"):
            Mnist().visible("full")


class TestFetching:
    def test_without_a_network_one_sentence_and_the_way_out(self, sample, monkeypatch):
        def unreachable(*args: object, **options: object) -> None:
            raise ConnectionError("no route")

        monkeypatch.setattr("pooch.retrieve", unreachable)
        with pytest.raises(DataMissing) as missing:
            sample.fetch()
        assert "could not be downloaded" in missing.value.message
        assert "\n" not in missing.value.message
        assert "grade data add" in missing.value.advice
        assert not list(mnist._raw_folder().iterdir())

    def test_takes_the_second_mirror_when_the_first_has_something_else(self, sample, monkeypatch, tmp_path):
        asked, contents = [], {file.name: b"%d" % i for i, file in enumerate(FILES)}

        def retrieve(url, known_hash, fname, path, downloader):
            asked.append(url)
            if url.startswith(mnist.MIRRORS[0]):
                raise ValueError("hash differs")
            target = Path(path, fname)
            target.write_bytes(gzip.compress(contents[fname.removesuffix(".gz")]))
            return str(target)

        monkeypatch.setenv("GRADER_DATA", str(tmp_path / "new"))
        monkeypatch.setattr("pooch.retrieve", retrieve)
        monkeypatch.setattr(mnist, "FILES", [tiny(file, contents[file.name]) for file in FILES])
        sample.fetch()
        assert {p.name: p.read_bytes() for p in (tmp_path / "new" / RAW).iterdir()} == contents
        assert len(asked) == 8
        asked.clear()
        sample.fetch()  # all is there, and right
        assert not asked

    def test_says_when_the_folder_cannot_be_written(self, sample, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("GRADER_DATA", str(tmp_path / "file"))
        with pytest.raises(UsageError, match="cannot be written"):
            sample.fetch()


def tiny(file: mnist.RawFile, content: bytes) -> mnist.RawFile:
    """A file of the set as if its right content were this."""
    import hashlib

    return mnist.RawFile(file.name, len(content), hashlib.md5(content).hexdigest(), "")


@pytest.mark.full
class TestFull:
    def test_every_test_digit_is_either_seen_or_held_out(self, full, rng):
        visible, heldout = full.visible("full"), full.heldout("full", rng)
        assert len(visible) == len(heldout) == 5000
        everything = read_idx((data_root() / RAW / "t10k-images-idx3-ubyte").read_bytes())
        np.testing.assert_array_equal(visible.pixels, everything[::2])
        assert {i.tobytes() for i in heldout.pixels} == {i.tobytes() for i in everything[1::2]}

    def test_heldout_labels_go_with_their_images(self, full, rng):
        heldout = full.heldout("full", rng)
        images, labels = (read_idx((data_root() / RAW / file.name).read_bytes())[1::2] for file in FILES[2:])
        assert as_rows(heldout) == {(i.tobytes(), int(n)) for i, n in zip(images, labels, strict=True)}
        assert (heldout.labels != labels).any()

    def test_the_view_holds_no_heldout_label(self, full):
        raw = full.view("full") / RAW
        assert (raw / TEST_LABELS.name).stat().st_size == 5008
        assert len(full.training("full")) == 60_000

    def test_torchvision_reads_the_view_without_a_network(self, full, no_network):
        reads_like_torchvision(full.view("full"), full.training("full"), full.visible("full"))

    def test_compressed_files_do_as_well(self, full, monkeypatch, tmp_path):
        raw = tmp_path / "packed" / RAW
        raw.mkdir(parents=True)
        for file in FILES:
            content = (data_root() / RAW / file.name).read_bytes()
            (raw / f"{file.name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        monkeypatch.setenv("GRADER_DATA", str(tmp_path / "packed"))
        assert full.full_is_here()
        assert len(full.visible("full")) == 5000

        monkeypatch.setenv("GRADER_DATA", str(tmp_path / "added"))
        assert not full.full_is_here()
        full.add(tmp_path / "packed")
        assert full.full_is_here()
        assert sorted(p.name for p in (tmp_path / "added" / RAW).iterdir()) == sorted(f.name for f in FILES)
        full.add(tmp_path / "added")  # what is there already is no mistake

    def test_the_original_files_are_left_alone(self, full, tmp_path, monkeypatch):
        copy = tmp_path / "mine"
        shutil.copytree(data_root() / RAW, copy / RAW, copy_function=shutil.copyfile)
        before = {p: (p.stat().st_mode, p.stat().st_mtime_ns, p.stat().st_nlink) for p in (copy / RAW).iterdir()}
        monkeypatch.setenv("GRADER_DATA", str(copy))
        monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
        full.view("full")
        assert cache_root() == tmp_path / "cache"
        assert before == {p: (p.stat().st_mode, p.stat().st_mtime_ns, p.stat().st_nlink) for p in before}


# ---------------------------------------------------------------------- moved a little


def test_moved_digits_are_the_same_digits_elsewhere() -> None:
    digits = Mnist().visible("sample")
    moved, again = (digits.moved(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(moved.labels, digits.labels)
    assert np.array_equal(moved.pixels, again.pixels)
    assert not (moved.pixels == digits.pixels).all(axis=(1, 2)).any()  # no hash of the pixels survives
    ink = digits.pixels.sum(axis=(1, 2), dtype=float)
    assert np.abs(moved.pixels.sum(axis=(1, 2)) / ink - 1).max() < 0.2
    rows = np.arange(28)
    for axis in (1, 2):  # the centre of the ink
        before, after = (
            (d.pixels.sum(axis=axis) * rows).sum(axis=1) / d.pixels.sum(axis=(1, 2)) for d in (digits, moved)
        )
        assert np.abs(after - before).max() < 1.5


def test_nothing_moves_where_nothing_is_to_move(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TURN", "SCALE", "SHIFT"):
        monkeypatch.setattr(mnist, name, 0)
    digits = Mnist().visible("sample")
    assert np.array_equal(digits.moved(np.random.default_rng(0)).pixels, digits.pixels)
