"""Min-max normalisation of each video."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

# Differences below this share of the largest value are rounding errors of a smoother, not signal;
# scaled to 0..1 they would turn a constant video into noise. Scores from float32 differ by at least
# 6e-8 of their value.
ROUNDING = 1e-12


class MinMaxPerVideo:
    """Min-max normalisation of each video to 0..1; offline, because it needs the whole video.

    The lowest score becomes 0 and the highest 1, whatever their size, so a video without any
    anomaly also reaches 1. A constant video becomes 0; NaN stays NaN. Reference: Hasan et al., CVPR
    2016 (regularity score).
    """

    causal: ClassVar[bool] = False
    keeps_unit: ClassVar[bool] = False

    @property
    def label(self) -> str:
        return "minmax-per-video"

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {video: _stretch(values) for video, values in scores.items()}


def _stretch(values: np.ndarray) -> np.ndarray:
    scored = values[~np.isnan(values)]
    if not scored.size:
        return values.astype(np.float64)
    low, high = float(scored.min()), float(scored.max())
    if high - low <= ROUNDING * max(abs(low), abs(high)):
        return np.where(np.isnan(values), np.nan, 0.0)
    return (values - low) / (high - low)
