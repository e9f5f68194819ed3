"""Detect frames that a camera dropped: everything then moves twice as far at once."""

from __future__ import annotations

import torch
from torch import Tensor

# If everything is this many times as fast as in the previous frame, a frame was lost in between.
_LOST = 1.5
# If it is faster by more than this, the video had stood still before.
_STOOD = 4.0
# In pixels per frame: lower speeds are the error of optical flow.
_FLOW_ERROR = 0.05


def jumps(speeds_BNHW: Tensor, seen_BNHW: Tensor) -> Tensor:
    """Return the factors to divide the speeds of each frame (B, N) by; 1 if no frame was lost.

    ``seen`` marks the places with foreground. The first frame of a clip has no frame to compare
    with.
    """
    count = speeds_BNHW.shape[1]
    if count == 1:
        return speeds_BNHW.new_ones(len(speeds_BNHW), 1)
    # Windows of neighbours overlap, so every second cell is enough.
    spread = _quartiles(speeds_BNHW[..., ::2, ::2].flatten(2), seen_BNHW[..., ::2, ::2].flatten(2))
    # The faster of the two previous frames, because a camera may repeat a frame before it jumps.
    before = torch.maximum(spread[:, :-1], spread[:, [0, *range(count - 2)]])
    # Not only the median speed: the slow and the fast speeds must have risen as well.
    rise = (spread[:, 1:] / before).amin(dim=2)
    # The spread of frames without foreground is NaN, and so is the comparison: no factor.
    lost = torch.where((rise >= _LOST) & (rise <= _STOOD), rise, 1.0)
    return torch.cat([torch.ones_like(lost[:, :1]), lost], dim=1)


def _quartiles(speeds_BNK: Tensor, seen_BNK: Tensor) -> Tensor:
    """Return the quartiles of the seen speeds (B, N, 3); NaN without any."""
    # Sorted together, because a call per frame costs more than its few values.
    values = speeds_BNK.masked_fill(~seen_BNK, torch.inf).sort(dim=-1).values
    last = seen_BNK.sum(dim=-1, keepdim=True) - 1
    places = last * torch.tensor([0.25, 0.5, 0.75], device=values.device)
    edges = places.floor(), places.ceil()
    low, high = (values.gather(-1, edge.clamp(min=0).long()) for edge in edges)
    found = low.lerp(high, places - places.floor()).clamp(min=_FLOW_ERROR)
    return found.masked_fill(last < 0, torch.nan)
