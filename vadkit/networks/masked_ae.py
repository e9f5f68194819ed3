"""A masked auto-encoder of images with two decoders, of blocks with convolutions and attention."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional


class Decoded(NamedTuple):
    """Patches (B, L, patch² * C) of both decoders, row by row."""

    teacher: Tensor
    student: Tensor


class MaskedAE(nn.Module):
    """Reconstructs hidden patches from visible ones, twice (Ristea et al., CVPR 2024).

    ``depth`` blocks of ``width`` channels encode the visible patches. A token that is learned
    replaces each hidden one, and ``decoder_depth`` blocks of ``decoder_width`` channels decode all:
    the teacher. The student shares the teacher's first block and has one block of its own. In a
    block, as in CvT, depthwise 3x3 convolutions compute queries, keys and values from the grid of
    tokens, in which hidden ones are 0. There is no batch normalisation. Positions are fixed sines.
    3 blocks of 256 and 3 of 128 channels are the paper's values; ``patch`` 16 and ``heads`` 4 are
    ours. Input (B, C, H, W); H and W are multiples of ``patch``. ``visible`` (B, V) are the numbers
    of visible patches.
    """

    encoder_places: Tensor
    decoder_places: Tensor

    def __init__(
        self,
        channels: int,
        out_channels: int,
        size: tuple[int, int],
        *,
        patch: Annotated[int, Field(ge=2)] = 16,
        width: Annotated[int, Field(ge=4, multiple_of=4)] = 256,
        depth: Annotated[int, Field(ge=1)] = 3,
        decoder_width: Annotated[int, Field(ge=4, multiple_of=4)] = 128,
        decoder_depth: Annotated[int, Field(ge=2)] = 3,
        heads: Annotated[int, Field(ge=1)] = 4,
    ) -> None:
        super().__init__()
        if size[0] % patch or size[1] % patch:
            raise ValueError(
                f"needs a height and width that are multiples of its patch, {patch}; "
                f"got {size[0]}x{size[1]}"
            )
        if width % heads or decoder_width % heads:
            raise ValueError(f"heads ({heads}) must divide width and decoder_width")
        self.patch = patch
        self.grid = (size[0] // patch, size[1] // patch)
        self.embed = nn.Conv2d(channels, width, patch, stride=patch)
        self.encoder = nn.ModuleList(Block(width, heads, self.grid) for _ in range(depth))
        self.narrow = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, decoder_width))
        self.hidden = nn.Parameter(0.02 * torch.randn(decoder_width))
        self.shared = Block(decoder_width, heads, self.grid)
        self.teacher, self.student = (
            nn.Sequential(
                *(Block(decoder_width, heads, self.grid) for _ in range(blocks)),
                nn.LayerNorm(decoder_width),
                nn.Linear(decoder_width, patch**2 * out_channels),
            )
            for blocks in (decoder_depth - 1, 1)
        )
        for name, dim in (("encoder_places", width), ("decoder_places", decoder_width)):
            self.register_buffer(name, _sines(self.grid, dim), persistent=False)

    def forward(self, images: Tensor, visible: Tensor) -> Decoded:
        tokens = self.embed(images).flatten(2).transpose(1, 2) + self.encoder_places
        tokens = taken(tokens, visible)
        for block in self.encoder:
            tokens = block(tokens, visible)
        tokens = self.narrow(tokens)
        places = visible[..., None].expand(-1, -1, tokens.shape[2])
        around = self.hidden.to(tokens.dtype).expand(tokens.shape[0], math.prod(self.grid), -1)
        decoded = self.shared(around.scatter(1, places, tokens) + self.decoder_places)
        return Decoded(self.teacher(decoded), self.student(decoded))


class Block(nn.Module):
    """Attention whose queries, keys and values are convolutions of the grid; then two layers."""

    def __init__(self, width: int, heads: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.heads, self.grid = heads, grid
        self.before = nn.LayerNorm(width)
        self.around = nn.Conv2d(width, 3 * width, 3, padding=1, groups=width)
        self.pointwise = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.joined = nn.Linear(width, width)
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor, visible: Tensor | None = None) -> Tensor:
        """``visible`` (B, V) are the places of the tokens (B, V, D); None if all are there."""
        placed = self.before(tokens)
        if visible is not None:
            zeros = placed.new_zeros(placed.shape[0], math.prod(self.grid), placed.shape[2])
            placed = zeros.scatter(1, visible[..., None].expand_as(placed), placed)
        mixed = self.around(placed.transpose(1, 2).unflatten(2, self.grid))
        # (B, 3 * D, h, w) to three times (B, L, D).
        maps = mixed.flatten(2).unflatten(1, (-1, 3)).permute(2, 0, 3, 1)
        if visible is not None:
            maps = torch.stack([taken(one, visible) for one in maps])
        heads = [
            layer(one).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, one in zip(self.pointwise, maps, strict=True)
        ]
        seen = functional.scaled_dot_product_attention(*heads)
        tokens = tokens + self.joined(seen.transpose(1, 2).flatten(2))
        found: Tensor = tokens + self.layers(tokens)
        return found


def taken(tokens_BLD: Tensor, places_BV: Tensor) -> Tensor:
    """Return the tokens (B, V, D) at these places."""
    return tokens_BLD.gather(1, places_BV[..., None].expand(-1, -1, tokens_BLD.shape[2]))


def _sines(grid: tuple[int, int], width: int) -> Tensor:
    """Return fixed positions (L, width): half of the channels are for rows, half for columns."""
    rows, columns = torch.meshgrid(*(torch.arange(float(n)) for n in grid), indexing="ij")
    rates = 10_000 ** -(torch.arange(width // 4) / (width // 4))
    angles = [place.flatten()[:, None] * rates for place in (rows, columns)]
    return torch.cat([wave(one) for one in angles for wave in (torch.sin, torch.cos)], dim=1)
