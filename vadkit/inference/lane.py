"""One stream on its way through a method, and several streams in one call of the method."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vadkit.data.tensors import Clips
from vadkit.inference.window import Prepared, RawScore, Window

if TYPE_CHECKING:
    from vadkit.inference.detector import Detector


@dataclass(frozen=True)
class FrameScore:
    """One frame and its scores.

    ``index`` counts frames from 0, including missing ones. ``time`` is in seconds from the first
    frame; ``arrived`` is when the frame was decoded, on the system's monotonic clock (0: unknown).
    ``frame`` is (H, W, 3) uint8 RGB. ``raw`` is the method's score and ``score`` the smoothed one;
    both are NaN for a frame without a score. ``alarm`` says whether ``score`` reaches ``threshold``
    (NaN: unknown). ``map`` (h, w) is the score map, and ``parts`` has the score of each part of a
    method.
    """

    index: int
    time: float
    frame: np.ndarray
    raw: float
    score: float
    threshold: float
    alarm: bool
    map: np.ndarray | None
    parts: dict[str, float]
    arrived: float = 0.0


class Lane:
    """One stream on its way through a detector: its window and its smoothing."""

    def __init__(self, detector: Detector, batch: int, *, live: bool) -> None:
        self.detector, self.batch, self.live = detector, batch, live
        self.smooth = detector.smoothing(live=live)
        self.threshold = detector.threshold
        self.waiting_since = 0.0
        self.window = self._new_window()

    def _new_window(self) -> Window:
        method = self.detector.method
        encoded = getattr(method, "encoded_frames", 0)
        return Window(method.clip.scoring, encoded, self.batch, self.detector.device)

    def push(self, frame: Prepared) -> None:
        """Add a frame."""
        if not self.window.ready:
            self.waiting_since = time.monotonic()
        self.window.push(frame)

    def release(self) -> Iterator[FrameScore]:
        """Yield frames whose scores are known, in order."""
        for raw in self.window.release():
            yield self._final(raw)

    def finish(self) -> Iterator[FrameScore]:
        """Score and yield all frames, as at the end of a video; then start again."""
        self.window.finish()
        score_ready(self.detector, [self])
        for raw in self.window.release(ended=True):
            yield self._final(raw)
        self.window = self._new_window()

    def _final(self, raw: RawScore) -> FrameScore:
        for _ in range(raw.frame.missed):
            self.smooth(float("nan"))
        score, frame = self.smooth(raw.score), raw.frame
        return FrameScore(
            frame.index,
            frame.time,
            frame.image,
            raw.score,
            score,
            self.threshold,
            score >= self.threshold,
            raw.map,
            raw.parts,
            frame.arrived,
        )


def score_ready(detector: Detector, lanes: Sequence[Lane]) -> None:
    """Score the ready clips of all lanes in one call of the method."""
    windows = [lane.window for lane in lanes if lane.window.ready]
    if not windows:
        return
    method: Any = detector.method
    kind = detector.device.type
    bfloat16 = detector.dtype == torch.bfloat16
    with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=bfloat16):
        if windows[0].encoded:
            new = [(window, window.new_windows()) for window in windows]
            asked = [(window, clips) for window, clips in new if clips is not None]
            if asked:
                features = method.encode(_joined([clips for _, clips in asked]))
                sizes = [len(clips) for _, clips in asked]
                for (window, _), made in zip(asked, features.split(sizes), strict=True):
                    window.add_features(made)
            every = [window.features() for window in windows]
            scores = method.score_encoded(every[0] if len(every) == 1 else torch.cat(every))
        else:
            scores = method.score(_joined([window.clips() for window in windows]))
    frames = scores.frames.double().cpu().numpy()
    maps = None
    if detector.maps and scores.maps is not None:
        maps = scores.maps.float().cpu().numpy()
    parts = {name: one.double().cpu().numpy() for name, one in (scores.parts or {}).items()}
    first = 0
    for window in windows:
        rows = slice(first, first + len(window.ready))
        first = rows.stop
        window.put(
            frames[rows],
            None if maps is None else maps[rows],
            {name: one[rows] for name, one in parts.items()},
        )


def _joined(clips: list[Clips]) -> Clips:
    if len(clips) == 1:
        return clips[0]
    flow = [one.flow for one in clips if one.flow is not None]
    boxes = [one for each in clips if each.boxes is not None for one in each.boxes]
    return Clips(
        torch.cat([one.frames for one in clips]),
        torch.cat(flow) if flow else None,
        tuple(boxes) if clips[0].boxes is not None else None,
    )
