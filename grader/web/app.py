"""Addresses and answers.

::

    /enter/TOKEN                              gives the cookie
    /PATH/…                                   the pages, named as their files are
    /PATH/students/NAME/staff.html            the student's page with forms around it; a POST does what a form asks for
    /PATH/students/NAME/staff.html?alone      the page itself
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from grader.errors import UsageError
from grader.render.html.templates import FOLDER, sheet, source_hash
from grader.small_files import contents
from grader.text import plain
from grader.web import hand, places
from grader.web.guard import COOKIE, HOSTS, Guard, Keys

_MOST_PAGE = 200_000_000
_MOST_FORM = 100_000
_AGAIN = "5"  # seconds until a page is looked at again that a batch is about to write


# What leads from a page elsewhere: the forms around it have the same, within them it would lead nowhere.
_AROUND = re.compile(rb'<nav class="around".*?</nav>\n?', re.DOTALL)
# To the course's page, which is not served where a class alone is.
_UP = re.compile(rb'<p class="small up">.*?</p>\n?', re.DOTALL)


class Pages:
    """The answers.

    Parameters
    ----------
    results
        Of a class, or of a course.
    keys
        The secrets of this server.
    """

    def __init__(self, results: Path, keys: Keys) -> None:
        self._results = results
        self._keys = keys
        self._done: dict[Path, hand.Said] = {}  # told once, after a form

    def enter(self, request: Request) -> Response:
        """Give the cookie for the token; a page leads on, so that the browser sends it from the first page on."""
        if not secrets.compare_digest(request.path_params["token"].encode(), self._keys.token.encode()):
            return PlainTextResponse("Open the address that `grade serve` printed.", 403)
        home = f"/{self._keys.path}/"
        answer = HTMLResponse(hand.entered(home), headers=_policy("style.css"))
        answer.set_cookie(COOKIE, self._keys.cookie, path=home, httponly=True, samesite="strict")
        return answer

    async def page(self, request: Request) -> Response:
        """A page; or what one of its forms asks for."""
        place = await run_in_threadpool(places.find, self._results, request.path_params["page"])
        if place is None:
            return PlainTextResponse("There is no such page.", 404)
        if request.method == "POST":
            return await self._post(request, place)
        return await run_in_threadpool(self._get, request, place)

    def _get(self, request: Request, place: places.Place) -> Response:
        if place.kind == "staff" and "alone" not in request.query_params:
            return self._forms(place, self._done.pop(place.file, hand.Said()))
        again: dict[str, str] = {}
        if place.kind == "index" and (place.exercise or not places.is_course(self._results)):
            far = places.far(place.results)
            if far.newer:
                again = {"Refresh": _AGAIN}
            if not place.file.is_file():
                return HTMLResponse(hand.progress(far.found), headers=_policy("style.css") | {"Refresh": _AGAIN})
        try:
            content = contents(place.file, _MOST_PAGE)
        except (OSError, ValueError):
            return PlainTextResponse("There is no such page yet.", 404)
        if place.kind == "staff":
            content = _AROUND.sub(b"", content, count=1)
        if place.kind == "index" and not places.is_course(self._results):
            content = _UP.sub(b"", content, count=1)
        return HTMLResponse(content, headers=_PAGE | again)

    async def _post(self, request: Request, place: places.Place) -> Response:
        if place.kind != "staff":
            return PlainTextResponse("There is nothing to change here.", 405)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_FORM:
                return PlainTextResponse("That is too long.", 413)
        try:
            fields = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20, errors="strict"))
        except ValueError:
            return PlainTextResponse("This is no form of these pages.", 400)
        if not secrets.compare_digest(fields.get("token", "").encode(), self._keys.form.encode()):
            return PlainTextResponse("This form is of another server. Open the student's page again.", 403)
        return await run_in_threadpool(self._asked, request, place, fields)

    def _asked(self, request: Request, place: places.Place, fields: dict[str, str]) -> Response:
        try:
            around = hand.grade_of(place)
            if around is None:
                return PlainTextResponse("There is no such student.", 404)
            done = hand.do(self._results if place.exercise else None, place, around[1].student, fields)
        except UsageError as error:
            return self._forms(place, hand.Said([f"{error.message} {error.advice}"], wrong=True, typed=fields), 400)
        self._done[place.file] = hand.Said(done)
        return RedirectResponse(request.url.path, 303)

    def _forms(self, place: places.Place, said: hand.Said, status: int = 200) -> Response:
        try:
            around = hand.grade_of(place)
            if around is None:
                return PlainTextResponse("There is no such student.", 404)
            page = hand.page(place, around, self._keys.form, said)
        except UsageError as error:
            return PlainTextResponse(plain(f"{error.message} {error.advice}", 1000), 404)
        more = "frame-src 'self'; form-action 'self'"
        return HTMLResponse(page, status, headers=_policy("style.css", "course.css", "hand.css", more=more))


def _policy(*sheets: str, more: str = "form-action 'none'") -> dict[str, str]:
    style = source_hash(sheet(*sheets))
    rules = f"default-src 'none'; img-src data:; style-src {style}; base-uri 'none'; frame-ancestors 'none'; {more}"
    return {"Content-Security-Policy": rules}


# Of the pages that are files. Each says more exactly in itself which style and script it has.
_PAGE = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src {source_hash((FOLDER / 'class.js').read_text('utf-8'))}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
}


def make_app(results: Path, keys: Keys) -> Starlette:
    """The application: everything that is asked goes by the guard first."""
    pages = Pages(results, keys)
    return Starlette(
        routes=[
            Route("/enter/{token}", pages.enter),
            Route(f"/{keys.path}/{{page:path}}", pages.page, methods=["GET", "POST"]),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
            Middleware(Guard, keys=keys),
        ],
    )
