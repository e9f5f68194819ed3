"""The empty scene of the synthetic dataset: a paved walkway between lawns, in front of a building.

Coordinates are those of a reference image, 160 wide and 120 high, for any real size. The camera
looks down on flat ground whose horizon is above the image, so the height of an object on the ground
grows with its distance from the horizon.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

WIDTH, HEIGHT = 160.0, 120.0
HORIZON = -22.0
# The walkway reaches from its far to its near kerb, in reference rows.
FAR, NEAR = 50.0, 112.0
_WALL = 31.0
_SEED = 2017

_PAVING = np.array([176, 169, 158], np.float32)
_LAWN = np.array([92, 122, 66], np.float32)
_BRICK = np.array([150, 98, 80], np.float32)
_STONE = np.array([196, 191, 182], np.float32)
_GLASS = np.array([72, 88, 104], np.float32)


@lru_cache(maxsize=2)
def backdrop(height: int, width: int) -> np.ndarray:
    """Return the empty scene, (height, width, 3) uint8 RGB; always the same."""
    rng = np.random.default_rng(_SEED)
    rows, columns = 2 * height, 2 * width
    v = ((np.arange(rows, dtype=np.float32) + 0.5) * HEIGHT / rows)[:, None]
    u = ((np.arange(columns, dtype=np.float32) + 0.5) * WIDTH / columns)[None, :]
    ground = _ground(u, v, rng)
    picture = np.where((v < _WALL)[..., None], _wall(u, v, rng), ground)
    picture *= _shade(u, v)[..., None]
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    picture = _lamp(np.clip(picture, 0, 255).astype(np.uint8))
    picture.setflags(write=False)
    return picture


def _ground(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    depth = 6000.0 / (v - HORIZON)
    across = (u - WIDTH / 2) * depth / 60.0
    shape = np.broadcast_shapes(u.shape, v.shape)
    along = np.broadcast_to(depth, shape)
    # Slabs twice as wide as deep, every second row shifted by half a slab.
    row = np.floor(along / 5.0)
    column = np.floor(across / 14.0 + 0.5 * (row % 2))
    tones = rng.normal(0, 5.0, (64, 64)).astype(np.float32)
    slab = tones[row.astype(int) % 64, column.astype(int) % 64]
    joint = (np.mod(along / 5.0, 1) < 0.1) | (np.mod(across / 14.0 + 0.5 * (row % 2), 1) < 0.035)
    paving = _PAVING + (slab - 20.0 * joint + 0.5 * _noise(shape, 6, 6, rng))[..., None]

    grass = _noise(shape, 9, 7, rng) + _noise(shape, 60, 90, rng) + _noise(shape, 90, 140, rng)
    lawn = _LAWN + grass[..., None] * np.array([0.9, 1.0, 0.6], np.float32)

    far, near = FAR + 0.0 * u, NEAR + 0.02 * (u - WIDTH / 2)
    walkway = (v > far) & (v < near)
    ground = np.where(walkway[..., None], paving, lawn)
    kerb = ((v > far - 1.2) & (v <= far)) | ((v >= near) & (v < near + 2.0))
    ground = np.where(kerb[..., None], _STONE + 0 * paving, ground)
    under_kerb = ((v > far) & (v < far + 0.8)) | ((v > near + 2.0) & (v < near + 3.0))
    return np.where(under_kerb[..., None], 0.78 * ground, ground).astype(np.float32)


def _wall(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shape = np.broadcast_shapes(u.shape, v.shape)
    courses = (np.mod(v, 1.5) < 0.3) + 0.0 * u
    wall = _BRICK + (_noise(shape, 40, 60, rng) - 9.0 * courses)[..., None]
    place = np.mod(u - 7.0, 27.0)
    frame = (place < 15.0) & (v < 19.5)
    pane = (place > 1.0) & (place < 14.0) & (v < 18.0) & (np.abs(place - 7.5) > 0.4)
    glass = _GLASS + (18.0 * (np.mod(u + 1.2 * v, 27.0) < 6.0) - 0.8 * v)[..., None]
    wall = np.where(frame[..., None], _STONE, wall)
    wall = np.where(pane[..., None], glass, wall)
    plinth = (v > _WALL - 3.5) + 0.0 * u > 0
    return np.where(plinth[..., None], 0.82 * _STONE, wall).astype(np.float32)


def _shade(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Light on the scene: the shadow of the building and of a tree outside the image."""
    shade = np.ones(np.broadcast_shapes(u.shape, v.shape), np.float32)
    shade -= 0.30 * ((v >= _WALL) & (v < _WALL + 7.0))
    for x, y, wide, high in ((8, 96, 26, 9), (27, 103, 18, 7), (-2, 106, 24, 10), (20, 90, 10, 4)):
        shade -= 0.20 * (((u - x) / wide) ** 2 + ((v - y) / high) ** 2 < 1)
    ground = np.maximum(shade, 0.68)
    soft = cv2.GaussianBlur(ground, (0, 0), 1.6 * shade.shape[0] / HEIGHT)
    light = 1.04 - 0.0009 * np.abs(u - 105) + 0.0004 * (v - 60)
    lit: np.ndarray = np.where(v >= _WALL, soft, 1.0).astype(np.float32) * light
    return lit


def _noise(shape: tuple[int, ...], down: int, over: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of about +-6 with ``down`` x ``over`` bumps, the same at every image size."""
    coarse = rng.normal(0, 6.0, (down, over)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def _lamp(picture: np.ndarray) -> np.ndarray:
    """Draw a lamp post on the far lawn with its shadow, behind everyone on the walkway."""
    height, width = picture.shape[:2]
    scale = height / HEIGHT

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * width / WIDTH * 16), round(y * scale * 16)

    def line(image: np.ndarray, a: tuple, b: tuple, wide: float, colour: tuple) -> None:
        thick = max(1, round(wide * scale))
        cv2.line(image, at(*a), at(*b), colour, thick, cv2.LINE_AA, shift=4)

    shadow = np.zeros((height, width), np.uint8)
    line(shadow, (124, 46), (152, 40), 1.4, (255,))
    soft = cv2.GaussianBlur(shadow, (0, 0), 0.5 * scale).astype(np.float32) / 255
    picture = (picture * (1 - 0.35 * soft[..., None])).astype(np.uint8)
    line(picture, (124, 46), (124, 6), 1.3, (58, 62, 64))
    line(picture, (124, 46), (124, 43), 2.4, (50, 53, 55))
    line(picture, (124, 6), (115, 4), 1.0, (58, 62, 64))
    line(picture, (117, 4.6), (112, 3.8), 2.2, (214, 214, 200))
    return picture
