"""Several sinks as one; a failure of one does not affect the others."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vadkit.errors import DataError
from vadkit.inference.alarms import Event
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.queue import EventQueue, why
from vadkit.inference.sinks.sink import EventSink, Sink, SourceInfo, VideoScores

T = TypeVar("T")
_log = logging.getLogger("vadkit.sinks")
# Seconds that the end of a video waits for a failing sink.
PATIENCE_S = 5.0


@dataclass(frozen=True)
class Unwritten:
    """What a sink could not write: its name, ids of events with their states, and the reason.

    Without events, it is not an event sink, and the reason says what is missing.
    """

    sink: str
    events: tuple[str, ...]
    reason: str

    def as_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"sink": self.sink, "events": list(self.events), "reason": self.reason}

    def __str__(self) -> str:
        if not self.events:
            return f"sink '{self.sink}': {self.reason}"
        count = len(self.events)
        some = ", ".join(self.events[:10]) + (f" and {count - 10:,} more" if count > 10 else "")
        events = "event" if count == 1 else "events"
        return f"sink '{self.sink}': {count:,} {events} not written ({self.reason}): {some}"


class EverySink:
    """Several sinks as one; if one fails, the others continue.

    An event sink (``EventSink``) has a queue: events that it cannot write wait and are tried again
    in order. If another sink fails, this is reported once, and the sink is left out of the current
    video. ``sinks`` have names. ``failed`` has the reason of each failure, by name; ``unwritten``
    lists what could not be written, and is complete after ``close``.
    """

    def __init__(self, sinks: Sequence[tuple[str, Sink]]) -> None:
        self.sinks = list(sinks)
        self.failed: dict[str, str] = {}
        self.unwritten: list[Unwritten] = []
        self._out: set[int] = set()
        self._opened = False
        self._queues: dict[int, EventQueue] = {}

    def check(self) -> None:
        """Check, before the first frame, that event sinks can write.

        Raises a ``DataError`` that names a sink that cannot, with the reason.
        """
        for name, sink in self.sinks:
            if not isinstance(sink, EventSink):
                continue
            try:
                sink.check()
            except (Exception, SystemExit) as error:
                raise DataError(f"sink '{name}' cannot write: {why(error)}") from None

    def open(self, info: SourceInfo) -> None:
        self.failed, self.unwritten, self._out = {}, [], set()
        self._opened = True
        self._each(lambda sink: sink.open(info))

    def frame(self, seen: FrameScore) -> None:
        self._each(lambda sink: sink.frame(seen))

    def event(self, event: Event) -> None:
        for place, (name, sink) in enumerate(self.sinks):
            if isinstance(sink, EventSink):
                if place not in self._queues:
                    self._queues[place] = EventQueue(name, sink)
                self._queues[place].put(event)
        self._each(lambda sink: None if isinstance(sink, EventSink) else sink.event(event))

    @property
    def show_events(self) -> bool:
        """Whether any sink may use the pictures and clips of events."""
        return any(getattr(sink, "shows_events", True) for _, sink in self.sinks)

    @property
    def waiting(self) -> int:
        """How many events its sinks have not written yet."""
        return sum(queue.length for queue in self._queues.values())

    @property
    def failing(self) -> bool:
        """Whether events wait for a sink that could not write them."""
        return any(queue.trouble is not None for queue in self._queues.values())

    def close(self, result: VideoScores | None, patience_s: float = PATIENCE_S) -> list[Path]:
        """Close all sinks and return the written paths.

        Sinks that need a result are aborted if there is none. Waiting events get ``patience_s``
        seconds in total.
        """
        self._finish_queues(patience_s)

        def end(sink: Sink) -> Path | None:
            if not self._opened and not isinstance(sink, EventSink):
                return None
            if result is None and not sink.live:
                sink.abort()
                return None
            return sink.close(result)

        paths = [path for path in self._each(end) if path is not None]
        self._opened = False
        return paths

    def abort(self) -> None:
        self._finish_queues(PATIENCE_S)
        self._each(lambda sink: sink.abort())
        self._opened = False

    def _finish_queues(self, patience_s: float) -> None:
        until = time.monotonic() + patience_s
        for place, queue in self._queues.items():
            left = queue.finish(max(0.0, until - time.monotonic()))
            if not left:
                continue
            reason = queue.trouble or "it did not answer in time"
            ids = tuple(f"{event.id} ({'over' if event.over else 'begun'})" for event in left)
            self.unwritten.append(Unwritten(queue.name, ids, reason))
            self.failed[queue.name] = f"{len(ids):,} events not written: {reason}"
            # It may hang.
            self._out.add(place)
        self._queues = {}

    def _each(self, do: Callable[[Sink], T]) -> list[T]:
        results = []
        for place, (name, sink) in enumerate(self.sinks):
            if place in self._out:
                continue
            try:
                results.append(do(sink))
            except (Exception, SystemExit) as error:
                # After any error, the other sinks continue: a full disk must not stop an alarm to a
                # phone.
                self.failed[name] = why(error)
                self.unwritten.append(Unwritten(name, (), self.failed[name]))
                self._out.add(place)
                _log.error(
                    "sink '%s' failed and is left out of this video: %s", name, self.failed[name]
                )
                with contextlib.suppress(Exception, SystemExit):
                    sink.abort()
        return results
