"""The most unusual stretches of normal video, by the scores that the threshold is based on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.recipe import Recipe
from vadkit.workflows.calibrate.normal_video import NormalVideo
from vadkit.workflows.calibrate.reviewed import video_of

# The number of stretches to show, the seconds between two of them, and their longest length.
COUNT, _APART_S, _LONGEST_S = 20, 2.0, 60.0


@dataclass(frozen=True)
class Unusual:
    """A stretch of normal video with a high score.

    ``frames`` [start, stop) and the frame of the ``peak`` are those of the scored video, which has
    ``fps`` of them per second. ``score`` is the highest live score.
    """

    video: str
    frames: tuple[int, int]
    peak: int
    fps: float
    score: float

    @property
    def id(self) -> str:
        """A name that stays the same if the model changes: video and frames."""
        return f"{self.video}@{self.frames[0]}-{self.frames[1]}"

    def record(self) -> dict[str, Any]:
        """Return JSON-like data."""
        start, stop = (frame / self.fps for frame in self.frames)
        return {
            "id": self.id,
            "video": self.video,
            "frames": list(self.frames),
            "start": round(start, 2),
            "end": round(stop, 2),
            "peak_time": round(self.peak / self.fps, 2),
            "score": self.score,
        }


def unusual_stretches(
    live: Mapping[str, np.ndarray], rates: Mapping[str, float], usual: float, count: int = COUNT
) -> list[Unusual]:
    """Return the stretches with the highest scores, the highest first, at most ``count``.

    A stretch lasts as long as the score is in the upper half between ``usual`` and its peak.
    """
    left = {name: np.where(np.isfinite(values), values, -np.inf) for name, values in live.items()}
    tops = {name: float(values.max(initial=-np.inf)) for name, values in left.items()}
    found: list[Unusual] = []
    while len(found) < count and tops:
        name = max(tops, key=tops.__getitem__)
        if not tops[name] > usual:
            break
        values, rate = left[name], rates[name]
        peak = int(values.argmax())
        start, stop = _around(values, peak, (usual + tops[name]) / 2, round(_LONGEST_S * rate))
        video, first = video_of(name, set())
        frames = (first + start, first + stop)
        found.append(Unusual(video, frames, first + peak, rate, tops[name]))
        apart = round(_APART_S * rate)
        values[max(0, start - apart) : stop + apart] = -np.inf
        tops[name] = float(values.max(initial=-np.inf))
    return found


def _around(values: np.ndarray, peak: int, level: float, longest: int) -> tuple[int, int]:
    """Return the range [start, stop) around a peak that stays above a level."""
    before = np.flatnonzero(values[max(0, peak - longest) : peak] < level)
    after = np.flatnonzero(values[peak : peak + longest] < level)
    start = max(0, peak - longest) + (int(before[-1]) + 1 if len(before) else 0)
    stop = peak + (int(after[0]) if len(after) else min(longest, len(values) - peak))
    return start, stop


def video_paths(recipe: Recipe, normal: NormalVideo) -> dict[str, Path]:
    """Return the files of normal videos by name; videos that are gone have none."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.errors import DataError
    from vadkit.workflows.build import load_videos
    from vadkit.workflows.calibrate.saved import FOLDER_SOURCE

    try:
        if normal.source.startswith(FOLDER_SOURCE):
            folder = normal.source.removeprefix(FOLDER_SOURCE).partition(", with ")[0]
            return dict(find_videos(Path(folder)))
        return {video.id: video.path for video in load_videos(recipe, "train")}
    except DataError:
        return {}
