"""How fast things move, and in which directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.features.feature import Feature, heights, last_flow, region_means


class FlowStatistics(Feature):
    """Mean speed of a region's pixels by direction of motion, as AI-VAD's velocity has it.

    The directions are divided into ``bins``, the first from right to ``360 / bins`` degrees further
    clockwise. A bin's value is the summed length of the flow of its pixels, divided by all pixels
    of the region: the bins' sum is the mean speed, and one bin alone is that. ``spread`` adds the
    deviation of the length over the region. Speeds are in pixels a frame; with ``relative`` in
    heights of the region, which takes off how far away an object is.
    """

    flow: ClassVar[bool] = True

    def __init__(
        self,
        *,
        bins: Annotated[int, Field(ge=1)] = 8,
        spread: bool = False,
        relative: bool = False,
    ) -> None:
        super().__init__()
        self.bins, self.spread, self.relative = bins, spread, relative

    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Speeds (N, bins), or (N, bins + 1) with ``spread``."""
        flow = last_flow(clips)
        length = flow.square().sum(dim=1, keepdim=True).sqrt()
        turned = torch.atan2(flow[:, 1:], flow[:, :1]) / (2 * math.pi) % 1
        # Just below a whole turn floats may round up to it.
        numbers = (turned * self.bins).long() % self.bins
        planes = [length * (numbers == number) for number in range(self.bins)]
        if self.spread:
            planes += [length, length.square()]
        means = region_means(torch.cat(planes, dim=1), regions)
        rows = means[:, : self.bins]
        if self.spread:
            deviations = (means[:, -1] - means[:, -2].square()).clamp(min=0).sqrt()
            rows = torch.cat([rows, deviations[:, None]], dim=1)
        return rows / heights(regions)[:, None] if self.relative else rows
