"""Adversarial losses: of a generator on a discriminator's logits, of a discriminator on frames.

Each generator loss belongs to the discriminator loss with the same name. All compute in float32,
even under autocast, because bfloat16 would round means of logits to 8 bits.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.ranks import own_rows


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

    def forward(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        real_logits, fake_logits = discriminator(real), discriminator(fake)
        of_real = functional.mse_loss(real_logits, torch.ones_like(real_logits))
        of_fake = functional.mse_loss(fake_logits, torch.zeros_like(fake_logits))
        return 0.5 * of_real + 0.5 * of_fake


class VanillaGenerator(nn.Module):
    """Cross-entropy of a generator's logits with the class real: the mean of -log D(fake).

    Goodfellow et al., NeurIPS 2014, in the non-saturating form (section 3).
    """

    def forward(self, fake_logits: Tensor) -> Tensor:
        return _cross_entropy(fake_logits, 1.0)


class VanillaDiscriminator(nn.Module):
    """Cross-entropy of a discriminator: half the means of -log D(real) and -log(1 - D(fake)).

    Goodfellow et al., NeurIPS 2014, eq. 1.
    """

    def forward(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        of_real = _cross_entropy(discriminator(real), 1.0)
        return 0.5 * of_real + 0.5 * _cross_entropy(discriminator(fake), 0.0)


class WassersteinGenerator(nn.Module):
    """Negative mean of a critic's values for generated frames (Arjovsky et al., ICML 2017)."""

    def forward(self, fake_logits: Tensor) -> Tensor:
        return -fake_logits.float().mean()


class WassersteinDiscriminator(nn.Module):
    """Mean of a critic for generated frames minus real frames, plus a gradient penalty.

    Gulrajani et al., NeurIPS 2017, eq. 3: the penalty is ``penalty`` times the mean squared
    distance from 1 of the gradient's length, at random points between real and generated frames.
    The critic should have no batch normalisation. If a critic returns a value per patch, the mean
    counts.
    """

    def __init__(self, *, penalty: Annotated[float, Field(ge=0)] = 10.0) -> None:
        super().__init__()
        self.penalty = penalty

    def forward(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        distance = discriminator(fake).float().mean() - discriminator(real).float().mean()
        loss: Tensor = distance + self.penalty * _gradient_penalty(discriminator, real, fake)
        return loss


def _gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    with torch.autocast(real.device.type, enabled=False):
        ones = [1] * (real.ndim - 1)
        share = own_rows(lambda rows: torch.rand(rows, *ones, device=real.device), len(real))
        between = torch.lerp(fake.detach().float(), real.float(), share).requires_grad_(True)
        values = critic(between).view(len(between), -1).mean(dim=1)
        (gradient,) = torch.autograd.grad(values.sum(), between, create_graph=True)
        penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        return penalty


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    logits = logits.float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
