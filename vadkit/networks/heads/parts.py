"""Layers over time that several heads use, for bags with padding at their ends."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def segments_of(features_BTD: Tensor, mask_BT: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return features with padding set to 0, and the mask, all True if it is None."""
    if mask_BT is None:
        return features_BTD, torch.ones_like(features_BTD[..., 0], dtype=torch.bool)
    return blank(features_BTD, mask_BT), mask_BT


def blank(features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """Set padding to 0."""
    return features_BTD.masked_fill(~mask_BT[..., None], 0)


class Convolution(nn.Module):
    """Convolution over time of (B, T, D); what is outside of a bag counts as 0.

    With ``causal``, segment t sees segments up to t, else as many on both sides.
    """

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(before, after, kernel, dilation=dilation, groups=groups, bias=bias)
        reach = (kernel - 1) * dilation
        self.padding = (reach, 0) if causal else (reach // 2, reach - reach // 2)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        x = blank(features_BTD, mask_BT).transpose(1, 2)
        return blank(self.conv(functional.pad(x, self.padding)).transpose(1, 2), mask_BT)


class BatchNorm(nn.Module):
    """Batch normalisation of the features of all segments; padding does not count."""

    # The number of segments differs from batch to batch.
    capturable = False

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        rows = features_BTD[mask_BT]
        if self.training and len(rows) < 2:
            # One segment has no variance.
            rows = functional.batch_norm(
                rows,
                self.norm.running_mean,
                self.norm.running_var,
                self.norm.weight,
                self.norm.bias,
                eps=self.norm.eps,
            )
        else:
            rows = self.norm(rows)
        out = torch.zeros_like(features_BTD, dtype=rows.dtype)
        out[mask_BT] = rows
        return out


def weights_over(likeness_BTT: Tensor, allowed_BTT: Tensor) -> Tensor:
    """Return the softmax over the allowed segments; a row without any is 0."""
    likeness = likeness_BTT.float().masked_fill(~allowed_BTT, -torch.inf)
    return likeness.softmax(dim=-1).nan_to_num()


def distances(length: int, like: Tensor) -> Tensor:
    """Return the distances (T, T) in segments."""
    places = torch.arange(length, device=like.device)
    return (places[:, None] - places[None]).abs()


class NonLocal(nn.Module):
    """Non-local block over time with dot products (Wang et al., CVPR 2018).

    The features of all segments are added up, each weighted with its dot product with this one,
    divided by the number of segments. The normalisation at the end starts with a weight of 0, so
    that the block starts as the identity.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        half = max(features // 2, 1)
        self.query = nn.Linear(features, half)
        self.key = nn.Linear(features, half)
        self.value = nn.Linear(features, half)
        self.out = nn.Linear(half, features)
        self.norm = BatchNorm(features)
        nn.init.zeros_(self.norm.norm.weight)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        query, key, value = (
            self.query(features_BTD),
            self.key(features_BTD),
            self.value(features_BTD),
        )
        likeness = query @ blank(key, mask_BT).transpose(1, 2)
        likeness = likeness / mask_BT.sum(dim=1).clamp_min(1)[:, None, None]
        read = self.norm(self.out(likeness @ blank(value, mask_BT)), mask_BT)
        out: Tensor = features_BTD + read
        return out


class Attention(nn.Module):
    """Scaled dot-product attention of ``heads`` heads over the segments of a bag.

    With ``near``, a second set of weights that depends only on the distance in time, the softmax of
    -distance / e, reads the same values, and both readings are concatenated (Zhou et al., AAAI
    2023). ``window`` limits the attention to segments at most half a window away.
    """

    def __init__(
        self,
        features: int,
        *,
        heads: int = 4,
        width: int = 128,
        near: bool = False,
        dropout: float = 0.0,
        window: int | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.width, self.near, self.window = heads, width, near, window
        self.parts = nn.Linear(features, 3 * heads * width, bias=False)
        self.out = nn.Linear((2 if near else 1) * heads * width, features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        batch, length, _ = features_BTD.shape
        parts = self.parts(features_BTD).view(batch, length, 3, self.heads, self.width)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        apart = distances(length, features_BTD)
        allowed = mask_BT[:, None, None, :].expand(-1, 1, length, -1)
        if self.window is not None:
            allowed = allowed & (apart <= self.window // 2)
        likeness = query @ key.transpose(2, 3) * self.width**-0.5
        readings = [weights_over(likeness, allowed).to(value.dtype) @ value]
        if self.near:
            near = weights_over((-apart / math.e).expand(batch, 1, -1, -1), allowed)
            readings.append(near.to(value.dtype) @ value)
        read = torch.cat(readings, dim=-1).transpose(1, 2).flatten(2)
        return blank(self.dropout(self.out(read)), mask_BT)


class Feedforward(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, features: int, width: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, features),
            nn.Dropout(dropout),
        )

    def forward(self, features_BTD: Tensor) -> Tensor:
        out: Tensor = self.layers(features_BTD)
        return out


class Block(nn.Module):
    """Attention and feed-forward, each added to its input after layer normalisation."""

    def __init__(self, features: int, attention: nn.Module, feedforward: nn.Module) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(features) for _ in range(2))
        self.attention, self.feedforward = attention, feedforward

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        x = features_BTD + self.attention(self.norms[0](features_BTD), mask_BT)
        out: Tensor = x + self.feedforward(self.norms[1](x))
        return out


class Transformer(nn.Module):
    """``blocks`` blocks of attention and feed-forward layers of ``inner`` features."""

    def __init__(
        self,
        features: int,
        *,
        blocks: int,
        heads: int,
        width: int,
        inner: int,
        near: bool = False,
        dropout: float = 0.0,
        window: int | None = None,
    ) -> None:
        super().__init__()

        def attention() -> Attention:
            return Attention(
                features, heads=heads, width=width, near=near, dropout=dropout, window=window
            )

        self.blocks = nn.ModuleList(
            Block(features, attention(), Feedforward(features, inner, dropout=dropout))
            for _ in range(blocks)
        )

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        for block in self.blocks:
            features_BTD = block(features_BTD, mask_BT)
        return features_BTD


class Embedded(nn.Module):
    """The base of UR-DMU and BN-WVAD: a convolution of 3 segments, then a transformer.

    Its attention is by content and by distance in time.
    """

    def __init__(
        self,
        features: int,
        width: int,
        *,
        blocks: int,
        heads: int,
        head_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embed = Convolution(features, width, 3)
        self.transformer = Transformer(
            width,
            blocks=blocks,
            heads=heads,
            width=head_width,
            inner=width,
            near=True,
            dropout=dropout,
        )

    def embedded(self, features_BTD: Tensor, mask_BT: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return segments (B, T, ``width``) in their context, and the mask."""
        x, mask = segments_of(features_BTD, mask_BT)
        return self.transformer(self.embed(x, mask).relu(), mask), mask


class Classifier(nn.Sequential):
    """Three linear layers with ReLU and dropout; the output is a logit (..., 1)."""

    def __init__(self, features: int, widths: tuple[int, int], *, dropout: float) -> None:
        first, second = widths
        super().__init__(
            nn.Linear(features, first),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(second, 1),
        )


def probabilities(logits_BT1: Tensor, mask_BT: Tensor) -> Tensor:
    """Return the sigmoid of logits (B, T, 1) as (B, T) in float32, 0 for padding."""
    return logits_BT1[..., 0].float().sigmoid().masked_fill(~mask_BT, 0)
