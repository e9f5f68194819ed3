"""Distances to the nearest training rows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vadkit.densities.density import Density
from vadkit.errors import RecipeError, TrainingError

# The number of lists of an inverted file that a search looks through.
_PROBES = 16
# The length of projected rows for choosing a coreset.
_PROJECTED = 128


class Knn(Density):
    """Mean Euclidean distance to the ``k`` nearest training rows.

    ``index: exact`` is scikit-learn's search, which uses a tree for rows of up to 15 numbers and
    all distances for longer ones. ``index: faiss`` is an inverted file (``pip install
    'vadkit[faiss]'``), which searches only a part of the rows, for banks of a hundred thousand rows
    or more. ``coreset`` keeps this many rows that are far from each other, as in PatchCore (Roth et
    al., CVPR 2022): frequent rows take less of the bank, and rare rows stay in it.
    """

    adds: ClassVar[bool] = True
    bank: Tensor

    def __init__(
        self,
        *,
        k: Annotated[int, Field(ge=1)] = 1,
        coreset: Annotated[int, Field(ge=1)] | None = None,
        index: Literal["exact", "faiss"] = "exact",
    ) -> None:
        super().__init__()
        if index == "faiss":
            _faiss()
        self.k, self.coreset, self.index = k, coreset, index
        self.register_buffer("bank", torch.zeros(0, 0))
        self._search: Any = None

    def fit(self, rows_NF: Tensor) -> None:
        """Raises ``TrainingError`` for fewer rows than ``k``."""
        rows = rows_NF
        if self.coreset is not None and len(rows) > self.coreset:
            rows = rows[farthest_points(rows, self.coreset)]
        if len(rows) < self.k:
            raise TrainingError(f"knn: {len(rows)} rows are too few for k = {self.k}")
        self.keep(bank=rows)
        self._search = None

    def add(self, rows_NF: Tensor) -> None:
        """Add rows to the bank; each is then at a distance of 0, if ``k`` is 1."""
        self.keep(bank=torch.cat([self.bank, rows_NF.to(self.bank)]))
        self._search = None

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._search = None
        super()._load_from_state_dict(*args, **kwargs)

    def forward(self, rows_NF: Tensor) -> Tensor:
        if not len(rows_NF):
            return rows_NF.new_zeros(0)
        if self._search is None:
            bank = self.bank.cpu().numpy()
            self._search = _exact(bank) if self.index == "exact" else _inverted_file(bank)
        distances = self._search(rows_NF.float().cpu().numpy(), self.k)
        return torch.from_numpy(distances.mean(axis=1)).to(rows_NF.device, torch.float32)


def _exact(bank: np.ndarray) -> Any:
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors().fit(bank)
    return lambda rows, k: neighbours.kneighbors(rows, n_neighbors=k)[0]


def _inverted_file(bank: np.ndarray) -> Any:
    faiss = _faiss()
    # As many lists as rows in each, but not so many that k-means has too few rows.
    lists = max(1, min(round(len(bank) ** 0.5), len(bank) // 39))
    index = faiss.index_factory(bank.shape[1], f"IVF{lists},Flat")
    index.train(bank)
    index.add(bank)
    index.nprobe = _PROBES

    def search(rows: np.ndarray, k: int) -> np.ndarray:
        squares = index.search(rows, k)[0]
        distances: np.ndarray = np.sqrt(np.clip(squares, 0, None))
        return distances

    return search


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise RecipeError(
            "knn: index: faiss needs faiss; install it with: pip install 'vadkit[faiss]', or "
            "choose index: exact"
        ) from None
    return faiss


def farthest_points(rows_NF: Tensor, count: int) -> Tensor:
    """Return numbers (count,) of rows, each the farthest from those before it; the first is row 0.

    Rows of more than 128 numbers are compared by random projections (Johnson and Lindenstrauss),
    which nearly keep distances.
    """
    rows = rows_NF.float()
    if rows.shape[1] > _PROJECTED:
        draw = torch.Generator().manual_seed(0)
        rows = rows @ (torch.randn(rows.shape[1], _PROJECTED, generator=draw) / _PROJECTED**0.5)
    chosen = [0]
    nearest = (rows - rows[0]).square().sum(dim=1)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (rows - rows[chosen[-1]]).square().sum(dim=1))
    return torch.tensor(chosen)
