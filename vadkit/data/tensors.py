"""Clips as tensors for methods, made from uint8 frames on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vadkit.data.extras import ClipExtras
from vadkit.data.videos import ClipSpec


@dataclass(frozen=True)
class Clips:
    """A batch of clips on the method's device.

    ``frames`` is (B, C, T, H, W) in the range of the ``ClipSpec``. ``flow`` is (B, 2, F, H, W)
    float32, dx and dy in clip pixels, from the previous frame to each of the F frames of
    ``ClipSpec.flow``. ``boxes`` has, for each clip, the (n, 4) float32 boxes x1, y1, x2, y2 of its
    frame ``ClipSpec.boxes``, in clip pixels. Flow and boxes are None if the spec does not request
    them. ``videos`` (B,) are the numbers of the clips' training videos, on the CPU; None outside of
    training. ``given`` has, by the names of ``ClipSpec.given``, for each clip the (n, 4 + F)
    float32 rows from files for its last scored frame: a box in clip pixels (NaN for a row of the
    whole frame), then F features; None if there are none.
    """

    frames: Tensor
    flow: Tensor | None = None
    boxes: tuple[Tensor, ...] | None = None
    videos: Tensor | None = None
    given: Mapping[str, tuple[Tensor, ...]] | None = None

    def __len__(self) -> int:
        """The number of clips."""
        return len(self.frames)

    def pick(self, numbers: Sequence[int]) -> Clips:
        """Return the clips with these numbers, in this order; consecutive ones are a view."""
        chosen = list(numbers)
        in_a_row = bool(chosen) and chosen == list(range(chosen[0], chosen[0] + len(chosen)))
        at = slice(chosen[0], chosen[-1] + 1) if in_a_row else chosen
        return Clips(
            self.frames[at],
            None if self.flow is None else self.flow[at],
            None if self.boxes is None else tuple(self.boxes[number] for number in chosen),
            None if self.videos is None else self.videos[chosen],
            None
            if self.given is None
            else {name: tuple(rows[n] for n in chosen) for name, rows in self.given.items()},
        )


def make_clips(
    frames_BTHWC: Tensor,
    extras: ClipExtras,
    spec: ClipSpec,
    device: torch.device,
    dtype: torch.dtype,
    augment: Callable[[Clips], Clips] | None = None,
) -> Clips:
    """Make clips on the device from uint8 frames (B, T, H, W, C) and their extras.

    Bytes are transferred, which are four times smaller than floats; conversion to ``dtype`` happens
    on the device. ``augment`` gets the frames in 0..1, before they are scaled to ``spec.range``.
    """
    low, high = spec.range
    frames = frames_BTHWC.to(device, non_blocking=True).permute(0, 4, 1, 2, 3).to(dtype)
    flow, boxes, given = extras
    if flow is not None:
        flow = _floats(flow.to(device, non_blocking=True)).permute(0, 4, 1, 2, 3)
    if boxes is not None:
        boxes = tuple(one.to(device, non_blocking=True) for one in boxes)
    if given is not None:
        given = {name: tuple(one.to(device) for one in rows) for name, rows in given.items()}
    if augment is None:
        return Clips(frames.mul_((high - low) / 255).add_(low), flow, boxes, given=given)
    clips = augment(Clips(frames.mul_(1 / 255), flow, boxes, given=given))
    return replace(clips, frames=clips.frames.mul(high - low).add_(low))


def _floats(clips_BT: Tensor) -> Tensor:
    """Return clips as float32; if they are views of consecutive frames, so is the result."""
    batch, count = clips_BT.shape[:2]
    if clips_BT.stride(0) != clips_BT.stride(1):
        return clips_BT.float()
    frames = clips_BT.as_strided((batch + count - 1, *clips_BT.shape[2:]), clips_BT.stride()[1:])
    return frames.float().unfold(0, count, 1).movedim(-1, 1)
