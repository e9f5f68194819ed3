"""Long changes of a camera as events of their own: moved, covered, or another light."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from vadkit.inference.alarms import Event, event_id, time_of_day
from vadkit.inference.camera_picture import (
    Change,
    ChangeKind,
    Picture,
    brightness_jump,
    compare,
    small_picture,
)
from vadkit.inference.clip_ring import jpeg

# Seconds between two pictures that are compared, at least.
_EVERY_S = 0.2
# A change must last this long, in this share of the pictures.
HOLD_S, _MOST = 5.0, 0.8
# The usual picture is learned from the first seconds, with pictures this far apart; changes are
# looked for from the second number on.
_LEARN_S, _LEARN_EVERY_S, _READY_S = 60.0, 3.0, 5.0
# Half-life of the usual picture, which follows the daylight; a change of light that takes longer
# than a few seconds is followed quickly, and is no event.
_HALF_LIFE_S, _FOLLOW_S = 60.0, 5.0
# Of the change of a light that was switched, this share comes within this many seconds.
_JUMP, _JUMP_S = 0.6, 2.0
# Seconds after which a changed picture becomes the usual one. A covered camera is never usual.
_ADAPT_S: dict[ChangeKind, float] = {
    "lighting": 60.0,
    "camera-moved": 120.0,
    "camera-covered": math.inf,
}
_ADVICE: dict[ChangeKind, str] = {
    "lighting": "",
    "camera-moved": "; if the camera stays there, train it again on video of the new view",
    "camera-covered": "",
}


class _Seen(NamedTuple):
    """A compared picture, with its change from the usual one."""

    time: float
    picture: Picture
    change: Change | None


@dataclass
class _Active:
    """The change that lasts, and its event."""

    kind: ChangeKind
    event: Event


class CameraMonitor:
    """Follows the pictures of one source; ``push`` every frame, then ``finish``.

    It compares at most five small pictures a second with the usual picture, which it learns in the
    first minute of the stream and which follows slow changes. A change that lasts for five seconds
    is an event: "camera-moved", "camera-covered" or "lighting". The event is over when the picture
    is as before, or when the new picture has become the usual one. ``epoch`` is the Unix time of
    the source's time 0, if known.
    """

    def __init__(self, *, source: str = "", epoch: float | None = None) -> None:
        self.source, self.epoch = source, epoch
        self._usual: Picture | None = None
        self._first = math.nan
        self._learned: list[Picture] = []
        self._recent: deque[_Seen] = deque()
        self._active: _Active | None = None
        self._due = self._learn_at = -math.inf
        self._last = 0.0

    @property
    def active(self) -> ChangeKind | None:
        """The kind of the change that lasts now; None if there is none."""
        return None if self._active is None else self._active.kind

    @property
    def suspects(self) -> bool:
        """Whether the picture has just changed, and it is not known yet whether this lasts."""
        if self._active is not None or not self._recent or self._recent[-1].change is None:
            return False
        since = self._recent[-1].time
        for one in reversed(self._recent):
            if one.change is None:
                break
            since = one.time
        return self._recent[-1].time - since <= HOLD_S

    def push(self, time: float, frame: np.ndarray) -> list[Event]:
        """Add a frame (H, W, 1 or 3) uint8; return the events that end and start with it."""
        if time < self._last:
            # Another clock: nothing is known of the time in between.
            self._recent.clear()
            self._first += time - self._last
            self._due = self._learn_at = -math.inf
        if time < self._due or not frame.size:
            return []
        step, self._last, self._due = time - self._last, time, time + 0.9 * _EVERY_S
        picture = small_picture(frame)
        if math.isnan(self._first):
            self._first, step = time, 0.0
        change = None if self._usual is None else compare(picture, self._usual)
        self._recent.append(_Seen(time, picture, change))
        while self._recent[0].time < time - HOLD_S - _JUMP_S:
            self._recent.popleft()
        self._learn(time, picture, change, step)
        if self._usual is None:
            return []
        return self._ended(time) + self._started(time, frame)

    def finish(self) -> list[Event]:
        """The source has ended: return the event that is over now."""
        return self._over(self._last, "") if self._active is not None else []

    def _learn(self, time: float, picture: Picture, change: Change | None, step: float) -> None:
        """Learn or follow the usual picture, as long as nothing has changed."""
        if self._active is not None or change is not None:
            return
        if time < self._first + _LEARN_S:
            if time >= self._learn_at:
                ready = time >= self._first + _READY_S
                self._learn_at = time + (_LEARN_EVERY_S if ready else 1.0)
                self._learned.append(picture)
                self._usual = _median(self._learned) if ready else None
            return
        self._learned.clear()
        self._follow(picture, step, _HALF_LIFE_S)

    def _follow(self, picture: Picture, step: float, half_life_s: float) -> None:
        usual = self._usual or picture
        share = 1 - 0.5 ** (max(step, 0.0) / half_life_s)
        grey = usual.grey + share * (picture.grey - usual.grey)
        colour = usual.colour + share * (picture.colour - usual.colour)
        self._usual = Picture(grey, colour)

    def _lasting(self, time: float) -> ChangeKind | None:
        """Return the kind of change that has lasted for ``HOLD_S``; None if there is none."""
        window = [one for one in self._recent if one.time >= time - HOLD_S]
        changes = [one.change.kind for one in window if one.change is not None]
        if window[0].time > time - HOLD_S + 3 * _EVERY_S or len(changes) < _MOST * len(window):
            return None
        return Counter(changes).most_common(1)[0][0]

    def _started(self, time: float, frame: np.ndarray) -> list[Event]:
        kind = self._lasting(time)
        if kind is None or self._active is not None:
            return []
        if kind == "lighting" and not self._is_switched():
            self._follow(self._recent[-1].picture, _EVERY_S, _FOLLOW_S)
            return []
        first = next(one for one in self._recent if one.change is not None)
        words = next(c.words for _, _, c in reversed(self._recent) if c and c.kind == kind)
        started_at = None if self.epoch is None else time_of_day(self.epoch + first.time)
        stamp = started_at or f"{first.time:012.3f}s"
        event = Event(
            id=f"{event_id(self.source, stamp)}-{kind}",
            source=self.source,
            start=first.time,
            end=None,
            peak_time=None,
            peak_score=None,
            threshold=None,
            started_at=started_at,
            snapshot=jpeg(frame) if frame.shape[-1] == 3 else None,
            kind=kind,
            message=words,
        )
        self._active = _Active(kind, event)
        return [event]

    def _is_switched(self) -> bool:
        """Whether the light has jumped: a cloud or the sunset changes it slowly."""
        seen = list(self._recent)
        if any(one.change and "colour" in one.change.words for one in seen[-3:]):
            return True
        bright = [(one.time, one.picture.brightness) for one in seen]
        assert self._usual is not None
        whole = brightness_jump(bright[-1][1], self._usual.brightness)
        return any(
            brightness_jump(after, before) >= _JUMP * whole
            for place, (at, before) in enumerate(bright)
            for then, after in bright[place + 1 :]
            if then - at <= _JUMP_S
        )

    def _ended(self, time: float) -> list[Event]:
        if self._active is None:
            return []
        window = [one for one in self._recent if one.time >= time - HOLD_S]
        same = sum(one.change is None for one in window) >= _MOST * len(window)
        if same:
            back = next(one.time for one in window if one.change is None)
            return self._over(back, f"{self._active.event.message}; now as before")
        lasting, kind = self._lasting(time), self._active.kind
        if lasting is not None and lasting != kind and "camera-covered" in (lasting, kind):
            return self._over(time, f"{self._active.event.message}; then {lasting}")
        lasted = time - self._active.event.start
        if lasted >= _ADAPT_S[kind]:
            self._usual = _median([one.picture for one in window])
            self._recent = deque(one._replace(change=None) for one in self._recent)
            words = f"adapted after {lasted:.0f} s: this picture is the usual one from now on"
            return self._over(time, f"{self._active.event.message}; {words}{_ADVICE[kind]}")
        return []

    def _over(self, end: float, message: str) -> list[Event]:
        assert self._active is not None
        event, self._active = self._active.event, None
        return [replace(event, end=max(end, event.start), message=message or event.message)]


def _median(pictures: list[Picture]) -> Picture:
    grey = np.median([one.grey for one in pictures], axis=0)
    return Picture(grey.astype(np.float32), float(np.median([one.colour for one in pictures])))
