"""A uniform random sample of a stream of rows, with a limited size."""

from __future__ import annotations

import torch
from torch import Tensor


class Reservoir:
    """Keeps at most ``size`` of all rows, each with the same probability.

    Each row gets a random number, and those with the highest are kept. The numbers come from a
    generator with a fixed seed, so the same rows give the same sample. Rows are kept on the CPU.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._columns: list[tuple[Tensor, ...]] = []
        self._lots: list[Tensor] = []
        self._draw = torch.Generator().manual_seed(0)

    def __len__(self) -> int:
        """The number of rows, up to twice the size plus one batch between samplings."""
        return sum(map(len, self._lots))

    def add(self, *columns: Tensor) -> None:
        """Add rows as one or more tensors of the same length; always with the same columns."""
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
        """Return the columns of the sample and clear the reservoir; () if there are no rows."""
        if not self._columns:
            return ()
        self._thin()
        (columns,) = self._columns
        self._columns, self._lots = [], []
        return columns
