"""Losses of classifiers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class CrossEntropy(nn.Module):
    """Mean cross-entropy of logits (N, K, ...) with classes (N, ...) from 0, in nats."""

    def forward(self, logits: Tensor, classes: Tensor) -> Tensor:
        return functional.cross_entropy(logits.float(), classes)
