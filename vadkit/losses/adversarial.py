"""Adversarial losses on the logits of a discriminator."""

from __future__ import annotations

from torch import Tensor, nn


class LeastSquaresGenerator(nn.Module):
    """Least-squares loss of a generator: half the squared distance of its logits from 1.

    Mao et al., ICCV 2017; Liu et al., CVPR 2018, eq. 6.
    """

    def forward(self, fake_logits: Tensor) -> Tensor:
        return 0.5 * (fake_logits - 1).square().mean()


class LeastSquaresDiscriminator(nn.Module):
    """Least-squares loss of a discriminator: real logits to 1, fake ones to 0.

    Mao et al., ICCV 2017; Liu et al., CVPR 2018, eq. 5.
    """

    def forward(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()
