"""The U-Net that predicts a frame from earlier frames."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn


class UNet(nn.Module):
    """U-Net for frame prediction (Liu et al., CVPR 2018).

    Four levels of two 3x3 convolutions with ``width``, 2, 4 and 8 times ``width`` channels, max
    pooling between them, 2x2 transposed convolutions in the decoder, skips by concatenation, no
    normalisation, and tanh at the end. ``width`` 64 and ``skips`` are the paper's values; without
    ``skips``, everything passes through the bottleneck. ``bounded: false`` removes the tanh, for
    outputs that are not frames; ``norm`` adds batch normalisation after each convolution. Input
    (B, in, H, W), output (B, out, H, W) in -1..1; H and W must be multiples of 8.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: Annotated[int, Field(ge=1)] = 64,
        skips: bool = True,
        bounded: bool = True,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.skips, self.bounded = skips, bounded
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(
            double_conv(before, after, norm=norm)
            for before, after in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * wide, wide, 2, stride=2) for wide in reversed(widths[:-1])
        )
        self.merge = nn.ModuleList(
            double_conv(2 * wide if skips else wide, wide, norm=norm)
            for wide in reversed(widths[:-1])
        )
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, frames_BCHW: Tensor) -> Tensor:
        """Predict a frame. Raises ``ValueError`` if H or W is not a multiple of 8."""
        height, width = frames_BCHW.shape[-2:]
        if height % 8 or width % 8:
            raise ValueError(
                f"unet needs a height and width that are multiples of 8; got {height}x{width}"
            )
        skips = []
        x = frames_BCHW
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1) if self.skips else up(x))
        output: Tensor = self.out(x)
        return output.tanh() if self.bounded else output


def double_conv(before: int, after: int, *, norm: bool = False) -> nn.Sequential:
    """Return two 3x3 convolutions, each with a ReLU and, with ``norm``, batch normalisation."""
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers.append(nn.Conv2d(channels, after, 3, padding=1))
        layers += [nn.BatchNorm2d(after)] if norm else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
