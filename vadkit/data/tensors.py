"""uint8 clips to the float tensors that methods see."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vadkit.data.videos import ClipSpec


def to_input(
    clips_BTHWC: Tensor,
    spec: ClipSpec,
    device: torch.device,
    dtype: torch.dtype,
    augment: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Clips (B, T, H, W, C) uint8 as (B, C, T, H, W) in ``spec.range``, on the device.

    The bytes travel, four times fewer than floats; conversion happens on the device, in
    ``dtype``. ``augment`` gets the clips in 0..1, before they are scaled to the range.
    """
    low, high = spec.range
    clips = clips_BTHWC.to(device, non_blocking=True).permute(0, 4, 1, 2, 3).to(dtype)
    if augment is None:
        return clips.mul_((high - low) / 255).add_(low)
    return augment(clips.mul_(1 / 255)).mul(high - low).add_(low)
