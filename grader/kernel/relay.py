"""Between libzmq and a kernel's socket: no message reaches libzmq that is larger than it may be.

libzmq limits a single frame, not a message of many, which it holds as a whole before anybody can look at it.
So the bytes pass through here first, where the lengths of the frames are read off (ZMTP 3, RFC 23 and 37).
Nothing else of them is looked at. Everything happens in the event loop, by callbacks.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

_CHUNK = 65_536
_GREETING = 64
_MORE, _LONG, _COMMAND = 1, 2, 4
_MAX_COMMAND = 10_000
_RETRY_S = 0.02
# What a frame costs beside its bytes: a message of a million empty ones is a large one.
_FRAME = 100


def size(frames: Sequence[bytes]) -> int:
    """What a message of these frames is counted as."""
    return sum(map(len, frames)) + _FRAME * len(frames)


class Refused(Exception):
    """What comes is another protocol, or a message that is too large."""


class Frames:
    """Reads the lengths of messages off a stream of ZMTP 3."""

    def __init__(self, max_message: int) -> None:
        self._max = max_message
        self._head = bytearray()
        self._wanted = _GREETING  # bytes of greeting, or of a frame's header
        self._greeted = False
        self._body = 0  # bytes of the current frame that are still to come
        self._flags = 0
        self._message = 0

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes; how many bytes of messages they bring to an end.

        Raises
        ------
        Refused
        """
        place = ended = 0
        while place < len(chunk):
            if self._body:
                step = min(self._body, len(chunk) - place)
                self._body -= step
            else:
                step = min(self._wanted - len(self._head), len(chunk) - place)
                self._head += chunk[place : place + step]
                if len(self._head) < self._wanted or not self._header_is_whole():
                    place += step
                    continue
            place += step
            if not self._body and self._greeted and not self._head:
                ended += self._frame_ends()
        return ended

    def _header_is_whole(self) -> bool:
        """Look at the header so far; whether a frame begins behind it."""
        head = self._head
        if not self._greeted:
            # Older versions of the protocol, which libzmq speaks as well, count otherwise.
            if head[0] != 0xFF or head[9] != 0x7F or head[10] < 3:
                raise Refused
            self._greeted, self._wanted = True, 2
            head.clear()
            return False
        if head[0] & _LONG and self._wanted == 2:
            self._wanted = 9
            return False
        self._flags, self._body = head[0], int.from_bytes(head[1:], "big")
        self._wanted = 2
        head.clear()
        if self._flags & _COMMAND:
            if self._body > _MAX_COMMAND:
                raise Refused
            return True
        self._message += self._body + _FRAME
        if self._message > self._max:
            raise Refused
        return True

    def _frame_ends(self) -> int:
        if self._flags & (_MORE | _COMMAND):
            return 0
        ended, self._message = self._message, 0
        return ended


class _Pipe:
    """Takes what comes from one socket to another; a single chunk of it waits here at most."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: socket.socket,
        target: socket.socket,
        admit: Callable[[bytes], bool],
        end: Callable[[], None],
    ) -> None:
        self._loop, self._source, self._target, self._admit, self._end = loop, source, target, admit, end
        self._waiting = b""
        self._held = False
        loop.add_reader(source, self._read)

    def hold(self, held: bool) -> None:
        """Read no more for now, or go on."""
        self._held = held
        if held or self._waiting:
            self._loop.remove_reader(self._source)
        else:
            self._loop.add_reader(self._source, self._read)

    def _read(self) -> None:
        try:
            chunk = self._source.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        if not chunk or not self._admit(chunk):
            self._end()
            return
        self._waiting = chunk
        self._write()

    def _write(self) -> None:
        try:
            self._waiting = self._waiting[self._target.send(self._waiting) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self._end()
            return
        if self._waiting:
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._target, self._write)
        else:
            self._loop.remove_writer(self._target)
            self.hold(self._held)


class Relay:
    """Listens for libzmq in the kernel's place.

    Parameters
    ----------
    kernel_at
        The kernel's socket; the relay's own lies beside the folder that it is in.
    max_message, max_ahead
        Bytes of one message, and of messages that libzmq may hold before the first of them is taken.
    refused
        Called when the connection was cut because of what the kernel sent. libzmq connects anew.
    """

    def __init__(self, kernel_at: str, max_message: int, max_ahead: int, refused: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._kernel_at = kernel_at
        self._max_message = max_message
        self._max_ahead = max_ahead
        self._ahead = 0
        self._sockets: list[socket.socket] = []
        self._inward: _Pipe | None = None
        self._refused = refused
        self._closed = False
        # Beside the folder of the kernel's own sockets, which is open to the notebook.
        folder = os.path.dirname(os.path.dirname(kernel_at))  # noqa: PTH120
        self.path = os.path.join(folder, f"r{os.path.basename(kernel_at)}")  # noqa: PTH118, PTH119
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.setblocking(False)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._loop.add_reader(self._listener, self._accept)

    def consumed(self, frames: Sequence[bytes]) -> None:
        """A message was taken from libzmq."""
        held = self._ahead > self._max_ahead
        self._ahead = max(0, self._ahead - size(frames))
        if held and self._ahead <= self._max_ahead and self._inward is not None:
            self._inward.hold(False)

    def close(self) -> None:
        """End every connection."""
        self._closed = True
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self._end()
        with suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        client.setblocking(False)
        self._end()
        self._sockets = [client]
        self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        """Connect to the kernel, as soon as it is there."""
        if self._closed or client not in self._sockets:
            return
        kernel = socket.socket(socket.AF_UNIX)
        kernel.setblocking(False)
        try:
            kernel.connect(self._kernel_at)
        except OSError:
            kernel.close()
            self._loop.call_later(_RETRY_S, self._connect, client)
            return
        self._sockets.append(kernel)
        frames = Frames(self._max_message)

        def admit(chunk: bytes) -> bool:
            try:
                self._ahead += frames.feed(chunk)
            except Refused:
                self._refused()
                return False
            if self._ahead > self._max_ahead and self._inward is not None:
                self._inward.hold(True)
            return True

        self._inward = _Pipe(self._loop, kernel, client, admit, self._end)
        _Pipe(self._loop, client, kernel, lambda _: True, self._end)

    def _end(self) -> None:
        self._inward, self._ahead = None, 0  # libzmq may throw away what it has
        for one in self._sockets:
            self._loop.remove_reader(one)
            self._loop.remove_writer(one)
            one.close()
        self._sockets = []
