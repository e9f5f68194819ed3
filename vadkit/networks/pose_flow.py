"""A normalising flow on sequences of poses, with graph convolutions over joints and time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

# A coupling scales by at most e to this, and at least by e to its negative.
_MOST_LOG_SCALE = 2.0


class ActNorm(nn.Module):
    """A scale and a shift of each channel; the first batch in training gets mean 0, deviation 1."""

    ready: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x_BCTV: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and the logarithm of the determinant, which is the same for all."""
        if self.training and not self.ready:
            with torch.no_grad():
                deviation, mean = torch.std_mean(x_BCTV, dim=(0, 2, 3), keepdim=True, correction=0)
                self.log_scale.copy_(-deviation.clamp(min=1e-6).log())
                self.shift.copy_(-mean)
                self.ready.fill_(True)
        places = x_BCTV.shape[2] * x_BCTV.shape[3]
        return (x_BCTV + self.shift) * self.log_scale.exp(), places * self.log_scale.sum()

    def inverse(self, z_BCTV: Tensor) -> Tensor:
        return z_BCTV * (-self.log_scale).exp() - self.shift


class GraphConvolution(nn.Module):
    """A mean over near joints of each frame, then a convolution over time at each joint.

    The last layer begins at 0.
    """

    near: Tensor

    def __init__(
        self, before: int, width: int, after: int, near_VV: Sequence[Sequence[float]], span: int
    ) -> None:
        super().__init__()
        self.register_buffer("near", torch.as_tensor(near_VV, dtype=torch.float32))
        self.space = nn.Conv2d(before, width, 1)
        self.time = nn.Conv2d(width, after, (span, 1), padding=(span // 2, 0))
        nn.init.zeros_(self.time.weight)
        assert self.time.bias is not None
        nn.init.zeros_(self.time.bias)

    def forward(self, x_BCTV: Tensor) -> Tensor:
        mixed = torch.einsum("bctv,vw->bctw", self.space(x_BCTV), self.near)
        out: Tensor = self.time(mixed.relu())
        return out


class Coupling(nn.Module):
    """Scales and shifts half of the channels by functions of the other half."""

    def __init__(
        self, channels: int, width: int, near_VV: Sequence[Sequence[float]], span: int
    ) -> None:
        super().__init__()
        self.kept = channels // 2
        self.net = GraphConvolution(self.kept, width, 2 * (channels - self.kept), near_VV, span)

    def forward(self, x_BCTV: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and the logarithm of the determinant (B,)."""
        same, other = x_BCTV[:, : self.kept], x_BCTV[:, self.kept :]
        log_scale, shift = self._change(same)
        out = torch.cat([same, (other + shift) * log_scale.exp()], dim=1)
        return out, log_scale.flatten(1).sum(dim=1)

    def inverse(self, z_BCTV: Tensor) -> Tensor:
        same, other = z_BCTV[:, : self.kept], z_BCTV[:, self.kept :]
        log_scale, shift = self._change(same)
        return torch.cat([same, other * (-log_scale).exp() - shift], dim=1)

    def _change(self, same: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.net(same).chunk(2, dim=1)
        return _MOST_LOG_SCALE * torch.tanh(log_scale / _MOST_LOG_SCALE), shift


class PoseFlow(nn.Module):
    """The likelihood of pose sequences (Hirschorn and Avidan, ICCV 2023), one level.

    Each of ``steps`` steps is an ActNorm, an exchange of channels, and an affine coupling with one
    graph convolution of ``width`` channels, which sees half of the ``frames``. The weights of near
    joints (V, V) are given. Outputs are compared with a normal distribution with mean ``mean``
    in each dimension and deviation 1.
    """

    def __init__(
        self,
        near_VV: Sequence[Sequence[float]],
        *,
        frames: Annotated[int, Field(ge=2)] = 24,
        steps: Annotated[int, Field(ge=1, le=64)] = 8,
        width: Annotated[int, Field(ge=1)] = 4,
        mean: float = 3.0,
    ) -> None:
        super().__init__()
        self.frames, self.mean = frames, mean
        span = frames // 2 // 2 * 2 + 1
        self.norms = nn.ModuleList(ActNorm(2) for _ in range(steps))
        self.couplings = nn.ModuleList(Coupling(2, width, near_VV, span) for _ in range(steps))

    def forward(self, x_BCTV: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs, and the logarithms of determinants (B,), of x and y of joints."""
        z = x_BCTV
        total = z.new_zeros(len(z))
        for norm, coupling in zip(self.norms, self.couplings, strict=True):
            z, of_norm = norm(z)
            z, of_coupling = coupling(z.flip(1))
            total = total + of_norm + of_coupling
        return z, total

    def inverse(self, z_BCTV: Tensor) -> Tensor:
        """Return the sequences that have these outputs."""
        x = z_BCTV
        for norm, coupling in zip(reversed(self.norms), reversed(self.couplings), strict=True):
            x = norm.inverse(coupling.inverse(x).flip(1))  # type: ignore[operator]
        return x

    def log_likelihood(self, x_BCTV: Tensor) -> Tensor:
        """Return the logarithm of the density (B,) at each sequence."""
        z, total = self(x_BCTV)
        squares = ((z - self.mean) ** 2).flatten(1)
        normal = -0.5 * (squares.sum(dim=1) + squares.shape[1] * math.log(2 * math.pi))
        found: Tensor = normal + total
        return found
