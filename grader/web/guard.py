"""Who may ask: whoever has the token, under this machine's own name, from a page of ours. Everything else is refused.

The token stands in the address that is printed. It is exchanged for a cookie that no script reads (`HttpOnly`), that
no other site sends along (`SameSite=Strict`), and that no server on another port is shown, since it belongs to a path
that nobody can guess. What changes anything needs a secret of the page's form as well.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "grade-serve"
HOSTS = ["127.0.0.1", "localhost"]  # a page elsewhere whose name is made to lead here has another name


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """The secrets of a server: the token of its address, the cookie's value, the form's, and the path of its pages."""

    token: str = field(default_factory=_secret, repr=False)
    cookie: str = field(default_factory=_secret, repr=False)
    form: str = field(default_factory=_secret, repr=False)
    path: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)


_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    # Not "no-referrer": a form's `Origin` would be "null" then.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Lets through what may be asked, and says of every answer what a browser may do with it."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":  # no other protocol is spoken
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await send(message)

        answer = self._refusal(Request(scope)) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        if request.url.path.startswith("/enter/"):
            return None
        given = request.cookies.get(COOKIE, "").encode()
        if not secrets.compare_digest(given, self._keys.cookie.encode()):
            return PlainTextResponse("Open the address that `grade serve` printed.", 403)
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("Another page asked for this. Open it yourself.", 403)
        own = f"http://{request.headers.get('host', '')}"
        if request.method not in ("GET", "HEAD") and request.headers.get("origin") != own:
            return PlainTextResponse("This form came from another page. Open the student's page again.", 403)
        return None
