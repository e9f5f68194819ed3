"""Inputs of methods in addition to frames: flow, boxes, rows of features from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from vadkit.data.objects import Boxes
from vadkit.data.pace import renumbered
from vadkit.data.videos import ClipSpec


class FlowReader(Protocol):
    """Optical flow that can be read by frame number."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the flow of the frames [start, stop), (n, H, W, 2)."""


@dataclass(frozen=True)
class GivenRows:
    """Features of one video from a file: n rows.

    ``frame`` (n,) int64 counts from 0, ascending; ``rows`` is (n, F) float32; ``xyxy`` (n, 4)
    float32 are the boxes of the rows in pixels, None if each row describes a whole frame.
    """

    frame: np.ndarray
    rows: np.ndarray
    xyxy: np.ndarray | None = None

    def at(self, frame: int) -> np.ndarray:
        """Return the rows (k, 4 + F) of one frame, boxes first; NaN for rows without a box."""
        start, stop = np.searchsorted(self.frame, [frame, frame + 1])
        boxes = np.full((stop - start, 4), np.nan) if self.xyxy is None else self.xyxy[start:stop]
        return np.hstack([boxes, self.rows[start:stop]]).astype(np.float32)

    def pick(self, numbers: np.ndarray) -> GivenRows:
        """Return the rows of these frames (n,), ascending, which are then counted from 0."""
        kept, place = renumbered(self.frame, numbers)
        xyxy = None if self.xyxy is None else self.xyxy[kept]
        return GivenRows(place, self.rows[kept], xyxy)


@dataclass(frozen=True)
class Extras:
    """Flow and boxes of one video, both in clip pixels; None if the method does not need them.

    ``given`` has rows of features by the names of ``ClipSpec.given``.
    """

    flow: FlowReader | None = None
    boxes: Boxes | None = None
    given: Mapping[str, GivenRows] = field(default_factory=dict)


class ClipExtras(NamedTuple):
    """Flow (B, F, H, W, 2), boxes (n, 4) and given rows (n, 4 + F) of a batch, on the CPU.

    None if the spec does not request them.
    """

    flow: Tensor | None = None
    boxes: tuple[Tensor, ...] | None = None
    given: dict[str, tuple[Tensor, ...]] | None = None


def gather_extras(videos: Sequence[Extras], rows: np.ndarray, spec: ClipSpec) -> ClipExtras:
    """Return the extras of the clips in ``rows`` (video number, first frame)."""
    flow = boxes = given = None
    if spec.flow:
        flow = _flow_of(videos, rows, spec)
    if spec.boxes is not None:
        offset = spec.boxes * spec.step
        boxes = tuple(_boxes_at(videos[video], start + offset) for video, start in rows.tolist())
    if spec.given:
        offset = spec.scored[-1] * spec.step
        given = {
            name: tuple(
                torch.from_numpy(videos[video].given[name].at(start + offset))
                for video, start in rows.tolist()
            )
            for name in spec.given
        }
    return ClipExtras(flow, boxes, given)


def _flow_of(videos: Sequence[Extras], rows: np.ndarray, spec: ClipSpec) -> Tensor:
    """Return the flow (B, F, H, W, 2) of clips; for consecutive clips, a view of one read."""
    count, first = len(spec.flow), spec.flow[0]
    every_frame = spec.step == 1 and spec.flow == tuple(range(first, first + count))
    if every_frame and (np.diff(rows, axis=0) == (0, 1)).all():
        video, start = rows[0].tolist()
        source = videos[video].flow
        assert source is not None, "the clip needs flow, but there is none"
        read = source.read(start + first, int(rows[-1, 1]) + first + count)
        return torch.from_numpy(read).unfold(0, count, 1).movedim(-1, 1)
    clips = [_flow_at(videos[video], start, spec) for video, start in rows.tolist()]
    return torch.from_numpy(np.stack(clips))


def _flow_at(video: Extras, start: int, spec: ClipSpec) -> np.ndarray:
    assert video.flow is not None, "the clip needs flow, but there is none"
    return np.concatenate(
        [video.flow.read(start + offset, start + offset + 1) for offset in spec.flow]
    )


def _boxes_at(video: Extras, frame: int) -> Tensor:
    assert video.boxes is not None, "the clip needs boxes, but there are none"
    return torch.from_numpy(video.boxes.at(frame).xyxy.copy())


def boxes_in_clip(boxes: Boxes, source: tuple[int, int], clip: tuple[int, int]) -> Boxes:
    """Scale boxes from the source's (height, width) to the clip's."""
    return replace(boxes, xyxy=_scaled(boxes.xyxy, source, clip))


def given_in_clip(given: GivenRows, source: tuple[int, int], clip: tuple[int, int]) -> GivenRows:
    """Scale the boxes of rows from the source's (height, width) to the clip's."""
    return given if given.xyxy is None else replace(given, xyxy=_scaled(given.xyxy, source, clip))


def _scaled(xyxy: np.ndarray, source: tuple[int, int], clip: tuple[int, int]) -> np.ndarray:
    scale = np.tile([clip[1] / source[1], clip[0] / source[0]], 2)
    boxes: np.ndarray = (xyxy * scale).astype(np.float32)
    return boxes
