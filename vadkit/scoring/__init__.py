"""From raw frame scores to final ones: smoothing and normalisation, in NumPy."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "scorers": {
        "gaussian": "vadkit.scoring.gaussian:Gaussian",
        "ema": "vadkit.scoring.ema:Ema",
        "minmax-per-video": "vadkit.scoring.minmax:MinMaxPerVideo",
    },
}
