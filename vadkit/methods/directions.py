"""Which ways things go, and how rarely they go one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Eighths of a turn: to the right, right and down, down, and so on.
WAYS = 8
# The least share that counts: 1 in a million is 4.8 deviations of a Gaussian.
_LEAST = 1e-6


def ways(motion_B2HW: Tensor) -> Tensor:
    """How much of each motion (right, down) goes each of the 8 ways (B, 8, H, W).

    Sums to 1: what goes between two ways counts for both.
    """
    right, down = motion_B2HW.contiguous().unbind(1)
    turn = torch.atan2(down, right) / (2 * math.pi) * WAYS
    numbers = torch.arange(WAYS, device=motion_B2HW.device)[:, None, None]
    off = (turn[:, None] - numbers).remainder(WAYS)
    return (1 - torch.minimum(off, WAYS - off)).clamp(min=0)


def rarity(motion_B2HW: Tensor, shares_8HW: Tensor) -> Tensor:
    """How many deviations of a Gaussian leave as little beyond them as goes so rare a way.

    ``shares`` are those of the 8 ways at each place. What counts as beyond a way of the share p is
    the part of every way up to p: 0 deviations where all ways are as usual, so that places where
    people go everywhere have no wrong way.
    """
    share = (ways(motion_B2HW) * shares_8HW).sum(dim=1, keepdim=True)
    beyond = torch.minimum(shares_8HW, share).sum(dim=1).clamp(_LEAST, 0.5)
    return math.sqrt(2) * torch.erfinv(1 - 2 * beyond)
