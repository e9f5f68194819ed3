"""From objects to frames: a frame has the score of its highest object, and a map shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vadkit.data.videos import ClipSpec


def highest(scores_N: Tensor, boxes: Sequence[Tensor], lowest: Tensor) -> Tensor:
    """Return scores (B,) of frames from those of their objects, by clip; at least ``lowest``."""
    counts = [len(one) for one in boxes]
    found = [torch.cat([one, lowest.view(1)]).max() for one in scores_N.split(counts)]
    return torch.stack(found)


def counted(
    scores_N: Tensor, boxes: Sequence[Tensor], ignored_HW: Tensor | None, lowest: Tensor
) -> Tensor:
    """Return scores (..., N) in which objects whose centre is in an ignored place have the lowest.

    ``lowest`` (...) has the lowest score of each row.
    """
    if ignored_HW is None or not scores_N.shape[-1]:
        return scores_N
    xyxy = torch.cat(list(boxes))
    height, width = ignored_HW.shape
    x = ((xyxy[:, 0] + xyxy[:, 2]) / 2).long().clamp(0, width - 1)
    y = ((xyxy[:, 1] + xyxy[:, 3]) / 2).long().clamp(0, height - 1)
    return torch.where(ignored_HW[y, x], lowest[..., None], scores_N)


def detected(scores_N: Tensor, boxes: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the detections (n, 5) of each clip, boxes and scores, for ``Scores.objects``."""
    rows = torch.cat([torch.cat(list(boxes)).to(scores_N), scores_N[:, None]], dim=1)
    return tuple(torch.split(rows, [len(one) for one in boxes]))


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


def around_middle(
    method: str, least: int, frames: int, size: tuple[int, int], channels: Any, step: int
) -> ClipSpec:
    """Return the spec of clips with cubes of 64x64 around the objects of the middle frame.

    Raises ``ValueError`` for an even number of frames, and for fewer than ``least``.
    """
    if frames < least or frames % 2 == 0:
        raise ValueError(f"{method} needs an odd number of frames, {least} or more; got {frames}")
    middle = frames // 2
    return ClipSpec(frames, size, channels, (middle,), step, boxes=middle, cube=64)
