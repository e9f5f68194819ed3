"""Exponential moving average over time, for live use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.scoring.scorer import PacedStep


class Ema:
    """Exponential moving average of past scores; causal, so it works on live video.

    Give either ``alpha``, the weight of the newest score, or ``halflife``, the number of frames
    after which the weight of a score has halved. The average starts at the first score. A frame
    without a score (NaN) stays NaN, and the old average keeps fading: after a gap of k frames its
    weight is (1 - alpha)^(k + 1), so a long gap almost restarts the average. Frames are those of
    the frame rate of training; on video at another rate, the average takes as many seconds.

    Raises ``RecipeError`` if both or none of the two are given.
    """

    causal: ClassVar[bool] = True
    keeps_unit: ClassVar[bool] = True
    paced: ClassVar[bool] = True

    def __init__(
        self,
        *,
        alpha: Annotated[float, Field(gt=0, le=1)] | None = None,
        halflife: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        if alpha is not None and halflife is None:
            self.alpha, self._parameter = alpha, f"alpha={alpha:g}"
        elif halflife is not None and alpha is None:
            self.alpha, self._parameter = 1 - 0.5 ** (1 / halflife), f"halflife={halflife:g}"
        else:
            which = "none" if alpha is None else "both"
            raise RecipeError(
                f"scorer 'ema' takes either 'alpha' or 'halflife' (frames); got {which}"
            )

    @property
    def label(self) -> str:
        return f"ema({self._parameter})"

    def stream(self) -> PacedStep:
        """Return a function that smooths the scores of one video, one by one."""
        average = math.nan
        weight = 1.0  # of the old average, decreasing with every frame since the last score

        def step(score: float, pace: float = 1.0) -> float:
            nonlocal average, weight
            weight *= (1 - self.alpha) ** pace
            if math.isnan(score):
                return math.nan
            average = score if math.isnan(average) else score + weight * (average - score)
            weight = 1.0
            return average

        return step

    def __call__(
        self, scores: dict[str, np.ndarray], paces: Mapping[str, float] | None = None
    ) -> dict[str, np.ndarray]:
        final = {}
        for video, values in scores.items():
            step, pace = self.stream(), (paces or {}).get(video, 1.0)
            smooth = [step(score, pace) for score in values.tolist()]
            final[video] = np.array(smooth, dtype=np.float64)
        return final
