"""The last frames of a stream on the device, so that overlapping clips are views of one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


class Ring:
    """The last ``keep`` values of a stream, numbered from 0; each is written once.

    They lie in a row, with room for as many again; when that is full the row moves to the front,
    which costs one copy a value. So any run of values is one piece of memory.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.count = 0
        self._first = 0
        self._rows: Tensor | None = None

    def append(self, value: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
        """Add a value, converted; the place where it lies is returned, to change it there."""
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
        """Values ``start``, ``start + step``, ... of each clip, (B, frames, ...).

        A view where the clips are evenly apart, so it must not be written to.
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
