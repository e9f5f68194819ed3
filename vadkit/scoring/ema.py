"""Exponential moving average along time, for live use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.errors import RecipeError


class Ema:
    """Smooth scores with an exponential moving average of the past; causal, fit for live use.

    Give either ``alpha``, the weight of the newest score, or ``halflife``, the number of frames
    after which a score's weight has halved. The average starts at the first score. An unscored
    frame (NaN) stays NaN, and the average fades through it as time passes: after a gap of k frames
    the old average weighs (1 - alpha)^(k + 1), so a long gap is nearly a fresh start.

    Raises ``RecipeError`` when both or none of the two are given.
    """

    causal: ClassVar[bool] = True
    keeps_unit: ClassVar[bool] = True

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
            given = "none" if alpha is None else "both"
            raise RecipeError(
                f"scorer 'ema' takes either 'alpha' or 'halflife' (frames); got {given}"
            )

    @property
    def label(self) -> str:
        return f"ema({self._parameter})"

    def stream(self) -> Callable[[float], float]:
        """A function to call with one video's scores, one by one; it returns the smoothed one."""
        average = math.nan
        weight = 1.0  # of the old average, falling with every frame since the last score

        def step(score: float) -> float:
            nonlocal average, weight
            weight *= 1 - self.alpha
            if math.isnan(score):
                return math.nan
            average = score if math.isnan(average) else score + weight * (average - score)
            weight = 1.0
            return average

        return step

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        final = {}
        for video, values in scores.items():
            step = self.stream()
            final[video] = np.array([step(score) for score in values.tolist()], dtype=np.float64)
        return final
