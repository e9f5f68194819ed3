"""The strip under an annotated frame: a caption and the curve of recent scores."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 96
SECONDS = 10.0  # of video in the curve

# The curve's box inside the strip, and the caption's line above it.
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 32, 10
CAPTION_Y = 15
# The text for scores above the level, and the name of the level: for normal frames and for alarms.
NORMAL = "above normal", ("99% of normal frames are below", "99% of normal")
ALARM = "alarm", ("alarm threshold", "threshold")
SWATCH = 28  # width of a legend's sample, with the gap to its text

# The curve is drawn larger by this factor and averaged down, so that thin lines are smooth.
SUPER = 3

BACKGROUND = (17, 20, 26)
LABELLED = (70, 36, 46)
LINE = (98, 190, 226)
WARM = (255, 145, 66)
GRID = (128, 134, 146)
TEXT = (226, 230, 236)

Colour = tuple[int, int, int]


def draw_strip(
    width: int,
    scores: np.ndarray,
    level: float | None,
    limits: tuple[float, float],
    fps: float,
    index: int,
    labels: np.ndarray | None,
    is_threshold: bool = False,
    raised_by: str | None = None,
    clock: float = 0.0,
) -> np.ndarray:
    """Draw the strip (HEIGHT, width, 3) uint8 RGB at frame ``index``, the last of ``scores`` (N,).

    In the first seconds, the curve grows from the left; then it scrolls with the newest frame at
    the right edge. ``clock`` is the time to show, in seconds. See ``annotate`` for the other
    arguments.
    """
    span = window_frames(fps)
    first = max(0, index - span)
    shown = np.full(index + 1 - first, np.nan)
    known = scores[-len(shown) :]
    shown[len(shown) - len(known) :] = known
    box = _Box(width, limits, span)
    canvas = np.empty((HEIGHT * SUPER, width * SUPER, 3), np.uint8)
    canvas[:] = BACKGROUND
    if labels is not None:
        _shade_labelled(canvas, box, np.asarray(labels[first : index + 1], dtype=bool))
    _draw_curve(canvas, box, shown, level)
    if level is not None:
        _dash(canvas, box.y(level), box.left, box.right)
    strip = cv2.resize(canvas, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    score = f"score {shown[-1]:.{_decimals(limits)}f}"
    if math.isnan(shown[-1]):
        score = "no score"
    above = level is not None and bool(shown[-1] > level)
    above_words, legend = ALARM if is_threshold else NORMAL
    words = (f"{above_words}: {raised_by}" if raised_by else above_words), legend
    left = _clock(clock), score, above
    return _caption(strip, *left, words, level is not None, labels is not None)


def window_frames(fps: float) -> int:
    """The width of the curve in frames."""
    return max(2, round(SECONDS * fps))


class _Box:
    """The curve's box on the enlarged canvas; converts frames and scores to its pixels."""

    def __init__(self, width: int, limits: tuple[float, float], span: int) -> None:
        self.left, self.right = LEFT * SUPER, (width - RIGHT) * SUPER
        self.top, self.bottom = TOP * SUPER, (HEIGHT - BOTTOM) * SUPER
        self.low, high = limits
        self.range = high - self.low if high > self.low else 1.0
        self.step = (self.right - self.left) / span

    def x(self, frame: float) -> float:
        return self.left + frame * self.step

    def y(self, score: float) -> float:
        share = min(max((score - self.low) / self.range, 0.0), 1.0)
        return self.bottom - share * (self.bottom - self.top)


def _shade_labelled(canvas: np.ndarray, box: _Box, labels: np.ndarray) -> None:
    for frame in np.flatnonzero(labels).tolist():
        x0, x1 = round(box.x(frame - 0.5)), round(box.x(frame + 0.5))
        canvas[box.top : box.bottom, max(x0, box.left) : min(x1, box.right)] = LABELLED


