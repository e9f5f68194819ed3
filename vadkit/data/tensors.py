"""uint8 clips to the float tensors that methods see."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vadkit.data.videos import ClipSpec


def to_input(
    clips_BTHWC: np.ndarray, spec: ClipSpec, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Clips (B, T, H, W, C) uint8 as (B, C, T, H, W) in ``spec.range``, on the device.

    The bytes travel, four times fewer than floats; conversion happens on the device.
    """
    low, high = spec.range
    clips = torch.from_numpy(clips_BTHWC).to(device, non_blocking=True)
    return clips.permute(0, 4, 1, 2, 3).to(dtype).mul_((high - low) / 255).add_(low)
