"""ipykernel's way of a message and a cell, without what it does twice or anew each time.

What a notebook sees is the same; what changes is how often it is worked out. Each piece stands alone.
"""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ipykernel import compiler, ipkernel
from jupyter_client import jsonutil
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session, json_packer
from zmq.constants import PollEvent
from zmq.eventloop.zmqstream import ZMQStream

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=json_default).encode


class Packer:
    """Parts of messages as JSON, as :class:`~jupyter_client.session.Session` has them.

    The header of a request is a part of every message that it causes: it is made into JSON once.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._last: tuple[Any, bytes] = {}, b"{}"

    def __call__(self, part: Any) -> bytes:
        if not part and type(part) is dict:
            return b"{}"
        if part is self._last[0]:
            return self._last[1]
        try:
            packed: bytes = _encode(part).encode("utf-8", "surrogateescape")
        except (TypeError, ValueError):
            packed = json_packer(part)
        if type(part) is dict and part.get("session", self._own) != self._own:
            self._last = part, packed
        return packed


def pack_quickly(session: Session) -> None:
    """Have a session use such a packer."""
    session.pack = Packer(session.session)


class DirectStream(ZMQStream):  # type: ignore[misc]
    """A stream that sends at once: a router never waits for whoever is to have the message."""

    def send_multipart(self, msg: Any, flags: int = 0, copy: bool = True, **_: Any) -> None:
        self.socket.send_multipart(msg, flags, copy=copy)
        self._update_handler(self._state)  # a message may have come meanwhile, of which nobody hears any more

    def flush(self, flag: int = PollEvent.POLLIN | PollEvent.POLLOUT, limit: int | None = None) -> int:
        return 0 if flag == PollEvent.POLLOUT else int(super().flush(flag, limit))


def transform_once(shell: Any) -> None:
    """ipykernel transforms a cell, and IPython does so again a moment later: it is told what came out."""
    transform: Callable[[str], str] = shell.transform_cell
    last: list[tuple[str, str]] = []

    def transform_cell(raw_cell: str) -> str:
        if last:
            source, transformed = last.pop()
            if source is raw_cell:
                return transformed
        transformed = transform(raw_cell)
        last.append((raw_cell, transformed))
        return transformed

    shell.transform_cell = transform_cell


# A line that may hold a command of IPython's: `%`, `!` and their like stand first, or behind an equals sign; `?` last.
_MAY_BE_COMMAND = re.compile(r"\s*[%!,;/]|.*(?:=\s*[%!]|\?)", re.DOTALL)


def leave_plain_cells(shell: Any) -> None:
    """IPython takes each cell apart into tokens, to find its commands: one without any sign of them stays as it is."""
    manager = shell.input_transformer_manager
    transform: Callable[[list[str]], list[str]] = manager.do_token_transforms
    usual = list(manager.token_transformers)

    def do_token_transforms(lines: list[str]) -> list[str]:
        if manager.token_transformers == usual and not any(map(_MAY_BE_COMMAND.match, lines)):
            return lines
        return transform(lines)

    manager.do_token_transforms = do_token_transforms


def await_where_it_is_said(shell: Any) -> None:
    """A cell is compiled twice to see whether it awaits something: one that has neither word does not."""
    look: Callable[..., bool] = shell.should_run_async

    def should_run_async(raw_cell: str, *, transformed_cell: str | None = None, **options: Any) -> bool:
        if transformed_cell is not None and not ("await" in transformed_cell or "async" in transformed_cell):
            return False
        return look(raw_cell, transformed_cell=transformed_cell, **options)

    shell.should_run_async = should_run_async


def read_dates_quickly() -> None:
    """The dates in messages' headers are of one form, which Python itself reads; of others dateutil is asked."""
    slowly: Callable[[str], datetime] = jsonutil._dateutil_parse

    def parse(text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return slowly(text)

    if not hasattr(slowly, "quick"):
        parse.quick = True  # type: ignore[attr-defined]
        jsonutil._dateutil_parse = parse


def number_of(source: str, seed: int) -> int:
    """A number for a cell's source, for the name of its file. ipykernel works out its own in Python, byte by byte."""
    return zlib.crc32(source.encode("unicode_escape"), seed)


def name_cells_quickly() -> None:
    """Have ipykernel name cells by such numbers."""
    compiler.murmur2_x86 = number_of


def look_at_parameters_once() -> None:
    """ipykernel asks for each cell anew which parameters the shell's function has."""
    look = getattr(ipkernel, "_accepts_parameters", None)
    if look is None or hasattr(look, "cache_info"):
        return

    @functools.lru_cache(maxsize=8)
    def looked(function: Any, names: tuple[str, ...]) -> Any:
        return look(function, list(names))

    ipkernel._accepts_parameters = lambda function, names: looked(function, tuple(names))
