"""One stream on its way through a method, and several streams in one call of the method."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from vadkit.data.flow import Flow
from vadkit.data.objects import FrameFinder
from vadkit.data.tensors import Clips
from vadkit.inference.boxes import CellEvidence
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.window import Prepared, Window
from vadkit.methods.method import Evidence, Scores
from vadkit.recipe import Zone
from vadkit.schedule import local_time
from vadkit.scoring.scorer import PacedStep
from vadkit.zones import mask, now_on


class StreamDetector(Protocol):
    """What streams need of a detector: its method, the method's inputs, and settings."""

    method: Any
    device: torch.device
    dtype: torch.dtype
    batch_size: int
    flow: Flow | None
    objects: FrameFinder | None
    maps: bool
    zones: tuple[Zone, ...]

    @property
    def threshold(self) -> float:
        """The alarm threshold for scores; NaN if unknown."""

    @property
    def explained_from(self) -> float:
        """The raw score from which a frame may belong to an alarm; NaN if there are none."""

    def batch_for(self, max_delay: int | None) -> int:
        """Return the batch size of a stream for scores at most ``max_delay`` frames late."""

    def smoothing(self, *, live: bool) -> PacedStep:
        """Return the function from raw scores to final ones, for one stream."""


class StreamState:
    """One stream on its way through a detector: its window and its smoothing.

    ``name`` and ``epoch``, the Unix time of the source's time 0 if known, decide which zones hold.
    """

    def __init__(
        self,
        detector: StreamDetector,
        batch: int,
        *,
        live: bool,
        name: str | None = None,
        epoch: float | None = None,
    ) -> None:
        self.detector, self.batch, self.live = detector, batch, live
        self.name, self.epoch = name, epoch
        self.smooth = detector.smoothing(live=live)
        self.threshold = detector.threshold
        self.waiting_since = self._last_time = 0.0
        self.window = self._new_window()

    def _new_window(self) -> Window:
        method = self.detector.method
        encoded = getattr(method, "encoded_frames", 0)
        segments = method.window if getattr(method, "from_bags", False) else 0
        device = self.detector.device
        return Window(method.clip.scoring, encoded, self.batch, device, segments=segments)

    def push(self, frame: Prepared) -> None:
        """Add a frame."""
        if not self.window.ready:
            self.waiting_since = time.monotonic()
        self._last_time = frame.time
        self.window.push(frame)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones that hold at the last frame."""
        zones = self.detector.zones
        if not zones:
            return ()
        when = None if self.epoch is None else local_time(self.epoch + self._last_time)
        return now_on(zones, when, self.name)

    def release(self) -> Iterator[FrameScore]:
        """Yield frames whose scores are known, in order."""
        for item in self.window.release():
            yield self._final(item)

    def finish(self) -> Iterator[FrameScore]:
        """Score and yield all frames, as at the end of a video; then start again."""
        self.window.finish()
        score_ready(self.detector, [self])
        for item in self.window.release(ended=True):
            yield self._final(item)
        self.window = self._new_window()

    def _final(self, item: FrameScore) -> FrameScore:
        for _ in range(item.missed):
            self.smooth(float("nan"))
        score = self.smooth(item.raw, item.pace)
        return replace(item, score=score, threshold=self.threshold, alarm=score >= self.threshold)


def score_ready(detector: StreamDetector, streams: Sequence[StreamState]) -> None:
    """Score the ready clips of all streams, in one call of the method for the same zones."""
    ready = [stream for stream in streams if stream.window.ready]
    if not hasattr(detector.method, "ignore"):
        # The graph of an exported method contains its zones.
        _score_together(detector, [stream.window for stream in ready])
        return
    by_zones: dict[bytes, tuple[np.ndarray | None, list[Window]]] = {}
    for stream in ready:
        places = mask(stream.zones, detector.method.clip.size)
        key = b"" if places is None else places.tobytes()
        by_zones.setdefault(key, (places, []))[1].append(stream.window)
    for places, windows in by_zones.values():
        ignored = None if places is None else torch.tensor(places, device=detector.device)
        detector.method.ignore(ignored)
        _score_together(detector, windows)


def _score_together(detector: StreamDetector, windows: Sequence[Window]) -> None:
    if not windows:
        return
    method: Any = detector.method
    kind = detector.device.type
    bfloat16 = detector.dtype == torch.bfloat16
    with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=bfloat16):
        features = clips = None
        if windows[0].encoded:
            features = _encoded(method, windows)
            scores = method.score_encoded(features)
        elif getattr(method, "from_bags", False):
            scores = _of_segments(method, windows)
        else:
            clips = _joined([window.clips() for window in windows])
            scores = method.score(clips)
        frames = scores.frames.double().cpu().numpy()
        with np.errstate(invalid="ignore"):
            high = np.flatnonzero((frames >= detector.explained_from).any(axis=1)).tolist()
        found: dict[str, Evidence] = {}
        if high and hasattr(method, "explain"):
            if features is not None:
                found = method.explain_encoded(features[high])
            elif clips is not None:
                found = method.explain(clips.pick(high))
    maps = None
    if detector.maps and scores.maps is not None:
        maps = scores.maps.float().cpu().numpy()
    parts = {name: one.double().cpu().numpy() for name, one in (scores.parts or {}).items()}
    explained = dict(zip(high, _by_clip(found, len(high)), strict=True)) if found else {}
    first = 0
    for window in windows:
        rows = slice(first, first + len(window.ready))
        window.put(
            frames[rows],
            None if maps is None else maps[rows],
            {name: one[rows] for name, one in parts.items()},
            {row - first: one for row, one in explained.items() if first <= row < rows.stop},
        )
        first = rows.stop


def _of_segments(method: Any, windows: Sequence[Window]) -> Scores:
    """Return the scores (B, S) of ready segments, each the same for all of its frames."""
    features = method.encode(_joined([window.clips() for window in windows]))
    parts = features.split([len(window.ready) for window in windows])
    known = [
        one for window, part in zip(windows, parts, strict=True) for one in window.remembered(part)
    ]
    scores = method.score_last(known)
    return Scores(scores[:, None].expand(-1, len(method.clip.scored)))


def _encoded(method: Any, windows: Sequence[Window]) -> Tensor:
    """Return the features of the ready clips; each window is encoded once."""
    new = [(window, window.new_windows()) for window in windows]
    pending = [(window, clips) for window, clips in new if clips is not None]
    if pending:
        encoded = method.encode(_joined([clips for _, clips in pending]))
        sizes = [len(clips) for _, clips in pending]
        for (window, _), new_features in zip(pending, encoded.split(sizes), strict=True):
            window.add_features(new_features)
    features = [window.features() for window in windows]
    return features[0] if len(features) == 1 else torch.cat(features)


def _by_clip(found: dict[str, Evidence], count: int) -> list[list[dict[str, CellEvidence]]]:
    """Return the evidence of each clip, for each of its scored frames."""
    arrays = {
        kind: CellEvidence(
            one.scores.float().cpu().numpy(),
            one.own.float().cpu().numpy(),
            {name: value.float().cpu().numpy() for name, value in one.values.items()},
        )
        for kind, one in found.items()
    }

    def of(one: CellEvidence, clip: int, place: int) -> CellEvidence:
        values = {name: value[clip, place] for name, value in one.values.items()}
        return CellEvidence(one.scores[clip, place], one.own[clip, place], values)

    scored = next(iter(arrays.values())).scores.shape[1]
    return [
        [{kind: of(one, clip, place) for kind, one in arrays.items()} for place in range(scored)]
        for clip in range(count)
    ]


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
