"""Drug reviews: the generated sample, and reading, splitting and refusing what claims to be the real set."""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge
from sklearn.metrics import cohen_kappa_score

from grader.datasets import drugs
from grader.datasets.drug_generator import BAD, GOOD, RATINGS, generate
from grader.datasets.drugs import ARCHIVES, COLUMNS, FOLDER, TEST, TRAIN, DrugReviews
from grader.errors import DataMissing, UsageError
from grader.places import cache_root

DRUGS_COM = DrugReviews()


@pytest.fixture
def rng():
    return np.random.default_rng(712)


@pytest.fixture
def own_folders(tmp_path, monkeypatch):
    """A cache and an empty data folder of the test's own."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    return tmp_path


def line(number: object, review: str, rating: object = "7.0") -> str:
    """A line of the real files, in UCI's form."""
    return f'{number}\tNervasol\tAnxiety\t"""{review}"""\t{rating}\tMay 20, 2012\t27\n'


HEADER = "\tdrugName\tcondition\treview\trating\tdate\tusefulCount\n"


@pytest.fixture
def small(own_folders, monkeypatch):
    """A small set that passes for the real one: its files by their names in the archive."""
    train = [line(n, f"It didn&#039;t help, tablet {n}.", f"{n}.0") for n in (1, 5, 9, 10)]
    tests = [line(f"1{n}", f"Day {n} & on:\r\n\r\n&quot;fine&quot;, mostly", n) for n in range(1, 9)]
    known = line(20, "It didn&#039;t help, tablet 5.")
    monkeypatch.setattr(drugs, "LEAST", {TRAIN: 4, TEST: 10})
    return {
        f"{TRAIN}.tsv": (HEADER + "".join(train)).encode(),
        f"{TEST}.tsv": (HEADER + known + "".join(tests) + tests[3]).encode(),
    }


