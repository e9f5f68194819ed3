"""The conditional variational auto-encoder that predicts an object's next crop."""

from __future__ import annotations

import itertools
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.networks.unet import double_conv


class Gaussian(NamedTuple):
    """A diagonal normal distribution: mean and logarithm of the variance, of one shape."""

    mean: Tensor
    log_variance: Tensor


class Predicted(NamedTuple):
    """A prediction (N, C, H, W), and the distributions of the latent values it was made from."""

    frame: Tensor
    posterior: Gaussian
    prior: Gaussian


class ConditionalVAE(nn.Module):
    """Predicts a frame from earlier frames and their optical flow (Liu et al., ICCV 2021, 3.2).

    The condition is the flow. One encoder takes the flow alone and gives the prior of the latent
    values; a second one takes frames and flow and gives the posterior. The decoder takes latent
    values, and features of the flow's encoder at each level. Both encoders have three levels of two
    3x3 convolutions with batch normalisation and ``width``, 2 and 2 times ``width`` channels, and
    ``dropout`` at the lowest. ``width`` 64 and ``dropout`` 0.1 are the authors' values; the number
    of levels is our choice. In training, latent values are drawn from the posterior; otherwise they
    are its mean. Frames (N, in, H, W), flow (N, flow, H, W), H and W multiples of 4.
    """

    def __init__(
        self,
        in_channels: int,
        flow_channels: int,
        out_channels: int,
        *,
        width: Annotated[int, Field(ge=1)] = 64,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    ) -> None:
        super().__init__()
        wide = 2 * width
        self.condition = _levels(flow_channels, width)
        self.encoder = _levels(in_channels + flow_channels, width)
        self.dropout = nn.Dropout2d(dropout)
        self.prior = nn.Conv2d(wide, 2 * wide, 1)
        self.posterior = nn.Conv2d(wide, 2 * wide, 1)
        self.bottom = double_conv(2 * wide, wide, norm=True)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 2, stride=2)
            for before, after in ((wide, wide), (wide, width))
        )
        self.merge = nn.ModuleList(
            double_conv(2 * channels, channels, norm=True) for channels in (wide, width)
        )
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, frames_NCHW: Tensor, flow_NCHW: Tensor) -> Predicted:
        known = _run(self.condition, flow_NCHW)
        seen = _run(self.encoder, torch.cat([frames_NCHW, flow_NCHW], dim=1))
        prior = _gaussian(self.prior(self.dropout(known[-1])))
        posterior = _gaussian(self.posterior(self.dropout(seen[-1])))
        latent = posterior.mean
        if self.training:
            spread = (posterior.log_variance / 2).exp()
            latent = latent + spread * torch.randn_like(spread)
        x = self.bottom(torch.cat([latent.to(known[-1]), known.pop()], dim=1))
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([known.pop(), up(x)], dim=1))
        return Predicted(self.out(x), posterior, prior)


def _levels(channels: int, width: int) -> nn.ModuleList:
    widths = [channels, width, 2 * width, 2 * width]
    return nn.ModuleList(
        double_conv(before, after, norm=True) for before, after in itertools.pairwise(widths)
    )


def _run(levels: nn.ModuleList, x: Tensor) -> list[Tensor]:
    found: list[Tensor] = []
    for level in levels:
        found.append(level(functional.max_pool2d(found[-1], 2) if found else x))
    return found


def _gaussian(values: Tensor) -> Gaussian:
    # In float32, and within limits whose exponential is harmless.
    mean, log_variance = values.float().chunk(2, dim=1)
    return Gaussian(mean, log_variance.clamp(-10, 10))
