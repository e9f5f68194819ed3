"""The network that tells the places of shuffled frames and patches."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field
from torch import Tensor, nn


class Jigsaw(nn.Module):
    """Two heads for jigsaw puzzles of object cubes (Wang et al., ECCV 2022).

    Six 3x3x3 convolutions with instance normalisation and ReLU, of ``width``, ``width`` and four
    times 2 ``width`` channels; after each two, pooling halves height and width. A convolution over
    all frames and a 3x3 convolution with pooling follow, then a hidden layer of ``hidden`` units
    with ``dropout``. One head gives the logits (N, T, T) of the place in time of each frame, the
    other those (N, ``cells``², ``cells``²) of the place of each patch. ``width`` 32, ``hidden`` 512
    and ``dropout`` 0.3 are the authors' values. Input (N, C, T, H, W); H and W are multiples of 16.
    """

    def __init__(
        self,
        channels: int,
        frames: int,
        side: int,
        cells: int,
        *,
        width: Annotated[int, Field(ge=1)] = 32,
        hidden: Annotated[int, Field(ge=1)] = 512,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3,
    ) -> None:
        super().__init__()
        wide = 2 * width
        layers: list[nn.Module] = []
        for before, after in ((channels, width), (width, wide), (wide, wide)):
            layers += [*_convolution(before, after), *_convolution(after, after)]
            layers.append(nn.MaxPool3d((1, 2, 2)))
        self.cubes = nn.Sequential(*layers)
        self.over_time = nn.Conv3d(wide, wide, (frames, 1, 1))
        self.flat = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.InstanceNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(wide * (side // 16) ** 2, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.temporal = nn.Linear(hidden, frames**2)
        self.spatial = nn.Linear(hidden, cells**4)
        self.frames, self.patches = frames, cells**2

    def forward(self, cubes_NCTHW: Tensor) -> tuple[Tensor, Tensor]:
        found = self.flat(self.over_time(self.cubes(cubes_NCTHW)).squeeze(2))
        temporal = self.temporal(found).unflatten(1, (self.frames, self.frames))
        spatial = self.spatial(found).unflatten(1, (self.patches, self.patches))
        return cast(Tensor, temporal), cast(Tensor, spatial)


def _convolution(before: int, after: int) -> tuple[nn.Module, ...]:
    normal = nn.InstanceNorm3d(after)
    return nn.Conv3d(before, after, 3, padding=1), normal, nn.ReLU(inplace=True)
