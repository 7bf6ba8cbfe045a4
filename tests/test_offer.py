"""The real data is offered once, to somebody who can answer and has a network; grading goes on in any case."""

from __future__ import annotations

import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.commands import common, offer
from grader.datasets import DATASETS
from grader.datasets.mnist import Mnist
from grader.datasets.reviews import MovieReviews
from grader.errors import DataMissing
from tests.fakes import Terminal


class Fetched(list[str]):
    """Names of the sets that were fetched."""


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fetched:
    """A machine without data and with a network that has it."""
    names = Fetched()
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CI", raising=False)
    for kind in (Mnist, MovieReviews):
        monkeypatch.setattr(kind, "within_reach", lambda one: True)
        monkeypatch.setattr(kind, "fetch", lambda one: names.append(one.name))
    return names


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal shows, at which somebody sits."""
    shown = io.StringIO()
    terminal = common.Complaints(file=shown, force_terminal=True, width=200, highlight=False, markup=False)
    monkeypatch.setattr(offer, "complaints", terminal)
    monkeypatch.setattr(common.standing, "say", None)
    return shown


def sits_there(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{one}\n" for one in answers)))


@pytest.mark.parametrize(
    ("answer", "names"), [("y", ["mnist"]), ("Yes", ["mnist"]), ("n", []), ("", []), ("maybe", [])]
)
def test_what_somebody_answers(
    answer: str, names: list[str], fetched: Fetched, asked: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    sits_there(monkeypatch, answer)
    offer.offer_real_data(["mnist"])
    assert "12 MB" in asked.getvalue()
    assert "Fetch it now? [y/N]" in asked.getvalue()
    assert fetched == names


def test_it_is_asked_once_whatever_the_answer(
    fetched: Fetched, asked: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    sits_there(monkeypatch, "n", "y", "y")
    offer.offer_real_data(["mnist"])
    offer.offer_real_data(["mnist"])
    assert fetched == []
    offer.offer_real_data(["mnist", "reviews"])  # another set is another question
    assert fetched == ["reviews"]


def test_who_ends_the_input_is_not_asked_again(
    fetched: Fetched, asked: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    sits_there(monkeypatch)
    offer.offer_real_data(["mnist"])
    sits_there(monkeypatch, "y")
    offer.offer_real_data(["mnist"])
    assert fetched == []


def test_nobody_is_asked_who_cannot_answer(
    fetched: Fetched, asked: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # a pipe
    offer.offer_real_data(["mnist"])
    sits_there(monkeypatch, "y")
    monkeypatch.setenv("CI", "true")
    offer.offer_real_data(["mnist"])
    monkeypatch.delenv("CI")
    monkeypatch.setattr(common.standing, "say", lambda *what: None)  # %grade
    offer.offer_real_data(["mnist"])
    assert fetched == []
    assert asked.getvalue() == ""


def test_nothing_is_offered_that_is_here_or_out_of_reach_or_not_to_be_had_so(
    fetched: Fetched, asked: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    sits_there(monkeypatch, "y", "y", "y")
    monkeypatch.setattr(Mnist, "full_is_here", lambda one: True)
    monkeypatch.setattr(MovieReviews, "within_reach", lambda one: False)
    offer.offer_real_data(["mnist", "reviews", "drugs"])
    assert fetched == []
    assert asked.getvalue() == ""
    monkeypatch.setattr(MovieReviews, "within_reach", lambda one: True)  # a network later is still an offer
    offer.offer_real_data(["reviews"])
    assert fetched == ["reviews"]


def test_what_cannot_be_fetched_is_told_and_ends_nothing(
    fetched: Fetched, asked: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(one: Mnist) -> None:
        raise DataMissing("The mirror is broken.", "Try tomorrow.")

    monkeypatch.setattr(Mnist, "fetch", fails)
    sits_there(monkeypatch, "y")
    offer.offer_real_data(["mnist"])
    assert "The mirror is broken. Try tomorrow." in asked.getvalue()


class Mirror(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/here" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_within_reach_is_what_answers(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for address, reached in ((f"{mirror}/here", True), (f"{mirror}/gone", False), ("http://127.0.0.1:9/", False)):
        monkeypatch.setattr(Mnist, "address", address)
        assert Mnist().within_reach() is reached
    assert not DATASETS["drugs"].within_reach()
