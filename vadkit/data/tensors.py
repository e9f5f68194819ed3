"""Clips and bags as tensors: the input of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


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

    @property
    def device(self) -> torch.device:
        """The device of the frames."""
        return self.frames.device

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


@dataclass(frozen=True)
class Bags:
    """A batch of videos as sequences of segments, on the method's device.

    ``features`` is (B, T, D) float32, a row for each segment of a video in order of time. ``mask``
    (B, T) is True for segments and False for padding, whose features are 0. ``labels`` (B,) float32
    is 1 for an abnormal video. ``classes`` (B,) int64 is 0 for a normal video, else one more than
    the place of its kind in ``ClipSpec.classes``; None if the kinds are unknown. In training, the
    first half of a batch is normal and the second half is abnormal, video n next to n + B / 2.
    """

    features: Tensor
    mask: Tensor
    labels: Tensor
    classes: Tensor | None = None

    def __len__(self) -> int:
        """The number of videos."""
        return len(self.features)

    @property
    def device(self) -> torch.device:
        """The device of the features."""
        return self.features.device
