"""The state of watched cameras: written by one thread, read by others."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# The duration and the resolution of a curve.
SECONDS, POINTS = 60.0, 240
# Frame rates and delays are averaged over this many seconds.
_RECENT_S = 5.0
_EVENTS = 100


@dataclass
class Delays:
    """Delays in seconds as a histogram: quantiles are accurate to 2%, in constant memory."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(800, np.int64))

    def add(self, seconds: float) -> None:
        """Add one delay."""
        place = int(np.log(max(seconds, 1e-4) / 1e-4) / np.log(1.02))
        self.counts[min(place, len(self.counts) - 1)] += 1

    def quantile(self, share: float) -> float:
        """Return the delay that the share ``share`` stays below, NaN without any."""
        total = int(self.counts.sum())
        if not total:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return float(1e-4 * 1.02 ** (place + 0.5))


@dataclass
class Camera:
    """One source: its state, its recent scores, its last alarm.

    ``state`` is connecting, live, stalled, lost, retrying, failed, ended or stopped. ``message``
    has details, ``trouble`` the last reason for missing frames, and ``note`` what a person should
    look at. ``waiting`` counts events that sinks have not written yet, and ``seen_at`` is when the
    last frame was scored (``time.monotonic``), 0 for never. ``score`` is the latest score,
    None for a frame without a score. ``curve`` has (time, score) of the last seconds, with the
    highest score of every quarter of a second.
    """

    name: str
    state: str = "connecting"
    message: str = ""
    trouble: str = ""
    note: str = ""
    threshold: float | None = None
    usual: float | None = None
    frames: int = 0
    dropped: int = 0
    alarms: int = 0
    score: float | None = None
    alarm: bool = False
    last_alarm: dict[str, Any] | None = None
    picture: bytes | None = None
    pictures: int = 0
    waiting: int = 0
    seen_at: float = 0.0
    delays: Delays = field(default_factory=Delays)
    curve: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=POINTS))
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=1000))

    def saw(self, when: float, score: float, delay: float, alarm: bool) -> None:
        """Record a scored frame: its time on the source's clock, its delay in seconds (or NaN)."""
        self.state, self.message, self.trouble = "live", "", ""
        self.frames += 1
        self.seen_at = time.monotonic()
        self.alarm = alarm
        if delay == delay:
            self.delays.add(delay)
        self.recent.append((time.monotonic(), delay))
        self.score = None if score != score else score
        if self.score is None:
            return
        quarter = round(when * POINTS / SECONDS) * SECONDS / POINTS
        if self.curve and self.curve[-1][0] >= quarter:
            quarter, before = self.curve.pop()
            score = max(score, before)
        self.curve.append((quarter, score))

    def fail(self, reason: str) -> None:
        """Record that the camera cannot be watched."""
        self.state, self.message, self.trouble = "failed", reason, reason
        self.alarm, self.score = False, None

    def rate(self) -> tuple[float, float]:
        """Return frames per second and mean delay over the last seconds; 0 and NaN if none."""
        now = time.monotonic()
        last = [one for one in self.recent if one[0] > now - _RECENT_S]
        known = [delay for _, delay in last if delay == delay]
        delay = sum(known) / len(known) if known else float("nan")
        fps = 0.0 if len(last) < 2 else (len(last) - 1) / max(now - last[0][0], 1e-6)
        return fps, delay

    def as_data(self) -> dict[str, Any]:
        """Return plain JSON values, without the curve and the picture."""
        fps, delay = self.rate()
        return {
            "name": self.name,
            "state": self.state,
            "message": self.message,
            "trouble": self.trouble,
            "note": self.note,
            "fps": round(fps, 2),
            "delay_s": _rounded(delay),
            "delay_p50_s": _rounded(self.delays.quantile(0.5)),
            "delay_p99_s": _rounded(self.delays.quantile(0.99)),
            "frames": self.frames,
            "dropped": self.dropped,
            "score": _rounded(self.score),
            "threshold": _rounded(self.threshold),
            "alarm": self.alarm,
            "alarms": self.alarms,
            "last_alarm": self.last_alarm,
        }


class Board:
    """All cameras and the last events. Hold ``lock`` to change or to read them.

    ``zones`` are places that do not count, as plain data; None if the page cannot change them.
    Pictures are needed until the time ``looked_at`` (``time.monotonic``). ``media`` returns the
    file of an event with an ending, None if there is none.
    """

    def __init__(self, names: list[str], title: str = "") -> None:
        self.title = title
        self.lock = threading.RLock()
        self.cameras = {name: Camera(name) for name in names}
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self.snapshots: dict[str, bytes] = {}
        self.zones: list[dict[str, Any]] | None = None
        # Whether the page may answer alarms.
        self.answerable = False
        # Whether there is a page of past events.
        self.past = False
        self.looked_at = 0.0
        self.version = ""
        # When the loop over frames went round last.
        self.ticked_at = time.monotonic()
        self.media: Callable[[str, str], Path | None] = lambda id, ending: None
        self._clips: set[str] = set()

    def remember(self, events: Sequence[dict[str, Any]]) -> None:
        """Show events of earlier, the oldest first; they do not count as alarms of now."""
        with self.lock:
            known = {one["id"] for one in self.events}
            self.events.extendleft(one for one in reversed(events) if one["id"] not in known)

    def answered(self, id: str, answer: str) -> None:
        """Show an answer to an alarm."""
        with self.lock:
            for event in self.events:
                if event["id"] == id:
                    event["answer"] = answer

    def event(self, event: dict[str, Any], snapshot: bytes | None) -> None:
        """Record the start or end of an alarm or an outage: its record, by ``id``, and a JPEG."""
        with self.lock:
            camera = self.cameras[event["source"]]
            if event["kind"] == "alarm":
                camera.last_alarm = event
            old = next((one for one in self.events if one["id"] == event["id"]), None)
            if old is not None:
                old.update(event)
            else:
                camera.alarms += event["kind"] == "alarm"
                if len(self.events) == _EVENTS:
                    self.snapshots.pop(self.events[0]["id"], None)
                self.events.append(dict(event))
            if snapshot is not None:
                self.snapshots[event["id"]] = snapshot

    def as_data(self) -> dict[str, Any]:
        """Return everything that a page shows except pictures, as plain JSON values."""
        with self.lock:
            cameras = []
            for camera in self.cameras.values():
                data = camera.as_data()
                last = camera.curve[-1][0] if camera.curve else 0.0
                data["usual"] = _rounded(camera.usual)
                # Seconds before the newest frame, so that curves of all cameras share an axis.
                data["curve"] = [
                    [round(at - last, 2), _rounded(score)]
                    for at, score in camera.curve
                    if at > last - SECONDS
                ]
                data["picture"] = camera.pictures
                cameras.append(data)
            events = [self._shown(event) for event in self.events]
            zones = self.zones
        self._clips &= {event["id"] for event in events}
        return {
            "title": self.title,
            "cameras": cameras,
            "events": events[::-1],
            "zones": zones,
            "answerable": self.answerable,
            "past": self.past,
        }

    def _shown(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return an event with what the page may show of it."""
        id = event["id"]
        if event["state"] == "over" and id not in self._clips and self.media(id, ".mp4"):
            self._clips.add(id)
        kept = id in self.snapshots or event.get("picture", False)
        return {**event, "snapshot": kept, "clip": id in self._clips}


def _rounded(value: float | None) -> float | None:
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.4g}")
