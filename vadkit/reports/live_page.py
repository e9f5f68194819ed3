"""The page of `vadkit watch`: cameras, their scores and alarms as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import RecipeError

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
    from starlette.types import ASGIApp
except ImportError as error:
    raise RecipeError(
        f"--web needs {error.name}; install it with: pip install 'vadkit[web]'"
    ) from None

from vadkit.reports.live_guard import Guard, is_loopback

if TYPE_CHECKING:
    from vadkit.reports.live_board import Board

_FILES = Path(__file__).parent / "html"
_PORT = 8700
_EVERY_S = 0.5
_SHORTEST_TOKEN = 16
_PAGES = {"/": "watch.html", "/watch.css": "watch.css", "/watch.js": "watch.js"}
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def open_page(address: str, token: str | None) -> Page:
    """A page at ``HOST:PORT``, ``HOST`` or ``PORT``, not served yet; 127.0.0.1:8700 by default.

    Raises ``RecipeError`` for an address that cannot be had, and for one that other machines can
    reach without a token.
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
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        listening = socket.create_server((bare, port), family=family)
    except OSError as error:
        raise RecipeError(
            f"--web {address}: cannot listen there: {error.strerror or error}"
        ) from None
    return Page(listening, host or "0.0.0.0", token or None)


class Page:
    """A bound address, and the server of the page there."""

    def __init__(self, listening: socket.socket, host: str, token: str | None) -> None:
        self._socket, self._token = listening, token
        self.port: int = listening.getsockname()[1]
        self.address = f"http://{host}:{self.port}/"

    @contextlib.contextmanager
    def serve(self, board: Board) -> Iterator[str]:
        """Serve the page in a thread of its own while this lasts; gives the address."""
        closing = threading.Event()
        config = uvicorn.Config(
            application(board, self._token, closing),
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [self._socket]}, name="page", daemon=True
        )
        thread.start()
        try:
            yield self.address
        finally:
            closing.set()
            server.should_exit = True
            thread.join(5)
            self._socket.close()


def application(board: Board, token: str | None, closing: threading.Event) -> ASGIApp:
    """The page as an ASGI application; see ``Guard`` for who may see it.

    Those who follow it are let go when it is ``closing``.
    """

    async def state(request: Request) -> Response:
        return JSONResponse(board.as_data())

    async def events(request: Request) -> Response:
        return StreamingResponse(_changes(board, request, closing), media_type="text/event-stream")

    async def frame(request: Request) -> Response:
        place = request.path_params["place"]
        cameras = list(board.cameras.values())
        picture = cameras[place].picture if place < len(cameras) else None
        return _jpeg(picture)

    async def snapshot(request: Request) -> Response:
        return _jpeg(board.snapshots.get(request.path_params["id"]))

    routes = [
        *(Route(path, _file(name)) for path, name in _PAGES.items()),
        Route("/state.json", state),
        Route("/events", events),
        Route("/frame/{place:int}.jpg", frame),
        Route("/snapshot/{id}.jpg", snapshot),
    ]
    return Guard(Starlette(routes=routes), token)


def _file(name: str) -> Callable[[Request], Response]:
    content = (_FILES / name).read_bytes()
    return lambda request: Response(content, media_type=_KINDS[Path(name).suffix])


async def _changes(board: Board, request: Request, closing: threading.Event) -> AsyncIterator[str]:
    """The state of the board as server-sent events, twice a second while somebody looks."""
    while not closing.is_set() and not await request.is_disconnected():
        board.looked_at = time.monotonic()
        yield f"data: {json.dumps(board.as_data())}\n\n"
        await asyncio.sleep(_EVERY_S)


def _jpeg(picture: bytes | None) -> Response:
    if picture is None:
        return Response(status_code=404)
    return Response(picture, media_type="image/jpeg")


def _parse(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = ("", address) if address.isdecimal() else (address, "")
        host = host or "127.0.0.1"
    if port and not (port.isdecimal() and int(port) < 65536):
        raise RecipeError(f"--web {address}: '{port}' is no port; give HOST:PORT or PORT")
    return host, int(port) if port else _PORT
