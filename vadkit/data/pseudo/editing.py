"""Cut figures out of frames, and blend them in at other places without a seam."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from vadkit.data.pseudo.scene import Scene
from vadkit.data.pseudo.tracks import FigureTrack, boxes_of

# The width of the soft edge around a figure, in pixels.
_RIM = 3
# At this difference from the background, in grey levels, a pixel shows only the figure.
_CERTAIN = 30.0


class Cutout(NamedTuple):
    """A figure: ``pixels`` (h, w, C) float32, and the background ``behind`` it, of the same size.

    ``alpha`` (h, w) is the outline, 0..1 with a soft edge; ``own`` (h, w) 0..1 is how much of a
    pixel belongs to the figure. ``corner`` is where it was cut out, (x, y).
    """

    pixels: np.ndarray
    behind: np.ndarray
    alpha: np.ndarray
    own: np.ndarray
    corner: tuple[int, int]


def cut_out(scene: Scene, track: FigureTrack, time: int) -> Cutout:
    """Cut out the figure of a track in one of its frames, with a soft edge."""
    place = time - track.first
    height, width = scene.frames.shape[1:3]
    left, top = np.maximum(track.boxes[place, :2] - _RIM, 0).tolist()
    right, bottom = np.minimum(track.boxes[place, 2:] + _RIM, (width, height)).tolist()
    inside = np.s_[top:bottom, left:right]
    outline = (scene.figures[time][inside] == track.numbers[place]).astype(np.float32)
    # Dilated before it is softened, because the outermost pixels of a figure are half background.
    alpha = cv2.GaussianBlur(cv2.dilate(outline, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
    pixels = scene.frames[time][inside].astype(np.float32)
    behind = _as_light(scene, time)[inside]
    differs = np.abs(pixels - behind).max(axis=2)
    own = cv2.GaussianBlur(np.minimum(differs / _CERTAIN, 1), (0, 0), 0.7)
    return Cutout(pixels, behind, np.asarray(alpha), np.asarray(own), (left, top))


def _as_light(scene: Scene, time: int) -> np.ndarray:
    """Return the background (H, W, C) float32 with the brightness of a frame, without figures."""
    behind = scene.background.astype(np.float32)
    # A ninth of the pixels is enough.
    some = np.s_[::3, ::3]
    still = scene.figures[time][some] == 0
    if not still.any():
        return behind
    lighter = scene.frames[time][some][still].astype(np.float32) - behind[some][still]
    return np.asarray(behind + np.median(lighter, axis=0))


def without(scene: Scene, track: FigureTrack, time: int) -> np.ndarray:
    """Return the frame (H, W, C) uint8 with the background in place of a track's figure."""
    figure = cut_out(scene, track, time)
    # Including the whole edge, because the rest of an edge would reveal the editing.
    wide = np.asarray(cv2.dilate(figure.alpha, np.ones((3, 3), np.uint8)))
    frame, _ = _blend(scene.frames[time].copy(), figure.behind, wide, figure.corner)
    return frame


def paste(
    frame_HWC: np.ndarray,
    figure: Cutout,
    shift: np.ndarray,
    in_front: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Paste a figure ``shift`` (x, y) pixels from its origin; return the frame and its mask (H, W).

    Fractions of a pixel are interpolated. ``in_front`` (H, W) bool are pixels of nearer figures,
    which cover it. Parts outside the frame are lost.
    """
    whole = np.floor(shift).astype(int)
    pixels, behind, alpha, own, corner = figure
    if np.any(shift != whole):
        part = shift - whole
        pixels, behind, alpha, own = (_moved(each, part) for each in (pixels, behind, alpha, own))
        whole = whole - 1
    corner = (corner[0] + int(whole[0]), corner[1] + int(whole[1]))
    # Where the figure is transparent, as at its edges, the background is now another one.
    carried = behind, 1 - own
    return _blend(frame_HWC.copy(), pixels, alpha, corner, in_front, carried)


def _moved(picture: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Shift an image (h, w, ...) by part of a pixel (x, y), adding one pixel on every side."""
    edge = {"mode": "edge"} if picture.ndim == 3 else {}
    wide = np.pad(picture, ((1, 1), (1, 1), (0, 0))[: picture.ndim], **edge)  # type: ignore[call-overload]
    by = np.array([[1, 0, part[0]], [0, 1, part[1]]], np.float64)
    moved = cv2.warpAffine(wide, by, wide.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved).reshape(wide.shape)


def _blend(
    frame_HWC: np.ndarray,
    pixels: np.ndarray,
    alpha: np.ndarray,
    corner: tuple[int, int],
    in_front: np.ndarray | None = None,
    seen_through: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Blend the figure into the frame; also return where it is at least half visible.

    ``seen_through`` is the old background, and how much of it the pixels show.
    """
    height, width = frame_HWC.shape[:2]
    mask = np.zeros((height, width), bool)
    left, top = max(corner[0], 0), max(corner[1], 0)
    right = min(corner[0] + alpha.shape[1], width)
    bottom = min(corner[1] + alpha.shape[0], height)
    if left >= right or top >= bottom:
        return frame_HWC, mask
    inside = np.s_[top:bottom, left:right]
    own = np.s_[top - corner[1] : bottom - corner[1], left - corner[0] : right - corner[0]]
    share, below = alpha[own], frame_HWC[inside].astype(np.float32)
    if in_front is not None:
        covered = cv2.GaussianBlur(in_front[inside].astype(np.float32), (0, 0), 0.7)
        share = share * (1 - np.asarray(covered))
    shown = pixels[own]
    if seen_through is not None:
        behind, through = (each[own] for each in seen_through)
        shown = shown + through[..., None] * (below - behind)
    mixed = below + share[..., None] * (shown - below)
    frame_HWC[inside] = np.rint(mixed).clip(0, 255).astype(np.uint8)
    mask[inside] = share > 0.5
    return frame_HWC, mask


def nearer(scene: Scene, time: int, feet: float, but: int = 0) -> np.ndarray:
    """Return pixels (H, W) of figures whose feet are lower in the frame, except one number."""
    numbers = scene.figures[time]
    front = np.zeros(256, bool)
    for number, box in boxes_of(numbers).items():
        front[number] = box[3] > feet and number != but
    return np.asarray(front[numbers])


def between(frames_NHWC: np.ndarray, time: float) -> np.ndarray:
    """Return the frame (H, W, C) uint8 at a time between frames, warped with the flow of both."""
    first = int(np.floor(time))
    part = time - first
    if part < 1e-6:
        first_frame: np.ndarray = frames_NHWC[first].copy()
        return first_frame
    one, two = frames_NHWC[first], frames_NHWC[first + 1]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [np.rint(frame.mean(axis=2)).astype(np.uint8) for frame in (one, two)]
    forth = np.asarray(search.calc(grey[0], grey[1], None))  # type: ignore[call-overload]
    back = np.asarray(search.calc(grey[1], grey[0], None))  # type: ignore[call-overload]
    from_one = _fetched(one, -part * forth)
    from_two = _fetched(two, -(1 - part) * back)
    mixed = (1 - part) * from_one + part * from_two
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def _fetched(frame_HWC: np.ndarray, offsets_HW2: np.ndarray) -> np.ndarray:
    """Sample each pixel at its ``offsets`` (x, y)."""
    height, width = frame_HWC.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    map_x = (x + offsets_HW2[..., 0]).astype(np.float32)
    map_y = (y + offsets_HW2[..., 1]).astype(np.float32)
    fetched = cv2.remap(frame_HWC, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fetched, np.float32).reshape(frame_HWC.shape)
