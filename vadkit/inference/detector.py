"""A trained method on new video: frames in, a score for every frame out."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vadkit.data.clips import scoring_starts
from vadkit.data.extras import ClipExtras, boxes_in_clip
from vadkit.data.flow import Flow
from vadkit.data.objects import FrameBoxes, FrameFinder, boxes_of_frames
from vadkit.data.resize import to_size
from vadkit.data.tensors import make_clips
from vadkit.methods.exported import ExportedMethod
from vadkit.methods.method import Method
from vadkit.methods.scoring import score_batch
from vadkit.scoring.normal import NormalScores


@dataclass(frozen=True)
class FrameScore:
    """One frame with its raw score, NaN where the method gives none, and its map (h, w)."""

    index: int
    frame: np.ndarray
    score: float
    map: np.ndarray | None


@dataclass
class Detector:
    """A method with its weights, ready to score frames.

    ``normal`` says what scores were on training video; ``scorers`` is the recipe's chain. ``flow``
    and ``objects`` work out what the method takes beside frames, None where it takes none.
    """

    method: Method | ExportedMethod
    device: torch.device
    dtype: torch.dtype
    batch_size: int = 8
    normal: NormalScores | None = None
    scorers: tuple[Any, ...] = ()
    flow: Flow | None = None
    objects: FrameFinder | None = None

    @classmethod
    def load(cls, run: Path | str, checkpoint: str = "last") -> Detector:
        """The detector of a run folder, or of an exported ``.onnx`` or ``.pt2`` file.

        Raises ``TrainingError`` when the run has no such checkpoint, ``DataError`` when the file
        cannot be read.
        """
        # Building from a recipe is a workflow, a layer above; it is looked up when asked for.
        from importlib import import_module

        detector = import_module("vadkit.workflows.infer").load_detector(Path(run), checkpoint)
        assert isinstance(detector, cls)
        return detector

    def stream(self, frames: Iterable[np.ndarray]) -> Iterator[FrameScore]:
        """Score frames (H, W, 3) uint8 RGB in order, each looked at once.

        Frames come out in order, with the scores that ``vadkit eval`` gives the same video. A
        frame is held back until no later clip can score it: at most a batch of clips.
        """
        window = _Window(self)
        if self.objects is None:
            for frame in frames:
                yield from window.push(frame, None)
        else:
            # Frames that the finder looks at ahead of its answer are kept until they are scored.
            frames, seen = itertools.tee(frames)
            for frame, found in zip(frames, self.objects.stream(seen), strict=True):
                yield from window.push(frame, found)
        yield from window.finish()


class _Window:
    """The frames that are still needed: resized ones for clips, whole ones until scored."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.spec = detector.method.clip.scoring
        # Scoring starts are `hop` apart; the last clip of a video is aligned to its end.
        starts = scoring_starts(3 * self.spec.span + 64, self.spec)
        self.hop = int(starts[1] - starts[0])
        self.batch = max(1, min(detector.batch_size, -(-32 // self.hop)))
        self.small: dict[int, np.ndarray] = {}
        self.flow: dict[int, np.ndarray] = {}
        self.boxes: dict[int, torch.Tensor] = {}
        self.held: deque[tuple[int, np.ndarray]] = deque()
        self.sums: dict[int, list[float]] = {}
        self.maps: dict[int, np.ndarray] = {}
        self.waiting: list[int] = []
        self.count = 0
        self.next_start = 0

    def push(self, frame: np.ndarray, found: FrameBoxes | None) -> Iterator[FrameScore]:
        small = to_size(frame, self.spec.size, self.spec.channels)
        self.small[self.count] = small
        if self.spec.flow and self.detector.flow is not None:
            # As the store has it: nothing comes before the first frame, and float16.
            previous = self.small.get(self.count - 1, small)
            moved = self.detector.flow(previous, small).astype(np.float16)
            self.flow[self.count] = moved if self.count else np.zeros_like(moved)
        if found is not None:
            boxes = boxes_in_clip(boxes_of_frames([found]), frame.shape[:2], self.spec.size)
            self.boxes[self.count] = torch.from_numpy(boxes.xyxy)
        self.held.append((self.count, frame))
        self.count += 1
        if self.next_start + self.spec.span <= self.count:
            self.waiting.append(self.next_start)
            self.next_start += self.hop
        if len(self.waiting) == self.batch:
            self._score_waiting()
            yield from self._release(min(self.next_start, self.count - self.spec.span))

    def finish(self) -> Iterator[FrameScore]:
        starts = scoring_starts(self.count, self.spec)
        if len(starts) and starts[-1] > self.next_start - self.hop:
            self.waiting.append(int(starts[-1]))
        self._score_waiting()
        yield from self._release(self.count)

    def _score_waiting(self) -> None:
        if not self.waiting:
            return
        offsets = [offset * self.spec.step for offset in range(self.spec.frames)]
        clips = np.stack(
            [np.stack([self.small[start + offset] for offset in offsets]) for start in self.waiting]
        )
        detector = self.detector
        batch = make_clips(
            torch.from_numpy(clips), self._extras(), self.spec, detector.device, torch.float32
        )
        scores, maps = score_batch(detector.method, batch, detector.dtype, maps=True)
        for row, start in enumerate(self.waiting):
            for place, offset in enumerate(self.spec.scored):
                index = start + offset * self.spec.step
                self.sums.setdefault(index, []).append(float(scores[row, place]))
                if maps is not None:
                    self.maps[index] = maps[row, place]
        self.waiting.clear()

    def _extras(self) -> ClipExtras:
        """Flow and boxes of the clips that are to be scored."""
        flow = boxes = None
        if self.spec.flow:
            read = [[self.flow[start + o] for o in self.spec.flow] for start in self.waiting]
            flow = torch.from_numpy(np.array(read))
        if self.spec.boxes is not None:
            offset = self.spec.boxes * self.spec.step
            boxes = tuple(self.boxes[start + offset] for start in self.waiting)
        return ClipExtras(flow, boxes)

    def _release(self, before: int) -> Iterator[FrameScore]:
        while self.held and self.held[0][0] < before:
            index, frame = self.held.popleft()
            found = self.sums.pop(index, [])
            score = float(np.mean(found)) if found else float("nan")
            yield FrameScore(index, frame, score, self.maps.pop(index, None))
        for index in [index for index in self.small if index < self.needed_from(before)]:
            for kept in (self.small, self.flow, self.boxes):
                kept.pop(index, None)

    def needed_from(self, before: int) -> int:
        """The first frame that a later clip can still use."""
        return min(before, self.next_start, max(0, self.count - self.spec.span))


def load_normal(run: Path) -> NormalScores | None:
    """``normal.json`` of a run, None when training has not written it."""
    path = run / "normal.json"
    if not path.is_file():
        return None
    return NormalScores.from_dict(json.loads(path.read_text(encoding="utf-8")))
