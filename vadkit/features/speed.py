"""Speed of an object, and its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vadkit.data.clips.cubes import cropped
from vadkit.data.tensors import Clips
from vadkit.features.feature import Feature, last_flow

# The median is that of a grid of this many flows in each direction.
_SIDE = 32


class SpeedAtPlace(Feature):
    """Median speed of a region's pixels, and the place of the region, as three numbers.

    The speed is in pixels per frame. The place is the middle of the region's lower edge, x and y as
    shares of the frame's height, so that distances are the same in both directions. For the density
    ``above-nearby``: how much faster than what moves here.
    """

    flow: ClassVar[bool] = True

    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Return rows (N, 3)."""
        flow = cropped(last_flow(clips)[:, :, None], regions, _SIDE)[:, :, 0]
        speed = flow.square().sum(dim=1).sqrt().flatten(1).median(dim=1).values
        boxes = torch.cat(list(regions)).to(speed)
        height = clips.frames.shape[-2]
        x = (boxes[:, 0] + boxes[:, 2]) / (2 * height)
        return torch.stack([speed, x, boxes[:, 3] / height], dim=1)
