"""What there is to see of cameras that are watched: written by one thread, read by others."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What a curve shows, and how finely.
SECONDS, POINTS = 60.0, 240
# Frame rates and delays that are shown are of so many last seconds.
_RECENT_S = 5.0
_EVENTS = 100


@dataclass
class Delays:
    """Delays in seconds, counted by size: quantiles to 2%, in constant memory."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(800, np.int64))

    def add(self, seconds: float) -> None:
        """Count one."""
        place = int(np.log(max(seconds, 1e-4) / 1e-4) / np.log(1.02))
        self.counts[min(place, len(self.counts) - 1)] += 1

    def quantile(self, share: float) -> float:
        """The delay that ``share`` of all stay below, NaN without any."""
        total = int(self.counts.sum())
        if not total:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return float(1e-4 * 1.02 ** (place + 0.5))


@dataclass
class Camera:
    """One source: what it does, its last scores, its last alarm.

    ``state`` is connecting, live, stalled, lost, retrying, failed, ended or stopped; ``message``
    says more, and ``trouble`` why there was no frame last. ``score`` is the last one, None where a
    frame has none. ``curve`` holds (time, score) of the last seconds, the highest of every quarter
    of a second.
    """

    name: str
    state: str = "connecting"
    message: str = ""
    trouble: str = ""
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
    delays: Delays = field(default_factory=Delays)
    curve: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=POINTS))
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=1000))

    def saw(self, when: float, score: float, delay: float, alarm: bool) -> None:
        """A frame was scored: its time on the source's clock, its delay in seconds."""
        self.state, self.message, self.trouble = "live", "", ""
        self.frames += 1
        self.alarm = alarm
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

    def rate(self) -> tuple[float, float]:
        """Frames a second and mean delay over the last seconds, 0 and NaN without any."""
        now = time.monotonic()
        last = [one for one in self.recent if one[0] > now - _RECENT_S]
        if len(last) < 2:
            return 0.0, last[0][1] if last else float("nan")
        return (len(last) - 1) / max(now - last[0][0], 1e-6), sum(d for _, d in last) / len(last)

    def as_data(self) -> dict[str, Any]:
        """As plain JSON values, without the curve and the picture."""
        fps, delay = self.rate()
        return {
            "name": self.name,
            "state": self.state,
            "message": self.message,
            "trouble": self.trouble,
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

    ``looked_at`` is the time (``time.monotonic``) until which somebody looks at pictures.
    """

    def __init__(self, names: list[str], title: str = "") -> None:
        self.title = title
        self.lock = threading.RLock()
        self.cameras = {name: Camera(name) for name in names}
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self.snapshots: dict[str, bytes] = {}
        self.looked_at = 0.0

    def event(self, event: dict[str, Any], snapshot: bytes | None) -> None:
        """An alarm or an outage has begun or is over: its record, by ``id``, and a JPEG."""
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
        """All that a page shows but pictures, as plain JSON values."""
        with self.lock:
            cameras = []
            for camera in self.cameras.values():
                data = camera.as_data()
                last = camera.curve[-1][0] if camera.curve else 0.0
                data["usual"] = _rounded(camera.usual)
                # Seconds before the newest, so that curves of all cameras share an axis.
                data["curve"] = [
                    [round(at - last, 2), _rounded(score)]
                    for at, score in camera.curve
                    if at > last - SECONDS
                ]
                data["picture"] = camera.pictures
                cameras.append(data)
            events = [{**event, "snapshot": event["id"] in self.snapshots} for event in self.events]
        return {"title": self.title, "cameras": cameras, "events": events[::-1]}


def _rounded(value: float | None) -> float | None:
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.4g}")
