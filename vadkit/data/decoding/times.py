"""The times of a file's frames: increasing, with cuts where frames are missing."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import Any

import numpy as np

# Frames per second where a file has no times at all.
UNKNOWN_RATE = 25.0
# Frames per second that a camera or a time-lapse film may have; others come from wrong times.
LOWEST_RATE, HIGHEST_RATE = 1 / 3600, 300.0
# A clock that goes back by more than this, or than so many usual steps, starts again; less is
# disorder within a stream.
_RESTART_S, _RESTART_STEPS = 1.0, 5
# Longer than this, and than so many usual steps, is a hole.
_HOLE_S, _HOLE_STEPS = 2.0, 10
_LEAST_STEP_S = 1e-3
# Steps to take the usual one from.
_STEPS = 51


class TimedImage(np.ndarray):
    """A picture (H, W, 3) uint8 that knows its time; a slice of it has the same time.

    ``time`` is in seconds on the file's own clock, NaN if unknown. ``damaged`` is the number of
    packets since the previous picture that could not be decoded. A reader may also yield plain
    arrays; their times then come from the packets of the file.
    """

    time: float
    damaged: int

    def __array_finalize__(self, other: Any) -> None:
        self.time = getattr(other, "time", math.nan)
        self.damaged = getattr(other, "damaged", 0)


def timed(image: np.ndarray, time: float | None, damaged: int = 0) -> TimedImage:
    """Return a view of a picture with its time in seconds, None if unknown."""
    view = image.view(TimedImage)
    view.time, view.damaged = math.nan if time is None else float(time), damaged
    return view


class FrameClock:
    """Increasing seconds since the first frame, from the times of a file.

    A clock that starts again (joined recordings) continues one usual step after the last frame, and
    so does a frame without a time. ``at`` also says whether clips may cross from the previous frame
    to this one: not over a restart, and not over a hole in time.
    """

    def __init__(self, rate: float = UNKNOWN_RATE) -> None:
        self._rate = rate
        self._offset: float | None = None
        self._last: float | None = None
        self._steps: deque[float] = deque(maxlen=_STEPS)

    @property
    def step(self) -> float:
        """The usual step between frames, in seconds."""
        return median(self._steps) if self._steps else 1 / self._rate

    def at(self, stamp: float) -> tuple[float, bool]:
        """Return the time of the next frame, and whether clips may not cross to it."""
        if self._last is None:
            self._offset = None if math.isnan(stamp) else -stamp
            self._last = 0.0
            return 0.0, False
        if math.isnan(stamp):
            self._last += self.step
            return self._last, False
        if self._offset is None:
            self._offset = self._last + self.step - stamp
        now, cut = self._offset + stamp, False
        if now < self._last - min(_RESTART_S, _RESTART_STEPS * self.step):
            now, cut = self._last + self.step, True
            self._offset = now - stamp
        elif now > self._last:
            cut = now - self._last > max(_HOLE_S, _HOLE_STEPS * self.step)
            self._steps.append(max(now - self._last, _LEAST_STEP_S))
        self._last = max(now, self._last + _LEAST_STEP_S)
        return self._last, cut


def usual_rate(ticks: Sequence[int], unit: Fraction) -> float | None:
    """Return frames per second from the times of frames in ``unit`` seconds; None if unknown.

    It is the mean of the steps that are near the median one. Containers round times, Matroska to
    milliseconds, so the median alone would be up to 2% wrong.
    """
    steps = np.sort(np.diff(np.sort(np.asarray(ticks, dtype=np.int64))))
    steps = steps[steps > 0]
    if not len(steps):
        return None
    middle = float(steps[(len(steps) - 1) // 2])
    near = steps[(steps > middle / 2) & (steps < middle * 3 / 2)]
    return float(len(near) / (int(near.sum()) * unit))


def rate_without_cuts(times: np.ndarray, cuts: np.ndarray) -> float | None:
    """Return frames per second over times (N,) in seconds, without the steps into ``cuts`` (N,)."""
    steps = np.diff(times)[~cuts[1:]]
    total = float(steps.sum())
    return len(steps) / total if total > 0 else None
