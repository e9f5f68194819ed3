"""The scale on which the scores of different methods are compared."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

# The share of normal video above level 1. Normal video is never clean: what happens in less than
# this share of the time does not move the scale.
HIGH_SHARE = 0.02
# The smallest distance between the levels 0 and 1, as a share of the level 1 (or an absolute value
# near 0): a part that always scores the same has none.
_LEAST = 1e-3


class Scale(nn.Module):
    """Levels of a method: 0 is the usual score of normal video, 1 is the highest of its usual ones.

    Level 0 is the median of held-out normal scores, level 1 the score that 2% of them exceed, and
    the scale goes on in both directions. It needs no extrapolation and no shape of a tail.
    ``counts`` is False if there was too little video to know the scale well enough for comparisons.
    """

    levels: Tensor
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The scores at levels 0 and 1.
        self.register_buffer("levels", torch.tensor([0.0, 1.0]))
        self.register_buffer("counts", torch.tensor(True))

    def fit(self, scores_N: Tensor) -> None:
        """Fit to scores of normal video; NaN is left out, and at least one other is needed."""
        known = scores_N[~scores_N.isnan()].double().cpu()
        usual, high = known.quantile(torch.tensor([0.5, 1 - HIGH_SHARE], dtype=known.dtype))
        least = _LEAST * max(1.0, abs(float(high)))
        self.levels.copy_(torch.stack([usual, torch.maximum(high, usual + least)]))

    def forward(self, scores: Tensor) -> Tensor:
        """Return the levels of scores, in the same shape."""
        usual, high = self.levels
        levels: Tensor = (scores.float() - usual) / (high - usual)
        return levels

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # Runs of earlier versions compare all parts.
        state_dict.setdefault(prefix + "counts", torch.tensor(True))
        super()._load_from_state_dict(state_dict, prefix, *rest)
