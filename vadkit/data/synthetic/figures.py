"""Figures of the synthetic dataset, drawn as filled shapes: people, a bicycle, a cart, a bag.

The feet or wheels of a figure are at a point of the image, and its unit is the height of a person
at that place. ``facing`` is +1 to the right and -1 to the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import cv2
import numpy as np

Colour = tuple[int, int, int]
Point = tuple[float, float]

_BITS = 4
_ONE = 1 << _BITS
_TYRE = (38, 38, 40)
_METAL = (120, 124, 128)


@dataclass(frozen=True)
class Look:
    """The clothes of a person, RGB."""

    skin: Colour
    hair: Colour
    top: Colour
    legs: Colour
    build: float


class Pen:
    """Draws in a figure's own units on an image and, for an anomaly, on its mask.

    (0, 0) is the position of the figure, x is the direction it faces, y is up, 1 is a person's
    height.
    """

    def __init__(
        self, picture: np.ndarray, mask: np.ndarray | None, foot: Point, unit: float, facing: int
    ) -> None:
        self.layers = [(picture, False)] + ([(mask, True)] if mask is not None else [])
        self.foot = foot
        self.unit = unit
        self.facing = facing

    def _at(self, point: Point) -> tuple[int, int]:
        x = self.foot[0] + self.facing * point[0] * self.unit
        y = self.foot[1] - point[1] * self.unit
        return round(x * _ONE), round(y * _ONE)

    def limb(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A chain of round-ended strokes."""
        path = np.array([self._at(point) for point in points], np.int32)
        thick = max(1, round(width * self.unit))
        for layer, flat in self.layers:
            ink = (255,) if flat else colour
            cv2.polylines(layer, [path], False, ink, thick, cv2.LINE_AA, _BITS)

    def area(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        path = np.array([self._at(point) for point in points], np.int32)
        for layer, flat in self.layers:
            cv2.fillPoly(layer, [path], (255,) if flat else colour, cv2.LINE_AA, _BITS)

    def disc(self, centre: Point, radius: float, colour: Colour, ring: float = 0.0) -> None:
        """A filled circle, or with ``ring`` the outline of one of that width."""
        size = max(1, round(radius * self.unit * _ONE))
        thick = max(1, round(ring * self.unit)) if ring else cv2.FILLED
        for layer, flat in self.layers:
            ink = (255,) if flat else colour
            cv2.circle(layer, self._at(centre), size, ink, thick, cv2.LINE_AA, _BITS)


def darker(colour: Colour, factor: float = 0.75) -> Colour:
    """The same colour in less light."""
    red, green, blue = (round(part * factor) for part in colour)
    return red, green, blue


def walker(pen: Pen, look: Look, phase: float, *, run: bool = False) -> None:
    """A person in side view; ``phase`` in radians repeats after two steps."""
    swing, lift, lean = (0.85, 1.35, 0.10) if run else (0.45, 0.55, 0.02)
    bob = 0.02 * abs(cos(phase)) + (0.03 if run else 0.0)
    hip = (0.0, 0.47 + bob)
    neck = (lean, 0.81 + bob)
    far_leg, near_leg = (_leg(hip, phase + turn, swing, lift) for turn in (pi, 0.0))
    far_arm, near_arm = (_arm(neck, phase + turn, swing, run) for turn in (0.0, pi))
    w = look.build
    pen.limb(far_arm, 0.065 * w, darker(look.top, 0.7))
    _draw_leg(pen, far_leg, w, darker(look.legs, 0.72))
    _draw_leg(pen, near_leg, w, look.legs)
    pen.area(
        [
            (neck[0] - 0.095 * w, neck[1] - 0.02),
            (neck[0] + 0.085 * w, neck[1] - 0.02),
            (hip[0] + 0.085 * w, hip[1] - 0.04),
            (hip[0] - 0.08 * w, hip[1] - 0.04),
        ],
        look.top,
    )
    pen.limb([(neck[0] - 0.02, neck[1] - 0.04), (hip[0], hip[1])], 0.12 * w, look.top)
    pen.limb(near_arm, 0.07 * w, darker(look.top, 0.86))
    pen.disc(near_arm[-1], 0.032, look.skin)
    _head(pen, look, neck)


def _leg(hip: Point, phase: float, swing: float, lift: float) -> list[Point]:
    thigh = swing * sin(phase)
    shin = thigh - lift * max(0.0, cos(phase)) - 0.08
    knee = (hip[0] + 0.235 * sin(thigh), hip[1] - 0.235 * cos(thigh))
    ankle = (knee[0] + 0.215 * sin(shin), knee[1] - 0.215 * cos(shin))
    return [hip, knee, ankle]


def _draw_leg(pen: Pen, leg: list[Point], build: float, colour: Colour) -> None:
    pen.limb(leg[:2], 0.105 * build, colour)
    pen.limb(leg[1:], 0.08 * build, colour)
    x, y = leg[2]
    pen.limb([(x - 0.01, y - 0.01), (x + 0.07, y - 0.015)], 0.055, (44, 40, 38))


def _arm(neck: Point, phase: float, swing: float, run: bool) -> list[Point]:
    upper = 0.9 * swing * sin(phase)
    fore = upper + (1.4 if run else 0.25)
    shoulder = (neck[0] - 0.01, neck[1] - 0.04)
    elbow = (shoulder[0] + 0.165 * sin(upper), shoulder[1] - 0.165 * cos(upper))
    hand = (elbow[0] + 0.15 * sin(fore), elbow[1] - 0.15 * cos(fore))
    return [shoulder, elbow, hand]


def _head(pen: Pen, look: Look, neck: Point) -> None:
    pen.limb([neck, (neck[0] + 0.015, neck[1] + 0.07)], 0.06, look.skin)
    pen.disc((neck[0] + 0.02, neck[1] + 0.11), 0.066, look.skin)
    pen.disc((neck[0] + 0.002, neck[1] + 0.128), 0.062, look.hair)


def cyclist(pen: Pen, look: Look, phase: float) -> None:
    """A person on a bicycle; ``phase`` is the turn of the pedals in radians."""
    back, front, crank = (-0.31, 0.19), (0.31, 0.19), (-0.02, 0.19)
    seat, bar = (-0.12, 0.53), (0.23, 0.58)
    frame = (196, 52, 44)

    def leg(turn: float) -> list[Point]:
        foot = (crank[0] + 0.095 * sin(turn), crank[1] + 0.095 * cos(turn))
        middle = ((seat[0] + foot[0]) / 2, (seat[1] + foot[1]) / 2)
        return [seat, (middle[0] + 0.13, middle[1] + 0.05), foot]

    pen.limb(leg(phase + pi), 0.085, darker(look.legs, 0.7))
    for hub in (back, front):
        pen.disc(hub, 0.18, _TYRE, ring=0.035)
        for spoke in range(3):
            x, y = 0.17 * sin(phase + spoke * pi / 3), 0.17 * cos(phase + spoke * pi / 3)
            pen.limb([(hub[0] - x, hub[1] - y), (hub[0] + x, hub[1] + y)], 0.012, _METAL)
    pen.limb([back, crank, (0.2, 0.47), (-0.1, 0.46), back], 0.032, frame)
    pen.limb([crank, seat], 0.032, frame)
    pen.limb([front, bar, (0.27, 0.6)], 0.032, frame)
    pen.limb([(-0.18, 0.54), (-0.06, 0.54)], 0.045, _TYRE)
    pen.limb(leg(phase), 0.095, look.legs)
    neck = (0.06, 0.88)
    pen.limb([(seat[0], seat[1] + 0.06), (neck[0] - 0.03, neck[1] - 0.05)], 0.165, look.top)
    pen.limb([(neck[0] - 0.01, neck[1] - 0.06), (0.13, 0.68), bar], 0.065, darker(look.top, 0.86))
    _head(pen, look, (neck[0] + 0.02, neck[1] - 0.02))


def cart(pen: Pen, look: Look, phase: float) -> None:
    """A small electric cart with its driver and a load bed; ``phase`` turns the wheels."""
    body, trim = (226, 222, 208), (52, 92, 132)
    pen.limb([(0.42, 0.45), (0.28, 1.06)], 0.04, _METAL)
    _seated(pen, look)
    pen.limb([(-0.22, 0.45), (-0.2, 1.06)], 0.04, _METAL)
    pen.area([(-0.3, 1.04), (0.36, 1.04), (0.33, 1.12), (-0.27, 1.12)], body)
    pen.area(
        [(-0.8, 0.14), (0.72, 0.14), (0.78, 0.36), (0.5, 0.5), (0.3, 0.42), (-0.8, 0.42)], trim
    )
    pen.area([(-0.82, 0.36), (-0.24, 0.36), (-0.24, 0.62), (-0.82, 0.6)], body)
    pen.limb([(-0.8, 0.3), (0.74, 0.3)], 0.03, body)
    pen.disc((0.73, 0.38), 0.04, (250, 244, 190))
    for hub in ((-0.5, 0.15), (0.48, 0.15)):
        pen.disc(hub, 0.155, _TYRE)
        pen.disc(hub, 0.075, _METAL)
        x, y = 0.07 * sin(phase), 0.07 * cos(phase)
        pen.limb([(hub[0] - x, hub[1] - y), (hub[0] + x, hub[1] + y)], 0.03, _TYRE)


def _seated(pen: Pen, look: Look) -> None:
    pen.limb([(-0.04, 0.48), (0.18, 0.5)], 0.1, look.legs)
    pen.limb([(-0.05, 0.5), (-0.02, 0.76)], 0.16, look.top)
    pen.limb([(-0.02, 0.76), (0.1, 0.62), (0.28, 0.66)], 0.06, darker(look.top, 0.86))
    _head(pen, look, (0.0, 0.82))


def bag(pen: Pen) -> None:
    """A travel bag; it stands on the ground."""
    pen.limb([(-0.09, 0.22), (-0.06, 0.31), (0.06, 0.31), (0.09, 0.22)], 0.03, (40, 30, 30))
    pen.area(
        [(-0.19, 0.0), (0.19, 0.0), (0.2, 0.2), (0.15, 0.25), (-0.15, 0.25), (-0.2, 0.2)],
        (122, 34, 40),
    )
    pen.limb([(-0.18, 0.13), (0.18, 0.13)], 0.03, (206, 176, 92))
