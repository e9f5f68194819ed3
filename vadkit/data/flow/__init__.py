"""Optical flow between two frames."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Flow(Protocol):
    """The interface of the family ``flow``: the motion between two frames of a video.

    Several threads may call one object at the same time.
    """

    def __call__(self, previous_HWC: np.ndarray, current_HWC: np.ndarray) -> np.ndarray:
        """Frames (H, W, 3 or 1) uint8 -> (H, W, 2) float32, (dx, dy) in pixels per frame.

        The content at (x, y) in the previous frame is at (x + dx, y + dy) in the current one; x
        goes to the right and y down.
        """
