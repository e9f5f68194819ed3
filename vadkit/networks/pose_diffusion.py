"""A U-Net on graphs of joints that finds the noise in the next poses of a sequence."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn


class SpaceTime(nn.Module):
    """A learned mix over time at each joint, then over joints in each frame, then of channels.

    ``condition`` (B, E) is added to every place. Takes (B, C, T, V).
    """

    def __init__(self, before: int, after: int, frames: int, joints: int, condition: int) -> None:
        super().__init__()
        self.time = nn.Parameter(_mix(joints, frames))
        self.space = nn.Parameter(_mix(frames, joints))
        self.channels = nn.Conv2d(before, after, 1)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.norm = nn.GroupNorm(math.gcd(after, 4), after)
        self.condition = nn.Linear(condition, before)

    def forward(self, x_BCTV: Tensor, condition_BE: Tensor) -> Tensor:
        x = x_BCTV + self.condition(condition_BE)[:, :, None, None]
        mixed = torch.einsum("bctv,vtq->bcqv", x, self.time)
        mixed = torch.einsum("bctv,tvw->bctw", mixed, self.space)
        found: Tensor = nn.functional.silu(self.norm(self.channels(mixed)) + self.shortcut(x))
        return found


class PoseDiffusion(nn.Module):
    """Finds the noise in the last poses of a sequence, given the first (after MoCoDAD, ICCV 2023).

    The first ``given`` frames are encoded and added, with the step of the diffusion, at each layer
    of a U-Net over the last ``predicted`` frames. The U-Net goes from all joints to half and a
    quarter of them and back, with ``width`` and twice as many channels.
    """

    def __init__(
        self,
        joints: int,
        *,
        given: Annotated[int, Field(ge=1)] = 3,
        predicted: Annotated[int, Field(ge=1)] = 3,
        width: Annotated[int, Field(ge=4, multiple_of=2)] = 16,
    ) -> None:
        super().__init__()
        half, quarter, wide, size = joints // 2, joints // 4, 2 * width, 4 * width
        self.given, self.predicted, self.size = given, predicted, size
        self.step = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))
        self.past = nn.ModuleList(
            [SpaceTime(2, width, given, joints, size), SpaceTime(width, wide, given, joints, size)]
        )
        self.code = nn.Linear(wide * given * joints, size)
        self.down = nn.ModuleList(
            [
                SpaceTime(2, width, predicted, joints, size),
                SpaceTime(width, wide, predicted, half, size),
                SpaceTime(wide, wide, predicted, quarter, size),
            ]
        )
        self.fewer = nn.ModuleList([nn.Linear(joints, half), nn.Linear(half, quarter)])
        self.more = nn.ModuleList([nn.Linear(quarter, half), nn.Linear(half, joints)])
        self.up = nn.ModuleList(
            [
                SpaceTime(wide, width, predicted, half, size),
                SpaceTime(width, width, predicted, joints, size),
            ]
        )
        self.out = nn.Conv2d(width, 2, 1)

    def encode(self, given_BCTV: Tensor) -> Tensor:
        """Return the codes (B, E) of the given poses."""
        x, nothing = given_BCTV, given_BCTV.new_zeros(len(given_BCTV), self.size)
        for layer in self.past:
            x = layer(x, nothing)
        code: Tensor = self.code(x.flatten(1))
        return code

    def forward(self, noisy_BCTV: Tensor, step_B: Tensor, code_BE: Tensor) -> Tensor:
        """Return the noise in poses at steps of the diffusion, for codes of ``encode``."""
        condition = code_BE + self.step(_waves(step_B, self.size))
        first = self.down[0](noisy_BCTV, condition)
        second = self.down[1](self.fewer[0](first), condition)
        x = self.down[2](self.fewer[1](second), condition)
        x = self.up[0](self.more[0](x) + second, condition)
        # Both have `width` channels and all joints.
        x = self.up[1](self.more[1](x) + first, condition)
        noise: Tensor = self.out(x)
        return noise


def _mix(count: int, size: int) -> Tensor:
    """Return ``count`` matrices (size, size) near the identity."""
    return torch.eye(size) + 0.1 * torch.randn(count, size, size) / math.sqrt(size)


def _waves(step_B: Tensor, size: int) -> Tensor:
    """Return sines and cosines (B, size) of steps at several wavelengths."""
    rates = torch.exp(-math.log(1e4) * torch.arange(size // 2, device=step_B.device) / (size // 2))
    angles = step_B[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
