"""Losses on the use of a memory."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn


class Entropy(nn.Module):
    """Mean entropy over the queries of their weights (Q, slots), in nats.

    It is low if few items answer a query (Gong et al., ICCV 2019, eq. 9).
    """

    def forward(self, weights: Tensor) -> Tensor:
        weights = weights.float()
        return -(weights * (weights + 1e-12).log()).sum(dim=1).mean()


class Compactness(nn.Module):
    """Mean squared distance of queries (..., F) from their nearest items (M, F).

    Park et al., CVPR 2020, eq. 9, whose sum over queries is a mean over elements in the authors'
    code; here distances are summed over features.
    """

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        return nearest_distances(queries, items)[..., 0].square().mean()


class Separateness(nn.Module):
    """Mean triplet loss of queries with their nearest and second nearest items.

    The nearest item is the positive, the second nearest is the negative, and ``margin`` is the
    required difference of their distances (Park et al., CVPR 2020, eq. 10).
    """

    def __init__(self, *, margin: Annotated[float, Field(ge=0)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        distances = nearest_distances(queries, items)
        return (distances[..., 0] - distances[..., 1] + self.margin).relu().mean()


def nearest_distances(queries: Tensor, items: Tensor) -> Tensor:
    """Return distances (..., 2) of queries (..., F) to the two most similar items (M, F).

    Similarity is the dot product; both are computed in float32.
    """
    queries, items = queries.float(), items.float()
    two = (queries @ items.T).topk(2, dim=-1).indices
    distances: Tensor = (queries.unsqueeze(-2) - items[two]).add(1e-6).norm(dim=-1)
    return distances
