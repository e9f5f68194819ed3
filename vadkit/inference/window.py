"""The part of a stream that is still needed: frames for later clips, and unscored frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clips.ranges import scoring_starts
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.inference.boxes import CellEvidence
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.ring import Ring


@dataclass(frozen=True)
class Prepared:
    """A frame of a stream as input of a window.

    ``image`` is the original frame, and ``small`` (H, W, C) uint8 the frame in a clip. ``flow`` (H,
    W, 2) float16 is relative to the previous frame, ``boxes`` (n, 4) float32 are in clip pixels;
    both are None if the method needs none. ``time``, ``missed``, ``arrived`` and ``cut`` are those
    of the frame. ``pace`` is the time since the previous frame, in steps of the frame rate that the
    method was trained at. A frame that is not ``picked`` is between two steps: no clip contains it.
    """

    index: int
    time: float
    image: np.ndarray
    small: np.ndarray
    flow: np.ndarray | None = None
    boxes: np.ndarray | None = None
    missed: int = 0
    arrived: float = 0.0
    cut: bool = False
    pace: float = 1.0
    picked: bool = True

    @property
    def starts_anew(self) -> bool:
        """Whether clips may not contain this frame and the previous one."""
        return self.cut or self.missed > 0


class Window:
    """Turns frames into clips, and scores of clips into scores of frames, for one run of frames.

    The clips are those of ``vadkit eval``: their distance is the number of frames that one scores,
    and the last one is aligned to the end. Frames come out in order, as soon as no later clip can
    score them. ``ready`` are the first frames of clips that can be scored; at most ``batch`` may
    wait. With ``segments``, clips are segments of which so many are remembered, and a frame has the
    score of the first segment that contains it.
    """

    def __init__(
        self,
        spec: ClipSpec,
        encoded: int,
        batch: int,
        device: torch.device,
        *,
        segments: int = 0,
    ) -> None:
        self.spec, self.encoded, self.device = spec, encoded, device
        # The features of the latest segments, for a method whose clips are segments.
        self._segments: deque[Tensor] = deque(maxlen=segments)
        self.hop = clip_hop(spec)
        keep = spec.span + (batch + 1) * self.hop
        self.ready: list[int] = []
        self._count = self._next = self._released = 0
        self._frames, self._flow, self._features = Ring(keep), Ring(keep), Ring(keep)
        self._boxes: dict[int, Tensor] = {}
        self._held: deque[Prepared] = deque()
        # The last picked frame that was released; frames that are not picked have its score.
        self._last: FrameScore | None = None
        self._found: dict[int, list[tuple[float, dict[str, float]]]] = {}
        self._maps: dict[int, np.ndarray] = {}
        self._evidence: dict[int, dict[str, CellEvidence]] = {}

    def push(self, frame: Prepared) -> None:
        """Add the next frame; it is moved to the device and normalised here, once."""
        self._held.append(frame)
        if not frame.picked:
            return
        low, high = self.spec.range
        row = self._frames.append(torch.from_numpy(frame.small), torch.float32, self.device)
        row.mul_((high - low) / 255).add_(low)
        if frame.flow is not None:
            self._flow.append(torch.from_numpy(frame.flow), torch.float32, self.device)
        if frame.boxes is not None:
            self._boxes[self._count] = torch.from_numpy(frame.boxes).to(self.device)
            self._boxes.pop(self._count - self._frames.keep, None)
        self._count += 1
        if self._next + self.spec.span <= self._count:
            self.ready.append(self._next)
            self._next += self.hop

    def finish(self) -> None:
        """No more frames come: make the clip that is aligned to the end ready."""
        last = self._count - self.spec.span
        if last > self._next - self.hop and last >= 0:
            self.ready.append(last)
            self._next = last + self.hop

    def clips(self) -> Clips:
        """Return the ready clips; frames are a view, do not write to it."""
        spec = self.spec
        frames = self._frames.clips(self.ready, spec.frames, spec.step).permute(0, 4, 1, 2, 3)
        flow = boxes = None
        if spec.flow:
            picked = [self._flow.clips([s + f for s in self.ready], 1) for f in spec.flow]
            flow = torch.cat(picked, dim=1).permute(0, 4, 1, 2, 3)
        if spec.boxes is not None:
            offset = spec.boxes * spec.step
            boxes = tuple(self._boxes[start + offset] for start in self.ready)
        return Clips(frames, flow, boxes)

    def new_windows(self) -> Clips | None:
        """Return the windows of ``encoded`` frames without a feature; None if all have one."""
        spec, reach = self.spec, (self.encoded - 1) * self.spec.step
        # Features are numbered by the first frame of their window.
        starts = list(range(self._features.count, self._count - reach))
        if not starts:
            return None
        frames = self._frames.clips(starts, self.encoded, spec.step).permute(0, 4, 1, 2, 3)
        last = [start + reach for start in starts]
        flow = boxes = None
        if spec.flow:
            flow = self._flow.clips(last, 1).permute(0, 4, 1, 2, 3)
        if spec.boxes is not None:
            boxes = tuple(self._boxes[number] for number in last)
        return Clips(frames, flow, boxes)

    def add_features(self, features: Tensor) -> None:
        """Add the features of ``new_windows``, (n, ...) in the same order."""
        for feature in features:
            self._features.append(feature, feature.dtype, feature.device)

    def features(self) -> Tensor:
        """Return the features of the ready clips, (B, N, ...); a view."""
        count = self.spec.frames - self.encoded + 1
        return self._features.clips(self.ready, count, self.spec.step)

    def remembered(self, features: Tensor) -> list[Tensor]:
        """Add the features (B, ...) of the ready clips; return those (t, ...) up to each."""
        found = []
        for one in features:
            self._segments.append(one)
            found.append(torch.stack(list(self._segments)))
        return found

    def put(
        self,
        scores: np.ndarray,
        maps: np.ndarray | None,
        parts: dict[str, np.ndarray],
        evidence: dict[int, list[dict[str, CellEvidence]]],
    ) -> None:
        """Add the ready clips' scores (B, S), maps (B, S, h, w) and scores by part (B, S).

        ``evidence`` has that of some clips, for each scored frame.
        """
        for row, start in enumerate(self.ready):
            for place, offset in enumerate(self.spec.scored):
                index = start + offset * self.spec.step
                if self._segments and index in self._found:
                    continue
                by_part = {name: float(values[row, place]) for name, values in parts.items()}
                self._found.setdefault(index, []).append((float(scores[row, place]), by_part))
                if maps is not None:
                    self._maps[index] = maps[row, place]
                if row in evidence:
                    self._evidence[index] = evidence[row][place]
        self.ready.clear()

    def release(self, *, ended: bool = False) -> Iterator[FrameScore]:
        """Yield frames that no later clip can score, each once; all frames if ``ended``.

        Their ``score`` is the raw score, before smoothing.
        """
        # A video that ends now has a last clip that is aligned to its end.
        coming = max(0, self._next - self.hop + 1, self._count - self.spec.span)
        waiting = self.ready[0] if self.ready else coming
        before = min(coming, waiting) + min(self.spec.scored) * self.spec.step
        if ended:
            before = self._count
        while self._held and (self._released < before or not self._held[0].picked):
            frame = self._held.popleft()
            if not frame.picked:
                yield _like(self._last, frame)
                continue
            found = self._found.pop(self._released, [])
            parts: dict[str, float] = {}
            if found:
                parts = {name: _mean([one[1][name] for one in found]) for name in found[0][1]}
            score = _mean([one[0] for one in found]) if found else float("nan")
            self._last = FrameScore(
                frame.index,
                frame.time,
                frame.image,
                score,
                score,
                map=self._maps.pop(self._released, None),
                parts=parts,
                evidence=self._evidence.pop(self._released, None),
                arrived=frame.arrived,
                missed=frame.missed,
                pace=frame.pace,
            )
            self._released += 1
            yield self._last


def _like(last: FrameScore | None, frame: Prepared) -> FrameScore:
    """Return a frame between two steps, with the scores of the last step."""
    assert last is not None, "the first frame after a cut is a step"
    return replace(
        last,
        index=frame.index,
        time=frame.time,
        frame=frame.image,
        arrived=frame.arrived,
        missed=frame.missed,
        pace=frame.pace,
    )


def clip_hop(spec: ClipSpec) -> int:
    """Return the number of frames between the starts of clips when a video is scored."""
    starts = scoring_starts(3 * spec.span + 64, spec)
    return int(starts[1] - starts[0])


def delay_of(spec: ClipSpec, batch: int) -> int:
    """Return the largest delay of a score in frames, with clips in batches."""
    hop = clip_hop(spec)
    least = spec.span - 1 - min(spec.scored) * spec.step
    # If a clip scores several frames and the video ends, a last clip may score some again.
    return max(least + (batch - 1) * hop, least + (hop > 1))


def _mean(values: list[float]) -> float:
    # Same as in eval: summed in order of the clips, and saved as float32.
    return float(np.float32(sum(values) / len(values)))
