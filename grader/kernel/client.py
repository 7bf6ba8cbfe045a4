"""A kernel client whose every resource is bounded: what a notebook sends cannot fill the grader's memory.

Before a message is parsed its bytes are counted; one that is larger than a frame may be makes libzmq drop
the connection instead of holding it. Messages that are malformed, unsigned or forged are dropped.
"""

from __future__ import annotations

from typing import Any

import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.connect import channel_socket_types
from traitlets import Type
from zmq.constants import Event

from grader.kernel.wire import MAX_BYTES

# One frame of a message: libzmq has to hold it as a whole before anybody can look at it.
MAX_FRAME = {"shell": MAX_BYTES + 1000, "iopub": 8_000_000, "control": 1_000_000, "stdin": 1_000_000, "hb": 1_000}
# Status messages, and replies with a traceback, are smaller than this: they still pass when the budget is used up.
_SMALL = 64_000


class Meter:
    """What one cell, or one answer, may still send."""

    def __init__(self, max_bytes: int, max_messages: int) -> None:
        self.bytes_left = max_bytes
        self.messages_left = max_messages

    @property
    def spent(self) -> bool:
        """Whether more came than may."""
        return self.bytes_left < 0 or self.messages_left < 0

    def exhaust(self) -> None:
        """Something came that was too large to count."""
        self.bytes_left = -1

    def admit(self, size: int) -> bool:
        """Count a message of `size` bytes; whether it may be parsed."""
        self.bytes_left -= size
        self.messages_left -= 1
        return not self.spent or size <= _SMALL


class BoundedChannel(AsyncZMQSocketChannel):
    """A channel that counts bytes before it parses, and drops what is no proper message."""

    meter: Meter | None = None

    async def _recv(self, **kwargs: Any) -> dict[str, Any]:
        while True:
            frames = await self.socket.recv_multipart(**kwargs)
            if self.meter is not None and not self.meter.admit(sum(len(frame) for frame in frames)):
                continue
            try:
                _, signed = self.session.feed_identities(frames)
                message = self.session.deserialize(signed)
            except (ValueError, TypeError, KeyError, IndexError, RecursionError):
                continue
            if _is_message(message):
                return message  # type: ignore[no-any-return]


def _is_message(message: Any) -> bool:
    """Whether nbclient can look into it without stumbling."""
    return (
        type(message) is dict
        and type(message.get("msg_type")) is str
        and all(type(message.get(part)) is dict for part in ("header", "parent_header", "content"))
    )


class BoundedClient(AsyncKernelClient):
    """A client of bounded channels; nobody answers `input()`."""

    shell_channel_class = Type(BoundedChannel)
    iopub_channel_class = Type(BoundedChannel)
    _dropped: Any = None

    def _create_connected_socket(self, channel: str, identity: bytes | None = None) -> zmq.sugar.socket.Socket:
        socket = self.context.socket(channel_socket_types[channel])
        socket.linger = 0
        socket.maxmsgsize = MAX_FRAME[channel]
        socket.rcvhwm = 16
        if identity:
            socket.identity = identity
        socket.connect(self._make_url(channel))
        return socket

    def start_channels(self, *args: Any, **kwargs: Any) -> None:
        super().start_channels(*args, **kwargs)
        self._dropped = self.iopub_channel.socket.get_monitor_socket(Event.DISCONNECTED)

    def stop_channels(self) -> None:
        if self._dropped is not None:
            self.iopub_channel.socket.disable_monitor()
            self._dropped = None
        super().stop_channels()

    async def dropped(self, seconds: float) -> bool:
        """Whether libzmq dropped the output channel within `seconds`: a single message was larger than a frame may be.

        It is connected again by itself; what was sent meanwhile is lost.
        """
        if self._dropped is None or not await self._dropped.poll(int(seconds * 1000)):
            return False
        await self._dropped.recv_multipart()
        return True

    def meter(self, meter: Meter | None) -> None:
        """Count what comes on the shell and output channels against `meter` from now on."""
        self.shell_channel.meter = meter
        self.iopub_channel.meter = meter
