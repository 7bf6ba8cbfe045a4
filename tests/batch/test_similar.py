"""Submissions that are alike beyond what the starter gave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import similarity
from grader.batch.similar import load_similar, write_similar
from grader.result_files import FINGERPRINTS, SIMILAR
from grader.similarity import Fingerprints, Pair, _hashes, code_digest, code_of, find_similar
from grader.submission import Submission
from tests.batches import Batch, gradebook
from tests.batches import hand_in as give_in
from tests.conftest import ROOT, notebook

STARTER = """
import torch
from torch import nn

# Write a function that counts the parameters of a network.
def count_parameters(inputs, hidden, outputs):
    ...


def accuracy(model, loader):
    right = total = 0
    with torch.no_grad():
        for images, labels in loader:
            predicted = model(images).argmax(dim=1)
            right += (predicted == labels).sum().item()
            total += len(labels)
    return right / total
"""

ANN = """
def count_parameters(inputs, hidden, outputs):
    sizes = [inputs, *hidden, outputs]
    total = 0
    for position in range(len(sizes) - 1):
        weights = sizes[position] * sizes[position + 1]
        biases = sizes[position + 1]
        total = total + weights + biases
    if total < 0:
        raise ValueError("less than nothing")
    return total
"""

# The same, with other names, other comments, other strings and other white space.
BEN = """
# my own work!
def count_parameters(a, b, c):
        layers = [a, *b, c]   # all of them
        summa = 0

        for i in range(len(layers) - 1):
                painot = layers[i] * layers[i + 1]
                vakiot = layers[i + 1]
                summa = summa + painot + vakiot
        if summa < 0:
                raise ValueError('?')
        return summa
"""

EVA = """
from itertools import pairwise

def count_parameters(inputs, hidden, outputs):
    hidden = [hidden] if isinstance(hidden, int) else list(hidden)
    return sum((m + 1) * n for m, n in pairwise([inputs] + hidden + [outputs]))
