"""Adversarial losses on the logits of a discriminator.

They go through ``mse_loss``, which computes in float32 under autocast, where a mean of bfloat16
logits would be rounded to 8 bits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LeastSquaresGenerator(nn.Module):
    """Least-squares loss of a generator: half the squared distance of its logits from 1.

    Mao et al., ICCV 2017; Liu et al., CVPR 2018, eq. 6.
    """

    def forward(self, fake_logits: Tensor) -> Tensor:
        return 0.5 * functional.mse_loss(fake_logits, torch.ones_like(fake_logits))


class LeastSquaresDiscriminator(nn.Module):
    """Least-squares loss of a discriminator: real logits to 1, fake ones to 0.

    Mao et al., ICCV 2017; Liu et al., CVPR 2018, eq. 5.
    """

    def forward(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        real = functional.mse_loss(real_logits, torch.ones_like(real_logits))
        fake = functional.mse_loss(fake_logits, torch.zeros_like(fake_logits))
        return 0.5 * real + 0.5 * fake
