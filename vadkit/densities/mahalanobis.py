"""A single Gaussian."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vadkit.densities.density import Density
from vadkit.errors import TrainingError

# Added to every variance, so that numbers that never varied in training still count.
_LEAST_VARIANCE = 1e-6


class Mahalanobis(Density):
    """Mahalanobis distance from the mean of the rows.

    ``shrinkage`` shrinks the covariance towards a multiple of the identity, which long rows need: 0
    leaves it unchanged, 1 replaces it, and None uses the share that Ledoit and Wolf (2004) derive
    from the rows. Computed by scikit-learn.
    """

    mean: Tensor
    precision: Tensor

    def __init__(self, *, shrinkage: Annotated[float, Field(ge=0, le=1)] | None = None) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        for name in ("mean", "precision"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.float64))

    def fit(self, rows_NF: Tensor) -> None:
        """Raises ``TrainingError`` for fewer than 2 rows."""
        from sklearn.covariance import LedoitWolf, ShrunkCovariance

        if len(rows_NF) < 2:
            raise TrainingError(f"mahalanobis: {len(rows_NF)} rows have no covariance")
        kind = (
            LedoitWolf() if self.shrinkage is None else ShrunkCovariance(shrinkage=self.shrinkage)
        )
        found = kind.fit(rows_NF.double().numpy())
        mean, covariance = (torch.from_numpy(each) for each in (found.location_, found.covariance_))
        covariance += _LEAST_VARIANCE * torch.eye(len(mean), dtype=covariance.dtype)
        self.keep(mean=mean, precision=torch.linalg.inv(covariance))

    def forward(self, rows_NF: Tensor) -> Tensor:
        away = rows_NF.double() - self.mean
        return ((away @ self.precision) * away).sum(dim=1).clamp(min=0).sqrt().float()
