"""A page of things to answer: past alarms, or stretches of normal video."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from vadkit.errors import VadkitError
from vadkit.reports.live_actions import Action, action_route
from vadkit.reports.live_guard import Guard
from vadkit.reports.live_page import media_file, page_file, shown

_PAGES = {f"/{name}": name for name in ("answers.css", "answers.js", "answers-days.js")}
_PAGES["/"] = "answers.html"
_ENDINGS = (".jpg", ".mp4")


def answer_application(
    items: Callable[[], Any],
    media: Callable[[str, str], Path | None],
    answer: Action,
    token: str | None,
    of_day: Callable[[str], Any] | None = None,
) -> ASGIApp:
    """Create the page as an ASGI application; see ``Guard`` for access rules and ``answer_routes``
    for the other arguments.
    """
    return Guard(Starlette(routes=answer_routes(items, media, answer, of_day)), token)


def answer_routes(
    items: Callable[[], Any],
    media: Callable[[str, str], Path | None],
    answer: Action,
    of_day: Callable[[str], Any] | None = None,
) -> list[BaseRoute]:
    """Return the routes of the page.

    ``items`` returns what the page shows, as JSON-like data: ``title``, ``note`` and ``items``,
    each with ``id``, ``name``, ``facts``, ``answer``, ``history``, ``choices``, ``picture`` and
    ``clip``; with ``days``, the page has a calendar, and ``of_day`` returns what it shows of a day.
    ``media`` returns the file of an item with an ending, ``answer`` keeps an answer.
    """

    async def state(request: Request) -> Response:
        day = request.query_params.get("day")
        try:
            if day is None or of_day is None:
                found = await run_in_threadpool(items)
            else:
                found = await run_in_threadpool(of_day, day)
        except VadkitError as error:
            found = {"error": str(error)}
        return Response(json.dumps(shown(found)), media_type="application/json")

    async def file(request: Request) -> Response:
        name = Path(request.path_params["name"])
        known = name.suffix in _ENDINGS
        return media_file(await run_in_threadpool(media, name.stem, name.suffix) if known else None)

    return [
        *(Route(path, page_file(name)) for path, name in _PAGES.items()),
        Route("/items.json", state),
        Route("/media/{name}", file),
        action_route("/answer", answer),
    ]
