"""Losses on how a memory is used."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn


class Entropy(nn.Module):
    """Entropy of the weights (Q, slots) of each query, in nats, as a mean over the queries.

    Low where few items answer a query (Gong et al., ICCV 2019, eq. 9).
    """

    def forward(self, weights: Tensor) -> Tensor:
        weights = weights.float()
        return -(weights * (weights + 1e-12).log()).sum(dim=1).mean()


class Compactness(nn.Module):
    """Squared distance of each query (..., F) from its nearest item (M, F), as a mean over queries.

    Park et al., CVPR 2020, eq. 9, whose sum over queries is a mean over elements in the authors'
    code; here distances are summed over features.
    """

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        return nearest_distances(queries, items)[..., 0].square().mean()


class Separateness(nn.Module):
    """How much nearer the second item is to a query than the first may be, as a mean over queries.

    A triplet loss with the nearest item as the positive, the second nearest as the negative, and
    ``margin`` between their distances (Park et al., CVPR 2020, eq. 10).
    """

    def __init__(self, *, margin: Annotated[float, Field(ge=0)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        distances = nearest_distances(queries, items)
        return (distances[..., 0] - distances[..., 1] + self.margin).relu().mean()


def nearest_distances(queries: Tensor, items: Tensor) -> Tensor:
    """Distances (..., 2) of queries (..., F) from the two items (M, F) most like them.

    Likeness is the dot product; both computed in float32.
    """
    queries, items = queries.float(), items.float()
    two = (queries @ items.T).topk(2, dim=-1).indices
    distances: Tensor = (queries.unsqueeze(-2) - items[two]).add(1e-6).norm(dim=-1)
    return distances
