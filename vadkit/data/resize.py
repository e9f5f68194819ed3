"""Frames to a clip's size and colour: the one place where pixels are resized."""

from __future__ import annotations

import cv2
import numpy as np


def to_size(frame: np.ndarray, size: tuple[int, int], channels: str) -> np.ndarray:
    """A frame (H, W, 3) uint8 RGB as ``size`` (height, width) with 3 channels, or 1 for ``gray``.

    Bilinear. Where a side shrinks to less than a half, more samples are taken in both directions
    (2, 4, ... times as many) and averaged, so that no pixel is passed over.
    """
    if channels == "gray":
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    samples = 1
    while frame.shape[0] > 2 * samples * size[0] or frame.shape[1] > 2 * samples * size[1]:
        samples *= 2
    # OpenCV's bilinear and its mean of 2x2 use vector instructions, its mean over other areas
    # does not: that took 2 to 4 times as long, and most of the time of building a frame store.
    frame = _resize(frame, size, samples, cv2.INTER_LINEAR)
    while samples > 1:
        samples //= 2
        frame = _resize(frame, size, samples, cv2.INTER_AREA)
    return frame[..., None] if frame.ndim == 2 else frame


def _resize(frame: np.ndarray, size: tuple[int, int], samples: int, method: int) -> np.ndarray:
    height, width = size[0] * samples, size[1] * samples
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=method))
