"""Losses on how a memory is used."""

from __future__ import annotations

from torch import Tensor, nn


class Entropy(nn.Module):
    """Entropy of the weights (Q, slots) of each query, in nats, as a mean over the queries.

    Low where few items answer a query (Gong et al., ICCV 2019, eq. 9).
    """

    def forward(self, weights: Tensor) -> Tensor:
        weights = weights.float()
        return -(weights * (weights + 1e-12).log()).sum(dim=1).mean()
