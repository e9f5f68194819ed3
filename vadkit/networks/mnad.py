"""The memory-guided U-Net that predicts a frame."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.ranks import highest, total


class Prediction(NamedTuple):
    """A frame (B, C, H, W), and the queries (B, Q, F) of unit length that read the memory."""

    frame: Tensor
    queries: Tensor


class MNAD(nn.Module):
    """U-Net with a small memory at its bottleneck (Park et al., CVPR 2020).

    Four levels of two 3x3 convolutions with batch normalisation, of ``width``, 2, 4 and 8 times
    ``width`` channels; transposed 3x3 convolutions in the decoder, skips by concatenation, tanh at
    the end. The bottleneck's features, of unit length, are queries. Each reads a mixture of
    ``slots`` items (eqs. 1 and 2), which is concatenated with the query. As in the authors' code,
    no gradient passes through the mixture. ``width`` 64 and 10 ``slots`` are the paper's values.
    The items are no parameters: ``remember`` moves them towards the queries, in place. Input (B,
    in, H, W); H and W must be multiples of 8.
    """

    items: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: Annotated[int, Field(ge=1)] = 64,
        slots: Annotated[int, Field(ge=2)] = 10,
    ) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        waist = 8 * width
        self.down = nn.ModuleList(
            nn.Sequential(*_block(before, after), *_block(after, after))
            for before, after in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        # No normalisation or ReLU at the end, because queries point in all directions.
        self.waist = nn.Sequential(
            *_block(widths[-1], waist), nn.Conv2d(waist, waist, 3, padding=1)
        )
        self.register_buffer("items", functional.normalize(torch.rand(slots, waist), dim=1))
        self.join = nn.Sequential(*_block(2 * waist, waist), *_block(waist, waist))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(2 * wide, wide, 3, 2, 1, 1), nn.BatchNorm2d(wide), nn.ReLU()
            )
            for wide in reversed(widths)
        )
        self.merge = nn.ModuleList(
            nn.Sequential(*_block(2 * wide, wide), *_block(wide, wide)) for wide in reversed(widths)
        )
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, frames_BCHW: Tensor) -> Prediction:
        skips = []
        x = frames_BCHW
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        features = functional.normalize(self.waist(x).float(), dim=1)
        queries = features.flatten(2).transpose(1, 2)
        read = self._read(queries.detach())
        x = self.join(torch.cat([features, read.transpose(1, 2).view_as(features)], dim=1))
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return Prediction(torch.tanh(self.out(x)), queries)

    def _read(self, queries_BQF: Tensor) -> Tensor:
        # In float32: bfloat16 would round the items' weights to 8 bits.
        with torch.autocast(queries_BQF.device.type, enabled=False):
            return (queries_BQF @ self.items.T).softmax(dim=2) @ self.items

    @torch.no_grad()
    def remember(self, queries_BQF: Tensor) -> None:
        """Move each item towards the queries whose nearest item it is (eqs. 5 to 7).

        Queries are weighted by their softmax over all queries, relative to the largest.
        """
        queries = queries_BQF.detach().flatten(0, 1).float()
        with torch.autocast(queries.device.type, enabled=False):
            likeness = queries @ self.items.T
            numbers = torch.arange(len(self.items), device=queries.device)
            nearest = likeness.argmax(dim=1, keepdim=True) == numbers
            weights = (likeness - highest(likeness.amax(dim=0))).exp() * nearest
            self.items.copy_(functional.normalize(self.items + total(weights.T @ queries), dim=1))


def _block(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
