"""One frame of a stream with its scores: what a detector yields and what sinks receive."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from vadkit.inference.alarms import raised_by
from vadkit.inference.boxes import CellEvidence


@dataclass(frozen=True)
class FrameScore:
    """One frame and its scores.

    ``index`` counts frames from 0, including the ``missed`` ones before this frame. ``time`` is in
    seconds from the first frame; ``arrived`` is when the frame was decoded, on the system's
    monotonic clock (0: unknown). ``frame`` is (H, W, 3) uint8 RGB. ``raw`` is the method's score
    and ``score`` the smoothed one; both are NaN for a frame without a score. ``alarm`` says whether
    ``score`` reaches ``threshold`` (NaN: unknown); for sinks, whether an alarm is active. ``map``
    (h, w) is the score map, and ``parts`` has the score of each part of a method.
    ``evidence`` says by kind what is in each cell, for frames with a high score of a method that
    explains itself. ``pace`` is the time since the previous frame, in steps of the frame rate that
    the method was trained at.
    """

    index: int
    time: float
    frame: np.ndarray = field(repr=False)
    raw: float
    score: float
    threshold: float = math.nan
    alarm: bool = False
    map: np.ndarray | None = field(default=None, repr=False)
    parts: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, CellEvidence] | None = field(default=None, repr=False)
    arrived: float = 0.0
    missed: int = 0
    pace: float = 1.0

    @property
    def raised_by(self) -> str | None:
        """The part with the highest score, for a method of several parts; else None."""
        return raised_by(self.parts)
