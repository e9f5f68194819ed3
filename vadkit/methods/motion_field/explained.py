"""Numbers that say in what way motion is unusual at a place."""

from __future__ import annotations

import torch
from torch import Tensor

from vadkit.methods.motion_field.directions import WAYS, ways

# In pixels per frame: times of a smaller speed would say more about noise than about the place.
_LEAST_SPEED = 0.1
# With fewer training frames than this, nothing is usual at a place.
_FEWEST_FRAMES = 1.0


def explained(
    motion_BCHW: Tensor, usual_HW: Tensor, seen_HW: Tensor, shares_8HW: Tensor
) -> dict[str, dict[str, Tensor]]:
    """Return numbers (B, h, w) by part and name, from motion (length, right, down).

    - speed, ``times``: the speed divided by the usual speed at this place; infinite if nothing
      moved there in training.
    - direction, ``share``: the share of the usual motion at this place that goes about this way,
      and ``against``: the share that goes about the opposite way, each within three eighths of a
      turn.
    """
    times = motion_BCHW[:, 0] / usual_HW.clamp(min=_LEAST_SPEED)
    found = {"speed": {"times": torch.where(seen_HW < _FEWEST_FRAMES, torch.inf, times)}}
    if len(shares_8HW):
        way = ways(motion_BCHW[:, 1:3])
        about = shares_8HW.roll(-1, dims=0) + shares_8HW + shares_8HW.roll(1, dims=0)
        found["direction"] = {
            "share": (way * about).sum(dim=1),
            "against": (way * about.roll(WAYS // 2, dims=0)).sum(dim=1),
        }
    return found
