"""The network that glances at a whole video and then focuses on its parts."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.heads.parts import (
    Attention,
    BatchNorm,
    Block,
    Convolution,
    Feedforward,
    blank,
    probabilities,
    segments_of,
)
from vadkit.networks.heads.rtfm import Magnitudes


class Amplify(nn.Module):
    """Adds ``ratio`` times a convolution of the features' lengths (Chen et al., AAAI 2023).

    The lengths (B, T, 1) become as many features as the first layer has. The input's features come
    from a convolution of 3 segments.
    """

    def __init__(self, before: int, after: int, *, ratio: float) -> None:
        super().__init__()
        self.features = Convolution(before, after, 3)
        self.lengths = Convolution(1, after, 3)
        self.ratio = ratio

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        lengths = features_BTD.float().norm(dim=2, keepdim=True).to(features_BTD.dtype)
        x: Tensor = self.features(features_BTD, mask_BT) + self.ratio * self.lengths(
            lengths, mask_BT
        )
        return x


class Glance(Block):
    """Shortcut convolution, attention over the whole video and a feed-forward layer."""

    def __init__(self, features: int, *, dropout: float) -> None:
        super().__init__(
            features,
            Attention(features, heads=max(features // 64, 1), width=64),
            Feedforward(features, 4 * features, dropout=dropout),
        )
        self.shortcut = Convolution(features, features, 3)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        return super().forward(features_BTD + self.shortcut(features_BTD, mask_BT), mask_BT)


class Focus(nn.Module):
    """Shortcut convolution, a convolution of values over neighbours and a feed-forward layer.

    The self-attentional convolution of Chen et al., AAAI 2023: batch normalisation, a
    1x1 convolution to values, and a depthwise convolution of ``kernel`` segments shared by the
    channels of a head of 64.
    """

    def __init__(self, features: int, *, kernel: int, dropout: float) -> None:
        super().__init__()
        self.shortcut = Convolution(features, features, 3)
        self.norm = BatchNorm(features)
        self.value = nn.Linear(features, features, bias=False)
        self.heads = max(features // 64, 1)
        self.near = Convolution(self.heads, self.heads, kernel, groups=self.heads)
        self.out = nn.Linear(features, features)
        self.feedforward_norm = nn.LayerNorm(features)
        self.feedforward = Feedforward(features, 4 * features, dropout=dropout)

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        x = x_BTD + self.shortcut(x_BTD, mask_BT)
        values = self.value(self.norm(x, mask_BT))
        batch, length, features = values.shape
        share = features // self.heads
        # Channels of a head become rows of a batch, so that they share the filter.
        rows = values.view(batch, length, self.heads, share).permute(0, 3, 1, 2)
        rows = rows.reshape(batch * share, length, self.heads)
        read = self.near(rows, mask_BT.repeat_interleave(share, dim=0))
        read = read.view(batch, share, length, self.heads).permute(0, 2, 3, 1).flatten(2)
        x = x + self.out(read)
        out: Tensor = x + self.feedforward(self.feedforward_norm(x))
        return out


class Widen(nn.Module):
    """Layer normalisation and a linear layer between two stages."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(before), nn.Linear(before, after))

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        return blank(self.layers(features_BTD), mask_BT)


class MGFN(nn.Module):
    """Magnitude-contrastive glance-and-focus network (Chen et al., AAAI 2023).

    ``widths`` 64, 128 and 1024 with ``depths`` 3, 3 and 2: blocks of the first width glance, the
    others focus. Features are normalised by layer between the stages. The classifier is one linear
    layer after layer normalisation and ``dropout``. Lengths are those before this normalisation,
    which would make them nearly equal. Always in float32. Widths must be multiples of 64, or below.
    """

    def __init__(
        self,
        features: int,
        *,
        widths: tuple[int, int, int] = (64, 128, 1024),
        depths: tuple[int, int, int] = (3, 3, 2),
        ratio: Annotated[float, Field(ge=0)] = 0.1,
        kernel: Annotated[int, Field(ge=1)] = 5,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.7,
        block_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.amplify = Amplify(features, widths[0], ratio=ratio)
        glance, *focus = zip(widths, depths, strict=True)
        layers: list[nn.Module] = [
            Glance(widths[0], dropout=block_dropout) for _ in range(glance[1])
        ]
        before = widths[0]
        for width, depth in focus:
            layers.append(Widen(before, width))
            layers += [Focus(width, kernel=kernel, dropout=block_dropout) for _ in range(depth)]
            before = width
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(widths[-1])
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], 1)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor | None = None) -> Magnitudes:
        # Lengths near 200 have steps of 1 in bfloat16.
        with torch.autocast(features_BTD.device.type, enabled=False):
            x, mask = segments_of(features_BTD.float(), mask_BT)
            x = self.amplify(x, mask)
            for layer in self.layers:
                x = layer(x, mask)
            magnitudes = x.norm(dim=2).masked_fill(~mask, 0)
            scores = probabilities(self.classifier(self.dropout(self.norm(x))), mask)
        return Magnitudes(scores, blank(x, mask), magnitudes)
