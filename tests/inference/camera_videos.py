"""Made videos of a camera: a street with people, and what may happen to the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

FPS = 5.0
SIZE = (180, 320)
# From the seconds and the frame (H, W, 3) float32 to the frame after an incident.
Incident = Callable[[float, np.ndarray], np.ndarray]


def scene(seed: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a street (H, W, 3) float32: sky, ground, houses with windows, and trees."""
    draw = np.random.default_rng(seed)
    high, wide = size
    view = np.empty((high, wide, 3), np.float32)
    view[:] = np.linspace(170, 90, high)[:, None, None] * np.array([0.95, 1.0, 1.05])
    for _ in range(40):
        left, top = int(draw.integers(wide)), int(draw.integers(high))
        colour = draw.uniform(30, 210, 3)
        right, bottom = left + int(draw.integers(8, 60)), top + int(draw.integers(8, 50))
        cv2.rectangle(view, (left, top), (right, bottom), colour.tolist(), -1)
    return view + draw.normal(0, 6, view.shape[:2])[..., None].astype(np.float32)


def video(
    seconds: float, incident: Incident | None = None, *, seed: int = 0, fps: float = FPS
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the time and the frame (H, W, 3) uint8: people pass by, and the sensor has noise."""
    view, draw = scene(seed), np.random.default_rng(seed + 1)
    for number in range(round(seconds * fps)):
        time = number / fps
        frame = view.copy()
        for person in range(4):
            left = int((40 * person + 18 * time * (1 + person / 3)) % (SIZE[1] + 20)) - 10
            top = 40 + 30 * person
            frame[top : top + 26, max(left, 0) : max(left + 10, 0)] = 25.0 + 50 * person
        if incident is not None:
            frame = incident(time, frame)
        frame = frame + draw.normal(0, 3, frame.shape[:2])[..., None]
        yield time, np.clip(frame, 0, 255).astype(np.uint8)


def shifted(right: int, down: int, frame: np.ndarray) -> np.ndarray:
    """Return what the camera sees after it was pushed by this many pixels."""
    back = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(frame, back, SIZE[::-1], borderMode=cv2.BORDER_REFLECT)


def infrared(frame: np.ndarray) -> np.ndarray:
    """Return a frame without colours, bright in the middle and flat in contrast."""
    grey = 255 * (cv2.cvtColor(frame / 255, cv2.COLOR_RGB2GRAY) ** 0.6)
    rows, columns = np.mgrid[-1 : 1 : SIZE[0] * 1j, -1 : 1 : SIZE[1] * 1j]
    return np.repeat((grey * (1.1 - 0.6 * np.hypot(rows, columns)))[..., None], 3, axis=2)
