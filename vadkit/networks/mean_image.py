"""The mean image of the training frames, so that a network need not learn it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vadkit.ranks import average

# The smallest variance of pixels in 0..1 or -1..1; below it, a scene does not change at all.
_LEAST_VARIANCE = 1e-8


class MeanImage(nn.Module):
    """Pixels minus the mean image of all training frames, divided by their standard deviation.

    Chong and Tay (ISNN 2017, section 3.1) normalise their input in this way, so a network for a
    fixed camera need not learn the background. ``shape`` is that of a network's input (B, ...)
    without the batch, with 1 for a dimension that shares one mean: (C, 1, H, W) for clips (B, C, T,
    H, W). The mean, and one standard deviation for all pixels, are computed over all batches that
    ``take_off`` gets in training mode, with equal weights; they are buffers.
    """

    image: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("image", torch.zeros(1, *shape))
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    def take_off(self, pixels: Tensor) -> Tensor:
        """Return normalised pixels (B, ...) in float32; in training mode, first add the batch."""
        pixels = pixels.float()
        if self.training:
            self._learn(pixels.detach())
        return (pixels - self.image) / self._deviation()

    def put_back(self, normalised: Tensor) -> Tensor:
        """Invert ``take_off`` for the output of a network."""
        return normalised * self._deviation() + self.image

    def _learn(self, pixels: Tensor) -> None:
        self.batches += 1
        share = 1 / self.batches
        each = self.image.numel() / pixels.numel()
        mean = average(pixels.sum_to_size(self.image.shape) * each)
        self.image += share * (mean - self.image)
        variance = average((pixels - self.image).square().mean())
        self.variance += share * (variance - self.variance)

    def _deviation(self) -> Tensor:
        return self.variance.clamp_min(_LEAST_VARIANCE).sqrt()
