"""Requests over HTTP to addresses that a user gives."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from urllib.parse import SplitResult, urlsplit

from vadkit.addresses import encoding_hint, mask_address
from vadkit.errors import RecipeError


class HttpError(ConnectionError):
    """An answer with a status that is no success; ``body`` is its beginning."""

    def __init__(self, code: int, reason: str, body: bytes = b"") -> None:
        super().__init__(f"HTTP {code} {reason}")
        self.code, self.reason, self.body = code, reason, body


def check_address(url: str, what: str, instead: str) -> SplitResult:
    """Return the parts of an http(s) address without a password; ``RecipeError`` for another text.

    ``what`` is the place of the address in messages, and ``instead`` where a password belongs.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for one that is no number)
    except ValueError:
        raise RecipeError(
            f"{what}: '{mask_address(url)}' is not an address {encoding_hint(url)}".strip()
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecipeError(f"{what}: url must be an http(s) address; got '{mask_address(url)}'")
    if parts.username or parts.password:
        raise RecipeError(
            f"{what}: the url of {parts.hostname} contains a user name or password, "
            f"which would end up in recipes and logs; {instead}"
        )
    return parts


def opener(*more: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Return an opener that follows no redirects: urllib would turn a POST into a GET."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        *more,
    ):
        made.add_handler(handler)
    return made


@contextmanager
def request(
    made: urllib.request.OpenerDirector, asked: urllib.request.Request, timeout_s: float
) -> Iterator[IO[bytes]]:
    """Send a request and give its answer; every failure is a ``ConnectionError``."""
    try:
        with made.open(asked, timeout=timeout_s) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            raise HttpError(error.code, error.reason, error.read(4096)) from None
    except urllib.error.URLError as error:
        raise ConnectionError(str(error.reason)) from None
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP answer: {type(error).__name__}") from None
