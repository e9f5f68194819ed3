"""Publish alarms as events of Frigate."""

from __future__ import annotations

import datetime
import json
import logging
import time
import uuid
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.files import write_json
from vadkit.inference.alarms import Event
from vadkit.inference.frigate import FrigateApi
from vadkit.inference.http import HttpError
from vadkit.inference.sinks.outbox import Outbox, Refused
from vadkit.inference.sinks.sink import EventSink, VideoScores
from vadkit.text import printable

_log = logging.getLogger("vadkit.sinks")
# A message of another process has another one.
_PROCESS = uuid.uuid4().hex
# Frigate writes a new event to its database a moment after it has answered.
_APPEARS_WITHIN_S = 60.0
# The length of an event whose process was killed before Frigate got it.
_UNKNOWN_S = 30
_LONGEST_SUB_LABEL = 100


class Frigate(EventSink):
    """Creates an event in Frigate when an alarm begins, and ends it when the alarm is over.

    ``url`` is Frigate's address, such as ``http://frigate:5000``. The camera in Frigate has the
    name of the source, or the name ``camera``; ``label`` is what the event is called. Boxes are
    drawn on its picture, and the reasons are its sub label. With ``user``, the sink logs in (port
    8971) with the password in the environment variable ``VADKIT_FRIGATE_PASSWORD``. Messages wait
    in ``out/frigate`` while Frigate is away. Frigate cannot date an event back, so an alarm that
    began more than ``late_s`` ago is set aside, as are alarms of old recordings.
    """

    sends: ClassVar[bool] = True

    def __init__(
        self,
        out: Path,
        *,
        url: str,
        camera: str | None = None,
        label: Annotated[str, Field(min_length=1, max_length=100)] = "anomaly",
        user: str | None = None,
        late_s: Annotated[float, Field(gt=0)] = 60.0,
        timeout_s: Annotated[float, Field(gt=0)] = 10.0,
        first_wait_s: Annotated[float, Field(gt=0)] = 1.0,
        longest_wait_s: Annotated[float, Field(gt=0)] = 60.0,
    ) -> None:
        super().__init__(out)
        if "/" in label:
            raise RecipeError(f"sink 'frigate': label '{label}' must not contain a slash")
        self.api = FrigateApi(url, user, timeout_s, "sink 'frigate'")
        self.camera, self.label, self.late_s = camera, label, late_s
        self._begun = out / "frigate" / "begun.json"
        self._said_late = False
        self.outbox = Outbox(
            out / "frigate",
            self._send,
            name=f"frigate {self.api.url}",
            first_wait_s=first_wait_s,
            longest_wait_s=longest_wait_s,
        )
        self.outbox.start()

    def event(self, event: Event) -> None:
        if event.kind != "alarm":
            return
        began = _unix(event)
        if not event.over and began is not None and time.time() - began > self.late_s:
            if not self._said_late:
                _log.warning("alarms of old recordings do not go to Frigate: it dates none back")
            self._said_late = True
            return
        ended = None
        if event.end is not None and began is not None:
            ended = began + event.end - event.start
        message: dict[str, Any] = {"process": _PROCESS, "at": time.time(), "ended": ended}
        message["camera"] = self.camera or event.source
        if not event.over:
            message["body"] = _body(event)
        state = "over" if event.over else "begun"
        self.outbox.put(f"{event.id}.{state}", json.dumps(message).encode())

    def check(self) -> None:
        self.outbox.check()

    def close(self, result: VideoScores | None) -> Path | None:
        self.outbox.flush(5.0)
        return None

    def _send(self, name: str, body: bytes) -> None:
        id, _, state = name.rpartition(".")
        try:
            message = json.loads(body)
            at, camera = float(message["at"]), str(message["camera"])
            content, ended = message.get("body"), message["ended"]
        except (ValueError, TypeError, KeyError):
            raise Refused("it is damaged on the disk") from None
        begun = _read(self._begun)
        if state == "begun":
            late = time.time() - at
            if late > self.late_s:
                raise Refused(f"it began {late:.0f} s ago, and Frigate dates no event back")
            if message["process"] != _PROCESS:
                # The process was killed, so nobody will say when it is over.
                content = {**content, "duration": _UNKNOWN_S}
            made = self._create(camera, content)
            if content["duration"] is None:
                write_json(self._begun, {**begun, id: made})
        elif id in begun:
            self._end(begun[id], ended, at)
            write_json(self._begun, {one: made for one, made in begun.items() if one != id})

    def _create(self, camera: str, content: dict[str, Any]) -> str:
        path = ["events", camera, self.label, "create"]
        try:
            return str(self.api.ask("POST", path, body=content)["event_id"])
        except HttpError as error:
            raise _judged(error, {400, 404, 422}) from None
        except (KeyError, TypeError):
            raise Refused("Frigate's answer has no event_id") from None

    def _end(self, made: str, ended: float | None, at: float) -> None:
        """End an event; Frigate accepts no end before the start, which is in the event's name."""
        content = {}
        start = made.partition("-")[0]
        if ended is not None and start.replace(".", "", 1).isdecimal():
            content = {"end_time": max(ended, float(start) + 1.0)}
        try:
            self.api.ask("PUT", ["events", made, "end"], body=content)
        except HttpError as error:
            if error.code == 404 and time.time() - at > _APPEARS_WITHIN_S:
                # Somebody has deleted it.
                return
            raise _judged(error, {400, 422}) from None


def _judged(error: HttpError, never: set[int]) -> Exception:
    """Return ``Refused`` for an answer that will always be the same, with Frigate's reason."""
    if error.code not in never:
        return error
    try:
        reason = str(json.loads(error.body)["message"])
    except (ValueError, TypeError, KeyError):
        reason = error.reason
    return Refused(f"HTTP {error.code}: {printable(reason, 200)}")


def _body(event: Event) -> dict[str, Any]:
    """Return the body of ``create``: boxes are x, y, width and height as shares of the picture."""
    boxes = []
    if event.size is not None:
        height, width = event.size
        for one in event.boxes:
            x1, y1, x2, y2 = one.box
            box = [x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height]
            boxes.append({"box": [round(part, 4) for part in box], "color": [255, 0, 0]})
    return {
        "sub_label": "; ".join(event.reasons)[:_LONGEST_SUB_LABEL] or None,
        "duration": None,
        "include_recording": True,
        "draw": {"boxes": boxes} if boxes else {},
    }


def _unix(event: Event) -> float | None:
    """Return the Unix time of the start of an event; None if it has no time of day."""
    if event.started_at is None:
        return None
    return datetime.datetime.fromisoformat(event.started_at).timestamp()


def _read(path: Path) -> dict[str, str]:
    """Return the events in Frigate that are not over, by the ids of alarms."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(id): str(made) for id, made in found.items()} if isinstance(found, dict) else {}
