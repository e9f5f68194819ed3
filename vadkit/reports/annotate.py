"""Draw the output of a detector: the frame, its heat map, and the score over time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vadkit.reports.marks import Polygon, ShareBox, draw_boxes, draw_places
from vadkit.reports.strip import draw_strip, strip_height

if TYPE_CHECKING:
    from vadkit.scoring.normal import NormalScores

# Widths that look good in a README and on a screen; a video keeps its own width within them.
MIN_WIDTH, MAX_WIDTH = 480, 960
# Smaller frames are enlarged less: drawing and encoding would take longer than scoring.
SMALL, SMALL_WIDTH = 240, 320
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
    """Scale a score map (h, w) to heat 0..1 float32, relative to maps of normal training frames.

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
    heat = (score_map.astype(np.float32) - np.float32(normal.map_q99)) / np.float32(4 * spread)
    # NaN becomes 0.
    return np.asarray(np.fmin(np.fmax(heat, 0), 1))


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
    times: np.ndarray | None = None,
    is_threshold: bool = False,
    raised_by: str | None = None,
    boxes: Sequence[ShareBox] = (),
    places: Sequence[Polygon] = (),
) -> np.ndarray:
    """Draw one annotated frame: the picture with its heat, and recent scores below it.

    ``frame_rgb`` is (H, W, 3) uint8. ``heat`` is (h, w) over the whole picture, float of 0..1 (see
    ``heat_from_map``) or uint8 of 0..255. ``scores`` (N,) are the video's scores, NaN for none:
    either all of them (those after frame ``index`` are not shown), or the last ones up to frame
    ``index``. ``level`` is the score that 99% of normal frames stay below, in the same unit, or the
    alarm threshold if ``is_threshold``. ``limits`` are the scores at the lower and upper edge of
    the curve. ``labels`` (all frames,) bool marks the labelled anomalies. ``times`` are those of
    the frames of ``scores``, in seconds; by default frame n is at ``n / fps``. ``raised_by`` names
    the part of the method that has this score, if there are several. ``boxes`` are drawn around
    things, and ``places`` are those that are ignored, both as shares of width and height.

    Returns (H', W', 3) uint8 with even H' and W', W' in 320..960; the size is the same for all
    frames of a video.
    """
    size = picture_size(*frame_rgb.shape[:2])
    # If a frame is enlarged a lot, heat is drawn before, in a fraction of the time.
    picture = frame_rgb if size[1] > 2 * frame_rgb.shape[1] else fit(frame_rgb, size)
    if heat is not None:
        picture = blend_heat(picture, heat)
    picture = draw_boxes(draw_places(fit(picture, size), places), boxes)
    seen = scores[: index + 1]
    first = index + 1 - len(seen)
    known = np.arange(first, index + 1) / fps if times is None else times[: len(seen)]
    part = None if labels is None else labels[first : index + 1]
    below = strip_height(size[0]), size[1]
    strip = draw_strip(below, known, seen, level, limits, fps, part, is_threshold, raised_by)
    return np.concatenate([picture, strip])


def fit(frame_rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a frame (H, W, 3) to (height, width)."""
    height, width = size
    if frame_rgb.shape[:2] == size:
        return frame_rgb
    shrink = width < frame_rgb.shape[1]
    how = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    return cv2.resize(frame_rgb, (width, height), interpolation=how)


def picture_size(height: int, width: int) -> tuple[int, int]:
    """Return an even (height, width) of the drawn picture for a frame of this size.

    Small frames are enlarged by an integer factor and large ones are shrunk; the aspect ratio is
    kept.
    """
    least = SMALL_WIDTH if width < SMALL else MIN_WIDTH
    if width < least:
        scale = float(-(-least // width))
        scale = scale if width * scale <= MAX_WIDTH else least / width
    else:
        scale = min(1.0, MAX_WIDTH / width, max(MAX_HEIGHT / height, MIN_WIDTH / width))
    return _even(height * scale), _even(width * scale)


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


def blend_heat(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Draw heat (h, w) over the picture (H, W, 3) where it is high enough."""
    if heat.dtype != np.uint8:
        heat = quantised(heat)
    starts = int(HEAT_STARTS * 255)
    if int(heat.max(initial=0)) <= starts:
        return picture
    height, width = picture.shape[:2]
    # Cubic, because linear interpolation would show the grid of a coarse map.
    heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC)
    # Heat usually covers a small part of the picture; only its box is processed.
    left, top, wide, high = cv2.boundingRect((heat > starts).view(np.uint8))
    if not wide:
        return picture
    part = (slice(top, top + high), slice(left, left + wide))
    drawn = picture.copy()
    drawn[part] = _coloured(picture[part], heat[part])
    return drawn


def quantised(heat: np.ndarray) -> np.ndarray:
    """Return heat of 0..1 as uint8 of 0..255."""
    return np.rint(heat * np.float32(255)).astype(np.uint8)


def _coloured(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    rest, colours, shade = _tables()
    of_heat = cv2.merge([heat, heat, heat])
    grey = cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), shade)
    # Products have 16 bits, so that the sum is rounded only once.
    kept = cv2.multiply(picture, cv2.LUT(of_heat, rest), scale=1 / 16, dtype=cv2.CV_16U)
    light = cv2.merge([grey, grey, grey])
    drawn = cv2.multiply(
        cv2.LUT(of_heat, colours), light, scale=HEAT_OPACITY / 16, dtype=cv2.CV_16U
    )
    return cv2.convertScaleAbs(cv2.add(kept, drawn), alpha=16 / 255)


@lru_cache(maxsize=1)
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tables of 256 entries.

    For heat: the share of the picture, and the colour times its opacity, relative to the highest
    opacity. For the brightness of the picture: the brightness of a colour over it. All are 0..255.
    """
    levels = np.arange(256, dtype=np.float32) / 255
    rise = np.clip((levels - HEAT_STARTS) / (HEAT_FULL - HEAT_STARTS), 0, 1)
    opacity = rise * rise * (3 - 2 * rise)
    ramp = np.rint(255 * (RAMP_STARTS + (1 - RAMP_STARTS) * levels)).astype(np.uint8)
    colours = cv2.applyColorMap(ramp[None], cv2.COLORMAP_INFERNO)[0, :, ::-1] * opacity[:, None]
    light = 1 - TEXTURE + TEXTURE * np.sqrt(levels)
    return (
        np.rint(255 * (1 - HEAT_OPACITY * opacity)).astype(np.uint8),
        np.rint(colours).astype(np.uint8).reshape(256, 1, 3),
        np.rint(255 * light).astype(np.uint8),
    )
