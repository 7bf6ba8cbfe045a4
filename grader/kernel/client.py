"""A kernel client whose every resource is bounded: what a notebook sends cannot fill the grader's memory.

Before libzmq gets a message its bytes are counted (:mod:`grader.kernel.relay`), and before it is parsed its bytes
and its lists and dicts. Messages that are malformed, unsigned or forged are dropped.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from contextlib import suppress
from queue import Empty
from typing import Any

import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.connect import channel_socket_types
from traitlets import Type
from zmq.constants import Event

from grader.kernel.relay import Relay
from grader.kernel.wire import MAX_BYTES
from grader.text import swells

# One frame of a message: libzmq has to hold it as a whole before anybody can look at it.
MAX_FRAME = {"shell": MAX_BYTES + 1000, "iopub": 8_000_000, "control": 1_000_000, "stdin": 1_000_000, "hb": 1_000}
# All frames of a message: JSON of an answer comes on top of its arrays.
MAX_MESSAGE = {"shell": MAX_BYTES + 8_000_000, "iopub": 8_000_000}
# Bytes of messages that libzmq may hold before the first of them is looked at.
_AHEAD = 1_000_000
# What the lists, dicts and numbers in the JSON of one message may take once it is parsed.
_MAX_PARSED = 24_000_000
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
    relay: Relay | None = None

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """The next proper message; `Empty` after `timeout` seconds, however many others came and were dropped."""
        ends = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if ends is None else max(0, int(1000 * (ends - time.monotonic())))
            if not await self.socket.poll(left):
                raise Empty
            message = await self._recv()
            if message is not None:
                return message
            if ends is not None and time.monotonic() > ends:
                raise Empty

    async def _recv(self, **kwargs: Any) -> dict[str, Any] | None:
        """The message that is there, if it is a proper one."""
        frames = await self.socket.recv_multipart(**kwargs)
        if self.relay is not None:
            self.relay.consumed(frames)
        if self.meter is not None and not self.meter.admit(sum(len(frame) for frame in frames)):
            return None
        try:
            _, signed = self.session.feed_identities(frames)
            if swells(b",".join(signed[1:5]), _MAX_PARSED):
                if self.meter is not None:
                    self.meter.exhaust()
                return None
            return self._message(signed)
        except Exception:  # whatever this stumbles over no kernel sends
            return None

    def _message(self, signed: list[bytes]) -> dict[str, Any] | None:
        """A message from its frames, if it is signed and whole.

        As jupyter_client's own, without its search for dates in all texts, and without its memory of signatures.
        """
        if not hmac.compare_digest(self.session.sign(signed[1:5]), signed[0]):
            return None
        header, parent, metadata, content = (json.loads(part) for part in signed[1:5])
        message = {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": parent,
            "metadata": metadata,
            "content": content,
            "buffers": signed[5:],
        }
        return message if _is_message(message) else None


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
        url = self._make_url(channel)
        if self.transport == "ipc":
            relay = Relay(url.removeprefix("ipc://"), MAX_MESSAGE[channel], _AHEAD, lambda: self._exhaust(channel))
            self._relays[channel] = relay
            url = f"ipc://{relay.path}"
        socket.connect(url)
        return socket

    def start_channels(self, *args: Any, **kwargs: Any) -> None:
        self._relays: dict[str, Relay] = {}
        # Nobody reads the control channel, so that it would only fill up.
        super().start_channels(*args, **kwargs | {"control": False})
        for name, channel in (("shell", self.shell_channel), ("iopub", self.iopub_channel)):
            channel.relay = self._relays.get(name)
        if self.transport != "ipc":
            self._dropped = self.iopub_channel.socket.get_monitor_socket(Event.DISCONNECTED)

    def stop_channels(self) -> None:
        if self._dropped is not None:
            self.iopub_channel.socket.disable_monitor()
            self._dropped = None
        for channel in (self._shell_channel, self._iopub_channel):
            if channel is not None and channel.is_alive():
                channel.stop()
        for relay in self._relays.values():
            relay.close()
        if self._created_context and not self.context.closed:
            self.context.destroy(linger=0)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until what the kernel sends of itself arrives.

        Raises
        ------
        RuntimeError
            It died, or took too long.
        """
        ends = time.monotonic() + (timeout or 60)
        while time.monotonic() < ends:
            # The kernel welcomes whoever subscribes; should that be lost, its answers to questions arrive as well.
            if await self._arrives(self.iopub_channel, 0.25):
                return
            if not await self.is_alive():
                raise RuntimeError("the kernel died")
            self.kernel_info()
        raise RuntimeError("the kernel does not answer")

    @staticmethod
    async def _arrives(channel: BoundedChannel, seconds: float) -> bool:
        with suppress(Empty):
            await channel.get_msg(timeout=seconds)
            return True
        return False

    async def dropped(self, seconds: float) -> bool:
        """Whether the output channel was cut within `seconds`: a single message was larger than one may be.

        It is connected again; what was sent meanwhile is lost.
        """
        if self._dropped is None:  # the relay knows of it at once
            await asyncio.sleep(seconds)
            return False
        if not await self._dropped.poll(int(seconds * 1000)):
            return False
        await self._dropped.recv_multipart()
        # After too large a frame libzmq does not connect by itself.
        socket, url = self.iopub_channel.socket, self._make_url("iopub")
        with suppress(zmq.error.ZMQError):
            socket.disconnect(url)
        socket.connect(url)
        return True

    def _exhaust(self, name: str) -> None:
        channel = self.iopub_channel if name == "iopub" else self.shell_channel
        if channel.meter is not None:
            channel.meter.exhaust()

    def meter(self, meter: Meter | None) -> None:
        """Count what comes on the shell and output channels against `meter` from now on."""
        self.shell_channel.meter = meter
        self.iopub_channel.meter = meter
