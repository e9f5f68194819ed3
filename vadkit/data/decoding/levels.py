"""Images of more than 8 bits, such as thermal ones, as bytes: the same scale for all images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vadkit.data.images import decode_pixels

Levels = tuple[float, float]
# This share of the pixels at both ends of an image, and at least so many, may be sensor faults.
_FAULTY, _FEW = 1e-4, 3


def read_image(
    path: Path, levels: Levels | None = None, found_deep: Callable[[], None] | None = None
) -> np.ndarray:
    """Return an image (H, W, 3) uint8 RGB; ``ValueError`` says why it cannot be read.

    ``levels`` are the values of images of more than 8 bits that become 0 and 255; without them,
    16-bit images keep the upper 8 bits, and ``found_deep`` is called.
    """
    import cv2

    pixels = decode_pixels(path)
    if pixels.dtype != np.uint8:
        if levels is None and found_deep is not None:
            found_deep()
        pixels = _as_bytes(pixels, levels, path.name)
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _as_bytes(pixels: np.ndarray, levels: Levels | None, name: str) -> np.ndarray:
    if levels is None:
        if pixels.dtype != np.uint16:
            raise ValueError(
                f"{name} has pixels of type {pixels.dtype}; state the values that are black and "
                "white as data.levels in the recipe"
            )
        return np.asarray(pixels >> 8, np.uint8)
    low, high = levels
    scaled = (pixels.astype(np.float32) - low) * (255 / (high - low))
    # NaN means that the sensor has no value.
    whole = np.rint(np.clip(np.nan_to_num(scaled, posinf=255.0), 0, 255))
    return np.asarray(whole, np.uint8)


def measure_images(paths: Sequence[Path]) -> Levels | None:
    """Return the lowest and highest value of images, without faulty pixels; None for 8 bits."""
    found: list[tuple[float, float]] = []
    for path in paths:
        pixels = decode_pixels(path)
        if pixels.dtype == np.uint8:
            continue
        values = pixels[np.isfinite(pixels)]
        if values.size:
            faulty = min(max(_FEW, round(_FAULTY * values.size)), (values.size - 1) // 2)
            ends = faulty, values.size - 1 - faulty
            values = np.partition(values, ends)
            found.append((float(values[ends[0]]), float(values[ends[1]])))
    if not found:
        return None
    lows, highs = zip(*found, strict=True)
    return min(lows), max(highs)
