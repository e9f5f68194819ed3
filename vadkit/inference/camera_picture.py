"""How a picture of a camera differs from its usual picture: moved, covered or in another light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

ChangeKind = Literal["camera-moved", "camera-covered", "lighting"]
# Pictures are compared at this width and height, in tiles of this size.
WIDTH, HEIGHT, _TILE = 160, 96, 16
# A tile has texture if its standard deviation is this many grey levels; this share must have some.
_TEXTURE, _TEXTURED = 4.0, 0.1
# The view is kept if this share of tiles has at least this correlation with the usual ones, and
# lost if no more than that share has. Of a view behind a bus, the rest is still the same.
_KEPT, _LOST = (0.5, 0.5), (0.25, 0.8)
# What is left of the contrast of a covered picture, relative to its brightness, if the view is lost
# or in any case, and of the steepest edges of a blurred picture, relative to its contrast.
_COVERED, _FLAT, _BLURRED = 0.35, 0.12, 0.55
# Brightness of a tile in another light, as a factor, and the share of tiles.
_GAIN, _TILES_IN_LIGHT = 1.4, 0.5
# Colourfulness of a picture in colour, and of one that has none (infrared), in grey levels.
_COLOUR, _GREY = 6.0, 1.5
# A shift is at least this many pixels and at most this margin. It is looked for below the first
# median correlation, and undoing it must lead to the second one and add at least the third.
_SHIFT, _MARGIN = 2.0, (16, 32)
_MOVED, _UNDONE, _ADDED = 0.8, 0.75, 0.1


@dataclass(frozen=True, eq=False)
class Picture:
    """A small picture: grey levels (96, 160) float32, and the mean colourfulness."""

    grey: np.ndarray
    colour: float

    @property
    def brightness(self) -> np.ndarray:
        """The mean grey level of every tile, (6, 10)."""
        return np.asarray(_tiles(self.grey).mean(axis=-1))


@dataclass(frozen=True)
class Change:
    """What differs from the usual picture, in words after the name of the kind."""

    kind: ChangeKind
    words: str


def small_picture(frame: np.ndarray) -> Picture:
    """Return the small picture of a frame (H, W, 1 or 3) uint8, RGB or grey."""
    small = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    if small.ndim == 2 or small.shape[2] == 1:
        return Picture(small.reshape(HEIGHT, WIDTH).astype(np.float32), 0.0)
    colour = float((small.max(axis=2).astype(np.int16) - small.min(axis=2)).mean())
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return Picture(grey.astype(np.float32), colour)


def compare(now: Picture, usual: Picture) -> Change | None:
    """Return what has changed from the usual picture; None if it is the same view and light.

    A view without texture can only change its light.
    """
    light = _light(now, usual)
    ours, theirs = _tiles(_smooth(now.grey)), _tiles(_smooth(usual.grey))
    spread, usual_spread = ours.std(axis=-1), theirs.std(axis=-1)
    textured = usual_spread > _TEXTURE
    if textured.mean() < _TEXTURED:
        return light
    alike = _correlation(ours, theirs)[textured]
    kept = float((alike > _KEPT[1]).mean()) >= _KEPT[0]
    gain = float(np.median(now.brightness)) / max(float(np.median(usual.brightness)), 1.0)
    contrast = float(np.median(spread[textured] / usual_spread[textured])) / max(gain, 1.0)
    if contrast < (_FLAT if kept else _COVERED):
        dark = float(now.grey.mean()) < 16
        return Change("camera-covered", "the picture is dark" if dark else "the view is covered")
    steep = _steepest(now.grey)[textured] / np.maximum(_steepest(usual.grey)[textured], 1e-3)
    if float(np.median(steep * usual_spread[textured] / spread[textured])) < _BLURRED:
        return Change("camera-covered", "the picture is blurred")
    if light is not None and (kept or _changed_colour(now, usual)):
        return light
    middle = float(np.median(alike))
    shift = _shift(now.grey, usual.grey, middle) if middle < _MOVED else None
    if shift is not None:
        return Change("camera-moved", f"the view is shifted by about {shift:.0%} of its width")
    lost = float((alike > _LOST[1]).mean()) <= _LOST[0]
    return Change("camera-moved", "the usual view is gone") if lost else None


def shows_other_view(now: Picture, usual: Picture) -> bool:
    """Whether a picture shows another view than the usual one, in any light.

    Not if it is too dark, or if the usual view has too little texture to know it again.
    """
    ours, theirs = _tiles(_smooth(now.grey)), _tiles(_smooth(usual.grey))
    textured = theirs.std(axis=-1) > _TEXTURE
    if float(now.grey.mean()) < 16 or textured.mean() < _TEXTURED:
        return False
    alike = _correlation(ours, theirs)[textured]
    if float((alike > _KEPT[1]).mean()) >= _KEPT[0]:
        return False
    lost = float((alike > _LOST[1]).mean()) <= _LOST[0]
    return lost or _shift(now.grey, usual.grey, float(np.median(alike))) is not None


def _light(now: Picture, usual: Picture) -> Change | None:
    """Return the change of the light; None if there is none."""
    if _changed_colour(now, usual):
        night = now.colour < usual.colour
        return Change("lighting", "no colours, as at night" if night else "colours are back")
    factor = (now.brightness + 4) / (usual.brightness + 4)
    for share, words in (
        ((factor > _GAIN).mean(), "brighter than usual"),
        ((factor < 1 / _GAIN).mean(), "darker than usual"),
    ):
        if share >= _TILES_IN_LIGHT:
            return Change("lighting", words)
    return None


def _changed_colour(now: Picture, usual: Picture) -> bool:
    low, high = sorted((now.colour, usual.colour))
    return low < _GREY and high > _COLOUR


def brightness_jump(now: np.ndarray, before: np.ndarray) -> float:
    """Return the median factor between the brightness of tiles, as a logarithm, 0 or more."""
    return float(np.abs(np.log(np.median((now + 4) / (before + 4)))))


def _tiles(picture: np.ndarray) -> np.ndarray:
    """Return the pixels of every tile, (6, 10, 256)."""
    rows, columns = HEIGHT // _TILE, WIDTH // _TILE
    cut = picture.reshape(rows, _TILE, columns, _TILE).swapaxes(1, 2)
    return cut.reshape(rows, columns, _TILE * _TILE)


def _smooth(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlation of every tile, (6, 10); 0 for a tile of one grey level."""
    one = one - one.mean(axis=-1, keepdims=True)
    other = other - other.mean(axis=-1, keepdims=True)
    norm = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return np.asarray((one * other).sum(axis=-1) / np.maximum(norm, 1e-6))


