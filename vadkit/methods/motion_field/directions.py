"""Directions of motion, and how rare each direction is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Eighths of a turn: to the right, right and down, down, and so on.
WAYS = 8
# The smallest share that counts: 1 in a million equals 4.8 standard deviations of a Gaussian.
_LEAST = 1e-6


def ways(motion_B2HW: Tensor) -> Tensor:
    """Distribute each motion (right, down) over the 8 directions, (B, 8, H, W).

    The shares sum to 1; a motion between two directions counts for both.
    """
    right, down = motion_B2HW.contiguous().unbind(1)
    turn = torch.atan2(down, right) / (2 * math.pi) * WAYS
    numbers = torch.arange(WAYS, device=motion_B2HW.device)[:, None, None]
    off = (turn[:, None] - numbers).remainder(WAYS)
    return (1 - torch.minimum(off, WAYS - off)).clamp(min=0)


def rarity(motion_B2HW: Tensor, shares_8HW: Tensor) -> Tensor:
    """Return the standard deviations of a Gaussian that are as rare as each direction.

    ``shares`` are those of the 8 directions at each place. The tail probability of a direction with
    share p is the sum of the part of every direction up to p. It is 0 standard deviations if all
    directions are equally common, so places where people walk in all directions have no abnormal
    direction.
    """
    share = (ways(motion_B2HW) * shares_8HW).sum(dim=1, keepdim=True)
    beyond = torch.minimum(shares_8HW, share).sum(dim=1).clamp(_LEAST, 0.5)
    return math.sqrt(2) * torch.erfinv(1 - 2 * beyond)