"""


def pairs(code: dict[str, str], starter: str = STARTER) -> list[tuple[str, str]]:
    return [(match.pair.first, match.pair.second) for match in find_similar(code, starter).matches]


def test_other_names_hide_nothing() -> None:
    code = {"ann": STARTER + ANN, "ben": STARTER + BEN, "eva": STARTER + EVA}
    (match,) = find_similar(code, STARTER).matches
    assert (match.pair.first, match.pair.second) == ("ann", "ben")
    assert match.pair.share_first > 0.9
    assert match.pair.share_second > 0.9


def test_what_the_starter_gave_does_not_count() -> None:
    assert pairs({"ann": STARTER, "ben": STARTER}) == []
    assert pairs({"ann": STARTER, "ben": STARTER}, starter="") == [("ann", "ben")]
    assert pairs({"ann": STARTER + EVA, "ben": STARTER + ANN}) == []


def test_what_many_write_does_not_count() -> None:
    many = {f"student-{number}": ANN for number in range(20)}
    assert pairs(many) == [], "the task asks for it"
    few = {f"student-{number}": EVA + f"\nvalue_{number} = {number}\n" for number in range(20)}
    assert pairs(few | {"ann": ANN, "ben": BEN}) == [("ann", "ben")]


def test_a_ring_of_several_is_found() -> None:
    ring = {f"ring-{number}": ANN.replace("total", f"sum_{number}") for number in range(6)}
    others = {f"student-{n}": "\n".join(f"value_{n} = {n} ** {k} - x[{k}:{n}]" for k in range(9)) for n in range(30)}
    assert len(pairs(ring | others)) == 15


def test_a_part_in_a_longer_notebook_is_found() -> None:
    longer = "\n".join(f"def helper_{n}(x):\n    return [x ** {n} - y * {n + 3} for y in x][{n}:]" for n in range(40))
    (match,) = find_similar({"ann": ANN, "ben": longer + BEN + longer}, "").matches
    assert match.pair.share_first > 0.9
    assert match.pair.share_second < 0.5
    (begin, end), *_ = match.second
    assert "layers" in (longer + BEN + longer)[begin:end]


def test_what_is_alike_is_marked_where_it_stands() -> None:
    (match,) = find_similar({"ann": EVA + ANN, "ben": BEN}, "").matches
    marked = "".join((EVA + ANN)[begin:end] for begin, end in match.first)
    assert "weights = sizes[position] * sizes[position + 1]" in marked
    assert "pairwise" not in marked
    assert all(one[1] < other[0] for one, other in zip(match.first, match.first[1:], strict=False))


@pytest.mark.parametrize("code", ["", "   ", "%matplotlib inline\n!ls", "def (:\n '''", "x = 1", "\x00\ud7ff"])
def test_code_of_any_kind(code: str) -> None:
    assert pairs({"ann": code, "ben": code, "eva": ANN}) == []


def test_the_order_is_that_of_likeness() -> None:
    half = ANN.replace("total = total + weights + biases", "total += [weights, biases][position % 2] ** 2 - len(sizes)")
    found = find_similar({"a": ANN + EVA, "b": BEN + EVA, "c": half}, "").matches
    assert (found[0].pair.first, found[0].pair.second) == ("a", "b")


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[..., Submission]:
    def write(student: str, *cells: str) -> Submission:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ipynb"
        path.write_text(json.dumps(notebook(*cells)))
        return Submission(path, student)

    return write


def test_pages(tmp_path: Path, hand_in: Callable[..., Submission]) -> None:
    hostile = "<script>alert('a')</script>\u202e"
    evil = ANN + "\ntext = '</code></pre><script>alert(1)</script>'\n# </style>"
    class_ = [hand_in(hostile, STARTER, evil), hand_in("ben", STARTER, BEN), hand_in("eva", EVA)]
    results = tmp_path / "results"
    results.mkdir()
    (found,) = write_similar(results, class_, STARTER)
    assert found.page == "similar/1.html"
    assert load_similar(results) is not None
    page = (results / found.page).read_text("utf-8")
    assert "<script" not in page
    assert "&lt;/pre&gt;" in page
    assert "\u202e" not in page
    assert "<mark>" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_a_second_time_nothing_is_done(tmp_path: Path, hand_in: Callable[..., Submission]) -> None:
    results = tmp_path / "results"
    results.mkdir()
    class_ = [hand_in("ann", ANN), hand_in("ben", BEN)]
    write_similar(results, class_, "")
    page = results / "similar" / "1.html"
    before = page.stat().st_mtime_ns
    write_similar(results, class_, "")
    assert page.stat().st_mtime_ns == before
    page.unlink()
    write_similar(results, class_, "")
    assert page.is_file(), "what is missing is written again"
    assert write_similar(results, [class_[0], hand_in("eva", EVA)], "") == []
    assert not page.exists(), "what does not hold any more is gone"


FIND = """
import sys
from grader.similarity import find_similar
from tests.batch.test_similar import ANN, BEN, STARTER
code = {f"student {n}": STARTER + ANN.replace("total", "x" * n + "[y]") + "own(x)\\n" * n for n in range(1, 5)}
print([(one.pair.model_dump_json(), one.first, one.second) for one in find_similar(code, STARTER).matches])
"""


def test_every_run_finds_the_same() -> None:
    """Python's own hashes are others in each process."""
    found = [
        subprocess.run(
            [sys.executable, "-c", FIND], env=os.environ | {"PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert found[0].count(b"share_first") > 5


def test_hashes_tell_pieces_apart() -> None:
    """… those of a text that is its own repetition, too; and of one that is too short there are none."""
    text = "".join(chr(97 + n % 26) for n in range(26_000)) + "ä🙂\ud800"
    made = _hashes(text, 25)
    assert len(made) == len(text) - 24
    assert len(set(made.tolist())) == 26 + 3
    assert made[0] == made[26]
    assert len(_hashes("short", 25)) == 0


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "similar.json").write_text('{"pairs": [{"first": 1}]}')
    assert load_similar(tmp_path) is None
    assert write_similar(tmp_path, [], "") == []
    assert load_similar(tmp_path) is not None


def test_a_notebook_that_cannot_be_read_has_no_code(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    assert code_of(Submission(path)) == ""


@pytest.mark.parametrize("broken", ["grader.batch.similar.find_similar", "grader.batch.pages.class_pages"])
def test_results_stand_whatever_comes_of_what_is_beside_them(
    broken: str, folder: Path, quick_batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("a notebook of which nobody thought")

    give_in(folder, "ann", "x = 3")
    give_in(folder, "ben", "x = 3")
    monkeypatch.setattr(broken, fail)
    done = quick_batch()
    assert done.returncode == 0, done.stderr
    assert "failed (RecursionError: a notebook of which nobody thought). The results are whole" in done.stderr
    assert gradebook(folder)["ann"]["score"] == "3"
    assert (folder / "out" / "index.html").exists() == ("similar" in broken)


def test_a_pair_is_plain() -> None:
    with pytest.raises(ValueError, match="extra"):
        Pair.model_validate({"first": "a", "second": "b", "share_first": 1, "share_second": 1, "tokens": 1, "x": 1})


# ---------------------------------------------------------------------- large classes


def lines(n: int) -> str:
    """Code that nobody else writes."""
    return "\n".join(f"value_{n} = {n} ** {k} - x[{k}:{n}]" + " + y" * (n * k % 7) for k in range(9))


def test_those_who_wrote_the_very_same_do_not_fill_the_list() -> None:
    copies = {f"copy-{number:03}": ANN + f"# {number}" for number in range(60)}
    others = {f"student-{n:03}": lines(n) for n in range(250)}
    found = find_similar(copies | others | {"eva": EVA, "ben": EVA}, "")
    told = [(match.pair.first, match.pair.second) for match in found.matches]
    assert ("ben", "eva") in told
    among = [pair for pair in told if pair[0].startswith("copy-") and pair[1].startswith("copy-")]
    assert len(among) == 15
    assert found.more >= 60 * 59 // 2 - 15


def test_a_code_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    code = {"ann": ANN, "ben": BEN, "eva": EVA}
    known: Fingerprints = {}
    first = find_similar(code, "", known=known)
    asked: list[str] = []

    class Asked(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            asked.append(name)
            return super().__getitem__(name)

    digests = {name: code_digest(one) for name, one in code.items()}
    assert find_similar(Asked(code), "", digests, known) == first
    assert "eva" not in asked, "she is like nobody, and that was known"


def test_fingerprints_are_kept_from_run_to_run(
    tmp_path: Path, hand_in: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    class_ = [hand_in("ann", ANN), hand_in("ben", BEN), hand_in("eva", EVA)]
    results = tmp_path / "results"
    results.mkdir()
    found = write_similar(results, class_, "")
    (results / SIMILAR).unlink()
    made: list[str] = []
    before = similarity._fingerprint
    monkeypatch.setattr(similarity, "_fingerprint", lambda code, window=6: made.append(code) or before(code, window))
    assert write_similar(results, class_, "") == found != []
    assert len(made) == 3, "the starter, and the two that are shown"


def test_a_class_with_a_notebook_that_cannot_be_read_is_compared(
    tmp_path: Path, hand_in: Callable[..., Submission]
) -> None:
    class_ = [hand_in("ann", ANN), hand_in("ben", BEN), Submission(tmp_path / "none.ipynb", "eva")]
    results = tmp_path / "results"
    results.mkdir()
    first = write_similar(results, class_, "")
    assert [(pair.first, pair.second) for pair in first] == [("ann", "ben")]
    (results / SIMILAR).unlink()
    assert write_similar(results, class_, "") == first, "with the fingerprints that were kept"


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no archive", b"\x93NUMPY"])
def test_damaged_fingerprints_are_made_again(
    content: bytes, tmp_path: Path, hand_in: Callable[..., Submission]
) -> None:
    class_ = [hand_in("ann", ANN), hand_in("ben", BEN)]
    results = tmp_path / "results"
    results.mkdir()
    found = write_similar(results, class_, "")
    (results / FINGERPRINTS).write_bytes(content)
    (results / SIMILAR).unlink()
    assert write_similar(results, class_, "") == found != []
