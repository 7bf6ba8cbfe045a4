"""A kernel's sockets, spoken to without libzmq: ZMTP 3.0 (RFC 23), and no message that is larger than it may be.

libzmq limits a single frame, not a message of many, and holds it as a whole before anybody can look at it. Here the
length of each frame is read off its header before its bytes are there: what is too large is thrown away as it comes.
Everything happens in the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_MORE, _LONG, _COMMAND = 1, 2, 4
_READY = b"\x05READY"
_SUBSCRIBE_TO_ALL = b"\x00\x01\x01"
_MAX_COMMAND = 10_000
# An honest kernel sends one. Each costs time to look at, and nothing else counts them.
_MOST_COMMANDS = 1_000
# What a frame costs beside its bytes: a message of a million empty ones is a large one.
_FRAME = 100
_CHUNK = 65_536


def size(frames: Sequence[bytes]) -> int:
    """What a message of these frames is counted as."""
    return sum(map(len, frames)) + _FRAME * len(frames)


class Refused(Exception):
    """What comes is another protocol."""


class Reader:
    """Takes messages out of a stream, however it is cut.

    Parameters
    ----------
    max_message
        Bytes of one message, its frames' own cost among them.

    Attributes
    ----------
    ready
        Whether the other end may be sent messages.
    dropped
        How many messages were thrown away since they were too large; the rest of one is being looked at by then.
    """

    def __init__(self, max_message: int) -> None:
        self.ready = False
        self.dropped = 0
        self._max = max_message
        self._greeted = False
        self._buffer = bytearray()
        self._wanted = len(_GREETING)  # bytes that the buffer has to hold before it is worth looking
        self._frames: list[bytes] = []
        self._size = self._commands = 0
        self._skip = 0  # bytes of a frame that are still to be thrown away
        self._dropping = False  # the rest of the message is

    def feed(self, chunk: bytes) -> list[list[bytes]]:
        """Take the next bytes: the messages that they bring to an end.

        Raises
        ------
        Refused
        """
        if self._skip:
            step = min(self._skip, len(chunk))
            self._skip -= step
            chunk = chunk[step:]
        data: bytes | bytearray = chunk
        if self._buffer:
            self._buffer += chunk
            data = self._buffer
        place, found = (0, list[list[bytes]]()) if len(data) < self._wanted else self._messages(data)
        if data is self._buffer:
            del self._buffer[:place]
        else:
            self._buffer += data[place:]
        return found

    def _messages(self, data: bytes | bytearray) -> tuple[int, list[list[bytes]]]:
        """Where the first frame begins that is not whole yet; the messages before it."""
        found: list[list[bytes]] = []
        place, end = 0, len(data)
        if not self._greeted:
            # Older versions of the protocol count otherwise.
            if data[0] != 0xFF or data[9] != 0x7F or data[10] < 3:
                raise Refused
            self._greeted, place = True, len(_GREETING)
        while True:
            self._wanted = 2
            if end - place < 2:
                break
            flags, body, length = data[place], place + 2, data[place + 1]
            if flags & _LONG:
                self._wanted, body = 9, place + 9
                if body > end:
                    break
                length = int.from_bytes(data[place + 1 : body], "big")
            self._look_at(flags, length)
            if self._dropping and not flags & _COMMAND:
                place = self._throw_away(flags, body, length, end)
                continue
            if body + length > end:
                self._wanted = body + length - place
                break
            frame = bytes(data[body : body + length])
            place = body + length
            if flags & _COMMAND:
                self._commands += 1
                self.ready = self.ready or frame.startswith(_READY)
                continue
            if not self.ready:
                raise Refused
            self._frames.append(frame)
            self._size += length + _FRAME
            if not flags & _MORE:
                found.append(self._frames)
                self._frames, self._size = [], 0
        return place, found

    def _look_at(self, flags: int, length: int) -> None:
        """Decide about a frame by its header."""
        if flags & _COMMAND:
            if length > _MAX_COMMAND or self._commands == _MOST_COMMANDS:
                raise Refused
        elif not self._dropping and self._size + length + _FRAME > self._max:
            self._dropping = True
            self.dropped += 1
            self._frames, self._size = [], 0

    def _throw_away(self, flags: int, body: int, length: int, end: int) -> int:
        """Where to go on behind a frame of a message that is too large."""
        self._dropping = bool(flags & _MORE)
        self._skip = max(0, body + length - end)
        return min(body + length, end)


def _frame(flags: int, body: bytes) -> bytes:
    if len(body) > 255:
        return bytes((flags | _LONG,)) + len(body).to_bytes(8, "big") + body
    return bytes((flags, len(body))) + body


def _ready(kind: str) -> bytes:
    """The command that says what this end is."""
    return _frame(_COMMAND, _READY + b"\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind.encode())


class Socket(asyncio.Protocol):
    """This end of a connection to one of a kernel's sockets; use it in the event loop that is running.

    Parameters
    ----------
    kind
        ``DEALER``, or ``SUB``, which subscribes to everything.
    max_message, max_ahead
        Bytes of one message, and of those that are held before the first of them is taken.
    refused
        Called when a message was thrown away since it is too large, or the connection was cut since what came is none.
    """

    def __init__(self, kind: str, max_message: int, max_ahead: int, refused: Callable[[], None]) -> None:
        self._kind = kind
        self._max_ahead = max_ahead
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(max_message)
        self._transport: Any = None
        self._waiting: asyncio.Future[None] | None = None
        self._messages: deque[list[bytes]] = deque()
        self._ahead = 0
        self._unsent = [_SUBSCRIBE_TO_ALL] if kind == "SUB" else []

    async def connect(self, address: str | tuple[str, int]) -> None:
        """Connect: to a path, or to a host and a port.

        Raises
        ------
        OSError
        """
        if isinstance(address, str):
            await self._loop.create_unix_connection(lambda: self, address)
        else:
            await self._loop.create_connection(lambda: self, *address)

    def send(self, frames: Sequence[bytes]) -> None:
        """Send a message, as soon as the other end is ready for it."""
        whole = b"".join(_frame(_MORE, one) for one in frames[:-1]) + _frame(0, frames[-1])
        if self._reader.ready:
            self._transport.write(whole)
        else:
            self._unsent.append(whole)

    async def receive(self, seconds: float | None = None) -> list[bytes] | None:
        """The next message; None if there is none within so many seconds."""
        if not self._messages:
            await self._arrival(seconds)
            if not self._messages:
                return None
        message = self._messages.popleft()
        held = self._ahead > self._max_ahead
        self._ahead -= size(message)
        if held and self._ahead <= self._max_ahead:
            self._transport.resume_reading()
        return message

    async def _arrival(self, seconds: float | None) -> None:
        self._waiting = waiting = self._loop.create_future()
        timer = None if seconds is None else self._loop.call_later(seconds, self._wake)
        try:
            await waiting
        finally:
            if self._waiting is waiting:
                self._waiting = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.max_size = _CHUNK  # what is read at a time: asyncio's own is as much as it takes anew each time
        self._transport.write(_GREETING + _ready(self._kind))

    def data_received(self, chunk: bytes) -> None:
        dropped = self._reader.dropped
        try:
            messages = self._reader.feed(chunk)
        except Refused:
            self._transport.abort()
            self._refused()
            return
        if self._unsent and self._reader.ready:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()
        if self._reader.dropped > dropped:
            self._refused()
        if messages:
            self._messages += messages
            self._ahead += sum(map(size, messages))
            if self._ahead > self._max_ahead:
                self._transport.pause_reading()
            self._wake()
