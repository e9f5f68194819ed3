"""The network that reconstructs a frame and predicts its motion."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn


class Correspondence(NamedTuple):
    """The reconstructed frame (B, C, H, W), and its predicted motion (B, motion, H, W)."""

    frame: Tensor
    motion: Tensor


class AMC(nn.Module):
    """One encoder, with a decoder for the frame and one for its motion (Nguyen, ICCV 2019).

    The encoder starts with an Inception-like block of ``width`` channels. 4x4 convolutions follow,
    to ``width``, 2, 4, 8 and 8 times ``width`` channels; all but the first have stride 2 and batch
    normalisation; all have LeakyReLU 0.2. Each decoder has four 4x4 transposed convolutions to 4,
    4, 2 and 1 times ``width`` channels, with batch normalisation, ``dropout`` and ReLU, and ends in
    an unbounded 3x3 convolution. The motion decoder also gets the encoder's levels, by
    concatenation; the frame decoder gets only the last level. ``width`` 64 and ``dropout`` 0.3 are
    the authors' values. Input (B, C, H, W); H and W must be multiples of 16.
    """

    def __init__(
        self,
        channels: int,
        motion: int,
        *,
        width: Annotated[int, Field(ge=4, multiple_of=4)] = 64,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3,
    ) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        self.front = _Front(channels, width)
        # An even kernel keeps the size only with one more pixel of padding on one side.
        first = nn.Sequential(
            nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(width, width, 4), nn.LeakyReLU(0.2)
        )
        self.down = nn.ModuleList([first, *(_halve(a, b) for a, b in pairwise(widths))])
        after = [4 * width, 4 * width, 2 * width, width]
        self.frame_up = nn.Sequential(
            *(_double(a, b, dropout) for a, b in pairwise([8 * width, *after])),
            nn.Conv2d(width, channels, 3, padding=1),
        )
        skips = widths[-2::-1]
        joined = [a + b for a, b in zip(after, skips, strict=True)]
        self.motion_up = nn.ModuleList(
            _double(a, b, dropout) for a, b in zip([8 * width, *joined[:-1]], after, strict=True)
        )
        self.motion_out = nn.Conv2d(joined[-1], motion, 3, padding=1)

    def encode(self, frames_BCHW: Tensor) -> list[Tensor]:
        """Return the encoder's five levels, (B, width, H, W) to (B, 8 * width, H / 16, W / 16)."""
        levels = []
        x = self.front(frames_BCHW)
        for block in self.down:
            x = block(x)
            levels.append(x)
        return levels

    def forward(self, frames_BCHW: Tensor) -> Correspondence:
        *skips, waist = self.encode(frames_BCHW)
        x = waist
        for up in self.motion_up:
            x = torch.cat([up(x), skips.pop()], dim=1)
        return Correspondence(self.frame_up(waist), self.motion_out(x))


class _Front(nn.Module):
    """Four parallel branches for windows of 1, 3, 5 and 7 pixels, without nonlinearities.

    Each branch is a 1x1 convolution, and as many pairs of 1x3 and 3x1 as its window needs.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        wide = after // 4
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, wide, 1), *_pairs(wide, pairs)) for pairs in range(4)
        )

    def forward(self, frames_BCHW: Tensor) -> Tensor:
        return torch.cat([branch(frames_BCHW) for branch in self.branches], dim=1)


def _pairs(wide: int, count: int) -> list[nn.Module]:
    return [
        nn.Conv2d(wide, wide, size, padding=(size[0] // 2, size[1] // 2))
        for size in [(1, 3), (3, 1)] * count
    ]


def _halve(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 4, stride=2, padding=1),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.2),
    )


def _double(before: int, after: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(before, after, 4, stride=2, padding=1),
        nn.BatchNorm2d(after),
        nn.Dropout(dropout),
        nn.ReLU(),
    )
