"""The line on which checks ask a notebook's process: messages of JSON and raw buffers, on a socket of its own.

Both ends use it, so that it imports the standard library alone. A message is the number of its parts, the length of
each, and the parts; the first is JSON. The socket is opened before any of the notebook's code runs, by the only one
who can: who connects first says a word that only the grader and the launcher know, and nobody else is let in.

Unasked, a notebook's process gives a sign when it begins a cell and when it has ended it.
"""

from __future__ import annotations

import hmac
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
_LOOK_EVERY_S = 0.2
_MOST_PARTS = 5_000


def _packed(content: Any) -> bytes:
    """A message without buffers."""
    text = json.dumps(content).encode()
    return struct.pack(">2Q", 1, len(text)) + text


# Made beforehand: whatever a notebook puts in the place of built-in functions, these can be sent. Of one length.
BEGUN, ENDED = _packed("begun"), _packed("ended")
_SIGNS = {sign[16:] for sign in (BEGUN, ENDED)}
_MOST_SIGNS = 1_000


class TooLarge(ConnectionError):
    """What comes is larger than it may be; nothing more is read."""


class Line:
    """One end of the line.

    Parameters
    ----------
    connection
        A connected stream socket.
    most
        Bytes that a message may have.
    goes_on
        Asked now and then while waiting: whether there still is somebody to wait for.
    """

    def __init__(
        self, connection: socket.socket, most: int = sys.maxsize, goes_on: Callable[[], bool] = lambda: True
    ) -> None:
        connection.setblocking(False)
        self._connection, self._most, self._goes_on = connection, most, goes_on

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._connection.fileno()

    def close(self) -> None:
        """Hang up, also where another process holds the same socket."""
        with suppress(OSError):  # the other end did before
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def send(self, content: Any, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send a message.

        Parameters
        ----------
        content
            Whatever JSON can say.

        Raises
        ------
        ConnectionError
            Nobody is there any more.
        """
        parts = [json.dumps(content).encode(), *buffers]
        lengths = struct.pack(f">{len(parts) + 1}Q", len(parts), *(len(part) for part in parts))
        small = sum(map(len, parts)) < _CHUNK
        for piece in [b"".join((lengths, *parts))] if small else [lengths, *parts]:
            view = memoryview(piece).cast("B")
            while view:
                try:
                    view = view[self._connection.send(view) :]
                except (BlockingIOError, InterruptedError):
                    self._wait([], [self._connection])

    def sign(self, sign: bytes) -> None:
        """Send a sign, if there is room for it."""
        try:  # no other function is called than the socket's own
            self._connection.send(sign)
        except OSError:
            return

    def signs(self) -> list[bytes]:
        """The signs that have come by now and that no other message is before."""
        found: list[bytes] = []
        with suppress(OSError):
            while self._connection.recv(len(BEGUN), socket.MSG_PEEK) in (BEGUN, ENDED) and len(found) < _MOST_SIGNS:
                found.append(self._connection.recv(len(BEGUN)))
        return found

    def receive(self) -> tuple[bytes, list[bytes]]:
        """Wait for a message: its JSON, not parsed yet, and its buffers. Signs are passed over.

        Raises
        ------
        TooLarge
        ConnectionError
            Nobody is there any more.
        """
        while (message := self._message())[0] in _SIGNS:
            pass
        return message

    def _message(self) -> tuple[bytes, list[bytes]]:
        (number,) = struct.unpack(">Q", self._exactly(8))
        if not 1 <= number <= _MOST_PARTS:
            raise TooLarge
        lengths = struct.unpack(f">{number}Q", self._exactly(8 * number))
        if sum(lengths) > self._most:
            raise TooLarge
        content, *buffers = [self._exactly(length) for length in lengths]
        return content, buffers

    def _exactly(self, length: int) -> bytes:
        pieces: list[bytes] = []
        while length:
            try:
                piece = self._connection.recv(min(length, _CHUNK))
            except (BlockingIOError, InterruptedError):
                self._wait([self._connection], [])
                continue
            if not piece:
                raise ConnectionError
            pieces.append(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _wait(self, readers: list[socket.socket], writers: list[socket.socket]) -> None:
        if not any(select.select(readers, writers, [], _LOOK_EVERY_S)) and not self._goes_on():
            raise ConnectionError


class Exchange:
    """Where a notebook's process calls, once.

    Parameters
    ----------
    folder
        Where its socket is to lie, where sockets lie in folders.
    """

    def __init__(self, folder: Path, word: str) -> None:
        self._word = word
        if sys.platform == "win32":
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.address: Any = self._listener.getsockname()
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self.address = str(folder / "line")
            self._listener.bind(self.address)
            self._listener.listen(8)

    def answer(self, seconds: float, most: int, goes_on: Callable[[], bool]) -> Line:
        """The line to the process that calls and knows the word.

        Parameters
        ----------
        most, goes_on
            As for :class:`Line`.

        Raises
        ------
        ConnectionError
            Nobody called within `seconds`, or whoever should have is no more.
        """
        ends = time.monotonic() + seconds
        while goes_on() and time.monotonic() < ends:
            if not select.select([self._listener], [], [], _LOOK_EVERY_S)[0]:
                continue
            connection, _ = self._listener.accept()
            caller = Line(connection, most, lambda: goes_on() and time.monotonic() < ends)
            with suppress(ConnectionError):
                word, _ = caller.receive()
                if hmac.compare_digest(word, json.dumps(self._word).encode()):
                    return Line(connection, most, goes_on)
            caller.close()
        raise ConnectionError

    def close(self) -> None:
        """Let nobody in any more."""
        self._listener.close()


def call(address: Any, word: str) -> Line:
    """The process's end of the line.

    Parameters
    ----------
    address
        The exchange's.
    """
    connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    connection.connect(address if isinstance(address, str) else tuple(address))
    line = Line(connection)
    line.send(word)
    return line
