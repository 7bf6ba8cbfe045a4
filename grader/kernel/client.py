"""A kernel client whose every resource is bounded: what a notebook sends cannot fill the grader's memory.

It has what nbclient asks of a client, and no more. Messages that are too large are thrown away as they come
(:mod:`grader.kernel.zmtp`); before one is parsed its bytes are counted, and its lists and dicts. Messages that are
malformed, unsigned or forged are dropped.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from queue import Empty
from typing import Any

from grader.kernel.wire import MAX_BYTES
from grader.kernel.zmtp import Socket
from grader.text import swells

_DELIMITER = b"<IDS|MSG>"
# `json.loads` looks for the encoding each time, which ZMTP's users know.
_parsed = json.JSONDecoder().decode
# All frames of a message.
MAX_MESSAGE = {"shell": MAX_BYTES + 8_000_000, "iopub": 8_000_000}
# Bytes of messages that may be held before the first of them is looked at.
_AHEAD = 1_000_000
# What the lists, dicts and numbers in the JSON of one message may take once it is parsed.
_MAX_PARSED = 24_000_000
# Status messages, and replies with a traceback, are smaller than this: they still pass when the budget is used up.
_SMALL = 64_000


class Meter:
    """What one cell may still send.

    Parameters
    ----------
    spent
        Called once, when more came than may.
    """

    def __init__(self, max_bytes: int, max_messages: int, spent: Callable[[], None]) -> None:
        self.bytes_left = max_bytes
        self.messages_left = max_messages
        self.spent = False
        self._told = spent

    def exhaust(self) -> None:
        """Something came that was too large to count."""
        if not self.spent:
            self.spent = True
            self._told()

    def admit(self, size: int) -> bool:
        """Count a message of `size` bytes; whether it may be parsed."""
        self.bytes_left -= size
        self.messages_left -= 1
        if self.bytes_left < 0 or self.messages_left < 0:
            self.exhaust()
        return not self.spent or size <= _SMALL


class Channel:
    """One of the kernel's channels: signs what it sends, and drops what is no proper message.

    Attributes
    ----------
    meter
        Counts what comes, where there is one.
    """

    meter: Meter | None = None

    def __init__(self, name: str, kind: str, key: bytes) -> None:
        self._key = key
        self._parent: tuple[bytes, Any] = b"{}", {}  # all that a cell brings about names the same one
        self.socket = Socket(kind, MAX_MESSAGE[name], _AHEAD, self._exhaust)

    def _exhaust(self) -> None:
        if self.meter is not None:
            self.meter.exhaust()

    def send(self, *parts: Mapping[str, Any]) -> None:
        """Send a message: its header, its parent's header, its metadata and its content."""
        frames = [json.dumps(part).encode() for part in parts]
        self.socket.send([_DELIMITER, self._signature(frames), *frames])

    def _signature(self, frames: list[bytes]) -> bytes:
        return hmac.digest(self._key, b"".join(frames), "sha256").hex().encode()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """The next proper message; `Empty` after `timeout` seconds, however many others came and were dropped."""
        ends = None if timeout is None else time.monotonic() + timeout
        while True:
            frames = await self.socket.receive(None if ends is None else max(0.0, ends - time.monotonic()))
            if frames is None:
                raise Empty
            if self.meter is not None and not self.meter.admit(sum(map(len, frames))):
                continue
            try:
                message = self._message(frames)
            except Exception:  # whatever this stumbles over no kernel sends
                continue
            if message is not None:
                return message

    def _message(self, frames: list[bytes]) -> dict[str, Any] | None:
        """A message from its frames, if it is signed and whole."""
        begins = frames.index(_DELIMITER) + 1
        signature, signed = frames[begins], frames[begins + 1 : begins + 5]
        if swells(b",".join(signed), _MAX_PARSED):
            self._exhaust()
            return None
        if not hmac.compare_digest(self._signature(signed), signature):
            return None
        header = _parsed(signed[0].decode())
        if header["msg_type"] == "execute_input":  # what was sent, once more
            return None
        content = _parsed(signed[3].decode())
        if signed[1] != self._parent[0]:
            self._parent = signed[1], _parsed(signed[1].decode())
        message = {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": self._parent[1],
            "metadata": {},  # nobody looks at it
            "content": content,
            "buffers": frames[begins + 5 :],
        }
        return message if _is_message(message) else None


def _is_message(message: Any) -> bool:
    """Whether nbclient can look into it without stumbling."""
    return type(message["msg_type"]) is str and all(
        type(message[part]) is dict for part in ("header", "parent_header", "content")
    )


class BoundedClient:
    """A client of bounded channels, in the event loop that is running; nobody answers `input()`.

    Parameters
    ----------
    connection
        What the kernel's connection file says.
    alive
        Whether the kernel's process is still there.
    """

    def __init__(self, connection: Mapping[str, Any], alive: Callable[[], bool]) -> None:
        self._connection = connection
        self._alive = alive
        self._session = secrets.token_hex(16)
        self._sent = 0
        key = connection["key"].encode()
        self.shell_channel = Channel("shell", "DEALER", key)
        self.iopub_channel = Channel("iopub", "SUB", key)

    async def connect(self, timeout: float) -> None:
        """Connect, and wait until what the kernel sends of itself arrives.

        Raises
        ------
        RuntimeError
            It died, or took too long.
        OSError
            Its sockets are not there.
        """
        for name, channel in (("shell", self.shell_channel), ("iopub", self.iopub_channel)):
            ip, port = self._connection["ip"], self._connection[f"{name}_port"]
            await channel.socket.connect(f"{ip}-{port}" if self._connection["transport"] == "ipc" else (ip, port))
        ends = time.monotonic() + timeout
        while time.monotonic() < ends:
            # The kernel welcomes whoever subscribes; should that be lost, its answers to questions arrive as well.
            try:
                await self.iopub_channel.get_msg(0.25)
                return
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died") from None
            self._request("kernel_info_request", {})
        raise RuntimeError("the kernel does not answer")

    def close(self) -> None:
        """End the connections."""
        self.shell_channel.socket.close()
        self.iopub_channel.socket.close()

    def meter(self, meter: Meter | None) -> None:
        """Count what comes on the channels against `meter` from now on."""
        self.shell_channel.meter = self.iopub_channel.meter = meter

    def is_alive(self) -> bool:
        """Whether the kernel's process is still there."""
        return self._alive()

    def execute(self, code: str, store_history: bool = True, stop_on_error: bool = True) -> str:
        """Have the kernel run some code; the id of the request."""
        return self._request(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": store_history,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": stop_on_error,
            },
        )

    def _request(self, kind: str, content: dict[str, Any]) -> str:
        self._sent += 1
        name = f"{self._session}_{self._sent}"
        header = {
            "msg_id": name,
            "msg_type": kind,
            "username": "grader",
            "session": self._session,
            "date": datetime.now(UTC).isoformat(),
            "version": "5.3",
        }
        self.shell_channel.send(header, {}, {}, content)
        return name
