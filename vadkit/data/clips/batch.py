"""Batches of clips on the device, made from uint8 frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vadkit.data.clips.extras import ClipExtras
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec


def make_clips(
    frames_BTHWC: Tensor,
    extras: ClipExtras,
    spec: ClipSpec,
    device: torch.device,
    dtype: torch.dtype,
    augment: Callable[[Clips], Clips] | None = None,
) -> Clips:
    """Make clips on the device from uint8 frames (B, T, H, W, C) and their extras.

    Bytes are transferred, which are four times smaller than floats; conversion to ``dtype`` happens
    on the device. ``augment`` gets the frames in 0..1, before they are scaled to ``spec.range``.
    """
    low, high = spec.range
    frames = frames_BTHWC.to(device, non_blocking=True).permute(0, 4, 1, 2, 3).to(dtype)
    flow, boxes, given = extras
    if flow is not None:
        flow = _floats(flow.to(device, non_blocking=True)).permute(0, 4, 1, 2, 3)
    if boxes is not None:
        boxes = tuple(one.to(device, non_blocking=True) for one in boxes)
    if given is not None:
        given = {name: tuple(one.to(device) for one in rows) for name, rows in given.items()}
    if augment is None:
        return Clips(frames.mul_((high - low) / 255).add_(low), flow, boxes, given=given)
    clips = augment(Clips(frames.mul_(1 / 255), flow, boxes, given=given))
    return replace(clips, frames=clips.frames.mul(high - low).add_(low))


def _floats(clips_BT: Tensor) -> Tensor:
    """Return clips as float32; if they are views of consecutive frames, so is the result."""
    batch, count = clips_BT.shape[:2]
    if clips_BT.stride(0) != clips_BT.stride(1):
        return clips_BT.float()
    frames = clips_BT.as_strided((batch + count - 1, *clips_BT.shape[2:]), clips_BT.stride()[1:])
    return frames.float().unfold(0, count, 1).movedim(-1, 1)
