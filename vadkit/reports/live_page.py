"""The web page of `vadkit watch`: cameras with live scores and alarms."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import RecipeError

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import (
        FileResponse,
        PlainTextResponse,
        Response,
        StreamingResponse,
    )
    from starlette.routing import BaseRoute, Mount, Route
    from starlette.types import ASGIApp

    from vadkit.reports.live_actions import Action, action_route
    from vadkit.reports.live_server import make_server, serve
except ImportError as error:
    raise RecipeError(
        f"--web needs {error.name}; install it with: pip install 'vadkit[web]'"
    ) from None

from vadkit.reports.live_guard import Guard, is_loopback
from vadkit.reports.live_metrics import is_healthy, metrics
from vadkit.text import printable

if TYPE_CHECKING:
    from vadkit.reports.live_board import Board

_FILES = Path(__file__).parent / "html"
_PORT = 8700
_EVERY_S = 0.5
_SHORTEST_TOKEN = 16
_SCRIPTS = ("watch.js", "zones.js", "alarm-answers.js", "alarm-clips.js")
_PAGES = {f"/{name}": name for name in ("watch.css", *_SCRIPTS)}
_PAGES["/"] = "watch.html"
_MEDIA = {".jpg": "image/jpeg", ".mp4": "video/mp4"}
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def open_page(address: str, token: str | None) -> Page:
    """Create a page at ``HOST:PORT``, ``HOST`` or ``PORT``, not served yet; default 127.0.0.1:8700.

    Raises ``RecipeError`` if the address is not available, and if other machines can reach it but
    there is no token.
    """
    host, port = _parse(address)
    if not is_loopback(host) and not token:
        raise RecipeError(
            f"--web {address}: other machines can reach {host or 'every address'}, so it needs a "
            "token: set VADKIT_TOKEN (or --token), for example to what this prints: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    if token and len(token) < _SHORTEST_TOKEN:
        raise RecipeError(
            f"a token needs at least {_SHORTEST_TOKEN} characters; it has {len(token)}"
        )
    if token and not re.fullmatch(r"[!-~]+", token):
        raise RecipeError("a token must consist of ASCII letters, digits and signs, without spaces")
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        listening = socket.create_server((bare, port), family=family)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(f"--web {address}: cannot listen there: {reason}") from None
    return Page(listening, host or "0.0.0.0", token or None)


class Page:
    """A bound address, and the server of the page there."""

    def __init__(self, listening: socket.socket, host: str, token: str | None) -> None:
        self._socket, self._token = listening, token
        self.port: int = listening.getsockname()[1]
        self.address = f"http://{host}:{self.port}/"

    @property
    def token(self) -> str | None:
        """The secret that the page needs, if any."""
        return self._token

    @contextlib.contextmanager
    def serve(
        self,
        board: Board,
        actions: Mapping[str, Action] | None = None,
        past: Sequence[BaseRoute] = (),
    ) -> Iterator[str]:
        """Serve the page of cameras inside this context; provides its address.

        ``actions`` are what the page may change, by path; see ``action_route``. ``past`` are the
        routes of the page of past events, which is below ``/past/``.
        """
        closing = threading.Event()
        app = application(board, self._token, closing, actions, past)
        with self.serve_application(app, closing) as address:
            yield address

    @contextlib.contextmanager
    def serve_application(self, app: ASGIApp, closing: threading.Event) -> Iterator[str]:
        """Serve an application in its own thread inside this context; provides its address.

        ``closing`` is set at the end, so that requests without an end can stop.
        """
        server = make_server(app)
        thread = threading.Thread(
            target=serve, args=(server, self._socket), name="page", daemon=True
        )
        thread.start()
        try:
            yield self.address
        finally:
            closing.set()
            server.should_exit = True
            thread.join(5)
            self._socket.close()


def application(
    board: Board,
    token: str | None,
    closing: threading.Event,
    actions: Mapping[str, Action] | None = None,
    past: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """Create the page as an ASGI application; see ``Guard`` for access rules.

    Clients that follow the page are disconnected when it is ``closing``.
    """

    async def state(request: Request) -> Response:
        return Response(json.dumps(shown(board.as_data())), media_type="application/json")

    async def events(request: Request) -> Response:
        return StreamingResponse(_changes(board, request, closing), media_type="text/event-stream")

    async def frame(request: Request) -> Response:
        with board.lock:
            found = list(board.cameras.values())
        cameras = {str(place): one for place, one in enumerate(found)}
        camera = cameras.get(request.path_params["place"])
        return _jpeg(None if camera is None else camera.picture)

    async def snapshot(request: Request) -> Response:
        id = request.path_params["id"]
        if id in board.snapshots:
            return _jpeg(board.snapshots[id])
        return media_file(await run_in_threadpool(board.media, id, ".jpg"))

    async def clip(request: Request) -> Response:
        return media_file(await run_in_threadpool(board.media, request.path_params["id"], ".mp4"))

    async def health(request: Request) -> Response:
        good = is_healthy(board)
        text = "ok\n" if good else "stuck: no frame and no event is handled\n"
        return PlainTextResponse(text, 200 if good else 503)

    async def figures(request: Request) -> Response:
        return PlainTextResponse(
            await run_in_threadpool(metrics, board),
            media_type="text/plain; version=0.0.4; charset=utf-8",
        )

    routes = [
        Route("/healthz", health),
        Route("/metrics", figures),
        *(Route(path, page_file(name)) for path, name in _PAGES.items()),
        Route("/state.json", state),
        Route("/events", events),
        Route("/frame/{place}.jpg", frame),
        Route("/snapshot/{id}.jpg", snapshot),
        Route("/clip/{id}.mp4", clip),
        Mount("/past", routes=list(past)),
        *(action_route(path, action) for path, action in (actions or {}).items()),
    ]
    return Guard(Starlette(routes=routes), token)


def media_file(path: Path | None) -> Response:
    """Return a picture or a clip; browsers ask for parts of clips, which this response can give."""
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, media_type=_MEDIA[path.suffix])


def page_file(name: str) -> Callable[[Request], Response]:
    """Return the endpoint of a file of the page."""
    content = (_FILES / name).read_bytes()
    return lambda request: Response(content, media_type=_KINDS[Path(name).suffix])


async def _changes(board: Board, request: Request, closing: threading.Event) -> AsyncIterator[str]:
    """Send the state of the board as server-sent events, twice a second."""
    while not closing.is_set() and not await request.is_disconnected():
        board.looked_at = time.monotonic()
        yield f"data: {json.dumps(shown(board.as_data()))}\n\n"
        await asyncio.sleep(_EVERY_S)


def shown(data: Any) -> Any:
    """Return the data for the page, with untrusted text made printable."""
    if isinstance(data, dict):
        return {name: shown(value) for name, value in data.items()}
    if isinstance(data, list):
        return [shown(value) for value in data]
    return printable(data) if isinstance(data, str) else data


def _jpeg(picture: bytes | None) -> Response:
    if picture is None:
        return Response(status_code=404)
    return Response(picture, media_type="image/jpeg")


def _parse(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = ("", address) if address.isdecimal() else (address, "")
        host = host or "127.0.0.1"
    if port and not (port.isdecimal() and len(port) < 6 and int(port) < 65536):
        raise RecipeError(
            f"--web {printable(address, 100)}: '{printable(port, 50)}' is not a port; give "
            "HOST:PORT or PORT"
        )
    return host, int(port) if port else _PORT
