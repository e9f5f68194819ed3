"""The server of the page, with limits on connections and on unfinished requests."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_log = logging.getLogger("vadkit.watch")
# A browser opens up to six connections, and all clients behind a proxy share an address.
_MOST, _MOST_OF_ONE = 128, 64
_REQUEST_S = 10.0
# Connections that are accepted before the first of them is checked.
_BACKLOG = 64


@dataclass
class _Limits:
    """The limits of all connections, and the numbers of open ones by client."""

    most: int
    most_of_one: int
    request_s: float
    open_now: Counter[str] = field(default_factory=Counter)


class _Bounded(H11Protocol):
    """HTTP of one connection, within the limits of its class."""

    limits: _Limits
    client_address: str | None = None
    watching: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        count = self.limits.open_now
        if count.total() >= self.limits.most or count[address] >= self.limits.most_of_one:
            transport.abort()
            return
        self.client_address = address
        count[address] += 1
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client_address is not None:
            count = self.limits.open_now
            count.subtract([self.client_address])
            if not count[self.client_address]:
                del count[self.client_address]
            self.client_address = None
        if self.watching is not None:
            self.watching.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        if self.watching is not None:
            self.watching.cancel()
        self.watching = self.loop.call_later(self.limits.request_s, self._look)

    def _look(self) -> None:
        """Only complete requests count, not single bytes."""
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self.transport.abort()
        else:
            self._watch()


def make_server(
    app: ASGIApp,
    *,
    most: int | None = None,
    most_of_one: int = _MOST_OF_ONE,
    request_s: float = _REQUEST_S,
) -> uvicorn.Server:
    """Create a server that does not run yet; use ``serve``.

    It accepts ``most`` connections (a quarter of the process's file limit, up to 128), and
    ``most_of_one`` from one client; others are closed immediately. A connection that has not sent a
    complete request for ``request_s`` seconds is closed.
    """
    limits = _Limits(_most() if most is None else most, most_of_one, request_s)
    config = uvicorn.Config(
        app,
        # uvicorn creates the protocol itself, so each server has a class with its limits.
        http=type("Bounded", (_Bounded,), {"limits": limits}),
        ws="none",
        loop="asyncio",
        lifespan="off",
        backlog=_BACKLOG,
        # uvicorn would log tracebacks; the page logs each failure in one line.
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    return uvicorn.Server(config)


def _most() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else max(8, min(_MOST, files // 4))


def serve(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until ``server.should_exit``; no error ends the process or prints a traceback."""

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(_say_once_a_minute())
        await server.serve(sockets=[listening])

    try:
        asyncio.run(run())
    except (Exception, SystemExit) as error:
        _log.error("the page ended: %r", error)


def _say_once_a_minute() -> Any:
    logged_at = -60.0

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal logged_at
        if loop.time() - logged_at < 60:
            return
        logged_at = loop.time()
        error = context.get("exception")
        _log.warning("the page: %s", f"{context.get('message')}: {error}" if error else context)

    return handle
