"""Thumbnails of single frames and of their error maps."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np

WIDTH = 256
QUALITY = 80


def thumbnail(frame_rgb: np.ndarray) -> str:
    """Encode a frame (H, W, 3) uint8 as a JPEG data URI, at most 256 pixels wide."""
    size = thumbnail_size(frame_rgb)
    if size != frame_rgb.shape[1::-1]:
        frame_rgb = cv2.resize(frame_rgb, size, interpolation=cv2.INTER_AREA)
    return _jpeg(frame_rgb[..., ::-1])


def heat_thumbnail(heat: np.ndarray, frame_rgb: np.ndarray) -> str:
    """Draw heat (h, w) 0..1 with the inferno colour map, in the size of the frame's thumbnail.

    It is not drawn over the frame, because thin edges would not be visible at this size.
    """
    # Linear, because cubic interpolation would overshoot at the sharp edges of error maps.
    large = cv2.resize(heat, thumbnail_size(frame_rgb), interpolation=cv2.INTER_LINEAR)
    return _jpeg(cv2.applyColorMap(np.round(255 * large).astype(np.uint8), cv2.COLORMAP_INFERNO))


def thumbnail_size(frame_rgb: np.ndarray) -> tuple[int, int]:
    """Return (width, height) of the thumbnail of a frame (H, W, 3)."""
    height, width = frame_rgb.shape[:2]
    if width <= WIDTH:
        return width, height
    return WIDTH, max(1, round(height * WIDTH / width))


def heats(maps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return error maps (h, w) as heat (h, w) float32 0..1, all on one scale; NaN is 0.

    0 is the median of the maps' medians; 1 is the hottest spot (99.5% quantile) of a typical map.
    The scale of normal training frames, as in annotated videos, would show no heat for most
    mistakes, because a missed frame looks normal to the method.
    """
    if not maps:
        return []
    low = float(np.median([np.nanmedian(one) for one in maps]))
    high = float(np.median([np.nanquantile(one, 0.995) for one in maps]))
    spread = high - low if high > low else 1.0
    scaled = [(np.where(np.isfinite(one), one, low) - low) / spread for one in maps]
    return [np.clip(one, 0, 1).astype(np.float32) for one in scaled]


def _jpeg(bgr: np.ndarray) -> str:
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(bgr), quality)[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
