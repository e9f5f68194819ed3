"""Losses between an output and its target, both (B, C, H, W) or (B, C, T, H, W)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class MSE(nn.Module):
    """Mean squared error over all elements."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(output, target)


class L1(nn.Module):
    """Mean absolute error over all elements."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.l1_loss(output, target)


class Intensity(nn.Module):
    """Mean squared distance in intensity (Liu et al., CVPR 2018, eq. 1).

    The paper has the sum; its code, whose weights the recipes use, has the mean.
    """

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(output, target)


class Gradient(nn.Module):
    """Difference of absolute image gradients (Mathieu et al., ICLR 2016; Liu et al., eq. 2).

    The absolute differences of neighbouring pixels are computed for both images, along rows and
    along columns; the loss is the mean absolute difference of these, summed over the two
    directions.
    """

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        along_rows = (_steps(output, -1) - _steps(target, -1)).abs().mean()
        along_columns = (_steps(output, -2) - _steps(target, -2)).abs().mean()
        return along_rows + along_columns


class WeightedPrediction(nn.Module):
    """Squared error of predicted clips (B, C, T, H, W), with less weight for later frames.

    Frame t of T (from 0) has the weight (T - t) / T, and the mean is over all elements (Zhao et
    al., MM 2017, eq. 3, up to a constant factor).
    """

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors_T = (output.float() - target.float()).square().mean(dim=(0, 1, 3, 4))
        frames = len(errors_T)
        falling = torch.arange(frames, 0, -1, device=errors_T.device) / frames
        return (falling * errors_T).mean()


def _steps(images: Tensor, dim: int) -> Tensor:
    # In float32: neighbouring pixels differ little, and bfloat16 would lose the difference.
    return torch.diff(images.float(), dim=dim).abs()
