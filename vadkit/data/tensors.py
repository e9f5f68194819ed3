"""Clips as tensors: the input of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
