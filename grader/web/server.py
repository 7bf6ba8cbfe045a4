"""The server: a port of this machine that nobody else can reach."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from grader.errors import UsageError
from grader.web.app import make_app
from grader.web.guard import Keys
from grader.web.places import check

LOOPBACK = "127.0.0.1"


def serve(results: Path, port: int, told: Callable[[str], None]) -> None:
    """Serve the pages of results until Ctrl-C.

    Parameters
    ----------
    port
        On which one; 0 takes any that is free.
    told
        Is told the address, with its token, once it can be opened.

    Raises
    ------
    UsageError
        There are no results, or the port is taken.
    """
    check(results)
    keys = Keys()
    config = uvicorn.Config(
        make_app(results.resolve(), keys),
        log_level="error",
        access_log=False,  # it would hold the token
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
            listening.listen()
        except OSError as error:
            raise UsageError(f"Port {port} cannot be used: {error.strerror}.", "Name another with --port.") from None
        told(f"http://{LOOPBACK}:{listening.getsockname()[1]}/enter/{keys.token}")
        uvicorn.Server(config).run(sockets=[listening])
