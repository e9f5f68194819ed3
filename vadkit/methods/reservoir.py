"""A fair sample of what comes by, of bounded size."""

from __future__ import annotations

import torch
from torch import Tensor


class Reservoir:
    """At most ``size`` of all rows that come, each as likely to be kept as another.

    Each row gets a random number, and those with the highest stay; the numbers come from a
    generator with a fixed seed, so the same rows give the same sample. Kept on the CPU.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._columns: list[tuple[Tensor, ...]] = []
        self._lots: list[Tensor] = []
        self._draw = torch.Generator().manual_seed(0)

    def __len__(self) -> int:
        """Rows held, up to twice the size and one batch between samples."""
        return sum(map(len, self._lots))

    def add(self, *columns: Tensor) -> None:
        """Rows as one or more tensors of one length; the same columns every time."""
        self._columns.append(tuple(column.detach().cpu() for column in columns))
        self._lots.append(torch.rand(len(columns[0]), generator=self._draw))
        if len(self) > 2 * self.size:
            self._thin()

    def _thin(self) -> None:
        lots = torch.cat(self._lots)
        chosen = lots.topk(min(self.size, len(lots))).indices
        joined = [torch.cat(parts) for parts in zip(*self._columns, strict=True)]
        self._columns, self._lots = [tuple(one[chosen] for one in joined)], [lots[chosen]]

    def take(self) -> tuple[Tensor, ...]:
        """The columns of the sample, which the reservoir then forgets; () where nothing came."""
        if not self._columns:
            return ()
        self._thin()
        (columns,) = self._columns
        self._columns, self._lots = [], []
        return columns
