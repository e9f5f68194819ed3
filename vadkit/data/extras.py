"""What methods take of a video beside its frames: optical flow, and boxes of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from vadkit.data.objects import Boxes
from vadkit.data.videos import ClipSpec


class FlowReader(Protocol):
    """Optical flow that can be read by frame number."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Flow of the frames [start, stop), (n, H, W, 2)."""


@dataclass(frozen=True)
class Extras:
    """Flow and boxes of one video, both in pixels of the clip; None where no method wants them."""

    flow: FlowReader | None = None
    boxes: Boxes | None = None


class ClipExtras(NamedTuple):
    """Flow (B, F, H, W, 2) and boxes (n, 4) of a batch of clips, on the CPU; None as above."""

    flow: Tensor | None = None
    boxes: tuple[Tensor, ...] | None = None


def gather_extras(videos: Sequence[Extras], rows: np.ndarray, spec: ClipSpec) -> ClipExtras:
    """What the clips of ``rows`` (video number, first frame) take of their videos' extras."""
    flow = boxes = None
    if spec.flow:
        flow = _flow_of(videos, rows, spec)
    if spec.boxes is not None:
        offset = spec.boxes * spec.step
        boxes = tuple(_boxes_at(videos[video], start + offset) for video, start in rows.tolist())
    return ClipExtras(flow, boxes)


def _flow_of(videos: Sequence[Extras], rows: np.ndarray, spec: ClipSpec) -> Tensor:
    """Flow (B, F, H, W, 2) of clips; those in a row are a view of what is read once."""
    count, first = len(spec.flow), spec.flow[0]
    every_frame = spec.step == 1 and spec.flow == tuple(range(first, first + count))
    if every_frame and (np.diff(rows, axis=0) == (0, 1)).all():
        video, start = rows[0].tolist()
        source = videos[video].flow
        assert source is not None, "the clip wants flow, but there is none"
        read = source.read(start + first, int(rows[-1, 1]) + first + count)
        return torch.from_numpy(read).unfold(0, count, 1).movedim(-1, 1)
    clips = [_flow_at(videos[video], start, spec) for video, start in rows.tolist()]
    return torch.from_numpy(np.stack(clips))


def _flow_at(video: Extras, start: int, spec: ClipSpec) -> np.ndarray:
    assert video.flow is not None, "the clip wants flow, but there is none"
    return np.concatenate(
        [video.flow.read(start + offset, start + offset + 1) for offset in spec.flow]
    )


def _boxes_at(video: Extras, frame: int) -> Tensor:
    assert video.boxes is not None, "the clip wants boxes, but there are none"
    return torch.from_numpy(video.boxes.at(frame).xyxy.copy())


def boxes_in_clip(boxes: Boxes, source: tuple[int, int], clip: tuple[int, int]) -> Boxes:
    """Boxes scaled from the source's (height, width) to the clip's."""
    scale = np.tile([clip[1] / source[1], clip[0] / source[0]], 2)
    return replace(boxes, xyxy=(boxes.xyxy * scale).astype(np.float32))
