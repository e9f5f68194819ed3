"""The small auto-encoder of single objects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn


class ObjectAE(nn.Module):
    """Convolutional auto-encoder of cropped objects (Ionescu et al., CVPR 2019).

    Three 3x3 convolutions of ``width``, ``width`` and half of ``width`` channels, each with ReLU
    and 2x2 max pooling. The decoder enlarges by nearest neighbour before each of three convolutions
    of the same widths in reverse order; a last convolution gives the unbounded crop. ``width`` 32
    is the paper's value, with a code of 16x8x8 for crops of 64x64. Input and output are (N, C, H,
    W), H and W multiples of 8; ``encode`` returns only the code (N, width / 2 * H/8 * W/8).
    """

    def __init__(
        self, channels: int, *, width: Annotated[int, Field(ge=2, multiple_of=2)] = 32
    ) -> None:
        super().__init__()
        half = width // 2
        layers: list[nn.Module] = []
        for before, after in ((channels, width), (width, width), (width, half)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.encoder = nn.Sequential(*layers)
        layers = []
        for before, after in ((half, half), (half, width), (width, width)):
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1)]
            layers += [nn.ReLU()]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))

    def encode(self, crops_NCHW: Tensor) -> Tensor:
        code: Tensor = self.encoder(crops_NCHW)
        return code.flatten(1)

    def forward(self, crops_NCHW: Tensor) -> Tensor:
        output: Tensor = self.decoder(self.encoder(crops_NCHW))
        return output
