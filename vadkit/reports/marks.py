"""Boxes, ignored places and a caption on a picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# The first box is that of the highest score.
FIRST_RGB, OTHER_RGB = (235, 72, 24), (250, 176, 70)
_EDGE_RGB, _PLACE_RGB = (20, 20, 24), (235, 235, 240)
_PAPER_RGB, _INK_RGB = (20, 20, 24), (240, 240, 244)
# The share of the picture that remains in an ignored place.
_SHADE = 0.65

# A box (x1, y1, x2, y2), and the corners (x, y) of a polygon, as shares of width and height.
ShareBox = Sequence[float]
Polygon = Sequence[Sequence[float]]


def draw_boxes(picture: np.ndarray, boxes: Sequence[ShareBox]) -> np.ndarray:
    """Return the picture (H, W, 3) RGB with boxes, the first one highlighted."""
    if not boxes:
        return picture
    drawn = np.ascontiguousarray(picture).copy()
    height, width = drawn.shape[:2]
    thick = max(1, round(width / 320))
    for number, (x1, y1, x2, y2) in reversed(list(enumerate(boxes))):
        corner = round(x1 * width), round(y1 * height)
        opposite = round(x2 * width) - 1, round(y2 * height) - 1
        # A dark edge, so that the box is visible on bright and on dark ground.
        cv2.rectangle(drawn, corner, opposite, _EDGE_RGB, thick + 2)
        cv2.rectangle(drawn, corner, opposite, OTHER_RGB if number else FIRST_RGB, thick)
    return drawn


def draw_places(picture: np.ndarray, places: Sequence[Polygon]) -> np.ndarray:
    """Return the picture (H, W, 3) RGB with ignored places shaded and outlined."""
    if not places:
        return picture
    drawn = np.ascontiguousarray(picture).copy()
    size = np.array(drawn.shape[1::-1])
    for place in places:
        corners = np.rint(np.array(place) * size).astype(np.int32)
        inside = np.zeros(drawn.shape[:2], np.uint8)
        cv2.fillPoly(inside, [corners], 1)
        chosen = inside.astype(bool)
        drawn[chosen] = (drawn[chosen] * _SHADE).astype(np.uint8)
        cv2.polylines(drawn, [corners], True, _PLACE_RGB, 1, cv2.LINE_AA)
    return drawn


def with_caption(picture: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """Return the picture (H, W, 3) RGB with lines of text below it; unchanged without lines."""
    if not lines:
        return picture
    width = picture.shape[1]
    font = ImageFont.load_default(max(10, round(width / 32)))
    edge = max(4, round(width / 80))
    folded = [part for line in lines for part in _folded(line, font, width - 2 * edge)]
    high = round(1.35 * max(font.getbbox("Ag")[3], 1))
    strip = Image.new("RGB", (width, high * len(folded) + 2 * edge), _PAPER_RGB)
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate(folded):
        pen.text((edge, edge + number * high), line, _INK_RGB, font)
    return np.concatenate([picture, np.array(strip)])


def _folded(
    line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> list[str]:
    """Cut a line of words into lines that fit."""
    found, current = [], ""
    for word in line.split():
        longer = f"{current} {word}".strip()
        if current and font.getlength(longer) > width:
            found.append(current)
            longer = word
        current = longer
    return [*found, current] if current else found
