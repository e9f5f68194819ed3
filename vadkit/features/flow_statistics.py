"""Speed and direction of motion."""

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
    """Mean speed of a region's pixels by direction of motion, as in AI-VAD's velocity.

    Directions are divided into ``bins``; the first one goes from right to ``360 / bins`` degrees
    clockwise. A bin's value is the sum of the flow lengths of its pixels, divided by the number of
    all pixels of the region. The sum of the bins is therefore the mean speed, and a single bin is
    the mean speed. ``spread`` adds the standard deviation of the length over the region. Speeds are
    in pixels per frame; with ``relative``, they are in heights of the region, which removes the
    effect of distance.
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
        """Return speeds (N, bins), or (N, bins + 1) with ``spread``."""
        flow = last_flow(clips)
        length = flow.square().sum(dim=1, keepdim=True).sqrt()
        turned = torch.atan2(flow[:, 1:], flow[:, :1]) / (2 * math.pi) % 1
        # Just below a full turn, floats may round up to it.
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
