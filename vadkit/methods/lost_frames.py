"""Frames that a camera lost, told by everything that moves twice as far at once."""

from __future__ import annotations

import torch
from torch import Tensor

# Everything at once this many times as fast as in the frame before: a frame was lost between.
_LOST = 1.5
# By more than this the picture had stood still before.
_STOOD = 4.0
# Pixels a frame below which speeds are the error of optical flow.
_FLOW_ERROR = 0.05


def jumps(speeds_BNHW: Tensor, seen_BNHW: Tensor) -> Tensor:
    """What to divide the speeds of each frame (B, N) by; 1 where no frame was lost before it.

    ``seen`` says where anything is seen. The first frame of a clip has none to compare with.
    """
    batch, count = speeds_BNHW.shape[:2]
    if count == 1:
        return speeds_BNHW.new_ones(batch, 1)
    # Windows of neighbours share most of what they hold: every other cell says as much.
    pairs = zip(
        speeds_BNHW[..., ::2, ::2].flatten(0, 1),
        seen_BNHW[..., ::2, ::2].flatten(0, 1),
        strict=True,
    )
    spread = torch.stack([_spread(speeds[seen]) for speeds, seen in pairs]).view(batch, count, -1)
    # The faster of the two frames before: a camera may show a frame twice before it jumps.
    before = torch.maximum(spread[:, :-1], spread[:, [0, *range(count - 2)]])
    # Not by the middling speed alone: the slow and the fast must have risen as well.
    rise = (spread[:, 1:] / before).amin(dim=2)
    # Nothing can be said of frames without anything: their spread is NaN, and so no factor.
    lost = torch.where((rise >= _LOST) & (rise <= _STOOD), rise, 1.0)
    return torch.cat([torch.ones_like(lost[:, :1]), lost], dim=1)


def _spread(speeds_K: Tensor) -> Tensor:
    """Quarter, half and three quarter quantiles (3,), NaN of none, of which nothing can be said."""
    if not len(speeds_K):
        return speeds_K.new_full((3,), torch.nan)
    shares = torch.tensor([0.25, 0.5, 0.75], device=speeds_K.device)
    return speeds_K.quantile(shares).clamp(min=_FLOW_ERROR)
