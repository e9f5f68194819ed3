"""Outages of cameras as events: when a camera counts as lost, and when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from vadkit.inference.alarms import Event, event_id, time_of_day
from vadkit.inference.sources.source import BROKEN, SourceEvent


@dataclass
class _Silence:
    """The time since which a source gives no frames, on three clocks, and its reported event."""

    start: float
    since: float
    at: float
    reason: str
    reported: Event | None = None


class Outages:
    """Turns source events into events of the kinds ``source-lost`` and ``source-back``.

    A source is lost if it has given no frame for ``after_s`` seconds since its connection broke or
    stalled, and immediately if it has failed.
    """

    def __init__(
        self,
        names: Iterable[str],
        after_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        self.after_s = after_s
        self._clock, self._time_of_day = clock, time_of_day
        self._silent: dict[str, _Silence | None] = dict.fromkeys(names)

    def source_event(self, name: str, item: SourceEvent) -> list[Event]:
        """Handle an event of a source; return the event that it is lost, if it is."""
        if item.kind not in (*BROKEN, "failed"):
            return []
        silence = self._silent[name]
        if silence is None:
            silence = _Silence(item.time, self._clock(), self._time_of_day(), "")
            self._silent[name] = silence
        silence.reason = item.message
        if item.kind == "failed" and silence.reported is None:
            return [self._lost(name, silence)]
        return []

    def frame(self, name: str, at: float) -> list[Event]:
        """Handle a frame at this time of the source's clock; return the event that it is back."""
        silence = self._silent[name]
        if silence is None or at <= silence.start:
            # A frame from before the outage may be scored late.
            return []
        self._silent[name] = None
        return (
            []
            if silence.reported is None
            else [replace(silence.reported, kind="source-back", end=at)]
        )

    def due(self) -> list[Event]:
        """Return the events of sources that count as lost from now on."""
        now = self._clock()
        return [
            self._lost(name, silence)
            for name, silence in self._silent.items()
            if silence and silence.reported is None and now - silence.since >= self.after_s
        ]

    def _lost(self, name: str, silence: _Silence) -> Event:
        started_at = time_of_day(silence.at)
        silence.reported = Event(
            id=f"{event_id(name, started_at)}-lost",
            source=name,
            start=silence.start,
            end=None,
            peak_time=None,
            peak_score=None,
            threshold=None,
            started_at=started_at,
            kind="source-lost",
            message=silence.reason,
        )
        return silence.reported
