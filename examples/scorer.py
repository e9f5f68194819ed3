"""A scorer: a running median, which removes short peaks and works on live video."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

import vadkit


@vadkit.register("scorers", "running-median")
class RunningMedian:
    """The median of the scores of the last ``frames`` frames.

    A peak that is shorter than half of the window, such as a broken frame, disappears. A frame
    without a score (NaN) stays without one, and does not count for its neighbours.
    """

    # Uses no future frames, so it works on live video and needs `stream`.
    causal: ClassVar[bool] = True
    # A median of scores has the unit of the scores.
    keeps_unit: ClassVar[bool] = True

    def __init__(self, *, frames: Annotated[int, Field(ge=1)] = 5) -> None:
        self.frames = frames

    @property
    def label(self) -> str:
        """The name of the scorer in tables, with its parameters."""
        return f"running-median(frames={self.frames})"

    def stream(self) -> Callable[[float], float]:
        """Return a function for one video: from the score of a frame to its final score."""
        window: deque[float] = deque(maxlen=self.frames)

        def step(score: float) -> float:
            window.append(score)
            if math.isnan(score):
                return score
            return median(one for one in window if not math.isnan(one))

        return step

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the final scores (N,) of whole videos, by video id."""
        return {video: self._smooth(values) for video, values in scores.items()}

    def _smooth(self, values: np.ndarray) -> np.ndarray:
        # The same function for files and for streams, so that both have the same scores.
        step = self.stream()
        return np.array([step(score) for score in values.tolist()], dtype=np.float64)
