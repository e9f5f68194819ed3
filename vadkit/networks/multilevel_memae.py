"""The auto-encoder of optical flow with memories at several levels."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.memae import Memory
from vadkit.networks.unet import double_conv


class MultiLevelMemAE(nn.Module):
    """U-Net with a memory in its bottleneck and in its skips (Liu et al., ICCV 2021, section 3.1).

    Four levels of two 3x3 convolutions with batch normalisation and ``width``, 2, 4 and 8 times
    ``width`` channels. The three lower levels pass through a memory of ``slots`` items each; the
    upper two of them are then concatenated in the decoder, and the first level has no skip. So
    everything in the output is made of learned items. ``width`` 32, 2000 ``slots`` and ``shrink``
    0.0005 are the authors' values. As in MemAE, the query at each place is its column of features.
    Input and output are (N, C, H, W), H and W multiples of 8; the second result has the weights
    (Q, slots) of each memory.
    """

    def __init__(
        self,
        channels: int,
        *,
        width: Annotated[int, Field(ge=1)] = 32,
        slots: Annotated[int, Field(ge=1)] = 2000,
        shrink: Annotated[float, Field(ge=0, lt=1)] = 0.0005,
    ) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(
            double_conv(before, after, norm=True)
            for before, after in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.memories = nn.ModuleList(Memory(slots, wide, shrink) for wide in widths[1:])
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * wide, wide, 2, stride=2) for wide in reversed(widths[:-1])
        )
        self.merge = nn.ModuleList(
            double_conv(before, after, norm=True)
            for before, after in zip([8 * width, 4 * width, width], widths[2::-1], strict=True)
        )
        self.out = nn.Conv2d(width, channels, 1)

    def forward(self, flow_NCHW: Tensor) -> tuple[Tensor, list[Tensor]]:
        levels, weights = [self.down[0](flow_NCHW)], []
        for block in list(self.down)[1:]:
            levels.append(block(functional.max_pool2d(levels[-1], 2)))
        for number, memory in enumerate(self.memories, 1):
            queries = levels[number].movedim(1, -1)
            mixtures, used = memory(queries.flatten(0, -2))
            levels[number] = mixtures.view(queries.shape).movedim(-1, 1).to(flow_NCHW)
            weights.append(used)
        x = levels.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            skip = levels.pop()
            x = merge(torch.cat([skip, up(x)], dim=1) if levels else up(x))
        return self.out(x), weights
