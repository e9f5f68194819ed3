"""The spatio-temporal auto-encoder with one encoder and two decoders."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.mean_image import MeanImage


class STAE(nn.Module):
    """3D auto-encoder that reconstructs a clip and predicts the next (Zhao et al., ACM MM 2017).

    Encoder: four 3x3x3 convolutions of ``width``, 3/2, 2 and 2 times ``width`` channels with batch
    normalisation and LeakyReLU 0.2, and max pooling by 2 in time and space after the first three.
    Two decoders mirror it with transposed convolutions and end in a sigmoid. ``width`` 32 is the
    paper's value. Input and both outputs are (B, C, T, H, W) with pixels in 0..1; T, H and W must
    be multiples of 8.

    With ``mean_image``, both decoders produce the difference from the mean image of the training
    frames (``MeanImage``), all of ``size`` (height, width), and their output is not bounded.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        *,
        width: Annotated[int, Field(ge=2, multiple_of=2)] = 32,
        mean_image: bool = False,
    ) -> None:
        super().__init__()
        wide, wider = width * 3 // 2, width * 2
        self.mean = MeanImage((channels, 1, *size)) if mean_image else None
        self.encoder = nn.Sequential(
            *_block(nn.Conv3d(channels, width, 3, padding=1)),
            nn.MaxPool3d(2),
            *_block(nn.Conv3d(width, wide, 3, padding=1)),
            nn.MaxPool3d(2),
            *_block(nn.Conv3d(wide, wider, 3, padding=1)),
            nn.MaxPool3d(2),
            *_block(nn.Conv3d(wider, wider, 3, padding=1)),
        )
        self.reconstruct = _decoder(wider, wide, width, channels)
        self.predict = _decoder(wider, wide, width, channels)

    def forward(self, clips_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
        if self.mean is None:
            features = self.encoder(clips_BCTHW)
            return self.reconstruct(features).sigmoid(), self.predict(features).sigmoid()
        features = self.encoder(self.mean.take_off(clips_BCTHW))
        return (
            self.mean.put_back(self.reconstruct(features)),
            self.mean.put_back(self.predict(features)),
        )


def _decoder(wider: int, wide: int, width: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        *_block(nn.ConvTranspose3d(wider, wide, 3, 2, 1, 1)),
        *_block(nn.ConvTranspose3d(wide, width, 3, 2, 1, 1)),
        *_block(nn.ConvTranspose3d(width, width, 3, 2, 1, 1)),
        nn.Conv3d(width, channels, 3, padding=1),
    )


def _block(convolution: nn.Conv3d | nn.ConvTranspose3d) -> tuple[nn.Module, ...]:
    normal = nn.BatchNorm3d(convolution.out_channels)
    return convolution, normal, nn.LeakyReLU(0.2, inplace=True)
