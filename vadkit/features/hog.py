"""Appearance, described by the directions of edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.features.feature import Feature, last_frames

Side = Annotated[int, Field(ge=16, multiple_of=8)]


class Hog(Feature):
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005), computed by OpenCV.

    Each region is resized to ``size`` (height, width), in gray. Cells have 8x8 pixels, blocks have
    2x2 cells with a stride of one cell, and there are ``bins`` unsigned directions. A size of
    64x32, half the paper's window for pedestrians, gives 21 blocks of 36 values.
    """

    def __init__(
        self, *, size: tuple[Side, Side] = (64, 32), bins: Annotated[int, Field(ge=2)] = 9
    ) -> None:
        super().__init__()
        self.size, self.bins = tuple(size), bins

    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Return rows (N, (height / 8 - 1) * (width / 8 - 1) * 4 * bins)."""
        from torchvision.ops import roi_align

        gray = last_frames(clips).mean(dim=1, keepdim=True)
        crops = roi_align(gray, list(regions), self.size, aligned=True)[:, 0]
        pictures = (crops.clamp(0, 1) * 255).round().byte().cpu().numpy()
        height, width = self.size
        find = cv2.HOGDescriptor((width, height), (16, 16), (8, 8), (8, 8), self.bins)
        rows = [np.asarray(find.compute(picture)).ravel() for picture in pictures]
        found = np.stack(rows) if rows else np.zeros((0, find.getDescriptorSize()), np.float32)
        return torch.from_numpy(found).to(gray.device)
