"""Send signed events to a web address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from vadkit.addresses import encoding_hint, mask_address
from vadkit.errors import RecipeError
from vadkit.inference.alarms import Event
from vadkit.inference.sinks.links import check_link, linked
from vadkit.inference.sinks.outbox import Outbox, Refused, check_json
from vadkit.inference.sinks.secret import secret
from vadkit.inference.sinks.sink import EventSink, VideoScores

# The message itself is invalid, so sending it again does not help.
_BAD_MESSAGE = {400, 413, 415, 422}


class Webhook(EventSink):
    """POSTs each event as JSON, when it begins and when it is over, with signature and retries.

    Messages wait in ``out/webhook`` until the receiver answers with 2xx, even after a restart. They
    are signed as in Standard Webhooks (standardwebhooks.com): ``webhook-signature`` is ``v1,`` and
    the base64 of HMAC-SHA256 over ``<webhook-id>.<webhook-timestamp>.<body>``. If a message is sent
    again, it has the same id. The key is in the environment variable ``secret_env``, as text or as
    ``whsec_`` and base64; with ``secret_env: null``, messages are not signed. ``snapshot`` adds the
    picture of the peak as JPEG in base64, and ``link``, the address of the page of `vadkit watch`,
    adds links to picture and clip. Redirects are not followed.
    """

    sends: ClassVar[bool] = True

    def __init__(
        self,
        out: Path,
        *,
        url: str,
        secret_env: str | None = "VADKIT_WEBHOOK_SECRET",
        snapshot: bool = False,
        link: str | None = None,
        timeout_s: Annotated[float, Field(gt=0)] = 10.0,
        first_wait_s: Annotated[float, Field(gt=0)] = 1.0,
        longest_wait_s: Annotated[float, Field(gt=0)] = 300.0,
    ) -> None:
        super().__init__(out)
        parts = _parts(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RecipeError(
                f"sink 'webhook': url must be an http(s) address; got '{mask_address(url)}'"
            )
        if parts.username or parts.password:
            raise RecipeError(
                f"sink 'webhook': the url of {parts.hostname} contains a user name or password, "
                "which would end up in recipes and logs; use the signature to identify the sender"
            )
        self.url = url
        self.key = None if secret_env is None else _key(secret(secret_env, "the key of webhooks"))
        self.snapshot, self.link = snapshot, check_link(link, "webhook")
        self.timeout_s = timeout_s
        # Without path and query, which may contain a token.
        self.receiver = f"{parts.scheme}://{parts.netloc}"
        self.outbox = Outbox(
            out / "webhook",
            self._send,
            name=f"webhook {self.receiver}",
            first_wait_s=first_wait_s,
            longest_wait_s=longest_wait_s,
        )
        self.outbox.start()

    def event(self, event: Event) -> None:
        data: dict[str, Any] = {"type": "vadkit.event", "event": linked(event, self.link)}
        if self.snapshot and event.snapshot is not None:
            data["snapshot_jpeg"] = base64.b64encode(event.snapshot).decode()
        id = f"{event.id}.{data['event']['state']}"
        self.outbox.put(id, json.dumps(data).encode())

    def check(self) -> None:
        self.outbox.check()

    def close(self, result: VideoScores | None) -> Path | None:
        self.outbox.flush(5.0)
        return None

    def _send(self, id: str, body: bytes) -> None:
        if not re.fullmatch(r"[!-~]+", id):
            raise Refused(f"its id {ascii(id)[:100]} cannot be sent in a header")
        check_json(body)
        headers = {"Content-Type": "application/json", "User-Agent": "vadkit", "webhook-id": id}
        headers["webhook-timestamp"] = str(int(time.time()))
        if self.key is not None:
            headers["webhook-signature"] = sign(self.key, id, headers["webhook-timestamp"], body)
        request = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            with _opener().open(request, timeout=self.timeout_s):
                return
        except urllib.error.HTTPError as error:
            if error.code in _BAD_MESSAGE:
                raise Refused(f"HTTP {error.code} {error.reason}") from None
            raise ConnectionError(f"HTTP {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise ConnectionError(str(error.reason)) from None
        except http.client.HTTPException as error:
            raise ConnectionError(f"no HTTP answer: {type(error).__name__}") from None


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that follows no redirects: urllib would turn the POST into a GET."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for one that is no number)
    except ValueError:
        raise RecipeError(
            f"sink 'webhook': '{mask_address(url)}' is not an address {encoding_hint(url)}".strip()
        ) from None
    return parts


def sign(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """Return the ``webhook-signature`` of a message."""
    signed = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


def _key(text: str) -> bytes:
    if not text.startswith("whsec_"):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise RecipeError("the key of webhooks begins with whsec_ but is not base64") from None
