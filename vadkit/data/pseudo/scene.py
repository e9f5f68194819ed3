"""A segment of normal video for making pseudo-anomalies: its background and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from vadkit.data.pseudo.tracks import FigureTrack, find_foreground, find_tracks


class SyntheticClip(NamedTuple):
    """A synthetic clip: frames (N, H, W, C) uint8, labels (N,) and masks (N, H, W) bool.

    A mask has the pixels of the anomaly, and a frame is labelled abnormal if its mask has any.
    """

    frames: np.ndarray
    labels: np.ndarray
    masks: np.ndarray

    @classmethod
    def of(cls, frames_NHWC: np.ndarray, masks_NHW: np.ndarray) -> SyntheticClip:
        """Derive labels from masks."""
        return cls(frames_NHWC, np.asarray(masks_NHW.any(axis=(1, 2))), masks_NHW)


@dataclass(frozen=True)
class Scene:
    """Consecutive frames (N, H, W, C) uint8 of a fixed camera, without anomalies.

    ``background`` (H, W, C) uint8 is the image without moving figures, such as ``median_of``
    frames.
    """

    frames: np.ndarray
    background: np.ndarray

    @cached_property
    def figures(self) -> np.ndarray:
        """(N, H, W) uint8: the number of the figure that a pixel belongs to, 0 for background."""
        return find_foreground(self.frames, self.background)

    @cached_property
    def tracks(self) -> list[FigureTrack]:
        """The figures that move alone for some time."""
        return find_tracks(self.figures)


class Pseudo(Protocol):
    """The interface of the family ``pseudo``: turns normal video into an anomaly of some strength.

    A pure function of its arguments and of the values from ``rng``. At the strength ``control``, if
    there is one, pixels are edited in the same way but nothing becomes abnormal: a method that
    separates such frames from unedited ones detects the editing, not the anomaly.
    """

    strengths: Sequence[float]
    control: float | None

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        """Return a clip of ``lead`` unedited frames and at most ``length`` abnormal frames.

        Methods need the unedited frames before their first score. Returns None if the scene has
        nothing suitable.
        """


def median_of(frames_NHWC: np.ndarray, most: int = 60) -> np.ndarray:
    """Return the median (H, W, C) uint8 of up to ``most`` evenly spread frames."""
    spread = np.linspace(0, len(frames_NHWC) - 1, min(most, len(frames_NHWC))).round().astype(int)
    background: np.ndarray = np.median(frames_NHWC[spread], axis=0).astype(np.uint8)
    return background
