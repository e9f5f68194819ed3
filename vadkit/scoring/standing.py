"""Standing alarms: a score that stays high becomes the usual level after a while."""

from __future__ import annotations

import math

import numpy as np

# An alarm on top of a standing one lasts at most this share of the longest time.
_AGAIN = 0.2
# The time until a standing level may raise an alarm again doubles up to this many longest times.
_LONGEST_WAIT = 12
# A fluctuating level is exceeded by this many mean deviations: one frame of 30,000 of a normal one.
_DEVIATIONS = 5.0


class StandingLevel:
    """The threshold of one stream, which rises while a high score stands.

    An alarm that has lasted for ``longest_s`` seconds is standing. From then on, the threshold is
    as far above the present level, an average over a fourth of that time, as it usually is above
    the ``usual`` score, or five times the mean deviation if that is more. In addition, it is above
    the peak of the standing alarm for ``longest_s``, and for twice as long each time again, up to
    12 times. When the level is back, half-way from the threshold to the usual score or lower, all
    is as at first. Call ``push`` for every frame.
    """

    def __init__(self, threshold: float, usual: float, longest_s: float) -> None:
        self.threshold, self.longest_s = threshold, longest_s
        self.usual = usual if usual < threshold else threshold
        self.stands = False
        self._level, self._spread = self.usual, 0.0
        self._peak = -math.inf
        self._wait_s = self._until = 0.0
        self._time = math.nan

    def push(self, time: float, score: float) -> float:
        """Add a score, NaN for none; return by how much the threshold is higher than at first."""
        step = time - self._time if time > self._time else 0.0
        self._time = time
        if not math.isnan(score):
            share = 1 - 0.5 ** (4 * step / self.longest_s)
            self._level += share * (score - self._level)
            self._spread += share * (abs(score - self._level) - self._spread)
        if self.stands and self._level <= (self.threshold + self.usual) / 2:
            self.stands, self._wait_s, self._peak = False, 0.0, -math.inf
        if not self.stands:
            return 0.0
        margin = max(self.threshold - self.usual, _DEVIATIONS * self._spread)
        raised = max(0.0, self._level + margin - self.threshold)
        if time < self._until:
            raised = max(raised, float(np.nextafter(self._peak, math.inf)) - self.threshold)
        return raised

    def is_standing(self, start: float, time: float) -> bool:
        """Whether an alarm that started at ``start`` has lasted too long."""
        return time - start >= self.longest_s * (_AGAIN if self.stands else 1.0)

    def stand(self, time: float, score: float, peak: float) -> None:
        """Take the present score as the usual level, after an alarm with this peak."""
        self._wait_s = min(2 * self._wait_s or self.longest_s, _LONGEST_WAIT * self.longest_s)
        self._until = time + self._wait_s
        self._peak = max(self._peak, peak)
        self._level = max(self._level, score) if not math.isnan(score) else self._level
        self.stands = True
