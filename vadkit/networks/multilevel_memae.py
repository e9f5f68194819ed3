"""The auto-encoder of optical flow with memories at several levels."""

from __future__ import annotations

import itertools
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.memae import Memory
from vadkit.networks.unet import double_conv


class MultiLevelMemAE(nn.Module):
    """U-Net whose features pass through memories of whole objects (Liu et al., ICCV 2021).

    Four levels of ``width``, 2, 4 and 8 times ``width`` channels: a 3x3 convolution halves height
    and width, a transposed one doubles them, and two 3x3 convolutions with batch normalisation
    follow each. Each of the three lower levels of the decoder passes through a memory of ``slots``
    items, after its skip was concatenated; the first level has no skip. An item is the whole map of
    features of an object, as in the authors' code, not the column of features of one place as in
    MemAE. So the output is always made of a few objects that were learned, whatever the skips say.
    ``width`` 32, 2000 ``slots`` and ``shrink`` 0.0005 (1 / ``slots``) are the authors' values.
    Input and output are (N, C, side, side), ``side`` a multiple of 8; the second result has the
    weights (N, slots) of each memory, from the lowest level up.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        *,
        width: Annotated[int, Field(ge=1)] = 32,
        slots: Annotated[int, Field(ge=1)] = 2000,
        shrink: Annotated[float, Field(ge=0, lt=1)] = 0.0005,
    ) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        pairs = list(itertools.pairwise(widths))
        self.enter = double_conv(channels, width, norm=True)
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                double_conv(after, after, norm=True),
            )
            for before, after in pairs
        )
        # From the lowest level up.
        sides = [side // 8, side // 4, side // 2]
        self.memories = nn.ModuleList(
            Memory(slots, wide * own * own, shrink)
            for wide, own in zip(widths[:0:-1], sides, strict=True)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1)
            for narrow, wide in reversed(pairs)
        )
        self.merge = nn.ModuleList(
            double_conv(before, after, norm=True)
            for before, after in zip([8 * width, 4 * width, width], widths[2::-1], strict=True)
        )
        self.out = nn.Conv2d(width, channels, 1)

    def forward(self, flow_NCHW: Tensor) -> tuple[Tensor, list[Tensor]]:
        skips = [self.enter(flow_NCHW)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x, weights = skips.pop(), []
        for memory, up, merge in zip(self.memories, self.up, self.merge, strict=True):
            mixtures, used = memory(x.flatten(1))
            weights.append(used)
            x = up(mixtures.view(x.shape).to(x))
            skip = skips.pop()
            x = merge(torch.cat([skip, x], dim=1) if skips else x)
        return self.out(x), weights
