"""What a notebook prints and shows, on its way to the grader: whoever has something to say sends it himself.

ipykernel hands everything to a thread with an event loop of its own, and waits for it at each flush, several times a
cell. Here a flush is a send. One thread is left, which no event loop runs: it reads what programs and C code write to
descriptors 1 and 2, and sends now and then what was printed and not flushed, while a cell goes on.
"""

from __future__ import annotations

import functools
import itertools
import operator
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ipykernel.iostream import BackgroundSocket, IOPubThread, OutStream
from zmq.backend import Socket
from zmq.constants import Flag, PollEvent

_EVERY_S = 0.2
_CHUNK = 1 << 16
_MORE = int(Flag.SNDMORE)
_WANTED = b"\x01"  # how a subscription begins


class Publisher(IOPubThread):  # type: ignore[misc]
    """In the place of ipykernel's thread: the output channel, for all threads.

    It is built before there is a socket, in the warm process, and drops what is said until it is connected. In a
    process that a notebook forks off it drops everything: the channel belongs to the kernel.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        self.socket: Any = None
        self.streams: list[Stream] = []
        self.background_socket = BackgroundSocket(self)
        self.thread: Any = None
        self.io_loop = None
        # A signal's handler may print while the same thread is sending.
        self._lock = threading.RLock()
        self._send: Any = None
        self._pid = 0
        self._stopped = False

    # ------------------------------------------------------------------ life

    def connect(self, socket: Any) -> None:
        """Send from now on, on this socket."""
        self._send = functools.partial(Socket.send, socket)
        self._pid = os.getpid()
        self.socket = socket

    def start(self) -> None:
        """Watch descriptors 1 and 2, and what is not flushed."""
        self.thread = threading.Thread(target=self._watch, name="IOPub", daemon=True)
        self.thread.start()
        os.register_at_fork(after_in_child=self._begin_anew)

    def stop(self) -> None:
        """Send what is left."""
        self._stopped = True
        for stream in self.streams:
            stream.flush()

    def close(self) -> None:
        """Send nothing any more."""
        with self._lock:
            socket, self.socket = self.socket, None
        if socket is not None:
            socket.close()

    def _begin_anew(self) -> None:
        """In a process that the notebook forked: a thread that is not here may hold the locks."""
        self._lock = threading.RLock()
        for stream in self.streams:
            stream._buffer_lock = threading.RLock()

    # ------------------------------------------------------------------ messages

    def schedule(self, f: Callable[[], Any]) -> None:
        """What others would have the thread do is done at once."""
        f()

    def send_multipart(self, msg: Sequence[Any], *_: Any, **__: Any) -> None:
        """Send a message."""
        self.send_whole(msg)

    def send_whole(self, frames: Sequence[Any], first: Callable[[], Any] = bool) -> Any:
        """Do something, and send a message: all of it, also where an interrupt comes in the midst of it.

        Returns
        -------
        object
            What `first` gave.
        """
        steps: list[Callable[[], Any]] = [first]
        if self.socket is not None and os.getpid() == self._pid:
            flags = [_MORE] * (len(frames) - 1) + [0]
            steps += map(functools.partial, itertools.repeat(self._send), frames, flags)
        with self._lock:
            return list(map(operator.call, steps))[0]  # noqa: RUF015 - a loop in C: no handler of signals is run in it

    def welcome(self) -> None:
        """Greet those who have subscribed since the last time."""
        with self._lock:
            while self.socket is not None and self.socket.events & PollEvent.POLLIN:
                topic = self.socket.recv_multipart(Flag.NOBLOCK)[0]
                if topic[:1] == _WANTED:
                    topic = topic[1:]
                    message = self.session.msg("iopub_welcome", {"subscription": topic.decode(errors="replace")})
                    self.send_whole(self.session.serialize(message, ident=topic or None))

    # ------------------------------------------------------------------ what comes without being sent

    def _watch(self) -> None:
        """Read what is written to the descriptors; send what waits, a few times a second."""
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # it is for the thread that runs the cells
        poll = select.poll()
        by_descriptor = {stream._fid: stream for stream in self.streams if stream._fid is not None}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.POLLIN)
        last = time.monotonic()
        while not self._stopped:
            for descriptor, _ in poll.poll(1000 * _EVERY_S):
                by_descriptor[descriptor].take()
            if time.monotonic() - last >= _EVERY_S:
                last = time.monotonic()
                for stream in self.streams:
                    stream._flush()


class Stream(OutStream):  # type: ignore[misc]
    """`sys.stdout` or `sys.stderr` of a notebook: ipykernel's, but that it sends at once what is flushed."""

    def __init__(self, session: Any, publisher: Publisher, name: str) -> None:
        super().__init__(session, publisher, name, watchfd=False)
        publisher.streams.append(self)

    def redirect(self, echo: bool) -> None:
        """Take what is written to the descriptor behind this stream, too.

        Parameters
        ----------
        echo
            Write it all where the descriptor led before, as well.
        """
        self._master_pid = os.getpid()
        number = getattr(sys, f"__{self.name}__").fileno()
        self._original_stdstream_fd, self._original_stdstream_copy = number, os.dup(number)
        self._fid, into = os.pipe()
        os.set_blocking(self._fid, False)
        os.dup2(into, number)
        os.close(into)
        self._echoing = echo

    _echoing = False

    def take(self) -> None:
        """Read what was written to the descriptor: all that a pipe holds."""
        with suppress(OSError), self._buffer_lock:
            written = os.read(self._fid, _CHUNK)
            self._keep(written.decode(errors="replace"))
            if self._echoing:
                os.write(self._original_stdstream_copy, written)

    def write(self, string: str) -> int:
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if self.pub_thread is None:
            raise ValueError("I/O operation on closed file")
        self._keep(string)
        if self._echoing:
            with suppress(OSError):
                os.write(self._original_stdstream_copy, string.encode(errors="replace"))
        return len(string)

    def _keep(self, text: str) -> None:
        with self._buffer_lock:
            self._buffers[frozenset(self.parent_header.items())].write(text)

    def flush(self) -> None:
        """Send what was written, here and to the descriptor."""
        if self._fid is not None and os.getpid() == self._master_pid:
            self.take()
        if self._buffers:
            self._flush()

    def _flush(self) -> None:
        with self._buffer_lock:
            while self._buffers:
                key, buffer = next(iter(self._buffers.items()))
                text = buffer.getvalue()
                take = functools.partial(self._buffers.pop, key, buffer)
                taken = self.pub_thread.send_whole(self._message(dict(key), text), take)
                if len(more := taken.getvalue()) > len(text):  # a handler of signals had something to say meanwhile
                    self._buffers[key].write(more[len(text) :])

    def _message(self, parent: dict[str, Any], text: str) -> list[bytes]:
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode("utf-8")
        message = self.session.msg("stream", {"name": self.name, "text": text}, parent=parent)
        for hook in self._hooks:
            if (message := hook(message)) is None:
                return []
        frames: list[bytes] = self.session.serialize(message, ident=self.topic)
        return frames
