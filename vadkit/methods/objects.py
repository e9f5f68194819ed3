"""From objects to frames: a frame has the score of its highest object, and a map shows it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def highest(scores_N: Tensor, boxes: Sequence[Tensor], lowest: Tensor) -> Tensor:
    """Return scores (B,) of frames from those of their objects, by clip; at least ``lowest``."""
    counts = [len(one) for one in boxes]
    found = [torch.cat([one, lowest.view(1)]).max() for one in scores_N.split(counts)]
    return torch.stack(found)


def painted(
    scores_N: Tensor, boxes: Sequence[Tensor], size: tuple[int, int], lowest: Tensor
) -> Tensor:
    """Return maps (B, H, W) with the scores of objects inside their boxes.

    The highest score counts where boxes overlap; ``lowest`` is used where there are none.
    """
    maps = lowest.repeat(len(boxes), *size)
    owners = [number for number, one in enumerate(boxes) for _ in range(len(one))]
    for clip, box, score in zip(owners, torch.cat(list(boxes)), scores_N, strict=True):
        left, top = box[:2].floor().long().clamp(min=0).tolist()
        right, bottom = box[2:].ceil().long().tolist()
        inside = maps[clip, top:bottom, left:right]
        inside.copy_(torch.maximum(inside, score))
    return maps
