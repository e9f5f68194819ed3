"""One clock for a live source, whatever its connections say."""

from __future__ import annotations

import math

# A stream's clock may run that far from ours before it is set anew.
_APART_S = 5.0
_LEAST_STEP_S = 1e-3


class StreamClock:
    """Seconds from the first frame, rising: the stream's own times, tied to when frames arrive.

    Times of a stream are exact from frame to frame, where arrival jitters; but they begin anew
    with every connection, may jump, and may be missing.
    """

    def __init__(self) -> None:
        self._start: float | None = None
        self._offset: float | None = None
        self.last = 0.0

    def reconnected(self) -> None:
        """The next time is of another connection."""
        self._offset = None

    def at(self, time: float, arrived: float) -> float:
        """The time of the next frame, by its time in the stream (NaN: none) and its arrival."""
        first = self._start is None
        if self._start is None:
            self._start = arrived
        since = arrived - self._start
        if math.isnan(time):
            now = since
        else:
            if self._offset is None:
                self._offset = since - time
            now = self._offset + time
            if (now <= self.last and not first) or abs(now - since) > _APART_S:
                self._offset = since - time
                now = since
        self.last = now if first else max(now, self.last + _LEAST_STEP_S)
        return self.last

    def now(self, arrived: float) -> float:
        """The time of something that happens in between frames."""
        return self.last if self._start is None else max(self.last, arrived - self._start)

    def exact(self, time: float) -> float:
        """``at`` for a stream that comes as fast as it is read, so that arrival says nothing."""
        if self._offset is None:
            self._offset = -time
        self.last = max(self.last, self._offset + time)
        return self.last
