"""Losses between tokens, such as the patches of an image."""

from __future__ import annotations

from torch import Tensor, nn


class WeightedTokens(nn.Module):
    """Squared error of tokens (B, L, D), weighted within each image (Ristea et al., CVPR 2024).

    The error of a token is a mean over its features. ``weights`` (B, L), not negative, are divided
    by their sum over an image, so each image counts alike. Equal weights give the mean. The loss is
    the mean over images.
    """

    def forward(self, output: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        errors_BL = (output.float() - target.float()).square().mean(dim=2)
        weights = weights.float()
        return ((errors_BL * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1e-12)).mean()
