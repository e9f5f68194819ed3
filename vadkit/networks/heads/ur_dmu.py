"""The network of two memories, one of normal and one of abnormal segments."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.heads.parts import (
    Classifier,
    Embedded,
    blank,
    probabilities,
)
from vadkit.ranks import own_rows


class DualMemory(NamedTuple):
    """What the two memories say about each segment.

    ``scores`` (B, T) are probabilities. ``normal_hits`` and ``abnormal_hits`` (B, T) are 0..1, how
    much each memory answers. ``normal`` (B, T, F) are the means of the normal readings' latent
    distribution, ``log_variance`` (B, T, F) its spread, ``abnormal`` (B, T, F) the abnormal latent.
    """

    scores: Tensor
    normal_hits: Tensor
    abnormal_hits: Tensor
    normal: Tensor
    log_variance: Tensor
    abnormal: Tensor


class Bank(nn.Module):
    """A memory of ``slots`` learned rows (Zhou et al., AAAI 2023).

    A slot's weight is the sigmoid of its scaled dot product with the segment; the reading is the
    weighted sum of slots, and the hit is the mean of the largest ``slots`` // 16 + 1 weights.
    """

    def __init__(self, slots: int, features: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(slots, features))
        nn.init.uniform_(self.rows, -(features**-0.5), features**-0.5)
        self.top = slots // 16 + 1

    def forward(self, features_BTF: Tensor) -> tuple[Tensor, Tensor]:
        """Return readings (B, T, F) and hits (B, T) in float32."""
        likeness = features_BTF @ self.rows.T * self.rows.shape[1] ** -0.5
        weights = likeness.float().sigmoid()
        hits = weights.topk(self.top, dim=2).values.mean(dim=2)
        return weights.to(features_BTF.dtype) @ self.rows, hits


class URDMU(Embedded):
    """Dual memory units with uncertainty regulation (Zhou et al., AAAI 2023).

    A convolution of 3 segments to ``width``, ``blocks`` transformer blocks with attention by
    content and by distance in time, two memories of ``slots`` rows. The reading of the normal
    memory becomes a latent normal distribution, from which normal bags are drawn in training;
    every other use takes its mean. Both latents are added, concatenated with the segment
    and classified.
    """

    def __init__(
        self,
        features: int,
        *,
        width: Annotated[int, Field(ge=1)] = 512,
        slots: Annotated[int, Field(ge=1)] = 60,
        blocks: Annotated[int, Field(ge=0)] = 2,
        heads: Annotated[int, Field(ge=1)] = 4,
        head_width: Annotated[int, Field(ge=1)] = 128,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    ) -> None:
        super().__init__(
            features, width, blocks=blocks, heads=heads, head_width=head_width, dropout=dropout
        )
        self.normal_bank, self.abnormal_bank = Bank(slots, width), Bank(slots, width)
        self.mean = nn.Sequential(nn.Linear(width, width), nn.ReLU())
        self.log_variance = nn.Sequential(nn.Linear(width, width), nn.ReLU())
        self.classifier = Classifier(2 * width, (width // 4 or 1, width // 8 or 1), dropout=dropout)

    def forward(
        self, features_BTD: Tensor, mask_BT: Tensor | None = None, labels_B: Tensor | None = None
    ) -> DualMemory:
        """Score bags; ``labels_B``, only in training, says which ones are normal (0)."""
        x, mask = self.embedded(features_BTD, mask_BT)
        normal_reading, normal_hits = self.normal_bank(x)
        abnormal_reading, abnormal_hits = self.abnormal_bank(x)
        normal, log_variance = self.mean(normal_reading), self.log_variance(normal_reading)
        abnormal = self.mean(abnormal_reading)
        latent = normal
        if self.training and labels_B is not None:
            noise = own_rows(
                lambda rows: normal.new_empty(rows, *normal.shape[1:]).normal_(), len(x)
            )
            noise = noise * (0.5 * log_variance).exp()
            latent = normal + noise * (labels_B < 0.5)[:, None, None]
        scores = self.classifier(torch.cat([x, latent + abnormal], dim=2))
        return DualMemory(
            probabilities(scores, mask),
            normal_hits.masked_fill(~mask, 0),
            abnormal_hits.masked_fill(~mask, 0),
            blank(normal, mask),
            blank(log_variance, mask),
            blank(abnormal, mask),
        )
