"""The mean image of the training frames, which a network then need not learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Of the variance of pixels in 0..1 or -1..1: below it a scene does not change at all.
_LEAST_VARIANCE = 1e-8


class MeanImage(nn.Module):
    """Pixels less the mean image of all training frames, in units of their deviation from it.

    Chong and Tay (ISNN 2017, section 3.1) normalise their input so: a network that sees a fixed
    camera spends nothing on the background. ``shape`` is that of a network's input (B, ...)
    without its batch, with 1 where one mean serves a whole dimension: (C, 1, H, W) for clips
    (B, C, T, H, W). The mean and the deviation, one number for all pixels, are those of all batches
    that went through ``take_off`` in training mode, where each counts alike; they are buffers.
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
        """Normalised pixels (B, ...) in float32; in training mode the batch is learned first."""
        pixels = pixels.float()
        if self.training:
            self._learn(pixels.detach())
        return (pixels - self.image) / self._deviation()

    def put_back(self, normalised: Tensor) -> Tensor:
        """The inverse of ``take_off``, for what a network made of its result."""
        return normalised * self._deviation() + self.image

    def _learn(self, pixels: Tensor) -> None:
        self.batches += 1
        share = 1 / self.batches
        each = self.image.numel() / pixels.numel()
        self.image += share * (pixels.sum_to_size(self.image.shape) * each - self.image)
        self.variance += share * ((pixels - self.image).square().mean() - self.variance)

    def _deviation(self) -> Tensor:
        return self.variance.clamp_min(_LEAST_VARIANCE).sqrt()
