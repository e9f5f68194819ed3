"""The discriminator that judges patches of a frame."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn


class PatchGAN(nn.Module):
    """Patch discriminator: one logit for each overlapping patch (Isola et al., CVPR 2017).

    Four 4x4 convolutions with LeakyReLU 0.2, of ``width``, 2, 4 and 4 times ``width`` channels, the
    first three with stride 2, and a fifth to one channel, as in Liu et al. (CVPR 2018), who use
    ``width`` 128. Input (B, C, H, W); output logits (B, 1, h, w), h = H / 8 - 2 for multiples of 8,
    so H and W must be at least 24. There is no sigmoid, because the least-squares loss needs none.
    Padding is 1 with zeros; the authors' code reflects 2 pixels.
    """

    def __init__(self, in_channels: int, *, width: Annotated[int, Field(ge=1)] = 128) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 4 * width]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(
            zip([in_channels, *widths[:-1]], widths, strict=True)
        ):
            layers += [
                nn.Conv2d(before, after, 4, stride=2 if level < 3 else 1, padding=1),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, frames_BCHW: Tensor) -> Tensor:
        logits: Tensor = self.layers(frames_BCHW)
        return logits
