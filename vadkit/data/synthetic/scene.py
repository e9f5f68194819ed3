"""Draw a synthetic surveillance video: people walk along a walkway, then an anomaly occurs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, pi
from typing import Literal, get_args

import cv2
import numpy as np

from vadkit.data.synthetic.backdrop import FAR, HEIGHT, HORIZON, NEAR, WIDTH, backdrop
from vadkit.data.synthetic.figures import Look, Pen, bag, cart, cyclist, walker

Anomaly = Literal["cyclist", "runner", "vehicle", "bag"]
ANOMALIES: tuple[Anomaly, ...] = get_args(Anomaly)
# Frames are drawn larger by this factor and averaged, for soft edges.
_OVER = 2
# Walking speed in body heights per frame: 1.4 m/s for 1.7 m at 25 frames per second.
_WALK = 1.4 / 1.7 / 25
_ENTERS = 0.3
_NOISE = 1.6
# The average number of people in the image.
_CROWD = 5.0
# The distance outside the image, in reference pixels, at which a person and shadow are invisible.
_MARGIN = 26.0


@dataclass(frozen=True)
class _Actor:
    """The position of a figure in reference coordinates in a frame, and how it is drawn."""

    place: Callable[[int], tuple[float, float] | None]
    draw: Callable[[Pen, int], None]
    facing: int
    size: float = 1.0
    abnormal: bool = False
    shadow: float = 0.34


def draw_video(
    *, seed: int, frames: int, size: tuple[int, int] = (120, 160), anomaly: Anomaly | None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one video of the scene and the pixels of its anomaly.

    Returns frames (N, H, W, 3) uint8 RGB and masks (N, H, W) bool; a frame is abnormal if its mask
    has a pixel. A mask covers the whole outline of the anomaly, even if someone walks in front of
    it. The anomaly enters after 30 % of the video; a bag stays, the others leave if the video is
    long enough (about 115 frames). The same seed gives the same video; the background is always the
    same.
    """
    rng = np.random.default_rng([seed, 0 if anomaly is None else 1 + ANOMALIES.index(anomaly)])
    actors = _crowd(rng, frames)
    if anomaly is not None:
        actors += _ABNORMAL[anomaly](rng, ceil(_ENTERS * frames))
    height, width = size
    pictures = np.empty((frames, height, width, 3), np.uint8)
    masks = np.zeros((frames, height, width), bool)
    for number in range(frames):
        picture, mask = _draw_frame(actors, number, (height * _OVER, width * _OVER))
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        noise = rng.standard_normal(small.shape, np.float32)
        pictures[number] = np.clip(np.rint(small + _NOISE * noise), 0, 255)
        if mask is not None:
            masks[number] = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 127
    return pictures, masks


