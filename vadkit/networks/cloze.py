"""One U-Net for each frame of a cube that may be erased."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.unet import UNet


class Cloze(nn.Module):
    """Completes each frame of a cube from its other frames (Yu et al., ACM MM 2020).

    A U-Net with batch normalisation for each place of the erased frame. ``width`` 32 is the
    authors' value. Input (N, C, T, H, W), output (N, out, T, H, W); H and W are multiples of 8.
    """

    def __init__(
        self,
        channels: int,
        frames: int,
        out_channels: int,
        *,
        width: Annotated[int, Field(ge=1)] = 32,
    ) -> None:
        super().__init__()
        self.of_place = nn.ModuleList(
            UNet(channels * (frames - 1), out_channels, width=width, bounded=False, norm=True)
            for _ in range(frames)
        )

    def forward(self, cubes_NCTHW: Tensor) -> Tensor:
        frames = cubes_NCTHW.unbind(dim=2)
        completed = [
            network(torch.cat([*frames[:place], *frames[place + 1 :]], dim=1))
            for place, network in enumerate(self.of_place)
        ]
        return torch.stack(completed, dim=2)
