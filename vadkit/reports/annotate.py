"""Draw the output of a detector: the frame, its heat map, and the score over time."""

from __future__ import annotations

import cv2
import numpy as np

from vadkit.reports.strip import draw_strip
from vadkit.scoring.normal import NormalScores

# Widths that look good in a README and on a screen; a video keeps its own width within them.
MIN_WIDTH, MAX_WIDTH = 480, 960
MAX_HEIGHT = 720

# Heat below the first value leaves the picture unchanged; above the second it is fully drawn.
HEAT_STARTS, HEAT_FULL = 0.1, 0.6
HEAT_OPACITY = 0.6
# The lightness of inferno increases evenly, so that more heat also looks like more to colour-blind
# people. Its dark third is left out, because it would look like shadow.
RAMP_STARTS = 0.38
# The share of a colour's brightness that follows the picture, so that the object under the heat
# stays visible.
TEXTURE = 0.75


def heat_from_map(score_map: np.ndarray, normal: NormalScores | None) -> np.ndarray | None:
    """Scale a score map (h, w) to heat 0..1, relative to maps of normal training frames.

    0 is the 99% quantile of normal values; 1 is four times as far above it as the 99.9% quantile.
    If each map were scaled by itself, normal frames would also have a hottest spot; if maps were
    scaled by the largest normal value, one bad training pixel would hide everything. With this
    scale, normal frames have almost no heat, and colours mean the same in every frame and video.
    Returns None if there is no normal reference for maps; NaN counts as normal.
    """
    if normal is None or not np.isfinite([normal.map_q99, normal.map_q999]).all():
        return None
    # Avoid a division by zero for a reference without spread (a noiseless camera).
    spread = max(normal.map_q999 - normal.map_q99, 1e-6 * abs(normal.map_q99), 1e-12)
    heat = (score_map.astype(np.float64) - normal.map_q99) / (4 * spread)
    return np.clip(np.nan_to_num(heat, nan=0.0), 0, 1).astype(np.float32)


def annotate(
    frame_rgb: np.ndarray,
    heat: np.ndarray | None,
    scores: np.ndarray,
    level: float | None,
    limits: tuple[float, float],
    fps: float,
    index: int,
    labels: np.ndarray | None = None,
    *,
    time: float | None = None,
    is_threshold: bool = False,
    raised_by: str | None = None,
) -> np.ndarray:
    """Draw one annotated frame: the picture with its heat, and recent scores below it.

    ``frame_rgb`` is (H, W, 3) uint8. ``heat`` is (h, w) 0..1 over the whole picture, see
    ``heat_from_map``. ``scores`` (N,) are the video's scores, NaN for none: either all of them
    (those after frame ``index`` are not shown), or the last ones up to frame ``index``. ``level``
    is the score that 99% of normal frames stay below, in the same unit, or the alarm threshold if
    ``is_threshold``. ``limits`` are the scores at the lower and upper edge of the curve. ``labels``
    (all frames,) bool marks the labelled anomalies. ``time`` is that of the frame in seconds, by
    default ``index / fps``. ``raised_by`` names the part of the method that
    has this score, if there are several.

    Returns (H', W', 3) uint8 with even H' and W', W' in 480..960; the size is the same for all
    frames of a video.
    """
    height, width = picture_size(*frame_rgb.shape[:2])
    shrink = width < frame_rgb.shape[1]
    picture = cv2.resize(
        frame_rgb, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    )
    if heat is not None:
        picture = blend_heat(picture, heat)
    seen = scores[: index + 1]
    clock = index / fps if time is None else time
    strip = draw_strip(
        width, seen, level, limits, fps, index, labels, is_threshold, raised_by, clock
    )
    return np.concatenate([picture, strip])


def picture_size(height: int, width: int) -> tuple[int, int]:
    """Return an even (height, width) of the drawn picture for a frame of this size.

    Small frames are enlarged by an integer factor and large ones are shrunk; the aspect ratio is
    kept.
    """
    if width < MIN_WIDTH:
        scale = float(-(-MIN_WIDTH // width))
        scale = scale if width * scale <= MAX_WIDTH else MIN_WIDTH / width
    else:
        scale = min(1.0, MAX_WIDTH / width, max(MAX_HEIGHT / height, MIN_WIDTH / width))
    return _even(height * scale), _even(width * scale)


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


def blend_heat(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Draw heat (h, w) over the picture (H, W, 3) where it is high enough."""
    height, width = picture.shape[:2]
    # Cubic, because linear interpolation would show the grid of a coarse map.
    heat = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    heat = np.clip(heat, 0, 1)
    rows = np.flatnonzero((heat > HEAT_STARTS).any(axis=1))
    if not rows.size:
        return picture
    # Heat usually covers a small part of the picture; only those rows are processed.
    part = slice(rows[0], rows[-1] + 1)
    drawn = picture.copy()
    drawn[part] = _coloured(picture[part], heat[part])
    return drawn


def _coloured(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    rise = np.clip((heat - HEAT_STARTS) / (HEAT_FULL - HEAT_STARTS), 0, 1)
    opacity = (HEAT_OPACITY * rise * rise * (3 - 2 * rise))[..., None]
    ramp = np.rint(255 * (RAMP_STARTS + (1 - RAMP_STARTS) * heat)).astype(np.uint8)
    colours = cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[..., ::-1]
    light = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] / np.float32(255)
    colours = colours * (1 - TEXTURE + TEXTURE * np.sqrt(light))
    blended: np.ndarray = np.rint(picture * (1 - opacity) + colours * opacity).astype(np.uint8)
    return blended
