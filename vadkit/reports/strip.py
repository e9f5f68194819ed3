"""The strip under an annotated frame: a caption and the curve of recent scores."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vadkit.arrays import runs

# The strip is a fifth of the whole if the picture is high enough for readable text.
LOWEST, HIGHEST = 60, 96
SECONDS = 10.0  # of video in the curve

# The curve's box inside the strip, and the caption's line above it.
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 32, 10
CAPTION_Y = 15
# The text for scores above the level, and the name of the level: for normal frames and for alarms.
NORMAL = "above normal", ("99% of normal frames are below", "99% of normal")
ALARM = "alarm", ("alarm threshold", "threshold")
SWATCH = 28  # width of a legend's sample, with the gap to its text

BACKGROUND = (17, 20, 26)
LABELLED = (70, 36, 46)
LINE = (98, 190, 226)
WARM = (255, 145, 66)
GRID = (128, 134, 146)
TEXT = (226, 230, 236)

# OpenCV's coordinates are in units of 1/16 pixel.
_SHIFT = 4
_LINE_WIDTH = 2

Colour = tuple[int, int, int]


def strip_height(picture_height: int) -> int:
    """Return the even height of the strip under a picture."""
    return min(max(picture_height // 4 // 2 * 2, LOWEST), HIGHEST)


def draw_strip(
    size: tuple[int, int],
    times: np.ndarray,
    scores: np.ndarray,
    level: float | None,
    limits: tuple[float, float],
    fps: float,
    labels: np.ndarray | None,
    is_threshold: bool = False,
    raised_by: str | None = None,
) -> np.ndarray:
    """Draw the strip (*size, 3) uint8 RGB at the last of ``times`` (N,), in seconds.

    ``scores`` and ``labels`` (N,) are those of the same frames. In the first seconds, the curve
    grows from the left; then it scrolls with the newest frame at the right edge. See ``annotate``
    for the other arguments.
    """
    span = window_seconds(fps)
    now = float(times[-1])
    # A time that was rounded must not drop the oldest frame.
    first = int(np.searchsorted(times, now - span - 1e-6))
    shown = scores[first:]
    box = _Box(size, limits, max(0.0, now - span), span)
    strip = _background(size).copy()
    x = box.x(times[first:])
    if labels is not None:
        _shade_labelled(strip, box, x, labels[first:], box.step / fps)
    _draw_curve(strip, box, x, shown, level)
    if level is not None:
        strip[round(box.y(level)), _dashes(box.left, box.right)] = GRID
    decimals = _decimals(limits)
    _scale(strip, box, limits, decimals)
    score = f"score {shown[-1]:.{decimals}f}"
    if math.isnan(shown[-1]):
        score = "no score"
    above = level is not None and bool(shown[-1] > level)
    above_words, legend = ALARM if is_threshold else NORMAL
    if level is not None:
        legend = f"{legend[0]} {level:.{decimals}f}", f"{legend[1]} {level:.{decimals}f}"
    words = (f"{above_words}: {raised_by}" if raised_by else above_words), legend
    _caption(strip, _clock(now), score, above, words, level is not None, labels is not None)
    return strip


def window_seconds(fps: float) -> float:
    """Return the width of the curve in seconds: at least two frames."""
    return max(SECONDS, 2 / fps)


class _Box:
    """The curve's box on the strip; converts times and scores to its pixels."""

    def __init__(
        self, size: tuple[int, int], limits: tuple[float, float], start: float, span: float
    ) -> None:
        self.left, self.right = LEFT, size[1] - RIGHT
        self.top, self.bottom = TOP, size[0] - BOTTOM
        self.low, high = limits
        self.range = high - self.low if high > self.low else 1.0
        self.start = start
        self.step = (self.right - self.left) / span

    def x(self, times: np.ndarray) -> np.ndarray:
        return np.asarray(self.left + (times - self.start) * self.step)

    def y(self, score: float) -> float:
        return float(self.all_y(np.array([score]))[0])

    def all_y(self, scores: np.ndarray) -> np.ndarray:
        share = np.clip((scores - self.low) / self.range, 0.0, 1.0)
        return np.asarray(self.bottom - share * (self.bottom - self.top))


def _shade_labelled(
    strip: np.ndarray, box: _Box, x: np.ndarray, labels: np.ndarray, width: float
) -> None:
    for place in x[np.asarray(labels, dtype=bool)].tolist():
        x0, x1 = round(place - width / 2), round(place + width / 2)
        strip[box.top : box.bottom, max(x0, box.left) : min(x1, box.right)] = LABELLED


def _draw_curve(
    strip: np.ndarray, box: _Box, x: np.ndarray, scores: np.ndarray, level: float | None
) -> None:
    """Draw area and line in one colour up to the level and another above it; NaN is a gap."""
    lines = _lines(x, box.all_y(scores))
    split = 0 if level is None else round(box.y(level))
    if level is not None and bool((scores > level).any()):
        warm = strip.copy()
        _draw_lines(warm, lines, split, WARM, 0.42)
        _draw_lines(strip, lines, box.bottom, LINE, 0.16)
        strip[:split] = warm[:split]
    else:
        _draw_lines(strip, lines, box.bottom, LINE, 0.16)
    if not math.isnan(scores[-1]):
        above = level is not None and scores[-1] > level
        dot = round(x[-1] * (1 << _SHIFT)), round(box.y(float(scores[-1])) * (1 << _SHIFT))
        for radius, colour in ((5.5, BACKGROUND), (3.5, WARM if above else LINE)):
            size = round(radius * (1 << _SHIFT))
            cv2.circle(strip, dot, size, colour, -1, cv2.LINE_AA, _SHIFT)


