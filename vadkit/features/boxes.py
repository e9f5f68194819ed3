"""Position, size and motion of objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.features.feature import Feature, heights, last_flow, region_means


class BoxGeometry(Feature):
    """Position, height and aspect ratio of a region, as four numbers.

    These are x and y of the middle of its lower edge and its height, as shares of the frame's
    width, height and height, and the logarithm of height over width. A tall object far away and a
    wide one nearby then differ from people. Places with few training rows also score as abnormal.
    """

    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Return rows (N, 4)."""
        height, width = clips.frames.shape[-2:]
        boxes = torch.cat(list(regions))
        tall = heights(regions)
        wide = (boxes[:, 2] - boxes[:, 0]).clamp(min=1)
        x = (boxes[:, 0] + boxes[:, 2]) / (2 * width)
        return torch.stack([x, boxes[:, 3] / height, tall / height, (tall / wide).log()], dim=1)


class BoxVelocity(Feature):
    """Mean motion of a region to the right and down, in its heights per frame."""

    flow: ClassVar[bool] = True

    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Return rows (N, 2)."""
        return region_means(last_flow(clips), regions) / heights(regions)[:, None]
