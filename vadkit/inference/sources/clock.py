"""One continuous clock for a live source across its connections."""

from __future__ import annotations

import math

# The difference between a stream's clock and ours after which it is synchronised again.
_APART_S = 5.0
_LEAST_STEP_S = 1e-3


class StreamClock:
    """Increasing seconds since the first frame: the stream's times, tied to the arrival of frames.

    Timestamps of a stream are exact from frame to frame, while arrival times jitter. But they start
    again with every connection, may jump, and may be missing.
    """

    def __init__(self) -> None:
        self._start: float | None = None
        self._offset: float | None = None
        self.last = 0.0

    def reconnected(self) -> None:
        """The next time belongs to a new connection."""
        self._offset = None

    def at(self, time: float, arrived: float) -> float:
        """Return the time of the next frame, from its timestamp (NaN: none) and its arrival."""
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
        """Return the time of an event between frames."""
        return self.last if self._start is None else max(self.last, arrived - self._start)