def _draw_curve(canvas: np.ndarray, box: _Box, scores: np.ndarray, level: float | None) -> None:
    """Draw area and line in one colour up to the level and another above it; NaN is a gap."""
    cool, warm = canvas, canvas.copy()
    for image, colour, opacity in ((cool, LINE, 0.16), (warm, WARM, 0.42)):
        layer = image.copy()
        floor = box.bottom if image is cool else round(_level_y(box, level))
        for points in _lines(box, scores):
            ends = [[points[-1][0], floor], [points[0][0], floor]]
            cv2.fillPoly(layer, [np.array([*points, *ends], np.int32)], colour, cv2.LINE_AA)
        cv2.addWeighted(layer, opacity, image, 1 - opacity, 0, dst=image)
        for points in _lines(box, scores):
            line = [np.array(points, np.int32)]
            cv2.polylines(image, line, False, colour, round(1.7 * SUPER), cv2.LINE_AA)
    split = max(0, round(_level_y(box, level)))
    cool[:split] = warm[:split]
    if not math.isnan(scores[-1]):
        above = level is not None and scores[-1] > level
        dot = (round(box.x(len(scores) - 1)), round(box.y(float(scores[-1]))))
        cv2.circle(canvas, dot, round(5.5 * SUPER), BACKGROUND, -1, cv2.LINE_AA)
        cv2.circle(canvas, dot, round(3.5 * SUPER), WARM if above else LINE, -1, cv2.LINE_AA)


def _level_y(box: _Box, level: float | None) -> float:
    return 0.0 if level is None else box.y(level)


def _lines(box: _Box, scores: np.ndarray) -> list[list[list[int]]]:
    """Return the points of each run of scored frames."""
    lines: list[list[list[int]]] = [[]]
    for frame, score in enumerate(scores.tolist()):
        if math.isnan(score):
            lines.append([])
        else:
            lines[-1].append([round(box.x(frame)), round(box.y(score))])
    return [points for points in lines if points]


def _dash(canvas: np.ndarray, y: float, left: int, right: int) -> None:
    row, thick = round(y), SUPER // 2
    for x in range(left, right, 10 * SUPER):
        canvas[row - thick : row + thick + 1, x : min(x + 5 * SUPER, right)] = GRID


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
) -> np.ndarray:
    """Draw the line of text: time and score on the left, the legend on the right."""
    image = Image.fromarray(strip)
    draw = ImageDraw.Draw(image)
    x = _write(draw, LEFT, clock, GRID) + 14
    x = _write(draw, x, score, WARM if above else TEXT) + 14
    if above:
        _write(draw, x, words[0], WARM)
    # This space is always reserved, so that the legend does not move between frames.
    x += draw.textlength(words[0], font=_font()) + 20
    end = float(strip.shape[1] - RIGHT)
    for wanted, texts, swatch in (
        (has_level, words[1], _dash_swatch),
        (has_labels, ("labelled abnormal", "labelled"), _label_swatch),
    ):
        starts = [(end - draw.textlength(text, font=_font()), text) for text in texts]
        fitting = [(start, text) for start, text in starts if start - SWATCH > x]
        if wanted and fitting:
            start, text = fitting[0]
            _write(draw, start, text, GRID)
            swatch(draw, start - SWATCH)
            end = start - SWATCH - 18
    return np.asarray(image)


def _dash_swatch(draw: ImageDraw.ImageDraw, x: float) -> None:
    for dash in (x, x + 8, x + 16):
        draw.line([(dash, CAPTION_Y), (dash + 4, CAPTION_Y)], fill=GRID, width=1)


def _label_swatch(draw: ImageDraw.ImageDraw, x: float) -> None:
    draw.rectangle([(x + 8, CAPTION_Y - 6), (x + 20, CAPTION_Y + 6)], fill=LABELLED)


def _write(draw: ImageDraw.ImageDraw, x: float, text: str, colour: Colour) -> float:
    """Write at x on the caption's line; return the x where the text ends."""
    draw.text((x, CAPTION_Y), text, fill=colour, font=_font(), anchor="lm")
    return x + draw.textlength(text, font=_font())


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=14)
