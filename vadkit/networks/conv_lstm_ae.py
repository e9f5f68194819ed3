"""The auto-encoder with convolutional LSTMs between a spatial encoder and decoder."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.mean_image import MeanImage


class ConvLSTM(nn.Module):
    """LSTM with 3x3 convolutions as gates (Shi et al., NeurIPS 2015), without peepholes.

    Input (B, T, C, H, W), output (B, T, hidden, H, W); the initial state is zero.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Conv2d(channels + hidden, 4 * hidden, 3, padding=1)

    def forward(self, features_BTCHW: Tensor) -> Tensor:
        state, outputs = None, []
        for features in features_BTCHW.unbind(1):
            state = self.step(features, state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1)

    def step(
        self, features_BCHW: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        """Return output and cell (B, hidden, H, W) after one more frame; state None means zero."""
        if state is None:
            batch, _, height, width = features_BCHW.shape
            blank = features_BCHW.new_zeros(batch, self.hidden, height, width)
            state = blank, blank
        output, cell = state
        gates = self.gates(torch.cat([features_BCHW, output], dim=1))
        enter, forget, leave, new = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        return leave.sigmoid() * cell.tanh(), cell


class ConvLSTMAE(nn.Module):
    """Spatial convolutions around three convolutional LSTMs (Chong and Tay, ISNN 2017).

    The encoder has ``width`` kernels of 11x11 with stride 4 and ``width / 2`` of 5x5 with stride 2
    for each frame. LSTMs of ``width / 2``, ``width / 4`` and ``width / 2`` channels run over the
    frames. Transposed convolutions mirror the encoder. Layers have tanh between them. ``width`` 128
    is the paper's value. Input and output are (B, C, T, H, W) with pixels in 0..1; H and W must be
    at least 32. Frames are padded at the right and bottom to fit the strides, and the output is
    cropped.

    With ``mean_image``, as in the paper, the network reconstructs the difference from the mean
    image of the training frames (``MeanImage``), all of ``size`` (height, width). Without it, the
    output has a sigmoid.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        *,
        width: Annotated[int, Field(ge=4, multiple_of=4)] = 128,
        mean_image: bool = True,
    ) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        self.mean = MeanImage((channels, 1, *size)) if mean_image else None
        self.conv1 = nn.Conv2d(channels, width, 11, stride=4)
        self.conv2 = nn.Conv2d(width, half, 5, stride=2)
        self.lstms = nn.Sequential(
            ConvLSTM(half, half), ConvLSTM(half, quarter), ConvLSTM(quarter, half)
        )
        self.deconv2 = nn.ConvTranspose2d(half, width, 5, stride=2)
        self.deconv1 = nn.ConvTranspose2d(width, channels, 11, stride=4)

    def forward(self, clips_BCTHW: Tensor) -> Tensor:
        batch, _, frames, height, width = clips_BCTHW.shape
        if self.mean is not None:
            clips_BCTHW = self.mean.take_off(clips_BCTHW)
        x = clips_BCTHW.transpose(1, 2).flatten(0, 1)
        # 11x11 with stride 4 and 5x5 with stride 2 cover 27 + 8 n pixels without a remainder.
        x = functional.pad(x, (0, -(width - 27) % 8, 0, -(height - 27) % 8), mode="replicate")
        x = torch.tanh(self.conv2(torch.tanh(self.conv1(x))))
        x = self.lstms(x.unflatten(0, (batch, frames))).flatten(0, 1)
        x = self.deconv1(torch.tanh(self.deconv2(x)))[..., :height, :width]
        output: Tensor = x.unflatten(0, (batch, frames)).transpose(1, 2)
        return torch.sigmoid(output) if self.mean is None else self.mean.put_back(output)
