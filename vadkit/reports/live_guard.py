"""Access control for the page of `vadkit watch`."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vadkit.text import printable

_log = logging.getLogger("vadkit.watch")
_COOKIE = "vadkit-watch"
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_NO_TOKEN = (
    "This page needs the token of this vadkit watch: open /?token=TOKEN once, "
    "or send it as 'Authorization: Bearer TOKEN'.\n"
)


def is_loopback(host: str) -> bool:
    """Whether an address belongs only to this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Passes a request to ``app`` only if the client may see the page.

    With a ``token``, every request needs it, as a bearer token or as a cookie from ``/?token=``;
    the cookie contains a secret of this process, not the token. ``/healthz`` needs none. Without
    a token, the request must use a name of this machine as its host: another name means DNS
    rebinding, where the page of a third party points its name to this machine.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token
        self._secret = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        answer: PlainTextResponse | RedirectResponse | None = None
        if self._token is None:
            hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
            names = [host.decode("latin-1") for host in hosts] or [""]
            if not all(is_loopback(_without_port(name)) for name in names):
                shown = printable(names[0], 100)
                text = f"This page is only for this machine; '{shown}' is another host.\n"
                answer = PlainTextResponse(text, 421)
        elif scope["path"] == "/healthz":
            # It tells nobody more than that vadkit runs, and probes have no token.
            answer = None
        elif self._asks_with_token(scope):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(_COOKIE, self._secret, httponly=True, samesite="strict")
        elif not self._may_see(headers):
            challenge = {"www-authenticate": "Bearer"}
            answer = PlainTextResponse(_NO_TOKEN, 401, headers=challenge)
        if answer is not None:
            answer.headers.update(_HEADERS)
            await answer(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:
            # No traceback on the terminal of the user; the connection is closed.
            _log.warning("the page failed at %s: %r", printable(scope["path"], 100), error)

    def _asks_with_token(self, scope: Scope) -> bool:
        (sent, *_) = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return scope["path"] == "/" and self._same(sent, self._token)

    def _may_see(self, headers: dict[str, bytes]) -> bool:
        kind, _, bearer = headers.get("authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() == "bearer" and self._same(bearer.strip(), self._token):
            return True
        try:
            cookies = SimpleCookie(headers.get("cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        return _COOKIE in cookies and self._same(cookies[_COOKIE].value, self._secret)

    @staticmethod
    def _same(sent: str, secret: str | None) -> bool:
        """Compare in constant time."""
        return secret is not None and hmac.compare_digest(sent.encode(), secret.encode())


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
