"""The whole video played at another speed, or backwards."""

from __future__ import annotations

import cv2
import numpy as np

from vadkit.data.pseudo.editing import between
from vadkit.data.pseudo.scene import Scene, SyntheticClip

# The difference between frames, in grey levels, at which a pixel moves.
_CHANGES = 8.0


class Playback:
    """A segment of the video played at another speed; negative speeds play it backwards.

    Speeds are multiples of the video's speed, and need not be whole: frames between two frames are
    warped with the optical flow. The segment continues from the previous frame without a jump.
    Moving figures are abnormal; a frame in which nothing moves is not labelled.
    """

    control = 1.0

    def __init__(self, *, speeds: tuple[float, ...] = (-1.0, 1.25, 1.5, 2.0, 4.0)) -> None:
        self.strengths = speeds

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        count = len(scene.frames)
        # The control is the original speed, half a frame late.
        control = strength == self.control
        late = 0.5 if control else 0.0
        room = count - lead - 1 if strength > 0 else count - 1
        length = min(length, int(room / abs(strength) - late) if strength else length)
        if length < 1 or lead + length > count:
            return None
        reach = strength * length + late
        earliest = max(lead - 1, int(np.ceil(-reach)))
        latest = count - 1 - int(np.ceil(max(reach, 0)))
        if earliest > latest:
            return None
        last = earliest + int(rng.random() * (latest - earliest + 1))
        before = np.arange(last - lead + 1, last + 1) + late
        times = np.r_[before, last + strength * np.arange(1, length + 1) + late]
        frames = np.stack([between(scene.frames, time) for time in times])
        masks = np.zeros(frames.shape[:3], bool)
        if not control:
            for number in range(lead, len(times)):
                masks[number] = _moving(scene, frames[number - 1 : number + 1], times[number])
        return SyntheticClip.of(frames, masks)


def _moving(scene: Scene, pair_2HWC: np.ndarray, time: float) -> np.ndarray:
    """Return pixels (H, W) of figures that move, according to changes of the image."""
    before, now = (cv2.GaussianBlur(f.mean(axis=2, dtype=np.float32), (0, 0), 1) for f in pair_2HWC)
    changed = np.abs(np.asarray(now) - np.asarray(before)) > _CHANGES
    near = np.asarray(cv2.dilate(changed.astype(np.uint8), np.ones((5, 5), np.uint8)))
    mask: np.ndarray = (near > 0) & (scene.figures[round(time)] > 0)
    return mask
