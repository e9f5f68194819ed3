"""Show a model the video of false alarms, and more normal video."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.workflows.answered.accept import accept_frames, accept_stretch
from vadkit.workflows.answered.stretch import event_stretch, file_source, live_scores
from vadkit.workflows.calibrate.normal_video import NormalVideo
from vadkit.workflows.calibrate.threshold import score_folder
from vadkit.workflows.past_events import PastEvent

if TYPE_CHECKING:
    from vadkit.workflows.detector import Detector


@dataclass(frozen=True)
class Learned:
    """A false alarm that a model has learned from.

    ``peak_before`` and ``peak`` are its highest scores before and after. ``scores`` (n,) are raw
    scores for the calibration, None if no video of it could be read. ``exact`` says that the frames
    are those of the video, and not of the saved clip. ``accepted`` says that the method accepted
    it, now or in an earlier version.
    """

    id: str
    peak_before: float
    peak: float
    scores: np.ndarray | None
    fps: float
    exact: bool
    accepted: bool

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        numbers = {"peak_before": self.peak_before, "peak": self.peak}
        return {
            "id": self.id,
            **{name: None if value != value else value for name, value in numbers.items()},
            "frames": None if self.scores is None else ("video" if self.exact else "clip"),
            "accepted": self.accepted,
        }


def learn_alarms(
    detector: Detector, run: Path, events: Sequence[PastEvent], known: Collection[str]
) -> list[Learned]:
    """Show the method every false alarm that is not ``known``; it becomes normal."""
    return [_learn_alarm(detector, run, event, event.id in known) for event in events]


def _learn_alarm(detector: Detector, run: Path, event: PastEvent, known: bool) -> Learned:
    accepts = getattr(detector.method, "accepts", False)
    stretch = event_stretch(detector, run, event)
    if stretch is None:
        return Learned(event.id, np.nan, np.nan, None, 0.0, False, accepts and known)
    seen = live_scores(detector, stretch)
    raw, before = seen.raw, seen.peak
    peak = before
    if accepts and not known:
        peak = accept_stretch(detector, stretch)
        raw = live_scores(detector, stretch).raw
    if not np.isfinite(raw).any():
        return Learned(event.id, before, peak, None, stretch.fps, stretch.exact, False)
    return Learned(event.id, before, peak, raw, stretch.fps, stretch.exact, accepts)


def learn_videos(detector: Detector, folders: Sequence[Path]) -> list[NormalVideo]:
    """Show the method the videos of folders; return their scores from before it saw them."""
    return [_learn_folder(detector, folder) for folder in folders]


def _learn_folder(detector: Detector, folder: Path) -> NormalVideo:
    def learn(path: Path, rate: float) -> None:
        if getattr(detector.method, "accepts", False):
            _accept_video(detector, path, rate)

    return score_folder(detector, folder, learn)


def _accept_video(detector: Detector, path: Path, fps: float) -> None:
    from vadkit.data.pace import Pacer
    from vadkit.inference.sources.source import Frame

    items = file_source(detector, path).read()
    frames = (item for item in items if isinstance(item, Frame))
    accept_frames(detector, frames, Pacer(detector.method.clip.fps, fps))
