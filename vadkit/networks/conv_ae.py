"""The convolutional auto-encoder of stacked frames."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.mean_image import MeanImage


class ConvAE(nn.Module):
    """Convolutional auto-encoder of stacked frames (Hasan et al., CVPR 2016).

    Encoder: ``width`` kernels of 11x11 with stride 4, max pooling, ``width / 2`` of 5x5, max
    pooling, ``width / 4`` of 3x3. The decoder mirrors it with unpooling and transposed
    convolutions. ``width`` 512 is the paper's value. Input and output are (B, frames * channels, H,
    W); a sigmoid bounds the output to 0..1. H and W must be at least 32. The paper's 227 fits
    without a remainder; other sizes are padded at the right and bottom, and the output is cropped.

    With ``mean_image``, the network reconstructs the difference from the mean image of the training
    frames (``MeanImage``), all of ``size`` (height, width), and its output is not bounded.
    """

    def __init__(
        self,
        frames: int,
        channels: int,
        size: tuple[int, int],
        *,
        width: Annotated[int, Field(ge=4)] = 512,
        mean_image: bool = False,
    ) -> None:
        super().__init__()
        planes = frames * channels
        half, quarter = max(1, width // 2), max(1, width // 4)
        self.mean = MeanImage((planes, *size)) if mean_image else None
        self.conv1 = nn.Conv2d(planes, width, 11, stride=4)
        self.conv2 = nn.Conv2d(width, half, 5, padding=2)
        self.conv3 = nn.Conv2d(half, quarter, 3, padding=1)
        self.deconv3 = nn.ConvTranspose2d(quarter, half, 3, padding=1)
        self.deconv2 = nn.ConvTranspose2d(half, width, 5, padding=2)
        self.deconv1 = nn.ConvTranspose2d(width, planes, 11, stride=4)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, stack_BCHW: Tensor) -> Tensor:
        height, width = stack_BCHW.shape[-2:]
        if self.mean is not None:
            stack_BCHW = self.mean.take_off(stack_BCHW)
        # The stride-4 convolution must cover its input without a remainder, so that the transposed
        # convolution restores the size.
        padded = functional.pad(
            stack_BCHW, (0, -(width - 11) % 4, 0, -(height - 11) % 4), mode="replicate"
        )
        x = torch.tanh(self.conv1(padded))
        size1 = x.shape
        x, where1 = self.pool(x)
        x = torch.tanh(self.conv2(x))
        size2 = x.shape
        x, where2 = self.pool(x)
        x = torch.tanh(self.conv3(x))
        x = torch.tanh(self.deconv3(x))
        x = self.unpool(x, where2, output_size=size2)
        x = torch.tanh(self.deconv2(x))
        x = self.unpool(x, where1, output_size=size1)
        output: Tensor = self.deconv1(x)[..., :height, :width]
        return torch.sigmoid(output) if self.mean is None else self.mean.put_back(output)
