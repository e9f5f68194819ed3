"""The network of robust temporal feature magnitudes."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.heads.parts import (
    BatchNorm,
    Classifier,
    Convolution,
    NonLocal,
    probabilities,
    segments_of,
)


class Magnitudes(NamedTuple):
    """Scores (B, T), probabilities; features (B, T, F); and their lengths (B, T)."""

    scores: Tensor
    features: Tensor
    magnitudes: Tensor


class MultiScaleTemporal(nn.Module):
    """Neighbourhoods of three sizes beside all pairs of segments (Tian et al., ICCV 2021).

    Three convolutions of 3 segments with dilations 1, 2 and 4 (a pyramid), and a non-local block
    after a 1x1 convolution, each of a quarter of the features. A convolution joins the four, and
    the input is added.
    """

    def __init__(self, features: int, *, dropout: float) -> None:
        super().__init__()
        quarter = max(features // 4, 1)
        self.pyramid = nn.ModuleList(
            Convolution(features, quarter, 3, dilation=dilation) for dilation in (1, 2, 4)
        )
        self.norms = nn.ModuleList(BatchNorm(quarter) for _ in self.pyramid)
        self.reduce = nn.Linear(features, quarter, bias=False)
        self.all_pairs = NonLocal(quarter)
        self.join = Convolution(4 * quarter, features, 3, bias=False)
        self.join_norm = BatchNorm(features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        parts = [
            norm(conv(features_BTD, mask_BT).relu(), mask_BT)
            for conv, norm in zip(self.pyramid, self.norms, strict=True)
        ]
        parts.append(self.all_pairs(self.reduce(features_BTD).relu(), mask_BT))
        joined = self.join_norm(self.join(torch.cat(parts, dim=2), mask_BT).relu(), mask_BT)
        out: Tensor = self.dropout(joined + features_BTD)
        return out


class RTFM(nn.Module):
    """Temporal features whose length tells abnormal segments (Tian et al., ICCV 2021).

    ``MultiScaleTemporal``, then a classifier of ``widths`` (512, 128) with ``dropout`` 0.7. The
    features' lengths choose the segments that the losses train on. The paper's input has 2048
    features; the inner widths follow the input.
    """

    def __init__(
        self,
        features: int,
        *,
        widths: tuple[int, int] = (512, 128),
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.7,
    ) -> None:
        super().__init__()
        self.temporal = MultiScaleTemporal(features, dropout=dropout)
        self.classifier = Classifier(features, widths, dropout=dropout)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor | None = None) -> Magnitudes:
        x, mask = segments_of(features_BTD, mask_BT)
        x = self.temporal(x, mask)
        magnitudes = x.float().norm(dim=2).masked_fill(~mask, 0)
        return Magnitudes(probabilities(self.classifier(x), mask), x, magnitudes)
