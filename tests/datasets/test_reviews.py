"""Movie reviews: the generated sample, and reading, splitting and refusing what claims to be the real set."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pooch
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from grader.datasets import reviews
from grader.datasets.review_generator import BLAME, PRAISE, generate
from grader.datasets.reviews import ARCHIVE, FOLDER, FOLDERS, MovieReviews
from grader.errors import DataMissing, UsageError
from grader.places import cache_root

IMDB = MovieReviews()
SMALL = 6  # reviews in each folder of the small set


@pytest.fixture
def rng():
    return np.random.default_rng(710)


@pytest.fixture
def own_folders(tmp_path, monkeypatch):
    """A cache and an empty data folder of the test's own."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def small(own_folders, monkeypatch):
    """A small set that passes for the real one: its files by their names in the archive."""
    files = {
        f"{FOLDER}/{folder}/{number}_{9 if folder.endswith('pos') else 2}.txt": f"{folder} review {number}\n".encode()
        for folder in FOLDERS
        for number in (0, 1, 2, 9, 10, 100)
    }
    monkeypatch.setattr(reviews, "PER_FOLDER", SMALL)
    monkeypatch.setattr(reviews, "TEXT_BYTES", sum(map(len, files.values())))
    return files


def packed(path: Path, files: dict[str, bytes], *extra: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    """A tar archive of these files, after which come headers of any other kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return path


def unpacked(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read_view(view: Path) -> dict[str, str]:
    return {path.relative_to(view).as_posix(): path.read_text("utf-8") for path in view.rglob("*.txt")}


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


class TestSample:
    def test_view_has_the_real_sets_layout(self):
        files = read_view(IMDB.view("sample"))
        assert all(reviews._MEMBER.fullmatch(name) for name in files)
        count = Counter(name.rsplit("/", 1)[0] for name in files)
        assert count == {"aclImdb/train/pos": 2000, "aclImdb/train/neg": 2000} | {
            "aclImdb/test/pos": 250,
            "aclImdb/test/neg": 250,
        }
        for name in files:
            stars = int(re.search(r"_(\d+)\.txt", name)[1])
            assert stars >= 7 if "/pos/" in name else stars <= 4

    def test_visible_is_the_test_part_of_the_view(self):
        visible, files = IMDB.visible("sample"), read_view(IMDB.view("sample"))
        labelled = {(text, int("/pos/" in name)) for name, text in files.items() if "/test/" in name}
        assert set(zip(visible.texts, visible.labels.tolist(), strict=True)) == labelled

    def test_every_heldout_draw_is_fresh_balanced_and_shuffled(self, rng):
        first, second = IMDB.heldout("sample", rng), IMDB.heldout("sample", rng)
        assert len(first) == len(first.texts) == len(set(first.texts)) == 1000
        assert first.labels.dtype == np.int64
        assert first.labels.sum() == 500
        assert 100 < (np.diff(first.labels) != 0).sum() < 900
        assert not set(first.texts) & set(second.texts)
        assert not set(first.texts) & set(read_view(IMDB.view("sample")).values())

    def test_the_same_rng_gives_the_same_reviews(self):
        one, other = (IMDB.heldout("sample", np.random.default_rng(3)) for _ in range(2))
        assert one.texts == other.texts
        np.testing.assert_array_equal(one.labels, other.labels)

    def test_heldout_has_words_that_no_notebook_has_seen_but_no_such_verdicts(self, rng):
        seen = set(re.findall(r"[a-z]+", " ".join(read_view(IMDB.view("sample")).values()).lower()))
        fresh = set(re.findall(r"[a-z]+", " ".join(IMDB.heldout("sample", rng).texts).lower()))
        assert 10 <= len(fresh - seen) <= 40
        assert seen.issuperset(PRAISE + BLAME)

    def test_reviews_differ_in_length(self, rng):
        lengths = [len(text.split()) for text in generate(2000, rng)[0]]
        assert min(lengths) < 12
        assert 30 < np.median(lengths) < 60
        assert 100 < max(lengths) < 200

    def test_avoided_texts_do_not_come_out(self):
        texts, _ = generate(50, np.random.default_rng(1))
        others, labels = generate(50, np.random.default_rng(1), avoid=frozenset(texts))
        assert not set(texts) & set(others)
        assert labels.sum() == 25


class TestWordOrder:
    """What a reader of single words can make of the sample, and what one of word pairs can."""

    @staticmethod
    def accuracy(vectorizer):
        rng = np.random.default_rng(0)
        (texts, labels), (test_texts, test_labels) = generate(4000, rng), generate(1500, rng, unseen_words=True)
        classifier = LogisticRegression(solver="liblinear").fit(vectorizer.fit_transform(texts), labels)
        return classifier.score(vectorizer.transform(test_texts), test_labels)

    @pytest.mark.parametrize("vectorizer", [CountVectorizer(), CountVectorizer(binary=True), TfidfVectorizer()])
    def test_a_bag_of_words_fails(self, vectorizer):
        assert self.accuracy(vectorizer) < 0.68

    def test_pairs_of_words_tell_a_good_deal(self):
        assert self.accuracy(CountVectorizer(ngram_range=(1, 2))) > 0.9


class TestSplit:
    def test_the_notebook_sees_even_places_by_number_and_the_grader_holds_odd_ones(self, small, own_folders, rng):
        packed(own_folders / "data" / ARCHIVE, small)
        files, heldout = read_view(IMDB.view("full")), IMDB.heldout("full", rng)
        tests = sorted(name for name in files if name.startswith("aclImdb/test/pos"))
        assert tests == [f"aclImdb/test/pos/{number}_9.txt" for number in (0, 10, 2)]  # of 0 1 2 9 10 100
        positive = {t for t, label in zip(heldout.texts, heldout.labels, strict=True) if label}
        assert positive == {f"test/pos review {number}\n" for number in (1, 9, 100)}
        assert sum(name.startswith("aclImdb/train/") for name in files) == 2 * SMALL
        assert {small[name].decode() for name in files} == set(files.values())
        assert not set(files.values()) & set(heldout.texts)

    def test_visible_is_the_test_part_of_the_view(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVE, small)
        visible = IMDB.visible("full")
        labelled = {
            (text, int("/pos/" in name)) for name, text in read_view(IMDB.view("full")).items() if "/test/" in name
        }
        assert set(zip(visible.texts, visible.labels.tolist(), strict=True)) == labelled

    def test_heldout_reviews_come_in_the_order_that_the_rng_gives(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVE, small)
        one, again, other = (IMDB.heldout("full", np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert one.texts == again.texts != other.texts
        assert sorted(one.texts) == sorted(other.texts)
        for draw in (one, other):
            assert draw.labels.tolist() == ["/pos" in text for text in draw.texts]

    def test_the_view_holds_nothing_but_reviews_and_is_read_only(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVE, small)
        view = IMDB.view("full")
        assert entries(view) == {FOLDER}
        assert all(path.suffix == ".txt" for path in view.rglob("*") if path.is_file())
        assert not any(path.stat().st_mode & 0o222 for path in view.rglob("*"))
        assert view.parent.parent == cache_root()
        assert not set(cache_root().rglob("*.npz")) & set(view.rglob("*"))

    def test_what_lies_in_the_data_folder_is_only_read(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVE, small)
        IMDB.view("full")
        IMDB.heldout("full", np.random.default_rng())
        assert entries(own_folders / "data") == {ARCHIVE}

    def test_once_made_it_is_not_read_again(self, small, own_folders, monkeypatch):
        packed(own_folders / "data" / ARCHIVE, small)
        IMDB.view("full")
        monkeypatch.setattr(reviews, "_read_full", lambda: pytest.fail("read again"))
        assert len(IMDB.heldout("full", np.random.default_rng())) == SMALL
        assert IMDB.view("full").is_dir()

    def test_the_unpacked_folder_does_as_well(self, small, own_folders):
        unpacked(own_folders / "data", small)
        assert IMDB.full_is_here()
        assert len(IMDB.visible("full")) == SMALL

    def test_a_damaged_archive_gives_way_to_the_folder(self, small, own_folders):
        unpacked(own_folders / "data", small)
        (own_folders / "data" / ARCHIVE).write_bytes(b"\x1f\x8b nonsense")
        assert len(IMDB.visible("full")) == SMALL

    def test_nothing_here(self, own_folders):
        assert not IMDB.full_is_here()
        with pytest.raises(DataMissing, match="are not in") as caught:
            IMDB.view("full")
        assert "grade data fetch reviews" in caught.value.advice

    def test_a_damaged_archive_alone_is_told(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVE, dict(list(small.items())[:-1]))
        with pytest.raises(DataMissing, match="has 5 reviews instead of 6"):
            IMDB.heldout("full", np.random.default_rng())
        assert entries(own_folders / "cache") == set()


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, link
    return member


class TestHostileArchives:
    STRANGERS = (
        header("../evil.txt"),
        header("/etc/evil.txt"),
        header("aclImdb/train/pos/../../../7_9.txt"),
        header("aclImdb/train/unsup/7_0.txt"),
        header("aclImdb/train/pos/7_11.txt"),
        header("aclImdb/train/pos/7_9.txt\n"),
        header("aclImdb/train/pos/٧_9.txt"),
        header("aclImdb/train/pos/7_9.txt", tarfile.SYMTYPE, link="/etc/passwd"),
        header("aclImdb/train/pos/8_9.txt", tarfile.LNKTYPE, link="aclImdb/train/pos/0_9.txt"),
        header("aclImdb/train/pos/6_9.txt", tarfile.DIRTYPE),
        header("aclImdb/train/pos/5_9.txt", tarfile.FIFOTYPE),
        header("aclImdb/train/pos/4_9.txt", tarfile.CHRTYPE),
    )

    def test_members_that_are_no_reviews_are_passed_over(self, small, own_folders):
        archive = packed(own_folders / "strange.tar.gz", small, *self.STRANGERS)
        IMDB.add(archive)
        assert len(read_view(IMDB.view("full"))) == 3 * SMALL
        assert entries(own_folders) == {"strange.tar.gz", "data", "cache"}

    def test_only_such_members_are_no_review_set(self, own_folders):
        archive = packed(own_folders / "strange.tar.gz", {}, *self.STRANGERS)
        assert not IMDB.recognises(archive)
        with pytest.raises(UsageError, match="0 reviews instead of 12,500"):
            IMDB.add(archive)

    def test_a_huge_declared_size_is_refused_without_the_memory(self, small, own_folders):
        name, content = next(iter(small.items()))
        with tarfile.open(own_folders / "huge.tar", "w") as tar:
            member = header(name, size=len(content))
            tar.addfile(member, io.BytesIO(content))
        raw = bytearray((own_folders / "huge.tar").read_bytes())
        raw[:512] = header(name, size=8 << 30).tobuf()
        for kind in (tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            raw[:512] = header(name, kind, size=7 << 30).tobuf(tarfile.GNU_FORMAT)
            (own_folders / "huge.tar.gz").write_bytes(gzip.compress(bytes(raw)))
            assert not IMDB.recognises(own_folders / "huge.tar.gz")
            with pytest.raises(UsageError):
                IMDB.add(own_folders / "huge.tar.gz")

    def test_what_unpacks_to_too_much_is_refused(self, small, own_folders, monkeypatch):
        monkeypatch.setattr(reviews, "_MOST_BYTES_UNPACKED", 100_000)
        archive = packed(own_folders / "bomb.tar.gz", small | {"bomb": bytes(200_000)})
        with pytest.raises(UsageError, match=r"unpacks to more than|declares"):
            IMDB.add(archive)

    def test_a_review_twice_is_refused(self, small, own_folders):
        archive = packed(own_folders / "twice.tar.gz", small, header("./aclImdb/test/neg/10_2.txt"))
        with pytest.raises(UsageError, match=r"holds test/neg/10_2\.txt twice"):
            IMDB.add(archive)

    @pytest.mark.parametrize(
        "content", [b"", b"text", b"\x1f\x8b\x08", gzip.compress(b"text" * 500, mtime=0), bytes(2000)]
    )
    def test_any_other_file_is_no_review_set(self, own_folders, content):
        (own_folders / "file").write_bytes(content)
        assert not IMDB.recognises(own_folders / "file")
        with pytest.raises(UsageError, match="is not the whole IMDb review set"):
            IMDB.add(own_folders / "file")
        assert entries(own_folders / "data") == set()

    def test_a_cut_archive_is_refused(self, small, own_folders):
        archive = packed(own_folders / "cut.tar.gz", small)
        archive.write_bytes(archive.read_bytes()[:-200])
        with pytest.raises(UsageError):
            IMDB.add(archive)


class TestAdd:
    def test_an_archive(self, small, own_folders):
        source = packed(own_folders / "mine.tgz", small)
        assert IMDB.recognises(source)
        IMDB.add(source)
        assert entries(own_folders / "data") == {ARCHIVE}
        assert (own_folders / "data" / ARCHIVE).read_bytes() == source.read_bytes()
        IMDB.add(own_folders / "data" / ARCHIVE)  # what is there already stays
        assert IMDB.full_is_here()

    def test_an_archive_that_the_browser_has_unzipped(self, small, own_folders):
        IMDB.add(packed(own_folders / "mine.tar", small, mode="w"))
        assert (own_folders / "data" / ARCHIVE).read_bytes()[:2] == b"\x1f\x8b"
        assert len(IMDB.visible("full")) == SMALL

    @pytest.mark.parametrize("given", ["", FOLDER])
    def test_a_folder(self, small, own_folders, given):
        source = unpacked(own_folders / "mine", small | {f"{FOLDER}/README": b"about", f"{FOLDER}/test/pos/x": b""})
        assert IMDB.recognises(source / given)
        IMDB.add(source / given)
        IMDB.add(source / given)  # a second time takes the place of the first
        assert entries(own_folders / "data") == {FOLDER}
        assert set(read_view(own_folders / "data")) == set(small)
        assert len(IMDB.visible("full")) == SMALL

    def test_a_folder_that_is_not_whole(self, small, own_folders):
        source = unpacked(own_folders / "mine", small)
        (source / FOLDER / "train/neg/9_2.txt").write_text("another text")
        with pytest.raises(UsageError, match="bytes of text instead of"):
            IMDB.add(source)
        (source / FOLDER / "train/neg/9_2.txt").unlink()
        with pytest.raises(UsageError, match="aclImdb/train/neg has 5 reviews instead of 6"):
            IMDB.add(source)
        assert entries(own_folders / "data") == set()

    @pytest.mark.parametrize("given", ["", "empty"])
    def test_what_is_not_there_or_empty(self, own_folders, given):
        (own_folders / "empty").mkdir()
        source = own_folders / (given or "nowhere")
        assert not IMDB.recognises(source)
        with pytest.raises(UsageError):
            IMDB.add(source)

    def test_a_data_folder_that_cannot_be_written(self, small, own_folders, monkeypatch):
        source = packed(own_folders / "mine.tar.gz", small)
        (own_folders / "data").write_text("a file where the folder should be")
        with pytest.raises(UsageError, match="could not be copied") as caught:
            IMDB.add(source)
        assert "GRADER_DATA" in caught.value.advice


class TestFetch:
    @pytest.mark.parametrize("reason", [OSError("no route to host"), ValueError("another checksum\nmore")])
    def test_without_a_network_or_with_another_file(self, own_folders, monkeypatch, reason):
        def retrieve(*_args, **_options):
            raise reason

        monkeypatch.setattr(pooch, "retrieve", retrieve)
        with pytest.raises(DataMissing, match="could not be fetched") as caught:
            IMDB.fetch()
        assert "\n" not in caught.value.message
        assert "grade data add" in caught.value.advice
        assert not IMDB.full_is_here()

    def test_asks_for_the_public_archive_by_its_checksum(self, own_folders, monkeypatch):
        asked = {}
        monkeypatch.setattr(pooch, "retrieve", lambda url, **options: asked.update(options, url=url))
        IMDB.fetch()
        assert asked["url"].endswith(ARCHIVE)
        assert asked["known_hash"] == "md5:7c2ac02c03563afcf9b574c7e56c153a"
        assert asked["path"] == own_folders / "data"
        assert asked["progressbar"]

    def test_what_is_here_is_not_fetched(self, small, own_folders, monkeypatch):
        packed(own_folders / "data" / ARCHIVE, small)
        monkeypatch.setattr(pooch, "retrieve", lambda *_args, **_options: pytest.fail("fetched"))
        IMDB.fetch()


@pytest.mark.full
class TestFull:
    """On the real reviews; the view is made once for all tests, in the cache that they share."""

    @pytest.fixture(autouse=True)
    def reviews_are_here(self, full_data):
        if not IMDB.full_is_here():
            pytest.skip("the real reviews are not here (GRADER_DATA)")

    def test_view(self):
        count = {folder: len(entries(IMDB.view("full") / FOLDER / folder)) for folder in FOLDERS}
        assert count == {"train/pos": 12_500, "train/neg": 12_500, "test/pos": 6_250, "test/neg": 6_250}

    def test_heldout_and_visible_reviews_are_the_whole_test_set(self, rng):
        visible, heldout = IMDB.visible("full"), IMDB.heldout("full", rng)
        assert len(visible) == len(heldout) == 12_500
        assert visible.labels.sum() == heldout.labels.sum() == 6_250
        assert 0.4 < (np.diff(heldout.labels) != 0).mean() < 0.6
        in_common = len(set(visible.texts) & set(heldout.texts))
        assert in_common < 150  # IMDb's test set itself has some reviews more than once

    def test_labels_belong_to_their_texts(self, rng):
        heldout = IMDB.heldout("full", rng)
        praised = {
            word: np.mean([label for text, label in zip(heldout.texts, heldout.labels, strict=True) if word in text])
            for word in ("wonderful", "awful")
        }
        assert praised["wonderful"] > 0.75
        assert praised["awful"] < 0.25

    def test_the_archive_is_recognised(self, full_data):
        if (full_data / ARCHIVE).is_file():
            assert IMDB.recognises(full_data / ARCHIVE)
