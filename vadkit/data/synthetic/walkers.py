"""Joints of drawn people who walk, and who fall."""

from __future__ import annotations

import numpy as np

# Frames of two steps, frames of a fall, and the height of a person in pixels.
_CYCLE, _FALL, _TALL = 24.0, 10, 100.0
# COCO's order, in heights: how far right and above the feet somebody stands with each joint.
_STANDING = np.array(
    [
        *[[0.05, 0.92], [0.06, 0.95], [0.04, 0.95], [0.02, 0.94], [-0.02, 0.94]],
        *[[0.03, 0.81], [-0.03, 0.81], [0.04, 0.64], [-0.04, 0.64], [0.05, 0.48], [-0.05, 0.48]],
        *[[0.02, 0.52], [-0.02, 0.52], [0.02, 0.28], [-0.02, 0.28], [0.02, 0.04], [-0.02, 0.04]],
    ]
)
# How far each joint swings to the right and back, in heights.
_SWING = np.array([0, 0, 0, 0, 0, 0, 0, -0.06, 0.06, -0.14, 0.14, 0, 0, 0.1, -0.1, 0.22, -0.22])


def walker(
    frames: int, random: np.random.Generator, *, left: float = 0.0, falls: int | None = None
) -> np.ndarray:
    """Return the joints (frames, 17, 3) of a person who walks to the right, in COCO's order.

    x and y are in pixels, and the confidence is 1. From frame ``falls`` on, the person falls within
    ten frames and lies. ``random`` draws pace, phase and small errors of each joint.
    """
    time = np.arange(frames, dtype=np.float64)
    stop = frames if falls is None else falls
    pace, phase = random.uniform(0.9, 1.1), random.uniform(0, 2 * np.pi)
    walked = np.minimum(time, stop) * pace
    swing = np.sin(2 * np.pi * walked / _CYCLE + phase)[:, None] * _SWING
    right, above = _STANDING[:, 0] + swing, np.broadcast_to(_STANDING[:, 1], swing.shape)
    angle = np.clip((time - stop) / _FALL, 0, 1)[:, None] * np.pi / 2
    x = left + walked[:, None] * 0.022 * _TALL
    x = x + _TALL * (right * np.cos(angle) + above * np.sin(angle))
    y = 300 - _TALL * (above * np.cos(angle) - right * np.sin(angle))
    errors = random.normal(0, 0.004 * _TALL, (frames, len(_STANDING), 2))
    return np.concatenate([np.stack([x, y], axis=2) + errors, np.ones((*x.shape, 1))], axis=2)