def _draw_frame(
    actors: list[_Actor], number: int, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    height, width = size
    scale = height / HEIGHT
    placed = [(actor, place) for actor in actors if (place := actor.place(number)) is not None]
    # Nearer figures cover those behind them.
    placed.sort(key=lambda item: item[1][1])
    shadows = np.zeros(size, np.uint8)
    picture = backdrop(height, width)
    spots = []
    for actor, (x, y) in placed:
        foot = (x * width / WIDTH, y * scale)
        unit = person_height(y) * actor.size * scale
        spots.append((actor, foot, unit))
        _cast_shadow(shadows, foot, unit, actor.shadow)
    soft = cv2.GaussianBlur(shadows, (0, 0), 0.9 * scale)
    light = cv2.cvtColor(255 - cv2.convertScaleAbs(soft, alpha=0.38), cv2.COLOR_GRAY2RGB)
    picture = cv2.multiply(picture, light, scale=1 / 255)
    mask = np.zeros(size, np.uint8) if any(actor.abnormal for actor, _ in placed) else None
    for actor, foot, unit in spots:
        pen = Pen(picture, mask if actor.abnormal else None, foot, unit, actor.facing)
        actor.draw(pen, number)
    return picture, mask


def person_height(y: float) -> float:
    """Return the height in reference pixels of a person whose feet are at reference row ``y``."""
    return 0.25 * (y - HORIZON)


def _cast_shadow(shadows: np.ndarray, foot: tuple[float, float], unit: float, wide: float) -> None:
    """Draw a shadow to the right and forward: the sun is behind the building to the left."""
    x, y = foot
    around = (round(x * 16), round(y * 16)), (round(wide * unit * 8), round(0.07 * unit * 16))
    cv2.ellipse(shadows, *around, 0, 0, 360, (255,), cv2.FILLED, cv2.LINE_AA, 4)
    tip = (round((x + 0.55 * unit) * 16), round((y + 0.12 * unit) * 16))
    cv2.line(shadows, around[0], tip, (200,), max(1, round(0.14 * unit)), cv2.LINE_AA, 4)


def _crowd(rng: np.random.Generator, frames: int) -> list[_Actor]:
    """People walking in both directions, some already in the image at the start."""
    crossing = WIDTH / (_WALK * person_height((FAR + NEAR) / 2))
    count = round(_CROWD * (frames + crossing) / crossing)
    # Evenly spread lanes and times keep people from overlapping.
    lanes = np.linspace(FAR + 6, NEAR - 2, count)[rng.permutation(count)]
    starts = np.linspace(-crossing, frames, count, endpoint=False)
    starts = starts + rng.uniform(0, (frames + crossing) / count, count)
    return [_pedestrian(rng, y, start) for y, start in zip(lanes, starts, strict=True)]


def _pedestrian(rng: np.random.Generator, lane: float, start: float) -> _Actor:
    facing = int(rng.choice([-1, 1]))
    size = rng.uniform(0.92, 1.06)
    speed = _WALK * person_height(lane) * rng.uniform(0.88, 1.15)
    look, phase = _look(rng), rng.uniform(0, 2 * pi)
    sway, period = rng.uniform(0, 1.5), rng.uniform(80, 160)

    def place(number: int) -> tuple[float, float] | None:
        x = -8 + speed * (number - start)
        if not -_MARGIN < x < WIDTH + _MARGIN:
            return None
        return x if facing > 0 else WIDTH - x, lane + sway * np.sin(number / period * 2 * pi)

    step = _phase(speed, person_height(lane) * size, 0.86)
    return _Actor(place, lambda pen, n: walker(pen, look, phase + step * n), facing, size)


def _phase(speed: float, height: float, cycle: float) -> float:
    """Return radians per frame for a motion that repeats every ``cycle`` heights of distance."""
    return 2 * pi * speed / (cycle * height)


def _along(lane: float, speed: float, start: int, facing: int, reach: float) -> Callable:
    def place(number: int) -> tuple[float, float] | None:
        x = -reach + speed * (number - start)
        if number < start or x > WIDTH + reach:
            return None
        return (x if facing > 0 else WIDTH - x), lane

    return place


def _cyclist(rng: np.random.Generator, start: int) -> list[_Actor]:
    facing, lane, look = int(rng.choice([-1, 1])), rng.uniform(72, 100), _look(rng)
    height = person_height(lane)
    speed = rng.uniform(3.2, 3.8) * _WALK * height
    turn = _phase(speed, height, 2.6)
    place = _along(lane, speed, start, facing, 0.42 * height)

    def draw(pen: Pen, number: int) -> None:
        cyclist(pen, look, turn * number)

    return [_Actor(place, draw, facing, 1.05, abnormal=True, shadow=0.8)]


def _runner(rng: np.random.Generator, start: int) -> list[_Actor]:
    """Runs from the far lawn across everyone's path and out of the image at the bottom."""
    facing, look = int(rng.choice([-1, 1])), _look(rng)
    first, last = np.array([-6.0, FAR - 5]), np.array([rng.uniform(105, 150), 168.0])
    steps = round(rng.uniform(66, 74))
    turn = _phase(2.9 * _WALK, 1.0, 1.5)

    def place(number: int) -> tuple[float, float] | None:
        if not start <= number < start + steps:
            return None
        x, y = first + (last - first) * (number - start) / steps
        return (float(x) if facing > 0 else WIDTH - float(x)), float(y)

    def draw(pen: Pen, number: int) -> None:
        walker(pen, look, turn * number, run=True)

    return [_Actor(place, draw, facing, 1.0, abnormal=True)]


def _vehicle(rng: np.random.Generator, start: int) -> list[_Actor]:
    facing, lane, look = int(rng.choice([-1, 1])), rng.uniform(76, 98), _look(rng)
    height = person_height(lane)
    speed = rng.uniform(2.9, 3.3) * _WALK * height
    place = _along(lane, speed, start, facing, 0.84 * height)
    turn = _phase(speed, height, 2 * pi * 0.155)

    def draw(pen: Pen, number: int) -> None:
        cart(pen, look, turn * number)

    return [_Actor(place, draw, facing, 1.0, abnormal=True, shadow=1.7)]


def _bag(rng: np.random.Generator, start: int) -> list[_Actor]:
    """Someone carries a bag, puts it down and walks on; it is abnormal when it stands alone."""
    facing, lane, look = int(rng.choice([-1, 1])), rng.uniform(74, 102), _look(rng)
    height = person_height(lane)
    speed = _WALK * height
    drop = rng.uniform(0.35, 0.6) * WIDTH
    step = _phase(speed, height, 0.86)

    def carrier(number: int) -> tuple[float, float] | None:
        x = drop + speed * (number - start)
        return (x if facing > 0 else WIDTH - x, lane) if -_MARGIN < x < WIDTH + _MARGIN else None

    def walk(pen: Pen, number: int) -> None:
        walker(pen, look, step * number)
        if number < start:
            # It comes down within the last eight frames before it is let go.
            rise = 0.12 * min(1.0, (start - number) / 8)
            bag(
                Pen(
                    pen.layers[0][0],
                    None,
                    (pen.foot[0], pen.foot[1] - rise * pen.unit),
                    pen.unit,
                    facing,
                )
            )

    def stands(number: int) -> tuple[float, float] | None:
        return (drop if facing > 0 else WIDTH - drop, lane + 0.1) if number >= start else None

    return [
        _Actor(carrier, walk, facing),
        _Actor(stands, lambda pen, n: bag(pen), facing, abnormal=True),
    ]


_ABNORMAL: dict[Anomaly, Callable[[np.random.Generator, int], list[_Actor]]] = {
    "cyclist": _cyclist,
    "runner": _runner,
    "vehicle": _vehicle,
    "bag": _bag,
}


def _look(rng: np.random.Generator) -> Look:
    skins = [(224, 182, 152), (198, 150, 118), (150, 104, 76), (104, 72, 54)]
    hairs = [(40, 30, 26), (84, 58, 38), (150, 116, 70), (110, 108, 106)]
    tops = [(58, 74, 110), (146, 60, 56), (200, 196, 186), (54, 58, 62), (86, 104, 84),
            (168, 132, 86), (112, 88, 120)]  # fmt: skip
    legs = [(44, 52, 74), (62, 58, 56), (96, 88, 76), (34, 34, 38)]
    skin, hair, top, leg = (
        options[int(rng.integers(len(options)))] for options in (skins, hairs, tops, legs)
    )
    return Look(skin, hair, top, leg, rng.uniform(0.9, 1.15))
