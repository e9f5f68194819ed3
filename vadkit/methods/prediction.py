"""What methods that predict the next frame share."""

from __future__ import annotations

from torch import Tensor

# A prediction without any error has an infinite PSNR; 100 dB is far above what a network reaches.
_LEAST_MSE = 1e-10


def past_and_next(frames_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
    """The past frames stacked as channels, oldest first, and the frame to predict."""
    return frames_BCTHW[:, :, :-1].transpose(1, 2).flatten(1, 2), frames_BCTHW[:, :, -1]


def negative_psnr(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Negative PSNR (B,) in dB and squared errors (B, H, W), both over pixels in 0..1.

    The frames (B, C, H, W) are in -1..1, so half of their difference counts.
    """
    error = (output.float() - target.float()) / 2
    maps_BHW = error.square().mean(dim=1)
    return 10 * maps_BHW.mean(dim=(1, 2)).clamp_min(_LEAST_MSE).log10(), maps_BHW
