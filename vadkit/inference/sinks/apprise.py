"""Send alarms to phones, mail and chats through Apprise."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.inference.alarms import Event
from vadkit.inference.sinks.links import check_link, linked
from vadkit.inference.sinks.outbox import Outbox, Refused
from vadkit.inference.sinks.secret import secret
from vadkit.inference.sinks.sink import EventSink, VideoScores
from vadkit.text import printable


class Apprise(EventSink):
    """Sends a message with the picture of each alarm through Apprise: Telegram, mail, and others.

    The addresses (github.com/caronc/apprise, such as ``tgram://TOKEN/CHAT``) are in the environment
    variable ``urls_env``, with spaces between them. ``when`` chooses whether a message is sent when
    an alarm begins or when it is over. Outages of a camera are sent too. Messages wait in
    ``out/apprise`` until all receivers have accepted them. ``link`` is the address of the page of
    `vadkit watch`, for links in the message. Needs Apprise: ``pip install 'vadkit[apprise]'``.
    """

    sends: ClassVar[bool] = True

    def __init__(
        self,
        out: Path,
        *,
        urls_env: str = "VADKIT_APPRISE_URLS",
        when: Literal["begun", "over"] = "begun",
        picture: bool = True,
        link: str | None = None,
        first_wait_s: Annotated[float, Field(gt=0)] = 5.0,
        longest_wait_s: Annotated[float, Field(gt=0)] = 600.0,
    ) -> None:
        super().__init__(out)
        try:
            import apprise
        except ImportError:
            raise RecipeError(
                "sink 'apprise' needs Apprise; install it with: pip install 'vadkit[apprise]'"
            ) from None
        self.when, self.picture, self.link = when, picture, check_link(link, "apprise")
        self._receivers: Any = apprise.Apprise()
        for number, url in enumerate(secret(urls_env, "the addresses of Apprise").split(), 1):
            if not self._receivers.add(url):
                # Not the address itself: it has a token.
                raise RecipeError(
                    f"sink 'apprise': address {number} in {urls_env} is none that Apprise knows"
                )
        self.outbox = Outbox(
            out / "apprise",
            self._send,
            name="apprise",
            first_wait_s=first_wait_s,
            longest_wait_s=longest_wait_s,
        )
        self.outbox.start()

    def event(self, event: Event) -> None:
        if event.kind == "alarm" and event.over != (self.when == "over"):
            return
        if event.kind not in ("alarm", "source-lost", "source-back") and event.over:
            return
        data: dict[str, Any] = {"title": _title(event), "text": self._text(event)}
        if self.picture and event.snapshot is not None:
            data["picture"] = base64.b64encode(event.snapshot).decode()
        self.outbox.put(event.id, json.dumps(data).encode())

    def check(self) -> None:
        self.outbox.check()

    def close(self, result: VideoScores | None) -> Path | None:
        self.outbox.flush(5.0)
        return None

    def _text(self, event: Event) -> str:
        lines = [*event.reasons, *filter(None, (event.message, event.sure))]
        if event.started_at:
            lines.insert(0, f"since {event.started_at}")
        lines += linked(event, self.link).get("links", {}).values()
        return "\n".join(printable(line) for line in lines) or event.id

    def _send(self, id: str, body: bytes) -> None:
        try:
            data = json.loads(body)
            title, text = str(data["title"]), str(data["text"])
            picture = base64.b64decode(data.get("picture") or "")
        except (ValueError, TypeError, KeyError):
            raise Refused("it is damaged on the disk") from None
        with tempfile.TemporaryDirectory() as folder:
            attached = None
            if picture:
                path = Path(folder) / "alarm.jpg"
                path.write_bytes(picture)
                attached = [str(path)]
            if not self._receivers.notify(body=text, title=title, attach=attached):
                raise ConnectionError("a receiver did not accept it")


def _title(event: Event) -> str:
    words = {"alarm": "alarm", "source-lost": "no frames", "source-back": "frames again"}
    return printable(f"{event.source}: {words.get(event.kind, event.kind)}")
