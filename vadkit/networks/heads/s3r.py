"""The network that explains segments by a dictionary of normal ones."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.heads.parts import Classifier, blank, probabilities, segments_of
from vadkit.networks.heads.rtfm import MultiScaleTemporal


class SparseParts(NamedTuple):
    """Scores (B, T), probabilities, and what the dictionary says.

    ``features`` (B, T, D) is the abnormal part and ``magnitudes`` (B, T) its length. ``error`` (B,
    T) is the mean squared error of the dictionary, whose gradient reaches the dictionary.
    """

    scores: Tensor
    features: Tensor
    magnitudes: Tensor
    error: Tensor


class S3R(nn.Module):
    """Sparse representation by a dictionary of normal features (Wu et al., ECCV 2022).

    The normal part of a segment is a mixture of dictionary rows, weighted by attention (en-normal).
    What is left opens a gate for each feature, from its mean over the bag (de-normal), and the
    gated rest is the abnormal part. Each part passes RTFM's temporal layers; the segment's score
    comes from both together, its magnitude from the abnormal part.

    The authors learn the dictionary before training, by sparse coding of normal video. Here its
    ``slots`` rows are parameters. Only ``explained`` segments of normal bags should train them, by
    the squared error, so other uses see a copy.
    """

    def __init__(
        self,
        features: int,
        *,
        slots: Annotated[int, Field(ge=1)] = 128,
        reduction: Annotated[int, Field(ge=1)] = 16,
        widths: tuple[int, int] = (512, 128),
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.7,
    ) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(slots, features))
        inner = max(features // 4, 1)
        self.query = nn.Linear(features, inner, bias=False)
        self.key = nn.Linear(features, inner, bias=False)
        self.gate = nn.Sequential(
            nn.Linear(features, max(features // reduction, 1)),
            nn.ReLU(),
            nn.Linear(max(features // reduction, 1), features),
            nn.Sigmoid(),
        )
        self.normal_time = MultiScaleTemporal(features, dropout=dropout)
        self.abnormal_time = MultiScaleTemporal(features, dropout=dropout)
        self.classifier = Classifier(2 * features, widths, dropout=dropout)

    def explained(self, features_BTD: Tensor, rows: Tensor) -> Tensor:
        """Return the mixtures of dictionary rows (B, T, D) that explain segments."""
        query, key = self.query(features_BTD), self.key(rows)
        weights = (query @ key.transpose(0, 1) * key.shape[1] ** -0.5).float().softmax(dim=2)
        read: Tensor = weights.to(features_BTD.dtype) @ rows.to(features_BTD.dtype)
        return read

    def forward(self, features_BTD: Tensor, mask_BT: Tensor | None = None) -> SparseParts:
        x, mask = segments_of(features_BTD, mask_BT)
        error = (self.explained(x, self.rows) - x).float().square().mean(dim=2)
        normal = self.explained(x, self.rows.detach())
        rest = blank(x - normal, mask)
        mean = rest.sum(dim=1) / mask.sum(dim=1).clamp_min(1)[:, None]
        abnormal = rest * self.gate(mean)[:, None]
        normal = blank(self.normal_time(normal, mask), mask)
        abnormal = blank(self.abnormal_time(abnormal, mask), mask)
        scores = probabilities(self.classifier(torch.cat([normal, abnormal], dim=2)), mask)
        error = error.masked_fill(~mask, 0)
        return SparseParts(scores, abnormal, abnormal.float().norm(dim=2), error)
