"""The line between checks and a notebook's process: what goes over it, and who may call."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.kernel.line import BEGUN, ENDED, Exchange, Line, TooLarge, call


@pytest.fixture
def pair() -> Iterator[tuple[Line, Line]]:
    ends = tuple(Line(one) for one in socket.socketpair())
    yield ends  # type: ignore[misc]
    for one in ends:
        one.close()


def received(raw: bytes, most: int = 1000) -> tuple[bytes, list[bytes]]:
    """What a line makes of these bytes, after which the other end hangs up."""
    here, there = socket.socketpair()
    line = Line(here, most)
    try:
        there.sendall(raw)
        there.close()
        return line.receive()
    finally:
        line.close()


@pytest.mark.parametrize("buffers", [[], [b""], [b"one", b"", b"three"], [bytes(3_000_000), b"x"]])
def test_a_message_arrives_as_it_was_sent(pair: tuple[Line, Line], buffers: list[bytes]) -> None:
    content = {"do": "call", "args": [1, "ä", None]}
    sending = threading.Thread(target=pair[0].send, args=(content, buffers))
    sending.start()  # larger ones do not fit into the socket
    raw, arrived = pair[1].receive()
    sending.join()
    assert json.loads(raw) == content
    assert arrived == buffers


@pytest.mark.parametrize(
    "head",
    [
        struct.pack(">Q", 0),
        struct.pack(">Q", 5_001),
        struct.pack(">Q", 2**64 - 1),
        struct.pack(">2Q", 1, 1_001),
        struct.pack(">3Q", 2, 2**63, 2**63),
    ],
    ids=["no part", "many parts", "endless parts", "long part", "long parts"],
)
def test_what_is_too_large_is_refused_by_its_head(head: bytes) -> None:
    with pytest.raises(TooLarge):
        received(head)


@pytest.mark.parametrize("cut", [0, 3, 8, 12, 16, 20])
def test_whoever_hangs_up_is_noticed(cut: int) -> None:
    whole = struct.pack(">2Q", 1, 10) + b"0123456789"
    assert received(whole) == (b"0123456789", [])
    with pytest.raises(ConnectionError):
        received(whole[:cut])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_do_harm(raw: bytes) -> None:
    try:
        content, buffers = received(raw)
    except ConnectionError:
        return
    assert len(content) + sum(map(len, buffers)) <= 1000


def test_signs_come_between_messages(pair: tuple[Line, Line]) -> None:
    here, there = pair
    assert there.signs() == []
    for sign in (BEGUN, ENDED):
        here.sign(sign)
    assert there.signs() == [BEGUN, ENDED]
    here.sign(BEGUN)
    here.send("answer")
    here.sign(ENDED)
    assert there.signs() == [BEGUN]
    assert there.signs() == [], "a message is before the other one"
    assert there.receive() == (b'"answer"', [])
    here.send("more")
    assert there.receive() == (b'"more"', []), "signs are no answers"


def test_signs_without_end_do_not_hold_anybody_up(pair: tuple[Line, Line]) -> None:
    here, there = pair
    for _ in range(100_000):
        here.sign(BEGUN)  # there is room for some only, and nobody waits
    assert 0 < len(there.signs()) <= 1_000


def test_half_a_sign_is_none(pair: tuple[Line, Line]) -> None:
    here, there = pair
    here.sign(BEGUN[:10])
    assert there.signs() == []
    here.sign(BEGUN[10:])
    assert there.signs() == [BEGUN]
    there.close()
    here.sign(BEGUN)
    assert here.signs() == []


def test_waiting_ends_when_there_is_nobody_to_wait_for() -> None:
    here, there = socket.socketpair()
    with there:
        line = Line(here, goes_on=lambda: False)
        with pytest.raises(ConnectionError):
            line.receive()
        with pytest.raises(ConnectionError):
            line.send("x" * 50_000_000)
        line.close()


def test_only_who_knows_the_word_is_let_in(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, "secret")
    stranger, friend = call(exchange.address, "guess"), call(exchange.address, "secret")
    line = exchange.answer(20, 1000, lambda: True)
    exchange.close()
    friend.send("hello")
    assert line.receive() == (b'"hello"', [])
    with pytest.raises(ConnectionError):
        stranger.receive()
    for one in (line, friend, stranger):
        one.close()


@pytest.mark.parametrize("seconds", [0, 20])
def test_nobody_calls(tmp_path: Path, seconds: float) -> None:
    exchange = Exchange(tmp_path, "secret")
    begun = time.monotonic()
    with pytest.raises(ConnectionError):
        exchange.answer(seconds, 1000, lambda: seconds == 0 or time.monotonic() < begun + 0.1)
    exchange.close()
