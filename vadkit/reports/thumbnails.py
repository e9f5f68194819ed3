"""Small pictures of single frames, with the heat of their error map."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np

from vadkit.reports.annotate import blend_heat, heat_from_map
from vadkit.scoring.normal import NormalScores

WIDTH = 256
QUALITY = 80


def thumbnail(frame_rgb: np.ndarray, heat: np.ndarray | None = None) -> str:
    """A frame (H, W, 3) uint8 as a JPEG of at most 256 pixels in width, in a data URI.

    ``heat`` (h, w) 0..1 is laid over it.
    """
    height, width = frame_rgb.shape[:2]
    if width > WIDTH:
        size = (WIDTH, max(1, round(height * WIDTH / width)))
        frame_rgb = cv2.resize(frame_rgb, size, interpolation=cv2.INTER_AREA)
    picture = frame_rgb if heat is None else blend_heat(frame_rgb, heat)
    bgr = np.ascontiguousarray(picture[..., ::-1])
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def heats(maps: Sequence[np.ndarray], normal: NormalScores | None) -> list[np.ndarray]:
    """Error maps (h, w) as heat 0..1, all on one scale.

    The scale is that of normal training frames (``heat_from_map``); without that reference it
    runs from the median of these maps to the highest of their 99.5% quantiles.
    """
    drawn = [heat_from_map(one, normal) for one in maps]
    if all(heat is not None for heat in drawn):
        return [heat for heat in drawn if heat is not None]
    known = [one.astype(np.float32) for one in maps]
    low = float(np.nanmedian(np.stack([np.nanmedian(one) for one in known])))
    high = max(float(np.nanquantile(one, 0.995)) for one in known)
    spread = high - low if high > low else 1.0
    return [np.clip(np.nan_to_num((one - low) / spread), 0, 1) for one in known]
