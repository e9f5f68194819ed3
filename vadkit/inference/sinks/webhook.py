"""Send signed events to a web address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.inference.alarms import Event
from vadkit.inference.http import HttpError, check_address, opener, request
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
        parts = check_address(url, "sink 'webhook'", "use the signature to identify the sender")
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
        asked = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            with request(opener(), asked, self.timeout_s):
                return
        except HttpError as error:
            if error.code in _BAD_MESSAGE:
                raise Refused(str(error)) from None
            raise


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
