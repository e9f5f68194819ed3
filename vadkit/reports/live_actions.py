"""Requests that change something: only from the page itself, and with JSON of limited size."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from vadkit.errors import VadkitError
from vadkit.files import describe_os_error
from vadkit.reading import parse_json
from vadkit.text import printable

# Takes the request's JSON and returns JSON-like data; raises ``VadkitError`` to refuse.
Action = Callable[[Any], Any]

_LARGEST = 64 << 10


def action_route(path: str, action: Action) -> Route:
    """Return the route of an action: it accepts POST requests, after the access rules of ``Guard``.

    Another site can make a browser send requests here, with the browser's cookies, but not JSON
    without asking first, and not with this page's origin. The answer is JSON, ``{"error": ...}``
    with status 400 if the action refuses.
    """

    async def answer(request: Request) -> Response:
        if not from_here(request):
            return _answer(403, {"error": "this request comes from another page"})
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _answer(415, {"error": "send application/json"})
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > _LARGEST:
                    return _answer(413, {"error": f"more than {_LARGEST >> 10} KB"})
        except ClientDisconnect:
            return _answer(400, {"error": "the request is not complete"})
        try:
            return _answer(200, await run_in_threadpool(_act, action, bytes(body)))
        except OSError as error:
            return _answer(400, {"error": describe_os_error(error)})
        except (VadkitError, ValueError) as error:
            return _answer(400, {"error": printable(str(error))})

    return Route(path, answer, methods=["POST"])


def _act(action: Action, body: bytes) -> Any:
    return action(parse_json(body.decode("utf-8")))


def from_here(request: Request) -> bool:
    """Whether a request may come from this page: a browser says which page it comes from."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        return False
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _answer(status: int, data: Any) -> Response:
    return Response(json.dumps(data), status, media_type="application/json")
