"""What models say about answered events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.workflows.answered.stretch import event_stretch, live_scores
from vadkit.workflows.past_events import PastEvent

if TYPE_CHECKING:
    from vadkit.workflows.detector import Detector


@dataclass(frozen=True)
class Judged:
    """An answered event, and what each model says: its peak, and whether it raises an alarm.

    ``scores`` (n,) are the live scores of its frames by the last model. ``exact`` says that the
    frames are those of the video, and not of the saved clip.
    """

    id: str
    answer: str
    peaks: list[tuple[float, bool]]
    scores: np.ndarray
    exact: bool

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        peaks = [
            {"peak": None if peak != peak else peak, "alarm": alarm} for peak, alarm in self.peaks
        ]
        frames = "video" if self.exact else "clip"
        return {"id": self.id, "answer": self.answer, "models": peaks, "frames": frames}


def judge(detectors: Sequence[Detector], run: Path, events: Sequence[PastEvent]) -> list[Judged]:
    """Score alarms that were answered right or false; leave out those without frames or scores."""
    found = []
    for event in events:
        if event.answer not in ("right", "false") or event.record["kind"] != "alarm":
            continue
        stretch = event_stretch(detectors[0], run, event)
        if stretch is None:
            continue
        each = [live_scores(detector, stretch) for detector in detectors]
        peaks = [seen.peak for seen in each]
        if np.isfinite(peaks).all():
            alarms = [p >= d.threshold for p, d in zip(peaks, detectors, strict=True)]
            last = each[-1]
            # What comes just before a right alarm is normal.
            counts = np.isfinite(last.live) & (last.event | (event.answer == "false"))
            rows = list(zip(peaks, alarms, strict=True))
            found.append(
                Judged(event.id, str(event.answer), rows, last.live[counts], stretch.exact)
            )
    return found
