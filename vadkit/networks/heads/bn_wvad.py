"""The network whose batch-normalisation statistics tell abnormal segments."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.networks.heads.parts import (
    BatchNorm,
    Convolution,
    Embedded,
    probabilities,
)


class Divergence(NamedTuple):
    """Distances from normal, and the classifier's word.

    ``scores`` (B, T) are probabilities of the classifier, which only normal bags train.
    ``distances`` (B, L, T) are Mahalanobis distances of segments from the running mean of each of
    the L normalisation layers.
    """

    scores: Tensor
    distances: Tensor

    @property
    def product(self) -> Tensor:
        """The anomaly score (B, T): the sum of distances times the probability; no upper bound."""
        return self.distances.sum(dim=1) * self.scores


class BNWVAD(Embedded):
    """Batch normalisation as a model of normal segments (Zhou et al., 2023, BN-WVAD).

    UR-DMU's embedding, then convolutions to ``width`` / 16 and ``width`` / 32 features, each with
    batch normalisation and ReLU. Most segments of a batch are normal, so the running mean and
    variance describe them; the distance of a segment is the root of its squared differences from
    the mean, each divided by the variance. A linear layer with a sigmoid classifies.
    """

    def __init__(
        self,
        features: int,
        *,
        width: Annotated[int, Field(ge=1)] = 512,
        ratios: tuple[int, int] = (16, 32),
        blocks: Annotated[int, Field(ge=0)] = 2,
        heads: Annotated[int, Field(ge=1)] = 4,
        head_width: Annotated[int, Field(ge=1)] = 128,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    ) -> None:
        super().__init__(
            features, width, blocks=blocks, heads=heads, head_width=head_width, dropout=dropout
        )
        widths = [width, *(max(width // ratio, 1) for ratio in ratios)]
        self.layers = nn.ModuleList(
            Convolution(before, after, 1) for before, after in itertools.pairwise(widths)
        )
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[1:])
        self.classifier = nn.Linear(widths[-1], 1)

    def forward(self, features_BTD: Tensor, mask_BT: Tensor | None = None) -> Divergence:
        x, mask = self.embedded(features_BTD, mask_BT)
        found = []
        layer: Any
        norm: Any
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = layer(x, mask)
            apart = distance(x, norm.norm.running_mean, norm.norm.running_var)
            found.append(apart.masked_fill(~mask, 0))
            x = norm(x, mask).relu()
        return Divergence(probabilities(self.classifier(x), mask), torch.stack(found, dim=1))


def distance(features: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Return Mahalanobis distances (...) of features (..., F) with a diagonal covariance."""
    # A copy, because the layer changes its statistics in place before the gradient needs them.
    apart = (features.float() - mean.clone()).square() / (variance.clone() + 1e-5)
    return (apart.sum(dim=-1) + 1e-12).sqrt()
