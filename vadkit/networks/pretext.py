"""A network with one body and a head for each pretext task on object cubes."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field
from torch import Tensor, nn


class Pretext(nn.Module):
    """Shared 3D convolutions and three heads (after Georgescu et al., CVPR 2021).

    Three blocks of a 3x3x3 convolution, batch normalisation, ReLU and pooling of height and width,
    of ``width``, 2 and 2 times ``width`` channels; then the maximum over time, so cubes of any
    length fit. The heads ``arrow`` and ``irregularity`` give two logits each, ``middle`` a crop by
    three convolutions after nearest-neighbour enlargement. ``width`` 16 and the layers of the
    heads are our choice. Input (N, C, T, H, W), H and W multiples of 8.
    """

    def __init__(self, channels: int, *, width: Annotated[int, Field(ge=1)] = 16) -> None:
        super().__init__()
        wide = 2 * width
        layers: list[nn.Module] = []
        for before, after in ((channels, width), (width, wide), (wide, wide)):
            layers += [nn.Conv3d(before, after, 3, padding=1), nn.BatchNorm3d(after)]
            layers += [nn.ReLU(inplace=True), nn.MaxPool3d((1, 2, 2))]
        self.body = nn.Sequential(*layers)
        self.arrow, self.irregularity = _classifier(wide), _classifier(wide)
        layers = []
        for before, after in ((wide, wide), (wide, width)):
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1)]
            layers.append(nn.ReLU(inplace=True))
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, channels, 3, padding=1)]
        self.middle = nn.Sequential(*layers)

    def forward(self, cubes_NCTHW: Tensor, task: str) -> Tensor:
        """Return the output of the head ``task`` for cubes."""
        seen = self.body(cubes_NCTHW).amax(dim=2)
        return cast(Tensor, getattr(self, task)(seen))


def _classifier(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, 2),
    )