def packed(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpacked(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def kaggles(content: bytes) -> bytes:
    """The same file as Kaggle has it: commas, and a name for the first column."""
    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter="\t"))
    rows[0][0] = "uniqueID"
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def read_view(view: Path, name: str) -> list[dict[str, str]]:
    """As a notebook reads it."""
    with (view / FOLDER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def texts_of(rows: list[dict[str, str]]) -> list[str]:
    return [html.unescape(row["review"]).strip().strip('"') for row in rows]


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


class TestSample:
    def test_the_view_has_the_real_sets_form(self):
        view = DRUGS_COM.view("sample")
        assert entries(view / FOLDER) == {f"{TRAIN}.tsv", f"{TEST}.tsv"}
        content = (view / FOLDER / f"{TEST}.tsv").read_text("utf-8")
        assert content.startswith(HEADER)
        assert "&#039;" in content
        assert '"""' in content
        train, test = read_view(view, TRAIN), read_view(view, TEST)
        assert (len(train), len(test)) == (4000, 500)
        assert tuple(train[0]) == COLUMNS
        assert {row["rating"] for row in train} == {f"{n}.0" for n in range(1, 11)}
        assert len({row[""] for row in train + test}) == 4500

    def test_a_reviews_drug_is_the_one_that_it_names(self):
        for row in read_view(DRUGS_COM.view("sample"), TEST):
            named = [drug for drug in drugs.DRUGS if drug.lower() in row["review"].lower()]
            assert named in ([], [row["drugName"]])

    def test_what_a_notebook_reads_is_what_the_grader_has(self):
        for name, reviews in ((TRAIN, DRUGS_COM.training("sample")), (TEST, DRUGS_COM.visible("sample"))):
            rows = read_view(DRUGS_COM.view("sample"), name)
            assert texts_of(rows) == reviews.texts
            assert [int(float(row["rating"])) for row in rows] == reviews.ratings.tolist()

    def test_every_heldout_draw_is_fresh(self, rng):
        first, second = DRUGS_COM.heldout("sample", rng), DRUGS_COM.heldout("sample", rng)
        assert len(first) == len(set(first.texts)) == 1000
        assert first.ratings.dtype == np.int64
        assert set(first.ratings.tolist()) == set(range(1, 11))
        seen = set(DRUGS_COM.training("sample").texts) | set(DRUGS_COM.visible("sample").texts)
        assert not set(first.texts) & (set(second.texts) | seen)

    def test_the_same_rng_gives_the_same_reviews(self):
        one, other = (DRUGS_COM.heldout("sample", np.random.default_rng(3)) for _ in range(2))
        assert one.texts == other.texts
        np.testing.assert_array_equal(one.ratings, other.ratings)

    def test_heldout_has_words_that_no_notebook_has_seen_but_no_such_verdicts(self, rng):
        seen = set(re.findall(r"[a-z]+", " ".join(DRUGS_COM.training("sample").texts).lower()))
        fresh = set(re.findall(r"[a-z]+", " ".join(DRUGS_COM.heldout("sample", rng).texts).lower()))
        assert 5 <= len(fresh - seen) <= 12
        assert seen.issuperset(GOOD + BAD)

    def test_ratings_are_spread_as_on_the_web(self, rng):
        _, ratings = generate(4000, rng)
        np.testing.assert_allclose(np.bincount(ratings, minlength=11)[1:] / 4000, RATINGS, atol=0.035)

    def test_avoided_texts_do_not_come_out(self):
        texts, _ = generate(50, np.random.default_rng(1))
        others, _ = generate(50, np.random.default_rng(1), avoid=frozenset(texts))
        assert not set(texts) & set(others)


class TestWording:
    """What a reader of single words can make of the sample, and what one of word pairs can."""

    @staticmethod
    def judged(longest):
        """Mean error as a share of the baseline's, and quadratic kappa."""
        rng = np.random.default_rng(0)
        (texts, ratings), (test_texts, test_ratings) = generate(4000, rng), generate(1500, rng, unseen_words=True)
        counter = CountVectorizer(ngram_range=(1, longest), token_pattern=r"[a-z0-9']+")
        model = Ridge(alpha=3).fit(counter.fit_transform(texts), ratings)
        stars = np.clip(model.predict(counter.transform(test_texts)), 1, 10)
        alone = np.abs(test_ratings - np.median(ratings)).mean()
        kappa = cohen_kappa_score(test_ratings, np.rint(stars).astype(int), labels=range(1, 11), weights="quadratic")
        return np.abs(test_ratings - stars).mean() / alone, kappa

    def test_a_bag_of_words_is_better_than_nothing_and_no_good(self):
        error, kappa = self.judged(1)
        assert 0.68 < error < 0.82
        assert 0.4 < kappa < 0.62

    def test_pairs_of_words_tell_a_good_deal(self):
        error, kappa = self.judged(2)
        assert error < 0.5
        assert kappa > 0.8


class TestSplit:
    def test_the_notebook_and_the_grader_share_the_test_reviews(self, small, own_folders, rng):
        packed(own_folders / "data" / ARCHIVES[0], small)
        heldout, visible = DRUGS_COM.heldout("full", rng), DRUGS_COM.visible("full")
        assert visible.texts == [f'Day {n} & on:\r\n\r\n"fine", mostly' for n in (1, 3, 5, 7)]
        assert visible.ratings.tolist() == [1, 3, 5, 7]
        assert sorted(heldout.ratings.tolist()) == [2, 4, 6, 8]
        assert len(heldout) == 4  # without the one that is in the training file, and the one that comes twice

    def test_the_view_holds_what_the_grader_calls_visible(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVES[0], small)
        view = DRUGS_COM.view("full")
        assert texts_of(read_view(view, TEST)) == DRUGS_COM.visible("full").texts
        assert texts_of(read_view(view, TRAIN)) == [f"It didn't help, tablet {n}." for n in (1, 5, 9, 10)]
        assert DRUGS_COM.training("full").ratings.tolist() == [1, 5, 9, 10]
        assert read_view(view, TRAIN)[0]["usefulCount"] == "27"
        assert (view / FOLDER / f"{TRAIN}.tsv").read_bytes() == small[f"{TRAIN}.tsv"]

    def test_the_view_is_read_only_and_holds_nothing_else(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVES[0], small)
        view = DRUGS_COM.view("full")
        assert entries(view) == {FOLDER}
        assert entries(view / FOLDER) == {f"{TRAIN}.tsv", f"{TEST}.tsv"}
        assert not any(path.stat().st_mode & 0o222 for path in view.rglob("*"))
        assert view.parent.parent == cache_root()
        assert not set(cache_root().rglob("*.json")) & set(view.rglob("*"))

    def test_heldout_reviews_come_in_the_order_that_the_rng_gives(self, small, own_folders):
        packed(own_folders / "data" / ARCHIVES[0], small)
        one, again, other = (DRUGS_COM.heldout("full", np.random.default_rng(seed)) for seed in (1, 1, 5))
        assert one.texts == again.texts != other.texts
        assert sorted(one.texts) == sorted(other.texts)
        for draw in (one, other):
            assert [f"Day {n} " in text for n, text in zip(draw.ratings, draw.texts, strict=True)] == [True] * 4

    def test_once_made_it_is_not_read_again(self, small, own_folders, monkeypatch):
        packed(own_folders / "data" / ARCHIVES[0], small)
        DRUGS_COM.view("full")
        monkeypatch.setattr(drugs, "_read_full", lambda: pytest.fail("read again"))
        assert len(DRUGS_COM.heldout("full", np.random.default_rng())) == 4

    @pytest.mark.parametrize("place", ["", FOLDER])
    def test_the_unpacked_files_do_as_well(self, small, own_folders, place):
        unpacked(own_folders / "data" / place, small)
        assert DRUGS_COM.full_is_here()
        assert len(DRUGS_COM.visible("full")) == 4

    @pytest.mark.parametrize("name", ARCHIVES)
    @pytest.mark.parametrize("place", ["", FOLDER])
    def test_so_does_the_archive_wherever_it_lies(self, small, own_folders, place, name):
        packed(own_folders / "data" / place / name, {f"drugsCom_raw/{file}": small[file] for file in small})
        assert DRUGS_COM.full_is_here()
        assert len(DRUGS_COM.visible("full")) == 4

    def test_kaggles_copy_of_the_files_does_as_well(self, small, own_folders):
        unpacked(own_folders / "data" / FOLDER, {f"{Path(n).stem}.csv": kaggles(small[n]) for n in small})
        view = DRUGS_COM.view("full")
        assert (view / FOLDER / f"{TRAIN}.tsv").read_bytes() == small[f"{TRAIN}.tsv"]
        assert len(DRUGS_COM.visible("full")) == 4

    def test_a_damaged_archive_gives_way_to_the_files(self, small, own_folders):
        unpacked(own_folders / "data", small)
        packed(own_folders / "data" / FOLDER / ARCHIVES[0], dict.fromkeys(small, b"nonsense"))
        assert len(DRUGS_COM.visible("full")) == 4

    def test_rows_without_text_or_rating_are_passed_over(self, small, own_folders):
        more = line(30, "").replace('"', "") + line(31, "no stars", "") + line(32, "eleven", "11.0") + "33\tcut off\n"
        more += line(34, "half a star", "7.5") + line(35, "Arabic digits", "٧.0")
        name = f"{TRAIN}.tsv"
        unpacked(own_folders / "data", small | {name: small[name] + more.encode()})
        assert DRUGS_COM.training("full").ratings.tolist() == [1, 5, 9, 10]

    def test_nothing_here(self, own_folders):
        assert not DRUGS_COM.full_is_here()
        with pytest.raises(DataMissing, match="are not in") as caught:
            DRUGS_COM.view("full")
        assert "grade data add drugsCom_raw.zip" in caught.value.advice

    def test_damaged_files_alone_are_told(self, small, own_folders):
        name = f"{TEST}.tsv"
        unpacked(own_folders / "data", small | {name: b"".join(small[name].splitlines(keepends=True)[:8])})
        with pytest.raises(DataMissing, match=r"drugsComTest_raw\.tsv has \d reviews instead of 10 or more"):
            DRUGS_COM.heldout("full", np.random.default_rng())
        assert entries(own_folders / "cache") == set()


class TestAdd:
    def test_an_archive(self, small, own_folders):
        source = packed(own_folders / "mine.zip", small)
        assert DRUGS_COM.recognises(source)
        DRUGS_COM.add(source)
        assert entries(own_folders / "data") == {FOLDER}
        assert (own_folders / "data" / FOLDER / f"{TRAIN}.tsv").read_bytes() == small[f"{TRAIN}.tsv"]
        assert len(DRUGS_COM.visible("full")) == 4

    @pytest.mark.parametrize("given", ["", f"{TRAIN}.tsv", f"{TEST}.tsv"])
    def test_a_folder_or_one_of_its_files(self, small, own_folders, given):
        source = unpacked(own_folders / "mine", small | {"README": b"about"})
        assert DRUGS_COM.recognises(source / given)
        DRUGS_COM.add(source / given)
        DRUGS_COM.add(source / given)  # a second time takes the place of the first
        assert entries(own_folders / "data" / FOLDER) == set(small)
        DRUGS_COM.add(own_folders / "data" / FOLDER)  # what is there already stays
        assert entries(own_folders / "data") == {FOLDER}
        assert len(DRUGS_COM.visible("full")) == 4

    def test_files_that_are_not_whole(self, small, own_folders):
        name = f"{TRAIN}.tsv"
        source = unpacked(own_folders / "mine", small | {name: small[name][:200]})
        with pytest.raises(UsageError, match="reviews instead of 4 or more"):
            DRUGS_COM.add(source)
        (source / name).unlink()
        assert not DRUGS_COM.recognises(source)
        with pytest.raises(UsageError, match="does not hold its two files"):
            DRUGS_COM.add(source)
        assert entries(own_folders / "data") == set()

    def test_other_tables(self, small, own_folders):
        name = f"{TRAIN}.tsv"
        source = unpacked(own_folders / "mine", small | {name: small[name].replace(b"rating", b"stars")})
        with pytest.raises(UsageError, match="does not name the columns"):
            DRUGS_COM.add(source)
        (source / name).write_bytes(HEADER.encode() + line(1, "x" * 200_000).encode())
        with pytest.raises(UsageError, match="it is no table"):
            DRUGS_COM.add(source)

    @pytest.mark.parametrize("given", ["nowhere", "empty", "text.zip", "text.tsv", "other.zip"])
    def test_what_is_something_else(self, own_folders, given):
        (own_folders / "empty").mkdir()
        (own_folders / "text.zip").write_bytes(b"text")
        (own_folders / "text.tsv").write_bytes(HEADER.encode())
        packed(own_folders / "other.zip", {"readme": b""})
        assert not DRUGS_COM.recognises(own_folders / given)
        with pytest.raises(UsageError):
            DRUGS_COM.add(own_folders / given)

    def test_a_data_folder_that_cannot_be_written(self, small, own_folders):
        source = packed(own_folders / "mine.zip", small)
        (own_folders / "data").write_text("a file where the folder should be")
        with pytest.raises(UsageError, match="could not be copied") as caught:
            DRUGS_COM.add(source)
        assert "GRADER_DATA" in caught.value.advice


class TestHostileArchives:
    def test_a_damaged_member(self, small, own_folders):
        archive = packed(own_folders / "mine.zip", small, zipfile.ZIP_STORED)
        raw = bytearray(archive.read_bytes())
        raw[raw.index(b"tablet 5")] ^= 1  # its checksum is wrong now
        archive.write_bytes(raw)
        with pytest.raises(UsageError, match="cannot be read as a zip archive"):
            DRUGS_COM.add(archive)
        assert entries(own_folders / "data") == set()

    def test_a_cut_archive(self, small, own_folders):
        archive = packed(own_folders / "mine.zip", small)
        archive.write_bytes(archive.read_bytes()[:-40])
        assert not DRUGS_COM.recognises(archive)

    def test_members_that_unpack_to_too_much_are_passed_over(self, small, own_folders, monkeypatch):
        monkeypatch.setattr(drugs, "_MOST_BYTES", 1000)
        archive = packed(own_folders / "mine.zip", small | {f"{TRAIN}.tsv": bytes(1_000_000)})
        assert not DRUGS_COM.recognises(archive)

    def test_names_that_lead_elsewhere_are_only_names(self, small, own_folders):
        DRUGS_COM.add(packed(own_folders / "mine.zip", {f"../../{name}": small[name] for name in small}))
        assert entries(own_folders) == {"mine.zip", "data"}
        assert entries(own_folders / "data" / FOLDER) == set(small)


class TestFetch:
    def test_it_is_for_the_user_to_get_it(self, own_folders):
        with pytest.raises(DataMissing, match="has to agree to their terms") as caught:
            DRUGS_COM.fetch()
        assert "https://archive.ics.uci.edu/" in caught.value.advice
        assert "grade data add" in caught.value.advice

    def test_what_is_here_is_not_asked_for(self, small, own_folders):
        unpacked(own_folders / "data", small)
        DRUGS_COM.fetch()
