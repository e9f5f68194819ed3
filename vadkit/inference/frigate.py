"""The HTTP API of Frigate (docs.frigate.video/integrations/api)."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from typing import IO, Any
from urllib.parse import quote, urlencode

from vadkit.errors import RecipeError
from vadkit.inference.http import HttpError, check_address, opener, request

PASSWORD = "VADKIT_FRIGATE_PASSWORD"


class FrigateApi:
    """A Frigate, such as ``http://frigate:5000``, whose port 5000 asks for no password.

    With ``user``, it logs in with the password in the environment variable
    ``VADKIT_FRIGATE_PASSWORD``, as port 8971 demands. Every failure is a ``ConnectionError``; an
    answer that is no success is an ``HttpError``.
    """

    def __init__(self, url: str, user: str | None, timeout_s: float, what: str) -> None:
        parts = check_address(url, what, f"give user, and the password in {PASSWORD}")
        if user is not None and not os.environ.get(PASSWORD):
            raise RecipeError(f"{what}: put the password of {user} in the variable {PASSWORD}")
        self.user, self.timeout_s = user, timeout_s
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        # The token of a session is a cookie.
        self._opener = opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def ask(
        self, method: str, path: list[str], *, body: Any = None, query: Mapping[str, Any] = {}
    ) -> Any:
        """Send a request and return its answer, which is JSON; parts of a path are quoted."""
        with self.stream(method, path, body=body, query=query) as answer:
            try:
                return json.loads(answer.read())
            except ValueError:
                raise ConnectionError(f"{self.url} answers without JSON; is it Frigate?") from None

    @contextlib.contextmanager
    def stream(
        self, method: str, path: list[str], *, body: Any = None, query: Mapping[str, Any] = {}
    ) -> Iterator[IO[bytes]]:
        """Send a request and give its answer; log in first if that is what Frigate says."""
        with contextlib.ExitStack() as stack:
            try:
                answer = stack.enter_context(self._send(method, path, body, query))
            except HttpError as error:
                if error.code != 401 or self.user is None:
                    raise
                login = {"user": self.user, "password": os.environ.get(PASSWORD, "")}
                with self._send("POST", ["login"], login, {}):
                    pass
                answer = stack.enter_context(self._send(method, path, body, query))
            yield answer

    def _send(
        self, method: str, path: list[str], body: Any, query: Mapping[str, Any]
    ) -> contextlib.AbstractContextManager[IO[bytes]]:
        url = "/".join([self.url, "api", *(quote(part, safe="") for part in path)])
        if query:
            url += "?" + urlencode(query)
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "vadkit"}
        asked = urllib.request.Request(url, data, headers, method=method)
        return request(self._opener, asked, self.timeout_s)
