"""A page of things to answer: past alarms, or stretches of normal video."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from vadkit.errors import VadkitError
from vadkit.reports.live_actions import Action, action_route
from vadkit.reports.live_guard import Guard
from vadkit.reports.live_page import page_file, shown

_PAGES = {"/": "answers.html", "/answers.css": "answers.css", "/answers.js": "answers.js"}
_KINDS = {".jpg": "image/jpeg", ".mp4": "video/mp4"}


def answer_application(
    items: Callable[[], Any],
    media: Callable[[str, str], Path | None],
    answer: Action,
    token: str | None,
) -> ASGIApp:
    """Create the page as an ASGI application; see ``Guard`` for access rules.

    ``items`` returns what the page shows, as JSON-like data: ``title``, ``note`` and ``items``,
    each with ``id``, ``name``, ``facts``, ``answer``, ``history``, ``choices``, ``picture`` and
    ``clip``. ``media`` returns the file of an item with an ending, ``answer`` keeps an answer.
    """

    async def state(request: Request) -> Response:
        try:
            found = await run_in_threadpool(items)
        except VadkitError as error:
            found = {"error": str(error)}
        return Response(json.dumps(shown(found)), media_type="application/json")

    async def file(request: Request) -> Response:
        name = Path(request.path_params["name"])
        kind = _KINDS.get(name.suffix)
        path = None if kind is None else await run_in_threadpool(media, name.stem, name.suffix)
        # Browsers ask for parts of clips, which this response can give.
        return Response(status_code=404) if path is None else FileResponse(path, media_type=kind)

    routes = [
        *(Route(path, page_file(name)) for path, name in _PAGES.items()),
        Route("/items.json", state),
        Route("/media/{name}", file),
        action_route("/answer", answer),
    ]
    return Guard(Starlette(routes=routes), token)
