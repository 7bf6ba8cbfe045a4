"""What every notebook does, done in the warm process: what is built, looked up or specialised at first use is there.

Python rewrites the code of a function that was called some times, to the types that it met; a fork that does so itself
pays for it, and for each page of memory that it writes to. Nothing of it may be seen by a notebook: the shell is as new
afterwards, and the generators of random numbers are seeded before the first cell.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from contextlib import suppress
from typing import Any

from tornado.ioloop import IOLoop
from zmq.sugar.frame import Frame

from grader.kernel import objects, tripwires

# A line that ends with a value, print, a function, an import, an error.
_CELLS = (
    "x = 1\nx",
    "print(x, 'two')\nprint()",
    "def f(n):\n    return [n, f]\n\n\nf(2)[0], 'text', 1.5, {'a': None}",
    "import torch\nfrom torch import nn\n\nnet = nn.Sequential(nn.Linear(3, 2), nn.ReLU())",
    "for p in net[0].parameters():\n    print(p.numel())\nnet(torch.zeros(1, 3)).shape",
)
_FAILING = "1 / 0"
# Small modules of the kinds that checks send; what is asked about the names that the cells have defined.
_LAYERS: tuple[list[Any], ...] = (
    ["Linear", [3, 2], {}],
    ["Conv2d", [1, 2, 3], {"bias": False}],
    ["BatchNorm2d", [2], {}],
    ["Embedding", [3, 2], {}],
    ["LSTM", [2, 2], {}],
    ["TransformerEncoderLayer", [2, 1, 2], {}],
    ["Parameter", [[2]], {"frozen": True}],
)
_MODULE = ["M", ["Network", [{f"part{n}": layer for n, layer in enumerate(_LAYERS)}], {}]]
_NO_OPTIONS: list[Any] = ["d", []]
_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"do": "has", "names": ["x", "f", "y"]},
    {"do": "value", "name": "x"},
    {"do": "value", "name": "net.0.weight"},
    {"do": "value", "name": "y"},
    {"do": "call", "name": "f", "args": ["l", [["i", "2"]]], "options": _NO_OPTIONS},
    {"do": "call", "name": "f", "args": ["l", [["M", ["Sequential", [list(_LAYERS)], {}]]]], "options": _NO_OPTIONS},
    {"do": "call", "name": "f", "args": ["l", [_MODULE]], "options": _NO_OPTIONS},
    {"do": "call", "name": "x", "args": ["l", []], "options": _NO_OPTIONS},
)
# Calls until CPython 3.11 has rewritten a function that was new, and a few for branches that are taken now and then.
_TIMES = 12


def rehearse(application: Any) -> None:
    """Run cells and answer questions as they will come, without a socket and without a thread."""
    kernel, shell = application.kernel, application.shell
    session = application.session
    kernel.line = _Nobody()
    answer = application._probe["answering"](shell.user_ns, tripwires.tripwires, objects.answering)
    loop = IOLoop(make_current=True)
    try:
        for n in range(_TIMES):
            for source in (*_CELLS, *([_FAILING] if n < 2 else [])):
                loop.run_sync(functools.partial(kernel.dispatch_shell, _request(session, source)))
            for question in _QUESTIONS:
                answer({**question}, [])
            application._probe["seed_all"](n)
    finally:
        del kernel.line
        loop.close(all_fds=True)
        asyncio.set_event_loop(None)
    session.digest_history.clear()
    make_new(shell)


class _Nobody:
    """Who listens here."""

    def sign(self, sign: bytes) -> None:
        """Nothing is heard."""


def _request(session: Any, source: str) -> list[Frame]:
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    message = session.msg("execute_request", content | {"stop_on_error": False}, metadata={"cellId": "rehearsal"})
    return [Frame(part) for part in session.serialize(message)]


def make_new(shell: Any) -> None:
    """Let a shell be as it was before its first cell."""
    shell.reset(new_session=True)
    shell.user_ns.pop("_", None)
    for name in ("last_type", "last_value", "last_traceback"):
        with suppress(AttributeError):
            delattr(sys, name)