def _steepest(picture: np.ndarray) -> np.ndarray:
    """Return the step between neighbouring pixels that 5% of each tile exceed, (6, 10)."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.7)
    right = np.diff(smooth, axis=1, append=smooth[:, -1:])
    down = np.diff(smooth, axis=0, append=smooth[-1:])
    return np.asarray(np.quantile(_tiles(np.hypot(right, down)), 0.95, axis=-1))


def _shift(now: np.ndarray, usual: np.ndarray, alike: float) -> float | None:
    """Return by how much of its width the view is shifted; None if a shift does not explain it.

    ``alike`` is the median correlation of tiles without a shift.
    """
    before, after = _edges(usual), _edges(now)
    # People and cars have strong edges, which must not decide.
    most = float(np.quantile(before, 0.9))
    high, wide = _MARGIN
    middle = np.minimum(after, most)[high:-high, wide:-wide]
    found = cv2.matchTemplate(np.minimum(before, most), middle, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    right, down = wide - int(column), high - int(row)
    length = math.hypot(right, down)
    if length < _SHIFT:
        return None
    back = np.array([[1, 0, -right], [0, 1, -down]], np.float32)
    moved = cv2.warpAffine(now, back, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    ours, theirs = _tiles(_smooth(moved)), _tiles(_smooth(usual))
    textured = theirs.std(axis=-1) > _TEXTURE
    undone = float(np.median(_correlation(ours, theirs)[textured]))
    return length / WIDTH if undone >= max(_UNDONE, alike + _ADDED) else None


def _edges(picture: np.ndarray) -> np.ndarray:
    smooth = _smooth(picture)
    return cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
