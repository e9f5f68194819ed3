"""Frames to a clip's size and colour; one function, so that training and live use agree."""

from __future__ import annotations

import cv2
import numpy as np


def to_size(frame: np.ndarray, size: tuple[int, int], channels: str) -> np.ndarray:
    """A frame (H, W, 3) uint8 RGB as ``size`` (height, width) with 3 channels, or 1 for ``gray``.

    Shrinking averages over areas, which does not alias; enlarging interpolates.
    """
    if channels == "gray":
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if frame.shape[:2] != tuple(size):
        shrinks = size[0] <= frame.shape[0] and size[1] <= frame.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        frame = cv2.resize(frame, (size[1], size[0]), interpolation=method)
    return frame[..., None] if frame.ndim == 2 else frame
