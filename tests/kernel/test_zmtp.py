"""The grader's end of a kernel's sockets, with libzmq at the other end, as a kernel has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import zmq

from grader.kernel.zmtp import Socket

MOST = 100_000
PATIENCE_S = 20.0


class End:
    """libzmq's end of a connection, and how to connect to it."""

    def __init__(self, context: zmq.Context, kind: int, address: str | tuple[str, int]) -> None:
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.sndhwm = 0
        self.address = address
        if isinstance(address, str):
            self.socket.bind(f"ipc://{address}")
        else:
            self.address = ("127.0.0.1", self.socket.bind_to_random_port("tcp://127.0.0.1"))


@pytest.fixture(params=["ipc", "tcp"])
def end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int], End]]:
    context, ends = zmq.Context(), list[End]()

    def made(kind: int) -> End:
        ends.append(End(context, kind, str(tmp_path / "k") if request.param == "ipc" else ("", 0)))
        return ends[-1]

    yield made
    for one in ends:
        one.socket.close()
    context.term()


def refusals(kind: str) -> tuple[Socket, list[int]]:
    refused: list[int] = []
    return Socket(kind, MOST, 50_000, lambda: refused.append(1)), refused


def run(do: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(do(), PATIENCE_S))  # type: ignore[arg-type]


async def received(socket: zmq.Socket) -> list[bytes]:
    while not socket.poll(0):
        await asyncio.sleep(0.001)
    return list(socket.recv_multipart())


def test_questions_and_answers(end: Callable[[int], End]) -> None:
    router = end(zmq.ROUTER)

    async def do() -> None:
        socket, refused = refusals("DEALER")
        await socket.connect(router.address)
        for message in ([b"a", b""], [b"x" * 255, b"y" * 256, b"z" * 70_000], [b"last"]):
            socket.send(message)
            who, *parts = await received(router.socket)
            assert parts == message
            router.socket.send_multipart([who, *message])
            assert await socket.receive() == message
        assert await socket.receive(0.01) is None
        socket.close()
        assert not refused

    run(do)


def test_whoever_subscribes_is_welcomed_and_sent_everything(end: Callable[[int], End]) -> None:
    publisher = end(zmq.XPUB)
    publisher.socket.setsockopt(zmq.XPUB_WELCOME_MSG, b"welcome")

    async def do() -> None:
        socket, _ = refusals("SUB")
        await socket.connect(publisher.address)
        assert await received(publisher.socket) == [b"\x01"]
        assert await socket.receive() == [b"welcome"]
        publisher.socket.send_multipart([b"topic", b"text"])
        assert await socket.receive() == [b"topic", b"text"]
        socket.close()

    run(do)


async def met(socket: Socket, router: End) -> bytes:
    """What the router calls the socket, which has just connected to it."""
    await socket.connect(router.address)
    socket.send([b"here"])
    who, _ = await received(router.socket)
    return who


def test_what_is_too_large_is_told_and_thrown_away(end: Callable[[int], End]) -> None:
    router = end(zmq.ROUTER)

    async def do() -> None:
        socket, refused = refusals("DEALER")
        who = await met(socket, router)
        for large in ([b"x" * MOST * 30], [b"x" * 1000] * 200, [b""] * 2000):
            router.socket.send_multipart([who, *large])
            router.socket.send_multipart([who, b"small"])
            assert await socket.receive() == [b"small"]
            assert refused == [1]
            refused.clear()
        socket.close()

    run(do)


def test_nothing_more_is_read_than_may_be_held(end: Callable[[int], End]) -> None:
    router = end(zmq.ROUTER)

    async def do() -> None:
        socket, _ = refusals("DEALER")
        who = await met(socket, router)
        for number in range(3000):
            router.socket.send_multipart([who, b"%d" % number, b"x" * 1000])
        for number in range(3000):
            message = await socket.receive()
            assert message is not None
            assert message[0] == b"%d" % number
            assert socket._ahead <= 50_000 + 2 * 65_536
        socket.close()

    run(do)


def test_a_listener_that_speaks_something_else_is_refused(tmp_path: Path) -> None:
    path, ended = str(tmp_path / "k"), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
        await reader.read()
        writer.close()
        ended.set()

    async def do() -> None:
        async with await asyncio.start_unix_server(talk, path):
            socket, refused = refusals("DEALER")
            await socket.connect(path)
            while not refused:
                await asyncio.sleep(0.001)
            assert await socket.receive(0.01) is None
            socket.close()
            await ended.wait()

    run(do)


def test_where_nobody_listens(tmp_path: Path) -> None:
    async def do() -> None:
        socket, _ = refusals("SUB")
        with pytest.raises(OSError, match="No such file"):
            await socket.connect(str(tmp_path / "k"))
        socket.close()

    run(do)


def test_who_waits_is_not_forgotten_when_another_gave_up(end: Callable[[int], End]) -> None:
    router = end(zmq.ROUTER)

    async def do() -> None:
        socket, _ = refusals("DEALER")
        who = await met(socket, router)
        gives_up = asyncio.ensure_future(socket.receive())
        await asyncio.sleep(0)
        gives_up.cancel()
        waits = asyncio.ensure_future(socket.receive())
        await asyncio.sleep(0)
        router.socket.send_multipart([who, b"for the second"])
        assert await waits == [b"for the second"]
        socket.close()

    run(do)
