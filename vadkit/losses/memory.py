"""Losses on the use of a memory."""

from __future__ import annotations

from typing import Annotated

import torch
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
    """Mean squared difference of queries (..., F) from their nearest items (M, F).

    Park et al., CVPR 2020, eq. 9. The paper has the sum over queries and features; the authors'
    code, whose weight the recipes use, has the mean over both.
    """

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        return nearest_distances(queries, items)[..., 0].square().mean() / queries.shape[-1]


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
    with torch.autocast(queries.device.type, enabled=False):
        # Detached, so that no gradient needs the items, which may change in place before.
        two = (queries.detach() @ items.T).topk(2, dim=-1).indices
    distances: Tensor = (queries.unsqueeze(-2) - items[two]).add(1e-6).norm(dim=-1)
    return distances
