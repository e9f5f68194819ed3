"""How far the first number of a row lies above what is usual near the place of the row."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from vadkit.densities.density import Density
from vadkit.errors import TrainingError

# Numbers that never varied in training still count: the least deviation, as a share of the mean.
_LEAST = 1e-3


class AboveNearby(Density):
    """Deviation of a row's first number from that of the ``k`` training rows that are nearest.

    The other numbers of a row are its place; the nearest rows are those at the smallest Euclidean
    distance between places. The result is (value - mean) / standard deviation over them: unlike a
    density, it is high only for values above the usual ones, so slow or small objects are not
    rare. With fewer training rows than ``k``, all of them count.
    """

    bank: Tensor

    def __init__(self, *, k: Annotated[int, Field(ge=2)] = 2000) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("bank", torch.zeros(0, 0))
        self._search: Any = None

    def fit(self, rows_NF: Tensor) -> None:
        """Raises ``TrainingError`` for fewer than 2 rows, or for rows without a place."""
        if len(rows_NF) < 2 or rows_NF.shape[1] < 2:
            raise TrainingError(
                f"above-nearby: {len(rows_NF)} rows of {rows_NF.shape[1]} numbers; needs 2 or more "
                "with a value and a place"
            )
        self.keep(bank=rows_NF)
        self._search = None

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._search = None
        super()._load_from_state_dict(*args, **kwargs)

    def forward(self, rows_NF: Tensor) -> Tensor:
        if not len(rows_NF):
            return rows_NF.new_zeros(0)
        if self._search is None:
            from sklearn.neighbors import NearestNeighbors

            self._search = NearestNeighbors().fit(self.bank[:, 1:].cpu().numpy())
        places = rows_NF[:, 1:].float().cpu().numpy()
        nearest = self._search.kneighbors(
            places, n_neighbors=min(self.k, len(self.bank)), return_distance=False
        )
        values = self.bank[:, 0].cpu().double()[torch.from_numpy(nearest)]
        mean = values.mean(dim=1)
        deviation = torch.maximum(values.std(dim=1), _LEAST * mean.abs() + 1e-9)
        return ((rows_NF[:, 0].cpu() - mean) / deviation).to(rows_NF.device, torch.float32)
