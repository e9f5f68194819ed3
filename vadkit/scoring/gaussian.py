"""Gaussian smoothing over time."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.arrays import runs


class Gaussian:
    """Gaussian smoothing over time; offline, because it uses future frames.

    ``sigma`` is in frames; the window ends at 4 sigma. Smoothing stays inside runs of scored
    frames: gaps separate runs, and NaN stays NaN. At the ends of a run, the window is cut and its
    weights are normalised again, so a constant stays constant and the ends are neither pulled to
    zero nor mirrored.
    """

    causal: ClassVar[bool] = False
    keeps_unit: ClassVar[bool] = True

    def __init__(self, *, sigma: Annotated[float, Field(gt=0)] = 3.0) -> None:
        self.sigma = sigma

    @property
    def label(self) -> str:
        return f"gaussian(sigma={self.sigma:g})"

    @property
    def substitute(self) -> str:
        """A causal scorer that reduces independent noise about equally, as a recipe entry."""
        # Remaining variance: 1 / (2 sqrt(pi) sigma) here, alpha / (2 - alpha) for an EMA.
        alpha = 2 / (2 * np.sqrt(np.pi) * self.sigma + 1)
        halflife = np.log(0.5) / np.log1p(-alpha) if alpha < 1 else 0.1
        return f"{{type: ema, halflife: {halflife:.2g}}}"

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {video: self._smooth(values) for video, values in scores.items()}

    def _smooth(self, values: np.ndarray) -> np.ndarray:
        from scipy.ndimage import gaussian_filter1d

        smooth = np.full(values.shape, np.nan)
        for start, stop in runs(~np.isnan(values)):
            run = slice(start, stop)
            inside = values[run].astype(np.float64)
            weighted = gaussian_filter1d(inside, self.sigma, mode="constant")
            weights = gaussian_filter1d(np.ones_like(inside), self.sigma, mode="constant")
            smooth[run] = weighted / weights
        return smooth
