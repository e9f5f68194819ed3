"""A piece of normal video as pseudo-anomalies are made of it: what stands still, who moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from vadkit.data.pseudo.tracks import Track, find_foreground, find_tracks


class Made(NamedTuple):
    """A clip made of normal video: frames (N, H, W, C) uint8, labels (N,) and masks (N, H, W) bool.

    A mask holds the pixels of what is abnormal, and a frame is labelled where its mask holds any.
    """

    frames: np.ndarray
    labels: np.ndarray
    masks: np.ndarray

    @classmethod
    def of(cls, frames_NHWC: np.ndarray, masks_NHW: np.ndarray) -> Made:
        """Labels by masks."""
        return cls(frames_NHWC, np.asarray(masks_NHW.any(axis=(1, 2))), masks_NHW)


@dataclass(frozen=True)
class Scene:
    """Frames (N, H, W, C) uint8 in a row of a still camera, without anomalies.

    ``background`` (H, W, C) uint8 is the picture without what moves, such as ``median_of`` frames.
    """

    frames: np.ndarray
    background: np.ndarray

    @cached_property
    def figures(self) -> np.ndarray:
        """(N, H, W) uint8: the number of the figure that a pixel belongs to, 0 for background."""
        return find_foreground(self.frames, self.background)

    @cached_property
    def tracks(self) -> list[Track]:
        """Figures that are seen moving by themselves for some time."""
        return find_tracks(self.figures)


class Pseudo(Protocol):
    """What the family ``pseudo`` holds: a way to make normal video abnormal, more or less so.

    A pure function of its arguments and of what ``rng`` draws. At the strength ``control``, where
    there is one, pixels are edited in the same way and nothing becomes abnormal: whoever tells
    such frames from untouched ones sees the editing, not the anomaly.
    """

    strengths: Sequence[float]
    control: float | None

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> Made | None:
        """A clip of ``lead`` frames, for methods to look back on, and at most ``length`` more.

        The latter are abnormal. None where the scene has nothing that this can be made of.
        """


def median_of(frames_NHWC: np.ndarray, most: int = 60) -> np.ndarray:
    """The median (H, W, C) uint8 of up to ``most`` frames, evenly spread."""
    spread = np.linspace(0, len(frames_NHWC) - 1, min(most, len(frames_NHWC))).round().astype(int)
    background: np.ndarray = np.median(frames_NHWC[spread], axis=0).astype(np.uint8)
    return background