def _draw_lines(
    strip: np.ndarray, lines: list[np.ndarray], floor: int, colour: Colour, opacity: float
) -> None:
    layer = strip.copy()
    for line in lines:
        ends = np.array([[line[-1, 0], floor << _SHIFT], [line[0, 0], floor << _SHIFT]], np.int32)
        cv2.fillPoly(layer, [np.concatenate([line, ends])], colour, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(layer, opacity, strip, 1 - opacity, 0, dst=strip)
    cv2.polylines(strip, lines, False, colour, _LINE_WIDTH, cv2.LINE_AA, _SHIFT)


def _lines(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Return the points (n, 2) int32 of each run of scored frames, in units of OpenCV."""
    points = np.stack([x, y], axis=1) * (1 << _SHIFT)
    return [np.rint(points[start:end]).astype(np.int32) for start, end in runs(~np.isnan(y))]


@lru_cache(maxsize=4)
def _background(size: tuple[int, int]) -> np.ndarray:
    return np.full((*size, 3), BACKGROUND, np.uint8)


def _scale(strip: np.ndarray, box: _Box, limits: tuple[float, float], decimals: int) -> None:
    """Write the scores at the upper and the lower edge of the curve's box, if both fit."""
    if box.bottom - box.top < 2 * CAPTION_Y:
        return
    for score, y in zip(limits[::-1], (box.top + 5, box.bottom - 6), strict=True):
        _write(strip, LEFT, f"{score:.{max(decimals - 1, 0)}f}", GRID, y)


@lru_cache(maxsize=4)
def _dashes(left: int, right: int) -> np.ndarray:
    """Return the columns of a dashed line."""
    columns = np.arange(left, right)
    return columns[(columns - left) % 10 < 5]


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _decimals(limits: tuple[float, float]) -> int:
    """Return the decimals for three digits at the top of the scale, the same for all frames."""
    largest = max(abs(limits[0]), abs(limits[1]))
    if not (math.isfinite(largest) and largest > 0):
        return 3
    return min(max(2 - math.floor(math.log10(largest)), 0), 9)


def _caption(
    strip: np.ndarray,
    clock: str,
    score: str,
    above: bool,
    words: tuple[str, tuple[str, str]],
    has_level: bool,
    has_labels: bool,
) -> None:
    """Draw the line of text: time and score on the left, the legend on the right."""
    x = _write(strip, LEFT, clock, GRID) + 14
    x = _write(strip, x, score, WARM if above else TEXT) + 14
    if above:
        _write(strip, x, words[0], WARM)
    # This space is always reserved, so that the legend does not move between frames.
    x += _length(words[0]) + 20
    end = float(strip.shape[1] - RIGHT)
    for wanted, texts, swatch in (
        (has_level, words[1], _dash_swatch),
        (has_labels, ("labelled abnormal", "labelled"), _label_swatch),
    ):
        starts = [(end - _length(text), text) for text in texts]
        fitting = [(start, text) for start, text in starts if start - SWATCH > x]
        if wanted and fitting:
            start, text = fitting[0]
            _write(strip, start, text, GRID)
            swatch(strip, round(start - SWATCH))
            end = start - SWATCH - 18


def _dash_swatch(strip: np.ndarray, x: int) -> None:
    for dash in (x, x + 8, x + 16):
        strip[CAPTION_Y, dash : dash + 5] = GRID


def _label_swatch(strip: np.ndarray, x: int) -> None:
    strip[CAPTION_Y - 6 : CAPTION_Y + 7, x + 8 : x + 21] = LABELLED


def _write(strip: np.ndarray, x: float, text: str, colour: Colour, y: int = CAPTION_Y) -> float:
    """Write at x, on the caption's line or around row y; return the x where the text ends."""
    for letter in text:
        picture, rise = _letter(letter, colour)
        left, top = round(x), y - CAPTION_Y
        place = strip[top : top + len(picture), left : left + picture.shape[1]]
        # Letters overlap a little.
        np.maximum(place, picture[: len(place), : place.shape[1]], out=place)
        x += rise
    return x


@lru_cache(maxsize=512)
def _letter(letter: str, colour: Colour) -> tuple[np.ndarray, float]:
    """Return a picture (TOP - 2, width, 3) of a letter in its line, and its advance."""
    advance = _length(letter)
    image = Image.new("RGB", (math.ceil(advance) + 2, TOP - 2), BACKGROUND)
    ImageDraw.Draw(image).text((0, CAPTION_Y), letter, fill=colour, font=_font(), anchor="lm")
    return np.asarray(image), advance


@lru_cache(maxsize=512)
def _length(text: str) -> float:
    return float(_font().getlength(text))


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=14)
