"""The last frames of a stream on the device, so that overlapping clips are views of one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


class Ring:
    """The last ``keep`` values of a stream, numbered from 0; each is written once.

    They are contiguous in a buffer of twice the size. When the buffer is full, they move to its
    start, which costs one copy per value. Any range of values is therefore one block of memory.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.count = 0
        self._first = 0
        self._rows: Tensor | None = None

    def append(self, value: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Add a value after conversion; return its place in the buffer, where it may be changed."""
        if self._rows is None:
            self._rows = torch.empty(2 * self.keep, *value.shape, dtype=dtype, device=device)
        if self.count - self._first == len(self._rows):
            kept = self.keep - 1
            self._rows[:kept] = self._rows[len(self._rows) - kept :]
            self._first = self.count - kept
        row = self._rows[self.count - self._first]
        row.copy_(value, non_blocking=True)
        self.count += 1
        return row

    def clips(self, starts: Sequence[int], frames: int, step: int = 1) -> Tensor:
        """Return values ``start``, ``start + step``, ... of each clip, (B, frames, ...).

        It is a view if the clips are evenly spaced, so do not write to it.
        """
        assert self._rows is not None
        hops = {after - before for before, after in pairwise(starts)}
        first = starts[0] - self._first
        assert first >= 0 and starts[-1] + (frames - 1) * step < self.count
        if len(hops) > 1:
            places = torch.tensor(starts)[:, None] - self._first + torch.arange(frames) * step
            return self._rows[places.to(self._rows.device)]
        row = self._rows.stride(0)
        return self._rows.as_strided(
            (len(starts), frames, *self._rows.shape[1:]),
            (row * (hops.pop() if hops else 1), row * step, *self._rows.stride()[1:]),
            self._rows.storage_offset() + first * row,
        )
