"""Convert frames to a clip's size and colour: the only place where pixels are resized."""

from __future__ import annotations

import cv2
import numpy as np


def to_size(frame: np.ndarray, size: tuple[int, int], channels: str) -> np.ndarray:
    """Resize a frame (H, W, 3) uint8 RGB to ``size`` (height, width), 1 channel for ``gray``.

    Bilinear. If a side shrinks to less than half, 2, 4, ... times as many samples are taken in both
    directions and averaged, so that every pixel counts.
    """
    if channels == "gray":
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    samples = 1
    while frame.shape[0] > 2 * samples * size[0] or frame.shape[1] > 2 * samples * size[1]:
        samples *= 2
    # OpenCV's bilinear resize and its 2x2 mean use vector instructions; its mean over other areas
    # does not. That took 2 to 4 times as long, which was most of the time of building a frame
    # store.
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
