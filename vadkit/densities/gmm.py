"""Gaussian mixtures."""

from __future__ import annotations

import math
import warnings
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from vadkit.densities.density import Density
from vadkit.errors import TrainingError


class Gmm(Density):
    """Gaussian mixture; a row's score is the negative logarithm of its density.

    Fitted by scikit-learn's expectation maximisation from a k-means start with a fixed seed, with
    ``components`` Gaussians and full or diagonal ``covariance`` matrices. It is for short rows: a
    full matrix of F numbers has F (F + 1) / 2 values to estimate.
    """

    weights: Tensor
    means: Tensor
    precisions: Tensor

    def __init__(
        self,
        *,
        components: Annotated[int, Field(ge=1)] = 5,
        covariance: Literal["full", "diag"] = "full",
    ) -> None:
        super().__init__()
        self.components, self.covariance = components, covariance
        for name in ("weights", "means", "precisions"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.float64))

    def fit(self, rows_NF: Tensor) -> None:
        """Raises ``TrainingError`` for fewer rows than twice the components."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        if len(rows_NF) < 2 * self.components:
            raise TrainingError(
                f"gmm: {len(rows_NF)} rows are too few for {self.components} components; lower "
                "components, or train on more video"
            )
        mixture = GaussianMixture(self.components, covariance_type=self.covariance, random_state=0)
        with warnings.catch_warnings():
            # Identical rows, as in a static scene, give fewer components than requested.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(rows_NF.double().numpy())
        self.keep(
            weights=torch.from_numpy(mixture.weights_),
            means=torch.from_numpy(mixture.means_),
            # Cholesky factors of the inverse covariances, or square roots of their diagonals.
            precisions=torch.from_numpy(mixture.precisions_cholesky_),
        )

    def forward(self, rows_NF: Tensor) -> Tensor:
        away = rows_NF.double()[:, None] - self.means
        if self.covariance == "full":
            away = torch.einsum("nkf,kfg->nkg", away, self.precisions)
            volumes = self.precisions.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        else:
            away = away * self.precisions
            volumes = self.precisions.log().sum(dim=1)
        constant = rows_NF.shape[1] * math.log(2 * math.pi)
        of_each = volumes - 0.5 * (away.square().sum(dim=2) + constant)
        return -torch.logsumexp(of_each + self.weights.log(), dim=1).float()
