"""A loss between distributions."""

from __future__ import annotations

from torch import Tensor, nn


class GaussianKL(nn.Module):
    """Kullback-Leibler divergence of diagonal normal distributions, KL(first || second).

    Each is its means and the logarithms of its variances. The divergence is the mean over all
    elements, so that its weight does not depend on the size of a code.
    """

    def forward(
        self, mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor
    ) -> Tensor:
        ratio = (log_variance - other_log_variance).exp()
        distance = (mean - other_mean).square() / other_log_variance.exp()
        return ((ratio + distance - 1 + other_log_variance - log_variance) / 2).mean()
