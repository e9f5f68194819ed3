"""Turn scores into alarms, frame by frame; durations are in seconds, not frames."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from vadkit.inference.boxes import Box, CellEvidence, find_boxes
from vadkit.inference.clip_ring import ClipFrame, ClipRing, jpeg
from vadkit.inference.reasons import said
from vadkit.schedule import is_on, local_time
from vadkit.scoring.alarm_time import MERGE_S
from vadkit.text import ascii_name

# An alarm; a camera that gives no frames, and frames again; long changes of a camera.
EventKind = Literal[
    "alarm", "source-lost", "source-back", "camera-moved", "camera-covered", "lighting"
]


@dataclass(frozen=True)
class AlarmRules:
    """The rules that turn scores into alarms; times in seconds.

    - An alarm starts with a score at or above ``threshold`` and lasts until a score is below
      ``release``, so that scores that fluctuate around the threshold make only one alarm. A frame
      without a score is below both levels.
    - An alarm shorter than ``min_duration_s``, from its first to its last frame, is discarded.
    - An alarm that starts less than ``merge_s`` after the end of the previous one continues it.
    - No alarm starts within ``cooldown_s`` after the end of the previous one.
    - A frame outside ``hours`` and ``days`` (local time, see ``vadkit.schedule``) is below both
      levels. If the source has no time of day, they do not count.
    - ``longest_s`` is the longest time that one alarm may stand (None: any), and ``usual`` the
      usual score, NaN if unknown; ``SourceAlarms`` uses them.
    """

    threshold: float
    release: float
    min_duration_s: float = 0.0
    merge_s: float = MERGE_S
    cooldown_s: float = 0.0
    hours: str | None = None
    days: tuple[str, ...] | None = None
    longest_s: float | None = None
    usual: float = math.nan

    def __post_init__(self) -> None:
        if not self.release <= self.threshold:
            raise ValueError(f"release {self.release} is above the threshold {self.threshold}")

    def hold_at(self, seconds: float) -> bool:
        """Whether alarms are raised at this Unix time."""
        if self.hours is None and self.days is None:
            return True
        return is_on(self.hours, self.days, local_time(seconds))


@dataclass(frozen=True)
class Event:
    """An alarm: once when it starts (``end`` None), and again, complete, when it is over.

    A long change of a camera is also an event, of the ``kind`` "camera-moved", "camera-covered" or
    "lighting", with what has changed in ``message``. ``sure`` says how unusual the peak of an alarm
    is, as far as the normal video can tell.

    An outage of a camera is an event too: it starts with the ``kind`` "source-lost" and the reason
    in ``message``, and ends as "source-back" with the same id. It has no peak and no pictures.

    Times are in seconds on the source's clock; ``started_at`` is the time of day of ``start`` in
    UTC, if known. ``boxes`` are around what causes the peak so far, highest score first, and
    ``reasons`` say in words why it is unusual, if the method explains itself. ``part`` is the part
    of the method that caused it, if the method provides them. ``snapshot`` is the frame of the peak
    as JPEG, and ``size`` its height and width. ``clip`` has frames from before the start until
    after the end (empty until the end). The id is ASCII, and the same if a file is scored again.
    """

    id: str
    source: str
    start: float
    end: float | None
    peak_time: float | None
    peak_score: float | None
    threshold: float | None
    started_at: str | None = None
    boxes: tuple[Box, ...] = ()
    reasons: tuple[str, ...] = ()
    part: str | None = None
    snapshot: bytes | None = field(default=None, repr=False)
    clip: tuple[ClipFrame, ...] = field(default=(), repr=False)
    kind: EventKind = "alarm"
    message: str = ""
    size: tuple[int, int] | None = None
    sure: str = ""

    @property
    def region(self) -> tuple[int, int, int, int] | None:
        """The box (x1, y1, x2, y2) of the highest score, in source pixels."""
        return self.boxes[0].box if self.boxes else None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.end is not None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without pictures."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": "over" if self.over else "begun",
            "source": self.source,
            "start": self.start,
            "end": self.end,
            "started_at": self.started_at,
            "peak_time": self.peak_time,
            "peak_score": self.peak_score,
            "threshold": self.threshold,
            "region": None if self.region is None else list(self.region),
            "boxes": [{"box": list(one.box), "score": one.score} for one in self.boxes],
            "reasons": list(self.reasons),
            "part": self.part,
            "size": None if self.size is None else list(self.size),
            "message": self.message,
            "sure": self.sure,
        }


@dataclass(frozen=True)
class _Peak:
    time: float
    score: float
    boxes: tuple[Box, ...]
    part: str | None
    snapshot: bytes | None
    size: tuple[int, int] | None


@dataclass
class _Rise:
    """Consecutive frames at or above the release level; the first is at or above the threshold."""

    start: float
    end: float
    peak: _Peak

    def take(self, peak: _Peak) -> None:
        if peak.score > self.peak.score:
            self.peak = peak


class AlarmTracker:
    """The alarms of one source; call ``push`` for every frame, then ``finish``.

    ``epoch`` is the Unix time of the source's time 0, if known. ``ring`` keeps frames for the clips
    of events; with None there are no clips and no snapshots. Memory is bounded.
    """

    def __init__(
        self,
        rules: AlarmRules,
        *,
        source: str = "",
        epoch: float | None = None,
        ring: ClipRing | None = None,
    ) -> None:
        self.rules = rules
        self.source = source
        self.epoch = epoch
        self.ring = ring
        if ring is not None:
            # An alarm is reported only after its minimum duration.
            ring.late_s = rules.min_duration_s
        self._rise: _Rise | None = None
        self._event: _Rise | None = None  # all merged rises in one
        self._last_end = -math.inf
        self._now = -math.inf

    @property
    def on(self) -> bool:
        """Whether an alarm is active at the last frame."""
        return self._event is not None and self._event.end == self._now

    @property
    def since(self) -> float | None:
        """When the active alarm started; None if there is none."""
        return None if self._event is None else self._event.start

    def push(
        self,
        time: float,
        score: float,
        *,
        frame: np.ndarray | None = None,
        score_map: np.ndarray | None = None,
        parts: Mapping[str, float] | None = None,
        evidence: Mapping[str, CellEvidence] | None = None,
    ) -> list[Event]:
        """Add the next frame: its time, live score, picture (H, W, 3), map (h, w) and parts.

        ``evidence`` says what is in each cell. Returns the events that are over, then an event that
        has started. Raises ``ValueError`` if time goes backwards.
        """
        if time < self._now:
            raise ValueError(f"{self.source}: time ran backwards, from {self._now} to {time}")
        self._now = time
        if self.ring is not None and frame is not None:
            self.ring.push(time, frame)
        boxes = partial(self._boxes, frame, score_map, evidence)
        self._follow(time, score, frame, boxes, parts)
        events = []
        if self._event is not None and self._is_over(time):
            events.append(self._over())
        rise = self._rise
        if rise is not None and self._lasts(rise):
            if self._event is None:
                self._event = replace(rise)
                self._last_end = rise.end
                if self.ring is not None:
                    self.ring.begin(rise.start)
                events.append(self._as_event(self._event, None))
            else:
                self._event.end = self._last_end = rise.end
                self._event.take(rise.peak)
        return events

    def finish(self) -> list[Event]:
        """End the current alarm, because the source has ended; return its event."""
        events = [] if self._event is None else [self._over()]
        self._rise = None
        return events

    def _follow(
        self,
        time: float,
        score: float,
        frame: np.ndarray | None,
        boxes: Callable[[], tuple[Box, ...]],
        parts: Mapping[str, float] | None,
    ) -> None:
        """Start, continue or end a rise."""
        if self.epoch is not None and not self.rules.hold_at(self.epoch + time):
            score = math.nan
        if self._rise is None:
            if not (score >= self.rules.threshold and self._may_begin(time)):
                return
        elif not score >= self.rules.release:
            self._rise = None
            return
        elif score <= self._rise.peak.score:
            self._rise.end = time
            return
        peak = _Peak(
            time,
            float(score),
            boxes(),
            raised_by(parts),
            None if self.ring is None or frame is None else jpeg(frame),
            None if frame is None else (frame.shape[0], frame.shape[1]),
        )
        if self._rise is None:
            self._rise = _Rise(time, time, peak)
        else:
            self._rise.end = time
            self._rise.take(peak)

    def _boxes(
        self,
        frame: np.ndarray | None,
        score_map: np.ndarray | None,
        evidence: Mapping[str, CellEvidence] | None,
    ) -> tuple[Box, ...]:
        if frame is None or score_map is None:
            return ()
        return tuple(find_boxes(score_map, frame.shape[:2], self.rules.threshold, evidence))

    def _may_begin(self, time: float) -> bool:
        gap = time - self._last_end
        return gap < self.rules.merge_s or gap >= self.rules.cooldown_s

    def _is_over(self, time: float) -> bool:
        """Whether no later frame can continue the current event."""
        assert self._event is not None
        rise, end = self._rise, self._event.end
        if rise is not None and (rise.start <= end or rise.start - end < self.rules.merge_s):
            # Its own rise, or one that started in time and may still become long enough.
            return False
        if rise is not None and self._lasts(rise):
            return True
        after = 0.0 if self.ring is None else self.ring.after_s
        return time > end and time - end >= max(self.rules.merge_s, after)

    def _lasts(self, rise: _Rise) -> bool:
        return rise.end - rise.start >= self.rules.min_duration_s

    def _over(self) -> Event:
        assert self._event is not None
        rise, self._event = self._event, None
        return self._as_event(rise, rise.end)

    def _as_event(self, rise: _Rise, end: float | None) -> Event:
        started_at = None if self.epoch is None else time_of_day(self.epoch + rise.start)
        clip = () if self.ring is None or end is None else self.ring.end(end)
        reasons = [reason for box in rise.peak.boxes for reason in box.reasons]
        return Event(
            id=event_id(self.source, started_at or f"{rise.start:012.3f}s"),
            source=self.source,
            start=rise.start,
            end=end,
            peak_time=rise.peak.time,
            peak_score=rise.peak.score,
            threshold=self.rules.threshold,
            started_at=started_at,
            boxes=rise.peak.boxes,
            reasons=said(reasons, rise.start, self.epoch),
            part=rise.peak.part,
            snapshot=rise.peak.snapshot,
            size=rise.peak.size,
            clip=clip,
        )


def time_of_day(seconds: float) -> str:
    """Format a Unix time for event records, in UTC."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_id(source: str, stamp: str) -> str:
    """Return the id of an event: plain ASCII, different for different sources."""
    stamp = re.sub(r"[-:]|\.(?=\d+Z)", "", stamp)
    return f"{ascii_name(source)}-{stamp}" if source else stamp


def raised_by(parts: Mapping[str, float] | None) -> str | None:
    """Return the part with the highest score; None if there are no parts."""
    return max(parts, key=lambda name: _or_lowest(parts[name])) if parts else None


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value
