"""The time that training takes, and the position that it gives in the learning-rate schedule."""

from __future__ import annotations

import time
from collections.abc import Callable


class TrainClock:
    """Counts the seconds of training, also over a resume, against a limit in minutes.

    The time runs from the first epoch to the end of the last one, with everything that hooks do
    meanwhile, such as evaluations. It changes only when it is read, so that one reading decides
    both the learning rate of a step and the end of training.
    """

    def __init__(
        self, minutes: float | None = None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.minutes = minutes
        self.seconds = 0.0
        self._now = now
        self._last: float | None = None

    def read(self) -> float:
        """Add the time since the last reading, and return the share of the limit that is used."""
        now = self._now()
        if self._last is not None:
            self.seconds += now - self._last
        self._last = now
        return self.share

    @property
    def share(self) -> float:
        """The share of the limit that was used at the last reading; 0 without a limit."""
        return self.seconds / (60 * self.minutes) if self.minutes else 0.0

    @property
    def over(self) -> bool:
        """Whether the limit was reached at the last reading."""
        return self.share >= 1.0


def position(done: float, epochs: int, share: float) -> float:
    """Return the position in the schedule, from 0 to ``epochs``.

    ``done`` is the number of epochs done, such as 2.5, and ``share`` the share of the time used;
    the one that is further on counts.
    """
    return min(max(done, share * epochs), float(epochs))
