"""The memory-augmented auto-encoder of clips."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.mean_image import MeanImage


class Memory(nn.Module):
    """Replaces features by mixtures of learned items (Gong et al., ICCV 2019, section 3.3).

    The softmax of a query's dot products with ``slots`` items (eq. 4) is shrunk by ``shrink`` and
    normalised to a sum of 1 (eqs. 6 and 7), so that only few items are used. The paper compares by
    cosine (eq. 5), the authors' code by dot product: with 2000 items, no softmax of cosines comes
    near 0.0025, and all weights would become 0. Computed in float32, because weights near 1 /
    ``slots`` matter.
    """

    def __init__(self, slots: int, features: int, shrink: float) -> None:
        super().__init__()
        self.items = nn.Parameter(torch.empty(slots, features))
        nn.init.uniform_(self.items, -(features**-0.5), features**-0.5)
        self.shrink = shrink

    def forward(self, queries_QF: Tensor) -> tuple[Tensor, Tensor]:
        """Return mixtures (Q, F) and their weights (Q, slots)."""
        with torch.autocast(queries_QF.device.type, enabled=False):
            queries, items = queries_QF.float(), self.items.float()
            weights = (queries @ items.T).softmax(dim=1)
            if self.shrink > 0:
                above = weights - self.shrink
                weights = above.relu() * weights / (above.abs() + 1e-12)
                weights = functional.normalize(weights, p=1, dim=1)
            return weights @ items, weights


class MemAE(nn.Module):
    """3D convolutional auto-encoder with a memory at its bottleneck (Gong et al., ICCV 2019).

    Encoder: four 3x3x3 convolutions of ``width``, 4/3, 8/3 and 8/3 times ``width`` channels, with
    batch normalisation and LeakyReLU 0.2. All halve height and width, and the last three also time.
    The decoder mirrors it with transposed convolutions. ``width`` 96, 2000 ``slots`` and ``shrink``
    0.0025 are the paper's values. Weights start as in the authors' code, from a normal distribution
    with standard deviation 0.02. The query at each place is its column of features. Input and
    output are (B, C, T, H, W), T a multiple of 8, H and W of 16; the output is not bounded. The
    second result is the memory's weights (B * T/8 * H/16 * W/16, slots).

    With ``mean_image``, the network reconstructs the difference from the mean image of the training
    frames (``MeanImage``), all of ``size`` (height, width).
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        *,
        width: Annotated[int, Field(ge=3, multiple_of=3)] = 96,
        slots: Annotated[int, Field(ge=1)] = 2000,
        shrink: Annotated[float, Field(ge=0, lt=1)] = 0.0025,
        mean_image: bool = False,
    ) -> None:
        super().__init__()
        self.mean = MeanImage((channels, 1, *size)) if mean_image else None
        wide, wider = width * 4 // 3, width * 8 // 3
        self.encoder = nn.Sequential(
            *_block(nn.Conv3d(channels, width, 3, (1, 2, 2), 1)),
            *_block(nn.Conv3d(width, wide, 3, 2, 1)),
            *_block(nn.Conv3d(wide, wider, 3, 2, 1)),
            *_block(nn.Conv3d(wider, wider, 3, 2, 1)),
        )
        self.memory = Memory(slots, wider, shrink)
        self.decoder = nn.Sequential(
            *_block(nn.ConvTranspose3d(wider, wider, 3, 2, 1, 1)),
            *_block(nn.ConvTranspose3d(wider, wide, 3, 2, 1, 1)),
            *_block(nn.ConvTranspose3d(wide, width, 3, 2, 1, 1)),
            nn.ConvTranspose3d(width, channels, 3, (1, 2, 2), 1, (0, 1, 1)),
        )

        self.apply(_initialise)

    def forward(self, clips_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
        if self.mean is not None:
            clips_BCTHW = self.mean.take_off(clips_BCTHW)
        features = self.encoder(clips_BCTHW)
        queries = features.movedim(1, -1)
        mixtures, weights = self.memory(queries.flatten(0, -2))
        output: Tensor = self.decoder(mixtures.view(queries.shape).movedim(-1, 1))
        return output if self.mean is None else self.mean.put_back(output), weights


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def _block(convolution: nn.Conv3d | nn.ConvTranspose3d) -> tuple[nn.Module, ...]:
    normal = nn.BatchNorm3d(convolution.out_channels)
    return convolution, normal, nn.LeakyReLU(0.2, inplace=True)
