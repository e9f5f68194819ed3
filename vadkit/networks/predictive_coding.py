"""The recurrent U-Net that predicts a frame from the frames and its last error."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.conv_lstm_ae import ConvLSTM
from vadkit.networks.unet import double_conv


class PredictiveCoding(nn.Module):
    """Predicts each frame from the previous frame and the error of its prediction.

    The predictive coding module of AnoPCN (Ye et al., MM 2019): a U-Net of three levels with
    ``width``, 2 and 4 times ``width`` channels. Its bottleneck goes through two convolutional LSTMs
    of 2 times ``width`` and of ``width`` channels, which remember earlier frames; tanh at the end.
    ``width`` 64 gives the paper's LSTMs of 128 and 64. Input (B, C, T, H, W); H and W must be
    multiples of 4. Returns the prediction (B, C, H, W) of the next frame, in -1..1. The first frame
    has no prediction, so its error is 0.
    """

    def __init__(self, channels: int, *, width: Annotated[int, Field(ge=1)] = 64) -> None:
        super().__init__()
        self.down = nn.ModuleList([double_conv(2 * channels, width), double_conv(width, 2 * width)])
        self.pool = nn.MaxPool2d(2)
        self.waist = double_conv(2 * width, 4 * width)
        self.lstms = nn.ModuleList([ConvLSTM(4 * width, 2 * width), ConvLSTM(2 * width, width)])
        self.up = nn.ModuleList(
            [
                nn.ConvTranspose2d(width, 2 * width, 2, stride=2),
                nn.ConvTranspose2d(2 * width, width, 2, stride=2),
            ]
        )
        self.merge = nn.ModuleList(
            [double_conv(4 * width, 2 * width), double_conv(2 * width, width)]
        )
        self.out = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, frames_BCTHW: Tensor) -> Tensor:
        states: list[tuple[Tensor, Tensor] | None] = [None] * len(self.lstms)
        prediction = frames_BCTHW[:, :, 0]
        for frame in frames_BCTHW.unbind(2):
            prediction, states = self._step(frame, frame - prediction, states)
        return prediction

    def _step(
        self, frame: Tensor, error: Tensor, states: list[tuple[Tensor, Tensor] | None]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor] | None]]:
        skips, x = [], torch.cat([frame, error], dim=1)
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.waist(x)
        after: list[tuple[Tensor, Tensor] | None] = []
        for lstm, state in zip(self.lstms, states, strict=True):
            assert isinstance(lstm, ConvLSTM)
            after.append(lstm.step(x, state))
            x = after[-1][0]  # type: ignore[index]
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return torch.tanh(self.out(x)), after
